//! What the names of a policy meant when it became effective.
//!
//! Decisions use the ids; a name is never looked up again to find out who counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{Login, TeamId, TeamSlug, UserId};

/// Logins and team slugs of one policy text with their ids, as stored in the ledger's `policy` entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedNames {
    /// Login as written in the policy → account.
    pub users: BTreeMap<Login, UserId>,
    /// Team as written in the policy → team.
    pub teams: BTreeMap<TeamSlug, TeamId>,
}

impl ResolvedNames {
    /// The account a login of the policy meant; logins are case-insensitive.
    #[must_use]
    pub fn user(&self, login: &Login) -> Option<UserId> {
        self.users.iter().find(|(name, _)| name.same_as(login)).map(|(_, id)| *id)
    }

    /// The team a slug of the policy meant.
    #[must_use]
    pub fn team(&self, slug: &TeamSlug) -> Option<TeamId> {
        self.teams.get(slug).copied()
    }
}
