//! What the command line needs of the machine: the user's clone and the time.

use std::path::Path;

use countersign_core::domain::Timestamp;

pub use crate::adapters::git::LocalRepo;

use crate::adapters::clock::SystemClock;
use crate::engine::ports::{Clock as _, RepoError};

/// The clone a path is in.
///
/// # Errors
/// As [`LocalRepo::open`].
pub fn local_repo(path: &Path) -> Result<LocalRepo, RepoError> {
    LocalRepo::open(path)
}

/// The present instant.
#[must_use]
pub fn now() -> Timestamp {
    SystemClock.now()
}
