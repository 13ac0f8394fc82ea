//! The event that started a job in GitHub Actions, as the runner hands it over: the payload of a webhook, in a file, without a signature.
//!
//! It is believed as far as the runner is: whoever may change the job may change the file. So the type is its own, it never becomes
//! a [`Delivery`](super::Delivery), and what it says is only where to look, as with every delivery.

use super::Refusal;
use super::read::{self, Content};
use crate::domain::{DeliveryId, Digest};
use crate::event::EventName;

/// What the runner says happened.
pub struct FromRunner<'a> {
    id: DeliveryId,
    event: EventName,
    body: &'a [u8],
}

impl<'a> FromRunner<'a> {
    /// Takes the name of the event (`GITHUB_EVENT_NAME`), the run it started, and its payload. `pull_request_target` is the same
    /// event as `pull_request`, in a workflow of the default branch.
    ///
    /// # Errors
    /// When the name is none, or the run has no usable number.
    pub fn new(name: &str, run: &str, body: &'a [u8]) -> Result<Self, Refusal> {
        let id = DeliveryId::parse(&format!("actions-{run}")).map_err(|_| Refusal::NoId)?;
        let name = if name == "pull_request_target" { "pull_request" } else { name };
        let event = EventName::parse(name).map_err(|_| Refusal::NoEvent)?;
        Ok(Self { id, event, body })
    }

    /// The run, as the ledger names it: `actions-<run>-<attempt>`.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// Name of the event, as webhooks call it.
    #[must_use]
    pub fn event(&self) -> &EventName {
        &self.event
    }

    /// SHA-256 of the payload.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.body)
    }

    /// The payload.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body
    }

    /// What it says; total, as of a delivery.
    #[must_use]
    pub fn content(&self) -> Content {
        read::content(&self.event, self.body)
    }
}
