//! The ledger as a clone has it, read in this process: to run a decision again, and to forge.
//!
//! Believes nothing that does not verify under the key of the play.

use std::path::Path;

use countersign_core::decision::{Decision, decide};
use countersign_core::domain::{PrNumber, RefName, Sequence};
use countersign_core::facts::Facts;
use countersign_core::ledger::{Entry, KeyFingerprint, Ledger, RawLink, Trust};
use countersign_core::policy;

use super::stage::Stop;
use super::world::LEDGER;
use crate::engine::proof;
use crate::faces::wire;

/// A ledger and what it was read from.
pub(super) struct Record {
    /// Verified, its decisions run again.
    pub(super) ledger: Ledger,
    /// Its commits, oldest first.
    pub(super) links: Vec<RawLink>,
}

impl Record {
    /// Reads the ledger of a clone at `reference`.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when there is none that can be read.
    pub(super) fn read(clone: &Path, reference: &str, trust: &str) -> Result<Self, Stop> {
        let missing = |why: &dyn std::fmt::Display| Stop::unmet(format!("a ledger at {reference}"), why.to_string());
        let name = RefName::parse(reference).map_err(|error| missing(&error))?;
        let ours = RefName::branch(LEDGER).map_err(|error| missing(&error))?;
        let root = KeyFingerprint::parse(trust).map_err(|error| missing(&error))?;
        let repo = wire::local_repo(clone).map_err(|error| missing(&error))?;
        let tip = repo.reference(&name).map_err(|error| missing(&error))?.ok_or_else(|| missing(&"nothing there"))?;
        let chain = repo.chain(&tip, None).map_err(|error| missing(&error))?;
        let links: Vec<_> = chain.into_iter().map(|(commit, envelope)| RawLink { commit, envelope }).collect();
        let ledger = proof::examine(links.clone(), None, &ours, &Trust::pinned([root]));
        if let Some(problem) = ledger.problems().first() {
            return Err(Stop::unmet("a ledger without problems", problem.to_string()));
        }
        Ok(Self { ledger, links })
    }

    /// The decision about a pull request, made again from what the ledger recorded of it.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when there is none.
    pub(super) fn decision(&self, pull: u64) -> Result<(Sequence, Decision, Facts), Stop> {
        let missing = |why: &str| Stop::unmet(format!("a decision about change {pull} in the ledger"), why);
        let pull = PrNumber::new(pull);
        let found = self.ledger.entries().iter().rev().find_map(|entry| match &entry.entry {
            Entry::Decision(decision) if decision.pull == pull => Some((entry.sequence, decision)),
            Entry::Decision(_)
            | Entry::Adopted(_)
            | Entry::Policy(_)
            | Entry::Key(_)
            | Entry::Push(_)
            | Entry::Vote(_)
            | Entry::Merge(_)
            | Entry::PutBack(_)
            | Entry::Bypass(_)
            | Entry::Ratification(_)
            | Entry::Revocation(_)
            | Entry::Sync(_) => None,
        });
        let (sequence, recorded) = found.ok_or_else(|| missing("none"))?;
        let facts: Facts =
            serde_json::from_value(recorded.facts.as_json().clone()).map_err(|error| missing(&error.to_string()))?;
        let text = self.ledger.state().governing_policy().map(|policy| policy.text.clone());
        let policy = policy::parse(&text.ok_or_else(|| missing("no policy is in force"))?);
        let policy = policy.map_err(|_| missing("the policy in force cannot be read"))?;
        Ok((sequence, decide(&policy, &facts), facts))
    }
}
