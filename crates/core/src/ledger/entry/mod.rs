//! What an entry of the ledger can say: a closed vocabulary, each kind with its own fields.
//!
//! A kind that is reserved or unknown is refused as written by a newer version, never skipped. Nothing here knows of
//! signatures, and no field holds a value of a secret: paths, object ids, accounts, digests and the policy text are all there is.

mod back;
mod bypass;
mod decided;
mod ground;
mod revocation;
mod sight;

use serde_json::Value;
use thiserror::Error;

pub use back::{PushOutcome, PutBackEntry};
pub use bypass::{BypassEntry, BypassWord, Bypassing, RatificationEntry};
pub use decided::{
    AdoptedBranch, Approval, DecisionEntry, MergeEntry, MergeMethod, RecordedFacts, RecordedVerdict, UnrecordableFacts,
};
pub use ground::{AdoptedEntry, AdoptedPath, Adoption, KeyAction, KeyEntry, POLICY_PATH, PolicyEntry, RootKey};
pub use revocation::RevocationEntry;
pub use sight::{PushEntry, RequestSeen, VoteEntry};

use crate::domain::SyncReceipt;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The ledger begins to vouch for a branch.
    Adopted(AdoptedEntry),
    /// A policy text becomes effective.
    Policy(PolicyEntry),
    /// A key is added, retired or revoked.
    Key(KeyEntry),
    /// Somebody pushed.
    Push(PushEntry),
    /// Somebody voted, or a vote ended.
    Vote(VoteEntry),
    /// A merge was decided.
    Decision(Box<DecisionEntry>),
    /// A decided merge was carried out and verified.
    Merge(MergeEntry),
    /// A direct push was put back, or quarantined.
    PutBack(Box<PutBackEntry>),
    /// A change was merged by a bypass.
    Bypass(Box<BypassEntry>),
    /// A bypass was approved afterwards.
    Ratification(Box<RatificationEntry>),
    /// A value may not come back.
    Revocation(Box<RevocationEntry>),
    /// How a delivery to a target ended.
    Sync(Box<SyncReceipt>),
}

/// Name of a kind, as it stands in the predicate type and as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `adopted`
    Adopted,
    /// `policy`
    Policy,
    /// `key`
    Key,
    /// `push`
    Push,
    /// `vote`
    Vote,
    /// `decision`
    Decision,
    /// `merge`
    Merge,
    /// `put-back`
    PutBack,
    /// `bypass`
    Bypass,
    /// `ratification`
    Ratification,
    /// `revocation`
    Revocation,
    /// `sync`
    Sync,
}

/// Why some JSON is no entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    /// A kind this version does not know, the reserved `access` among them.
    #[error("its kind is `{0}`, which a newer version of countersign writes")]
    UnknownKind(String),
    /// Fields missing, surplus or of another shape.
    #[error("it is no `{kind}` entry: {reason}")]
    Shape {
        /// The kind it says it is.
        kind: &'static str,
        /// What the parser says.
        reason: String,
    },
}

impl Kind {
    /// All kinds of this version.
    pub const ALL: [Self; 12] = [
        Self::Adopted,
        Self::Policy,
        Self::Key,
        Self::Push,
        Self::Vote,
        Self::Decision,
        Self::Merge,
        Self::PutBack,
        Self::Bypass,
        Self::Ratification,
        Self::Revocation,
        Self::Sync,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adopted => "adopted",
            Self::Policy => "policy",
            Self::Key => "key",
            Self::Push => "push",
            Self::Vote => "vote",
            Self::Decision => "decision",
            Self::Merge => "merge",
            Self::PutBack => "put-back",
            Self::Bypass => "bypass",
            Self::Ratification => "ratification",
            Self::Revocation => "revocation",
            Self::Sync => "sync",
        }
    }

    /// The kind of a name.
    ///
    /// # Errors
    /// When this version does not know it.
    pub fn parse(name: &str) -> Result<Self, EntryError> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| EntryError::UnknownKind(name.chars().take(80).collect()))
    }
}

impl Entry {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Adopted(_) => Kind::Adopted,
            Self::Policy(_) => Kind::Policy,
            Self::Key(_) => Kind::Key,
            Self::Push(_) => Kind::Push,
            Self::Vote(_) => Kind::Vote,
            Self::Decision(_) => Kind::Decision,
            Self::Merge(_) => Kind::Merge,
            Self::PutBack(_) => Kind::PutBack,
            Self::Bypass(_) => Kind::Bypass,
            Self::Ratification(_) => Kind::Ratification,
            Self::Revocation(_) => Kind::Revocation,
            Self::Sync(_) => Kind::Sync,
        }
    }

    /// The fields of the entry as JSON.
    pub(super) fn to_json(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Adopted(entry) => serde_json::to_value(entry),
            Self::Policy(entry) => serde_json::to_value(entry),
            Self::Key(entry) => serde_json::to_value(entry),
            Self::Push(entry) => serde_json::to_value(entry),
            Self::Vote(entry) => serde_json::to_value(entry),
            Self::Decision(entry) => serde_json::to_value(entry),
            Self::Merge(entry) => serde_json::to_value(entry),
            Self::PutBack(entry) => serde_json::to_value(entry),
            Self::Bypass(entry) => serde_json::to_value(entry),
            Self::Ratification(entry) => serde_json::to_value(entry),
            Self::Revocation(entry) => serde_json::to_value(entry),
            Self::Sync(entry) => serde_json::to_value(entry),
        }
    }

    /// Reads the fields of an entry of this kind.
    pub(super) fn from_json(kind: Kind, json: Value) -> Result<Self, EntryError> {
        let read = match kind {
            Kind::Adopted => serde_json::from_value(json).map(Self::Adopted),
            Kind::Policy => serde_json::from_value(json).map(Self::Policy),
            Kind::Key => serde_json::from_value(json).map(Self::Key),
            Kind::Push => serde_json::from_value(json).map(Self::Push),
            Kind::Vote => serde_json::from_value(json).map(Self::Vote),
            Kind::Decision => serde_json::from_value(json).map(Self::Decision),
            Kind::Merge => serde_json::from_value(json).map(Self::Merge),
            Kind::PutBack => serde_json::from_value(json).map(Self::PutBack),
            Kind::Bypass => serde_json::from_value(json).map(|entry| Self::Bypass(Box::new(entry))),
            Kind::Ratification => serde_json::from_value(json).map(|entry| Self::Ratification(Box::new(entry))),
            Kind::Revocation => serde_json::from_value(json).map(|entry| Self::Revocation(Box::new(entry))),
            Kind::Sync => serde_json::from_value(json).map(|entry| Self::Sync(Box::new(entry))),
        };
        read.map_err(|error| EntryError::Shape { kind: kind.as_str(), reason: error.to_string() })
    }
}
