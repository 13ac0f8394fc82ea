//! GitHub Apps, their installations, and every token the stand-in has given out.
//!
//! Never keeps an App's private key: only its public half; the key goes to whoever made the App.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::State;
use crate::access::{InstallationAccess, Level};
use crate::error::{Outcome, Refusal};

/// One App.
#[derive(Debug, Clone)]
pub(crate) struct AppRecord {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) bot: u64,
    pub(crate) owner: u64,
    pub(crate) permissions: BTreeMap<String, Level>,
    pub(crate) events: BTreeSet<String>,
    pub(crate) webhook_url: Option<String>,
    pub(crate) webhook_secret: Option<String>,
    pub(crate) hook_id: u64,
    /// DER of the public key (PKCS#1).
    pub(crate) public_key: Vec<u8>,
    pub(crate) created_at: Timestamp,
}

/// One installation of an App.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) app: u64,
    pub(crate) account: u64,
    /// None: all repositories of the account.
    pub(crate) repos: Option<BTreeSet<u64>>,
    pub(crate) permissions: BTreeMap<String, Level>,
    pub(crate) events: BTreeSet<String>,
    pub(crate) suspended_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

/// One credential the stand-in gave out.
#[derive(Debug, Clone)]
pub(crate) enum Token {
    /// A person's.
    Person(u64),
    /// An installation's.
    Installation {
        installation: u64,
        /// None: whatever the installation reaches when the token is used.
        repos: Option<BTreeSet<u64>>,
        permissions: BTreeMap<String, Level>,
        expires_at: Timestamp,
    },
}

impl State {
    /// Mints a token that lives one hour.
    pub(crate) fn mint(
        &mut self,
        installation: u64,
        repos: Option<BTreeSet<u64>>,
        permissions: BTreeMap<String, Level>,
        long: bool,
    ) -> Outcome<(String, Timestamp)> {
        let found = self.installations.get(&installation).ok_or_else(Refusal::not_found)?;
        if found.suspended_at.is_some() {
            return Err(Refusal::new(403, "This installation has been suspended"));
        }
        let token = spell_token(found.app, long);
        let expires_at = self.now().checked_add(SignedDuration::from_hours(1)).unwrap_or_else(|_| self.now());
        self.tokens.insert(token.clone(), Token::Installation { installation, repos, permissions, expires_at });
        Ok((token, expires_at))
    }

    /// Whether an installation exists and is suspended.
    pub(crate) fn is_suspended(&self, installation: u64) -> bool {
        self.installations.get(&installation).is_some_and(|found| found.suspended_at.is_some())
    }

    /// What a token gives now; None when it is unknown, expired, revoked, or its installation is
    /// gone or suspended.
    pub(crate) fn access_of(&self, token: &str) -> Option<InstallationAccess> {
        let Some(Token::Installation { installation, repos, permissions, expires_at }) = self.tokens.get(token) else {
            return None;
        };
        if *expires_at <= self.now() {
            return None;
        }
        let found = self.installations.get(installation)?;
        if found.suspended_at.is_some() {
            return None;
        }
        let reach = self.repos_of_installation(*installation);
        Some(InstallationAccess {
            installation: *installation,
            app: found.app,
            bot: self.apps.get(&found.app)?.bot,
            repos: match repos {
                Some(narrow) => narrow.intersection(&reach).copied().collect(),
                None => reach,
            },
            permissions: permissions
                .iter()
                .filter_map(|(name, level)| Some((name.clone(), (*level).min(*found.permissions.get(name)?))))
                .collect(),
            token: token.to_owned(),
        })
    }

    /// The installation of an App on the account that owns a repository, if it reaches it.
    pub(crate) fn installation_for(&self, app: u64, repo: u64) -> Option<&Installation> {
        self.installations
            .values()
            .find(|found| found.app == app && self.repos_of_installation(found.id).contains(&repo))
    }
}

/// A token in one of GitHub's two spellings: `ghs_` and 36 characters, or `ghs_<app>_` and something
/// shaped like a JWT, about 520 characters in all.
fn spell_token(app: u64, long: bool) -> String {
    let short = random_text(36);
    if !long {
        return format!("ghs_{short}");
    }
    format!("ghs_{app}_eyJ{}.eyJ{}.{}", random_text(60), random_text(240), random_text(200))
}

/// A personal token.
pub(crate) fn personal_token() -> String {
    format!("ghp_{}", random_text(36))
}

/// Random letters and digits.
pub(crate) fn random_text(length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let block = Sha256::digest(uuid::Uuid::new_v4().as_bytes());
        for byte in block {
            if text.len() < length {
                text.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            }
        }
    }
    text
}
