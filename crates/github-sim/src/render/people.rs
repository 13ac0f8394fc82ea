//! Accounts, teams, Apps and installations in JSON.

use serde_json::{Map, Value, json};

use super::Face;
use crate::clock::{stamp, stamp_opt};
use crate::state::accounts::{Account, AccountKind};

impl Face<'_> {
    /// `simple-user`; null for an account that is gone.
    pub(crate) fn user(&self, id: u64) -> Value {
        let Some(account) = self.st.accounts.get(&id) else {
            return Value::Null;
        };
        let url = self.account_url(account);
        let login = &account.login;
        let page = match account.kind {
            AccountKind::Bot => {
                let slug = login.trim_end_matches("[bot]");
                format!("{}/apps/{slug}", self.html)
            }
            AccountKind::User | AccountKind::Organization => format!("{}/{login}", self.html),
        };
        json!({
            "login": login, "id": id, "node_id": node_id(account),
            "avatar_url": format!("{}/avatars/u/{id}", self.html), "gravatar_id": "",
            "url": url, "html_url": page,
            "followers_url": format!("{url}/followers"),
            "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"),
            "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"),
            "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"),
            "type": account.kind.name(), "user_view_type": "public", "site_admin": false,
        })
    }

    fn account_url(&self, account: &Account) -> String {
        format!("{}/users/{}", self.api, account.login.replace('[', "%5B").replace(']', "%5D"))
    }

    /// `public-user`.
    pub(crate) fn user_full(&self, id: u64) -> Value {
        let mut user = self.user(id);
        if let (Some(account), Value::Object(map)) = (self.st.accounts.get(&id), &mut user) {
            let more = json!({
                "name": account.login, "company": null, "blog": "", "location": null,
                "email": null, "hireable": null, "bio": null, "twitter_username": null,
                "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
                "created_at": stamp(account.created_at), "updated_at": stamp(account.created_at),
            });
            if let Value::Object(more) = more {
                map.extend(more);
            }
        }
        user
    }

    pub(crate) fn is_organization(&self, id: u64) -> bool {
        self.st.accounts.get(&id).is_some_and(|account| account.kind == AccountKind::Organization)
    }

    /// `organization-simple`, as in payloads.
    pub(crate) fn organization(&self, id: u64) -> Value {
        let login = self.st.login(id);
        let url = format!("{}/orgs/{login}", self.api);
        json!({
            "login": login, "id": id, "node_id": format!("O_{id}"), "url": url,
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events"),
            "hooks_url": format!("{url}/hooks"), "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"),
            "avatar_url": format!("{}/avatars/u/{id}", self.html), "description": "",
        })
    }

    /// `team`.
    pub(crate) fn team(&self, id: u64) -> Value {
        let Some(team) = self.st.teams.get(&id) else {
            return Value::Null;
        };
        let mut body = self.team_simple(id);
        body["parent"] = team.parent.map_or(Value::Null, |p| self.team_simple(p));
        body
    }

    fn team_simple(&self, id: u64) -> Value {
        let Some(team) = self.st.teams.get(&id) else {
            return Value::Null;
        };
        let url = format!("{}/organizations/{}/team/{id}", self.api, team.org);
        json!({
            "id": id, "node_id": format!("T_{id}"), "name": team.name, "slug": team.slug,
            "description": null, "privacy": if team.secret { "secret" } else { "closed" },
            "notification_setting": "notifications_enabled", "permission": "pull",
            "url": url, "members_url": format!("{url}/members{{/member}}"),
            "repositories_url": format!("{url}/repos"),
            "html_url": format!("{}/orgs/{}/teams/{}", self.html, self.st.login(team.org), team.slug),
            "type": "organization", "organization_id": team.org,
        })
    }

    /// `team-full`.
    pub(crate) fn team_full(&self, id: u64) -> Value {
        let mut body = self.team(id);
        if let Some(team) = self.st.teams.get(&id) {
            let repos = self.st.repos.values().filter(|r| r.teams.contains_key(&id)).count();
            body["created_at"] = stamp(team.created_at).into();
            body["updated_at"] = stamp(team.created_at).into();
            body["members_count"] = team.members.len().into();
            body["repos_count"] = repos.into();
            let mut org = self.organization(team.org);
            if let Value::Object(map) = &mut org {
                let stamped = stamp(team.created_at);
                let more = json!({
                    "html_url": format!("{}/{}", self.html, self.st.login(team.org)),
                    "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
                    "has_organization_projects": true, "has_repository_projects": true,
                    "is_verified": false, "type": "Organization", "archived_at": null,
                    "created_at": stamped, "updated_at": stamped,
                });
                if let Value::Object(more) = more {
                    map.extend(more);
                }
            }
            body["organization"] = org;
        }
        body
    }

    /// `integration`.
    pub(crate) fn app(&self, id: u64) -> Value {
        let Some(app) = self.st.apps.get(&id) else {
            return Value::Null;
        };
        json!({
            "id": id, "slug": app.slug, "node_id": format!("A_{id}"),
            "client_id": format!("Iv1.{id:016x}"), "owner": self.user(app.owner),
            "name": app.name, "description": "", "external_url": self.html,
            "html_url": format!("{}/apps/{}", self.html, app.slug),
            "created_at": stamp(app.created_at), "updated_at": stamp(app.created_at),
            "permissions": permissions(&app.permissions),
            "events": app.events.iter().collect::<Vec<_>>(),
            "installations_count":
                self.st.installations.values().filter(|found| found.app == id).count(),
        })
    }

    /// `installation`.
    pub(crate) fn installation(&self, id: u64) -> Value {
        let Some(found) = self.st.installations.get(&id) else {
            return Value::Null;
        };
        let app = self.st.apps.get(&found.app);
        let login = self.st.login(found.account);
        let org = self.is_organization(found.account);
        json!({
            "id": id, "client_id": format!("Iv1.{:016x}", found.app),
            "account": self.user(found.account), "app_id": found.app,
            "app_slug": app.map_or("", |app| app.slug.as_str()),
            "target_id": found.account,
            "target_type": if org { "Organization" } else { "User" },
            "repository_selection": if found.repos.is_some() { "selected" } else { "all" },
            "access_tokens_url": format!("{}/app/installations/{id}/access_tokens", self.api),
            "repositories_url": format!("{}/installation/repositories", self.api),
            "html_url": format!("{}/organizations/{login}/settings/installations/{id}", self.html),
            "permissions": permissions(&found.permissions),
            "events": found.events.iter().collect::<Vec<_>>(),
            "single_file_name": null, "has_multiple_single_files": false, "single_file_paths": [],
            "created_at": stamp(found.created_at), "updated_at": stamp(found.created_at),
            "suspended_at": stamp_opt(found.suspended_at), "suspended_by": null,
        })
    }
}

/// Permissions as GitHub lists them.
pub(crate) fn permissions(map: &std::collections::BTreeMap<String, crate::access::Level>) -> Value {
    map.iter().map(|(name, level)| (name.clone(), Value::from(level.name()))).collect::<Map<_, _>>().into()
}

fn node_id(account: &Account) -> String {
    match account.kind {
        AccountKind::User => format!("U_{}", account.id),
        AccountKind::Organization => format!("O_{}", account.id),
        AccountKind::Bot => format!("BOT_{}", account.id),
    }
}
