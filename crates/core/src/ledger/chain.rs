//! A verified ledger: its entries in order, their sum, and what was found wrong.
//!
//! Only `verify` makes one. What it vouches for is asked of `cover`; nothing here reads Git.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::keys::{KeyClass, KeyFingerprint};
use super::problem::{Problem, ProblemCode, Severity};
use super::state::{Head, LedgerState};
use crate::domain::{Digest, Oid, Sequence, Timestamp};

/// One commit of the ledger's first-parent line, as an adapter read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLink {
    /// The commit.
    pub commit: Oid,
    /// Bytes of its `entry.json`; `None`: there is none.
    pub envelope: Option<Vec<u8>>,
}

/// Whom the reader trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The root key must be one of these.
    Pinned(BTreeSet<KeyFingerprint>),
    /// Whatever root key the first entry names; `verify` says so.
    Unpinned,
}

impl Trust {
    /// Pins these fingerprints; none at all is no pin.
    #[must_use]
    pub fn pinned(fingerprints: impl IntoIterator<Item = KeyFingerprint>) -> Self {
        let pins: BTreeSet<_> = fingerprints.into_iter().collect();
        if pins.is_empty() { Self::Unpinned } else { Self::Pinned(pins) }
    }

    /// Whether this root key is accepted.
    #[must_use]
    pub fn accepts(&self, root: KeyFingerprint) -> bool {
        match self {
            Self::Pinned(pins) => pins.contains(&root),
            Self::Unpinned => true,
        }
    }

    /// Whether there is a pin.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        match self {
            Self::Pinned(_) => true,
            Self::Unpinned => false,
        }
    }
}

/// One entry whose signature and place are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its place.
    pub sequence: Sequence,
    /// The commit that holds it.
    pub commit: Oid,
    /// SHA-256 of its envelope.
    pub envelope: Digest,
    /// Who signed it.
    pub key: KeyFingerprint,
    /// What holds that key; `None` for a key only void entries named.
    pub class: Option<KeyClass>,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
    /// It does not count: a revoked key signed it, or it rests on something such a key signed.
    pub void: bool,
}

/// A ledger that was walked from its first entry as far as it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    pub(super) state: LedgerState,
    pub(super) entries: Vec<Verified>,
    pub(super) problems: Vec<Problem>,
    pub(super) pinned: bool,
}

impl Ledger {
    /// What it says, summed up; up to the first entry that is not good.
    #[must_use]
    pub fn state(&self) -> &LedgerState {
        &self.state
    }

    /// Gives the state away, to go on writing.
    #[must_use]
    pub fn into_state(self) -> LedgerState {
        self.state
    }

    /// The entries, oldest first; up to the first that is not good, void ones included.
    #[must_use]
    pub fn entries(&self) -> &[Verified] {
        &self.entries
    }

    /// The entry at a place.
    #[must_use]
    pub fn entry(&self, at: Sequence) -> Option<&Verified> {
        let index = usize::try_from(at.get().checked_sub(1)?).ok()?;
        self.entries.get(index)
    }

    /// What is wrong, in the order it was found.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether it may be relied upon: no problem but notes.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity == Severity::Note)
    }

    /// Whether the root key is one the reader pinned.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// The newest good entry.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.state.head()
    }

    /// Compares with the newest entry somebody remembers, by its place and its commit: a shorter or another ledger becomes a problem (`ledger-missing`,
    /// `ledger-replaced`). Truncation cannot be seen from the ledger alone.
    #[must_use]
    pub fn remembered(mut self, sequence: Sequence, commit: &Oid) -> Self {
        let label = sequence.label();
        match self.entry(sequence) {
            Some(entry) if entry.commit == *commit => {}
            Some(entry) => {
                let message = format!("another entry stands at {label} than the one that was seen there before");
                let commit = entry.commit.clone();
                let problem = Problem::new(ProblemCode::Replaced, Severity::Invalid, message);
                self.problems.push(problem.at(Some(sequence), Some(&commit)));
            }
            None => {
                let length = self.entries.len();
                let message = format!("the ledger ends at L-{length}, but {label} was seen before");
                self.problems.push(Problem::new(ProblemCode::Missing, Severity::Invalid, message).at(None, None));
            }
        }
        self
    }
}
