//! One call to GitHub, with everything every call needs: a token, a turn, conditional reading, redirects, metrics.
//!
//! Knows no operation. Follows addresses only on our own host and by path, sends a write once, and repeats a request only after
//! GitHub refused its token (which shows that it had no effect).

use std::sync::Arc;
use std::time::Instant;

use countersign_core::domain::{InstallationId, Span, Timestamp};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::address::Address;
use super::broker::{Broker, Scope, Token};
use super::etag::Etags;
use super::fault::{self, Fault, Limit, Raw};
use super::handed::{self, Handed};
use super::jwt::AppKey;
use super::lane::{Lanes, Sort};
use super::transport::{NoAnswer, Patience, Transport};
use super::{Credentials, GitHubConfig, SetupFault};
use crate::engine::ports::{Clock, ForgeErrorKind};

/// Redirects followed in one call.
const HOPS: u32 = 3;
/// How old a token that was forbidden something must be to be minted anew.
const FORBIDDEN_FOR: Span = Span::from_seconds(10);

/// By which credentials a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    /// None: public facts.
    Nobody,
    /// The App's own signed token.
    App,
    /// An installation token.
    Scope(Scope),
}

impl Auth {
    fn lane(self) -> Option<InstallationId> {
        match self {
            Self::Nobody | Self::App => None,
            Self::Scope(scope) => Some(scope.installation),
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Name for metrics, log and errors.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// REST path, or [`super::transport::GRAPHQL`].
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) auth: Auth,
    pub(super) sort: Sort,
}

impl Call {
    /// A read.
    pub(super) fn get(operation: &'static str, auth: Auth, path: String) -> Self {
        Self { operation, method: Method::GET, path, body: None, auth, sort: Sort::Read }
    }

    /// A write.
    pub(super) fn write(operation: &'static str, auth: Auth, method: Method, path: String, body: Value) -> Self {
        Self { operation, method, path, body: Some(body), auth, sort: Sort::Write }
    }
}

/// A success.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) operation: &'static str,
    pub(super) raw: Raw,
    /// The answer came from another address than asked: the repository has another name now.
    pub(super) moved: bool,
}

impl Reply {
    /// Reads the body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.raw.body)
            .map_err(|fault| Fault::garbled(self.operation, &format!("the answer cannot be read: {fault}")))
    }
}

/// Who we are to GitHub.
enum Identity {
    /// An App that mints its tokens.
    App(AppKey),
    /// Whoever a token speaks for.
    Handed(Handed),
}

/// The client.
pub(super) struct Client {
    crab: Octocrab,
    pub(super) address: Arc<Address>,
    identity: Identity,
    clock: Arc<dyn Clock>,
    lanes: Lanes,
    broker: Broker,
    etags: Etags,
}

#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: String,
}

