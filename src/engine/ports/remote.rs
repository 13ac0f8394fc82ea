//! A place outside GitHub that follows Git by itself: it is told to look, and may be looked at.
//!
//! Nothing here judges; one attempt per call.

use async_trait::async_trait;
use countersign_core::domain::Oid;
use countersign_core::policy::ServiceAddress;
use countersign_core::sync::Application;

use super::outbound::{Granted, OutboundError};

/// How a place is reached. It holds secrets and cannot be printed.
pub enum Reach {
    /// A receiver of Flux.
    Flux {
        /// Its address.
        url: Granted,
        /// Its token.
        token: Granted,
    },
    /// An application of Argo CD.
    ArgoCd {
        /// The server. The grant of the token says whether it may be there.
        address: ServiceAddress,
        /// The application.
        application: String,
        /// The token.
        token: Granted,
    },
}

/// What a place is told.
#[derive(Debug, Clone)]
pub struct Telling {
    /// The commit it is to run.
    pub commit: Oid,
    /// The order, JSON.
    pub order: String,
    /// Name of the decision, for people who look there.
    pub decision: String,
}

/// One place.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Tells it to take over the commit; telling it again does no harm.
    async fn tell(&self, telling: &Telling) -> Result<(), OutboundError>;

    /// What it says of itself; `None` where it cannot be asked.
    async fn look(&self) -> Result<Option<Application>, OutboundError>;
}
