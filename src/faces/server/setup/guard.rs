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

    /// Whether this is the token, still good at this moment; it is none from then on.
    pub(super) fn take(&mut self, token: &str, at: Instant) -> bool {
        let fits = self.digest.is_some_and(|known| same(&known, token));
        if fits {
            self.digest = None;
        }
        fits && at.saturating_duration_since(self.begun) < LINK_LIVES
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_link_is_good_once_and_for_half_an_hour() {
        let (mut link, token) = Link::begin().unwrap();
        let soon = Instant::now() + Duration::from_secs(29 * 60);
        assert!(!link.take("another", soon) && link.take(&token, soon) && !link.take(&token, soon));
        let (mut link, token) = Link::begin().unwrap();
        assert!(!link.take(&token, Instant::now() + LINK_LIVES + Duration::from_secs(1)));
        assert!(!link.take(&token, Instant::now()), "an old one that was tried is spent");
    }

    #[test]
    fn a_state_is_that_of_the_last_question() {
        let mut session = Session::begin().unwrap();
        assert!(!session.expects(""));
        let first = session.new_state().unwrap();
        let second = session.new_state().unwrap();
        assert!(!session.expects(&first) && session.expects(&second));
    }

    #[test]
    fn names_that_somebody_else_may_point_here_are_none_of_ours() {
        let host = |name: &str| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::try_from(name).unwrap())]);
            host(&headers).is_some()
        };
        for ours in ["localhost", "localhost:8081", "127.0.0.1:8081", "10.0.0.7:8081", "[::1]:8081"] {
            assert!(host(ours), "{ours}");
        }
        for other in
            ["setup.example.com", "localhost.example.com", "a@127.0.0.1", "0.0.0.0:8081", "127.0.0.1.example.com", ""]
        {
            assert!(!host(other), "{other}");
        }
        assert!(super::host(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_form_comes_from_a_page_of_ours_or_is_not_taken() {
        let of = |origin: &str| HeaderMap::from_iter([(ORIGIN, HeaderValue::try_from(origin).unwrap())]);
        assert!(is_from(&of("http://127.0.0.1:8081"), "127.0.0.1:8081"));
        for other in ["null", "http://127.0.0.1", "https://127.0.0.1:8081", "http://localhost:8081"] {
            assert!(!is_from(&of(other), "127.0.0.1:8081"), "{other}");
        }
        assert!(!is_from(&HeaderMap::new(), "127.0.0.1:8081"));
    }
}
