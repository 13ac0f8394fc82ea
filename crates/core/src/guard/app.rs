//! What the App must be allowed and told to do its work.
//!
//! Judges what GitHub says of the App; asks nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::Weight;
use super::needs::{EVENTS, Event, PERMISSIONS, Permission};

/// What GitHub says of the App as it is installed (`apps/get-installation`) and of its webhook (`apps/get-webhook-config-for-app`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppFacts {
    /// Permissions that were granted: `contents` → `write`.
    pub permissions: BTreeMap<String, String>,
    /// Events it is told.
    pub events: BTreeSet<String>,
    /// Its webhook.
    pub hook: Hook,
}

/// Settings of the webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hook {
    /// Whether it has an address.
    pub has_address: bool,
    /// Whether the address is `https`.
    pub https: bool,
    /// `json` or `form`.
    pub content_type: String,
    /// Whether certificates are checked.
    pub checks_certificates: bool,
    /// Whether deliveries are signed.
    pub has_secret: bool,
}

/// What is wrong with the App. The code is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppReason {
    /// A permission it cannot do without.
    PermissionMissing,
    /// A permission it would see more with.
    PermissionOptional,
    /// An event it should be told.
    EventMissing,
    /// An event that would tell it sooner.
    EventOptional,
    /// The webhook has no address.
    HookMissing,
    /// The webhook sends something else than JSON.
    HookNotJson,
    /// The webhook signs nothing.
    HookUnsigned,
    /// The webhook does not check certificates, or goes unencrypted.
    HookInsecure,
}

impl AppReason {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::PermissionMissing,
        Self::PermissionOptional,
        Self::EventMissing,
        Self::EventOptional,
        Self::HookMissing,
        Self::HookNotJson,
        Self::HookUnsigned,
        Self::HookInsecure,
    ];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::PermissionMissing => "permission-missing",
            Self::PermissionOptional => "permission-optional",
            Self::EventMissing => "event-missing",
            Self::EventOptional => "event-optional",
            Self::HookMissing => "webhook-missing",
            Self::HookNotJson => "webhook-not-json",
            Self::HookUnsigned => "webhook-unsigned",
            Self::HookInsecure => "webhook-insecure",
        }
    }

    /// How much it weighs; `None`: it would only be better.
    #[must_use]
    pub fn weight(self) -> Option<Weight> {
        match self {
            Self::PermissionMissing
            | Self::EventMissing
            | Self::HookMissing
            | Self::HookNotJson
            | Self::HookUnsigned
            | Self::HookInsecure => Some(Weight::Gap),
            Self::PermissionOptional | Self::EventOptional => None,
        }
    }
}

/// Something wrong with the App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFinding {
    /// What.
    pub reason: AppReason,
    /// In words.
    pub words: String,
    /// The way out.
    pub help: String,
}

/// What is to be said of the App.
#[must_use]
pub fn judge_app(app: &AppFacts) -> Vec<AppFinding> {
    let mut found = Vec::new();
    for (reason, always) in [(AppReason::PermissionMissing, true), (AppReason::PermissionOptional, false)] {
        let lacks = |one: &&Permission| one.always == always && !allows(app.permissions.get(one.name), one.level);
        for Permission { name, level, what_for, .. } in PERMISSIONS.iter().filter(lacks) {
            found.push(AppFinding {
                reason,
                words: format!("the App lacks the permission `{name}: {level}`, {what_for}"),
                help: format!("in the App's settings, Permissions & events: give it `{name}: {level}`, then accept the change where it is installed"),
            });
        }
    }
    for (reason, always) in [(AppReason::EventMissing, true), (AppReason::EventOptional, false)] {
        let untold = |one: &&Event| one.always == always && !app.events.contains(one.name);
        let missing: Vec<&str> = EVENTS.iter().filter(untold).map(|one| one.name).collect();
        if !missing.is_empty() {
            found.push(AppFinding {
                reason,
                words: format!("the App is not told of {}", quoted(&missing)),
                help: format!("in the App's settings, Permissions & events: subscribe to {}", quoted(&missing)),
            });
        }
    }
    hook(&app.hook, &mut found);
    found
}

fn hook(hook: &Hook, found: &mut Vec<AppFinding>) {
    let mut note = |reason, words: &str, help: &str| {
        found.push(AppFinding { reason, words: words.to_owned(), help: help.to_owned() });
    };
    if !hook.has_address {
        note(
            AppReason::HookMissing,
            "the App's webhook has no address",
            "in the App's settings: Webhook, active, `https://HOST/webhooks/github`; until then only the sweep sees anything",
        );
        return;
    }
    if hook.content_type != "json" {
        note(
            AppReason::HookNotJson,
            "the webhook does not send JSON",
            "gh api -X PATCH /app/hook/config -f content_type=json",
        );
    }
    if !hook.has_secret {
        note(
            AppReason::HookUnsigned,
            "the webhook has no secret: every delivery is refused",
            "in the App's settings: Webhook secret, the same as COUNTERSIGN_WEBHOOK_SECRET",
        );
    }
    if !hook.checks_certificates || !hook.https {
        note(
            AppReason::HookInsecure,
            "the webhook's connection is not protected",
            "in the App's settings: an `https` address, and SSL verification on",
        );
    }
}

fn allows(granted: Option<&String>, wanted: &str) -> bool {
    let rank = |level: &str| match level {
        "read" => 1,
        "write" => 2,
        "admin" => 3,
        _ => 0,
    };
    granted.is_some_and(|level| rank(level) >= rank(wanted))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
