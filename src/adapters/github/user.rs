//! GitHub as one of its users, by that user's own token: what the command line asks when it opens a pull request.
//!
//! Reads a repository, looks for a pull request, opens one. A write is sent once. The token never leaves the API's own host.

use std::sync::Arc;

use countersign_core::domain::{PrNumber, RepoName, Timestamp};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use octocrab::OctoBody;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::SetupFault;
use super::address::{Address, encode};
use super::fault::{Fault, Raw, judge, limit};
use super::transport::{Patience, Transport};
use crate::engine::ports::{ForgeError, ForgeErrorKind};

/// Redirects followed in one read: a renamed repository has one.
const HOPS: u32 = 3;

/// GitHub, as the owner of a token.
pub struct UserGitHub {
    transport: Transport,
    address: Arc<Address>,
    token: SecretString,
    now: fn() -> Timestamp,
}

/// A repository, as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRepo {
    /// Its present name.
    pub name: RepoName,
    /// Name of its default branch.
    pub default_branch: String,
    /// It is a fork.
    pub fork: bool,
    /// The repository it is a fork of, if GitHub says.
    pub parent: Option<String>,
    /// Whether the user may push; `None`: GitHub does not say.
    pub may_push: Option<bool>,
    /// Nobody can change it.
    pub archived: bool,
    /// Its page.
    pub page: String,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPull {
    /// Its number.
    pub number: PrNumber,
    /// Its page.
    pub page: String,
}

/// A pull request to be opened. Both branches are in the repository itself.
#[derive(Debug, Clone, Copy)]
pub struct NewPull<'a> {
    /// One line.
    pub title: &'a str,
    /// Markdown.
    pub body: &'a str,
    /// Branch with the change.
    pub head: &'a str,
    /// Branch it is to go to.
    pub base: &'a str,
    /// It is not to be reviewed yet.
    pub draft: bool,
}

#[derive(Deserialize)]
struct RepoWire {
    full_name: String,
    default_branch: String,
    #[serde(default)]
    archived: bool,
    html_url: String,
    #[serde(default)]
    fork: bool,
    parent: Option<ParentWire>,
    permissions: Option<PermissionsWire>,
}

#[derive(Deserialize)]
struct ParentWire {
    full_name: String,
}

#[derive(Deserialize)]
struct PermissionsWire {
    #[serde(default)]
    push: bool,
}

#[derive(Deserialize)]
struct UserWire {
    login: String,
}

#[derive(Deserialize)]
struct PullWire {
    number: u64,
    html_url: String,
}

impl From<PullWire> for UserPull {
    fn from(wire: PullWire) -> Self {
        Self { number: PrNumber::new(wire.number), page: wire.html_url }
    }
}

impl UserGitHub {
    /// Sets it up; asks nothing yet.
    ///
    /// # Errors
    /// When the address of the API cannot be used.
    pub fn new(api_url: &str, token: SecretString, now: fn() -> Timestamp) -> Result<Self, SetupFault> {
        let address = Arc::new(Address::parse(api_url)?);
        let transport = Transport::new(Arc::clone(&address), Patience::default())?;
        Ok(Self { transport, address, token, now })
    }

    /// `GET /repos/{owner}/{repo}`.
    ///
    /// # Errors
    /// As GitHub answers.
    pub async fn repository(&self, name: &RepoName) -> Result<UserRepo, ForgeError> {
        let operation = "repos.get";
        let wire: RepoWire = self.read(operation, format!("/repos/{name}")).await?;
        let name = RepoName::parse(&wire.full_name).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
        Ok(UserRepo {
            name,
            default_branch: wire.default_branch,
            fork: wire.fork,
            parent: wire.parent.map(|parent| parent.full_name),
            may_push: wire.permissions.map(|permissions| permissions.push),
            archived: wire.archived,
            page: wire.html_url,
        })
    }

    /// `GET /user`: whose the token is.
    ///
    /// # Errors
    /// As GitHub answers.
    pub async fn login(&self) -> Result<String, ForgeError> {
        let wire: UserWire = self.read("users.get", "/user".to_owned()).await?;
        Ok(wire.login)
    }

    /// The open pull request of a branch of the repository, if there is one.
    ///
    /// # Errors
    /// As GitHub answers.
    pub async fn pull_of(&self, name: &RepoName, head: &str, base: &str) -> Result<Option<UserPull>, ForgeError> {
        let path = format!(
            "/repos/{name}/pulls?state=open&head={}%3A{}&base={}",
            encode(name.owner()),
            encode(head),
            encode(base)
        );
        let wires: Vec<PullWire> = self.read("pulls.list", path).await?;
        Ok(wires.into_iter().next().map(UserPull::from))
    }

    /// Opens a pull request; one that is open for the branch already is taken for the answer: the server may have been quicker.
    ///
    /// # Errors
    /// As GitHub answers.
    pub async fn open_pull(&self, name: &RepoName, new: NewPull<'_>) -> Result<UserPull, ForgeError> {
        let operation = "pulls.create";
        let body =
            json!({"title": new.title, "body": new.body, "head": new.head, "base": new.base, "draft": new.draft});
        let opened = self.exchange(operation, &Method::POST, &format!("/repos/{name}/pulls"), Some(&body)).await;
        match opened.and_then(|raw| self.success::<PullWire>(operation, &raw)) {
            Ok(wire) => Ok(wire.into()),
            Err(fault) if fault.is_doubtful() || fault.is(StatusCode::UNPROCESSABLE_ENTITY) => {
                match self.pull_of(name, new.head, new.base).await {
                    Ok(Some(pull)) => Ok(pull),
                    Ok(None) | Err(_) => Err(fault.into()),
                }
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn read<T: DeserializeOwned>(&self, operation: &'static str, mut path: String) -> Result<T, Fault> {
        for _ in 0..=HOPS {
            let raw = self.exchange(operation, &Method::GET, &path, None).await?;
            if !raw.status.is_redirection() {
                return self.success(operation, &raw);
            }
            let target = raw.header(header::LOCATION.as_str()).unwrap_or_default();
            let elsewhere = || Fault::garbled(operation, "redirected to another host, which is not followed");
            path = self.address.own_path(target).ok_or_else(elsewhere)?;
        }
        Err(Fault::garbled(operation, "redirected too often"))
    }

    fn success<T: DeserializeOwned>(&self, operation: &'static str, raw: &Raw) -> Result<T, Fault> {
        if !raw.status.is_success() {
            let now = (self.now)();
            let held = limit(raw, now).map(|_| now);
            return Err(judge(operation, raw, held, now));
        }
        serde_json::from_slice(&raw.body)
            .map_err(|fault| Fault::garbled(operation, &format!("the answer cannot be read: {fault}")))
    }

    async fn exchange(
        &self,
        operation: &'static str,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Raw, Fault> {
        let unsendable = || Fault::garbled(operation, "the request cannot be built");
        let mut bearer =
            header::HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret())).map_err(|_| {
                Fault::new(ForgeErrorKind::Credentials, operation, "the token holds characters no token has")
            })?;
        bearer.set_sensitive(true);
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::ACCEPT, "application/vnd.github+json")
            .header(header::AUTHORIZATION, bearer);
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(OctoBody::from(body)).map_err(|_| unsendable())?;
        let later = |words: String| Fault::new(ForgeErrorKind::Later, operation, &words);
        let answer = self.transport.clone().send(request).await.map_err(|fault| later(fault.to_string()))?;
        let (parts, body) = answer.into_parts();
        let Ok(body) = body.collect().await;
        Ok(Raw { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }
}
