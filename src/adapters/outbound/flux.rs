//! A receiver of Flux of the type `generic-hmac`: a signed message makes it fetch what it follows. Whether it got there is not to be
//! learnt here: it says so with a commit status.

use async_trait::async_trait;
use countersign_core::sync::Application;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret as _;
use sha2::Sha256;

use super::answer::error;
use super::exchange::{Request, secret_header};
use super::{Outgoing, address};
use crate::engine::ports::{Block, Granted, OutboundError, OutboundKind, Remote, Telling};

/// One receiver.
pub(super) struct Flux<'a> {
    pub(super) outgoing: &'a Outgoing,
    pub(super) url: Granted,
    pub(super) token: Granted,
}

#[async_trait]
impl Remote for Flux<'_> {
    async fn tell(&self, telling: &Telling) -> Result<(), OutboundError> {
        let to = address::of_grant(&self.url)?;
        address::named(&self.url, &to.host)?;
        if !self.token.hosts().is_empty() {
            address::named(&self.token, &to.host)?;
        }
        let body = telling.order.clone().into_bytes();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-signature", secret_header(&signature(&self.token, &body)?)?);
        let private = self.url.allows_private();
        let (method, authority) = (Method::POST, None);
        let reply = self.outgoing.exchange(Request { method, to, private, authority, headers, body }).await?;
        let host = &reply.host;
        let again = OutboundKind::Retry { after: None };
        match reply.status.as_u16() {
            400 | 401 | 403 => {
                let help = "grant the token of the Receiver's `secretRef`, and see that its type is `generic-hmac`; then sync again";
                Err(error(
                    OutboundKind::Permanent,
                    format!("{host} does not take the signature ({})", reply.status.as_u16()),
                    help,
                ))
            }
            404 => {
                let help = "it is tried again; the path is `kubectl get receiver -o jsonpath={.status.webhookPath}`";
                Err(error(again, format!("{host} knows no such receiver"), help))
            }
            503 => {
                let help = "it is tried again; see whether the Receiver is suspended or not ready";
                self.outgoing
                    .judged(&reply)
                    .map_err(|fault| error(fault.kind, format!("{host} has the receiver switched off"), help))
            }
            500 => {
                let help =
                    "it is tried again; see the Receiver's `resources` and the log of the notification-controller";
                Err(error(again, format!("{host} could not reach what the receiver names"), help))
            }
            _ => self.outgoing.judged(&reply),
        }
    }

    async fn look(&self) -> Result<Option<Application>, OutboundError> {
        Ok(None)
    }
}

/// `sha256=` and the HMAC of the body, in hexadecimal.
fn signature(token: &Granted, body: &[u8]) -> Result<String, OutboundError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.value().expose_secret().as_bytes()).map_err(|_| {
        error(
            OutboundKind::Blocked(Block::Secret),
            "the granted token is none".to_owned(),
            "grant the token of the receiver",
        )
    })?;
    mac.update(body);
    Ok(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}
