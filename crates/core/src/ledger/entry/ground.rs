//! Entries that lay the ground: what is vouched for, by which policy, with which keys.
//!
//! They hold what was there; whether it may stand is checked by the fold.

use serde::{Deserialize, Serialize};

use crate::domain::{Digest, EntryMode, Oid, RefName, RepoPath, ResolvedNames, Sequence, TreeEntry};
use crate::ledger::keys::{KeyClass, PublicKey};

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
    /// An approved change of the policy, whose decision lists the branch and the commit.
    Approved,
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
