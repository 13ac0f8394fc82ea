//! Jobs that deploy to environments, and the rules of those.
//!
//! No job is ever run: a run waits, goes on or fails by what Apps and people say of it.

use crate::access::Actor;
use crate::cast::{App, Repo, User};
use crate::error::Refusal;

/// What an App said of a job: environment, state (None: a report without a verdict), comment.
pub type GateSaid = (String, Option<String>, String);

impl Repo {
    /// An administrator makes an App a custom deployment protection rule of an environment.
    pub fn gate(&self, environment: &str, app: &App) {
        let mut st = self.sim.inner.lock();
        if let Some(here) = st.repos.get_mut(&self.id) {
            here.environments.entry(environment.to_owned()).or_default().gates.insert(app.id);
        }
    }

    /// An administrator requires a reviewer for an environment.
    pub fn require_reviewer(&self, environment: &str) {
        let mut st = self.sim.inner.lock();
        if let Some(here) = st.repos.get_mut(&self.id) {
            here.environments.entry(environment.to_owned()).or_default().reviewer = true;
        }
    }

    /// A run of a workflow begins on a branch, tag or commit, whose one job deploys to an environment; the run's id.
    ///
    /// # Errors
    /// 404 without such a branch.
    pub fn start_job(
        &self,
        user: &User,
        (workflow, branch, event): (&str, &str, &'static str),
        environment: &str,
    ) -> Result<u64, Refusal> {
        let path = format!(".github/workflows/{workflow}");
        let by = Actor::person(user.id);
        self.sim.inner.lock().start_job(self.id, by, (&path, branch, event), environment)
    }

    /// The next job of a run begins, which deploys to an environment.
    ///
    /// # Errors
    /// 404 without such a run.
    pub fn next_job(&self, run: u64, environment: &str) -> Result<(), Refusal> {
        self.sim.inner.lock().next_job(self.id, run, environment)
    }

    /// The required reviewer approves the jobs of a run that wait.
    ///
    /// # Errors
    /// 404 without such a run.
    pub fn review_jobs(&self, run: u64) -> Result<(), Refusal> {
        self.sim.inner.lock().review_jobs(self.id, run)
    }

    /// What Apps said of the jobs of a run, oldest first.
    #[must_use]
    pub fn gate_answers(&self, run: u64) -> Vec<GateSaid> {
        let st = self.sim.inner.lock();
        let Ok(found) = st.workflow_run(self.id, run) else {
            return Vec::new();
        };
        let said = found.told.iter();
        said.map(|told| (told.environment.clone(), told.state.clone(), told.comment.clone())).collect()
    }
}
