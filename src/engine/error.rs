//! Why a turn ended early, and when to try again.
//!
//! An error never becomes a verdict: what a person must know is said by the decision.

use countersign_core::domain::{Span, Timestamp};
use countersign_core::facts::WrongAnswer;
use thiserror::Error;

use super::ports::{ForgeError, ForgeErrorKind, JournalError, RepoError};

/// A turn that could not be finished.
#[derive(Debug, Error)]
pub enum TurnError {
    /// GitHub did not answer, or refused.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// Git did not.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The store did not.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An adapter answered another question.
    #[error(transparent)]
    Answer(#[from] WrongAnswer),
    /// Somebody else has taken over the subject.
    #[error("another worker has taken over")]
    TakenOver,
    /// The branch kept moving.
    #[error("`{0}` kept moving while it was worked on")]
    KeptMoving(String),
    /// Something that decides could not be read; what is known was said.
    #[error("GitHub did not say everything that decides")]
    Unsure,
    /// The server that gave an order does not hear the job that carries it out.
    #[error("{what}\nhelp: {help}")]
    Unheard {
        /// A lower-case sentence of what is wrong.
        what: String,
        /// The next action.
        help: String,
    },
    /// The ledger cannot be written or read as it should.
    #[error("the ledger cannot be used: {0}")]
    Ledger(String),
}

impl TurnError {
    /// When to look again after so many failures in a row.
    #[must_use]
    pub fn again(&self, now: Timestamp, attempts: u32) -> Timestamp {
        let growing = Span::from_seconds((1_u64 << attempts.min(8)).min(300));
        match self {
            Self::Forge(error) => match error.kind {
                ForgeErrorKind::Wait(until) => until.max(now.plus(Span::from_seconds(1))),
                ForgeErrorKind::Later | ForgeErrorKind::Garbled | ForgeErrorKind::Refused => now.plus(growing),
                ForgeErrorKind::Credentials | ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound => {
                    now.plus(growing.max(Span::from_seconds(60)))
                }
            },
            // somebody was faster, nothing is broken
            Self::Repo(RepoError::LeaseLost(_)) | Self::KeptMoving(_) => now.plus(growing.min(Span::from_seconds(4))),
            Self::Repo(
                RepoError::Refused { .. }
                | RepoError::Missing(_)
                | RepoError::Conflict(_)
                | RepoError::Later(_)
                | RepoError::Unreachable(_),
            )
            | Self::Journal(_)
            | Self::Answer(_)
            | Self::Unheard { .. }
            | Self::Ledger(_) => now.plus(growing),
            Self::Unsure => now.plus(growing.max(Span::from_seconds(2))),
            Self::TakenOver => now.plus(Span::from_seconds(1)),
        }
    }
}
