//! The parts of the set-up, put together; then the server on the same addresses.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::local::now;
use super::{ServeError, log};
use crate::adapters::github::AppRegistry;
use crate::faces::config::ServeConfig;
use crate::faces::server::setup::{Files, Link, Setup};
use crate::faces::server::{self, Listeners, ServerError};

/// Serves the pages of the set-up until an App is registered and its settings are written. `None`: a signal came first.
///
/// `config` holds what is set already; its App is nobody's.
///
/// # Errors
/// When a listener cannot be had.
pub async fn set_up(
    config: &ServeConfig,
    files: Files,
    settings: Vec<(&'static str, String)>,
    signing: Option<(SecretString, String)>,
) -> Result<Option<Listeners>, ServeError> {
    log(config);
    let setup = |fault: String| ServeError::Setup(fault);
    let registry = AppRegistry::new(config.github_api.as_str(), now).map_err(|fault| setup(fault.to_string()))?;
    let (link, token) = Link::begin().ok_or_else(|| setup("the system gave no random bytes".to_owned()))?;
    let listeners = Listeners::bind(config.listen, config.admin_listen).await?;
    let stop = CancellationToken::new();
    server::stop_on_signals(stop.clone()).map_err(ServerError::from)?;
    let address = reachable(listeners.addresses().1);
    let said = {
        let mut out = std::io::stdout().lock();
        writeln!(out, "set up at http://{address}/setup?token={token}").and_then(|()| out.flush())
    };
    said.map_err(ServerError::from)?;
    let github = config.github.as_str().to_owned();
    let setup = Setup { github, settings, signing, files, registry };
    Ok(server::set_up(listeners, setup, link, stop).await?)
}

/// An address a browser on this machine can ask.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}
