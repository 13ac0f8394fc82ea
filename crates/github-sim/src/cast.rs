//! The cast: makes people, organisations, teams, Apps and repositories.
//!
//! Never goes over HTTP; what it makes is there at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::access::{Actor, Level, Role};
use crate::error::Refusal;
use crate::keys;
use crate::sim::Sim;
use crate::state::accounts::{AccountKind, Membership, Team as TeamRecord};
use crate::state::apps::{AppRecord, Installation as Installed, Token, personal_token};
use crate::state::repos::Repo as RepoRecord;

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

/// What an App is registered with.
#[derive(Debug, Clone, Default)]
pub struct AppConfig {
    /// Name; the slug is made of it.
    pub name: String,
    /// Permissions by name. `metadata: read` comes by itself.
    pub permissions: BTreeMap<String, Level>,
    /// Events the App hears of. Those about its own installations come by themselves.
    pub events: BTreeSet<String>,
    /// Secret deliveries are signed with.
    pub webhook_secret: Option<String>,
    /// Where deliveries go; None: nowhere yet.
    pub webhook_url: Option<String>,
}

impl AppConfig {
    /// An App of a name with permissions and events.
    #[must_use]
    pub fn new(name: &str, permissions: &[(&str, Level)], events: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            permissions: permissions.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Sets where deliveries go and what they are signed with.
    #[must_use]
    pub fn webhook(mut self, url: &str, secret: &str) -> Self {
        self.webhook_url = Some(url.to_owned());
        self.webhook_secret = Some(secret.to_owned());
        self
    }
}

/// A GitHub App.
#[derive(Clone)]
pub struct App {
    pub(crate) sim: Sim,
    /// Numeric id, the issuer of its JWTs.
    pub id: u64,
    /// Slug; the bot's login is `<slug>[bot]`.
    pub slug: String,
    /// Numeric id of the bot account.
    pub bot: u64,
    /// RSA private key in PEM (PKCS#1), as GitHub hands it out.
    pub private_key_pem: String,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("id", &self.id).field("slug", &self.slug).finish_non_exhaustive()
    }
}

/// An installation of an App.
#[derive(Debug, Clone)]
pub struct Installation {
    pub(crate) sim: Sim,
    /// Numeric id.
    pub id: u64,
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

    /// An organisation of this login, made if need be.
    pub fn org(&self, login: &str) -> Org {
        let mut st = self.inner.lock();
        let id = st.add_account(login, AccountKind::Organization);
        Org { sim: self.clone(), id, login: st.login(id).to_owned() }
    }

    /// Registers an App.
    pub fn app(&self, config: AppConfig) -> App {
        let mut st = self.inner.lock();
        let nth = st.apps.len();
        let key = keys::nth(nth);
        let slug = slug(&config.name);
        let bot = st.add_account(&format!("{slug}[bot]"), AccountKind::Bot);
        let owner = st.add_account(&format!("{slug}-owner"), AccountKind::User);
        let (id, hook_id) = (st.small_id(), st.small_id());
        let mut permissions = config.permissions;
        permissions.entry("metadata".to_owned()).or_insert(Level::Read);
        let created_at = st.now();
        st.apps.insert(
            id,
            AppRecord {
                id,
                slug: slug.clone(),
                name: config.name,
                bot,
                owner,
                permissions,
                events: config.events,
                webhook_url: config.webhook_url,
                webhook_secret: config.webhook_secret,
                hook_id,
                public_key: key.public_der.clone(),
                created_at,
            },
        );
        App { sim: self.clone(), id, slug, bot, private_key_pem: key.private_pem.clone() }
    }

