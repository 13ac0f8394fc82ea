//! Rulesets and classic protection: which rules hold for a branch, whom they stop.
//!
//! Never enforces by itself: pushes, reference updates and merges ask here first.

use git2::Oid;
use serde_json::{Value, json};

use super::State;
use super::checks::Standing;
use super::landed::RefChange;
use super::repos::{Repo, Ruleset};
use super::reviews::ReviewState;
use crate::access::{Actor, Role};
use crate::error::Outcome;
use crate::git;

/// How a reference is about to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// A push, or a reference update over an API.
    Push,
    /// The merge of a pull request.
    Pull(u64),
}

/// One rule that holds for a branch.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) kind: String,
    pub(crate) parameters: Value,
    /// The ruleset it is from; None: classic protection.
    pub(crate) ruleset: Option<u64>,
}

/// A pattern of a ruleset: `*` stays within a path segment, `**` does not.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    fn go(pattern: &[u8], name: &[u8]) -> bool {
        match pattern {
            [] => name.is_empty(),
            [b'*', b'*', rest @ ..] => {
                let rest = rest.strip_prefix(b"/").unwrap_or(rest);
                (0..=name.len()).any(|skip| go(rest, &name[skip..]))
            }
            [b'*', rest @ ..] => {
                let most = name.iter().position(|b| *b == b'/').unwrap_or(name.len());
                (0..=most).any(|skip| go(rest, &name[skip..]))
            }
            [b'?', rest @ ..] => !name.is_empty() && name[0] != b'/' && go(rest, &name[1..]),
            [byte, rest @ ..] => name.first() == Some(byte) && go(rest, &name[1..]),
        }
    }
    go(pattern.as_bytes(), name.as_bytes())
}

fn covers(ruleset: &Ruleset, refname: &str, default_branch: &str) -> bool {
    let hit = |list: &Value| {
        list.as_array().is_some_and(|patterns| {
            patterns.iter().filter_map(Value::as_str).any(|pattern| {
                pattern == "~ALL"
                    || (pattern == "~DEFAULT_BRANCH" && refname == format!("refs/heads/{default_branch}"))
                    || matches(pattern, refname)
            })
        })
    };
    let names = &ruleset.body["conditions"]["ref_name"];
    let right_kind = match ruleset.body["target"].as_str() {
        Some("tag") => refname.starts_with("refs/tags/"),
        _ => refname.starts_with("refs/heads/"),
    };
    right_kind && hit(&names["include"]) && !hit(&names["exclude"])
}

impl State {
    /// Rules that hold for a reference, bypass not considered.
    pub(crate) fn rules_for(&self, repo: &Repo, refname: &str) -> Vec<Rule> {
        let mut found = Vec::new();
        for ruleset in repo.rulesets.values() {
            if ruleset.body["enforcement"] != "active" || !covers(ruleset, refname, &repo.default_branch) {
                continue;
            }
            for rule in ruleset.body["rules"].as_array().into_iter().flatten() {
                found.push(Rule {
                    kind: rule["type"].as_str().unwrap_or_default().to_owned(),
                    parameters: rule["parameters"].clone(),
                    ruleset: Some(ruleset.id),
                });
            }
        }
        found
    }

