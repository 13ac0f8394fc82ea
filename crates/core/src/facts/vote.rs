//! What people said about a change, and what they may say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Known;
use crate::domain::{Account, CommentId, Oid, Permission, RefName, ReviewId, TeamId, Timestamp};

/// Where a vote stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoteSource {
    /// A submitted review.
    Review(ReviewId),
    /// A comment: `/countersign approve`, `reject` or `unapprove`.
    Comment(CommentId),
}

/// What was said (R10, R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoteKind {
    /// An approval.
    Approve,
    /// "Request changes": a veto until it is taken back.
    Reject,
    /// The end of whatever the same person said before, by a comment (R10).
    Withdraw,
    /// The vote this source carried has ended (dismissed; a comment that was edited, hidden or deleted).
    Ended,
    /// A state GitHub did not have when this was written: holds the change (R11).
    Unrecognised,
}

/// One vote, as read now and as first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteFacts {
    /// Where it stands.
    pub source: VoteSource,
    /// Whose; `None`: a deleted account (R17).
    pub account: Option<Account>,
    /// What it says now.
    pub kind: VoteKind,
    /// What it said when first seen; differs after a dismissal.
    pub first_kind: Option<VoteKind>,
    /// The commit it names now.
    pub commit: Option<Oid>,
    /// The commit it named when it was delivered; `None`: first seen by reading, no delivery (R12, R13).
    pub delivered_commit: Option<Oid>,
    /// Base of the change when the vote was first read (R22, R27).
    pub first_base: RefName,
    /// GitHub's time of submission.
    pub at: Timestamp,
    /// Who ended it, when a delivery said so (R19).
    pub ended_by: Option<Account>,
    /// Its author was an approver of what the change touches when it was first seen: a veto outlives membership (R24).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stood: bool,
}

/// What one voter may do, read for this decision (R38–R42).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Permission in the repository.
    pub permission: Known<Permission>,
    /// Active membership, per team the policy names.
    pub teams: BTreeMap<TeamId, Known<bool>>,
}
