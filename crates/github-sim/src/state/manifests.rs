//! Apps that are registered from a manifest: what GitHub refuses in one, the App, and the code its credentials are fetched with.
//!
//! Never shows a page; that is in `web`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::State;
use super::accounts::AccountKind;
use super::apps::{AppRecord, random_text};
use crate::access::Level;
use crate::keys;

/// Longest name of an App.
const LONGEST_NAME: usize = 34;

/// Permission without which an App cannot subscribe to an event.
const BACKING: &[(&str, &str)] = &[
    ("branch_protection_rule", "administration"),
    ("check_run", "checks"),
    ("check_suite", "checks"),
    ("deployment", "deployments"),
    ("deployment_protection_rule", "deployments"),
    ("deployment_status", "deployments"),
    ("issue_comment", "issues"),
    ("issues", "issues"),
    ("member", "members"),
    ("membership", "members"),
    ("merge_group", "merge_queues"),
    ("organization", "members"),
    ("pull_request", "pull_requests"),
    ("pull_request_review", "pull_requests"),
    ("pull_request_review_comment", "pull_requests"),
    ("pull_request_review_thread", "pull_requests"),
    ("push", "contents"),
    ("repository", "metadata"),
    ("repository_ruleset", "administration"),
    ("status", "statuses"),
    ("team", "members"),
    ("team_add", "members"),
    ("workflow_run", "actions"),
];

/// Permissions an App can ask for, of those the stand-in knows.
const PERMISSIONS: &[&str] = &[
    "actions",
    "administration",
    "checks",
    "contents",
    "deployments",
    "environments",
    "issues",
    "members",
    "merge_queues",
    "metadata",
    "pull_requests",
    "secrets",
    "statuses",
    "workflows",
];

/// What an App is registered with.
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) redirect_url: String,
    hook_url: Option<String>,
    permissions: BTreeMap<String, Level>,
    events: BTreeSet<String>,
}

/// Credentials of an App that wait to be fetched, once.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) app: u64,
    pub(crate) pem: String,
    pub(crate) client_secret: String,
    pub(crate) webhook_secret: Option<String>,
    at: Timestamp,
}

impl Manifest {
    /// Reads one, or says everything GitHub refuses in it.
    pub(crate) fn read(text: &str) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let json: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        if !json.is_object() {
            return Err(vec!["The manifest is not a JSON object".to_owned()]);
        }
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        if !text("url").is_some_and(|url| is_address(&url)) {
            faults.push("Url must be a valid URL".to_owned());
        }
        let redirect_url = text("redirect_url").unwrap_or_default();
        if !is_address(&redirect_url) {
            faults.push("Redirect url must be a valid URL".to_owned());
        }
        let hook_url = json["hook_attributes"]["url"].as_str().map(str::to_owned);
        match &hook_url {
            Some(url) if !is_address(url) => faults.push("Hook url must be a valid URL".to_owned()),
            Some(url) if is_local(url) => {
                faults.push("Hook url is not supported because it isn't reachable over the public Internet".to_owned())
            }
            None if json["hook_attributes"].is_object() => faults.push("Hook url cannot be blank".to_owned()),
            Some(_) | None => {}
        }
        let permissions = permissions(&json["default_permissions"], &mut faults);
        let events = events(&json["default_events"], &permissions, hook_url.is_some(), &mut faults);
        let name = text("name").unwrap_or_default();
        if faults.is_empty() { Ok(Self { name, redirect_url, hook_url, permissions, events }) } else { Err(faults) }
    }
}

fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn is_local(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or_default();
    ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local))
}

fn permissions(json: &Value, faults: &mut Vec<String>) -> BTreeMap<String, Level> {
    let mut permissions = BTreeMap::from([("metadata".to_owned(), Level::Read)]);
    for (name, level) in json.as_object().into_iter().flatten() {
        match level.as_str().and_then(Level::parse).filter(|_| PERMISSIONS.contains(&name.as_str())) {
            Some(level) => drop(permissions.insert(name.clone(), level)),
            None => faults.push(format!("Default permission records resource is not included in the list: {name}")),
        }
    }
    permissions
}

fn events(
    json: &Value,
    permissions: &BTreeMap<String, Level>,
    active: bool,
    faults: &mut Vec<String>,
) -> BTreeSet<String> {
    let events: BTreeSet<String> =
        json.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if !events.is_empty() && !active {
        faults.push("Hook url cannot be blank".to_owned());
    }
    let backing = |event: &str| BACKING.iter().find(|(name, _)| *name == event).map(|(_, permission)| *permission);
    let list = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let unknown: Vec<_> = events.iter().filter(|event| backing(event).is_none()).collect();
    let bare: Vec<_> =
        events.iter().filter(|event| backing(event).is_none_or(|needed| !permissions.contains_key(needed))).collect();
    if !unknown.is_empty() {
        faults.push(format!("Default events unsupported: {}", list(unknown)));
    }
    if !bare.is_empty() {
        faults.push(format!("Default events are not supported by permissions: {}", list(bare)));
    }
    events
}

impl State {
    /// Registers an App for an account and gives the code its credentials are fetched with.
    pub(crate) fn register(&mut self, manifest: Manifest, name: &str, owner: u64) -> Result<String, String> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(format!("Name must have between 1 and {LONGEST_NAME} characters"));
        }
        let slug = crate::cast::slug(name);
        if self.apps.values().any(|app| app.slug == slug) {
            return Err("Name is already in use".to_owned());
        }
        let key = keys::nth(self.apps.len());
        let bot = self.add_account(&format!("{slug}[bot]"), AccountKind::Bot);
        let (id, hook_id) = (self.small_id(), self.small_id());
        let webhook_secret = manifest.hook_url.is_some().then(|| random_text(40));
        let at = self.now();
        self.apps.insert(
            id,
            AppRecord {
                id,
                slug,
                name: name.to_owned(),
                bot,
                owner,
                permissions: manifest.permissions,
                events: manifest.events,
                webhook_url: manifest.hook_url,
                webhook_secret: webhook_secret.clone(),
                hook_id,
                public_key: key.public_der,
                created_at: at,
            },
        );
        let code = random_text(40);
        let pem = key.private_pem;
        let client_secret = random_text(40);
        self.registered.insert(code.clone(), Registered { app: id, pem, client_secret, webhook_secret, at });
        Ok(code)
    }

    /// The credentials behind a code: given out once, and for an hour.
    pub(crate) fn fetch_registered(&mut self, code: &str) -> Option<Registered> {
        let found = self.registered.remove(code)?;
        (self.now().duration_since(found.at) < SignedDuration::from_hours(1)).then_some(found)
    }
}