    /// Classic protection, spelled as rules.
    fn classic_rules(&self, repo: &Repo, actor: Actor, refname: &str) -> Vec<Rule> {
        let branch = refname.strip_prefix("refs/heads/").unwrap_or_default();
        let Some(protection) = repo.protections.get(branch) else {
            return Vec::new();
        };
        let admin = self.role_of(repo, actor.account) == Some(Role::Admin);
        if admin && protection["enforce_admins"] != json!(true) {
            return Vec::new();
        }
        let rule = |kind: &str, parameters: Value| Rule { kind: kind.to_owned(), parameters, ruleset: None };
        let mut found = Vec::new();
        if protection["allow_force_pushes"] != json!(true) {
            found.push(rule("non_fast_forward", Value::Null));
        }
        if protection["allow_deletions"] != json!(true) {
            found.push(rule("deletion", Value::Null));
        }
        let reviews = &protection["required_pull_request_reviews"];
        if reviews.is_object() {
            found.push(rule("pull_request", reviews.clone()));
        }
        let checks = &protection["required_status_checks"];
        if checks.is_object() {
            let list: Vec<Value> = match checks["checks"].as_array() {
                Some(list) => list
                    .iter()
                    .map(|c| json!({"context": c["context"], "integration_id": c["app_id"].as_u64()}))
                    .collect(),
                None => checks["contexts"].as_array().into_iter().flatten().map(|c| json!({"context": c})).collect(),
            };
            let strict = &checks["strict"];
            let parameters = json!({"required_status_checks": list, "strict_required_status_checks_policy": strict});
            found.push(rule("required_status_checks", parameters));
        }
        found
    }

    /// Whether an actor may pass a ruleset.
    pub(crate) fn bypasses(&self, repo: &Repo, ruleset: u64, actor: Actor, via: Via) -> bool {
        let Some(ruleset) = repo.rulesets.get(&ruleset) else {
            return false;
        };
        let actors = ruleset.body["bypass_actors"].as_array();
        actors.into_iter().flatten().any(|entry| {
            let id = entry["actor_id"].as_u64();
            let here = match entry["actor_type"].as_str().unwrap_or_default() {
                "Integration" => id.is_some() && id == actor.app,
                "User" => id == Some(actor.account),
                "OrganizationAdmin" => self.members.get(&(repo.owner, actor.account)) == Some(&true),
                "Team" => id.is_some_and(|team| self.active_members(team).contains(&actor.account)),
                "RepositoryRole" => {
                    let wanted = match id {
                        Some(2) => Some(Role::Maintain),
                        Some(4) => Some(Role::Write),
                        Some(5) => Some(Role::Admin),
                        Some(_) | None => None,
                    };
                    wanted.is_some() && self.role_of(repo, actor.account) >= wanted
                }
                _ => false,
            };
            let mode = entry["bypass_mode"].as_str().unwrap_or("always");
            here && (mode != "pull_request" || matches!(via, Via::Pull(_)))
        })
    }

    /// Rules that hold for this actor.
    pub(crate) fn rules_against(&self, repo: &Repo, actor: Actor, refname: &str, via: Via) -> Vec<Rule> {
        let mut found: Vec<Rule> = self
            .rules_for(repo, refname)
            .into_iter()
            .filter(|rule| !rule.ruleset.is_some_and(|id| self.bypasses(repo, id, actor, via)))
            .collect();
        found.extend(self.classic_rules(repo, actor, refname));
        found
    }

    /// What forbids a change, in GitHub's words; empty if nothing does. Needs the objects to be there.
    pub(crate) fn rule_faults(&self, repo: u64, actor: Actor, change: &RefChange, via: Via) -> Outcome<Vec<String>> {
        let here = self.repo(repo)?;
        let mut faults = self.early_faults(repo, actor, change, via)?;
        let opened = git::open(&here.dir)?;
        for rule in self.rules_against(here, actor, &change.refname, via) {
            let sides = (git::oid(&change.before), git::oid(&change.after));
            let (Some(before), Some(after)) = sides else {
                continue;
            };
            if change.deleted() {
                continue;
            }
            let forced = !change.created() && !git::is_ancestor(&opened, before, after);
            if rule.kind == "non_fast_forward" && forced {
                faults.push("Cannot force-push to this branch".to_owned());
            }
            if rule.kind == "required_signatures" && unsigned(&opened, before, after)? {
                faults.push("Commits must have verified signatures.".to_owned());
            }
        }
        Ok(faults)
    }

