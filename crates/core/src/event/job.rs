//! Jobs that wait.

use super::Place;
use crate::domain::{DeploymentId, RunId};

/// A job waits for our answer before it deploys. What it deploys, and where to, is read, never taken from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The run it belongs to.
    pub run: RunId,
    /// Its deployment.
    pub deployment: DeploymentId,
    /// In which repository.
    pub place: Place,
}
