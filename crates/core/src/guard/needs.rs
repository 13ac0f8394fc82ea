//! What the App needs: the one table. `doctor` compares an App with it, and the set-up asks GitHub for what stands here.

use std::collections::{BTreeMap, BTreeSet};

/// A permission of the App.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// GitHub's name for it.
    pub name: &'static str,
    /// `read` or `write`.
    pub level: &'static str,
    /// What for, as "to …".
    pub what_for: &'static str,
    /// Nothing goes without it; else some repositories need it.
    pub always: bool,
}

/// An event the App is told of. Those about its own installations come unasked, and asking for them is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// GitHub's name for it.
    pub name: &'static str,
    /// The permission without which GitHub lets no App hear of it. Of comments on pull requests that is `issues`.
    pub permission: &'static str,
    /// Without it only the sweep finds what it would have told; else it saves time, or few need it.
    pub always: bool,
}

const fn must(name: &'static str, level: &'static str, what_for: &'static str) -> Permission {
    Permission { name, level, what_for, always: true }
}

const fn may(name: &'static str, level: &'static str, what_for: &'static str) -> Permission {
    Permission { name, level, what_for, always: false }
}

/// Every permission, those it cannot do without first. Where one stands twice, the second says more.
pub const PERMISSIONS: &[Permission] = &[
    must("metadata", "read", "to see repositories and their rulesets"),
    must("contents", "write", "to read changes, merge them and keep the ledger"),
    must("pull_requests", "write", "to open pull requests, comment and ask for reviews"),
    must("checks", "write", "to post the check `countersign`"),
    must("issues", "read", "to be told of comments on pull requests"),
    must("members", "read", "to see who is in a team"),
    may("issues", "write", "to react to commands in comments"),
    may("administration", "read", "to see classic branch protection"),
    may("deployments", "write", "to record deliveries as deployments, and to answer jobs that wait for it"),
    may("actions", "write", "to start workflows as sync targets"),
    may("statuses", "read", "to see whether Flux got there"),
    may("environments", "write", "to write secrets of environments as sync targets"),
    may("merge_queues", "read", "to be told of merge queues"),
];

const fn told(name: &'static str, permission: &'static str) -> Event {
    Event { name, permission, always: true }
}

const fn sooner(name: &'static str, permission: &'static str) -> Event {
    Event { name, permission, always: false }
}

/// Every event, those it should be told of first.
pub const EVENTS: &[Event] = &[
    told("push", "contents"),
    told("pull_request", "pull_requests"),
    told("pull_request_review", "pull_requests"),
    told("issue_comment", "issues"),
    sooner("branch_protection_rule", "administration"),
    sooner("check_run", "checks"),
    sooner("deployment_protection_rule", "deployments"),
    sooner("member", "members"),
    sooner("membership", "members"),
    sooner("merge_group", "merge_queues"),
    sooner("organization", "members"),
    sooner("repository", "metadata"),
    sooner("repository_ruleset", "administration"),
    sooner("team", "members"),
    sooner("team_add", "members"),
];

/// What an App is registered with: permissions with their levels, and the events these let it hear of.
#[must_use]
pub fn registration(also: &BTreeSet<String>) -> (BTreeMap<&'static str, &'static str>, Vec<&'static str>) {
    let chosen = PERMISSIONS.iter().filter(|one| one.always || also.contains(one.name));
    let permissions: BTreeMap<_, _> = chosen.map(|one| (one.name, one.level)).collect();
    let events = EVENTS.iter().filter(|one| permissions.contains_key(one.permission)).map(|one| one.name).collect();
    (permissions, events)
}
