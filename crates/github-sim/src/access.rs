//! Who asks, and how much they may: levels of an App permission, roles of a person.
//!
//! Never looks anything up; it only orders and names.

use std::collections::{BTreeMap, BTreeSet};

/// Level of a GitHub App permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// May read.
    Read,
    /// May read and write.
    Write,
    /// May administer (organisation projects and the like).
    Admin,
}

impl Level {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// A person's role on a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See and comment.
    Read,
    /// Read, and sort issues and pull requests.
    Triage,
    /// Push.
    Write,
    /// Write, and manage the repository without the dangerous parts.
    Maintain,
    /// Everything.
    Admin,
}

impl Role {
    /// Reads a role's name as GitHub's API spells it, `pull` and `push` included.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "read" | "pull" => Some(Self::Read),
            "triage" => Some(Self::Triage),
            "write" | "push" => Some(Self::Write),
            "maintain" => Some(Self::Maintain),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// The true name, as in `role_name`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// The old four-level name, as in `permission`: maintain shows as write, triage as read.
    pub(crate) fn legacy(self) -> &'static str {
        match self {
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }
}

/// What an installation token carries.
#[derive(Debug, Clone)]
pub(crate) struct InstallationAccess {
    pub(crate) installation: u64,
    pub(crate) app: u64,
    pub(crate) bot: u64,
    /// Repositories the token reaches.
    pub(crate) repos: BTreeSet<u64>,
    pub(crate) permissions: BTreeMap<String, Level>,
    pub(crate) token: String,
}

/// The credential behind a request.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// No credential.
    Nobody,
    /// An App by its JWT.
    App(u64),
    /// An App on one installation.
    Installation(Box<InstallationAccess>),
    /// A person by a personal token.
    User(u64),
}

impl Who {
    /// Installation behind the credential.
    pub(crate) fn installation(&self) -> Option<u64> {
        match self {
            Self::Installation(access) => Some(access.installation),
            Self::Nobody | Self::App(_) | Self::User(_) => None,
        }
    }

    /// Word for the journal.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nobody => "anonymous",
            Self::App(_) => "app",
            Self::Installation(_) => "installation",
            Self::User(_) => "user",
        }
    }
}

/// Who acts: an account, and the App and installation behind it if it is a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) account: u64,
    pub(crate) app: Option<u64>,
}

impl Actor {
    /// A person.
    pub(crate) fn person(account: u64) -> Self {
        Self { account, app: None }
    }
}
