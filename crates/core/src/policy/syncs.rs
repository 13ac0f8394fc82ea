//! Targets as meant: what gets the approved content of an environment, in which order, and what happens when it differs.
//!
//! A target names aliases, never a value; what an alias stands for is known to whoever grants it.

use crate::domain::{Alias, RefName, TargetKind, TargetName};

use super::diagnostic::Place;
use super::raw::OnDrift;

/// One target of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRule {
    pub(super) name: TargetName,
    pub(super) place: Place,
    pub(super) target: Target,
    pub(super) after: Vec<TargetName>,
    pub(super) on_drift: OnDrift,
}

impl SyncRule {
    /// Its name, unique in the environment.
    #[must_use]
    pub fn name(&self) -> &TargetName {
        &self.name
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The targets of the same environment that come first.
    #[must_use]
    pub fn after(&self) -> &[TargetName] {
        &self.after
    }

    /// What happens when it differs from what is approved.
    #[must_use]
    pub fn on_drift(&self) -> OnDrift {
        self.on_drift
    }
}

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A branch that only ever holds approved commits.
    Branch {
        /// Which.
        reference: RefName,
    },
    /// A workflow (`actions/create-workflow-dispatch`).
    Workflow {
        /// Its file below `.github/workflows/`.
        file: String,
        /// The branch it is taken from; `None`: the default branch.
        branch: Option<RefName>,
    },
    /// A repository event (`repos/create-dispatch-event`).
    Event {
        /// Its type.
        event: String,
    },
    /// A webhook with a Standard Webhooks signature.
    Webhook {
        /// Alias of the address.
        url: Alias,
        /// Alias of the signing secret.
        secret: Alias,
    },
}

impl Target {
    /// How it is reached.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Branch { .. } => TargetKind::Branch,
            Self::Workflow { .. } | Self::Event { .. } => TargetKind::Dispatch,
            Self::Webhook { .. } => TargetKind::Webhook,
        }
    }
}
