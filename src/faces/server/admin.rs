//! What an operator sees: `/metrics`, and one page that says what runs.
//!
//! Read-only. The page loads nothing, runs no script, and may not be framed.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use minijinja::{Environment, context};
use sha2::{Digest as _, Sha256};

use super::{Service, answer, health};

const STYLE: &str = include_str!("../../../templates/admin.css");
const PAGE: &str = include_str!("../../../templates/admin.html");

/// Only our own style, known by its digest.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Everything that is counted.
pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    match service.journal.depth(service.clock.now()).await {
        Ok(depth) => super::metrics::queued(depth),
        Err(failure) => tracing::warn!(%failure, "the store cannot be read"),
    }
    match service.journal.letters().await {
        Ok(letters) => super::metrics::letters(letters),
        Err(failure) => tracing::warn!(%failure, "the outbox cannot be read"),
    }
    service.metrics.run_upkeep();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], service.metrics.render()).into_response()
}

/// What runs.
pub(super) async fn page(State(service): State<Arc<Service>>) -> Response {
    let report = health::report(&service).await;
    let status = health::word(report.state());
    let checks: Vec<_> =
        report.rows().into_iter().map(|(name, check)| (name, check.state.word(), check.reason.clone())).collect();
    let repositories = service.journal.repositories().await.unwrap_or_default();
    let names: Vec<String> = repositories.iter().map(|repo| repo.name.to_string()).collect();
    let account = service.ourselves.get().map(|account| account.login.to_string());
    let letters = service.journal.letters().await.unwrap_or_default();
    let given_up: Vec<_> = service
        .journal
        .given_up(20)
        .await
        .unwrap_or_default()
        .into_iter()
        .map(|one| (one.at.to_string(), one.letter.destination.channel(), one.letter.notice.key, one.reason))
        .collect();
    let text = Environment::new().render_named_str(
        "admin.html",
        PAGE,
        context! { style => STYLE, version => env!("CARGO_PKG_VERSION"), status, checks, names, account,
        waiting => letters.waiting, given_up_count => letters.given_up, given_up },
    );
    match text {
        Ok(text) => {
            let headers = [
                (CONTENT_SECURITY_POLICY, POLICY.as_str()),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (REFERRER_POLICY, "no-referrer"),
                (CACHE_CONTROL, "no-store"),
            ];
            (headers, Html(text)).into_response()
        }
        Err(failure) => {
            tracing::error!(%failure, "the page cannot be rendered");
            answer::error(http::StatusCode::INTERNAL_SERVER_ERROR, "internal error", "the log says more")
        }
    }
}
