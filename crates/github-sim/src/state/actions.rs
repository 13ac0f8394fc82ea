//! Workflow runs: started by dispatches, ended by whoever plays the runner. No job is ever run.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::State;
use super::gates::{GateAnswer, Waiting};
use crate::access::Actor;
use crate::error::{Outcome, Refusal};

/// One run of a workflow.
#[derive(Debug, Clone)]
pub(crate) struct WorkflowRun {
    pub(crate) id: u64,
    pub(crate) number: u64,
    /// Path of the workflow file.
    pub(crate) path: String,
    pub(crate) branch: String,
    pub(crate) sha: String,
    pub(crate) event: &'static str,
    /// How it ended; None: it has not.
    pub(crate) conclusion: Option<String>,
    pub(crate) by: Actor,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// Jobs that wait for the rules of their environment.
    pub(crate) waiting: Vec<Waiting>,
    /// What Apps said of such jobs, oldest first.
    pub(crate) told: Vec<GateAnswer>,
}

impl WorkflowRun {
    /// GitHub's word for how it stands.
    pub(crate) fn status(&self) -> &'static str {
        match (&self.conclusion, self.waiting.as_slice()) {
            (Some(_), _) => "completed",
            (None, []) => "in_progress",
            (None, _) => "waiting",
        }
    }
}

impl State {
    /// A workflow run by id.
    pub(crate) fn workflow_run(&self, repo: u64, id: u64) -> Outcome<&WorkflowRun> {
        self.repo(repo)?.workflow_runs.get(&id).ok_or_else(Refusal::not_found)
    }

    /// Starts a run of a workflow and tells about it; its id.
    pub(crate) fn start_workflow(
        &mut self,
        repo: u64,
        by: Actor,
        (path, branch, sha): (String, String, String),
        inputs: &Value,
    ) -> Outcome<u64> {
        let (id, now) = (self.big_id(), self.now());
        let here = self.repo_mut(repo)?;
        let number = here.workflow_runs.values().filter(|run| run.path == path).count() as u64 + 1;
        here.dispatches.push(json!({"workflow": path, "ref": branch, "inputs": inputs}));
        let more = json!({"workflow": path, "ref": format!("refs/heads/{branch}"), "inputs": inputs});
        let run = WorkflowRun {
            id,
            number,
            path,
            branch,
            sha,
            event: "workflow_dispatch",
            conclusion: None,
            by,
            created_at: now,
            updated_at: now,
            waiting: Vec::new(),
            told: Vec::new(),
        };
        here.workflow_runs.insert(id, run);
        self.emit(repo, "workflow_dispatch", None, by, more);
        Ok(id)
    }

    /// Ends a run.
    pub(crate) fn end_workflow(&mut self, repo: u64, id: u64, conclusion: &str) -> Outcome<()> {
        let now = self.now();
        let run = self.repo_mut(repo)?.workflow_runs.get_mut(&id).ok_or_else(Refusal::not_found)?;
        run.conclusion = Some(conclusion.to_owned());
        run.updated_at = now;
        Ok(())
    }
}
