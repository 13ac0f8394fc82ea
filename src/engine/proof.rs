//! The proof a delivery, or a person, asks for: a ledger whose decisions were run again, and per environment whether a commit is
//! what was approved.
//!
//! Reads nothing itself: links and entries are arguments. What cannot be read covers nothing.

use std::collections::BTreeMap;

use countersign_core::domain::{Environment, RefName, RepoId, RepoPath, TreeEntry};
use countersign_core::ledger::{self, Coverage, Ledger, RawLink, Trust};
use countersign_core::policy;

/// Walks a ledger, oldest link first, and runs each of its decisions again.
#[must_use]
pub fn examine(links: Vec<RawLink>, repository: Option<RepoId>, reference: &RefName, trust: &Trust) -> Ledger {
    ledger::verify(links, repository, reference, trust).rechecked(ledger::rerun)
}

/// What the ledger says of every environment of the policy in force, for entries of a commit. Empty: no policy that this version
/// can read is in force.
#[must_use]
pub fn environments(ledger: &Ledger, at_commit: &BTreeMap<RepoPath, TreeEntry>) -> Vec<(Environment, Coverage)> {
    let state = ledger.state();
    let (Some(entry), Some(default_branch)) = (state.governing_policy(), state.default_branch()) else {
        return Vec::new();
    };
    let Ok(policy) = policy::parse(&entry.text) else { return Vec::new() };
    let rules = policy.environments().iter();
    rules
        .map(|rule| {
            let coverage = ledger.covers(rule.branch_or(default_branch), at_commit, &policy, rule.name());
            (rule.name().clone(), coverage)
        })
        .collect()
}
