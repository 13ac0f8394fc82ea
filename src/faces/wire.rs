//! Puts the parts together: the only file that names adapters.
//!
//! Decides nothing and reads nothing but the settings it is given.

mod by_token;
mod local;
mod setup;
mod upkeep;

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_core::domain::{Account, Login, Oid, PrNumber, RepoName, RepoPath};
use countersign_core::facts::VoteKind;
use countersign_core::ledger::{InvalidKey, KeyClass, KeyFingerprint, SigningKey, Trust};
use secrecy::ExposeSecret as _;
use sops_file::KeyPath;
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use self::by_token::{adopt_by_token, desk, engine_by_token, engine_for_order};
pub use self::local::{LocalRepo, example_notice, local_repo, now};
pub use self::setup::set_up;
pub use self::upkeep::{back_up, migrate, schema};
use super::config::{Adopt, Database, LogFormat, ServeConfig, SopsVariables};
use super::server::{self, Listeners, Reception, ServerError, Service};
use crate::adapters::clock::SystemClock;
use crate::adapters::git::{GitConfig, GitRepos};
pub use crate::adapters::github::{AppRegistry, NewApp, NewPull, UserGitHub, UserPull, UserRepo};
use crate::adapters::github::{Credentials, GitHub, GitHubConfig, SignedTokens};
use crate::adapters::grants::GrantTable;
pub use crate::adapters::grants::{StepCluster, StepSecrets};
use crate::adapters::keyring::{KeyringTable, Shared};
use crate::adapters::mail::Smtp;
use crate::adapters::outbound::Outgoing;
use crate::adapters::store;
pub use crate::adapters::store::{CopyError, OpenError, SchemaStep};
use crate::engine::by_hand::{ByHand, ByHandError, Wanted};
use crate::engine::doctor::{Checkup, DoctorError};
use crate::engine::explain::{ExplainError, Explained};
use crate::engine::ports::{Clock, Forge, Grants, Journal, Mailer, Subject};
use crate::engine::readiness::Readiness;
use crate::engine::revoke::RevokeError;
pub use crate::engine::revoke::Revoked;
use crate::engine::{self, AdoptError, Adopted, Engine, Parts, Progress};

