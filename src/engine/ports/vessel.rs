//! A place that holds values under names, at GitHub or elsewhere: read whole, written key by key, and only as it was read.
//!
//! Nothing here judges; one attempt per call. Values are never shown and never kept.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use countersign_core::domain::{Oid, Sequence};
use countersign_core::policy::{KubernetesRule, ServiceAddress, VaultRule};
use zeroize::Zeroizing;

use super::cluster::Cluster;
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
    /// A Secret of Kubernetes.
    Kubernetes {
        /// The cluster.
        cluster: Cluster,
        /// Which Secret.
        rule: KubernetesRule,
    },
}

/// What it holds.
pub struct Held {
    /// What is under each key.
    pub values: BTreeMap<String, Seen>,
    /// The version it was read at, in the words of the place; none: there is nothing yet.
    pub version: Option<String>,
    /// What we noted there last.
    pub tag: Option<Tag>,
    /// Whether that version still holds anything; it may have been deleted.
    pub live: bool,
    /// Whether values can never be read back there.
    pub blind: bool,
    /// Who holds which key, where the place keeps account of that.
    pub holders: Holders,
}

/// Who holds which key, as the place says; a key may be in both.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Holders {
    /// Keys that we hold.
    pub ours: BTreeSet<String>,
    /// Keys that somebody else holds.
    pub theirs: BTreeSet<String>,
    /// Whether the place keeps account, and has lost all of it.
    pub forgotten: bool,
}

/// What is seen of a value.
pub enum Seen {
    /// The value: its bytes, or JSON where a place holds more than texts.
    Value(Zeroizing<Vec<u8>>),
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
    /// What changes when the values do and at no other time, where the place shows it.
    pub content: Option<String>,
}

/// What is written.
pub struct Fill<'a> {
    /// Keys with their new values.
    pub set: &'a BTreeMap<String, Zeroizing<String>>,
    /// Keys that go.
    pub removed: &'a BTreeSet<String>,
    /// Keys of ours that stay as they are.
    pub kept: &'a BTreeSet<String>,
    /// What is noted there, by places that are written with their note.
    pub tag: &'a Tag,
}

/// One place.
#[async_trait]
pub trait Vessel: Send + Sync {
    /// Reads it.
    async fn read(&self) -> Result<Held, OutboundError>;

    /// Writes it, if it still is as it was read.
    async fn write(&self, held: &Held, fill: &Fill<'_>) -> Result<(), OutboundError>;

    /// Notes what it has, where that is not there yet.
    async fn note(&self, tag: &Tag) -> Result<(), OutboundError>;
}
