//! The same address for jobs: a job that carries out one of our orders says that it begins, what it is about to write, how it ended.
//!
//! It shows the token that GitHub gave it. Whether it is heard is decided by the engine; nothing it says is logged beyond the order.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use countersign_core::domain::JobId;
use countersign_core::sync::JobWord;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use tracing::warn;

use super::callback::{Refusal, json, refusal};
use super::metrics::delivered;
use super::webhook::text;
use super::{Service, answer};
use crate::engine::ports::{Answered, JobTokens};
use crate::engine::{Engine, Unheard};

/// Name in log and metrics.
const EVENT: &str = "job-status";
/// Largest body, in bytes: the marks of a few thousand keys.
const CAP: usize = 2 * 1024 * 1024;

/// Who hears jobs.
pub struct Reception {
    /// Decides.
    pub engine: Arc<Engine>,
    /// Knows GitHub's signature.
    pub tokens: Arc<dyn JobTokens>,
}

/// Takes one word.
pub(super) async fn take(service: &Service, order: &JobId, headers: &HeaderMap, body: Body) -> Response {
    match heard(service, order, headers, body).await {
        Ok(answered) => {
            delivered(EVENT, "stored");
            service.poke.notify_one();
            let code = match answered {
                Answered::Begin { .. } => StatusCode::OK,
                Answered::Stored => StatusCode::ACCEPTED,
            };
            (code, Json(answered)).into_response()
        }
        Err(Refusal { code, what, help }) => {
            warn!(%order, reason = what, "a job is not heard");
            delivered(EVENT, "refused");
            answer::error(code, &what, help)
        }
    }
}

async fn heard(service: &Service, order: &JobId, headers: &HeaderMap, body: Body) -> Result<Answered, Refusal> {
    let unknown = || {
        let help = "send `authorization: Bearer <token>` with the token GitHub gives the job for this server";
        refusal(StatusCode::UNAUTHORIZED, "the call shows no token of a job", help)
    };
    let token = text(headers, AUTHORIZATION.as_str()).and_then(|text| text.strip_prefix("Bearer "));
    let token = token.ok_or_else(unknown)?;
    let reception = service.jobs.as_ref().ok_or_else(unknown)?;
    let body = json(headers, body, CAP).await?;
    let word: JobWord = serde_json::from_slice(&body).map_err(|_| {
        let help = "give server and action the same version";
        refusal(StatusCode::BAD_REQUEST, "the body is no word of a job", help)
    })?;
    let heard = reception.engine.hear_job(reception.tokens.as_ref(), (order, token), &word).await;
    heard.map_err(|fault| match fault {
        Unheard::Stranger { what, help } => refusal(StatusCode::UNAUTHORIZED, what, help),
        Unheard::Over { what, help } => refusal(StatusCode::CONFLICT, what, help),
        Unheard::Later(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, fault.to_string(), "call again"),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::Request;
    use serde_json::json;

    use crate::faces::server::tests::World;

    /// Which words are heard is told by scenarios, with a real server and GitHub's tokens.
    #[tokio::test]
    async fn a_job_that_shows_no_token_is_a_stranger_and_so_is_one_that_nobody_ordered() {
        let world = World::new();
        let body = json!({"state": "converged", "generation": 12}).to_string();
        for token in [None, Some("Basic canary"), Some("Bearer canary")] {
            let mut request = Request::post("/api/v1/syncs/job_101_12_production_vault_1/status")
                .header("content-type", "application/json");
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let (status, answer) = world.ask(request.body(body.clone().into()).unwrap()).await;
            assert_eq!(status.as_u16(), 401, "{token:?}");
            assert!(answer["help"].as_str().unwrap().contains("Bearer"), "{answer}");
            assert!(!answer.to_string().contains("canary"), "{answer}");
        }
        assert!(world.journal.notes.lock().unwrap().is_empty());
    }
}
