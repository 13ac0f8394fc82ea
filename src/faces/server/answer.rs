//! Answers as JSON: `{"status": …}`, or `{"error": …, "help": …}`. A fault of ours is told without its cause; the log has it.

use std::any::Any;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;

/// It went well.
pub(super) fn status(code: StatusCode, status: &str) -> Response {
    (code, Json(json!({ "status": status }))).into_response()
}

/// It did not: what is wrong, and the next action.
pub(super) fn error(code: StatusCode, error: &str, help: &str) -> Response {
    (code, Json(json!({ "error": error, "help": help }))).into_response()
}

/// No such route.
pub(super) async fn nothing_here() -> Response {
    error(StatusCode::NOT_FOUND, "there is nothing at this address", "GitHub delivers to `POST /webhooks/github`")
}

/// A route, asked in another way.
pub(super) async fn other_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method", "GitHub delivers with `POST`")
}

/// A fault of ours.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request ended in a panic");
    error(StatusCode::INTERNAL_SERVER_ERROR, "internal error", "the log says more; deliver again")
}
