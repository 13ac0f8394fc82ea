//! What GitHub says of a job in the token it gives it (OpenID Connect), and whether that is the job we started.
//!
//! Whether GitHub signed the token is for whoever has its keys; here only what it says is judged. Every claim that is missing is a
//! wrong one.
//!
//! Source: GitHub's "OpenID Connect reference": `repository_id`, `ref`, `event_name`, `workflow_ref`, `run_id` are texts.

use serde::Deserialize;
use thiserror::Error;

use crate::domain::{RefName, RepoId, RepoName, RunId, Span, Timestamp};

/// GitHub's clocks and ours differ.
const SKEW: Span = Span::from_seconds(60);

/// What a token says. The audience and the issuer are checked with the signature.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct JobClaims {
    repository_id: String,
    r#ref: String,
    event_name: String,
    workflow_ref: String,
    job_workflow_ref: String,
    run_id: String,
    exp: i64,
    nbf: i64,
}

/// The job we started.
#[derive(Debug, Clone, Copy)]
pub struct JobWanted<'a> {
    /// Its repository.
    pub repository: (RepoId, &'a RepoName),
    /// The branch its workflow is taken from.
    pub branch: &'a RefName,
    /// The workflow's file below `.github/workflows/`.
    pub file: &'a str,
}

/// Why a token is not that of the job we started. Nothing of the token is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JobFault {
    /// Outside its time.
    #[error("the token of the job is not valid now")]
    Time,
    /// Of another repository.
    #[error("the token is of a job in another repository")]
    Repository,
    /// Not on the default branch.
    #[error("the token is of a job on another branch than the default one")]
    Branch,
    /// Started by something else than a dispatch.
    #[error("the token is of a job that no dispatch started")]
    Event,
    /// Of another workflow, or of the default branch's by name only.
    #[error("the token is of another workflow than the one the policy names")]
    Workflow,
    /// No number of a run.
    #[error("the token names no run")]
    Run,
}

impl JobFault {
    /// The next action, as the end of "help: …".
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Time => "set the clock of the server, or ask for a new token",
            Self::Repository | Self::Event => "only the job that the server started reports to it",
            Self::Branch | Self::Workflow => {
                "keep the workflow on the default branch, under the name that `runner` in the policy gives it, and in no reusable workflow"
            }
            Self::Run => "ask GitHub for a token inside a job, with `id-token: write`",
        }
    }
}

impl JobClaims {
    /// Whether this is a job of the workflow we start; the run it belongs to.
    ///
    /// # Errors
    /// The first claim that is another.
    pub fn check(&self, wanted: JobWanted<'_>, now: Timestamp) -> Result<RunId, JobFault> {
        let seconds = i64::try_from(SKEW.seconds()).unwrap_or_default();
        if self.exp <= now.seconds() - seconds || self.nbf > now.seconds() + seconds {
            return Err(JobFault::Time);
        }
        let (id, name) = wanted.repository;
        if self.repository_id != id.to_string() {
            return Err(JobFault::Repository);
        }
        if self.r#ref != wanted.branch.to_string() {
            return Err(JobFault::Branch);
        }
        if self.event_name != "workflow_dispatch" {
            return Err(JobFault::Event);
        }
        let path = format!("{name}/.github/workflows/{}@{}", wanted.file, wanted.branch);
        // a job of a reusable workflow runs a text that this branch does not hold
        if !self.workflow_ref.eq_ignore_ascii_case(&path) || !self.job_workflow_ref.eq_ignore_ascii_case(&path) {
            return Err(JobFault::Workflow);
        }
        self.run_id.parse().map(RunId::new).map_err(|_| JobFault::Run)
    }

    /// The repository it names, to be looked for before anything else is.
    #[must_use]
    pub fn is_of(&self, repo: RepoId) -> bool {
        self.repository_id == repo.to_string()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const FILE: &str = "acme/app/.github/workflows/countersign-sync.yml@refs/heads/main";

    fn claims() -> Value {
        json!({
            "iss": "https://token.actions.githubusercontent.com", "aud": "https://cs.example", "sub": "repo:acme/app:environment:production",
            "repository": "acme/app", "repository_id": "101", "ref": "refs/heads/main", "event_name": "workflow_dispatch",
            "workflow_ref": FILE, "job_workflow_ref": FILE, "run_id": "4711", "exp": 1_300, "nbf": 1_000,
        })
    }

    fn checked(claims: Value, now: i64) -> Result<RunId, JobFault> {
        let claims: JobClaims = serde_json::from_value(claims).unwrap();
        let (name, branch) = (RepoName::parse("Acme/app").unwrap(), RefName::parse("refs/heads/main").unwrap());
        let repository = (RepoId::new(101), &name);
        let wanted = JobWanted { repository, branch: &branch, file: "countersign-sync.yml" };
        claims.check(wanted, Timestamp::from_seconds(now))
    }

    #[test]
    fn the_job_we_started_is_believed() {
        for now in [941, 1_000, 1_359] {
            assert_eq!(checked(claims(), now), Ok(RunId::new(4_711)), "{now}");
        }
    }

    #[test]
    fn every_other_job_is_refused_by_name() {
        let other = "acme/app/.github/workflows/countersign-sync.yml@refs/heads/rita";
        let reusable = "acme/shared/.github/workflows/countersign-sync.yml@refs/heads/main";
        let cases = [
            ("repository_id", json!("102"), JobFault::Repository),
            ("ref", json!("refs/heads/rita"), JobFault::Branch),
            ("ref", json!("refs/tags/main"), JobFault::Branch),
            ("event_name", json!("push"), JobFault::Event),
            ("event_name", json!("pull_request_target"), JobFault::Event),
            ("workflow_ref", json!(other), JobFault::Workflow),
            ("workflow_ref", json!(FILE.replace("countersign-sync", "deploy")), JobFault::Workflow),
            ("job_workflow_ref", json!(reusable), JobFault::Workflow),
            ("run_id", json!("latest"), JobFault::Run),
            ("exp", json!(900), JobFault::Time),
            ("nbf", json!(1_200), JobFault::Time),
        ];
        for (name, value, fault) in cases {
            let mut changed = claims();
            changed[name] = value;
            assert_eq!(checked(changed, 1_000), Err(fault), "{name}");
            let mut without = claims();
            without.as_object_mut().unwrap().remove(name);
            // a token without a beginning is valid from the first second on; its end is checked all the same
            assert_eq!(checked(without, 1_000).is_ok(), name == "nbf", "{name}");
        }
        let helps = [JobFault::Time, JobFault::Repository, JobFault::Branch, JobFault::Run].map(JobFault::help);
        for (help, names) in helps.iter().zip(["clock", "only the job", "default branch", "id-token"]) {
            assert!(help.contains(names), "{help}");
        }
    }
}
