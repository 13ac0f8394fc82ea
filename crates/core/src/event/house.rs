//! What happens around the repositories: installations, people, and GitHub's own protection.
//!
//! These events say that something may have changed. What somebody may do now is asked, never remembered from here (R38–R42).

use super::Place;
use crate::domain::{Account, InstallationId, Login, RefName, RepoId, RepoName};

/// What happened to an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallationAction {
    /// Installed.
    Created,
    /// Removed.
    Deleted,
    /// Suspended: tokens are refused until it is lifted.
    Suspended,
    /// No longer suspended.
    Unsuspended,
    /// The owner accepted new permissions.
    PermissionsAccepted,
    /// Sees more or fewer repositories.
    Repositories,
    /// The account it is installed on has another name.
    Renamed,
}

/// An installation changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Which.
    pub id: InstallationId,
    /// What happened.
    pub action: InstallationAction,
    /// Repositories reachable through it from now on.
    pub added: Vec<(RepoId, RepoName)>,
    /// Repositories no longer reachable through it.
    pub removed: Vec<(RepoId, RepoName)>,
    /// Who did it.
    pub sender: Option<Account>,
}

/// What happened to a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryAction {
    /// Created.
    Created,
    /// Has another name.
    Renamed,
    /// Has another owner.
    Transferred,
    /// Settings edited.
    Edited {
        /// The default branch it had before, when that was edited.
        default_before: Option<RefName>,
    },
    /// Deleted.
    Deleted,
    /// Made read-only.
    Archived,
    /// No longer read-only.
    Unarchived,
    /// Made public.
    Publicized,
    /// Made private.
    Privatized,
}

/// A repository changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryEvent {
    /// Which, as it is called now.
    pub place: Place,
    /// What happened.
    pub action: RepositoryAction,
    /// Who did it.
    pub sender: Option<Account>,
}

/// Where a change of people or protection bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In one repository.
    Repository(Place),
    /// In any repository of an organisation.
    Organization(Login),
}

/// Which kind of right may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeopleChange {
    /// Who is in a team.
    Membership,
    /// A team, or what it may do.
    Team,
    /// Who may do what in one repository.
    Collaborator,
    /// Who is in the organisation.
    Organization,
}

/// Who may do what may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// Where.
    pub scope: Scope,
    /// Which kind.
    pub what: PeopleChange,
    /// Who did it.
    pub sender: Option<Account>,
}

/// GitHub's own protection changed: what we rely on may be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Where.
    pub scope: Scope,
    /// Who did it.
    pub sender: Option<Account>,
}
