//! What an entry of the ledger can say: a closed vocabulary, each kind with its own fields.
//!
//! A kind that is reserved or unknown is refused as written by a newer version, never skipped. Nothing here knows of
//! signatures, and no field holds a value of a secret: paths, object ids, accounts, digests and the policy text are all there is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::keys::{KeyClass, PublicKey};
use crate::domain::{
    Account, DeliveryId, Delta, Digest, EntryMode, Login, Oid, PrNumber, RefName, RepoPath, ResolvedNames, Sequence,
    Timestamp, TreeEntry, UserId,
};
use crate::facts::{Known, VoteKind, VoteSource};

/// Where the policy stands.
pub const POLICY_PATH: &str = ".countersign/policy.yaml";

/// What the ledger begins to vouch for: the first entry, and one more per further governed branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptedEntry {
    /// Commit whose state was taken in.
    pub commit: Oid,
    /// The branch it was taken from.
    pub branch: RefName,
    /// The default branch, pinned from here on.
    pub default_branch: RefName,
    /// The key everything else is traced to; it signs the first entry itself.
    pub root_key: RootKey,
    /// Governed and control paths taken in, in path order.
    pub paths: Vec<AdoptedPath>,
    /// Who decided that.
    pub how: Adoption,
}

/// The root key, as named by the first entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootKey {
    /// The key.
    pub public_key: PublicKey,
    /// What holds it.
    pub class: KeyClass,
}

/// One path taken in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptedPath {
    /// Where.
    pub path: RepoPath,
    /// What it is.
    pub mode: EntryMode,
    /// Which object.
    pub oid: Oid,
}

impl AdoptedPath {
    /// What stands there.
    #[must_use]
    pub fn entry(&self) -> TreeEntry {
        TreeEntry { mode: self.mode, oid: self.oid.clone() }
    }
}

/// How it came to an adoption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adoption {
    /// `countersign adopt <full sha>` by the operator.
    Explicit,
    /// `COUNTERSIGN_ADOPT=first-seen`: trust on first use.
    FirstSeen,
}

/// A policy text becomes effective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyEntry {
    /// Branch it stands on.
    pub branch: RefName,
    /// Commit it was read at.
    pub commit: Oid,
    /// Its blob: the approved entry at [`POLICY_PATH`].
    pub blob: Oid,
    /// The text itself.
    pub text: String,
    /// SHA-256 of the text.
    pub digest: Digest,
    /// What its names mean from here on.
    pub names: ResolvedNames,
    /// Digest of the text it takes the place of on this branch.
    pub previous_digest: Option<Digest>,
}

/// A change in which keys may sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// What happens to the key.
    pub action: KeyAction,
    /// The key.
    pub public_key: PublicKey,
    /// What holds it.
    pub class: KeyClass,
}

/// What happens to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAction {
    /// May sign from the next entry on.
    Add,
    /// May not sign from the next entry on; what it signed stays good.
    Retire,
    /// Was not to be believed from an entry on: what it signed from there is void.
    Revoke {
        /// The first entry that is void.
        from_sequence: Sequence,
    },
}

/// A push, as a delivery told it: who pushed is seen nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushEntry {
    /// What was pushed to.
    pub reference: RefName,
    /// From which commit.
    pub before: Oid,
    /// To which commit.
    pub after: Oid,
    /// Who pushed.
    pub sender: Known<Account>,
    /// Whether history was rewritten.
    pub forced: bool,
    /// The delivery that said so.
    pub delivery: Option<DeliveryId>,
}

