//! Check runs, suites, statuses and deployments in JSON.

use serde_json::{Value, json};

use super::Face;
use crate::clock::{stamp, stamp_opt};
use crate::state::checks::Status;

impl Face<'_> {
    /// `check-run`.
    pub(crate) fn check_run(&self, repo: u64, id: u64) -> Value {
        let Ok(run) = self.st.run(repo, id) else {
            return Value::Null;
        };
        let url = format!("{}/check-runs/{id}", self.repo_url(repo));
        let page = format!("{}/runs/{id}", self.repo_page(repo));
        let text = |key: &str| run.output.get(key).cloned().unwrap_or(Value::Null);
        json!({
            "id": id, "head_sha": run.head_sha, "node_id": format!("CR_{id}"),
            "external_id": run.external_id, "url": url, "html_url": page,
            "details_url": run.details_url.clone().unwrap_or_else(|| page.clone()),
            "status": run.status, "conclusion": run.conclusion,
            "started_at": stamp_opt(run.started_at), "completed_at": stamp_opt(run.completed_at),
            "output": {
                "title": text("title"), "summary": text("summary"), "text": text("text"),
                "annotations_count": run.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "name": run.name, "check_suite": {"id": run.suite}, "app": self.app(run.app),
            "pull_requests": self.pulls_at(repo, &run.head_sha),
        })
    }

    /// `check-suite`.
    pub(crate) fn check_suite(&self, repo: u64, id: u64) -> Value {
        let suite = self.st.repos.get(&repo).and_then(|r| r.suites.get(&id));
        let Some(suite) = suite else {
            return Value::Null;
        };
        let url = format!("{}/check-suites/{id}", self.repo_url(repo));
        let conclusion = self.st.suite_conclusion(repo, id);
        let runs = self.st.repos.get(&repo).map_or(0, |r| r.runs.values().filter(|run| run.suite == id).count());
        let commit = self.git_commit(repo, &suite.head_sha);
        json!({
            "id": id, "node_id": format!("CS_{id}"), "head_branch": suite.head_branch,
            "head_sha": suite.head_sha,
            "status": match (&conclusion, runs) {
                (Some(_), _) => "completed", (None, 0) => "queued", (None, _) => "in_progress",
            },
            "conclusion": conclusion, "url": url, "before": suite.before, "after": suite.head_sha,
            "pull_requests": self.pulls_at(repo, &suite.head_sha), "app": self.app(suite.app),
            "repository": self.repo(repo), "created_at": stamp(suite.created_at),
            "updated_at": stamp(suite.updated_at), "rerequestable": true,
            "runs_rerequestable": true, "latest_check_runs_count": runs,
            "check_runs_url": format!("{url}/check-runs"),
            "head_commit": {
                "id": suite.head_sha, "tree_id": commit["tree"]["sha"],
                "message": commit["message"], "timestamp": commit["committer"]["date"],
                "author": commit["author"], "committer": commit["committer"],
            },
        })
    }

    /// Open pull requests of this repository with a head, as checks list them. Forks are left out.
    fn pulls_at(&self, repo: u64, sha: &str) -> Vec<Value> {
        let Some(here) = self.st.repos.get(&repo) else {
            return Vec::new();
        };
        let url = self.repo_url(repo);
        let side = |branch: &str, sha: &str| {
            json!({
                "ref": branch, "sha": sha, "repo": {"id": repo, "url": url, "name": here.name},
            })
        };
        here.pulls
            .values()
            .filter(|pull| pull.open && pull.head_sha == sha && pull.head_repo == repo)
            .map(|pull| {
                json!({
                    "url": format!("{url}/pulls/{}", pull.number), "id": pull.id,
                    "number": pull.number, "head": side(&pull.head_ref, &pull.head_sha),
                    "base": side(&pull.base_ref, &pull.base_sha),
                })
            })
            .collect()
    }

    /// `status`.
    pub(crate) fn status(&self, repo: u64, status: &Status) -> Value {
        let mut body = self.status_simple(repo, status);
        body["creator"] = self.user(status.by.account);
        body
    }

    /// `simple-commit-status`.
    pub(crate) fn status_simple(&self, repo: u64, status: &Status) -> Value {
        let id = status.id;
        json!({
            "url": format!("{}/statuses/{}", self.repo_url(repo), status.sha),
            "avatar_url": null, "id": id, "node_id": format!("SC_{id}"), "state": status.state,
            "description": status.description, "target_url": status.target_url,
            "context": status.context, "created_at": stamp(status.at),
            "updated_at": stamp(status.at),
        })
    }

    /// `deployment`.
    pub(crate) fn deployment(&self, repo: u64, id: u64) -> Value {
        let Ok(found) = self.st.deployment(repo, id) else {
            return Value::Null;
        };
        let base = self.repo_url(repo);
        let url = format!("{base}/deployments/{id}");
        json!({
            "url": url, "id": id, "node_id": format!("DE_{id}"), "sha": found.sha,
            "ref": found.refname, "task": found.task, "payload": found.payload,
            "original_environment": found.environment, "environment": found.environment,
            "description": found.description, "creator": self.user(found.by.account),
            "created_at": stamp(found.created_at), "updated_at": stamp(found.updated_at),
            "statuses_url": format!("{url}/statuses"), "repository_url": base,
            "transient_environment": found.transient, "production_environment": found.production,
        })
    }

    /// `deployment-status`.
    pub(crate) fn deployment_status(&self, repo: u64, deployment: u64, id: u64) -> Value {
        let found = self.st.deployment(repo, deployment).ok().and_then(|found| {
            let status = found.statuses.iter().find(|status| status.id == id)?;
            Some((found.environment.clone(), status.clone()))
        });
        let Some((environment, status)) = found else {
            return Value::Null;
        };
        let base = self.repo_url(repo);
        let url = format!("{base}/deployments/{deployment}");
        json!({
            "url": format!("{url}/statuses/{id}"), "id": id, "node_id": format!("DES_{id}"),
            "state": status.state, "creator": self.user(status.by.account),
            "description": status.description, "environment": environment,
            "target_url": status.log_url, "log_url": status.log_url,
            "environment_url": status.environment_url, "created_at": stamp(status.at),
            "updated_at": stamp(status.at), "deployment_url": url, "repository_url": base,
        })
    }
}
