//! Who may use the pages of the set-up: one browser, on this machine, that was given the link.
//!
//! The link is taken once and within half an hour. Texts that open something are compared without telling how much of them fits.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::StatusCode;
use http::header::{COOKIE, HOST, ORIGIN};
use sha2::{Digest as _, Sha256};

use super::pages;

/// How long the link can be taken.
const LINK_LIVES: Duration = Duration::from_secs(30 * 60);
/// Name of the cookie.
const COOKIE_NAME: &str = "countersign-setup";

/// What opens the pages: known by its digest, gone once it was used.
pub struct Link {
    digest: Option<[u8; 32]>,
    begun: Instant,
}

impl Link {
    /// A new one, and its token. `None`: the system gave no random bytes.
    #[must_use]
    pub fn begin() -> Option<(Self, String)> {
        let token = unguessable()?;
        Some((Self { digest: Some(digest(&token)), begun: Instant::now() }, token))
    }

    /// Whether this is the token; it is none from then on.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let fits = self.digest.is_some_and(|known| same(&known, token));
        let young = self.begun.elapsed() < LINK_LIVES;
        if fits {
            self.digest = None;
        }
        fits && young
    }

    #[cfg(test)]
    pub(super) fn aged(mut self, by: Duration) -> Option<Self> {
        self.begun = self.begun.checked_sub(by)?;
        Some(self)
    }
}

/// The browser that took the link.
pub(super) struct Session {
    id: String,
    state: Option<[u8; 32]>,
}

impl Session {
    pub(super) fn begin() -> Option<Self> {
        Some(Self { id: unguessable()?, state: None })
    }

    /// For this host alone, out of reach of scripts; sent when GitHub leads the browser back, not when another page posts to us.
    pub(super) fn cookie(&self) -> String {
        format!("{COOKIE_NAME}={}; Path=/setup; HttpOnly; SameSite=Lax", self.id)
    }

    pub(super) fn is(&self, headers: &HeaderMap) -> bool {
        cookie(headers).is_some_and(|value| same(&digest(&self.id), &value))
    }

    pub(super) fn new_state(&mut self) -> Option<String> {
        let state = unguessable()?;
        self.state = Some(digest(&state));
        Some(state)
    }

    pub(super) fn expects(&self, state: &str) -> bool {
        self.state.is_some_and(|known| same(&known, state))
    }
}

/// 256 random bits, in hexadecimal.
fn unguessable() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Compares a text with the digest of the right one, in the same time wherever they differ.
fn same(known: &[u8; 32], text: &str) -> bool {
    known.iter().zip(digest(text)).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

/// The cookie a browser sends for us.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
    let sent = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = sent.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value.to_owned())
}

/// A field of a query or a form.
pub(super) fn field(text: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The host the browser asked, if it is this machine by a name nobody else can give it: `localhost`, or an address in numbers.
pub(super) fn host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let url = url::Url::parse(&format!("http://{host}/")).ok().filter(|url| url.username().is_empty())?;
    let local = match url.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => !IpAddr::from(address).is_unspecified(),
        url::Host::Ipv6(address) => !IpAddr::from(address).is_unspecified(),
    };
    local.then(|| host.to_owned())
}

/// Whether a form was sent from a page of ours.
pub(super) fn is_from(headers: &HeaderMap, host: &str) -> bool {
    headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) == Some(format!("http://{host}").as_str())
}

/// Refuses names that somebody else may have pointed at this machine.
pub(super) async fn local_names_only(request: Request, next: Next) -> Response {
    if host(request.headers()).is_some() {
        return next.run(request).await;
    }
    pages::refused(
        StatusCode::MISDIRECTED_REQUEST,
        "This page answers to `localhost` and to addresses in numbers alone.",
        "From another machine, forward the port: ssh -L 8081:127.0.0.1:8081 HOST, then open the link at 127.0.0.1.",
    )
}
