//! The cast: makes people, organisations, teams, Apps and repositories.
//!
//! Never goes over HTTP; what it makes is there at once.

mod apps;
mod orgs;

use std::collections::BTreeMap;

use crate::access::{Actor, Role};
use crate::error::Refusal;
use crate::sim::Sim;
use crate::state::accounts::AccountKind;
use crate::state::apps::{Token, personal_token};
use crate::state::repos::Repo as RepoRecord;

pub use apps::{App, AppConfig, Installation};

/// A person.
#[derive(Debug, Clone)]
pub struct User {
    /// Numeric id.
    pub id: u64,
    /// Login.
    pub login: String,
    /// A personal token, `ghp_…`, with all of the person's rights.
    pub token: String,
    /// Mail address commits of this person carry.
    pub email: String,
}

/// An organisation.
#[derive(Debug, Clone)]
pub struct Org {
    pub(crate) sim: Sim,
    /// Numeric id.
    pub id: u64,
    /// Login.
    pub login: String,
}

/// A team.
#[derive(Debug, Clone)]
pub struct Team {
    pub(crate) sim: Sim,
    /// Numeric id.
    pub id: u64,
    /// Slug.
    pub slug: String,
    /// Organisation.
    pub org: u64,
}

impl Sim {
    /// A person of this login, made if need be; each call gives a token of its own.
    pub fn user(&self, login: &str) -> User {
        let mut st = self.inner.lock();
        let id = st.add_account(login, AccountKind::User);
        let token = personal_token();
        st.tokens.insert(token.clone(), Token::Person(id));
        let found = st.accounts.get(&id);
        User {
            id,
            login: st.login(id).to_owned(),
            token,
            email: found.map_or_else(String::new, |account| account.email.clone()),
        }
    }

    /// Gives a person another token, of the caller's choice.
    pub fn give_token(&self, user: &User, token: &str) {
        self.inner.lock().tokens.insert(token.to_owned(), Token::Person(user.id));
    }

    /// Renames a person; the id stays.
    pub fn rename_user(&self, user: &mut User, login: &str) {
        if let Some(account) = self.inner.lock().accounts.get_mut(&user.id) {
            login.clone_into(&mut account.login);
        }
        login.clone_into(&mut user.login);
    }

    /// Deletes a person: tokens stop working, and what they wrote has no author any more.
    pub fn delete_user(&self, user: &User) {
        let mut st = self.inner.lock();
        st.accounts.remove(&user.id);
        st.tokens.retain(|_, token| !matches!(token, Token::Person(id) if *id == user.id));
        st.members.retain(|(_, person), _| *person != user.id);
        for team in st.teams.values_mut() {
            team.members.remove(&user.id);
        }
        for repo in st.repos.values_mut() {
            repo.collaborators.remove(&user.id);
        }
    }

    /// An organisation of this login, made if need be.
    pub fn org(&self, login: &str) -> Org {
        let mut st = self.inner.lock();
        let id = st.add_account(login, AccountKind::Organization);
        Org { sim: self.clone(), id, login: st.login(id).to_owned() }
    }

    /// Makes a private, empty repository `owner/name`; the owner must exist.
    ///
    /// # Errors
    /// 404 without such an owner, 422 when the name is taken.
    pub fn repo(&self, full_name: &str, default_branch: &str) -> Result<Repo, Refusal> {
        let mut st = self.inner.lock();
        let (owner, name) = full_name.split_once('/').ok_or_else(Refusal::not_found)?;
        let owner_id = st.account_or_404(owner)?.id;
        if st.repo_named(owner, name).is_some() {
            return Err(Refusal::invalid().custom("Repository", "name already exists on this account"));
        }
        let id = st.small_id();
        let dir = crate::bare::create(&st.root, id, default_branch)?;
        let now = st.now();
        st.repos.insert(
            id,
            RepoRecord {
                id,
                owner: owner_id,
                name: name.to_owned(),
                private: true,
                archived: false,
                default_branch: default_branch.to_owned(),
                dir,
                created_at: now,
                pushed_at: now,
                collaborators: BTreeMap::new(),
                teams: BTreeMap::new(),
                next_number: 1,
                pulls: BTreeMap::new(),
                comments: BTreeMap::new(),
                labels: BTreeMap::new(),
                suites: BTreeMap::new(),
                runs: BTreeMap::new(),
                statuses: Vec::new(),
                deployments: BTreeMap::new(),
                environments: BTreeMap::new(),
                activity: Vec::new(),
                rulesets: BTreeMap::new(),
                protections: BTreeMap::new(),
                dispatches: Vec::new(),
                workflow_runs: BTreeMap::new(),
                parent: None,
            },
        );
        Ok(Repo { sim: self.clone(), id })
    }
}

/// A repository.
#[derive(Debug, Clone)]
pub struct Repo {
    pub(crate) sim: Sim,
    /// Numeric id.
    pub id: u64,
}

pub(crate) fn slug(name: &str) -> String {
    name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

impl Repo {
    /// `owner/name`, as it is now.
    #[must_use]
    pub fn full_name(&self) -> String {
        let st = self.sim.inner.lock();
        st.repos.get(&self.id).map(|repo| st.full_name(repo)).unwrap_or_default()
    }

    /// Gives a person a role, or takes it away.
    pub fn role(&self, user: &User, role: Option<Role>) -> &Self {
        let mut st = self.sim.inner.lock();
        let owner = st.repos.get(&self.id).map_or(0, |repo| repo.owner);
        if let Err(refusal) = st.set_role(self.id, Actor::person(owner), user.id, role) {
            tracing::warn!(%refusal, "no role was set");
        }
        drop(st);
        self
    }

    /// Gives a team a role, or takes it away.
    pub fn team_role(&self, team: &Team, role: Option<Role>) -> &Self {
        let mut st = self.sim.inner.lock();
        if let Some(repo) = st.repos.get_mut(&self.id) {
            match role {
                Some(role) => repo.teams.insert(team.id, role),
                None => repo.teams.remove(&team.id),
            };
        }
        drop(st);
        self
    }
}
