//! Deployments and their statuses. Environments are only names so far.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::State;
use crate::access::Actor;
use crate::error::{Outcome, Refusal};

/// One deployment.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) refname: String,
    pub(crate) task: String,
    pub(crate) payload: Value,
    pub(crate) environment: String,
    pub(crate) description: Option<String>,
    pub(crate) production: bool,
    pub(crate) transient: bool,
    pub(crate) by: Actor,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) statuses: Vec<DeploymentStatus>,
}

/// One status of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct DeploymentStatus {
    pub(crate) id: u64,
    pub(crate) state: String,
    pub(crate) description: String,
    pub(crate) log_url: String,
    pub(crate) environment_url: String,
    pub(crate) by: Actor,
    pub(crate) at: Timestamp,
}

impl State {
    /// A deployment by id.
    pub(crate) fn deployment(&self, repo: u64, id: u64) -> Outcome<&Deployment> {
        self.repo(repo)?.deployments.get(&id).ok_or_else(Refusal::not_found)
    }

    /// Stores a deployment and tells about it.
    pub(crate) fn put_deployment(&mut self, repo: u64, deployment: Deployment) -> Outcome<()> {
        let (id, actor) = (deployment.id, deployment.by);
        self.repo_mut(repo)?.deployments.insert(id, deployment);
        let body = self.web_face().deployment(repo, id);
        self.emit(
            repo,
            "deployment",
            Some("created"),
            actor,
            json!({"deployment": body, "workflow": null, "workflow_run": null}),
        );
        Ok(())
    }

    /// Adds a status to a deployment; a success retires older ones of the environment if asked to.
    pub(crate) fn put_deployment_status(
        &mut self,
        repo: u64,
        deployment: u64,
        status: DeploymentStatus,
        retire_others: bool,
    ) -> Outcome<()> {
        let (id, actor, at) = (status.id, status.by, status.at);
        let succeeded = status.state == "success";
        self.deployment(repo, deployment)?;
        let mut retired = Vec::new();
        let here = self.repo_mut(repo)?;
        if let Some(found) = here.deployments.get_mut(&deployment) {
            found.updated_at = at;
            found.statuses.push(status);
        }
        if succeeded && retire_others {
            let environment = here.deployments.get(&deployment).map(|d| d.environment.clone());
            for other in here.deployments.values() {
                let live = other.statuses.last().is_some_and(|last| last.state == "success");
                if other.id != deployment
                    && Some(&other.environment) == environment.as_ref()
                    && live
                    && !other.production
                    && !other.transient
                {
                    retired.push(other.id);
                }
            }
        }
        for other in retired {
            let id = self.big_id();
            let status = DeploymentStatus {
                id,
                state: "inactive".to_owned(),
                description: String::new(),
                log_url: String::new(),
                environment_url: String::new(),
                by: actor,
                at,
            };
            if let Some(found) = self.repo_mut(repo)?.deployments.get_mut(&other) {
                found.statuses.push(status);
            }
        }
        let face = self.web_face();
        let body = json!({
            "deployment": face.deployment(repo, deployment),
            "deployment_status": face.deployment_status(repo, deployment, id),
            "check_run": null, "workflow": null, "workflow_run": null,
        });
        self.emit(repo, "deployment_status", Some("created"), actor, body);
        Ok(())
    }
}
