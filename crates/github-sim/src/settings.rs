//! What administrators do to a repository: rules, visibility, names, forks, roles.

use serde_json::{Value, json};

use crate::access::{Actor, Role};
use crate::cast::{Repo, User};
use crate::error::{Outcome, Refusal};
use crate::state::State;

impl State {
    /// Gives a person a role or takes it away, and tells.
    pub(crate) fn set_role(&mut self, repo: u64, actor: Actor, person: u64, role: Option<Role>) -> Outcome<()> {
        let here = self.repo_mut(repo)?;
        let before = match role {
            Some(role) => here.collaborators.insert(person, role),
            None => here.collaborators.remove(&person),
        };
        let action = match (before, role) {
            (None, None) => return Ok(()),
            (None, Some(_)) => "added",
            (Some(_), Some(_)) => "edited",
            (Some(_), None) => "removed",
        };
        let mut more = json!({"member": self.web_face().user(person)});
        if action != "removed" {
            more["changes"] = json!({"permission": {"to": role.map(Role::legacy)}});
        }
        self.emit(repo, "member", Some(action), actor, more);
        Ok(())
    }
}

impl State {
    /// Renames a repository; its old name redirects.
    pub(crate) fn rename_repo(&mut self, repo: u64, actor: Actor, name: &str) -> Outcome<()> {
        let old = self.full_name(self.repo(repo)?);
        let here = self.repo_mut(repo)?;
        if here.name == name {
            return Ok(());
        }
        let from = std::mem::replace(&mut here.name, name.to_owned());
        self.former_names.insert(old.to_ascii_lowercase(), repo);
        let more = json!({"changes": {"repository": {"name": {"from": from}}}});
        self.emit(repo, "repository", Some("renamed"), actor, more);
        Ok(())
    }
}

impl Repo {
    /// Adds a ruleset in the shape `POST /repos/{owner}/{repo}/rulesets` takes; returns its id.
    ///
    /// # Errors
    /// 404 when the repository is gone.
    pub fn ruleset(&self, body: Value) -> Result<u64, Refusal> {
        let mut st = self.sim.inner.lock();
        let owner = st.repo(self.id)?.owner;
        st.add_ruleset(self.id, Actor::person(owner), body)
    }

    /// Takes a ruleset away.
    ///
    /// # Errors
    /// 404 when there is none of that id.
    pub fn drop_ruleset(&self, id: u64) -> Result<(), Refusal> {
        let mut st = self.sim.inner.lock();
        st.repo_mut(self.id)?.rulesets.remove(&id).map(|_| ()).ok_or_else(Refusal::not_found)
    }

    /// Protects a branch the classic way, in the shape of `PUT …/branches/{branch}/protection`.
    ///
    /// # Errors
    /// 404 when the repository is gone.
    pub fn protect(&self, branch: &str, body: Value) -> Result<(), Refusal> {
        let mut st = self.sim.inner.lock();
        st.repo_mut(self.id)?.protections.insert(branch.to_owned(), body);
        Ok(())
    }

    /// Makes the repository public or private.
    pub fn set_private(&self, private: bool) {
        if let Some(repo) = self.sim.inner.lock().repos.get_mut(&self.id) {
            repo.private = private;
        }
    }

    /// Renames the repository; the old name redirects.
    ///
    /// # Errors
    /// 403 unless the person is an admin.
    pub fn rename(&self, user: &User, name: &str) -> Result<(), Refusal> {
        self.act(user, Role::Admin, |st, actor| st.rename_repo(self.id, actor, name))
    }

    /// Forks the repository into a person's account.
    ///
    /// # Errors
    /// 404 without read access, 422 when the person has a repository of that name.
    pub fn fork(&self, user: &User) -> Result<Self, Refusal> {
        let (name, default, from) = {
            let st = self.sim.inner.lock();
            st.demand(self.id, user.id, Role::Read)?;
            let here = st.repo(self.id)?;
            (here.name.clone(), here.default_branch.clone(), here.dir.clone())
        };
        let copy = self.sim.repo(&format!("{}/{name}", user.login), &default)?;
        let mut st = self.sim.inner.lock();
        let made = st.repo_mut(copy.id)?;
        made.parent = Some(self.id);
        crate::bare::fork(&from, &made.dir)?;
        drop(st);
        Ok(copy)
    }
}
