//! A world from a file: what `github-sim serve --seed FILE` starts with.
//!
//! Never invents anybody: a name that is used and not made is an error that names it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Level, Role};
use crate::cast::{AppConfig, Org, Repo, Team, User};
use crate::error::Refusal;
use crate::push::Push;
use crate::sim::Sim;
use crate::state::accounts::Membership;

/// A world as written down. Example:
///
/// ```
/// let seed: github_sim::Seed = serde_json::from_str(r#"{
///   "users": [{"login": "alice", "token": "ghp_alice"}, {"login": "bob"}],
///   "orgs": [{
///     "login": "acme", "owners": ["alice"], "members": ["bob"],
///     "teams": [{"name": "security", "members": ["bob"], "pending": [], "parent": null}]
///   }],
///   "repos": [{
///     "name": "acme/app", "default_branch": "main", "private": true,
///     "roles": {"bob": "write"}, "teams": {"security": "write"},
///     "files": {"README.md": "hello\n"}, "rulesets": []
///   }],
///   "apps": [{
///     "name": "gate", "permissions": {"contents": "write", "pull_requests": "write"},
///     "events": ["push", "pull_request"],
///     "webhook_url": "http://127.0.0.1:8080/webhooks/github", "webhook_secret": "secret",
///     "private_key_file": "gate.pem",
///     "installations": [{"account": "acme", "repos": ["acme/app"]}]
///   }]
/// }"#)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    #[serde(default)]
    users: Vec<SeedUser>,
    #[serde(default)]
    orgs: Vec<SeedOrg>,
    #[serde(default)]
    repos: Vec<SeedRepo>,
    #[serde(default)]
    apps: Vec<SeedApp>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedUser {
    login: String,
    token: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedOrg {
    login: String,
    #[serde(default)]
    owners: Vec<String>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    teams: Vec<SeedTeam>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedTeam {
    name: String,
    parent: Option<String>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    pending: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedRepo {
    name: String,
    #[serde(default = "main_branch")]
    default_branch: String,
    #[serde(default = "yes")]
    private: bool,
    #[serde(default)]
    roles: BTreeMap<String, String>,
    #[serde(default)]
    teams: BTreeMap<String, String>,
    /// Files of a first commit, made by the first person with write access.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    rulesets: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedApp {
    name: String,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: Vec<String>,
    webhook_url: Option<String>,
    webhook_secret: Option<String>,
    /// Where the private key is written, readable by its owner only.
    private_key_file: Option<PathBuf>,
    #[serde(default)]
    installations: Vec<SeedInstallation>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedInstallation {
    account: String,
    /// Empty: all repositories of the account.
    #[serde(default)]
    repos: Vec<String>,
}

fn main_branch() -> String {
    "main".to_owned()
}

fn yes() -> bool {
    true
}

/// Why a seed cannot be planted.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A name that nothing in the seed makes.
    #[error("the seed uses the {kind} `{name}` and does not make it\nhelp: add it to the seed")]
    Unknown {
        /// What it should be.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A role or level GitHub does not have.
    #[error("`{0}` is not a role or level\nhelp: read, triage, write, maintain or admin")]
    Level(String),
    /// GitHub would not do it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A private key could not be written.
    #[error("the private key could not be written to `{path}`")]
    Key {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Everything made so far, by name.
#[derive(Default)]
struct Made {
    users: BTreeMap<String, User>,
    orgs: BTreeMap<String, Org>,
    teams: BTreeMap<String, Team>,
    repos: BTreeMap<String, Repo>,
}

fn find<'m, T>(map: &'m BTreeMap<String, T>, kind: &'static str, name: &str) -> Result<&'m T, SeedError> {
    map.get(name).ok_or_else(|| SeedError::Unknown { kind, name: name.to_owned() })
}

fn role(text: &str) -> Result<Role, SeedError> {
    Role::parse(text).ok_or_else(|| SeedError::Level(text.to_owned()))
}

impl Sim {
    /// Makes everything a seed names. Returns what a person needs to act in it: tokens of people, ids
    /// of Apps, their installations and repositories.
    ///
    /// # Errors
    /// Names that are not made, roles GitHub does not have, a key file that cannot be written.
    pub fn plant(&self, seed: &Seed) -> Result<Value, SeedError> {
        let mut made = Made::default();
        for user in &seed.users {
            let mut person = self.user(&user.login);
            if let Some(token) = &user.token {
                self.give_token(&person, token);
                person.token.clone_from(token);
            }
            made.users.insert(user.login.clone(), person);
        }
        for org in &seed.orgs {
            self.plant_org(&mut made, org)?;
        }
        for repo in &seed.repos {
            self.plant_repo(&mut made, repo)?;
        }
        let mut apps = serde_json::Map::new();
        for app in &seed.apps {
            apps.insert(app.name.clone(), self.plant_app(&made, app)?);
        }
        let users: serde_json::Map<String, Value> = made
            .users
            .iter()
            .map(|(login, user)| (login.clone(), json!({"id": user.id, "token": user.token})))
            .collect();
        let repos: serde_json::Map<String, Value> = made
            .repos
            .iter()
            .map(|(name, repo)| (name.clone(), json!({"id": repo.id, "git_url": repo.git_url()})))
            .collect();
        Ok(json!({"users": users, "repos": repos, "apps": apps}))
    }

    fn plant_org(&self, made: &mut Made, seed: &SeedOrg) -> Result<(), SeedError> {
        let org = self.org(&seed.login);
        for (people, owner) in [(&seed.owners, true), (&seed.members, false)] {
            for login in people {
                org.member(find(&made.users, "user", login)?, owner);
            }
        }
        for wanted in &seed.teams {
            let team = org.team(&wanted.name);
            for (people, state) in [(&wanted.members, Membership::Active), (&wanted.pending, Membership::Pending)] {
                for login in people {
                    team.member(find(&made.users, "user", login)?, state);
                }
            }
            if let Some(parent) = &wanted.parent {
                team.below(find(&made.teams, "team", parent)?);
            }
            made.teams.insert(wanted.name.clone(), team);
        }
        made.orgs.insert(seed.login.clone(), org);
        Ok(())
    }

    fn plant_repo(&self, made: &mut Made, seed: &SeedRepo) -> Result<(), SeedError> {
        let repo = self.repo(&seed.name, &seed.default_branch)?;
        repo.set_private(seed.private);
        let mut writer = None;
        for (login, wanted) in &seed.roles {
            let (user, role) = (find(&made.users, "user", login)?, role(wanted)?);
            repo.role(user, Some(role));
            if role >= Role::Write {
                writer = writer.or(Some(user));
            }
        }
        for (name, wanted) in &seed.teams {
            repo.team_role(find(&made.teams, "team", name)?, Some(role(wanted)?));
        }
        if !seed.files.is_empty() {
            let writer = writer
                .ok_or_else(|| SeedError::Unknown { kind: "person with write access to", name: seed.name.clone() })?;
            let mut push = Push::to(&seed.default_branch).message("First commit");
            for (path, content) in &seed.files {
                push = push.file(path, content);
            }
            repo.push(writer, push)?;
        }
        for ruleset in &seed.rulesets {
            repo.ruleset(ruleset.clone())?;
        }
        made.repos.insert(seed.name.clone(), repo);
        Ok(())
    }

    fn plant_app(&self, made: &Made, seed: &SeedApp) -> Result<Value, SeedError> {
        let mut permissions = BTreeMap::new();
        for (name, level) in &seed.permissions {
            let level = Level::parse(level).ok_or_else(|| SeedError::Level(level.clone()))?;
            permissions.insert(name.clone(), level);
        }
        let app = self.app(AppConfig {
            name: seed.name.clone(),
            permissions,
            events: seed.events.iter().cloned().collect(),
            webhook_secret: seed.webhook_secret.clone(),
            webhook_url: seed.webhook_url.clone(),
        });
        if let Some(path) = &seed.private_key_file {
            write_key(path, &app.private_key_pem).map_err(|source| SeedError::Key { path: path.clone(), source })?;
        }
        let mut installations = Vec::new();
        for wanted in &seed.installations {
            let org = find(&made.orgs, "organisation", &wanted.account)?;
            let mut repos = Vec::new();
            for name in &wanted.repos {
                repos.push(find(&made.repos, "repository", name)?);
            }
            installations.push(app.install(org, &repos).id);
        }
        Ok(json!({
            "id": app.id, "slug": app.slug, "bot": app.bot_login(), "installations": installations,
        }))
    }
}

fn write_key(path: &std::path::Path, pem: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(pem.as_bytes())
}
