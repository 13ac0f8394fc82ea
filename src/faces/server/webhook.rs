//! `POST /webhooks/github`: signature over the raw bytes, kept on disk, answered, in this order.
//!
//! One log line per delivery, with its id and never its body. What it says is the engine's business.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use countersign_core::delivery::{Fault, Headers, Refusal, Unverified};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tracing::{error, info, warn};

use super::Service;
use super::answer;
use super::body::{BodyFault, Room, TIME};
use super::metrics::delivered;
use crate::engine::intake::{Kept, Surroundings, keep};

/// The service, and room for bodies.
#[derive(Clone)]
pub(super) struct Intake {
    service: Arc<Service>,
    room: Arc<Room>,
}

impl Intake {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self { service, room: Arc::new(Room::new(TIME)) }
    }
}

/// Takes one delivery.
pub(super) async fn take(State(intake): State<Intake>, headers: HeaderMap, body: Body) -> Response {
    if let Some(what) = other_media(&headers) {
        refused(&headers, what);
        return not_json(what);
    }
    let held = match intake.room.read(&headers, body).await {
        Ok(held) => held,
        Err(fault) => return refuse_body(&headers, fault),
    };
    let github = Headers {
        id: text(&headers, "x-github-delivery"),
        event: text(&headers, "x-github-event"),
        signature: text(&headers, "x-hub-signature-256"),
        sha1: headers.contains_key("x-hub-signature"),
    };
    match Unverified::new(github, &held.bytes).verify(&intake.service.secrets) {
        Ok(delivery) => store(&intake.service, &delivery).await,
        Err(refusal) => refuse(&headers, refusal),
    }
}

/// Keeps a delivery, and wakes whoever works.
async fn store(service: &Service, delivery: &countersign_core::delivery::Delivery<'_>) -> Response {
    let around = Surroundings {
        quiet: service.quiet,
        ledger: &service.ledger,
        ourselves: service.ourselves.get(),
        repositories: &[],
    };
    let (id, event, bytes) = (delivery.id(), delivery.event(), delivery.body().len());
    let kept = match keep(delivery, service.clock.now(), service.journal.as_ref(), &around).await {
        Ok(kept) => kept,
        Err(failure) => {
            error!(delivery = %id, %event, bytes, %failure, "delivery could not be stored");
            delivered(event.as_str(), "failed");
            let help = "nothing is lost: deliver it again, or wait for the sweep; the log says why";
            return answer::error(StatusCode::SERVICE_UNAVAILABLE, "the delivery cannot be stored now", help);
        }
    };
    let (outcome, response) = match &kept {
        Kept::Stored => ("stored", answer::status(StatusCode::ACCEPTED, "stored")),
        Kept::Ignored => ("ignored", answer::status(StatusCode::ACCEPTED, "ignored")),
        Kept::Duplicate => ("duplicate", answer::status(StatusCode::ACCEPTED, "duplicate")),
        Kept::Unparsable(why) => {
            warn!(delivery = %id, %event, bytes, %why, "delivery cannot be read; its body is kept");
            let response = match why.fault {
                Fault::WrongShape => answer::status(StatusCode::ACCEPTED, "unparsable"),
                Fault::NotJson => not_json(&why.to_string()),
            };
            ("unparsable", response)
        }
    };
    info!(delivery = %id, %event, bytes, outcome, "delivery");
    delivered(event.as_str(), outcome);
    service.poke.notify_one();
    response
}

/// What is wrong with the content type, if anything. GitHub's own default is a form: worth a sentence.
fn other_media(headers: &HeaderMap) -> Option<&'static str> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => None,
        "application/x-www-form-urlencoded" => Some("the delivery is form-encoded, not JSON"),
        _ => Some("the delivery is not JSON"),
    }
}

fn not_json(what: &str) -> Response {
    let help = "set the content type of the webhook at GitHub to `application/json`";
    answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, what, help)
}

fn refuse(headers: &HeaderMap, refusal: Refusal) -> Response {
    let code = match refusal {
        Refusal::Signature(_) => StatusCode::UNAUTHORIZED,
        Refusal::NoId | Refusal::NoEvent => StatusCode::BAD_REQUEST,
    };
    let what = refusal.to_string();
    refused(headers, &what);
    answer::error(code, &what, refusal.help())
}

fn refuse_body(headers: &HeaderMap, fault: BodyFault) -> Response {
    let (code, what, help) = match fault {
        BodyFault::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "the delivery is larger than 25 MiB", "GitHub sends nothing that large")
        }
        BodyFault::Slow => (StatusCode::REQUEST_TIMEOUT, "the delivery did not arrive within 10 s", "deliver it again"),
        BodyFault::Broken => (StatusCode::BAD_REQUEST, "the delivery ended early", "deliver it again"),
        BodyFault::NoRoom => {
            (StatusCode::SERVICE_UNAVAILABLE, "too many deliveries arrive at once", "deliver it again later")
        }
    };
    refused(headers, what);
    answer::error(code, what, help)
}

/// Notes a refusal. Its id and event are claims of the sender, so only a well-formed id is repeated.
fn refused(headers: &HeaderMap, what: &str) {
    let id = text(headers, "x-github-delivery").and_then(|id| id.parse::<countersign_core::domain::DeliveryId>().ok());
    let claimed = id.map(|id| id.to_string()).unwrap_or_default();
    warn!(claimed_delivery = claimed, reason = what, "delivery refused");
    delivered("unverified", "refused");
}

/// A header that is there once; one that is there twice says nothing.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { Some("") } else { Some(first.to_str().unwrap_or_default()) }
}
