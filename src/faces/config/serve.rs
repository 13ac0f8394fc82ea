//! What `countersign serve` runs with: every setting as what it means, or everything that is wrong with them.
//!
//! A server does not start on a doubt: an empty webhook secret, a missing signing key, an address it could not keep a token safe
//! on are refused here.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_core::delivery::WebhookSecrets;
use countersign_core::domain::{RefName, Span};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use secrecy::{ExposeSecret as _, SecretString};
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use super::{ClusterMap, Fault, Faults, GrantMap, IdentityMap, Key, Settings, SopsVariables, mail};
use crate::engine::crash::{self, Passing};
use crate::engine::ports::MailServer;

/// An `http` or `https` address without a trailing slash, user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The address, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// GraphQL of the same GitHub: `…/api/v3` becomes `…/api/graphql`, anything else gets `/graphql`.
    #[must_use]
    pub fn graphql(&self) -> String {
        format!("{}/graphql", self.0.strip_suffix("/v3").unwrap_or(&self.0))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where work is queued.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file of SQLite, as `sqlite:…` address.
    Sqlite(String),
    /// A database of PostgreSQL, as `postgres://…` address, perhaps with a password.
    Postgres(SecretString),
}

impl Database {
    /// Its whole address, with the password: to be opened, not to be shown.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Sqlite(url) => url,
            Self::Postgres(url) => url.expose_secret(),
        }
    }
}

/// How a repository is adopted (`changes.md` 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopt {
    /// By an operator's act.
    Explicit,
    /// Trust on first use.
    FirstSeen,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// For machines, one object a line.
    Json,
}

/// Everything `serve` needs.
pub struct ServeConfig {
    /// Address of the server.
    pub listen: SocketAddr,
    /// Address of pages and metrics.
    pub admin_listen: SocketAddr,
    /// GitHub's API.
    pub github_api: BaseUrl,
    /// GitHub for git and links.
    pub github: BaseUrl,
    /// Number of the App.
    pub app_id: u64,
    /// Private key of the App (PEM).
    pub private_key: SecretString,
    /// Secrets that sign deliveries.
    pub webhook_secrets: WebhookSecrets,
    /// The work table.
    pub database: Database,
    /// Bare clones and spool.
    pub data_dir: PathBuf,
    /// Private key of the ledger (PEM, PKCS#8, Ed25519).
    pub signing_key: SecretString,
    /// Fingerprints of the root key; empty: trust is not pinned.
    pub trust: Vec<String>,
    /// Reference of the ledger.
    pub ledger: RefName,
    /// How repositories are adopted.
    pub adopt: Adopt,
    /// Time between sweeps.
    pub reconcile_interval: Span,
    /// Quiet time after a push.
    pub quiet: Span,
    /// Secrets granted to repositories.
    pub grants: Arc<GrantMap>,
    /// Identities of environments.
    pub identities: Arc<IdentityMap>,
    /// Clusters of environments.
    pub clusters: Arc<ClusterMap>,
    /// Identities for the only repository.
    pub sops: SopsVariables,
    /// The mail server, when there is one.
    pub mail: Option<MailServer>,
    /// Where texts of the operator's own are.
    pub templates_dir: Option<PathBuf>,
    /// Where jobs find this server.
    pub public_url: Option<BaseUrl>,
    /// Tracing filter.
    pub log: String,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Where a test wants the process to die.
    pub crash_at: Option<Passing>,
}

