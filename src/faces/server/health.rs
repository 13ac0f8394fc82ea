//! `/livez` and `/readyz`: whether the process runs, and whether it can do its work, with reasons.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde_json::json;
use tokio::time::timeout;

use super::{Service, answer};
use crate::engine::readiness::{Report, State as How};

/// Time the store has to answer.
const STORE_TIME: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn livez() -> Response {
    answer::status(StatusCode::OK, "alive")
}

/// Everything it needs.
pub(super) async fn readyz(State(service): State<Arc<Service>>) -> Response {
    let report = report(&service).await;
    let code = match report.state() {
        How::Ok | How::Degraded => StatusCode::OK,
        How::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    let status = word(report.state());
    let ready = code == StatusCode::OK;
    (code, [(CACHE_CONTROL, "no-store")], Json(json!({ "ready": ready, "status": status, "checks": report })))
        .into_response()
}

/// The whole in a word.
pub(super) fn word(state: How) -> &'static str {
    match state {
        How::Ok => "ready",
        How::Degraded => "degraded",
        How::Failing => "not ready",
    }
}

/// How everything is now.
pub(super) async fn report(service: &Service) -> Report {
    let depth = timeout(STORE_TIME, service.journal.depth(service.clock.now())).await.ok();
    if let Some(Err(failure)) = &depth {
        tracing::warn!(%failure, "the store cannot be read");
    }
    service.readiness.report(depth.as_ref())
}
