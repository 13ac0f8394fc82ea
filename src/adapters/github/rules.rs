//! All rules of a branch, for the watch over the guard: rulesets, and classic protection where it is shown.
//!
//! What GitHub does not show becomes "hidden", never "none".

use std::collections::BTreeMap;

use countersign_core::domain::RefName;
use countersign_core::facts::rules::{BranchRules, Classic, Passing, Protection, RequiredCheck, Rule, Ruleset};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::address::encode;
use super::broker::Purpose;
use super::client::{Auth, Call};
use super::fault::Fault;
use super::guards::RulesetWire;
use super::{GitHub, reading, scope};
use crate::engine::ports::RepoRef;

#[derive(Deserialize)]
struct RuleWire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Value,
    ruleset_id: Option<u64>,
}

#[derive(Deserialize)]
struct CheckWire {
    context: String,
    #[serde(alias = "app_id")]
    integration_id: Option<i64>,
}

#[derive(Deserialize)]
struct Switch {
    enabled: bool,
}

#[derive(Deserialize)]
struct ProtectionWire {
    required_status_checks: Option<StatusChecksWire>,
    required_pull_request_reviews: Option<Value>,
    enforce_admins: Option<Switch>,
    allow_force_pushes: Option<Switch>,
    allow_deletions: Option<Switch>,
    restrictions: Option<RestrictionsWire>,
}

#[derive(Deserialize)]
struct StatusChecksWire {
    #[serde(default)]
    contexts: Vec<String>,
    #[serde(default)]
    checks: Vec<CheckWire>,
}

#[derive(Deserialize)]
struct RestrictionsWire {
    #[serde(default)]
    users: Vec<Named>,
    #[serde(default)]
    teams: Vec<Named>,
    #[serde(default)]
    apps: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: Option<u64>,
    login: Option<String>,
    slug: Option<String>,
}

impl GitHub {
    /// `GET /repos/{owner}/{repo}/rules/branches/{branch}`, each ruleset named there, and
    /// `GET /repos/{owner}/{repo}/branches/{branch}/protection` where the App may read it.
    pub(super) async fn rules(&self, repo: &RepoRef, branch: &RefName) -> Result<BranchRules, Fault> {
        let name = branch.short().split('/').map(encode).collect::<Vec<_>>().join("/");
        let path = self.repo_path(repo, &format!("/rules/branches/{name}?per_page=100"));
        let rules: Vec<RuleWire> = self.client.pages(Call::get("rules.branch", reading(repo), path)).all().await?;
        let mut by_set: BTreeMap<u64, Vec<Rule>> = BTreeMap::new();
        for wire in &rules {
            by_set.entry(wire.ruleset_id.unwrap_or_default()).or_default().push(wire.rule());
        }
        let mut rulesets = Vec::new();
        for (id, rules) in by_set {
            rulesets.push(self.ruleset(repo, id, rules).await?);
        }
        Ok(BranchRules { rulesets, classic: self.classic(repo, &name).await? })
    }

    async fn ruleset(&self, repo: &RepoRef, id: u64, rules: Vec<Rule>) -> Result<Ruleset, Fault> {
        let wire: RulesetWire = match self.read(repo, "rules.ruleset", &format!("/rulesets/{id}")).await {
            Ok(reply) => reply.json()?,
            // a ruleset of the organisation may be invisible
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => RulesetWire::default(),
            Err(fault) => return Err(fault),
        };
        let passing = match wire.current_user_can_bypass.as_deref() {
            Some("always" | "exempt") => Passing::Always,
            Some("pull_requests_only") => Passing::PullRequests,
            Some("never") => Passing::Never,
            Some(_) | None => Passing::Hidden,
        };
        let others =
            wire.bypass_actors.as_ref().map(|actors| actors.iter().filter_map(|actor| self.other(actor)).collect());
        Ok(Ruleset { name: wire.name.unwrap_or_else(|| format!("ruleset {id}")), rules, passing, others })
    }

    async fn classic(&self, repo: &RepoRef, branch: &str) -> Result<Classic, Fault> {
        if !self.granted(repo.installation).await?.contains_key("administration") {
            return Ok(Classic::Hidden);
        }
        let path = self.repo_path(repo, &format!("/branches/{branch}/protection"));
        let call = Call::get("branches.protection", Auth::Scope(scope(repo, Purpose::Guard)), path);
        match self.client.send(&call).await {
            Ok(reply) => Ok(Classic::Protection(self.protection(reply.json()?))),
            Err(fault) if fault.is(StatusCode::NOT_FOUND) && fault.message.contains("Branch not") => {
                Ok(Classic::Absent)
            }
            Err(fault) if fault.is(StatusCode::NOT_FOUND) || fault.is(StatusCode::FORBIDDEN) => Ok(Classic::Hidden),
            Err(fault) => Err(fault),
        }
    }

    fn protection(&self, wire: ProtectionWire) -> Protection {
        let on = |switch: &Option<Switch>| switch.as_ref().is_some_and(|switch| switch.enabled);
        let mut checks: Vec<RequiredCheck> = Vec::new();
        if let Some(required) = &wire.required_status_checks {
            checks.extend(required.checks.iter().map(CheckWire::required));
            let listed = |name: &String| checks.iter().any(|check| check.name == *name);
            let unlisted: Vec<_> = required.contexts.iter().filter(|name| !listed(name)).cloned().collect();
            checks.extend(unlisted.into_iter().map(|name| RequiredCheck { name, app: None }));
        }
        Protection {
            checks,
            pull_requests: wire.required_pull_request_reviews.is_some(),
            holds_admins: on(&wire.enforce_admins),
            force_pushes: on(&wire.allow_force_pushes),
            deletions: on(&wire.allow_deletions),
            pushers: wire.restrictions.map(|listed| {
                let apps = listed.apps.iter().filter(|app| app.id != Some(self.client.app()));
                let all = listed.users.iter().chain(&listed.teams).chain(apps);
                all.filter_map(|one| one.login.clone().or(one.slug.clone())).collect()
            }),
        }
    }
}

impl RuleWire {
    fn rule(&self) -> Rule {
        match self.kind.as_str() {
            "creation" => Rule::Creation,
            "update" => Rule::Update,
            "deletion" => Rule::Deletion,
            "non_fast_forward" => Rule::NonFastForward,
            "pull_request" => Rule::PullRequest,
            "required_status_checks" => {
                let listed = self.parameters.get("required_status_checks").cloned().unwrap_or_default();
                let checks: Vec<CheckWire> = serde_json::from_value(listed).unwrap_or_default();
                Rule::Checks(checks.iter().map(CheckWire::required).collect())
            }
            _ => Rule::Other,
        }
    }
}

impl CheckWire {
    /// A source of -1, or none, is anybody.
    fn required(&self) -> RequiredCheck {
        let app = self.integration_id.and_then(|id| u64::try_from(id).ok());
        RequiredCheck { name: self.context.clone(), app }
    }
}
