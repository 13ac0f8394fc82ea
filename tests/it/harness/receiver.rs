//! A receiver of webhooks on this machine: keeps what arrives, checks signatures as the documentation tells receivers to, and
//! answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::World;
use super::http::served;

/// Signing secret of every receiver.
pub(crate) const SECRET: &str = "whsec_c2VjcmV0LW9mLWEtcmVjZWl2ZXItMTIzNDU2Nzg=";

impl World {
    /// Whether the server runs: a dead child that nobody has buried yet does not.
    pub(crate) fn is_alive(&self) -> bool {
        let Some(server) = &self.server else { return false };
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.child.id())).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.starts_with('Z') && !rest.is_empty())
    }
}

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) id: String,
    pub(crate) body: Value,
    /// Whether the signature is right.
    pub(crate) signed: bool,
}

impl Arrived {
    pub(crate) fn generation(&self) -> u64 {
        self.body["generation"].as_u64().expect("a generation")
    }
}

/// How to answer once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// With a status.
    Status(u16),
    /// With a status and `Retry-After`.
    Busy(u16, u64),
    /// With a redirect to itself.
    Redirect,
    /// After so many seconds.
    Slow(u64),
    /// Closes the connection in the middle of the headers.
    Garbage,
    /// With a page for people.
    Page,
}

#[derive(Default)]
struct Kept {
    arrived: Vec<Arrived>,
    answers: VecDeque<Answer>,
}

/// A receiver.
pub(crate) struct Receiver {
    kept: Arc<Mutex<Kept>>,
    pub(crate) url: String,
}

impl Receiver {
    /// Starts one that takes everything.
    pub(crate) async fn start() -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let shared = kept.clone();
        let app = axum::Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let shared = shared.clone();
            async move { answer(&shared, &headers, &body).await }
        });
        let url = format!("{}/hook", served(app).await);
        Self { kept, url }
    }

    /// Answers like this, one after the other; then everything is taken again.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.kept.lock().expect("kept").answers.extend(answers);
    }

    /// Everything that arrived, oldest first.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.kept.lock().expect("kept").arrived.clone()
    }

    /// Answers that were not needed.
    pub(crate) fn answers_left(&self) -> usize {
        self.kept.lock().expect("kept").answers.len()
    }
}

async fn answer(kept: &Mutex<Kept>, headers: &HeaderMap, body: &Bytes) -> Response {
    let next = {
        let mut kept = kept.lock().expect("kept");
        kept.arrived.push(Arrived {
            id: text(headers, "webhook-id"),
            body: serde_json::from_slice(body).unwrap_or_default(),
            signed: is_signed(headers, body),
        });
        kept.answers.pop_front()
    };
    match next {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(answer) => misbehave(answer).await,
    }
}

/// Answers as it was told.
pub(super) async fn misbehave(answer: Answer) -> Response {
    let status = |code| StatusCode::from_u16(code).expect("a status");
    match answer {
        Answer::Status(code) => status(code).into_response(),
        Answer::Busy(code, seconds) => (status(code), [(header::RETRY_AFTER, seconds.to_string())]).into_response(),
        Answer::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response(),
        Answer::Slow(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Answer::Garbage => panic!("the connection is dropped"),
        Answer::Page => (StatusCode::OK, "<html>an interface for people</html>").into_response(),
    }
}

pub(super) fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// Standard Webhooks: `v1,` and the base64 of the HMAC over id, timestamp and body.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let secret = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let signed = [text(headers, "webhook-id"), text(headers, "webhook-timestamp"), String::new()].join(".");
    let expected = STANDARD.encode(hmac::sign(&key, &[signed.as_bytes(), body].concat()));
    text(headers, "webhook-signature").split(' ').any(|one| one == format!("v1,{expected}"))
}
