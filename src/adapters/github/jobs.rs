//! Jobs that wait for the rules of their environment, and the answer to one.
//!
//! GitHub says of a run which environments it waits for, not for whose rule; a run and a deployment are tied together by the page that
//! the deployment's statuses link to.

use countersign_core::domain::{DeploymentId, Oid, RunId};
use countersign_core::effect::JobVerdict;
use countersign_core::facts::question::JobRead;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::address::encode;
use super::broker::Purpose;
use super::client::{Auth, Call};
use super::fault::Fault;
use super::{GitHub, scope};
use crate::engine::ports::RepoRef;

/// Deployments of one commit to one environment that are looked through for the one of a run.
const CANDIDATES: usize = 10;

#[derive(Deserialize)]
struct RunsWire {
    workflow_runs: Vec<RunWire>,
}

#[derive(Deserialize)]
struct RunWire {
    id: u64,
    head_sha: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
struct DeploymentWire {
    id: u64,
    sha: String,
    environment: String,
}

#[derive(Deserialize)]
struct PendingWire {
    environment: EnvironmentWire,
}

#[derive(Deserialize)]
struct EnvironmentWire {
    name: String,
}

#[derive(Deserialize)]
struct StatusWire {
    #[serde(default)]
    log_url: String,
    #[serde(default)]
    target_url: String,
}

fn jobs(repo: &RepoRef) -> Auth {
    Auth::Scope(scope(repo, Purpose::Jobs))
}

impl GitHub {
    async fn job_part<T: serde::de::DeserializeOwned>(
        &self,
        repo: &RepoRef,
        operation: &'static str,
        rest: &str,
    ) -> Result<Option<T>, Fault> {
        match self.client.send(&Call::get(operation, jobs(repo), self.repo_path(repo, rest))).await {
            Ok(reply) => Ok(Some(reply.json()?)),
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// `GET /repos/{owner}/{repo}/deployments/{deployment_id}`, its run, and
    /// `GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments`.
    pub(super) async fn job(
        &self,
        repo: &RepoRef,
        run: RunId,
        deployment: DeploymentId,
    ) -> Result<Option<JobRead>, Fault> {
        let operation = "deployments.get";
        let found = self.job_part::<DeploymentWire>(repo, operation, &format!("/deployments/{deployment}")).await?;
        let of_run = self.job_part::<RunWire>(repo, "actions.run", &format!("/actions/runs/{run}")).await?;
        let (Some(found), Some(of_run)) = (found, of_run) else { return Ok(None) };
        let oid = |text: &str| Oid::parse(text).map_err(|fault| Fault::garbled(operation, &fault.to_string()));
        let ended = of_run.status.as_deref() == Some("completed");
        let waits = !ended && self.waiting_for(repo, run).await?.contains(&found.environment);
        Ok(Some(JobRead {
            commit: oid(&found.sha)?,
            head: oid(&of_run.head_sha)?,
            environment: found.environment,
            event: of_run.event,
            waits,
        }))
    }

    /// Environments whose rules a run waits for.
    async fn waiting_for(&self, repo: &RepoRef, run: RunId) -> Result<Vec<String>, Fault> {
        let rest = format!("/actions/runs/{run}/pending_deployments");
        let pending: Option<Vec<PendingWire>> = self.job_part(repo, "actions.pending", &rest).await?;
        Ok(pending.unwrap_or_default().into_iter().map(|one| one.environment.name).collect())
    }

    /// `GET /repos/{owner}/{repo}/actions/runs?status=waiting`, one page, and the newest deployment of each environment such a run
    /// waits for.
    pub(super) async fn waiting_jobs(&self, repo: &RepoRef) -> Result<Vec<(RunId, DeploymentId)>, Fault> {
        let rest = "/actions/runs?status=waiting&per_page=100";
        let runs: Option<RunsWire> = self.job_part(repo, "actions.runs", rest).await?;
        let mut found = Vec::new();
        for wire in runs.map(|runs| runs.workflow_runs).unwrap_or_default() {
            let run = RunId::new(wire.id);
            for environment in self.waiting_for(repo, run).await? {
                if let Some(deployment) = self.deployment_of(repo, run, (&wire.head_sha, &environment)).await? {
                    found.push((run, deployment));
                }
            }
        }
        Ok(found)
    }

    /// The newest deployment of a commit to an environment whose page is one of the run.
    async fn deployment_of(
        &self,
        repo: &RepoRef,
        run: RunId,
        (commit, environment): (&str, &str),
    ) -> Result<Option<DeploymentId>, Fault> {
        let (commit, environment) = (encode(commit), encode(environment));
        let rest = format!("/deployments?sha={commit}&environment={environment}&per_page=100");
        let list: Option<Vec<DeploymentWire>> = self.job_part(repo, "deployments.list", &rest).await?;
        let of_run = format!("/actions/runs/{run}/");
        for wire in list.unwrap_or_default().into_iter().take(CANDIDATES) {
            let rest = format!("/deployments/{}/statuses?per_page=1", wire.id);
            let statuses: Option<Vec<StatusWire>> = self.job_part(repo, "deployments.statuses", &rest).await?;
            let ours = |status: &StatusWire| status.log_url.contains(&of_run) || status.target_url.contains(&of_run);
            if statuses.unwrap_or_default().iter().any(ours) {
                return Ok(Some(DeploymentId::new(wire.id)));
            }
        }
        Ok(None)
    }

    /// `POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule`. After doubt the run says whether it still
    /// waits; a report without a verdict is not repeated.
    pub(super) async fn answer_job(
        &self,
        repo: &RepoRef,
        run: RunId,
        environment: &str,
        (verdict, comment): (Option<JobVerdict>, &str),
    ) -> Result<(), Fault> {
        let mut wanted = json!({ "environment_name": environment, "comment": comment });
        if let Some(verdict) = verdict {
            wanted["state"] = verdict.word().into();
        }
        let path = self.repo_path(repo, &format!("/actions/runs/{run}/deployment_protection_rule"));
        let call = Call::write("actions.answer_job", jobs(repo), Method::POST, path, wanted);
        self.once(
            || async { self.write(repo, call.clone()).await.map(|_| ()) },
            || async {
                let waits = self.waiting_for(repo, run).await?.iter().any(|name| name == environment);
                Ok((verdict.is_none() || !waits).then_some(()))
            },
        )
        .await
    }
}
