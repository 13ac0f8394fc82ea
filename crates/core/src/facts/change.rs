//! The pull request itself and its Git history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{Account, Delta, Oid, PrNumber, RefName, RepoPath, Timestamp};

/// The pull request, read now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeFacts {
    /// Its number.
    pub number: PrNumber,
    /// Where people look at it.
    pub url: String,
    /// Open, that is neither closed nor merged.
    pub open: bool,
    /// Not ready for review.
    pub draft: bool,
    /// The head lives in another repository.
    pub from_fork: bool,
    /// It is a fork's, by somebody who may not write here, and nobody who may has said `recheck`: nobody is asked for anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unvouched: bool,
    /// Head commit `H`, read from the reference.
    pub head: Oid,
    /// Reference of the head branch, when it is in this repository.
    pub head_ref: Option<RefName>,
    /// Since when `H` is the head, in GitHub's time; unknown when no push told us.
    pub head_since: Option<Timestamp>,
    /// Base reference `B`.
    pub base: RefName,
    /// Commit at `B`, read from the reference and never from the pull request (R2).
    pub base_tip: Oid,
    /// Last change of anything about it, in GitHub's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    /// The commit by which somebody else merged it. The change is then judged as it stood before: as if it were still open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<Oid>,
}

/// Somebody with write asked for the merge of one head: what an environment with `merge: manual` waits for. No vote (R58).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeAsked {
    /// Who.
    pub by: Account,
    /// The head it was asked for; a push ends it.
    pub head: Oid,
    /// When, in GitHub's time.
    pub at: Timestamp,
}

/// Merge base of base tip and head (R3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeBase {
    /// Exactly one: `M`.
    One(Oid),
    /// Unrelated histories.
    None,
    /// A criss-cross history.
    Many,
}

/// A commit on the way to the head in which a governed file stood in plain text (R8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainCommit {
    /// The commit.
    pub commit: Oid,
    /// The file.
    pub path: RepoPath,
}

/// What Git says about the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The merge base.
    pub merge_base: MergeBase,
    /// Everything that differs between merge base and head, whole tree; empty without a single merge base.
    pub delta: Delta,
    /// Governed or control paths of the delta at which the base tip no longer is what it was at the merge base (R28).
    pub base_moved: Vec<RepoPath>,
    /// Of those, sealed files, and what keeps both sides from being merged key by key, in words that name keys (`changes.md` 4).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apart: BTreeMap<RepoPath, String>,
    /// Governed or control paths at which the base tip is not what was last approved.
    pub base_uncovered: Vec<RepoPath>,
    /// Paths of the delta, with a second path of the resulting tree that is the same on a folding file system (R7).
    pub clashes: Vec<(RepoPath, RepoPath)>,
    /// Plain text on the way (R8).
    pub plain_commits: Vec<PlainCommit>,
    /// Why the repository would be left without a valid policy, if the change does that.
    pub policy_fault: Option<String>,
}
