//! An operator of a cluster that reads values from elsewhere by itself: it is told to read now, and looked at until it has.
//!
//! Nothing here judges; one attempt per call. It is told no value, and shows none.

use async_trait::async_trait;
use countersign_core::policy::ExternalSecretsRule;
use countersign_core::sync::ExternalSecret;

use super::cluster::Cluster;
use super::outbound::OutboundError;
use super::vessel::Tag;

/// How it is reached. It holds a token and cannot be printed.
pub struct OperatorReach {
    /// The cluster.
    pub cluster: Cluster,
    /// What is told there.
    pub rule: ExternalSecretsRule,
}

/// One operator, as far as a target names what it reads for.
#[async_trait]
pub trait Operator: Send + Sync {
    /// What each of the named objects says of itself.
    async fn look(&self) -> Result<Vec<ExternalSecret>, OutboundError>;

    /// Tells one of them to read now, if it still is as it was seen; the same telling again changes nothing.
    async fn tell(&self, seen: &ExternalSecret, tag: &Tag) -> Result<(), OutboundError>;
}
