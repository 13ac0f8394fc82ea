//! Deployments: the record of a delivery, found again by task, environment and the generation in its payload.
//!
//! Ours is what our own account created; somebody else's of the same shape is nothing. GitHub's own merging and waiting are
//! switched off: it deploys nothing, it only remembers.

use countersign_core::domain::{DeploymentId, Environment, Oid, Sequence, TargetId};
use countersign_core::sync::{self, DeploymentState};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::encode;
use super::broker::Purpose;
use super::client::{Auth, Call};
use super::effects::cut;
use super::fault::Fault;
use super::wire::UserWire;
use super::{GitHub, scope};
use crate::engine::ports::{ForgeErrorKind, RepoRef};

#[derive(Deserialize)]
struct DeploymentWire {
    /// Absent where GitHub merged instead of creating one.
    id: Option<u64>,
    #[serde(default)]
    payload: Value,
    creator: Option<UserWire>,
}

#[derive(Deserialize)]
struct StatusWire {
    state: String,
    #[serde(default)]
    description: String,
}

fn deploying(repo: &RepoRef) -> Auth {
    Auth::Scope(scope(repo, Purpose::Deploy))
}

impl GitHub {
    /// `GET /repos/{owner}/{repo}/deployments`: ours of a generation.
    pub(super) async fn our_deployment(
        &self,
        repo: &RepoRef,
        task: &str,
        environment: &Environment,
        generation: Sequence,
    ) -> Result<Option<DeploymentId>, Fault> {
        let me = self.own_account(Some(repo)).await?;
        let (task, environment) = (encode(task), encode(environment.as_str()));
        let path = self.repo_path(repo, &format!("/deployments?task={task}&environment={environment}&per_page=100"));
        let mut pages = self.client.pages(Call::get("deployments.list", deploying(repo), path));
        while let Some(page) = pages.next::<Vec<DeploymentWire>>().await? {
            for wire in page {
                let ours = wire.creator.as_ref().and_then(UserWire::account).is_some_and(|by| by.id == me.id);
                if ours && generation_of(&wire.payload) == Some(generation.get()) {
                    return Ok(wire.id.map(DeploymentId::new));
                }
            }
        }
        Ok(None)
    }

    /// `POST /repos/{owner}/{repo}/deployments`; the one that is there, if there is one already.
    pub(super) async fn create_deployment(
        &self,
        repo: &RepoRef,
        commit: &Oid,
        id: &TargetId,
        generation: Sequence,
    ) -> Result<DeploymentId, Fault> {
        let task = sync::deployment_task(&id.target);
        let look = || self.our_deployment(repo, &task, &id.environment, generation);
        if let Some(found) = look().await? {
            return Ok(found);
        }
        let wanted = json!({
            "ref": commit.as_str(), "task": task, "environment": id.environment.as_str(),
            "auto_merge": false, "required_contexts": [], "transient_environment": false,
            "description": cut(&format!("{} to {id}", generation.label()), sync::MAX_DESCRIPTION),
            "payload": { "generation": generation.get(), "target": id.target.as_str() },
        });
        let path = self.repo_path(repo, "/deployments");
        let call = Call::write("deployments.create", deploying(repo), Method::POST, path, wanted);
        self.once(
            || async {
                let wire: DeploymentWire = self.write(repo, call.clone()).await?.json()?;
                let merged =
                    || Fault::new(ForgeErrorKind::Refused, "deployments.create", "GitHub created no deployment");
                wire.id.map(DeploymentId::new).ok_or_else(merged)
            },
            look,
        )
        .await
    }

    /// `POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses`.
    pub(super) async fn set_deployment(
        &self,
        repo: &RepoRef,
        deployment: DeploymentId,
        environment: &Environment,
        (state, description, log_url): (DeploymentState, &str, Option<&str>),
    ) -> Result<(), Fault> {
        let rest = format!("/deployments/{deployment}/statuses");
        let description = cut(description, sync::MAX_DESCRIPTION);
        let mut wanted = json!({
            "state": state.word(), "description": description, "environment": environment.as_str(),
            "auto_inactive": false,
        });
        if let Some(url) = log_url {
            wanted["log_url"] = url.into();
        }
        let call =
            Call::write("deployments.status", deploying(repo), Method::POST, self.repo_path(repo, &rest), wanted);
        self.once(
            || async { self.write(repo, call.clone()).await.map(|_| ()) },
            || async {
                let path = self.repo_path(repo, &format!("{rest}?per_page=1"));
                let mut pages = self.client.pages(Call::get("deployments.statuses", deploying(repo), path));
                let newest = pages.next::<Vec<StatusWire>>().await?.and_then(|page| page.into_iter().next());
                let is_it = |status: &StatusWire| status.state == state.word() && status.description == description;
                Ok(newest.as_ref().is_some_and(is_it).then_some(()))
            },
        )
        .await
    }
}

/// The generation in a payload; GitHub gives payloads back as JSON or as a text of JSON.
fn generation_of(payload: &Value) -> Option<u64> {
    match payload {
        Value::Object(fields) => fields.get("generation")?.as_u64(),
        Value::String(text) => serde_json::from_str::<Value>(text).ok()?.get("generation")?.as_u64(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_in_both_spellings() {
        assert_eq!(generation_of(&json!({"generation": 7})), Some(7));
        assert_eq!(generation_of(&json!("{\"generation\": 7}")), Some(7));
        for payload in [json!(null), json!([7]), json!("7"), json!({"generation": "7"})] {
            assert_eq!(generation_of(&payload), None);
        }
    }
}
