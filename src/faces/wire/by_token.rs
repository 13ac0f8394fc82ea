//! An engine that speaks to GitHub by a token it was handed, for one repository: a job of GitHub Actions, or an operator without an App.
//!
//! Nothing of the server is weakened by it: it has a type of settings and a class of keys of its own.

use std::sync::Arc;

use countersign_core::domain::{InstallationId, Oid, Span};
use countersign_core::ledger::{KeyClass, KeyFingerprint, SigningKey, Trust};
use countersign_core::notify::Templates;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{AdoptFault, Given, ServeError, assemble, log_as, shared};
use crate::adapters::desk::HttpDesk;
use crate::adapters::github::{Credentials, GitHubConfig};
use crate::adapters::grants::{GrantTable, StepCluster, StepGrants, StepSecrets};
use crate::adapters::keyring::{KeyringTable, Shared};
use crate::adapters::store;
use crate::engine::ports::Desk;
use crate::engine::{self, Adopted, Engine};
use crate::faces::config::ByToken;

/// Installations have numbers from 1; a token that was handed over belongs to none we know.
const NO_INSTALLATION: InstallationId = InstallationId::new(0);

/// Puts the engine together; asks GitHub nothing yet. Its memory ends with the process.
///
/// # Errors
/// When a part cannot be set up.
pub async fn engine_by_token(config: &ByToken) -> Result<Arc<Engine>, ServeError> {
    let keyring = KeyringTable::new(Arc::default(), Shared::default());
    built(config, Given { grants: Arc::new(GrantTable::new(Arc::default(), Arc::default())), keyring, mailer: None })
        .await
}

/// The same for a job that carries out an order: it opens with the identities, and delivers with the secrets, that its step was
/// given.
///
/// # Errors
/// When a part cannot be set up.
pub async fn engine_for_order(
    config: &ByToken,
    (secrets, cluster): (StepSecrets, StepCluster),
) -> Result<Arc<Engine>, ServeError> {
    let keyring = KeyringTable::new(Arc::default(), shared(&config.sops));
    built(config, Given { grants: Arc::new(StepGrants::new(secrets, cluster)), keyring, mailer: None }).await
}

/// The way of a job to the server that ordered it.
///
/// # Errors
/// When the client cannot be set up.
pub fn desk(address: String, token: SecretString) -> Result<Arc<dyn Desk>, ServeError> {
    let desk = HttpDesk::new(address, token).map_err(|fault| ServeError::Setup(fault.to_string()))?;
    Ok(Arc::new(desk))
}

async fn built(config: &ByToken, given: Given) -> Result<Arc<Engine>, ServeError> {
    log_as(&config.log, config.log_format);
    if let Some(passing) = config.crash_at {
        engine::crash::arm(passing);
    }
    let journal = store::open("sqlite::memory:").await.map_err(|fault| ServeError::Store(fault.to_string()))?;
    let pins: Result<Vec<_>, _> = config.trust.iter().map(|pin| KeyFingerprint::parse(pin)).collect();
    let pins = pins?;
    let (signer, pins) = match &config.signing_key {
        Some(pem) => {
            let signer = SigningKey::from_pem(pem.expose_secret())?;
            let own = vec![signer.fingerprint()];
            (signer, if pins.is_empty() { own } else { pins })
        }
        None => (nobodys_key()?, pins),
    };
    let settings = engine::Settings {
        ledger_ref: config.ledger.clone(),
        // it remembers nothing from run to run, so it cannot know that a ledger was there
        adopt_first_seen: false,
        reconcile: Span::from_seconds(3_600),
        pages: config.github.as_str().to_owned(),
        templates: Templates::ours(),
        trust: Trust::pinned(pins),
        key_class: KeyClass::Action,
        // nobody can report to a job
        public_url: None,
    };
    let github = GitHubConfig {
        api_url: config.github_api.as_str().to_owned(),
        credentials: Credentials::Token {
            secret: config.token.clone(),
            name: config.repo.clone(),
            installation: NO_INSTALLATION,
        },
    };
    let git = (config.data_dir.as_path(), config.github.as_str());
    Ok(assemble((&github, git), given, (signer, settings), journal)?.engine)
}

/// A key that no ledger knows: an engine without one of its own only reads, and what this would sign counts nowhere.
fn nobodys_key() -> Result<SigningKey, ServeError> {
    let mut randomness = Zeroizing::new([0; 32]);
    getrandom::fill(randomness.as_mut())
        .map_err(|error| ServeError::Setup(format!("the system gave no random bytes: {error}")))?;
    Ok(SigningKey::from_randomness(&randomness))
}

/// Adopts a repository for the Action: with a token, and the key the workflow will hold.
///
/// # Errors
/// When a part cannot be set up, or the repository is not adopted.
pub async fn adopt_by_token(config: &ByToken, commit: &Oid) -> Result<Adopted, AdoptFault> {
    let engine = engine_by_token(config).await?;
    Ok(engine.adopt_explicitly(&config.repo, commit).await?)
}
