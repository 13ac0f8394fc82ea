//! Jobs that wait for the protection rules of their environment, and what Apps said of them.
//!
//! A custom rule is an App that is asked; a required reviewer is only a flag that somebody takes away.

use std::collections::BTreeSet;

use serde_json::json;

use super::State;
use super::actions::WorkflowRun;
use super::deployments::{Deployment, DeploymentStatus};
use crate::access::Actor;
use crate::error::{Outcome, Refusal};
use crate::git;

/// Most reports without a verdict for one run and environment.
const MOST_REPORTS: usize = 10;
/// Longest comment, in characters.
const LONGEST: usize = 1024;

/// A job that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) environment: String,
    pub(crate) deployment: u64,
    /// Apps that have not answered.
    pub(crate) unanswered: BTreeSet<u64>,
    /// A person has to approve as well.
    pub(crate) reviewer: bool,
}

/// What an App said of a job.
#[derive(Debug, Clone)]
pub(crate) struct GateAnswer {
    pub(crate) environment: String,
    /// None: a report without a verdict.
    pub(crate) state: Option<String>,
    pub(crate) comment: String,
}

impl State {
    /// A run begins whose one job deploys to an environment; it waits where the environment has rules. The run's id.
    pub(crate) fn start_job(
        &mut self,
        repo: u64,
        by: Actor,
        (path, branch, event): (&str, &str, &'static str),
        environment: &str,
    ) -> Outcome<u64> {
        let opened = git::open(&self.repo(repo)?.dir)?;
        let sha = git::commit_at(&opened, branch).ok_or_else(Refusal::not_found)?.to_string();
        let (id, now) = (self.big_id(), self.now());
        let number = self.repo(repo)?.workflow_runs.values().filter(|run| run.path == path).count() as u64 + 1;
        let run = WorkflowRun {
            id,
            number,
            path: path.to_owned(),
            branch: branch.to_owned(),
            sha,
            event,
            conclusion: None,
            by,
            created_at: now,
            updated_at: now,
            waiting: Vec::new(),
            told: Vec::new(),
        };
        self.repo_mut(repo)?.workflow_runs.insert(id, run);
        self.next_job(repo, id, environment)?;
        Ok(id)
    }

    /// The next job of a run deploys to an environment.
    pub(crate) fn next_job(&mut self, repo: u64, run: u64, environment: &str) -> Outcome<()> {
        let found = self.workflow_run(repo, run)?;
        let (sha, refname, by, event) = (found.sha.clone(), found.branch.clone(), found.by, found.event);
        let (id, status, now) = (self.big_id(), self.big_id(), self.now());
        let rules = self.repo_mut(repo)?.environments.entry(environment.to_owned()).or_default();
        let (gates, reviewer) = (rules.gates.clone(), rules.reviewer);
        let waits = reviewer || !gates.is_empty();
        let deployment = Deployment {
            id,
            sha,
            refname,
            task: "deploy".to_owned(),
            payload: json!({}),
            environment: environment.to_owned(),
            description: None,
            production: environment == "production",
            transient: false,
            by,
            created_at: now,
            updated_at: now,
            statuses: Vec::new(),
        };
        self.put_deployment(repo, deployment)?;
        let state = if waits { "pending" } else { "in_progress" };
        self.job_status(repo, run, id, (status, state))?;
        if !waits {
            return Ok(());
        }
        let waiting =
            Waiting { environment: environment.to_owned(), deployment: id, unanswered: gates.clone(), reviewer };
        self.run_mut(repo, run)?.waiting.push(waiting);
        let face = self.web_face();
        let callback = format!("{}/actions/runs/{run}/deployment_protection_rule", face.repo_url(repo));
        let more = json!({
            "environment": environment, "event": event, "deployment_callback_url": callback,
            "deployment": face.deployment(repo, id), "pull_requests": [],
        });
        for app in gates {
            self.emit_to(Some(app), repo, ("deployment_protection_rule", Some("requested")), by, more.clone());
        }
        Ok(())
    }

    fn run_mut(&mut self, repo: u64, id: u64) -> Outcome<&mut WorkflowRun> {
        self.repo_mut(repo)?.workflow_runs.get_mut(&id).ok_or_else(Refusal::not_found)
    }

    fn job_status(&mut self, repo: u64, run: u64, deployment: u64, (id, state): (u64, &str)) -> Outcome<()> {
        let log_url = format!("{}/actions/runs/{run}/job/{deployment}", self.web_face().repo_page(repo));
        let by = self.workflow_run(repo, run)?.by;
        let status = DeploymentStatus {
            id,
            state: state.to_owned(),
            description: String::new(),
            log_url,
            environment_url: String::new(),
            by,
            at: self.now(),
        };
        self.put_deployment_status(repo, deployment, status, false)
    }

    /// An App answers for its own rule.
    pub(crate) fn answer_gate(
        &mut self,
        repo: u64,
        run: u64,
        app: u64,
        (environment, state, comment): (&str, Option<&str>, String),
    ) -> Outcome<()> {
        let now = self.now();
        let found = self.run_mut(repo, run)?;
        let asked = |waiting: &Waiting| waiting.environment == environment && waiting.unanswered.contains(&app);
        if !found.waiting.iter().any(asked) {
            return Err(Refusal::new(422, "There are no pending custom deployment protection rules for this App."));
        }
        if comment.chars().count() > LONGEST {
            return Err(Refusal::new(422, "The comment is too long."));
        }
        let reports = found.told.iter().filter(|told| told.environment == environment && told.state.is_none()).count();
        if state.is_none() && reports >= MOST_REPORTS {
            return Err(Refusal::new(422, "Too many status reports."));
        }
        let told = GateAnswer { environment: environment.to_owned(), state: state.map(str::to_owned), comment };
        found.told.push(told);
        match state {
            None => Ok(()),
            Some("approved") => {
                for waiting in found.waiting.iter_mut().filter(|waiting| waiting.environment == environment) {
                    waiting.unanswered.remove(&app);
                }
                self.go_on(repo, run)
            }
            Some(_) => {
                found.conclusion = Some("failure".to_owned());
                found.updated_at = now;
                let waiting = std::mem::take(&mut found.waiting);
                for job in waiting {
                    let id = self.big_id();
                    self.job_status(repo, run, job.deployment, (id, "failure"))?;
                }
                Ok(())
            }
        }
    }

    /// A person approves what waits in a run.
    pub(crate) fn review_jobs(&mut self, repo: u64, run: u64) -> Outcome<()> {
        for waiting in &mut self.run_mut(repo, run)?.waiting {
            waiting.reviewer = false;
        }
        self.go_on(repo, run)
    }

    /// Jobs that nothing waits for any more begin.
    fn go_on(&mut self, repo: u64, run: u64) -> Outcome<()> {
        let found = self.run_mut(repo, run)?;
        let (waiting, begun): (Vec<_>, Vec<_>) =
            std::mem::take(&mut found.waiting).into_iter().partition(|job| job.reviewer || !job.unanswered.is_empty());
        found.waiting = waiting;
        for job in begun {
            let id = self.big_id();
            self.job_status(repo, run, job.deployment, (id, "in_progress"))?;
        }
        Ok(())
    }
}
