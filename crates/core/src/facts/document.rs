//! What a governed file is and what changed in it: names and kinds of change, never a value or a token.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::keys::KeyChanges;
use super::readers::Readers;
use crate::domain::{RefName, RepoPath};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// Nothing.
    Absent,
    /// A SOPS document with its integrity code.
    Sealed,
    /// A SOPS document that lacks its integrity code.
    MacMissing,
    /// A file without SOPS metadata.
    Plain,
    /// A file that cannot be read as what its name says: the place and kind of fault, no content.
    Broken(String),
    /// Larger than we read.
    TooLarge,
    /// A link, a submodule: nothing to read.
    NotAFile,
}

/// How one key changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChangeKind {
    /// New.
    Added,
    /// Gone.
    Removed,
    /// Another value, or one that cannot be told from another without a key.
    Changed,
    /// Another type.
    TypeChanged,
    /// Another place.
    Moved,
    /// Same value, sealed anew.
    Reencrypted,
    /// Same value under another name.
    Renamed,
    /// Sealed before, plain now.
    BecamePlain,
    /// Plain before, sealed now.
    BecameEncrypted,
}

impl KeyChangeKind {
    /// The word people read.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::TypeChanged => "type changed",
            Self::Moved => "moved",
            Self::Reencrypted => "sealed anew",
            Self::Renamed => "renamed",
            Self::BecamePlain => "became plain",
            Self::BecameEncrypted => "became sealed",
        }
    }
}

/// One key that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyChange {
    /// Its path in the document: `db.password`, `hosts[0]`.
    pub key: String,
    /// What happened to it.
    pub change: KeyChangeKind,
}

/// A setting of the document that changed (which values are sealed, threshold, data key, …).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SettingChange {
    /// Its name.
    pub name: String,
    /// Before.
    pub old: String,
    /// Now.
    pub new: String,
}

/// One governed file of the delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFacts {
    /// At the merge base.
    pub old: FileState,
    /// At the head.
    pub new: FileState,
    /// Keys that changed, in document order.
    pub keys: KeyChanges,
    /// Keys that stand in plain although the document's own settings say they are sealed.
    pub exposed: Vec<String>,
    /// Who could open it at the merge base.
    pub old_recipients: Readers,
    /// Who can open it at the head.
    pub new_recipients: Readers,
    /// Who must be able to open it according to `.sops.yaml` at the base; `None`: no rule says so.
    pub demanded_recipients: Option<BTreeSet<String>>,
    /// Settings that changed.
    pub settings: Vec<SettingChange>,
    /// Everything else that changed: order, comments, data key, stanzas; `None` in facts recorded before this was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Vec<SettingChange>>,
    /// Other approved files, of now or of earlier, that hold a sealed value or a sealed data key which is new in this one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub copied: BTreeSet<Origin>,
    /// Keys that get back a value that was revoked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub revoked: BTreeSet<String>,
}

/// A file in which a ciphertext was approved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The branch it stands or stood on.
    pub branch: RefName,
    /// Where.
    pub path: RepoPath,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::KeyChangeKind::*;

    #[test]
    fn each_kind_of_change_has_a_word_of_its_own() {
        let kinds = [Added, Removed, Changed, TypeChanged, Moved, Reencrypted, Renamed, BecamePlain, BecameEncrypted];
        assert_eq!(kinds.iter().map(|kind| kind.words()).collect::<BTreeSet<_>>().len(), kinds.len());
    }
}
