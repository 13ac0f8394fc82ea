//! People, organisations, bots and teams.
//!
//! Never holds repositories' roles of people; those stand with the repository.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::json;

use super::State;
use crate::access::Actor;
use crate::error::{Outcome, Refusal};

/// Kind of an account, as in `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountKind {
    User,
    Organization,
    Bot,
}

impl AccountKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Organization => "Organization",
            Self::Bot => "Bot",
        }
    }
}

/// One account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
    pub(crate) email: String,
    pub(crate) created_at: Timestamp,
}

/// State of a team membership. Only active ones give rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// A member.
    Active,
    /// Invited, has not accepted.
    Pending,
}

impl Membership {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
        }
    }
}

/// A team of an organisation.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: u64,
    pub(crate) org: u64,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) parent: Option<u64>,
    pub(crate) secret: bool,
    /// Person to (state, is maintainer).
    pub(crate) members: BTreeMap<u64, (Membership, bool)>,
    pub(crate) created_at: Timestamp,
}

impl State {
    /// Adds an account; an existing login of the same kind is returned as it is.
    pub(crate) fn add_account(&mut self, login: &str, kind: AccountKind) -> u64 {
        if let Some(found) = self.account_named(login) {
            return found.id;
        }
        let id = self.small_id();
        let email = match kind {
            AccountKind::Bot => format!("{id}+{login}@users.noreply.github.com"),
            AccountKind::User | AccountKind::Organization => format!("{login}@example.com"),
        };
        let account = Account { id, login: login.to_owned(), kind, email, created_at: self.now() };
        self.accounts.insert(id, account);
        id
    }

    /// Finds an account by login, without regard to case.
    pub(crate) fn account_named(&self, login: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// As [`State::account_named`], else GitHub's 404.
    pub(crate) fn account_or_404(&self, login: &str) -> Outcome<&Account> {
        self.account_named(login).ok_or_else(Refusal::not_found)
    }

    /// Finds the account a commit e-mail belongs to.
    pub(crate) fn account_by_email(&self, email: &str) -> Option<&Account> {
        self.accounts.values().find(|account| {
            account.email.eq_ignore_ascii_case(email)
                || email.eq_ignore_ascii_case(&format!("{}+{}@users.noreply.github.com", account.id, account.login))
        })
    }

    /// Finds a team by organisation and slug.
    pub(crate) fn team_named(&self, org: &str, slug: &str) -> Outcome<&Team> {
        let org = self.account_or_404(org)?.id;
        self.teams
            .values()
            .find(|team| team.org == org && team.slug.eq_ignore_ascii_case(slug))
            .ok_or_else(Refusal::not_found)
    }

    /// The team and every team below it.
    pub(crate) fn team_and_children(&self, team: u64) -> BTreeSet<u64> {
        let mut found = BTreeSet::from([team]);
        loop {
            let more: Vec<u64> = self
                .teams
                .values()
                .filter(|t| t.parent.is_some_and(|p| found.contains(&p)) && !found.contains(&t.id))
                .map(|t| t.id)
                .collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// A person's membership of a team, child teams counted as GitHub's endpoint does.
    /// Organisation owners show as maintainers of teams they belong to.
    pub(crate) fn membership(&self, team: u64, person: u64) -> Option<(Membership, bool)> {
        let direct = self.teams.get(&team).and_then(|t| t.members.get(&person).copied());
        let found = direct.or_else(|| {
            self.team_and_children(team)
                .into_iter()
                .filter_map(|t| self.teams.get(&t)?.members.get(&person).copied())
                .next()
        })?;
        let owner = self.teams.get(&team).and_then(|t| self.members.get(&(t.org, person))).copied().unwrap_or(false);
        Some((found.0, found.1 || owner))
    }

    /// Active members of a team and its child teams.
    pub(crate) fn active_members(&self, team: u64) -> BTreeSet<u64> {
        self.team_and_children(team)
            .into_iter()
            .filter_map(|t| self.teams.get(&t))
            .flat_map(|t| t.members.iter())
            .filter(|(_, (state, _))| *state == Membership::Active)
            .map(|(person, _)| *person)
            .collect()
    }

    /// Puts a person into a team, changes the membership, or ends it; tells.
    pub(crate) fn set_membership(&mut self, team: u64, person: u64, wanted: Option<(Membership, bool)>, actor: Actor) {
        let Some(found) = self.teams.get_mut(&team) else {
            return;
        };
        let org = found.org;
        let before = match wanted {
            Some(wanted) => found.members.insert(person, wanted),
            None => found.members.remove(&person),
        };
        let was = before.is_some_and(|(state, _)| state == Membership::Active);
        let is = wanted.is_some_and(|(state, _)| state == Membership::Active);
        if was == is {
            return;
        }
        let face = self.web_face();
        let more = json!({"scope": "team", "member": face.user(person), "team": face.team(team)});
        self.emit_org(org, "membership", if is { "added" } else { "removed" }, actor, more);
    }
}
