//! Fields of accounts, teams and Apps.

use super::Fault;
use super::args::Args;
use super::node::{Node, Out};
use super::walk::Walk;
use crate::access::Who;
use crate::clock::stamp;
use crate::state::accounts::AccountKind;

impl Walk<'_> {
    pub(super) fn account(&self, id: u64, name: &str, args: &Args) -> Result<Out, Fault> {
        let Some(account) = self.st.accounts.get(&id) else {
            return Ok(Out::null());
        };
        let shown = self.face.user(id);
        Ok(match (name, account.kind) {
            ("id", _) => shown["node_id"].clone().into(),
            ("databaseId", _) => id.into(),
            // GraphQL leaves the `[bot]` of a bot's login out.
            ("login", AccountKind::Bot) => account.login.trim_end_matches("[bot]").into(),
            ("login", AccountKind::User | AccountKind::Organization) => account.login.as_str().into(),
            ("url", _) => shown["html_url"].clone().into(),
            ("avatarUrl", _) => shown["avatar_url"].clone().into(),
            ("resourcePath", _) => format!("/{}", account.login).into(),
            ("createdAt", _) => stamp(account.created_at).into(),
            ("name", AccountKind::User | AccountKind::Organization) => account.login.as_str().into(),
            ("email", AccountKind::User | AccountKind::Organization) => "".into(),
            ("isViewer", AccountKind::User) => matches!(self.who, Who::User(me) if *me == id).into(),
            ("team", AccountKind::Organization) => {
                self.members_allowed(id)?;
                let slug = args.text("slug").unwrap_or_default();
                let team = self.st.team_named(&account.login, slug).ok();
                Out::maybe(team.map(|team| Node::Team(team.id)))
            }
            ("teams", AccountKind::Organization) => {
                self.members_allowed(id)?;
                let all = self.st.teams.values().filter(|team| team.org == id);
                Out::Page(all.map(|team| Node::Team(team.id)).collect())
            }
            ("membersWithRole", AccountKind::Organization) => {
                self.members_allowed(id)?;
                let all = self.st.members.keys().filter(|(org, _)| *org == id);
                Out::Page(all.map(|(_, person)| Node::Account(*person)).collect())
            }
            _ => return Err(Fault::Undefined),
        })
    }

    fn members_allowed(&self, org: u64) -> Result<(), Fault> {
        let allowed = match self.who {
            Who::Installation(access) => {
                access.permissions.contains_key("members")
                    && self.st.installations.get(&access.installation).is_some_and(|found| found.account == org)
            }
            Who::User(person) => self.st.members.contains_key(&(org, *person)),
            Who::Nobody | Who::App(_) => false,
        };
        if allowed { Ok(()) } else { Err(Fault::forbidden()) }
    }

    pub(super) fn team(&self, id: u64, name: &str) -> Result<Out, Fault> {
        let Some(team) = self.st.teams.get(&id) else {
            return Ok(Out::null());
        };
        Ok(match name {
            "id" => format!("T_{id}").into(),
            "databaseId" => id.into(),
            "slug" => team.slug.as_str().into(),
            "name" => team.name.as_str().into(),
            "combinedSlug" => format!("{}/{}", self.st.login(team.org), team.slug).into(),
            "url" => self.face.team(id)["html_url"].clone().into(),
            "organization" => Out::One(Node::Account(team.org)),
            "parentTeam" => Out::maybe(team.parent.map(Node::Team)),
            "members" => Out::Page(self.st.active_members(id).into_iter().map(Node::Account).collect()),
            _ => return Err(Fault::Undefined),
        })
    }

    pub(super) fn app(&self, id: u64, name: &str) -> Result<Out, Fault> {
        let Some(app) = self.st.apps.get(&id) else {
            return Ok(Out::null());
        };
        Ok(match name {
            "id" => format!("A_{id}").into(),
            "databaseId" => id.into(),
            "slug" => app.slug.as_str().into(),
            "name" => app.name.as_str().into(),
            "url" => self.face.app(id)["html_url"].clone().into(),
            _ => return Err(Fault::Undefined),
        })
    }
}
