//! Who asked for a change, who pushed it, who wrote it (R31–R35).

use serde::{Deserialize, Serialize};

use super::Known;
use crate::domain::{Account, Oid};

/// In which way a commit names somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContributorRole {
    /// Author of the commit.
    Author,
    /// Committer of the commit.
    Committer,
    /// Named by a `Co-authored-by` trailer.
    CoAuthor,
}

/// Somebody a commit of the change names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contributor {
    /// The commit.
    pub commit: Oid,
    /// How it names them.
    pub role: ContributorRole,
    /// The account; `None`: the identity maps to no account (R34).
    pub account: Option<Account>,
}

/// Somebody who moved the head reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pusher {
    /// To which commit.
    pub commit: Oid,
    /// Who; unknown when no delivery or activity record says so.
    pub account: Known<Account>,
}

/// Everybody who made the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// Who asked for it: the author of a person's own pull request, or the sender of the push we opened it for.
    pub requester: Known<Account>,
    /// Who moved the head.
    pub pushers: Vec<Pusher>,
    /// Whom its commits name, through all parents; trivial merges of the base are left out (R35).
    pub contributors: Vec<Contributor>,
}