/// Turns that run at a time.
const WORKERS: usize = 4;

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The signing key is no Ed25519 key.
    #[error("the signing key cannot be read: {0}\nhelp: make one with `countersign keygen -o FILE`")]
    SigningKey(#[from] InvalidKey),
    /// A fingerprint of `COUNTERSIGN_TRUST` is none.
    #[error("{0}\nhelp: `countersign keygen` and `countersign verify` print fingerprints as `sha256:…`")]
    Trust(#[from] countersign_core::domain::InvalidId),
    /// The store cannot be opened.
    #[error("the store cannot be opened: {0}")]
    Store(String),
    /// A part cannot be set up.
    #[error("{0}")]
    Setup(String),
    /// The server ended.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Runs the server until a signal stops it.
///
/// # Errors
/// When something it needs cannot be set up, or a listener fails.
pub async fn serve(config: ServeConfig) -> Result<(), ServeError> {
    serve_on(config, None).await
}

/// The same, on addresses that are bound already.
///
/// # Errors
/// As [`serve`].
pub async fn serve_on(config: ServeConfig, bound: Option<Listeners>) -> Result<(), ServeError> {
    log(&config);
    if let Some(passing) = config.crash_at {
        engine::crash::arm(passing);
    }
    let metrics = server::metrics::install();
    let metrics = metrics.map_err(|fault| ServeError::Setup(format!("metrics cannot be kept: {fault}")))?;
    let journal = store::open(config.database.address()).await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    let Built { engine, clock, ourselves, readiness } = build(&config, journal.clone())?;
    let poke = Arc::new(Notify::new());
    let tokens = SignedTokens::new(config.github.as_str()).map_err(|fault| ServeError::Setup(fault.to_string()))?;
    let tokens = Arc::new(tokens);
    let service = Arc::new(Service {
        journal: journal.clone(),
        clock: clock.clone(),
        secrets: config.webhook_secrets,
        grants: Arc::new(GrantTable::new(config.grants.clone(), config.clusters.clone())),
        jobs: Some(Reception { engine: engine.clone(), tokens }),
        quiet: config.quiet,
        ledger: config.ledger,
        ourselves,
        readiness,
        poke: poke.clone(),
        metrics,
    });
    let listeners = match bound {
        Some(listeners) => listeners,
        None => Listeners::bind(config.listen, config.admin_listen).await?,
    };
    let stop = CancellationToken::new();
    server::stop_on_signals(stop.clone()).map_err(ServerError::from)?;
    let now = clock.now();
    journal.schedule(&Subject::Installations, now).await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    // whoever reads where it is finds the first look already asked for
    listeners.announce(&mut std::io::stdout()).map_err(ServerError::from)?;
    let turns = engine::run(engine, WORKERS, poke, Arc::new(Progress::default()), stop.clone());
    server::run(listeners, service, stop, turns).await?;
    Ok(())
}

/// Adopts a repository as the operator, with the settings of the server: `countersign adopt --repo OWNER/NAME <full sha>`.
///
/// # Errors
/// When a setting is missing, or the repository is not adopted; the message says which and what to do.
pub async fn adopt(config: ServeConfig, repo: &RepoName, commit: &Oid) -> Result<Adopted, AdoptFault> {
    log(&config);
    let journal = store::open("sqlite::memory:").await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    let built = build(&config, journal)?;
    Ok(built.engine.adopt_explicitly(repo, commit).await?)
}

/// Revokes a value as the operator, with the settings of the server: `countersign revoke-value PATH KEY --at COMMIT`.
///
/// # Errors
/// When a setting is missing, or nothing is revoked; the message says why and what to do.
pub async fn revoke_value(
    config: ServeConfig,
    repo: &RepoName,
    value: (&RepoPath, &KeyPath),
    commit: &Oid,
) -> Result<Vec<Revoked>, RevokeFault> {
    log(&config);
    let journal = store::open("sqlite::memory:").await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    let built = build(&config, journal)?;
    Ok(built.engine.revoke_value(repo, value, commit).await?)
}

/// Why `revoke-value` failed.
#[derive(Debug, Error)]
pub enum RevokeFault {
    /// The parts cannot be set up.
    #[error(transparent)]
    Setup(#[from] ServeError),
    /// Nothing is revoked.
    #[error(transparent)]
    Revoke(#[from] RevokeError),
}

/// Judges a pull request as the server would, with its settings: `countersign explain --pr N`.
///
/// # Errors
/// When a setting is missing, or the change cannot be judged; the message says why and what to do.
pub async fn explained(
    config: ServeConfig,
    repo: &RepoName,
    number: PrNumber,
    supposing: Option<(&Login, VoteKind)>,
) -> Result<Explained, ExplainFault> {
    log(&config);
    let journal = store::open("sqlite::memory:").await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    let built = build(&config, journal)?;
    Ok(built.engine.explained(repo, number, supposing).await?)
}

/// An engine with the settings of the server and a memory of its own, for somebody who only reads.
///
/// # Errors
/// When a part cannot be set up.
pub async fn engine_of_server(config: &ServeConfig) -> Result<Arc<Engine>, ServeError> {
    log(config);
    let journal = store::open("sqlite::memory:").await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    Ok(build(config, journal)?.engine)
}

/// Looks at the App and its repositories as the server would, with its settings: `countersign doctor`.
///
/// # Errors
/// When a setting is missing, or GitHub cannot be asked; the message says why and what to do.
pub async fn checkup(config: ServeConfig, only: Option<&RepoName>) -> Result<Checkup, CheckupFault> {
    log(&config);
    let journal = store::open("sqlite::memory:").await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    let built = build(&config, journal)?;
    Ok(built.engine.checkup(only).await?)
}

/// Why `doctor` failed.
#[derive(Debug, Error)]
pub enum CheckupFault {
    /// The parts cannot be set up.
    #[error(transparent)]
    Setup(#[from] ServeError),
    /// Nothing can be said.
    #[error(transparent)]
    Doctor(#[from] DoctorError),
}

/// Why `explain` failed.
#[derive(Debug, Error)]
pub enum ExplainFault {
    /// The parts cannot be set up.
    #[error(transparent)]
    Setup(#[from] ServeError),
    /// The change cannot be judged.
    #[error(transparent)]
    Explain(#[from] ExplainError),
}

/// Why `adopt` failed.
#[derive(Debug, Error)]
pub enum AdoptFault {
    /// The parts cannot be set up.
    #[error(transparent)]
    Setup(#[from] ServeError),
    /// The repository is not adopted.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
}

/// Has targets delivered now, as the operator, with the settings of the server: `countersign sync`. The server's own store is used
/// where it is there, so that what is under way is known and not done twice.
///
/// # Errors
/// When a setting is missing, or nothing can be delivered; the message says which and what to do.
pub async fn sync(
    config: ServeConfig,
    repo: &RepoName,
    wanted: Wanted<'_>,
    patience: Duration,
    told: impl FnMut(&ByHand),
) -> Result<Vec<ByHand>, SyncFault> {
    log(&config);
    let database = match &config.database {
        Database::Sqlite(url) if !store::exists(url) => "sqlite::memory:",
        Database::Sqlite(_) | Database::Postgres(_) => config.database.address(),
    };
    let journal = store::open(database).await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    let built = build(&config, journal)?;
    Ok(built.engine.sync_by_hand(repo, wanted, patience, told).await?)
}

/// Why `sync` failed.
#[derive(Debug, Error)]
pub enum SyncFault {
    /// The parts cannot be set up.
    #[error(transparent)]
    Setup(#[from] ServeError),
    /// Nothing was delivered.
    #[error(transparent)]
    Sync(#[from] ByHandError),
}

/// The engine and what the server shares with it.
struct Built {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    ourselves: Arc<OnceLock<Account>>,
    readiness: Readiness,
}

fn build(config: &ServeConfig, journal: Arc<dyn Journal>) -> Result<Built, ServeError> {
    let signer = SigningKey::from_pem(config.signing_key.expose_secret())?;
    let setup = |fault: String| ServeError::Setup(fault);
    let settings = engine::Settings {
        ledger_ref: config.ledger.clone(),
        adopt_first_seen: config.adopt == Adopt::FirstSeen,
        reconcile: config.reconcile_interval,
        pages: config.github.as_str().to_owned(),
        templates: local::templates(config.templates_dir.as_deref()).map_err(setup)?,
        trust: trust(&config.trust, &signer)?,
        key_class: KeyClass::Server,
        public_url: config.public_url.as_ref().map(|url| url.as_str().to_owned()),
    };
    let github = GitHubConfig {
        api_url: config.github_api.as_str().to_owned(),
        credentials: Credentials::App { id: config.app_id, private_key: config.private_key.clone() },
    };
    let git = (config.data_dir.as_path(), config.github.as_str());
    let keyring = KeyringTable::new(config.identities.clone(), shared(&config.sops));
    let mailer = config.mail.as_ref().map(Smtp::new).transpose().map_err(|fault| setup(fault.to_string()))?;
    let mailer = mailer.map(|mailer| Arc::new(mailer) as Arc<dyn Mailer>);
    let grants = Arc::new(GrantTable::new(config.grants.clone(), config.clusters.clone()));
    assemble((&github, git), Given { grants, keyring, mailer }, (signer, settings), journal)
}

/// What the operator gave beside the settings.
struct Given {
    grants: Arc<dyn Grants>,
    keyring: KeyringTable,
    mailer: Option<Arc<dyn Mailer>>,
}

/// Puts an engine together, for whichever face.
fn assemble(
    (github, (data_dir, git_url)): (&GitHubConfig, (&Path, &str)),
    given: Given,
    (signer, settings): (SigningKey, engine::Settings),
    journal: Arc<dyn Journal>,
) -> Result<Built, ServeError> {
    let readiness = Readiness::new();
    readiness.signing_key_loaded();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let setup = |fault: String| ServeError::Setup(fault);
    let forge: Arc<dyn Forge> = Arc::new(GitHub::new(github, clock.clone()).map_err(|fault| setup(fault.to_string()))?);
    let git = GitConfig::new(data_dir, git_url).map_err(|fault| setup(fault.to_string()))?;
    let repo = Arc::new(GitRepos::new(git, forge.clone()).map_err(|fault| setup(fault.to_string()))?);
    let ourselves = Arc::new(OnceLock::new());
    let engine = Arc::new(Engine::new(Parts {
        mailer: given.mailer,
        forge,
        repo,
        journal,
        clock: clock.clone(),
        grants: given.grants,
        keyring: Arc::new(given.keyring),
        outbound: Arc::new(Outgoing::new(clock.clone())),
        signer,
        settings,
        ourselves: ourselves.clone(),
        readiness: readiness.clone(),
    }));
    Ok(Built { engine, clock, ourselves, readiness })
}

/// What the variables of sops say, as the keyring takes it.
fn shared(sops: &SopsVariables) -> Shared {
    Shared { key: sops.key.clone(), file: sops.file.clone(), command: sops.command.clone() }
}

/// Pinned roots, or our own key: a server believes no ledger that somebody else began.
fn trust(pins: &[String], signer: &SigningKey) -> Result<Trust, countersign_core::domain::InvalidId> {
    if pins.is_empty() {
        return Ok(Trust::pinned([signer.fingerprint()]));
    }
    let pins: Result<Vec<_>, _> = pins.iter().map(|pin| KeyFingerprint::parse(pin)).collect();
    Ok(Trust::pinned(pins?))
}

/// Logs to stderr: text on a terminal, else one JSON object a line.
fn log(config: &ServeConfig) {
    log_as(&config.log, config.log_format);
}

fn log_as(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let text = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // a second start in one process keeps the first log
    let _kept = if text { registry.with(layer).try_init() } else { registry.with(layer.json()).try_init() };
}
