//! A token that was handed to us, such as the one of a job in GitHub Actions: for one repository, as whoever it speaks for.
//!
//! It is used as it is, never renewed, and never asked for anything an App signs for. What it may not read is unknown.

use std::sync::{Arc, OnceLock};

use countersign_core::domain::{Account, InstallationId, RepoId, RepoName, Timestamp};
use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::address::encode;
use super::broker::{Purpose, Scope, Token};
use super::client::{Auth, Call};
use super::fault::Fault;
use super::lane::Sort;
use super::transport::GRAPHQL;
use super::wire::{RepoWire, UserWire};
use crate::engine::ports::{ForgeErrorKind, RepoRef};

/// A token and what it is for.
pub(super) struct Handed {
    secret: Arc<SecretString>,
    name: RepoName,
    installation: InstallationId,
    /// The App it speaks for, once GitHub said so.
    app: OnceLock<u64>,
}

#[derive(Deserialize)]
struct Envelope {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    viewer: Option<Viewer>,
}

#[derive(Deserialize)]
struct Viewer {
    login: String,
}

#[derive(Deserialize)]
struct AppWire {
    id: u64,
}

impl Handed {
    pub(super) fn new(secret: SecretString, name: RepoName, installation: InstallationId) -> Self {
        Self { secret: Arc::new(secret), name, installation, app: OnceLock::new() }
    }

    fn auth(&self) -> Auth {
        Auth::Scope(Scope { installation: self.installation, repository: None, purpose: Purpose::Read })
    }

    /// The App; 0 for a person's token, or before GitHub was asked.
    pub(super) fn app(&self) -> u64 {
        self.app.get().copied().unwrap_or(0)
    }

    /// The token; it lives as long as it lives.
    pub(super) fn token(&self, now: Timestamp) -> Token {
        Token::lasting(&self.secret, now)
    }
}

impl GitHub {
    /// Whom the token speaks for: `viewer` of GraphQL, which answers Apps and people alike; then its number, and its App.
    pub(super) async fn account_of(&self, handed: &Handed) -> Result<Account, Fault> {
        let auth = handed.auth();
        let call = Call {
            operation: "graphql.viewer",
            method: Method::POST,
            path: GRAPHQL.to_owned(),
            body: Some(json!({ "query": "query { viewer { login } }" })),
            auth,
            sort: Sort::Read,
        };
        let envelope: Envelope = self.client.send(&call).await?.json()?;
        let viewer = envelope.data.and_then(|data| data.viewer);
        let login =
            viewer.ok_or_else(|| Fault::garbled(call.operation, "GitHub does not say whose token it is"))?.login;
        if let Some(slug) = login.strip_suffix("[bot]") {
            let app = self.app_called(auth, slug).await?;
            let _known = handed.app.set(app);
        }
        let path = format!("/users/{}", encode(&login));
        let user: UserWire = self.client.send(&Call::get("users.get", auth, path)).await?.json()?;
        user.account().ok_or_else(|| Fault::garbled("users.get", "our own account has no number"))
    }

    /// The one repository a token is for, as it is called now: `GET /repos/{owner}/{repo}`.
    pub(super) async fn repository_of(&self, handed: &Handed) -> Result<RepoRef, Fault> {
        let operation = "repos.get";
        let call = Call::get(operation, handed.auth(), format!("/repos/{}", handed.name));
        let wire: RepoWire = self.client.send(&call).await?.json()?;
        let name = RepoName::parse(&wire.full_name).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
        Ok(RepoRef { id: RepoId::new(wire.id), name, installation: handed.installation })
    }

    /// `GET /apps/{app_slug}`.
    async fn app_called(&self, auth: Auth, slug: &str) -> Result<u64, Fault> {
        let call = Call::get("apps.by_slug", auth, format!("/apps/{}", encode(slug)));
        let wire: AppWire = self.client.send(&call).await?.json()?;
        Ok(wire.id)
    }
}

/// What an App alone may ask.
pub(super) fn only_for_apps(operation: &'static str) -> Fault {
    Fault::new(ForgeErrorKind::Credentials, operation, "only an App's own key opens this; a token was given")
}

/// A team that a token does not show: whether it is there, and who is in it, is not known.
pub(super) fn hidden_team(operation: &'static str, team: &str) -> Fault {
    let words = format!(
        "team `{team}` is not shown to this token, so nobody's membership is known; help: a job's own token reads no teams: \
         name users in the policy, or hand the action a token of an App with `members: read`"
    );
    Fault::new(ForgeErrorKind::Forbidden, operation, &words)
}
