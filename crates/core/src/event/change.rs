//! What happens to branches and pull requests.
//!
//! Nothing here counts a vote or judges a push; accounts are who GitHub says acted, compared by id elsewhere.

use super::Place;
use super::command::Spoken;
use crate::domain::{Account, CommentId, Oid, PrNumber, RefName, ReviewId, Timestamp};

/// A reference moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Where.
    pub place: Place,
    /// Which reference; tags too.
    pub reference: RefName,
    /// From; all zeros when it was created.
    pub before: Oid,
    /// To; all zeros when it was deleted.
    pub after: Oid,
    /// It did not exist before.
    pub created: bool,
    /// It no longer exists.
    pub deleted: bool,
    /// It did not move forward.
    pub forced: bool,
    /// Who: the `sender`, never the `pusher` (R31). `None`: nobody, or an account we cannot name.
    pub sender: Option<Account>,
    /// GitHub's time of the push; never a time written in a commit.
    pub pushed_at: Option<Timestamp>,
}

/// What happened to a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeAction {
    /// Opened.
    Opened,
    /// Its head moved.
    Synchronized {
        /// The head before, when the delivery said so.
        before: Option<Oid>,
    },
    /// Opened again.
    Reopened,
    /// Closed.
    Closed {
        /// By merging it.
        merged: bool,
    },
    /// Title, body or base edited.
    Edited {
        /// The base it had before, when that was edited.
        base_before: Option<RefName>,
    },
    /// Marked ready for review.
    Ready,
    /// Made a draft.
    Draft,
    /// Somebody was asked to review.
    ReviewRequested,
    /// Somebody is no longer asked to review.
    ReviewRequestRemoved,
}

/// A pull request changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub place: Place,
    /// Which pull request.
    pub number: PrNumber,
    /// What happened.
    pub action: ChangeAction,
    /// Its head then.
    pub head: Oid,
    /// Its head branch, when it is in this repository.
    pub head_ref: Option<RefName>,
    /// Its base then.
    pub base: RefName,
    /// Who opened it; `None`: a deleted account.
    pub author: Option<Account>,
    /// Who acted.
    pub sender: Option<Account>,
    /// GitHub's time of the change.
    pub updated_at: Option<Timestamp>,
}

/// What happened to a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewAction {
    /// Submitted.
    Submitted,
    /// Its text was edited. Never a first sight: the commit it names may have been moved since (R12).
    Edited,
    /// Dismissed by the sender (R19).
    Dismissed,
}

/// What a review said (R11); webhooks spell it in lower case, REST in upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    /// An approval.
    Approved,
    /// "Request changes".
    ChangesRequested,
    /// A comment: neither adds nor removes.
    Commented,
    /// Dismissed.
    Dismissed,
    /// Not submitted.
    Pending,
    /// A state GitHub did not have when this was written.
    Unrecognised,
}

impl ReviewState {
    /// Reads GitHub's word, in either case.
    #[must_use]
    pub fn from_github(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "approved" => Self::Approved,
            "changes_requested" => Self::ChangesRequested,
            "commented" => Self::Commented,
            "dismissed" => Self::Dismissed,
            "pending" => Self::Pending,
            _ => Self::Unrecognised,
        }
    }
}

/// A review was given, edited or dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Where.
    pub place: Place,
    /// Of which pull request.
    pub number: PrNumber,
    /// Its base then (R27).
    pub base: Option<RefName>,
    /// Which review.
    pub id: ReviewId,
    /// What happened.
    pub action: ReviewAction,
    /// What the review says now.
    pub state: ReviewState,
    /// The commit it names.
    pub commit: Option<Oid>,
    /// Whose review; `None`: a deleted account (R17).
    pub author: Option<Account>,
    /// Who acted: the reviewer, or who dismissed.
    pub sender: Option<Account>,
}

/// What happened to a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentAction {
    /// Written.
    Created,
    /// Edited, by whomever (R18).
    Edited,
    /// Deleted.
    Deleted,
}

/// Somebody wrote under a pull request. The text stays where it is: what it says is read again by the turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Where.
    pub place: Place,
    /// Under which pull request.
    pub number: PrNumber,
    /// Which comment.
    pub id: CommentId,
    /// What happened.
    pub action: CommentAction,
    /// Its text holds a command, or what was meant as one: a hint that saves reading it, never a reason to act.
    pub may_command: bool,
    /// What its text said of the kind that stands with it: seen once, it cannot be made unsaid by editing.
    pub said: Option<Spoken>,
    /// Who acted.
    pub sender: Option<Account>,
}

/// Somebody asked for a check again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Where.
    pub place: Place,
    /// Name of the check; `None`: the whole suite of our App.
    pub name: Option<String>,
    /// On which commit.
    pub head: Oid,
    /// Pull requests GitHub knows for that commit; often none.
    pub changes: Vec<PrNumber>,
    /// Who asked.
    pub sender: Option<Account>,
}

/// A merge queue built a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeGroup {
    /// Where.
    pub place: Place,
    /// The commit that would be merged.
    pub head: Oid,
    /// Its reference, under `gh-readonly-queue/`.
    pub head_ref: RefName,
    /// The branch it would be merged into.
    pub base: RefName,
}
