//! Check suites, check runs and commit statuses.
//!
//! Never judges a merge; it only says what was reported, and whether a required check is met.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::State;
use crate::access::Actor;
use crate::error::{Outcome, Refusal};

/// One suite per App and commit.
#[derive(Debug, Clone)]
pub(crate) struct CheckSuite {
    pub(crate) id: u64,
    pub(crate) app: u64,
    pub(crate) head_sha: String,
    pub(crate) head_branch: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// One check run.
#[derive(Debug, Clone)]
pub(crate) struct CheckRun {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) app: u64,
    pub(crate) name: String,
    pub(crate) head_sha: String,
    pub(crate) external_id: String,
    pub(crate) details_url: Option<String>,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) output: Value,
    pub(crate) annotations: Vec<Value>,
    pub(crate) actions: Vec<Value>,
}

/// One commit status.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) context: String,
    pub(crate) state: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) by: Actor,
    pub(crate) at: Timestamp,
}

/// How a required check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Met,
    Expected,
    InProgress,
    Failing,
}

impl State {
    /// The suite of an App on a commit, made if need be.
    pub(crate) fn suite_for(
        &mut self,
        repo: u64,
        app: u64,
        sha: &str,
        branch: Option<String>,
        before: Option<String>,
    ) -> Outcome<u64> {
        let found = self.repo(repo)?.suites.values().find(|suite| suite.app == app && suite.head_sha == sha);
        if let Some(suite) = found {
            return Ok(suite.id);
        }
        let id = self.big_id();
        let now = self.now();
        let suite = CheckSuite {
            id,
            app,
            head_sha: sha.to_owned(),
            head_branch: branch,
            before,
            created_at: now,
            updated_at: now,
        };
        self.repo_mut(repo)?.suites.insert(id, suite);
        Ok(id)
    }

    /// A check run by id.
    pub(crate) fn run(&self, repo: u64, id: u64) -> Outcome<&CheckRun> {
        self.repo(repo)?.runs.get(&id).ok_or_else(Refusal::not_found)
    }

    /// Stores a new run and tells about it.
    pub(crate) fn put_run(&mut self, repo: u64, run: CheckRun, action: &str, actor: Actor) -> Outcome<()> {
        let (id, suite, done) = (run.id, run.suite, run.conclusion.is_some());
        let now = self.now();
        let here = self.repo_mut(repo)?;
        if let Some(suite) = here.suites.get_mut(&suite) {
            suite.updated_at = now;
        }
        here.runs.insert(id, run);
        self.emit_run(repo, id, action, actor, json!({}));
        if done && action == "created" {
            self.emit_run(repo, id, "completed", actor, json!({}));
        }
        if done && self.suite_conclusion(repo, suite).is_some() {
            self.emit_suite(repo, suite, "completed", actor);
        }
        Ok(())
    }

    /// Stores a changed run; tells only when it becomes completed, as GitHub does.
    pub(crate) fn update_run(&mut self, repo: u64, run: CheckRun, actor: Actor) -> Outcome<()> {
        let was_done = self.run(repo, run.id)?.conclusion.is_some();
        if run.conclusion.is_some() && !was_done {
            return self.put_run(repo, run, "completed", actor);
        }
        self.repo_mut(repo)?.runs.insert(run.id, run);
        Ok(())
    }

    /// A person presses a button of a run.
    pub(crate) fn press(&mut self, repo: u64, run: u64, actor: Actor, button: &str) -> Outcome<()> {
        let known = self.run(repo, run)?.actions.iter().any(|action| action["identifier"] == button);
        if !known {
            return Err(Refusal::not_found());
        }
        let more = json!({"requested_action": {"identifier": button}});
        self.emit_run(repo, run, "requested_action", actor, more);
        Ok(())
    }

    /// Conclusion of a suite once all its runs are done.
    pub(crate) fn suite_conclusion(&self, repo: u64, suite: u64) -> Option<String> {
        let runs: Vec<&CheckRun> = self.repo(repo).ok()?.runs.values().filter(|run| run.suite == suite).collect();
        if runs.is_empty() {
            return None;
        }
        let all: Option<Vec<&str>> = runs.iter().map(|run| run.conclusion.as_deref()).collect();
        let all = all?;
        let worst = ["failure", "timed_out", "cancelled", "action_required"]
            .into_iter()
            .find(|bad| all.contains(bad))
            .unwrap_or("success");
        Some(worst.to_owned())
    }

    /// Newest run of each (App, name) on a commit.
    pub(crate) fn latest_runs(&self, repo: u64, sha: &str) -> Vec<&CheckRun> {
        let mut latest: BTreeMap<(u64, &str), &CheckRun> = BTreeMap::new();
        if let Ok(here) = self.repo(repo) {
            for run in here.runs.values().filter(|run| run.head_sha == sha) {
                latest.insert((run.app, run.name.as_str()), run);
            }
        }
        latest.into_values().collect()
    }

    /// Newest status of each context on a commit.
    pub(crate) fn latest_statuses(&self, repo: u64, sha: &str) -> Vec<&Status> {
        let mut latest: BTreeMap<String, &Status> = BTreeMap::new();
        if let Ok(here) = self.repo(repo) {
            for status in here.statuses.iter().filter(|status| status.sha == sha) {
                latest.insert(status.context.to_lowercase(), status);
            }
        }
        latest.into_values().collect()
    }

    /// How a required check stands on a commit. A check and a status of one name are both needed.
    pub(crate) fn required_check(&self, repo: u64, sha: &str, context: &str, app: Option<u64>) -> Standing {
        let mut seen = false;
        for run in self.latest_runs(repo, sha) {
            if run.name != context || app.is_some_and(|app| app != run.app) {
                continue;
            }
            seen = true;
            match run.conclusion.as_deref() {
                Some("success" | "skipped" | "neutral") => {}
                Some(_) => return Standing::Failing,
                None => return Standing::InProgress,
            }
        }
        for status in self.latest_statuses(repo, sha) {
            let other_app = app.is_some_and(|app| status.by.app != Some(app));
            if !status.context.eq_ignore_ascii_case(context) || other_app {
                continue;
            }
            seen = true;
            match status.state.as_str() {
                "success" => {}
                "pending" => return Standing::InProgress,
                _ => return Standing::Failing,
            }
        }
        if seen { Standing::Met } else { Standing::Expected }
    }

    /// Reports a commit status.
    pub(crate) fn report_status(&mut self, repo: u64, status: Status) -> Outcome<()> {
        let same = |old: &&Status| old.sha == status.sha && old.context.eq_ignore_ascii_case(&status.context);
        if self.repo(repo)?.statuses.iter().filter(same).count() >= 1000 {
            return Err(
                Refusal::invalid().custom("Status", "This SHA and context has reached the maximum number of statuses.")
            );
        }
        let actor = status.by;
        let payload = json!({
            "id": status.id, "sha": status.sha, "name": "", "context": status.context,
            "state": status.state, "description": status.description,
            "target_url": status.target_url, "avatar_url": null,
            "created_at": crate::clock::stamp(status.at),
            "updated_at": crate::clock::stamp(status.at),
        });
        self.repo_mut(repo)?.statuses.push(status);
        self.emit_status(repo, payload, actor);
        Ok(())
    }
}
