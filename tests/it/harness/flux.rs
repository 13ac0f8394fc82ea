//! A receiver of Flux on this machine, written from the published description of the type `generic-hmac`: it knows one path, checks
//! the signature over the body, and says `200` without a word.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::http::served;
use super::receiver::{Answer, misbehave, text};

/// Token of every receiver.
pub(crate) const FLUX_TOKEN: &str = "flux-token-0123456789abcdef";

const PATH: &str = "/hook/0e4c1c7d2a9f4c6bb5f3a8d1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5";

#[derive(Default)]
struct Kept {
    asked: Vec<Value>,
    refused: usize,
    answers: VecDeque<Answer>,
}

/// A receiver.
pub(crate) struct Flux {
    kept: Arc<Mutex<Kept>>,
    pub(crate) url: String,
}

impl Flux {
    /// Starts one that is ready.
    pub(crate) async fn start() -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let shared = kept.clone();
        let app = axum::Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let shared = shared.clone();
            async move { answer(&shared, (&method, &uri), &headers, &body).await }
        });
        let url = format!("{}{PATH}", served(app).await);
        Self { kept, url }
    }

    /// Answers like this, one after the other; then it is ready again.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.kept.lock().expect("kept").answers.extend(answers);
    }

    /// Orders it was asked with, oldest first, whatever it answered.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.kept.lock().expect("kept").asked.clone()
    }

    /// Requests it did not take for what it expects.
    pub(crate) fn refused(&self) -> usize {
        self.kept.lock().expect("kept").refused
    }
}

async fn answer(kept: &Mutex<Kept>, (method, uri): (&Method, &Uri), headers: &HeaderMap, body: &Bytes) -> Response {
    let next = {
        let mut kept = kept.lock().expect("kept");
        let known = method == Method::POST && uri.path() == PATH && uri.query().is_none();
        if !known || !is_signed(headers, body) {
            kept.refused += 1;
            let status = if known { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
            return status.into_response();
        }
        kept.asked.push(serde_json::from_slice(body).unwrap_or_default());
        kept.answers.pop_front()
    };
    match next {
        None => StatusCode::OK.into_response(),
        Some(answer) => misbehave(answer).await,
    }
}

/// `X-Signature: <algorithm>=<hexadecimal>`, over the body as it came.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, FLUX_TOKEN.as_bytes());
    let signature = text(headers, "x-signature");
    let Some(given) = signature.strip_prefix("sha256=") else { return false };
    hex::decode(given).is_ok_and(|given| hmac::verify(&key, body, &given).is_ok())
}
