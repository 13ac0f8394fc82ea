//! Identities that the operator gave the server, one for each repository and environment.
//!
//! Never shown and never kept: asked for where a document is opened, and dropped with it.

use countersign_core::domain::{Environment, RepoName};
use sops_file::Identities;
use thiserror::Error;

/// Where identities come from.
pub trait Keyring: Send + Sync {
    /// The identity of an environment; `None`: the settings name none. Read at each use. `alone`: the age recipients of the
    /// document, given only where this is the one repository there is: then an identity that is named for none may serve.
    ///
    /// # Errors
    /// When it is named and cannot be read.
    fn identity(
        &self,
        repo: &RepoName,
        environment: &Environment,
        alone: Option<&[String]>,
    ) -> Result<Option<Identities>, NoIdentity>;
}

/// An identity that the settings name cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the identity of `{environment}` in {repo} cannot be used: {why}\nhelp: the operator puts one age identity into its file"
)]
pub struct NoIdentity {
    /// Whose.
    pub repo: RepoName,
    /// Of which environment.
    pub environment: Environment,
    /// Why not, without a piece of the file.
    pub why: String,
}
