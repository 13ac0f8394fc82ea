//! State as GitHub spells it in JSON.
//!
//! Reads only. Addresses in bodies use the host the caller used.

mod actions;
mod checks;
mod conversation;
mod git_data;
pub(crate) mod people;
mod pulls;
mod push;
mod repos;

use crate::state::State;

pub(crate) use conversation::REACTIONS;

/// Renders state with the addresses of one caller.
pub(crate) struct Face<'a> {
    pub(crate) st: &'a State,
    /// Base of REST addresses.
    pub(crate) api: String,
    /// Base of addresses for people and git.
    pub(crate) html: String,
}

impl<'a> Face<'a> {
    pub(crate) fn new(st: &'a State, api: String, html: String) -> Self {
        Self { st, api, html }
    }

    /// `…/repos/owner/name` below the REST base.
    pub(crate) fn repo_url(&self, repo: u64) -> String {
        format!("{}/repos/{}", self.api, self.name_of(repo))
    }

    /// `…/owner/name` for people.
    pub(crate) fn repo_page(&self, repo: u64) -> String {
        format!("{}/{}", self.html, self.name_of(repo))
    }

    /// `owner/name`.
    pub(crate) fn name_of(&self, repo: u64) -> String {
        self.st.repos.get(&repo).map(|repo| self.st.full_name(repo)).unwrap_or_default()
    }
}
