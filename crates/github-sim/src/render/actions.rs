//! Workflow runs in JSON.

use serde_json::{Value, json};

use super::Face;
use crate::clock::stamp;

impl Face<'_> {
    /// `workflow-run`.
    pub(crate) fn workflow_run(&self, repo: u64, id: u64) -> Value {
        let Ok(run) = self.st.workflow_run(repo, id) else {
            return Value::Null;
        };
        let url = format!("{}/actions/runs/{id}", self.repo_url(repo));
        // a workflow has no record of its own: its number is that of its first run
        let runs = self.st.repos.get(&repo).map(|here| &here.workflow_runs);
        let workflow =
            runs.and_then(|runs| runs.values().find(|other| other.path == run.path)).map_or(id, |run| run.id);
        let (name, simple) = (run.path.rsplit('/').next().unwrap_or_default(), self.repo_simple(repo));
        json!({
            "id": id, "name": name, "node_id": format!("WFR_{id}"), "head_branch": run.branch, "head_sha": run.sha,
            "path": run.path, "display_title": name, "run_number": run.number, "run_attempt": 1, "event": run.event,
            "status": run.status(),
            "conclusion": run.conclusion, "workflow_id": workflow, "url": url,
            "html_url": format!("{}/actions/runs/{id}", self.repo_page(repo)), "pull_requests": [],
            "created_at": stamp(run.created_at), "updated_at": stamp(run.updated_at),
            "run_started_at": stamp(run.created_at),
            "actor": self.user(run.by.account), "triggering_actor": self.user(run.by.account),
            "jobs_url": format!("{url}/jobs"), "logs_url": format!("{url}/logs"),
            "check_suite_url": format!("{}/check-suites/{id}", self.repo_url(repo)),
            "artifacts_url": format!("{url}/artifacts"), "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"), "previous_attempt_url": null,
            "workflow_url": format!("{}/actions/workflows/{workflow}", self.repo_url(repo)),
            "head_commit": null, "repository": simple, "head_repository": simple,
        })
    }
}
