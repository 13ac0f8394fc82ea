//! The way to targets outside GitHub: addresses that users wrote, so nothing about them is taken on trust.
//!
//! One attempt per call: https (plain http only where a private address was granted), a host the grant names, addresses resolved
//! and checked by us and connected to as checked, no redirect, no proxy, three limits of time, of the answer no more read than is needed.
//! It never decides whether something may be delivered, and no error of it shows more of an address than a host the grant names.

mod address;
mod answer;
mod argocd;
mod exchange;
mod flux;
mod kubernetes;
mod post;
mod range;
mod resolve;
mod vault;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::delivery::SigningSecrets;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use self::address::Destination;
use self::answer::error;
use self::argocd::ArgoCd;
use self::flux::Flux;
use self::kubernetes::{ExternalSecrets, Kubernetes};
use self::resolve::{Resolve, SystemResolver, checked};
use self::vault::Vault;
use crate::engine::ports::{
    Accepted, Block, Clock, Operator, OperatorReach, Outbound, OutboundError, OutboundKind, Post, Reach, Remote,
    SendError, Vessel, VesselReach, WebhookMessage,
};

/// Most headers of an answer; together they may have some 400 KiB, the client's own limit.
const HEADERS: usize = 64;

/// How long we wait.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For a connection.
    connect: Duration,
    /// For everything, from the name to the status.
    whole: Duration,
}

/// Sends to targets outside GitHub.
pub struct Outgoing {
    clock: Arc<dyn Clock>,
    resolver: Box<dyn Resolve>,
    patience: Patience,
}

impl Outgoing {
    /// Resolves names as the machine does.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let patience = Patience { connect: Duration::from_secs(5), whole: Duration::from_secs(20) };
        Self { clock, resolver: Box::new(SystemResolver), patience }
    }

    async fn send(&self, message: &WebhookMessage) -> Result<Accepted, OutboundError> {
        let url = address::of_grant(&message.url)?;
        address::named(&message.url, &url.host)?;
        if !message.secret.hosts().is_empty() {
            address::named(&message.secret, &url.host)?;
        }
        let secrets = SigningSecrets::parse(message.secret.value().expose_secret()).map_err(|fault| {
            let help = "grant a secret such as `whsec_` and 24 or more random bytes in base64";
            error(OutboundKind::Blocked(Block::Secret), fault.to_string(), help)
        })?;
        let client = self.client_to(&url, message.url.allows_private()).await?;
        let (id, now) = (message.id.clone(), self.clock.now());
        let request = client
            .post(url.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.seconds())
            .header("webhook-signature", secrets.sign(&id, now, &message.body))
            .body(message.body.clone());
        let response = request.send().await.map_err(|fault| answer::silent(&url.host, &fault))?;
        answer::judge(&url.host, response.status(), response.headers(), self.clock.now())
    }

    /// A client for one attempt, after the addresses behind the name were resolved and looked at.
    async fn client_to(&self, destination: &Destination, private: bool) -> Result<reqwest::Client, OutboundError> {
        self.client_trusting(destination, private, None).await
    }

    /// The same for a place that one authority vouches for, and no other.
    async fn client_trusting(
        &self,
        destination: &Destination,
        private: bool,
        authority: Option<&[u8]>,
    ) -> Result<reqwest::Client, OutboundError> {
        let Destination { url, host, port } = destination;
        let parsed = url.host().ok_or_else(address::none)?;
        let addresses = checked(&*self.resolver, &parsed, *port, private).await;
        let addresses = addresses.map_err(|fault| address::unusable(host, fault))?;
        self.client(host, &addresses, private, authority)
    }

    /// Waits for something, and not for ever.
    async fn in_time<T>(
        &self,
        what: impl Future<Output = Result<T, OutboundError>> + Send,
    ) -> Result<T, OutboundError> {
        match timeout(self.patience.whole, what).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let what = "the target did not answer in time".to_owned();
                let help = "it is tried again; see that the receiver runs and can be reached from here";
                Err(error(OutboundKind::Retry { after: None }, what, help))
            }
        }
    }

    /// A client for one attempt, which knows these addresses and asks nobody for others.
    fn client(
        &self,
        host: &str,
        addresses: &[SocketAddr],
        private: bool,
        authority: Option<&[u8]>,
    ) -> Result<reqwest::Client, OutboundError> {
        let mut builder = reqwest::Client::builder();
        if let Some(authority) = authority {
            builder = builder.tls_certs_only(certificates(authority)?);
        }
        builder
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(!private)
            .http1_only()
            .http1_max_headers(HEADERS)
            .pool_max_idle_per_host(0)
            .connect_timeout(self.patience.connect)
            .timeout(self.patience.whole)
            .resolve_to_addrs(host, addresses)
            .build()
            .map_err(|_| match authority {
                // in PEM, and no certificate inside
                Some(_) => no_authority(),
                None => {
                    let help = "see that this machine has certificates of authorities it trusts";
                    error(OutboundKind::Retry { after: None }, "no connection can be prepared".to_owned(), help)
                }
            })
    }
}

/// The certificates of an authority.
fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, OutboundError> {
    let found = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
    if found.is_empty() { Err(no_authority()) } else { Ok(found) }
}

fn no_authority() -> OutboundError {
    let help = "grant the certificate of the authority in PEM: in the file `ca_file`, or in the step of a job";
    let what = "the granted authority of the cluster holds no certificate".to_owned();
    error(OutboundKind::Blocked(Block::Cluster), what, help)
}

#[async_trait]
impl Outbound for Outgoing {
    async fn webhook(&self, message: &WebhookMessage) -> Result<Accepted, OutboundError> {
        self.in_time(self.send(message)).await
    }

    fn vessel(&self, reach: VesselReach) -> Box<dyn Vessel + '_> {
        match reach {
            VesselReach::Vault { address, rule, token } => Box::new(Vault { outgoing: self, address, rule, token }),
            VesselReach::Kubernetes { cluster, rule } => Box::new(Kubernetes { outgoing: self, cluster, rule }),
        }
    }

    fn operator(&self, reach: OperatorReach) -> Box<dyn Operator + '_> {
        Box::new(ExternalSecrets::new(self, reach.cluster, reach.rule))
    }

    fn remote(&self, reach: Reach) -> Box<dyn Remote + '_> {
        match reach {
            Reach::Flux { url, token } => Box::new(Flux { outgoing: self, url, token }),
            Reach::ArgoCd { address, application, token } => {
                Box::new(ArgoCd { outgoing: self, address, application, token })
            }
        }
    }

    async fn post(&self, post: &Post) -> Result<Option<serde_json::Value>, SendError> {
        self.post_json(post).await
    }
}

#[cfg(test)]
mod tests;
