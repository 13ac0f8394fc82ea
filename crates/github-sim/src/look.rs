//! What somebody looking at the pages would see, for assertions of tests.
//!
//! Never changes anything and asks for no permission.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cast::Repo;
use crate::git;
use crate::state::environments::Secret;

impl Repo {
    /// What a branch points at; None without such a branch.
    #[must_use]
    pub fn tip(&self, branch: &str) -> Option<String> {
        let st = self.sim.inner.lock();
        let tip = st.branch_tip(self.id, branch).ok().flatten();
        tip.map(|id| id.to_string())
    }

    /// First line of the message of a branch's newest commit.
    #[must_use]
    pub fn subject(&self, branch: &str) -> Option<String> {
        let st = self.sim.inner.lock();
        let opened = git::open(&st.repos.get(&self.id)?.dir).ok()?;
        let commit = git::commit_at(&opened, branch)?;
        opened.find_commit(commit).ok()?.summary().ok()?.map(str::to_owned)
    }

    /// Content of a file on a branch or at a commit.
    #[must_use]
    pub fn file(&self, at: &str, path: &str) -> Option<Vec<u8>> {
        let st = self.sim.inner.lock();
        let opened = git::open(&st.repos.get(&self.id)?.dir).ok()?;
        let commit = git::commit_at(&opened, at)?;
        let (id, ..) = git::entry_at(&opened, commit, path)?;
        Some(opened.find_blob(id).ok()?.content().to_vec())
    }

    /// A pull request as `GET /repos/{owner}/{repo}/pulls/{number}` shows it; null without one.
    #[must_use]
    pub fn pull_json(&self, number: u64) -> Value {
        self.sim.inner.lock().web_face().pull_full(self.id, number)
    }

    /// Comments of a pull request, oldest first: login of the author and text.
    #[must_use]
    pub fn comments(&self, number: u64) -> Vec<(String, String)> {
        let st = self.sim.inner.lock();
        let Some(here) = st.repos.get(&self.id) else {
            return Vec::new();
        };
        here.comments
            .values()
            .filter(|comment| comment.number == number)
            .map(|c| (st.login(c.author.account).to_owned(), c.body.clone()))
            .collect()
    }

    /// Newest check run of each App and name on a commit, as `GET …/check-runs` shows them.
    #[must_use]
    pub fn checks(&self, sha: &str) -> Vec<Value> {
        let st = self.sim.inner.lock();
        let face = st.web_face();
        let runs = st.latest_runs(self.id, sha);
        runs.into_iter().map(|run| face.check_run(self.id, run.id)).collect()
    }

    /// Repository and workflow dispatches that were asked for, oldest first.
    #[must_use]
    pub fn dispatches(&self) -> Vec<Value> {
        let st = self.sim.inner.lock();
        st.repos.get(&self.id).map(|r| r.dispatches.clone()).unwrap_or_default()
    }

    /// Workflow runs as `GET …/actions/runs/{run_id}` shows them, oldest first.
    #[must_use]
    pub fn workflow_runs(&self) -> Vec<Value> {
        let st = self.sim.inner.lock();
        let face = st.web_face();
        let runs = st.repos.get(&self.id).map(|r| r.workflow_runs.keys().copied().collect::<Vec<_>>());
        runs.unwrap_or_default().into_iter().map(|id| face.workflow_run(self.id, id)).collect()
    }

    /// Deployments, oldest first, each with its `statuses`, oldest first.
    #[must_use]
    pub fn deployments(&self) -> Vec<Value> {
        let st = self.sim.inner.lock();
        let face = st.web_face();
        let Some(here) = st.repos.get(&self.id) else {
            return Vec::new();
        };
        here.deployments
            .values()
            .map(|found| {
                let mut body = face.deployment(self.id, found.id);
                let statuses = found.statuses.iter().map(|status| face.deployment_status(self.id, found.id, status.id));
                body["statuses"] = statuses.collect();
                body
            })
            .collect()
    }

    /// Names of the secrets of an environment, each with its value and when it was written.
    #[must_use]
    pub fn secrets(&self, environment: &str) -> BTreeMap<String, (String, String)> {
        let st = self.sim.inner.lock();
        let found = st.repos.get(&self.id).and_then(|here| here.environments.get(environment));
        let shown = |(name, secret): (&String, &Secret)| {
            let value = String::from_utf8_lossy(&secret.value).into_owned();
            (name.clone(), (value, secret.updated_at.to_string()))
        };
        found.map(|found| found.secrets.iter().map(shown).collect()).unwrap_or_default()
    }

    /// Somebody writes a secret of an environment, or deletes it; the environment is made when there is none.
    pub fn set_secret(&self, environment: &str, name: &str, value: Option<&str>) {
        let mut st = self.sim.inner.lock();
        let now = st.now();
        let Some(here) = st.repos.get_mut(&self.id) else { return };
        let secrets = &mut here.environments.entry(environment.to_owned()).or_default().secrets;
        match value {
            Some(value) => {
                let created_at = secrets.get(name).map_or(now, |known| known.created_at);
                secrets.insert(name.to_owned(), Secret { value: value.into(), created_at, updated_at: now });
            }
            None => drop(secrets.remove(name)),
        }
    }

    /// GitHub replaces the key pair of an environment.
    pub fn rotate_key(&self, environment: &str) {
        let mut st = self.sim.inner.lock();
        if let Some(here) = st.repos.get_mut(&self.id) {
            here.environments.entry(environment.to_owned()).or_default().rotations += 1;
        }
    }

    /// GitHub replaces the key pair of an environment right after the next time somebody asks for it.
    pub fn rotate_key_once_read(&self, environment: &str) {
        let mut st = self.sim.inner.lock();
        if let Some(here) = st.repos.get_mut(&self.id) {
            here.environments.entry(environment.to_owned()).or_default().restless = true;
        }
    }

    /// Reactions to a comment: login and content, oldest first.
    #[must_use]
    pub fn reactions(&self, comment: u64) -> Vec<(String, String)> {
        let st = self.sim.inner.lock();
        let Ok(found) = st.comment(self.id, comment) else {
            return Vec::new();
        };
        found.reactions.iter().map(|(_, by, content, _)| (st.login(by.account).to_owned(), content.clone())).collect()
    }
}
