//! What the runner and the workflow say: variables, read once.
//!
//! Nothing is believed here beyond being text; an empty variable is none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_core::domain::{RepoId, RepoName};
use secrecy::{ExposeSecret as _, SecretString};

use crate::faces::exit::{Exit, Report};
use crate::faces::wire::StepCluster;

/// Variables that are secrets: masked before anything is printed, never shown.
const SECRETS: [&str; 4] =
    ["COUNTERSIGN_ACTION_TOKEN", "COUNTERSIGN_SIGNING_KEY", "SOPS_AGE_KEY", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];

/// What a secret of a target has behind its name: where it may go, and whether that may be in a private network.
const BESIDE: [&str; 2] = ["_HOSTS", "_PRIVATE"];

/// Variables of the runner and of `action.yml`.
const KNOWN: [&str; 18] = [
    "ACTION_COMMAND",
    "ACTION_ENVIRONMENT",
    "ACTION_FORMAT",
    "ACTION_ARGS",
    "ACTION_ORDER",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
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
    grants: BTreeMap<String, SecretString>,
    cluster: StepCluster,
}

impl Job {
    /// Reads the environment of this process.
    pub(super) fn from_process() -> Self {
        let all = || {
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        };
        Self::read(|name| std::env::var(name).ok(), &all().collect())
    }

    fn read(variable: impl Fn(&str) -> Option<String>, all: &BTreeMap<String, String>) -> Self {
        let set = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let plain = KNOWN.into_iter().filter_map(|name| Some((name, set(name)?))).collect();
        let secret = SECRETS.into_iter().filter_map(|name| Some((name, set(name)?.into()))).collect();
        let cluster = StepCluster::read(&set);
        let mut grants: BTreeMap<String, SecretString> = BTreeMap::new();
        for name in all.keys().filter_map(|name| name.strip_suffix(BESIDE[0])) {
            let names = std::iter::once(name.to_owned()).chain(BESIDE.map(|end| format!("{name}{end}")));
            grants.extend(names.filter_map(|name| Some((name.clone(), all.get(&name)?.clone().into()))));
        }
        Self { plain, secret, grants, cluster }
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
        let of_targets = self.grants.iter().filter(|(name, _)| !BESIDE.iter().any(|end| name.ends_with(end)));
        let of_targets = of_targets.map(|(_, secret)| secret).chain(self.cluster.secrets());
        self.secret.values().chain(of_targets).map(|secret| secret.expose_secret())
    }

    /// Secrets of targets that the step was given, and what stands beside them.
    pub(super) fn grants(&self) -> impl Iterator<Item = (&str, String)> {
        self.grants.iter().map(|(name, value)| (name.as_str(), value.expose_secret().to_owned()))
    }

    /// The cluster that the step grants.
    pub(super) fn cluster(&self) -> &StepCluster {
        &self.cluster
    }

    /// The order of a server.
    pub(super) fn order(&self) -> Result<&str, Report> {
        self.need("ACTION_ORDER")
    }

    /// Where GitHub gives this job tokens that say who it is, and what for.
    pub(super) fn id_token(&self) -> Result<(&str, SecretString), Report> {
        let token = self.secret.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN").cloned();
        self.get("ACTIONS_ID_TOKEN_REQUEST_URL").zip(token).ok_or_else(|| {
            Report::usage("this job gets no token from GitHub that says who it is")
                .help("give it `permissions: id-token: write`, beside `contents: read`")
        })
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
