//! The entry of a revoked value: a sealed text that must never be approved again.
//!
//! It changes nothing that is approved, and it takes nothing back: whoever read the value knows it. It holds a digest of the sealed
//! text, from which neither the value nor the text can be told.

use serde::{Deserialize, Serialize};

use crate::domain::{Digest, Oid, RepoPath, Timestamp};

/// A value that was revoked (`changes.md` 9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationEntry {
    /// The document it stood in.
    pub path: RepoPath,
    /// Its key there.
    pub key: String,
    /// The commit at which it stood there.
    pub commit: Oid,
    /// Digest of its ciphertext, nonce and tag.
    pub token: Digest,
    /// When it was revoked.
    pub at: Timestamp,
}
