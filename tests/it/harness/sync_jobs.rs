//! Jobs of the workflow that delivers for the server: each runs the packaged action with what its run, and its step, would have.

use countersign_core::ledger::SigningKey;
use serde_json::{Value, json};

use super::kubernetes::CLUSTER_TOKEN;
use super::vault::VAULT_TOKEN;
use super::{Secrets, Step, Stepped, World};

/// The workflow that is started where the policy names none.
pub(crate) const SYNC_WORKFLOW: &str = "countersign-sync.yml";

/// Its text, as far as the stand-in looks at it.
pub(crate) const SYNC_TEXT: &str =
    "on:\n  workflow_dispatch:\n    inputs:\n      countersign: {type: string, required: true}\n";

impl World {
    /// Runs of the workflow, oldest first, and the order each was started with.
    pub(crate) fn ordered(&self) -> Vec<(u64, String)> {
        let orders = self
            .repo
            .dispatches()
            .into_iter()
            .filter(|found| found["workflow"].as_str().is_some_and(|path| path.ends_with(SYNC_WORKFLOW)));
        let orders = orders.map(|found| found["inputs"]["countersign"].as_str().unwrap_or_default().to_owned());
        let runs = self
            .repo
            .workflow_runs()
            .into_iter()
            .filter(|run| run["path"].as_str().is_some_and(|path| path.ends_with(SYNC_WORKFLOW)));
        runs.map(|run| run["id"].as_u64().expect("a number")).zip(orders).collect()
    }

    /// Waits until so many runs were started; the newest.
    #[track_caller]
    pub(crate) fn until_ordered(&self, count: usize) -> (u64, String) {
        self.until(&format!("{count} jobs were ordered"), |world| world.ordered().len() >= count);
        let all = self.ordered();
        assert_eq!(all.len(), count, "no more than that: {all:#?}");
        all.last().cloned().expect("at least one")
    }

    /// Fingerprint of the ledger's root key.
    pub(crate) fn root(&self) -> String {
        let pem = std::fs::read_to_string(self.path("signing.pem")).expect("the key");
        SigningKey::from_pem(&pem).expect("a key").fingerprint().to_string()
    }

    /// The step of a run's job.
    pub(crate) fn sync_step(&self, run: u64, order: &str) -> Step {
        let (address, token) = self.repo.id_token_request(run);
        let main = "refs/heads/main";
        Step::new("sync")
            .event("workflow_dispatch", &json!({"inputs": {"countersign": order}, "ref": main}))
            .set("GITHUB_API_URL", &self.sim.url())
            .set("GITHUB_SERVER_URL", &self.sim.url())
            .set("GITHUB_REPOSITORY", "acme/app")
            .set("GITHUB_REPOSITORY_ID", &self.repo.id.to_string())
            .set("GITHUB_REF", main)
            .set("GITHUB_WORKFLOW_REF", &format!("acme/app/.github/workflows/{SYNC_WORKFLOW}@{main}"))
            .set("GITHUB_RUN_ID", &run.to_string())
            .set("ACTIONS_ID_TOKEN_REQUEST_URL", &address)
            .set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &token)
            .set("COUNTERSIGN_ACTION_TOKEN", &self.installation.token().expect("a token"))
            .set("COUNTERSIGN_TRUST", &self.root())
            .set("COUNTERSIGN_LOG", "countersign=debug,warn")
            .set("SOPS_AGE_KEY", &Secrets::identity())
            .set("VAULT_TOKEN", VAULT_TOKEN)
            .set("VAULT_TOKEN_HOSTS", "127.0.0.1")
            .set("VAULT_TOKEN_PRIVATE", "true")
            .set("ACTION_ORDER", order)
    }

    /// Runs a step as the job of a run, and ends the run as its runner would.
    pub(crate) fn run_job(&self, run: u64, step: &Step) -> Stepped {
        let stepped =
            step.run(self.dir.path(), &[super::CANARY, VAULT_TOKEN, CLUSTER_TOKEN, Secrets::identity().trim()]);
        let conclusion = if stepped.code == Some(0) { "success" } else { "failure" };
        self.repo.end_workflow(run, conclusion).expect("it runs");
        stepped
    }

    /// The newest job, once so many were ordered.
    #[track_caller]
    pub(crate) fn play_job(&self, count: usize) -> Stepped {
        let (run, order) = self.until_ordered(count);
        self.run_job(run, &self.sync_step(run, &order))
    }
}

/// What an order says.
pub(crate) fn order_says(order: &str) -> Value {
    serde_json::from_str(order).expect("JSON")
}
