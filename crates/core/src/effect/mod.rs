//! What to do, as data.
//!
//! [`Effect`] is everything countersign can ever do to a forge; adding a variant is a decision record. Executors take no
//! decisions: an effect names exactly what to write, and a merge carries the proof that it was decided.

mod held;
mod plan;
mod render;

use crate::decision::QuorumMet;
use crate::domain::{CheckId, CommentId, Login, Oid, PrNumber, RefName, TeamSlug};

pub use held::{Held, held_description, kept_message, needs, restored_message};
pub use plan::{Present, Wanted, wanted};
pub use render::{Description, Outcome, closed_check, description, ledger_message, merge_message, named_check};

/// Marker inside our sticky comment, by which it is found again.
pub const COMMENT_MARKER: &str = "<!-- countersign -->";

/// Name of the one check (interfaces: fixed, so that it can be required and pinned to the App).
pub const CHECK_NAME: &str = "countersign";

/// An instruction to the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open a pull request.
    OpenChange {
        /// Head branch of this repository.
        head: RefName,
        /// Base branch.
        base: RefName,
        /// Title.
        title: String,
        /// Body.
        body: String,
    },
    /// Change title and body of a pull request we opened.
    DescribeChange {
        /// Which.
        change: PrNumber,
        /// Title.
        title: String,
        /// Body.
        body: String,
    },
    /// Ask people to review. Those who cannot be asked are skipped, not an error.
    RequestReviewers {
        /// Which.
        change: PrNumber,
        /// Persons.
        users: Vec<Login>,
        /// Teams.
        teams: Vec<TeamSlug>,
    },
    /// Create (`id: None`) or update the check on a commit.
    SetCheck {
        /// The commit.
        head: Oid,
        /// The check to update.
        id: Option<CheckId>,
        /// What it says.
        check: Check,
    },
    /// Write (`id: None`) or edit the sticky comment.
    Comment {
        /// Which pull request.
        change: PrNumber,
        /// The comment to edit.
        id: Option<CommentId>,
        /// Its text, marker included.
        body: String,
    },
    /// Merge through the forge's own endpoint, head pinned; only where rules forbid moving the branch (`changes.md` 6.2).
    Merge {
        /// Which pull request.
        change: PrNumber,
        /// Proof that the quorum is met for exactly this head.
        proof: QuorumMet,
        /// Title of the merge commit.
        title: String,
        /// Message of the merge commit, trailers included.
        message: String,
    },
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// A pull request was opened, or was already there.
    Opened(PrNumber),
    /// The check that now stands.
    Check(CheckId),
    /// The comment that now stands.
    Comment(CommentId),
    /// The commit that now is the tip of the base.
    Merged(Oid),
    /// Done, nothing to remember.
    Done,
}

/// How a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// Not ended: something could not be read.
    InProgress,
    /// `success`.
    Success,
    /// `action_required`.
    ActionRequired,
    /// `failure`.
    Failure,
    /// `neutral`.
    Neutral,
}

/// What the check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its state.
    pub state: CheckState,
    /// One line (at most 255 characters).
    pub title: String,
    /// Markdown (at most 65,535 characters).
    pub summary: String,
    /// Digest of all the above: equal means nothing to write.
    pub external_id: String,
}
