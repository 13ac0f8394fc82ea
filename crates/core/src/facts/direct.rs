//! What a direct push was about, as far as its own change request rests on it.
//!
//! Names of paths and kinds of reasons; never content.

use serde::{Deserialize, Serialize};

use crate::domain::RepoPath;

/// What a change request is that holds a direct push (`changes.md` 2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPush {
    /// The branch still stands as it was pushed, and why.
    pub quarantined: Option<Quarantine>,
    /// What of the push is not in the request.
    pub left_out: Vec<LeftOut>,
}

/// Why a push is not put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quarantine {
    /// The policy says `direct_push: quarantine`.
    Policy,
    /// It stood there for too long before it was seen: others may rest on it by now.
    WhileDown,
    /// The same was put back twice within an hour.
    Repeated,
    /// A rule of the repository does not let us move the branch.
    Rules,
    /// It stands on top of a push that is quarantined.
    OnTop,
    /// Only workflow files differ: these are never put back.
    Workflows,
    /// The commits cannot be built.
    Unbuildable,
}

impl Quarantine {
    /// All reasons.
    pub const ALL: [Self; 7] =
        [Self::Policy, Self::WhileDown, Self::Repeated, Self::Rules, Self::OnTop, Self::Workflows, Self::Unbuildable];

    /// As the end of "it was not put back, because …".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Policy => "the policy says `direct_push: quarantine`",
            Self::WhileDown => "it stood there for more than ten minutes before it was seen, and others may rest on it",
            Self::Repeated => "the same was pushed three times within an hour",
            Self::Rules => "a rule of the repository does not let countersign move the branch",
            Self::OnTop => "it stands on a push that is quarantined",
            Self::Workflows => "it changes workflow files, which are never put back",
            Self::Unbuildable => "the tree that was pushed cannot be restored",
        }
    }
}

/// Something of a push that is not copied to another branch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Where.
    pub path: RepoPath,
    /// What it is.
    pub what: LeftOutKind,
}

/// Why something is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOutKind {
    /// Not sealed, or not wholly: its values are public by now.
    Plaintext,
    /// Cannot be read as a sealed document, so it may be plain text.
    Unreadable,
    /// A symbolic link or a submodule.
    NotAFile,
    /// The executable bit alone; the content is kept.
    ExecutableBit,
    /// A path that is not safe (R7).
    BadPath,
}

impl LeftOutKind {
    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Plaintext => "not encrypted",
            Self::Unreadable => "not readable as a sealed document",
            Self::NotAFile => "a link or submodule",
            Self::ExecutableBit => "the executable bit",
            Self::BadPath => "a path that is not safe",
        }
    }

    /// Whether the values it showed must be taken as known.
    #[must_use]
    pub fn is_leak(self) -> bool {
        match self {
            Self::Plaintext | Self::Unreadable => true,
            Self::NotAFile | Self::ExecutableBit | Self::BadPath => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_reason_has_words_of_its_own_and_what_may_have_been_read_is_a_leak() {
        use LeftOutKind::{BadPath, ExecutableBit, NotAFile, Plaintext, Unreadable};
        let words: BTreeSet<_> = Quarantine::ALL.iter().map(|why| why.words()).collect();
        assert_eq!(words.len(), Quarantine::ALL.len());
        let kinds = [Plaintext, Unreadable, NotAFile, ExecutableBit, BadPath];
        let words: BTreeSet<_> = kinds.iter().map(|kind| kind.words()).collect();
        assert_eq!(words.len(), kinds.len());
        assert_eq!(kinds.map(LeftOutKind::is_leak), [true, true, false, false, false]);
    }
}
