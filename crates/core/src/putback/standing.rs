//! Step 1: does a branch hold what was approved, or what we are just merging?
//!
//! The tip must have been read before the ledger: what the ledger knows is then at least as new.

use super::Ground;
use crate::domain::{Sequence, Span, Timestamp};
use crate::facts::compare::{self, Entries};
use crate::ledger::DecisionEntry;

/// How long a merge of ours may be between moving the branch and recording it: longer than a turn may take.
const IN_FLIGHT: Span = Span::from_seconds(1_200);

/// How a branch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its protected entries are the approved ones.
    AsApproved,
    /// They are what a decision approved, and it may be being carried out right now.
    InFlight {
        /// Which.
        decision: Sequence,
        /// How long ago it was taken.
        age: Span,
    },
    /// Somebody changed them, and no decision covers it as far as the ledger says.
    Differs,
}

/// How a branch stands. `intents`: decisions that may still be carried out.
#[must_use]
pub fn standing(
    ground: Ground<'_>,
    approved: &Entries,
    tip: &Entries,
    intents: &[(Sequence, &DecisionEntry)],
    now: Timestamp,
) -> Standing {
    let protected = |entries: &Entries| compare::protected(ground.policy, ground.branches, entries);
    let found = protected(tip);
    if found == protected(approved) {
        return Standing::AsApproved;
    }
    let here = intents.iter().filter(|(_, entry)| entry.base == *ground.branches.base);
    let aged = here.filter_map(|(sequence, entry)| Some((*sequence, *entry, now.since(decided_at(entry)?))));
    let fresh = aged.filter(|(_, _, age)| *age <= IN_FLIGHT);
    let mut matching = fresh.filter(|(_, entry, _)| protected(&compare::apply(approved, &entry.delta)) == found);
    matching.next_back().map_or(Standing::Differs, |(decision, _, age)| Standing::InFlight { decision, age })
}

/// When a decision was taken, from its recorded facts.
fn decided_at(entry: &DecisionEntry) -> Option<Timestamp> {
    serde_json::from_value(entry.facts.as_json().get("at")?.clone()).ok()
}