/// A vote at first sight, or its end. May exclude people and void votes, never makes one count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoteEntry {
    /// On which pull request.
    pub pull: PrNumber,
    /// Review or comment it was given by.
    pub source: VoteSource,
    /// Whose vote; `None`: a deleted account.
    pub user: Option<Account>,
    /// What it said.
    pub kind: VoteKind,
    /// The commit it named when first seen.
    pub commit: Oid,
    /// Base of the pull request when it was first seen.
    pub base: RefName,
    /// When it was given, in GitHub's time.
    pub at: Timestamp,
    /// Digest of the delta at that commit, when it could be computed.
    pub delta_digest: Option<Digest>,
    /// Who ended it (kind `ended` only), when a delivery said so.
    pub ended_by: Option<Account>,
    /// The delivery that said so; `None`: first seen by reading.
    pub delivery: Option<DeliveryId>,
}

/// A decision to merge, written before merging: it is the intent as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionEntry {
    /// Which pull request.
    pub pull: PrNumber,
    /// The commit that may be merged.
    pub head: Oid,
    /// Into which reference.
    pub base: RefName,
    /// Onto which commit.
    pub base_tip: Oid,
    /// Merge base of the two.
    pub merge_base: Oid,
    /// Digest of the whole difference (R5).
    pub delta_digest: Digest,
    /// Digest of the policy text in force on the default branch.
    pub policy_digest: Digest,
    /// Why it may be merged.
    pub verdict: RecordedVerdict,
    /// Whose votes counted.
    pub approved_by: Vec<Approval>,
    /// Governed and control entries that change, old side as last approved. Paths that become governed by this change and stand
    /// there already are listed with nothing as their old side.
    pub delta: Delta,
    /// What it was decided from.
    pub facts: RecordedFacts,
    /// How it is to be merged.
    pub intent: MergeMethod,
}

/// A verdict that allows merging; no other is ever recorded as a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedVerdict {
    /// Every matching policy was satisfied.
    Satisfied,
    /// Soft policies were bypassed.
    Bypassed,
}

/// One vote that counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Who.
    pub user: UserId,
    /// Their login then, for people.
    pub login: Login,
    /// By which review or comment.
    pub via: VoteSource,
    /// Given for which commit.
    pub commit: Oid,
}

/// How a change is brought onto its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMethod {
    /// Our own merge commit, the reference moved by compare-and-swap.
    MoveRef,
    /// Our own merge commit made through the commits API (signed by GitHub), the reference moved by compare-and-swap.
    CommitsApi,
    /// The forge's merge endpoint, head pinned.
    Endpoint,
    /// Somebody else merged it, and the decision allowed exactly that.
    Foreign,
}

/// Facts of a decision as JSON, kept as they were when it was taken; read by whoever runs it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordedFacts(Value);

impl RecordedFacts {
    /// Records facts.
    ///
    /// # Errors
    /// When they do not serialise, or hold a number with a fraction (which has more than one spelling).
    pub fn record(facts: &impl Serialize) -> Result<Self, UnrecordableFacts> {
        let value = serde_json::to_value(facts).map_err(|_| UnrecordableFacts)?;
        if has_fraction(&value) { Err(UnrecordableFacts) } else { Ok(Self(value)) }
    }

    /// The JSON.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

/// Facts that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the facts of a decision cannot be recorded as JSON\nhelp: this is a fault of countersign; please report it")]
pub struct UnrecordableFacts;

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// What was decided is what now stands on the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeEntry {
    /// Which pull request.
    pub pull: PrNumber,
    /// The decision carried out.
    pub decision: Sequence,
    /// The new tip of the base.
    pub commit: Oid,
    /// How it got there.
    pub method: MergeMethod,
    /// The approved delta over governed and control entries, as decided: approved state := last approved with this applied,
    /// never "what is there now".
    pub approved: Delta,
}

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
}

/// Why some JSON is no entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    /// A kind this version does not know, reserved ones (`put-back`, `bypass`, `ratification`, `access`, `revocation`, `sync`)
    /// among them.
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
    pub const ALL: [Self; 7] =
        [Self::Adopted, Self::Policy, Self::Key, Self::Push, Self::Vote, Self::Decision, Self::Merge];

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
        };
        read.map_err(|error| EntryError::Shape { kind: kind.as_str(), reason: error.to_string() })
    }
}