    /// What forbids a change and can be told without the new objects.
    pub(crate) fn early_faults(&self, repo: u64, actor: Actor, change: &RefChange, via: Via) -> Outcome<Vec<String>> {
        let here = self.repo(repo)?;
        let mut faults = Vec::new();
        for rule in self.rules_against(here, actor, &change.refname, via) {
            match rule.kind.as_str() {
                "creation" if change.created() => {
                    faults.push("Cannot create ref due to creations being restricted.".to_owned());
                }
                "deletion" if change.deleted() => {
                    faults.push("Cannot delete this protected ref".to_owned());
                }
                "update" if !change.created() && !change.deleted() => {
                    faults.push("Cannot update this protected ref.".to_owned());
                }
                "pull_request" if !change.deleted() => {
                    faults.extend(self.review_fault(repo, &rule.parameters, via)?);
                }
                "required_status_checks" if !change.deleted() => {
                    let sha = match via {
                        Via::Push => change.after.clone(),
                        Via::Pull(number) => self.pull(repo, number)?.head_sha.clone(),
                    };
                    faults.extend(self.check_faults(repo, &sha, &rule.parameters));
                    if rule.parameters["strict_required_status_checks_policy"] == json!(true)
                        && matches!(via, Via::Pull(_))
                        && !self.up_to_date(here, &change.before, &sha)?
                    {
                        faults.push("The head branch is not up to date with the base branch.".to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(faults)
    }

    /// Whether a head contains the tip of its base.
    fn up_to_date(&self, repo: &Repo, base: &str, head: &str) -> Outcome<bool> {
        let opened = git::open(&repo.dir)?;
        Ok(match (git::oid(base), git::oid(head)) {
            (Some(base), Some(head)) => git::is_ancestor(&opened, base, head),
            (Some(_) | None, Some(_) | None) => false,
        })
    }

    fn review_fault(&self, repo: u64, rule: &Value, via: Via) -> Outcome<Option<String>> {
        let Via::Pull(number) = via else {
            return Ok(Some("Changes must be made through a pull request.".to_owned()));
        };
        let needed = rule["required_approving_review_count"].as_u64().unwrap_or(0);
        let pull = self.pull(repo, number)?;
        let mut approved = 0;
        for (person, review) in self.opinions(pull) {
            if !self.is_writer(repo, person) {
                continue;
            }
            match review.state {
                ReviewState::Approved => approved += 1,
                ReviewState::ChangesRequested => {
                    return Ok(Some("Changes have been requested.".to_owned()));
                }
                ReviewState::Commented | ReviewState::Dismissed | ReviewState::Pending => {}
            }
        }
        Ok((approved < needed).then(|| {
            format!(
                "At least {needed} approving review{} required by reviewers with write access.",
                if needed == 1 { " is" } else { "s are" }
            )
        }))
    }

    fn check_faults(&self, repo: u64, sha: &str, rule: &Value) -> Vec<String> {
        let list = rule["required_status_checks"].as_array();
        list.into_iter()
            .flatten()
            .filter_map(|wanted| {
                let context = wanted["context"].as_str()?;
                let app = wanted["integration_id"].as_u64();
                let word = match self.required_check(repo, sha, context, app) {
                    Standing::Met => return None,
                    Standing::Expected => "expected",
                    Standing::InProgress => "in progress",
                    Standing::Failing => "failing",
                };
                Some(format!("Required status check \"{context}\" is {word}."))
            })
            .collect()
    }

    /// Whether a push to the head voids approvals on this base.
    pub(crate) fn dismisses_stale(&self, repo: u64, base: &str) -> bool {
        let Ok(here) = self.repo(repo) else {
            return false;
        };
        let classic = here
            .protections
            .get(base)
            .is_some_and(|p| p["required_pull_request_reviews"]["dismiss_stale_reviews"] == json!(true));
        classic
            || self
                .rules_for(here, &format!("refs/heads/{base}"))
                .iter()
                .any(|rule| rule.parameters["dismiss_stale_reviews_on_push"] == json!(true))
    }
}

fn unsigned(opened: &git2::Repository, before: Oid, after: Oid) -> Outcome<bool> {
    let from = (!before.is_zero()).then_some(before);
    for id in git::between(opened, from, after, 500)? {
        if opened.extract_signature(&id, None).is_err() {
            return Ok(true);
        }
    }
    Ok(false)
}
