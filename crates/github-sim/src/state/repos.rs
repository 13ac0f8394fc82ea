//! Repositories: names, roles, labels, settings, activity.
//!
//! Git objects live in bare repositories on disk; this only knows where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use super::State;
use super::accounts::Membership;
use super::actions::WorkflowRun;
use super::checks::{CheckRun, CheckSuite, Status};
use super::comments::Comment;
use super::deployments::Deployment;
use super::environments::Environment;
use super::pulls::Pull;
use crate::access::Role;
use crate::error::{Outcome, Refusal};

/// One repository.
#[derive(Debug)]
pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: u64,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) default_branch: String,
    pub(crate) dir: PathBuf,
    pub(crate) created_at: Timestamp,
    pub(crate) pushed_at: Timestamp,
    pub(crate) collaborators: BTreeMap<u64, Role>,
    pub(crate) teams: BTreeMap<u64, Role>,
    pub(crate) next_number: u64,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) labels: BTreeMap<String, u64>,
    pub(crate) suites: BTreeMap<u64, CheckSuite>,
    pub(crate) runs: BTreeMap<u64, CheckRun>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) deployments: BTreeMap<u64, Deployment>,
    pub(crate) environments: BTreeMap<String, Environment>,
    pub(crate) activity: Vec<Activity>,
    pub(crate) rulesets: BTreeMap<u64, Ruleset>,
    /// Classic protection as it was put, by branch.
    pub(crate) protections: BTreeMap<String, Value>,
    pub(crate) dispatches: Vec<Value>,
    pub(crate) workflow_runs: BTreeMap<u64, WorkflowRun>,
    /// The repository this one was forked from.
    pub(crate) parent: Option<u64>,
}

/// A ruleset, as GitHub's API takes and gives it.
#[derive(Debug, Clone)]
pub(crate) struct Ruleset {
    pub(crate) id: u64,
    pub(crate) body: Value,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// One entry of a repository's activity list.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    pub(crate) id: u64,
    pub(crate) refname: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) kind: &'static str,
    pub(crate) actor: u64,
    pub(crate) at: Timestamp,
}

impl State {
    /// The repository of an id that was handed out by this state.
    ///
    /// # Errors
    /// GitHub's 404 when it was deleted since.
    pub(crate) fn repo(&self, id: u64) -> Outcome<&Repo> {
        self.repos.get(&id).ok_or_else(Refusal::not_found)
    }

    /// As [`State::repo`], to change it.
    pub(crate) fn repo_mut(&mut self, id: u64) -> Outcome<&mut Repo> {
        self.repos.get_mut(&id).ok_or_else(Refusal::not_found)
    }

    /// `owner/name`.
    pub(crate) fn full_name(&self, repo: &Repo) -> String {
        format!("{}/{}", self.login(repo.owner), repo.name)
    }

    /// Login of an account, `ghost` if it is gone.
    pub(crate) fn login(&self, account: u64) -> &str {
        self.accounts.get(&account).map_or("ghost", |account| account.login.as_str())
    }

    /// Finds a repository by its present name.
    pub(crate) fn repo_named(&self, owner: &str, name: &str) -> Option<&Repo> {
        let owner = self.account_named(owner)?.id;
        self.repos.values().find(|repo| repo.owner == owner && repo.name.eq_ignore_ascii_case(name))
    }

    /// Finds a repository by a name it had before a rename.
    pub(crate) fn repo_formerly(&self, owner: &str, name: &str) -> Option<&Repo> {
        let key = format!("{owner}/{name}").to_ascii_lowercase();
        self.former_names.get(&key).and_then(|id| self.repos.get(id))
    }

    /// A person's highest role over all sources: ownership, collaborator, teams and their parents,
    /// organisation membership, public visibility.
    pub(crate) fn role_of(&self, repo: &Repo, person: u64) -> Option<Role> {
        if repo.owner == person || self.members.get(&(repo.owner, person)) == Some(&true) {
            return Some(Role::Admin);
        }
        let mut best = repo.collaborators.get(&person).copied();
        if self.members.contains_key(&(repo.owner, person)) || !repo.private {
            best = best.max(Some(Role::Read));
        }
        for (team, role) in &repo.teams {
            let active = matches!(self.membership(*team, person), Some((Membership::Active, _)));
            if active {
                best = best.max(Some(*role));
            }
        }
        best
    }

    /// People with access other than through public visibility.
    pub(crate) fn people_of(&self, repo: &Repo) -> BTreeMap<u64, Role> {
        let mut people: BTreeSet<u64> = repo.collaborators.keys().copied().collect();
        people.extend(self.members.keys().filter(|(org, _)| *org == repo.owner).map(|(_, person)| *person));
        for team in repo.teams.keys() {
            people.extend(self.active_members(*team));
        }
        people.into_iter().filter_map(|person| Some((person, self.role_of(repo, person)?))).collect()
    }

    /// Repositories an installation reaches.
    pub(crate) fn repos_of_installation(&self, installation: u64) -> BTreeSet<u64> {
        let Some(found) = self.installations.get(&installation) else {
            return BTreeSet::new();
        };
        match &found.repos {
            Some(selected) => selected.iter().copied().filter(|id| self.repos.contains_key(id)).collect(),
            None => self.repos.values().filter(|repo| repo.owner == found.account).map(|repo| repo.id).collect(),
        }
    }
}
