//! What the runner and the workflow say: variables, read once.
//!
//! Nothing is believed here beyond being text; an empty variable is none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_core::domain::{RepoId, RepoName};
use secrecy::{ExposeSecret as _, SecretString};

use crate::faces::exit::{Exit, Report};

/// Variables that are secrets: masked before anything is printed, never shown.
const SECRETS: [&str; 3] = ["COUNTERSIGN_ACTION_TOKEN", "COUNTERSIGN_SIGNING_KEY", "SOPS_AGE_KEY"];

/// Variables of the runner and of `action.yml`.
const KNOWN: [&str; 16] = [
    "ACTION_COMMAND",
    "ACTION_ENVIRONMENT",
    "ACTION_FORMAT",
    "ACTION_ARGS",
    "GITHUB_EVENT_NAME",
    "GITHUB_EVENT_PATH",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REF",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_ENV",
    "RUNNER_TEMP",
];

/// One job. No `Debug`: it holds secrets.
pub(super) struct Job {
    plain: BTreeMap<&'static str, String>,
    secret: BTreeMap<&'static str, SecretString>,
}

impl Job {
    /// Reads the environment of this process.
    pub(super) fn from_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let plain = KNOWN.into_iter().filter_map(|name| Some((name, set(name)?))).collect();
        let secret = SECRETS.into_iter().filter_map(|name| Some((name, set(name)?.into()))).collect();
        Self { plain, secret }
    }

    /// A variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.plain.get(name).map(String::as_str)
    }

    /// A variable that has to be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Report> {
        self.get(name).ok_or_else(|| {
            Report::usage(format!("`{name}` is not set"))
                .help("`countersign action` runs inside a job of GitHub Actions, as `action.yml` starts it")
        })
    }

    /// Every secret, to mask.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secret.values().map(|secret| secret.expose_secret())
    }

    /// Whether a key of the ledger was given.
    pub(super) fn has_signing_key(&self) -> bool {
        self.secret.contains_key("COUNTERSIGN_SIGNING_KEY")
    }

    /// The token.
    pub(super) fn token(&self) -> Result<SecretString, Report> {
        self.secret.get("COUNTERSIGN_ACTION_TOKEN").cloned().ok_or_else(|| {
            Report::usage("the action has no token").help("leave `github-token` out, or give it a token that is there")
        })
    }

    /// The repository.
    pub(super) fn repository(&self) -> Result<RepoName, Report> {
        RepoName::parse(self.need("GITHUB_REPOSITORY")?).map_err(Report::usage)
    }

    /// Its number.
    pub(super) fn repository_id(&self) -> Result<RepoId, Report> {
        let number = self.need("GITHUB_REPOSITORY_ID")?.parse();
        Ok(RepoId::new(number.map_err(|_| Report::usage("`GITHUB_REPOSITORY_ID` is no number"))?))
    }

    /// The run, for the ledger: `<run>-<attempt>`.
    pub(super) fn run(&self) -> Result<String, Report> {
        Ok(format!("{}-{}", self.need("GITHUB_RUN_ID")?, self.get("GITHUB_RUN_ATTEMPT").unwrap_or("1")))
    }

    /// A path in the folder that ends with the job.
    pub(super) fn temporary(&self, name: &str) -> Result<PathBuf, Report> {
        Ok(PathBuf::from(self.need("RUNNER_TEMP")?).join(name))
    }

    /// The payload of the event.
    pub(super) fn payload(&self) -> Result<Vec<u8>, Report> {
        let path = self.need("GITHUB_EVENT_PATH")?;
        std::fs::read(path).map_err(|error| Report::failed("the payload of the event cannot be read", &error))
    }

    /// Further arguments: one a line, so that nothing is taken apart by a shell.
    pub(super) fn arguments(&self) -> Vec<String> {
        let lines = self.get("ACTION_ARGS").unwrap_or_default().lines();
        lines.map(|line| line.trim_end_matches('\r').to_owned()).filter(|line| !line.trim().is_empty()).collect()
    }

    /// `-e ENV`, if an environment was named.
    pub(super) fn environment(&self) -> Vec<String> {
        self.get("ACTION_ENVIRONMENT").map(|name| vec!["-e".to_owned(), name.trim().to_owned()]).unwrap_or_default()
    }
}

/// The exit code a program of ours ended with.
pub(super) fn ended(status: std::process::ExitStatus) -> Exit {
    status.code().map_or(Exit::FAILED, Exit::of_sops)
}
