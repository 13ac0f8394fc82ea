//! Who may move a branch, by the rules GitHub shows to everybody who may read the repository.
//!
//! Who else may bypass a ruleset is shown only to those who may write it; what is not shown is not guessed. Classic protection is
//! not looked at: reading it takes more rights than the App should have.

use std::collections::BTreeSet;

use countersign_core::domain::RefName;
use countersign_core::facts::question::BranchGuard;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::address::encode;
use super::client::Call;
use super::fault::Fault;
use super::{GitHub, reading};
use crate::engine::ports::RepoRef;

#[derive(Deserialize)]
struct RuleWire {
    #[serde(rename = "type")]
    kind: String,
    ruleset_id: Option<u64>,
}

/// A ruleset, as far as it is shown.
#[derive(Default, Deserialize)]
pub(super) struct RulesetWire {
    pub(super) name: Option<String>,
    pub(super) current_user_can_bypass: Option<String>,
    pub(super) bypass_actors: Option<Vec<BypassWire>>,
}

#[derive(Deserialize)]
pub(super) struct BypassWire {
    actor_id: Option<u64>,
    actor_type: String,
    #[serde(default)]
    bypass_mode: Value,
}

impl GitHub {
    /// `GET /repos/{owner}/{repo}/rules/branches/{branch}`, and each ruleset that restricts updates.
    pub(super) async fn guard(&self, repo: &RepoRef, branch: &RefName) -> Result<BranchGuard, Fault> {
        let name = branch.short().split('/').map(encode).collect::<Vec<_>>().join("/");
        let path = self.repo_path(repo, &format!("/rules/branches/{name}?per_page=100"));
        let rules: Vec<RuleWire> = self.client.pages(Call::get("rules.branch", reading(repo), path)).all().await?;
        let updates: Vec<_> = rules.into_iter().filter(|rule| rule.kind == "update").collect();
        let mut guard = BranchGuard { restricted: !updates.is_empty(), ours_to_move: true, others: Vec::new() };
        let sets: BTreeSet<u64> = updates.iter().filter_map(|rule| rule.ruleset_id).collect();
        for id in sets {
            let ruleset: RulesetWire = match self.read(repo, "rules.ruleset", &format!("/rulesets/{id}")).await {
                Ok(reply) => reply.json()?,
                // a ruleset of the organisation may be invisible; whether we may pass it is then seen when we push
                Err(fault) if fault.is(StatusCode::NOT_FOUND) => continue,
                Err(fault) => return Err(fault),
            };
            let passes = ruleset.current_user_can_bypass.as_deref();
            guard.ours_to_move &= passes.is_none_or(|word| word == "always" || word == "exempt");
            guard.others.extend(ruleset.bypass_actors.iter().flatten().filter_map(|actor| self.other(actor)));
        }
        guard.others.sort();
        guard.others.dedup();
        Ok(guard)
    }

    /// The name of a bypass actor that is not our App.
    pub(super) fn other(&self, actor: &BypassWire) -> Option<String> {
        let ours = actor.actor_type == "Integration" && actor.actor_id == Some(self.client.app());
        let pushes = actor.bypass_mode != "pull_request";
        let name = actor.actor_id.map_or_else(|| actor.actor_type.clone(), |id| format!("{} {id}", actor.actor_type));
        (!ours && pushes).then_some(name)
    }
}
