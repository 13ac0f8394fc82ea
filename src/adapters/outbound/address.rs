//! Addresses as they are granted or named, before anybody is asked where they lead.
//!
//! No error of it shows more of an address than a host that a grant names.

use secrecy::ExposeSecret as _;
use url::{Host, Url};

use super::answer::error;
use super::range::Sort;
use super::resolve::Unusable;
use crate::engine::ports::{Block, Granted, OutboundError, OutboundKind};

/// Where a message goes, after its address was read.
pub(super) struct Destination {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Reads an address: https, or http where a private address was granted.
pub(super) fn of_grant(granted: &Granted) -> Result<Destination, OutboundError> {
    read(granted.value().expose_secret(), granted.allows_private())
}

/// Reads an address that the policy names: the grant of the token says which host that may be.
pub(super) fn of_service(address: &str, token: &Granted) -> Result<Destination, OutboundError> {
    let destination = read(address, token.allows_private())?;
    named(token, &destination.host)?;
    Ok(destination)
}

fn read(text: &str, private: bool) -> Result<Destination, OutboundError> {
    let mut url = Url::parse(text).map_err(|_| none())?;
    let scheme_is_fine = match url.scheme() {
        "https" => true,
        "http" => private,
        _ => false,
    };
    if !scheme_is_fine {
        return Err(none());
    }
    // `example.com.` and `example.com` are one host
    if let Some(Host::Domain(name)) = url.host()
        && let Some(bare) = name.strip_suffix('.').map(str::to_owned)
    {
        url.set_host(Some(&bare)).map_err(|_| none())?;
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Domain(_)) | None => return Err(none()),
    };
    let port = url.port_or_known_default().ok_or_else(none)?;
    Ok(Destination { url, host, port })
}

pub(super) fn none() -> OutboundError {
    let help = "grant an address that starts with `https://` (plain http only with `allow_private = true`)";
    error(OutboundKind::Blocked(Block::Address), "the granted address is none we send to".to_owned(), help)
}

/// Whether a grant names the host. The host is not repeated: nobody said that it is no secret.
pub(super) fn named(granted: &Granted, host: &str) -> Result<(), OutboundError> {
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

pub(super) fn unusable(host: &str, fault: Unusable) -> OutboundError {
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
            let help = "if that is meant, the grant of the address says so: `allow_private = true`, or in the step of a job `…_PRIVATE: \"true\"`";
            error(OutboundKind::Blocked(Block::Private), format!("{host} is at {what}"), help)
        }
        Unusable::Refused(Sort::Public) => none(),
    }
}
