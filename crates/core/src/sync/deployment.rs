//! What a run looks like on its GitHub Deployment (`repos/create-deployment-status`).
//!
//! Ids, codes and names only: everybody who may read the repository may read this.

use super::run::Run;
use crate::domain::{RunState, TargetId, TargetName};

/// Longest description GitHub takes, in characters.
pub const MAX_DESCRIPTION: usize = 140;

/// State of a GitHub Deployment, of those we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentState {
    /// `queued`
    Queued,
    /// `in_progress`
    InProgress,
    /// `success`
    Success,
    /// `failure`
    Failure,
    /// `error`
    Error,
    /// `inactive`
    Inactive,
}

impl DeploymentState {
    /// What GitHub shows for a run in a state.
    #[must_use]
    pub fn of(state: RunState) -> Self {
        match state {
            RunState::Queued => Self::Queued,
            RunState::Triggered => Self::InProgress,
            RunState::Converged | RunState::Accepted => Self::Success,
            RunState::Failed | RunState::Drifted => Self::Failure,
            RunState::Blocked => Self::Error,
            RunState::Superseded => Self::Inactive,
        }
    }

    /// The word GitHub takes.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Inactive => "inactive",
        }
    }
}

/// `task` of the deployments of a target: by it and by the generation in their payload ours are found again.
#[must_use]
pub fn deployment_task(target: &TargetName) -> String {
    format!("countersign:{target}")
}

/// Description of a run's status, at most [`MAX_DESCRIPTION`] characters.
#[must_use]
pub fn describe(id: &TargetId, run: &Run) -> String {
    let label = run.generation.label();
    let text = match (run.state, &run.trouble) {
        (RunState::Converged, _) => format!("{id} runs {label}"),
        (RunState::Accepted, _) => format!("{id} accepted {label}, not verified"),
        (RunState::Triggered, Some(trouble)) => format!("{}, looked at again: {}", trouble.code, trouble.words),
        (RunState::Triggered, None) => format!("{id} was asked to take {label}"),
        (RunState::Superseded, _) => format!("a newer generation than {label} took over"),
        (RunState::Queued, None) => format!("{label} waits for its turn"),
        (RunState::Queued, Some(trouble)) => format!("{}, tried again: {}", trouble.code, trouble.words),
        (RunState::Failed | RunState::Blocked | RunState::Drifted, Some(trouble)) => {
            format!("{}: {}", trouble.code, trouble.words)
        }
        (RunState::Failed | RunState::Blocked | RunState::Drifted, None) => format!("{label}: {}", run.state.word()),
    };
    match text.char_indices().nth(MAX_DESCRIPTION) {
        Some(_) => text.chars().take(MAX_DESCRIPTION - 1).chain(['…']).collect(),
        None => text,
    }
}
