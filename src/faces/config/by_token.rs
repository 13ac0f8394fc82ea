//! What a face without an App runs with: a token for one repository, and the same settings as the server where they mean the same.

use std::path::PathBuf;

use countersign_core::domain::{RefName, RepoName};
use secrecy::SecretString;

use super::serve::{base_url, crash_at, ledger, log, log_format, signing_key};
use super::{BaseUrl, Faults, Key, LogFormat, Settings, SopsVariables};
use crate::engine::crash::{self, Passing};

/// A token, and what goes with it.
pub struct ByToken {
    /// GitHub's API.
    pub github_api: BaseUrl,
    /// GitHub for git and links.
    pub github: BaseUrl,
    /// The token.
    pub token: SecretString,
    /// The one repository.
    pub repo: RepoName,
    /// Private key of the ledger (PEM, PKCS#8, Ed25519); without one nothing is written.
    pub signing_key: Option<SecretString>,
    /// Fingerprints of the root key.
    pub trust: Vec<String>,
    /// Reference of the ledger.
    pub ledger: RefName,
    /// Bare clones.
    pub data_dir: PathBuf,
    /// What the variables of sops say: used for orders alone.
    pub sops: SopsVariables,
    /// Where a test wants the process to die.
    pub crash_at: Option<Passing>,
    /// Tracing filter.
    pub log: String,
    /// How logs are written.
    pub log_format: LogFormat,
}

impl ByToken {
    /// Reads what the settings say; the rest is the caller's.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(settings: &Settings, token: SecretString, repo: RepoName, data_dir: PathBuf) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let addresses = (
            faults.note(base_url(settings, Key::GithubApiUrl)),
            faults.note(base_url(settings, Key::GithubUrl)),
            faults.note(ledger(settings)),
        );
        let logs = (faults.note(log(settings)), faults.note(log_format(settings)));
        let crash_at = faults.note(crash_at(settings, crash::AVAILABLE));
        let key = match settings.secret(Key::SigningKey) {
            Some(_) => faults.note(signing_key(settings)).map(Some),
            None => Some(None),
        };
        let (Some(github_api), Some(github), Some(ledger)) = addresses else { return Err(faults) };
        let ((Some(log), Some(log_format)), Some(signing_key)) = (logs, key) else { return Err(faults) };
        let Some(crash_at) = crash_at else { return Err(faults) };
        let trust = settings.text(Key::Trust).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let sops = settings.sops().clone();
        Ok(Self {
            github_api,
            github,
            token,
            repo,
            signing_key,
            trust,
            ledger,
            data_dir,
            sops,
            crash_at,
            log,
            log_format,
        })
    }
}