impl ServeConfig {
    /// Reads every setting.
    ///
    /// # Errors
    /// All faults at once, in the order of the settings.
    pub fn read(settings: &Settings) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let read = (
            faults.note(address(settings, Key::Listen)),
            faults.note(address(settings, Key::AdminListen)),
            faults.note(base_url(settings, Key::GithubApiUrl)),
            faults.note(base_url(settings, Key::GithubUrl)),
            faults.note(app_id(settings)),
            faults.note(private_key(settings)),
            faults.note(webhook_secrets(settings)),
            faults.note(database(settings)),
            faults.note(signing_key(settings)),
            faults.note(ledger(settings)),
            faults.note(adopt(settings)),
        );
        let times = (faults.note(interval(settings)), faults.note(span(settings, Key::Quiet)));
        let logs = (faults.note(log(settings)), faults.note(log_format(settings)));
        let mail = faults.note(mail::server(settings));
        let public_url = match settings.text(Key::PublicUrl) {
            Some(_) => faults.note(base_url(settings, Key::PublicUrl)).map(Some),
            None => Some(None),
        };
        let crash_at = faults.note(crash_at(settings, crash::AVAILABLE));
        let (
            (
                Some(listen),
                Some(admin_listen),
                Some(github_api),
                Some(github),
                Some(app_id),
                Some(private_key),
                Some(webhook_secrets),
                Some(database),
                Some(signing_key),
                Some(ledger),
                Some(adopt),
            ),
            (Some(reconcile_interval), Some(quiet)),
            (Some(log), Some(log_format)),
            (Some(mail), Some(crash_at), Some(public_url)),
        ) = (read, times, logs, (mail, crash_at, public_url))
        else {
            return Err(faults);
        };
        let data_dir = PathBuf::from(settings.text(Key::DataDir).unwrap_or_default());
        let trust = settings.text(Key::Trust).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        Ok(Self {
            listen,
            admin_listen,
            github_api,
            github,
            app_id,
            private_key,
            webhook_secrets,
            database,
            data_dir,
            signing_key,
            trust,
            ledger,
            adopt,
            reconcile_interval,
            quiet,
            grants: settings.grants().clone(),
            identities: settings.identities().clone(),
            clusters: settings.clusters().clone(),
            sops: settings.sops().clone(),
            mail,
            templates_dir: mail::templates(settings),
            public_url,
            log,
            log_format,
            crash_at,
        })
    }
}

/// The value, cut for people; never called for a secret.
fn refuse(settings: &Settings, key: Key, expected: &str, help: &str) -> Fault {
    let text: String = settings.text(key).unwrap_or_default().chars().take(80).collect();
    let origin = settings.origin(key).map(|origin| format!(" ({origin})")).unwrap_or_default();
    Fault::new(format!("`{}` is `{text}`, which is not {expected}{origin}", key.name()), help)
}

fn missing(key: Key, what: &str, help: &str) -> Fault {
    Fault::new(format!("{what}: `{}` is not set", key.variable()), help)
}

fn address(settings: &Settings, key: Key) -> Result<SocketAddr, Fault> {
    let text = settings.text(key).unwrap_or_default();
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric
        .parse()
        .map_err(|_| refuse(settings, key, "an address", "write a number address and a port, such as `127.0.0.1:8080`"))
}

pub(super) fn base_url(settings: &Settings, key: Key) -> Result<BaseUrl, Fault> {
    let help = "write an address such as `https://github.example/api/v3`, without user, query or fragment";
    let url = Url::parse(settings.text(key).unwrap_or_default()).ok();
    let plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let Some(url) = url.filter(plain) else {
        // An address with a password in it must not be repeated.
        return Err(Fault::new(format!("`{}` is not an http address", key.name()), help));
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        let help = "use `https://`; plain http is for this machine only, because tokens travel on it";
        return Err(refuse(settings, key, "safe for tokens", help));
    }
    Ok(BaseUrl(url.as_str().trim_end_matches('/').to_owned()))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn app_id(settings: &Settings) -> Result<u64, Fault> {
    let help = "it is the number on the settings page of the GitHub App";
    let text = settings.text(Key::AppId).ok_or_else(|| missing(Key::AppId, "the GitHub App has no number", help))?;
    text.trim().parse().ok().filter(|number| *number > 0).ok_or_else(|| refuse(settings, Key::AppId, "a number", help))
}

/// A PEM from the environment may have lost its line breaks to `\n`.
fn pem(settings: &Settings, key: Key) -> Option<SecretString> {
    let text = settings.secret(key)?.expose_secret().trim();
    let whole = if text.contains('\n') { text.to_owned() } else { text.replace("\\n", "\n") };
    Some(format!("{}\n", whole.trim_end()).into())
}

fn private_key(settings: &Settings) -> Result<SecretString, Fault> {
    let key = Key::PrivateKey;
    let help =
        "download a private key on the settings page of the GitHub App and name it in `COUNTERSIGN_PRIVATE_KEY_FILE`";
    let pem = pem(settings, key).ok_or_else(|| missing(key, "the GitHub App has no private key", help))?;
    let marks = ["-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"];
    if marks.iter().any(|mark| pem.expose_secret().starts_with(mark)) {
        Ok(pem)
    } else {
        Err(Fault::new("`private_key` is not an RSA private key in PEM", help))
    }
}

fn webhook_secrets(settings: &Settings) -> Result<WebhookSecrets, Fault> {
    let text = settings.secret(Key::WebhookSecret).map(|secret| secret.expose_secret()).unwrap_or_default();
    WebhookSecrets::parse(text).map_err(|error| {
        let help = "set `COUNTERSIGN_WEBHOOK_SECRET` to the secret the GitHub App signs deliveries with; without one anybody could";
        Fault::new(error.to_string(), help)
    })
}

/// The database, of settings that need not be enough for a server.
///
/// # Errors
/// When the address names none we know.
pub fn database(settings: &Settings) -> Result<Database, Fault> {
    let text = settings.secret(Key::DatabaseUrl).map(|secret| secret.expose_secret()).unwrap_or_default();
    let help = "use `sqlite:countersign.db`, or `postgres://user:password@host/database`";
    if text.starts_with("sqlite:") && text.len() > "sqlite:".len() {
        Ok(Database::Sqlite(text.to_owned()))
    } else if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        let named = Url::parse(text)
            .is_ok_and(|url| url.path().len() > 1 || url.query_pairs().any(|(name, _)| name == "dbname"));
        if named {
            Ok(Database::Postgres(text.into()))
        } else {
            Err(Fault::new("`database_url` names no database of PostgreSQL", help))
        }
    } else {
        Err(Fault::new("`database_url` names no database we know", help))
    }
}

