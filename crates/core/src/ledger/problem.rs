//! What can be wrong with a ledger: stable codes, how grave they are, and words for people.
//!
//! Problems are data; nothing here finds them.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::domain::{Oid, Sequence};

/// Stable name of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemCode {
    /// There is no entry at all.
    Empty,
    /// The first entry is no adoption signed by the key it names, or not by a key that is trusted.
    Root,
    /// A commit without a readable entry.
    Junk,
    /// A signature by nobody the ledger trusts.
    Signature,
    /// Signed with a key after it was retired.
    RetiredKey,
    /// Signed with a revoked key.
    RevokedKey,
    /// A statement that is not written the way entries are written.
    Malformed,
    /// A kind of entry only a newer version knows.
    UnknownKind,
    /// Another repository or another ledger is meant.
    Foreign,
    /// An entry is missing before this one.
    Gap,
    /// A place that is taken already.
    Repeat,
    /// It does not follow the entry before it.
    Previous,
    /// It cannot be true after the entries before it.
    Contradiction,
    /// Shorter than it once was.
    Missing,
    /// Another entry stands where one was remembered.
    Replaced,
    /// The decision comes out differently from what was recorded.
    DecisionNotReproducible,
}

impl ProblemCode {
    /// The code in kebab-case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "ledger-empty",
            Self::Root => "ledger-root",
            Self::Junk => "ledger-junk",
            Self::Signature => "ledger-signature",
            Self::RetiredKey => "ledger-retired-key",
            Self::RevokedKey => "ledger-revoked-key",
            Self::Malformed => "ledger-malformed",
            Self::UnknownKind => "ledger-unknown-kind",
            Self::Foreign => "ledger-foreign",
            Self::Gap => "ledger-gap",
            Self::Repeat => "ledger-repeat",
            Self::Previous => "ledger-previous",
            Self::Contradiction => "ledger-contradiction",
            Self::Missing => "ledger-missing",
            Self::Replaced => "ledger-replaced",
            Self::DecisionNotReproducible => "decision-not-reproducible",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Empty => "an operator with the signing key runs `countersign adopt <full sha>`",
            Self::Root => {
                "compare the fingerprint of `countersign keygen` with `--trust` or `COUNTERSIGN_TRUST`; if they differ, somebody else wrote this ledger"
            }
            Self::Junk => {
                "the commits above the last entry say nothing; restrict the ledger branch to the App, the server puts it back at its next turn"
            }
            Self::Signature | Self::Malformed | Self::Foreign | Self::Gap | Self::Repeat | Self::Previous => {
                "somebody changed the ledger; restore the branch from the server's copy or a trusted clone, and restrict it to the App"
            }
            Self::Missing | Self::Replaced => {
                "restore the ledger branch from the server's copy or a trusted clone; do not adopt again"
            }
            Self::RetiredKey => "give the writer a key in use, then restore the ledger to the entry before",
            Self::RevokedKey => {
                "what a revoked key signed does not count; ask for these changes to be approved again under a good key"
            }
            Self::UnknownKind => "update countersign",
            Self::Contradiction => {
                "the holder of a signing key wrote what cannot be; find out which program did, revoke its key"
            }
            Self::DecisionNotReproducible => {
                "read `countersign ledger show` for this entry; if the recorded facts do not allow it, revoke the key that signed it"
            }
        }
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// How grave a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// To be looked at; what the ledger vouches for still holds.
    Note,
    /// The ledger is not valid: nothing it says is relied upon.
    Invalid,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What.
    pub code: ProblemCode,
    /// How grave.
    pub severity: Severity,
    /// The entry it was found at, as far as its place is known.
    #[serde(serialize_with = "label")]
    pub entry: Option<Sequence>,
    /// The commit of the ledger it was found at.
    pub commit: Option<Oid>,
    /// One lower-case sentence.
    pub message: String,
}

impl Problem {
    /// A problem, with what is wrong as a sentence.
    #[must_use]
    pub fn new(code: ProblemCode, severity: Severity, message: impl Into<String>) -> Self {
        Self { code, severity, entry: None, commit: None, message: message.into() }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, entry: Option<Sequence>, commit: Option<&Oid>) -> Self {
        self.entry = entry;
        self.commit = commit.cloned();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if let Some(commit) = &self.commit {
            write!(f, " (commit {})", commit.short())?;
        }
        write!(f, "\nhelp: {}", self.code.help())
    }
}

fn label<S: Serializer>(entry: &Option<Sequence>, to: S) -> Result<S::Ok, S::Error> {
    match entry {
        Some(sequence) => to.serialize_str(&sequence.label()),
        None => to.serialize_none(),
    }
}
