//! The way to targets outside GitHub: addresses that users wrote, so nothing about them is taken on trust.
//!
//! One attempt per call: https (plain http only where a private address was granted), a host the grant names, addresses resolved
//! and checked by us and connected to as checked, no redirect, no proxy, three limits of time, no byte of the answer's body read.
//! It never decides whether something may be delivered, and no error of it shows more of an address than a host the grant names.

mod address;
mod answer;
mod resolve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::delivery::SigningSecrets;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use url::{Host, Url};

use self::address::Sort;
use self::answer::error;
use self::resolve::{Resolve, SystemResolver, Unusable, checked};
use crate::engine::ports::{Accepted, Block, Clock, Granted, Outbound, OutboundError, OutboundKind, WebhookMessage};

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

/// Where a message goes, after its address was read.
struct Destination {
    url: Url,
    host: String,
    port: u16,
}

impl Outgoing {
    /// Resolves names as the machine does.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let patience = Patience { connect: Duration::from_secs(5), whole: Duration::from_secs(20) };
        Self { clock, resolver: Box::new(SystemResolver), patience }
    }

    async fn send(&self, message: &WebhookMessage) -> Result<Accepted, OutboundError> {
        let Destination { url, host, port } = destination(&message.url)?;
        named(&message.url, &host)?;
        if !message.secret.hosts().is_empty() {
            named(&message.secret, &host)?;
        }
        let secrets = SigningSecrets::parse(message.secret.value().expose_secret()).map_err(|fault| {
            let help = "grant a secret such as `whsec_` and 24 or more random bytes in base64";
            error(OutboundKind::Blocked(Block::Secret), fault.to_string(), help)
        })?;
        let parsed = url.host().ok_or_else(no_address)?;
        let addresses = checked(&*self.resolver, &parsed, port, message.url.allows_private()).await;
        let addresses = addresses.map_err(|fault| unusable(&host, fault))?;
        let client = self.client(&host, &addresses, message.url.allows_private())?;
        let (id, now) = (message.id.to_string(), self.clock.now());
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.seconds())
            .header("webhook-signature", secrets.sign(&id, now, &message.body))
            .body(message.body.clone());
        let response = request.send().await.map_err(|fault| answer::silent(&host, &fault))?;
        answer::judge(&host, response.status(), response.headers(), self.clock.now())
    }

    /// A client for one attempt, which knows these addresses and asks nobody for others.
    fn client(&self, host: &str, addresses: &[SocketAddr], private: bool) -> Result<reqwest::Client, OutboundError> {
        reqwest::Client::builder()
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
            .map_err(|_| {
                let help = "see that this machine has certificates of authorities it trusts";
                error(OutboundKind::Retry { after: None }, "no connection can be prepared".to_owned(), help)
            })
    }
}

#[async_trait]
impl Outbound for Outgoing {
    async fn webhook(&self, message: &WebhookMessage) -> Result<Accepted, OutboundError> {
        match timeout(self.patience.whole, self.send(message)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let what = "the target did not answer in time".to_owned();
                let help = "it is tried again; see that the receiver runs and can be reached from here";
                Err(error(OutboundKind::Retry { after: None }, what, help))
            }
        }
    }
}

/// Reads an address: https, or http where a private address was granted.
fn destination(granted: &Granted) -> Result<Destination, OutboundError> {
    let mut url = Url::parse(granted.value().expose_secret()).map_err(|_| no_address())?;
    let scheme_is_fine = match url.scheme() {
        "https" => true,
        "http" => granted.allows_private(),
        _ => false,
    };
    if !scheme_is_fine {
        return Err(no_address());
    }
    // `example.com.` and `example.com` are one host
    if let Some(Host::Domain(name)) = url.host()
        && let Some(bare) = name.strip_suffix('.').map(str::to_owned)
    {
        url.set_host(Some(&bare)).map_err(|_| no_address())?;
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Domain(_)) | None => return Err(no_address()),
    };
    let port = url.port_or_known_default().ok_or_else(no_address)?;
    Ok(Destination { url, host, port })
}

fn no_address() -> OutboundError {
    let help = "grant an address that starts with `https://` (plain http only with `allow_private = true`)";
    error(OutboundKind::Blocked(Block::Address), "the granted address is none we send to".to_owned(), help)
}

/// Whether a grant names the host. The host is not repeated: nobody said that it is no secret.
fn named(granted: &Granted, host: &str) -> Result<(), OutboundError> {
    if granted.hosts().iter().any(|pattern| pattern.matches(host)) {
        return Ok(());
    }
    let listed: Vec<_> = granted.hosts().iter().map(|pattern| format!("`{pattern}`")).collect();
    let what = match listed.as_slice() {
        [] => "the grant of the address names no host".to_owned(),
        listed => format!("the granted address is at a host its grant does not name ({})", listed.join(", ")),
    };
    let help = "the operator adds the host to `hosts = [\"…\"]` of the grant";
    Err(error(OutboundKind::Blocked(Block::Host), what, help))
}

fn unusable(host: &str, fault: Unusable) -> OutboundError {
    match fault {
        Unusable::Unknown => {
            let help = "it is tried again; see that the name is right and that this machine can resolve it";
            error(OutboundKind::Retry { after: None }, format!("{host} cannot be resolved"), help)
        }
        Unusable::Refused(Sort::Never(what)) => {
            let help = "grant another address; such addresses are refused whatever is granted";
            error(OutboundKind::Blocked(Block::Private), format!("{host} is at {what}"), help)
        }
        Unusable::Refused(Sort::Inside(what)) => {
            let help = "if that is meant, the operator sets `allow_private = true` in the grant of the address";
            error(OutboundKind::Blocked(Block::Private), format!("{host} is at {what}"), help)
        }
        Unusable::Refused(Sort::Public) => no_address(),
    }
}

#[cfg(test)]
mod tests;
