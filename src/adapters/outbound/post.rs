//! JSON to a chat service, under the same rules for addresses as everything that leaves. Unlike a delivery, the beginning of the
//! answer is read: Slack says there where the message stands.

use countersign_core::domain::Span;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::time::timeout;

use super::answer::retry_after;
use super::{Outgoing, address};
use crate::engine::ports::{OutboundError, OutboundKind, Post, SendError, SendKind};

/// Most bytes of an answer that are read.
const ANSWER: usize = 64 * 1024;

impl Outgoing {
    pub(super) async fn post_json(&self, post: &Post) -> Result<Option<Value>, SendError> {
        let doubtful = || SendError { kind: SendKind::Doubtful, what: "the service did not answer in time".to_owned() };
        timeout(self.patience.whole * 2, self.post_now(post)).await.unwrap_or_else(|_| Err(doubtful()))
    }

    async fn post_now(&self, post: &Post) -> Result<Option<Value>, SendError> {
        let place = address::of_grant(&post.url).map_err(ours)?;
        address::named(&post.url, &place.host).map_err(ours)?;
        if let Some(token) = &post.token {
            address::named(token, &place.host).map_err(ours)?;
        }
        let client = self.client_to(&place, post.url.allows_private()).await.map_err(ours)?;
        let host = place.host.clone();
        let mut request =
            client.post(place.url).header("content-type", "application/json; charset=utf-8").body(post.body.clone());
        if let Some(token) = &post.token {
            request = request.bearer_auth(token.value().expose_secret());
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            // the error of the client has the address in it, and is never repeated
            Err(fault) if fault.is_connect() => {
                return Err(again(None, format!("{host} cannot be reached, or cannot be trusted")));
            }
            Err(fault) if fault.is_builder() => {
                return Err(refused("the granted token cannot stand in a header".to_owned()));
            }
            Err(_) => {
                return Err(SendError {
                    kind: SendKind::Doubtful,
                    what: format!("{host} broke off or did not answer"),
                });
            }
        };
        let status = response.status().as_u16();
        let after = retry_after(response.headers(), self.clock.now());
        match status {
            200..=299 => {}
            429 | 503 => return Err(again(after, format!("{host} answered {status}"))),
            500..=599 => return Err(SendError { kind: SendKind::Doubtful, what: format!("{host} answered {status}") }),
            300..=399 => return Err(refused(format!("{host} redirects ({status})"))),
            _ => return Err(refused(format!("{host} answered {status}"))),
        }
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER {
                return Ok(None);
            }
        }
        Ok(serde_json::from_slice(&body).ok())
    }
}

/// A failure before anything was sent.
fn ours(fault: OutboundError) -> SendError {
    match fault.kind {
        OutboundKind::Retry { after } => again(after, fault.what),
        OutboundKind::Busy => again(None, fault.what),
        // an operator can change what our side does not allow
        OutboundKind::Blocked(_) => again(None, fault.what),
        OutboundKind::Permanent | OutboundKind::Conflict => refused(fault.what),
    }
}

fn again(after: Option<Span>, what: String) -> SendError {
    SendError { kind: SendKind::Again { after }, what }
}

fn refused(what: String) -> SendError {
    SendError { kind: SendKind::Refused, what }
}
