//! Organisations, teams and who belongs to them.

use std::collections::BTreeMap;

use super::{Org, Team, User, slug};
use crate::access::Actor;
use crate::state::accounts::{Membership, Team as TeamRecord};

impl Org {
    /// Takes somebody in as a member, or as an owner.
    pub fn member(&self, user: &User, owner: bool) -> &Self {
        let mut st = self.sim.inner.lock();
        st.members.insert((self.id, user.id), owner);
        drop(st);
        self
    }

    /// Removes somebody from the organisation and its teams.
    pub fn remove(&self, user: &User) {
        let mut st = self.sim.inner.lock();
        st.members.remove(&(self.id, user.id));
        for team in st.teams.values_mut().filter(|team| team.org == self.id) {
            team.members.remove(&user.id);
        }
    }

    /// A team of this name, made if need be.
    pub fn team(&self, name: &str) -> Team {
        let mut st = self.sim.inner.lock();
        let slug = slug(name);
        let found = st.team_named(&self.login, &slug).map(|team| team.id).ok();
        let id = found.unwrap_or_else(|| st.small_id());
        let created_at = st.now();
        st.teams.entry(id).or_insert_with(|| TeamRecord {
            id,
            org: self.id,
            name: name.to_owned(),
            slug: slug.clone(),
            parent: None,
            secret: false,
            members: BTreeMap::new(),
            created_at,
        });
        Team { sim: self.sim.clone(), id, slug, org: self.id }
    }
}

impl Team {
    /// Puts somebody into the team. An active member is also a member of the organisation.
    pub fn member(&self, user: &User, state: Membership) -> &Self {
        let mut st = self.sim.inner.lock();
        if state == Membership::Active {
            st.members.entry((self.org, user.id)).or_insert(false);
        }
        st.set_membership(self.id, user.id, Some((state, false)), Actor::person(user.id));
        drop(st);
        self
    }

    /// Takes somebody out of the team.
    pub fn remove(&self, user: &User) {
        let mut st = self.sim.inner.lock();
        st.set_membership(self.id, user.id, None, Actor::person(user.id));
    }

    /// Makes this team a child of another.
    pub fn below(&self, parent: &Self) -> &Self {
        if let Some(team) = self.sim.inner.lock().teams.get_mut(&self.id) {
            team.parent = Some(parent.id);
        }
        self
    }

    /// Renames the team; the slug changes with it.
    pub fn rename(&mut self, name: &str) {
        self.slug = slug(name);
        if let Some(team) = self.sim.inner.lock().teams.get_mut(&self.id) {
            team.name = name.to_owned();
            team.slug.clone_from(&self.slug);
        }
    }
}
