//! What to do, as data.
//!
//! [`Effect`] is everything countersign can ever do to a forge; adding a variant is a decision record. Executors take no
//! decisions: an effect names exactly what to write, and a merge carries the proof that it was decided.

mod bypass;
mod gate;
mod guard_note;
mod held;
mod plan;
mod policy_change;
mod queue;
mod render;
mod replies;

use crate::decision::Proof;
use crate::domain::{
    CheckId, CommentId, DeploymentId, Environment, Login, Oid, PrNumber, RefName, RunId, Sequence, TargetId, TeamSlug,
    Timestamp,
};
use crate::sync::{DeploymentState, Order};

pub use bypass::{BYPASSED_LABEL, DebtState, Owed, overdue};
pub use gate::gate_answer;
pub use guard_note::guard_note;
pub use held::{Held, held_description, kept_message, needs, restored_message};
pub use plan::{Present, Wanted, wanted};
pub use policy_change::{TRIED_ON, policy_change};
pub use queue::{Queued, queue_check};
pub use render::{Description, Outcome, closed_check, description, ledger_message, merge_message, named_check};
pub use replies::{CommandLine, SyncLine, closing, explain_page, explain_person, help_page, reply, status_page, told};

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
        /// Proof that exactly this head may be merged.
        proof: Proof,
        /// Title of the merge commit.
        title: String,
        /// Message of the merge commit, trailers included.
        message: String,
    },
    /// Record a delivery as a GitHub Deployment (decision 0016). One that is there already is taken.
    CreateDeployment {
        /// What is delivered.
        commit: Oid,
        /// Where to.
        id: TargetId,
        /// The generation; with the target's task it tells ours apart.
        generation: Sequence,
    },
    /// Say on a GitHub Deployment how the delivery stands.
    SetDeployment {
        /// Which deployment.
        deployment: DeploymentId,
        /// Of which environment.
        environment: Environment,
        /// Its state.
        state: DeploymentState,
        /// One line, at most 140 characters.
        description: String,
        /// Where people read more.
        log_url: Option<String>,
    },
    /// Start a workflow with the order as its only input (decision 0016).
    StartWorkflow {
        /// File below `.github/workflows/`.
        file: String,
        /// The branch it is taken from.
        reference: RefName,
        /// What it is told, JSON: an order of ours.
        order: String,
    },
    /// Send a repository event with the order as its payload (decision 0016).
    SendEvent {
        /// Its type.
        event: String,
        /// What it is told.
        order: Order,
    },
    /// Answer a job that waits for its environment, as the custom deployment protection rule of that (decision 0052).
    AnswerJob {
        /// The run it belongs to.
        run: RunId,
        /// Environment, as GitHub calls it.
        environment: String,
        /// The verdict; `None`: a report without one.
        verdict: Option<JobVerdict>,
        /// Markdown, at most 1,024 characters.
        comment: String,
    },
    /// Close a pull request without merging it, and say why in a comment of its own, once (decision 0032).
    CloseChange {
        /// Which pull request.
        change: PrNumber,
        /// Tells this closing from another one of the same request; stands in the comment.
        marker: String,
        /// The comment, its marker included.
        body: String,
    },
    /// Say something in a comment of its own, once: one with this marker that is there already is taken (decision 0038).
    Tell {
        /// Which pull request.
        change: PrNumber,
        /// By which it is found; stands in the comment.
        marker: String,
        /// The comment, its marker included.
        body: String,
    },
    /// Put a label on a pull request; one that is there stays (decision 0038).
    Label {
        /// Which pull request.
        change: PrNumber,
        /// Its name.
        name: &'static str,
    },
    /// React to a comment; the same reaction twice is one.
    React {
        /// Which comment.
        comment: CommentId,
        /// With what.
        reaction: Reaction,
    },
    /// Answer a comment, once: an answer that is there already is taken (decision 0018).
    Reply {
        /// Which pull request.
        change: PrNumber,
        /// Which comment is answered.
        to: CommentId,
        /// The answer, its marker included.
        body: String,
    },
}

/// What a job that waits is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobVerdict {
    /// It may go on.
    Approved,
    /// It may not.
    Rejected,
}

impl JobVerdict {
    /// GitHub's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// A reaction of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// 👀: seen.
    Eyes,
    /// 🚀: done.
    Rocket,
    /// 😕: not done; the answer says why.
    Confused,
}

impl Reaction {
    /// GitHub's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Eyes => "eyes",
            Self::Rocket => "rocket",
            Self::Confused => "confused",
        }
    }
}

/// Marker inside our answer to a comment, by which it is found again.
#[must_use]
pub fn reply_marker(to: CommentId) -> String {
    format!("<!-- countersign:reply {to} -->")
}

/// Marker inside the comment that calls those who must ratify a bypass.
#[must_use]
pub fn overdue_marker(change: PrNumber, decision: Sequence) -> String {
    format!("<!-- countersign:overdue {change} {} -->", decision.label())
}

/// Marker inside the comment that says why we closed a pull request; it names the last change before.
#[must_use]
pub fn closing_marker(change: PrNumber, updated: Timestamp) -> String {
    format!("<!-- countersign:closed {change} {updated} -->")
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
    /// The deployment that now stands.
    Deployment(DeploymentId),
    /// The workflow run that was started, where GitHub names it.
    Started(Option<RunId>),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
