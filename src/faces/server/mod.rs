//! The server: takes deliveries, says how it is, shows what runs. It keeps a delivery before it answers, and does nothing else
//! with it: turns are the engine's.
//!
//! Two listeners, so that pages and metrics are never where GitHub can reach. Bodies are never logged.

mod accept;
mod admin;
mod answer;
mod body;
mod callback;
mod health;
mod jobs;
pub mod metrics;
mod run;
pub mod setup;
mod webhook;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::routing::{get, post};
use countersign_core::delivery::WebhookSecrets;
use countersign_core::domain::{Account, RefName, Span};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Notify;
use tower_http::catch_panic::CatchPanicLayer;

pub use jobs::Reception;
pub use run::{Listeners, ServerError, run, set_up, stop_on_signals};

use crate::engine::ports::{Clock, Grants, Journal};
use crate::engine::readiness::Readiness;

/// What the server needs.
pub struct Service {
    /// Where deliveries are kept.
    pub journal: Arc<dyn Journal>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Who may sign.
    pub secrets: WebhookSecrets,
    /// Secrets of targets, which sign what receivers call back.
    pub grants: Arc<dyn Grants>,
    /// Who hears jobs that deliver for us.
    pub jobs: Option<Reception>,
    /// Quiet time after a push.
    pub quiet: Span,
    /// Where the ledger lives.
    pub ledger: RefName,
    /// Our own account, set once GitHub has told us; until then nothing is taken for our own effect.
    pub ourselves: Arc<OnceLock<Account>>,
    /// How we are.
    pub readiness: Readiness,
    /// Poked after each stored delivery.
    pub poke: Arc<Notify>,
    /// What is counted.
    pub metrics: PrometheusHandle,
}

/// Routes that GitHub and an orchestrator reach.
pub fn public(service: Arc<Service>) -> Router {
    Router::new()
        .route("/webhooks/github", post(webhook::take).with_state(webhook::Intake::new(service.clone())))
        .route("/api/v1/syncs/{id}/status", post(callback::take).with_state(service.clone()))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz).with_state(service))
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::other_method)
        .layer(CatchPanicLayer::custom(answer::panicked))
}

/// Routes for operators.
pub fn admin(service: Arc<Service>) -> Router {
    Router::new()
        .route("/metrics", get(admin::metrics))
        .route("/", get(admin::page))
        .with_state(service)
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::other_method)
        .layer(CatchPanicLayer::custom(answer::panicked))
}

#[cfg(test)]
mod double;
#[cfg(test)]
mod tests;
