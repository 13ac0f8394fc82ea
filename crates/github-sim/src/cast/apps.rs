//! Apps and their installations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Org, Repo, User, slug};
use crate::access::{Actor, Level};
use crate::error::Refusal;
use crate::keys;
use crate::sim::Sim;
use crate::state::accounts::AccountKind;
use crate::state::apps::{AppRecord, Installation as Installed};
use crate::webhooks::{Delivery, Recipient};

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

    /// The App of a slug, however it was registered.
    #[must_use]
    pub fn app_called(&self, slug: &str) -> Option<App> {
        let st = self.inner.lock();
        let (nth, app) = st.apps.values().enumerate().find(|(_, app)| app.slug == slug)?;
        let private_key_pem = keys::nth(nth).private_pem;
        Some(App { sim: self.clone(), id: app.id, slug: app.slug.clone(), bot: app.bot, private_key_pem })
    }

    /// Signs somebody in where the pages are looked at.
    pub fn sign_in(&self, user: &User) {
        self.inner.lock().signed_in = Some(user.id);
    }

    /// Sets where an App's deliveries go.
    pub fn set_webhook_url(&self, app: &App, url: Option<&str>) {
        if let Some(record) = self.inner.lock().apps.get_mut(&app.id) {
            record.webhook_url = url.map(str::to_owned);
        }
    }
}

impl App {
    /// Sends the App a delivery of the test's own making, signed like any other.
    pub fn deliver(&self, event: &str, body: &[u8]) {
        let mut st = self.sim.inner.lock();
        let (id, now) = (st.big_id(), st.now());
        let to = Recipient { app: self.id, installation: None, repo: None };
        let delivery = Delivery::new(id, to, (event, None), body.to_vec(), now);
        st.deliveries.add(Delivery { made_up: true, ..delivery });
    }

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