impl Client {
    pub(super) fn new(config: &GitHubConfig, patience: Patience, clock: Arc<dyn Clock>) -> Result<Self, SetupFault> {
        let address = Arc::new(Address::parse(&config.api_url)?);
        let identity = match &config.credentials {
            Credentials::App { id, private_key } => {
                let key = AppKey::parse(*id, private_key)?;
                key.sign(clock.now())?;
                Identity::App(key)
            }
            Credentials::Token { secret, name, installation } => {
                Identity::Handed(Handed::new(secret.clone(), name.clone(), *installation))
            }
        };
        let transport = Transport::new(Arc::clone(&address), patience)?;
        let Ok(crab) = OctocrabBuilder::new_empty().with_service(transport).with_auth(AuthState::None).build();
        Ok(Self {
            crab,
            address,
            identity,
            clock,
            lanes: Lanes::default(),
            broker: Broker::default(),
            etags: Etags::default(),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Number of the App we are; 0 for nobody's, and for a handed token that nobody asked about yet.
    pub(super) fn app(&self) -> u64 {
        match &self.identity {
            Identity::App(key) => key.app(),
            Identity::Handed(handed) => handed.app(),
        }
    }

    /// The token we were handed, if we are no App.
    pub(super) fn handed(&self) -> Option<&Handed> {
        match &self.identity {
            Identity::App(_) => None,
            Identity::Handed(handed) => Some(handed),
        }
    }

    /// Makes a call; a success, or what its failure means.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Fault> {
        let mut path = call.path.clone();
        for hop in 0..=HOPS {
            let raw = self.authorised(call, &path).await?;
            match raw.status.as_u16() {
                301 | 302 | 307 | 308 => path = self.redirect(call, &raw)?,
                200..=299 => return Ok(Reply { operation: call.operation, raw, moved: hop > 0 }),
                _ => return Err(self.judge(call.operation, &raw, call.auth.lane())),
            }
        }
        Err(Fault::garbled(call.operation, "redirected too often"))
    }

    fn redirect(&self, call: &Call, raw: &Raw) -> Result<String, Fault> {
        let target = raw.header(header::LOCATION.as_str()).unwrap_or_default();
        let path = self
            .address
            .own_path(target)
            .ok_or_else(|| Fault::garbled(call.operation, "redirected to another host, which is not followed"))?;
        if let (Some(id), Auth::Scope(Scope { repository: Some(repository), .. })) = (repository_of(&path), call.auth)
            && id != repository.get()
        {
            let words = format!("the name now belongs to repository {id}, not to {repository}");
            return Err(Fault::new(ForgeErrorKind::NotFound, call.operation, &words));
        }
        Ok(path)
    }

    fn judge(&self, operation: &'static str, raw: &Raw, lane: Option<InstallationId>) -> Fault {
        let now = self.now();
        let held = fault::limit(raw, now).map(|limit| self.lanes.of(lane).hold(limit, now));
        fault::judge(operation, raw, held, now)
    }

    /// Holds a lane because of a limit an answer told in its body (GraphQL); the end of the wait.
    pub(super) fn hold(&self, auth: Auth, raw: &Raw) -> Timestamp {
        let now = self.now();
        let limit = fault::stated_limit(raw, now).unwrap_or(Limit::Unstated);
        self.lanes.of(auth.lane()).hold(limit, now)
    }

    /// One exchange with a valid token. A refused token, and an old one that is forbidden something, is minted anew
    /// once; every other answer is returned as it is.
    async fn authorised(&self, call: &Call, path: &str) -> Result<Raw, Fault> {
        let scope = match call.auth {
            Auth::Nobody => return self.exchange(call, path, None).await,
            Auth::App => {
                let signed = self.signed(call.operation)?;
                return self.exchange(call, path, Some(&signed)).await;
            }
            Auth::Scope(scope) => scope,
        };
        let token = self.token(scope).await?;
        let raw = self.exchange(call, path, Some(&token.secret)).await?;
        let now = self.now();
        let forbidden = raw.status == StatusCode::FORBIDDEN && fault::limit(&raw, now).is_none();
        // a permission granted since a token was minted comes with the next one only
        let outdated = forbidden && token.is_older_than(FORBIDDEN_FOR, now);
        if raw.status != StatusCode::UNAUTHORIZED && !outdated {
            return Ok(raw);
        }
        self.broker.slot(scope, self.now()).forget(&token).await;
        let token = self.token(scope).await?;
        self.exchange(call, path, Some(&token.secret)).await
    }

    fn signed(&self, operation: &'static str) -> Result<SecretString, Fault> {
        match &self.identity {
            Identity::App(key) => key
                .sign(self.now())
                .map_err(|fault| Fault::new(ForgeErrorKind::Credentials, operation, &fault.to_string())),
            Identity::Handed(_) => Err(handed::only_for_apps(operation)),
        }
    }

    /// The token of a scope: the one we have, or one minted for everybody who waits.
    pub(super) async fn token(&self, scope: Scope) -> Result<Token, Fault> {
        if let Identity::Handed(handed) = &self.identity {
            return Ok(handed.token(self.now()));
        }
        self.broker.slot(scope, self.now()).token(|| self.now(), || self.mint(scope)).await
    }

    async fn mint(&self, scope: Scope) -> Result<Token, Fault> {
        let now = self.now();
        if self.broker.is_broad(scope, now) {
            return self.mint_narrowed(scope, true).await;
        }
        match self.mint_narrowed(scope, false).await {
            Err(fault) if fault.is(StatusCode::UNPROCESSABLE_ENTITY) => {
                let token = self.mint_narrowed(scope, true).await?;
                tracing::warn!(installation = %scope.installation, purpose = ?scope.purpose, reason = fault.message,
                    "the App lacks a permission; its tokens are narrowed by repository only");
                self.broker.remember_broad(scope, now);
                Ok(token)
            }
            outcome => outcome,
        }
    }

    async fn mint_narrowed(&self, scope: Scope, broad: bool) -> Result<Token, Fault> {
        let operation = "installations.access_tokens";
        let path = format!("/app/installations/{}/access_tokens", scope.installation);
        let call = Call {
            operation,
            method: Method::POST,
            path: path.clone(),
            body: Some(scope.narrowing(broad)),
            // In the installation's own lane: a blocked one blocks no other.
            auth: Auth::Scope(scope),
            sort: Sort::Read,
        };
        let signed = self.signed(operation)?;
        let raw = self.exchange(&call, &path, Some(&signed)).await?;
        if !raw.status.is_success() {
            return Err(self.judge(operation, &raw, call.auth.lane()));
        }
        let minted: Minted = Reply { operation, raw, moved: false }.json()?;
        let until = Timestamp::parse(&minted.expires_at).map_err(|f| Fault::garbled(operation, &f.to_string()))?;
        Ok(Token { secret: Arc::new(SecretString::from(minted.token)), until })
    }

    /// Sends one request and reads its answer.
    async fn exchange(&self, call: &Call, path: &str, token: Option<&SecretString>) -> Result<Raw, Fault> {
        let lane = self.lanes.of(call.auth.lane());
        let pass = lane.enter(call.sort, || self.now()).await.map_err(|until| {
            count(call.operation, "held");
            Fault::new(ForgeErrorKind::Wait(until), call.operation, "waiting for the rate limit GitHub announced")
        })?;
        let kept = match call.auth {
            Auth::Scope(scope) if call.method == Method::GET => self.etags.get(scope, path),
            Auth::Nobody | Auth::App | Auth::Scope(_) => None,
        };
        let started = Instant::now();
        let outcome = self.transmit(call, path, token, kept.as_ref().map(|kept| kept.etag.clone())).await;
        drop(pass);
        let raw = outcome.inspect_err(|fault| {
            count(call.operation, "none");
            tracing::debug!(operation = call.operation, reason = fault.message, "github gave no answer");
        })?;
        count(call.operation, raw.status.as_str());
        tracing::debug!(operation = call.operation, status = raw.status.as_u16(),
            milliseconds = started.elapsed().as_millis(), installation = ?call.auth.lane().map(InstallationId::get), "github");
        self.note_remaining(&raw);
        if fault::limit(&raw, self.now()).is_none() {
            lane.well();
        }
        let raw = match kept {
            Some(kept) if raw.status == StatusCode::NOT_MODIFIED => return Ok(kept.confirmed(raw.headers)),
            Some(_) | None => raw,
        };
        if let (Auth::Scope(scope), &Method::GET) = (call.auth, &call.method) {
            self.etags.keep(scope, path, &raw);
        }
        Ok(raw)
    }

    fn note_remaining(&self, raw: &Raw) {
        if raw.header("x-ratelimit-resource").is_some_and(|resource| resource != "core") {
            return;
        }
        if let Some(remaining) = raw.header("x-ratelimit-remaining").and_then(|text| text.parse::<f64>().ok()) {
            metrics::gauge!("countersign_github_rate_remaining").set(remaining);
        }
    }

    async fn transmit(
        &self,
        call: &Call,
        path: &str,
        token: Option<&SecretString>,
        etag: Option<http::HeaderValue>,
    ) -> Result<Raw, Fault> {
        let unsendable = |_| Fault::garbled(call.operation, "the request cannot be built");
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(path)
            .header(header::ACCEPT, "application/vnd.github+json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let request = self.crab.build_request(request, call.body.as_ref()).map_err(unsendable)?;
        let crab = match token {
            Some(token) => self.crab.user_access_token(token.expose_secret().to_owned()).map_err(unsendable)?,
            None => self.crab.clone(),
        };
        let response = crab.execute(request).await.map_err(|fault| no_answer(call.operation, &fault))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|fault| no_answer(call.operation, &fault))?.to_bytes();
        Ok(Raw { status: parts.status, headers: parts.headers, body })
    }
}

fn count(operation: &'static str, status: &str) {
    metrics::counter!("countersign_github_requests_total", "operation" => operation, "status" => status.to_owned())
        .increment(1);
}

fn no_answer(operation: &'static str, fault: &octocrab::Error) -> Fault {
    let words = if let octocrab::Error::Service { source, .. } = fault {
        source.downcast_ref::<NoAnswer>().map(ToString::to_string)
    } else {
        None
    };
    Fault::new(ForgeErrorKind::Later, operation, words.as_deref().unwrap_or("GitHub cannot be reached"))
}

/// The repository a path by id names: `/repositories/{id}/…`.
fn repository_of(path: &str) -> Option<u64> {
    path.strip_prefix("/repositories/")?.split(['/', '?']).next()?.parse().ok()
}
