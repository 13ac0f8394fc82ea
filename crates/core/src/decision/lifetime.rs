//! What ends with time: approvals (`approval_ttl`) and change requests that nobody touches (`expires`).
//!
//! Says when, in the forge's time; ends nothing.

use super::{Decision, Scope};
use crate::domain::{Environment, Span, Timestamp};
use crate::facts::{Facts, VoteKind};
use crate::policy::Policy;

/// When the next approval ends by age, if one does.
#[must_use]
pub fn next_expiry(policy: &Policy, facts: &Facts) -> Option<Timestamp> {
    let here = policy.environments().iter().filter(|rule| *rule.branch_or(&facts.default_branch) == facts.change.base);
    let lifetimes: Vec<Span> = here.filter_map(|rule| rule.approval_ttl()).collect();
    let given = facts.votes.iter().filter(|vote| vote.kind == VoteKind::Approve).map(|vote| vote.at);
    let second = Span::from_seconds(1);
    let ends = given.flat_map(|at| lifetimes.iter().map(move |lifetime| at.plus(*lifetime).plus(second)));
    ends.filter(|end| *end > facts.now()).min()
}

/// When a change request is closed as idle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// Last change of anything about it.
    pub since: Timestamp,
    /// From then on it may be closed.
    pub until: Timestamp,
    /// The environments it touches that say so, and after how long.
    pub rules: Vec<(Environment, Span)>,
}

/// When the change request is closed as idle, if ever: after the shortest wait of the environments it touches. Never one that holds
/// a direct push: it says what stands on the branch.
#[must_use]
pub fn idle(policy: &Policy, facts: &Facts, decision: &Decision) -> Option<Idle> {
    let since = facts.change.updated.filter(|_| facts.change.open && facts.held.is_none())?;
    let rules = decision.scopes.iter().filter_map(|scope| match &scope.scope {
        Scope::Environment(name) => Some((name.clone(), policy.environment(name)?.expires()?)),
        Scope::Control => None,
    });
    let rules: Vec<_> = rules.collect();
    let shortest = rules.iter().map(|(_, wait)| *wait).min()?;
    Some(Idle { since, until: since.plus(shortest), rules })
}
