//! From bytes that arrived to an event: first the signature over the raw bytes, then, and only then, a look inside.
//!
//! [`Unverified`] has no way to its content; [`Delivery`] is made by a right signature alone. What a runner of GitHub Actions hands
//! over is no delivery and never called one: [`FromRunner`]. What GitHub says of a job that reports to us is [`JobClaims`]. Nothing here reads the network, keeps anything, or decides what to do.
//! No fault ever repeats what the body said.

mod job;
mod read;
mod runner;
mod signature;
mod standard;
mod wire;

use thiserror::Error;

pub use job::{JobClaims, JobFault, JobWanted};
pub use read::{Content, Fault, Unparsable};
pub use runner::FromRunner;
pub use signature::{NoSecret, SignatureFault, WebhookSecrets};
pub use standard::{InvalidSecret, SignedHeaders, SigningSecrets, StandardFault, WINDOW};

use crate::domain::{DeliveryId, Digest};
use crate::event::EventName;

/// Headers of a delivery, as they came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// `X-GitHub-Delivery`.
    pub id: Option<&'a str>,
    /// `X-GitHub-Event`.
    pub event: Option<&'a str>,
    /// `X-Hub-Signature-256`.
    pub signature: Option<&'a str>,
    /// Whether the old `X-Hub-Signature` (SHA-1) is there; it is never believed.
    pub sha1: bool,
}

/// Bytes that somebody sent. They say nothing until their signature is checked.
#[derive(Clone, Copy)]
pub struct Unverified<'a> {
    headers: Headers<'a>,
    body: &'a [u8],
}

impl<'a> Unverified<'a> {
    /// Takes what arrived: `body` are the raw bytes, never re-encoded text.
    #[must_use]
    pub fn new(headers: Headers<'a>, body: &'a [u8]) -> Self {
        Self { headers, body }
    }

    /// Checks the signature against every secret, then the two names GitHub gives a delivery.
    ///
    /// # Errors
    /// When the signature is missing or wrong, or, signed rightly, the delivery has no usable id or event name.
    pub fn verify(self, secrets: &WebhookSecrets) -> Result<Delivery<'a>, Refusal> {
        secrets.check(self.headers.signature, self.headers.sha1, self.body)?;
        let id = self.headers.id.and_then(|text| DeliveryId::parse(text).ok()).ok_or(Refusal::NoId)?;
        let event = self.headers.event.and_then(|text| EventName::parse(text).ok()).ok_or(Refusal::NoEvent)?;
        Ok(Delivery { id, event, digest: Digest::of(self.body), body: self.body })
    }
}

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not signed with one of our secrets.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// No id.
    #[error("the delivery has no `X-GitHub-Delivery` id")]
    NoId,
    /// No event name.
    #[error("the delivery has no `X-GitHub-Event` name")]
    NoEvent,
}

impl Refusal {
    /// The next action, as the end of "help: …".
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Signature(fault) => fault.help(),
            Self::NoId | Self::NoEvent => "send the request as GitHub sends it, with its `X-GitHub-…` headers",
        }
    }
}

/// A delivery whose signature was right.
pub struct Delivery<'a> {
    id: DeliveryId,
    event: EventName,
    digest: Digest,
    body: &'a [u8],
}

impl Delivery<'_> {
    /// GitHub's id; a redelivery carries the same one.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// Name of the event.
    #[must_use]
    pub fn event(&self) -> &EventName {
        &self.event
    }

    /// SHA-256 of the body.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The raw bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body
    }

    /// What it says. Total: what cannot be read is [`Content::Unparsable`], what we do not act on is an ignored event.
    #[must_use]
    pub fn content(&self) -> Content {
        read::content(&self.event, self.body)
    }
}

#[cfg(test)]
mod tests;
