//! What bypasses owe: which there were, until when each must be ratified, and whether it was.
//!
//! Answers only. A bypass without an entry of its own is owed at once: nothing says that it has time.

use std::sync::Arc;

use super::entry::{BypassEntry, Bypassing, RatificationEntry};
use super::state::LedgerState;
use crate::domain::{PrNumber, Sequence, Timestamp};
use crate::facts::Debt;

/// A bypass as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBypass {
    /// The request.
    pub pull: PrNumber,
    /// The `merge` entry.
    pub merged: Sequence,
    /// What was bypassed, by whom and why.
    pub bypass: Bypassing,
    /// Its own entry, which says until when it must be ratified.
    pub entry: Option<(Sequence, Arc<BypassEntry>)>,
    /// Its ratification.
    pub ratified: Option<(Sequence, Arc<RatificationEntry>)>,
}

impl KnownBypass {
    /// Until when it must be ratified.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.entry.as_ref().map_or(Timestamp::from_seconds(0), |(_, entry)| entry.due)
    }

    /// Whether the time is over and nobody has ratified it.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.ratified.is_none() && now > self.due()
    }
}

impl LedgerState {
    /// Every bypass that was carried out, oldest first, each with its decision.
    pub fn bypasses(&self) -> impl DoubleEndedIterator<Item = (Sequence, &KnownBypass)> {
        self.bypasses.iter().map(|(decision, known)| (*decision, known))
    }

    /// The bypass that a decision was, once it was carried out.
    #[must_use]
    pub fn bypass(&self, decision: Sequence) -> Option<&KnownBypass> {
        self.bypasses.get(&decision)
    }

    /// The bypass by which a pull request was merged.
    #[must_use]
    pub fn bypass_of_pull(&self, pull: PrNumber) -> Option<(Sequence, &KnownBypass)> {
        self.bypasses().rev().find(|(_, known)| known.pull == pull)
    }

    /// What nobody has ratified, oldest first.
    #[must_use]
    pub fn debts(&self) -> Vec<Debt> {
        let open = self.bypasses().filter(|(_, known)| known.ratified.is_none());
        let debt = |(decision, known): (Sequence, &KnownBypass)| Debt {
            pull: known.pull,
            decision,
            environments: known.bypass.environments.clone(),
            due: known.due(),
        };
        open.map(debt).collect()
    }
}
