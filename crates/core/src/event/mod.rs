//! What happened, in a closed vocabulary: the only words in which a webhook reaches the rest of the story.
//!
//! An event says where to look and who acted. It never says what is true now: whoever acts on it reads live state first
//! (`changes.md` 1). Nothing here parses; [`crate::delivery`] does.

mod change;
pub mod command;
mod house;
mod job;

use std::fmt;

pub use change::{
    Change, ChangeAction, Check, Comment, CommentAction, MergeGroup, Push, Review, ReviewAction, ReviewState,
};
pub use house::{
    Guard, Installation, InstallationAction, People, PeopleChange, RepositoryAction, RepositoryEvent, Scope,
};

pub use job::Job;

use crate::domain::{InstallationId, InvalidId, Login, RefName, RepoId, RepoName};

/// Value of `X-GitHub-Event`: 1 to 64 characters of `a-z`, `0-9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(String);

impl EventName {
    /// Parses the header.
    ///
    /// # Errors
    /// When it is empty, too long, or holds anything but `a-z`, `0-9` and `_`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fine = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if fine { Ok(Self(text.to_owned())) } else { Err(InvalidId::new(text, "the name of a GitHub event")) }
    }

    /// The name as GitHub writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In which repository something happened, and how we reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Identity; survives renames.
    pub repo: RepoId,
    /// Name at the time of the event.
    pub name: RepoName,
    /// Default branch at the time of the event, when the delivery said so.
    pub default_branch: Option<RefName>,
    /// Installation that told us; absent for hooks that belong to no App.
    pub installation: Option<InstallationId>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A reference moved (`push`).
    Push(Push),
    /// A pull request changed (`pull_request`).
    Change(Change),
    /// Somebody reviewed, or a review was edited or dismissed (`pull_request_review`).
    Review(Review),
    /// Somebody wrote under a pull request (`issue_comment`).
    Comment(Comment),
    /// Somebody asked for our check again (`check_run`, `check_suite`).
    Check(Check),
    /// A merge queue built a group (`merge_group`).
    MergeGroup(MergeGroup),
    /// A job waits for our answer before it deploys (`deployment_protection_rule`).
    Job(Job),
    /// The App was installed, removed, suspended, or sees other repositories (`installation`, `installation_repositories`).
    Installation(Installation),
    /// The repository itself changed (`repository`).
    Repository(RepositoryEvent),
    /// Who may do what may have changed (`membership`, `team`, `team_add`, `member`, `organization`).
    People(People),
    /// GitHub's own protection changed (`repository_ruleset`, `branch_protection_rule`, `branch_protection_configuration`).
    Guard(Guard),
    /// GitHub tries the address (`ping`).
    Ping,
    /// Nothing we act on.
    Ignored(Ignored),
}

/// An event or action outside the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Which event.
    pub event: EventName,
    /// Its action, when it has one that is a plain word.
    pub action: Option<String>,
}

impl Event {
    /// The repository it happened in, for events that happen in one.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Push(Push { place, .. })
            | Self::Change(Change { place, .. })
            | Self::Review(Review { place, .. })
            | Self::Comment(Comment { place, .. })
            | Self::Check(Check { place, .. })
            | Self::MergeGroup(MergeGroup { place, .. })
            | Self::Job(Job { place, .. })
            | Self::Repository(RepositoryEvent { place, .. }) => Some(place),
            Self::People(People { scope, .. }) | Self::Guard(Guard { scope, .. }) => match scope {
                Scope::Repository(place) => Some(place),
                Scope::Organization(_) => None,
            },
            Self::Installation(_) | Self::Ping | Self::Ignored(_) => None,
        }
    }

    /// The organisation whose repositories it concerns, for events that happen in no single one.
    #[must_use]
    pub fn organization(&self) -> Option<&Login> {
        match self {
            Self::People(People { scope, .. }) | Self::Guard(Guard { scope, .. }) => match scope {
                Scope::Organization(login) => Some(login),
                Scope::Repository(_) => None,
            },
            Self::Push(_)
            | Self::Change(_)
            | Self::Review(_)
            | Self::Comment(_)
            | Self::Check(_)
            | Self::MergeGroup(_)
            | Self::Job(_)
            | Self::Installation(_)
            | Self::Repository(_)
            | Self::Ping
            | Self::Ignored(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_names_are_plain_words() {
        for text in ["push", "pull_request", "projects_v2_item"] {
            assert_eq!(EventName::parse(text).map(|name| name.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Push", "push ", "a\nb", "../x", &"a".repeat(65)] {
            assert!(EventName::parse(text).is_err(), "{text}");
        }
    }
}
