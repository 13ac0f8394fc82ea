//! One Git remote over HTTP: the two requests of the smart protocol, and every guard around them.
//!
//! The token travels only as an `Authorization` header to the configured host: never in an address or a file, never to another
//! host, never into an error. Each request is sent once; nothing here retries.

use base64::Engine as _;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};

use super::config::GitConfig;
use super::pktline::{Frames, Packet};
use crate::engine::ports::{GitCredentials, RepoError};

/// Most redirects followed inside the host (a renamed repository needs one).
const REDIRECTS: usize = 3;

/// Most bytes of a body that is not a pack: lists of references, reports.
const LIST_LIMIT: u64 = 256 << 20;

/// Why a request gave nothing to work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The repository is not there, or not for us.
    NotThere(String),
    /// The remote knows us and will not (403).
    Forbidden(String),
    /// Anything that may be different next time.
    Later(String),
}

impl Fault {
    pub(super) fn later(message: impl Into<String>) -> Self {
        Self::Later(message.into())
    }
}

impl From<Fault> for RepoError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotThere(message) => Self::Unreachable(message),
            Fault::Forbidden(message) | Fault::Later(message) => Self::Later(message),
        }
    }
}

/// Which half of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Fetching.
    UploadPack,
    /// Pushing.
    ReceivePack,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// Protocol 2 exists for fetching only.
    fn protocol(self) -> Option<&'static str> {
        match self {
            Self::UploadPack => Some("version=2"),
            Self::ReceivePack => None,
        }
    }
}

/// The HTTP client all remotes share: no redirects of its own, no cookies, bounded waits.
pub(super) fn client(config: &GitConfig) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(agent())
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(config.connect_timeout)
        .read_timeout(config.read_timeout)
        .build()
}

/// How we name ourselves; servers expect the word `git` in front.
pub(super) fn agent() -> &'static str {
    concat!("git/countersign-", env!("CARGO_PKG_VERSION"))
}

/// A repository at the remote, and what we show to be let in. No `Debug`: it holds a token.
pub(super) struct Remote {
    client: Client,
    address: Url,
    authorization: HeaderValue,
    hidden: [SecretString; 2],
}

impl Remote {
    pub(super) fn new(client: Client, address: Url, credentials: &GitCredentials) -> Result<Self, Fault> {
        let secret = credentials.secret.expose_secret();
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{secret}", credentials.user));
        let mut authorization = HeaderValue::from_str(&format!("Basic {pair}"))
            .map_err(|_| Fault::later("the Git credentials cannot be sent in a header"))?;
        authorization.set_sensitive(true);
        let hidden = [SecretString::from(secret.to_owned()), SecretString::from(pair)];
        Ok(Self { client, address, authorization, hidden })
    }