pub(super) fn signing_key(settings: &Settings) -> Result<SecretString, Fault> {
    let help = "make one with `countersign keygen -o FILE` and name it in `COUNTERSIGN_SIGNING_KEY_FILE`";
    let pem = pem(settings, Key::SigningKey)
        .ok_or_else(|| missing(Key::SigningKey, "the ledger has no signing key", help))?;
    match SigningKey::from_pkcs8_pem(pem.expose_secret()) {
        Ok(_) => Ok(pem),
        Err(_) => Err(Fault::new("`signing_key` is not an Ed25519 private key in PEM (PKCS#8)", help)),
    }
}

pub(super) fn ledger(settings: &Settings) -> Result<RefName, Fault> {
    let key = Key::LedgerRef;
    RefName::parse(settings.text(key).unwrap_or_default()).map_err(|_| {
        refuse(settings, key, "a full reference", "write it in full, such as `refs/heads/countersign/ledger`")
    })
}

fn adopt(settings: &Settings) -> Result<Adopt, Fault> {
    match settings.text(Key::Adopt) {
        None => Ok(Adopt::Explicit),
        Some("first-seen") => Ok(Adopt::FirstSeen),
        Some(_) => Err(refuse(settings, Key::Adopt, "a way to adopt", "unset it, or write `first-seen`")),
    }
}

fn span(settings: &Settings, key: Key) -> Result<Span, Fault> {
    let text = settings.text(key).unwrap_or_default();
    text.trim().parse().map_err(|_| refuse(settings, key, "a span of time", "write it as `30s`, `10m`, `8h` or `7d`"))
}

fn interval(settings: &Settings) -> Result<Span, Fault> {
    let key = Key::ReconcileInterval;
    let span = span(settings, key)?;
    if span.seconds() > 0 {
        Ok(span)
    } else {
        Err(refuse(settings, key, "a span between sweeps", "write at least `1s`"))
    }
}

pub(super) fn log(settings: &Settings) -> Result<String, Fault> {
    let text = settings.text(Key::Log).unwrap_or_default();
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(refuse(settings, Key::Log, "a tracing filter", "write it as `info` or `countersign=debug,info`")),
    }
}

pub(super) fn log_format(settings: &Settings) -> Result<LogFormat, Fault> {
    match settings.text(Key::LogFormat) {
        None => Ok(LogFormat::Auto),
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(_) => Err(refuse(settings, Key::LogFormat, "a format", "write `text` or `json`")),
    }
}

/// A program that was not built to die at will does not start with the switch set: whoever set it would wait for a test that never runs.
pub(super) fn crash_at(settings: &Settings, available: bool) -> Result<Option<Passing>, Fault> {
    let Some(text) = settings.crash_at() else { return Ok(None) };
    if !available {
        let help = "unset it; only a debug build, or one with the feature `crash-points`, can be made to crash";
        return Err(Fault::new("`COUNTERSIGN_CRASH_AT` is set, and this program does not crash on demand", help));
    }
    let named = |error: crash::UnknownPoint| {
        let points: Vec<_> = crash::Point::ALL.iter().map(|point| point.name()).collect();
        Fault::new(
            format!("`COUNTERSIGN_CRASH_AT`: {error}"),
            format!("write `<name>[:<n>]` with one of {}", points.join(", ")),
        )
    };
    text.parse().map(Some).map_err(named)
}