    /// Sets where an App's deliveries go.
    pub fn set_webhook_url(&self, app: &App, url: Option<&str>) {
        if let Some(record) = self.inner.lock().apps.get_mut(&app.id) {
            record.webhook_url = url.map(str::to_owned);
        }
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
                activity: Vec::new(),
                rulesets: BTreeMap::new(),
                protections: BTreeMap::new(),
                dispatches: Vec::new(),
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

fn slug(name: &str) -> String {
    name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

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
    #[must_use]
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
        if let Some(team) = st.teams.get_mut(&self.id) {
            team.members.insert(user.id, (state, false));
        }
        let (face, slug) = (st.web_face(), json!(self.slug));
        let more = json!({
            "scope": "team", "member": face.user(user.id), "team": face.team(self.id),
        });
        if state == Membership::Active && slug.is_string() {
            st.emit_org(self.org, "membership", "added", Actor::person(user.id), more);
        }
        drop(st);
        self
    }

    /// Takes somebody out of the team.
    pub fn remove(&self, user: &User) {
        let mut st = self.sim.inner.lock();
        if let Some(team) = st.teams.get_mut(&self.id) {
            team.members.remove(&user.id);
        }
        let face = st.web_face();
        let more = json!({
            "scope": "team", "member": face.user(user.id), "team": face.team(self.id),
        });
        st.emit_org(self.org, "membership", "removed", Actor::person(user.id), more);
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

impl App {
    /// Login of the bot account.
    #[must_use]
    pub fn bot_login(&self) -> String {
        format!("{}[bot]", self.slug)
    }

    /// Installs the App on the account that owns the repositories; no repositories means all of the
    /// organisation, now and later.
    pub fn install(&self, org: &Org, repos: &[&Repo]) -> Installation {
        let chosen: BTreeSet<u64> = repos.iter().map(|repo| repo.id).collect();
        let mut st = self.sim.inner.lock();
        let id = st.small_id();
        let created_at = st.now();
        let app = st.apps.get(&self.id).cloned();
        let (permissions, events) = app.map(|app| (app.permissions, app.events)).unwrap_or_default();
        st.installations.insert(
            id,
            Installed {
                id,
                app: self.id,
                account: org.id,
                repos: (!chosen.is_empty()).then_some(chosen),
                permissions,
                events,
                suspended_at: None,
                created_at,
            },
        );
        let face = st.web_face();
        let listed: Vec<_> = st.repos_of_installation(id).into_iter().map(|repo| face.repo_brief(repo)).collect();
        let more = json!({"repositories": listed, "requester": null});
        let owner = st.apps.get(&self.id).map_or(0, |app| app.owner);
        st.emit_installation(id, "installation", "created", Actor::person(owner), more);
        Installation { sim: self.sim.clone(), id }
    }
}

impl Installation {
    /// A token with everything the installation has, as if the App had asked for it.
    ///
    /// # Errors
    /// 403 while suspended.
    pub fn token(&self) -> Result<String, Refusal> {
        let mut st = self.sim.inner.lock();
        let found = st.installations.get(&self.id).ok_or_else(Refusal::not_found)?;
        let permissions = found.permissions.clone();
        let long = st.long_tokens;
        Ok(st.mint(self.id, None, permissions, long)?.0)
    }

    /// Suspends the installation, or ends that.
    pub fn suspend(&self, on: bool) {
        let mut st = self.sim.inner.lock();
        let now = st.now();
        let mut owner = 0;
        let mut app = 0;
        if let Some(found) = st.installations.get_mut(&self.id) {
            found.suspended_at = on.then_some(now);
            owner = found.account;
            app = found.app;
        }
        let actor = Actor::person(st.apps.get(&app).map_or(owner, |app| app.owner));
        let action = if on { "suspend" } else { "unsuspend" };
        st.emit_installation(self.id, "installation", action, actor, json!({"repositories": []}));
    }

    /// Takes a permission away, or changes its level.
    pub fn set_permission(&self, name: &str, level: Option<Level>) {
        let mut st = self.sim.inner.lock();
        if let Some(found) = st.installations.get_mut(&self.id) {
            match level {
                Some(level) => found.permissions.insert(name.to_owned(), level),
                None => found.permissions.remove(name),
            };
        }
    }

    /// Adds a repository to a selection, or takes it away; tells the App.
    pub fn select(&self, repo: &Repo, on: bool) {
        let mut st = self.sim.inner.lock();
        let reach = st.repos_of_installation(self.id);
        let mut app = 0;
        if let Some(found) = st.installations.get_mut(&self.id) {
            let list = found.repos.get_or_insert(reach);
            if on {
                list.insert(repo.id);
            } else {
                list.remove(&repo.id);
            }
            app = found.app;
        }
        let brief = st.web_face().repo_brief(repo.id);
        let (added, removed) = if on { (json!([brief]), json!([])) } else { (json!([]), json!([brief])) };
        let action = if on { "added" } else { "removed" };
        let more = json!({
            "repository_selection": "selected", "repositories_added": added,
            "repositories_removed": removed, "requester": null,
        });
        let actor = Actor::person(st.apps.get(&app).map_or(0, |app| app.owner));
        st.emit_installation(self.id, "installation_repositories", action, actor, more);
    }

    /// Uninstalls the App here.
    pub fn delete(&self) {
        let mut st = self.sim.inner.lock();
        let app = st.installations.get(&self.id).map_or(0, |found| found.app);
        let actor = Actor::person(st.apps.get(&app).map_or(0, |app| app.owner));
        st.emit_installation(self.id, "installation", "deleted", actor, json!({"repositories": []}));
        st.installations.remove(&self.id);
    }
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