    /// Asks what the remote has (`GET info/refs`), following redirects inside the host and remembering where they led.
    pub(super) async fn advertisement(&mut self, service: Service) -> Result<Body<'_>, Fault> {
        let suffix = format!("/info/refs?service={}", service.name());
        let mut url = self.at(&suffix)?;
        for _ in 0..=REDIRECTS {
            let response = self.send(self.client.get(url.clone()), service).await?;
            if !response.status().is_redirection() {
                return self.body(response, &format!("application/x-{}-advertisement", service.name())).await;
            }
            url = self.redirected(&url, &response)?;
            let moved = url.as_str().strip_suffix(&suffix).and_then(|address| Url::parse(address).ok());
            self.address =
                moved.ok_or_else(|| Fault::later("the remote redirects to something that is no Git repository"))?;
        }
        Err(Fault::later(format!("the remote redirects more than {REDIRECTS} times")))
    }

    /// Sends one request of the protocol (`POST git-…-pack`), with its length, never chunked.
    pub(super) async fn call(&self, service: Service, body: Vec<u8>) -> Result<Body<'_>, Fault> {
        let kind = format!("application/x-{}-request", service.name());
        let request = self.client.post(self.at(&format!("/{}", service.name()))?).header(CONTENT_TYPE, kind).body(body);
        let response = self.send(request, service).await?;
        self.body(response, &format!("application/x-{}-result", service.name())).await
    }

    /// Words of the remote, fit to be shown: no control characters, no token, not long.
    pub(super) fn words(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for hidden in &self.hidden {
            text = text.replace(hidden.expose_secret(), "[hidden]");
        }
        let lines = text.split(['\n', '\r']).map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>());
        let lines: Vec<_> = lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        lines.join("\n").chars().take(2000).collect()
    }

    fn at(&self, suffix: &str) -> Result<Url, Fault> {
        let address = self.address.as_str().trim_end_matches('/');
        Url::parse(&format!("{address}{suffix}")).map_err(|_| Fault::later("the remote's address is no URL"))
    }

    async fn send(&self, request: reqwest::RequestBuilder, service: Service) -> Result<Response, Fault> {
        let mut request = request.header(AUTHORIZATION, self.authorization.clone()).header(ACCEPT_ENCODING, "identity");
        if let Some(protocol) = service.protocol() {
            request = request.header("Git-Protocol", protocol);
        }
        request.send().await.map_err(|error| Fault::Later(self.words(&network(error))))
    }

    fn redirected(&self, from: &Url, response: &Response) -> Result<Url, Fault> {
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let to = location.and_then(|location| from.join(location).ok());
        let to = to.ok_or_else(|| Fault::later("the remote redirects without saying where to"))?;
        let no_login = to.username().is_empty() && to.password().is_none();
        if to.origin() == self.address.origin() && no_login {
            return Ok(to);
        }
        let host = to.host_str().unwrap_or("nowhere").to_owned();
        Err(Fault::Later(self.words(&format!("the remote redirects to another host (`{host}`); not followed"))))
    }

    async fn body(&self, response: Response, expected: &str) -> Result<Body<'_>, Fault> {
        let status = response.status();
        if status != StatusCode::OK {
            return Err(self.refusal(response).await);
        }
        if response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(Fault::later("the remote compresses its answer although we asked it not to"));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind != expected {
            return Err(Fault::Later(self.words(&format!("the remote does not speak Git here: it sent `{kind}`"))));
        }
        Ok(Body { remote: self, response, frames: Frames::default(), received: 0, limit: LIST_LIMIT, ended: false })
    }

    async fn refusal(&self, mut response: Response) -> Fault {
        let status = response.status();
        let mut text = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            text.extend_from_slice(&chunk);
            if text.len() > 4000 {
                break;
            }
        }
        let text = self.words(&String::from_utf8_lossy(&text));
        let said = if text.is_empty() || text.starts_with('<') { String::new() } else { format!(": {text}") };
        match status.as_u16() {
            401 => Fault::Later(format!(
                "the remote refuses our credentials (401){said}\nhelp: check that the App is still installed and its key valid"
            )),
            403 => Fault::Forbidden(format!("the remote forbids it (403){said}")),
            404 | 410 | 451 => Fault::NotThere(format!("the remote answers {status}{said}")),
            _ => Fault::Later(format!("the remote answers {status}{said}")),
        }
    }
}

fn network(error: reqwest::Error) -> String {
    let what = match () {
        () if error.is_timeout() => "the remote did not answer in time",
        () if error.is_connect() => "the remote cannot be reached",
        () => "the connection to the remote broke",
    };
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("{what}: {cause}")
}

/// A response as it arrives.
pub(super) struct Body<'a> {
    remote: &'a Remote,
    response: Response,
    frames: Frames,
    received: u64,
    limit: u64,
    ended: bool,
}

impl Body<'_> {
    /// Allows more (or less) than a list.
    pub(super) fn limited(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// The next frame; `None` at the end. A frame that is cut off is an error.
    pub(super) async fn next(&mut self) -> Result<Option<Packet>, Fault> {
        loop {
            let frame = self.frames.next();
            if let Some(packet) = frame.map_err(|_| Fault::later("the remote does not keep to Git's framing"))? {
                return Ok(Some(packet));
            }
            if self.ended {
                return if self.frames.is_empty() {
                    Ok(None)
                } else {
                    Err(Fault::later("the remote's answer is cut off"))
                };
            }
            self.receive().await?;
        }
    }

    /// The next line as text, `None` at a mark; an `ERR` line is an error. Bytes that are no text become U+FFFD.
    pub(super) async fn line(&mut self) -> Result<Option<String>, Fault> {
        let packet = self.next().await?.ok_or_else(|| Fault::later("the remote's answer is cut off"))?;
        let Some(text) = packet.text() else { return Ok(None) };
        match text.strip_prefix("ERR ") {
            Some(error) => Err(Fault::Later(format!("the remote says: {}", self.remote.words(error)))),
            None => Ok(Some(text)),
        }
    }

    /// Reads to the end without looking, so that the connection can be used again.
    pub(super) async fn drain(mut self) -> Result<(), Fault> {
        while !self.ended {
            self.receive().await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), Fault> {
        match self.response.chunk().await {
            Ok(Some(chunk)) => {
                self.received += chunk.len() as u64;
                if self.received > self.limit {
                    return Err(Fault::Later(format!("the remote's answer is larger than {} bytes", self.limit)));
                }
                self.frames.push(&chunk);
                Ok(())
            }
            Ok(None) => {
                self.ended = true;
                Ok(())
            }
            Err(error) => Err(Fault::Later(self.remote.words(&network(error)))),
        }
    }
}
