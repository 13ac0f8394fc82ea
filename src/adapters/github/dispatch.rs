//! Workflows that are started and looked at, and repository events.
//!
//! A start that ended doubtfully is not repeated here: GitHub cannot be asked whether it happened, only which runs of ours there
//! are, and what that means is for whoever started it to say.

use countersign_core::domain::{RefName, RunId, Timestamp};
use countersign_core::facts::question::WorkflowRead;
use countersign_core::sync::Order;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::encode;
use super::broker::Purpose;
use super::client::{Auth, Call};
use super::fault::Fault;
use super::{GitHub, scope, writing};
use crate::engine::ports::RepoRef;

/// Name of the one input of a workflow, and of the one field of an event's payload.
const ORDER: &str = "countersign";

#[derive(Deserialize)]
struct StartedWire {
    workflow_run_id: Option<u64>,
}

#[derive(Deserialize)]
struct RunsWire {
    workflow_runs: Vec<RunWire>,
}

#[derive(Deserialize)]
struct RunWire {
    id: u64,
    #[serde(default)]
    status: Option<String>,
    conclusion: Option<String>,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    created_at: String,
}

impl RunWire {
    fn read(self) -> WorkflowRead {
        let ended = self.status.as_deref() == Some("completed");
        let conclusion = if ended { Some(self.conclusion.unwrap_or_else(|| "neutral".to_owned())) } else { None };
        WorkflowRead { id: RunId::new(self.id), conclusion, url: self.html_url }
    }
}

fn running(repo: &RepoRef) -> Auth {
    Auth::Scope(scope(repo, Purpose::Actions))
}

impl GitHub {
    /// `POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches`, with the run's id asked for.
    pub(super) async fn start_workflow(
        &self,
        repo: &RepoRef,
        file: &str,
        reference: &RefName,
        order: &str,
    ) -> Result<Option<RunId>, Fault> {
        let path = self.repo_path(repo, &format!("/actions/workflows/{}/dispatches", encode(file)));
        let wanted = json!({
            "ref": reference.short(), "inputs": { ORDER: order }, "return_run_details": true,
        });
        let call = Call::write("actions.dispatch", running(repo), Method::POST, path, wanted);
        let reply = self.write(repo, call).await?;
        // an older GitHub answers 204, and the run has to be found
        if reply.raw.body.is_empty() {
            return Ok(None);
        }
        Ok(reply.json::<StartedWire>()?.workflow_run_id.map(RunId::new))
    }

    /// `GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs`: those we started, newest first, one page.
    pub(super) async fn our_workflow_runs(
        &self,
        repo: &RepoRef,
        file: &str,
        since: Timestamp,
    ) -> Result<Vec<WorkflowRead>, Fault> {
        let me = self.own_account(Some(repo)).await?;
        let (file, actor) = (encode(file), encode(me.login.as_str()));
        let query = format!("event=workflow_dispatch&actor={actor}&per_page=100");
        let path = self.repo_path(repo, &format!("/actions/workflows/{file}/runs?{query}"));
        let wire: RunsWire = self.client.send(&Call::get("actions.runs", running(repo), path)).await?.json()?;
        let recent = |run: &RunWire| Timestamp::parse(&run.created_at).is_ok_and(|at| at >= since);
        Ok(wire.workflow_runs.into_iter().filter(recent).map(RunWire::read).collect())
    }

    /// `GET /repos/{owner}/{repo}/actions/runs/{run_id}`.
    pub(super) async fn workflow_run(&self, repo: &RepoRef, run: RunId) -> Result<Option<WorkflowRead>, Fault> {
        let path = self.repo_path(repo, &format!("/actions/runs/{run}"));
        match self.client.send(&Call::get("actions.run", running(repo), path)).await {
            Ok(reply) => Ok(Some(reply.json::<RunWire>()?.read())),
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// `POST /repos/{owner}/{repo}/dispatches`.
    pub(super) async fn send_event(&self, repo: &RepoRef, event: &str, order: &Order) -> Result<(), Fault> {
        let payload: Value = serde_json::from_str(&order.json()).unwrap_or_default();
        let wanted = json!({ "event_type": event, "client_payload": { ORDER: payload } });
        let path = self.repo_path(repo, "/dispatches");
        let call = Call::write("repos.dispatch", writing(repo), Method::POST, path, wanted);
        self.write(repo, call).await.map(|_| ())
    }
}
