//! From a name to addresses that were looked at: resolved once, here, and every one of them checked. Whoever connects gets these
//! and asks no second time, so that a name cannot stand for one address when it is checked and for another when it is used.

use std::io;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use url::Host;

use super::range::{Sort, sort};

/// Asks what a name stands for.
#[async_trait]
pub(super) trait Resolve: Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// As the machine is set up: its hosts file and its DNS.
pub(super) struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Why a host is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// The name stands for nothing, now.
    Unknown,
    /// One of its addresses is not allowed.
    Refused(Sort),
}

/// The addresses of a host, all of them allowed.
pub(super) async fn checked(
    resolver: &dyn Resolve,
    host: &Host<&str>,
    port: u16,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, Unusable> {
    let addresses = match host {
        Host::Ipv4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
        Host::Ipv6(address) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
        Host::Domain(name) => resolver.resolve(name, port).await.map_err(|_| Unusable::Unknown)?,
    };
    if addresses.is_empty() {
        return Err(Unusable::Unknown);
    }
    for address in &addresses {
        match sort(address.ip()) {
            Sort::Public => {}
            Sort::Inside(_) if allow_private => {}
            refused @ (Sort::Inside(_) | Sort::Never(_)) => return Err(Unusable::Refused(refused)),
        }
    }
    Ok(addresses)
}
