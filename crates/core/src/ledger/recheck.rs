//! Runs recorded decisions again, from the recorded facts and the policy text that was in force.
//!
//! How a decision is made is an argument, so that this module judges nothing itself: it compares what comes out with what was
//! written. A decision that does not come out the same makes the ledger invalid.

use std::collections::BTreeMap;

use super::chain::{Ledger, Verified};
use super::entry::{DecisionEntry, Entry, PolicyEntry, RecordedFacts, RecordedVerdict};
use super::problem::{Problem, ProblemCode, Severity};
use crate::domain::{Delta, DeltaEntry, Digest, Oid, RefName, RepoPath, ResolvedNames};

/// What a decision comes to when it is run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    /// Whether and why it may be merged.
    pub verdict: RecordedVerdict,
    /// The head the facts speak of.
    pub head: Oid,
    /// The base the facts speak of.
    pub base: RefName,
    /// Digest of the whole difference.
    pub delta_digest: Digest,
    /// Governed and control entries of the difference.
    pub delta: Delta,
}

impl Ledger {
    /// Runs every decision again. `rerun` gets the policy text in force, what its names mean, and the recorded facts; `Err` is
    /// why the decision does not allow the merge, as a sentence. Each mismatch becomes a problem (`decision-not-reproducible`).
    #[must_use]
    pub fn rechecked(mut self, rerun: impl Fn(&str, &ResolvedNames, &RecordedFacts) -> Result<Rerun, String>) -> Self {
        let mut found = Vec::new();
        let mut policies: BTreeMap<&RefName, &PolicyEntry> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !entry.void) {
            match &entry.entry {
                Entry::Policy(policy) => {
                    policies.insert(&policy.branch, policy);
                }
                Entry::Decision(decision) => {
                    let policy = self.state.default_branch().and_then(|branch| policies.get(branch));
                    if let Err(message) = recheck(decision, policy.copied(), &rerun) {
                        found.push(problem(entry, message));
                    }
                }
                Entry::Adopted(_) | Entry::Key(_) | Entry::Push(_) | Entry::Vote(_) | Entry::Merge(_) => {}
            }
        }
        self.problems.extend(found);
        self
    }
}

fn problem(entry: &Verified, message: String) -> Problem {
    let problem = Problem::new(ProblemCode::DecisionNotReproducible, Severity::Invalid, message);
    problem.at(Some(entry.sequence), Some(&entry.commit))
}

fn recheck(
    recorded: &DecisionEntry,
    policy: Option<&PolicyEntry>,
    rerun: &impl Fn(&str, &ResolvedNames, &RecordedFacts) -> Result<Rerun, String>,
) -> Result<(), String> {
    let policy = policy.ok_or("no policy was in force")?;
    let again = rerun(&policy.text, &policy.names, &recorded.facts)?;
    let equal = [
        ("verdict", again.verdict == recorded.verdict),
        ("head", again.head == recorded.head),
        ("base", again.base == recorded.base),
        ("digest of the difference", again.delta_digest == recorded.delta_digest),
        ("approved entries", same_delta(&again.delta, &recorded.delta)),
    ];
    match equal.iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((what, _)) => Err(format!("run again, the decision has another {what} than was recorded")),
    }
}

/// The recorded delta holds what the facts show, and besides only paths that become governed as they stand.
fn same_delta(again: &Delta, recorded: &Delta) -> bool {
    let shown: BTreeMap<&RepoPath, &DeltaEntry> = again.entries().iter().map(|entry| (&entry.path, entry)).collect();
    let kept = recorded.entries().iter().filter(|entry| shown.get(&entry.path) == Some(entry)).count();
    kept == shown.len()
        && recorded
            .entries()
            .iter()
            .all(|entry| shown.get(&entry.path).map_or(entry.old.is_none(), |same| *same == entry))
}
