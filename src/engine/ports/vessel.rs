//! A place that holds values under names, at GitHub or elsewhere: read whole, written key by key, and only as it was read.
//!
//! Nothing here judges; one attempt per call. Values are never shown and never kept.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use countersign_core::domain::{Oid, Sequence};
use countersign_core::policy::{ServiceAddress, VaultRule};
use zeroize::Zeroizing;

use super::outbound::{Granted, OutboundError};

/// How such a place is reached. It holds secrets and cannot be printed.
pub enum VesselReach {
    /// A secret of Vault's key-value store, version 2.
    Vault {
        /// The server. The grant of the token says whether it may be there.
        address: ServiceAddress,
        /// Which secret.
        rule: VaultRule,
        /// The token.
        token: Granted,
    },
}

/// What it holds.
pub struct Held {
    /// What is under each key.
    pub values: BTreeMap<String, Seen>,
    /// The version it was read at; 0: there is nothing yet.
    pub version: u64,
    /// What we noted there last.
    pub tag: Option<Tag>,
    /// Whether that version still holds anything; it may have been deleted.
    pub live: bool,
    /// Whether values can never be read back there.
    pub blind: bool,
}

/// What is seen of a value.
pub enum Seen {
    /// The value. One that is no text is there as JSON.
    Value(Zeroizing<String>),
    /// It cannot be read back: when the place says that it was written.
    Written(String),
}

/// What we note at a place, for people who look there and for the next delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Which target of which repository.
    pub target: String,
    /// The entry that approved it.
    pub generation: Sequence,
    /// The commit.
    pub commit: Oid,
    /// The decision.
    pub decision: String,
}

/// What is written.
pub struct Fill<'a> {
    /// Keys with their new values.
    pub set: &'a BTreeMap<String, Zeroizing<String>>,
    /// Keys that go.
    pub removed: &'a BTreeSet<String>,
}

/// One place.
#[async_trait]
pub trait Vessel: Send + Sync {
    /// Reads it.
    async fn read(&self) -> Result<Held, OutboundError>;

    /// Writes it, if it still is as it was read.
    async fn write(&self, held: &Held, fill: &Fill<'_>) -> Result<(), OutboundError>;

    /// Notes what it has.
    async fn note(&self, tag: &Tag) -> Result<(), OutboundError>;
}
