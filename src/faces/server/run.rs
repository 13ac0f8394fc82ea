//! The life of the server: bind, say where, serve, stop in order.
//!
//! On the first signal intake stops and turns get time to end; the second signal ends at once. Work that is cut short is not lost:
//! its lease runs out and the next process takes it over.

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::setup::{self, Link, Setup};
use super::{Service, accept, admin, public};

/// Time that requests and turns have to end after the first signal.
const GRACE: Duration = Duration::from_secs(25);
/// Time that the last page of the set-up has to arrive.
const LAST_PAGE: Duration = Duration::from_secs(5);

/// Why the server does not run.
#[derive(Debug, Error)]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A listener failed.
    #[error("the server ended: {0}")]
    Serve(#[from] io::Error),
    /// Turns ended although nobody asked.
    #[error("the work loop ended by itself")]
    WorkEnded,
}

impl ServerError {
    /// The next action, as the end of "help: …".
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Listen { .. } => {
                "choose another address with `COUNTERSIGN_LISTEN` or `COUNTERSIGN_ADMIN_LISTEN`; port 0 picks one"
            }
            Self::Serve(_) | Self::WorkEnded => "the log says why; start it again, nothing is lost",
        }
    }
}

/// Both listeners, bound and not yet served.
pub struct Listeners {
    public: TcpListener,
    admin: TcpListener,
    addresses: (SocketAddr, SocketAddr),
}

impl Listeners {
    /// Binds both addresses.
    ///
    /// # Errors
    /// When one of them is taken or forbidden.
    pub async fn bind(public: SocketAddr, admin: SocketAddr) -> Result<Self, ServerError> {
        let bind = |address| async move {
            let listener = TcpListener::bind(address).await?;
            let bound = listener.local_addr()?;
            Ok((listener, bound))
        };
        let named = |address| move |source| ServerError::Listen { address, source };
        let (public, public_address) = bind(public).await.map_err(named(public))?;
        let (admin, admin_address) = bind(admin).await.map_err(named(admin))?;
        Ok(Self { public, admin, addresses: (public_address, admin_address) })
    }

    /// Where the server and the admin pages are.
    #[must_use]
    pub fn addresses(&self) -> (SocketAddr, SocketAddr) {
        self.addresses
    }

    /// Says where, as the first lines of standard output (`interfaces.md`).
    ///
    /// # Errors
    /// When nobody can read it.
    pub fn announce(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "listening on http://{}", self.addresses.0)?;
        writeln!(out, "admin on http://{}", self.addresses.1)?;
        out.flush()
    }
}

/// Serves until `stop`, then waits up to 25 s for requests and for `turns` to end. `turns` has to watch `stop` itself.
///
/// # Errors
/// When a listener fails, or `turns` ends before `stop`.
pub async fn run(
    listeners: Listeners,
    service: Arc<Service>,
    stop: CancellationToken,
    turns: impl Future<Output = ()> + Send,
) -> Result<(), ServerError> {
    run_with(listeners, service, stop, turns, GRACE).await
}

/// Serves the set-up on the admin address until its App is registered; `None`: `stop` came first. The public address is held, and
/// what arrives there waits.
///
/// # Errors
/// When a listener fails.
pub async fn set_up(
    listeners: Listeners,
    setup: Setup,
    link: Link,
    stop: CancellationToken,
) -> Result<Option<Listeners>, ServerError> {
    let Listeners { public, admin, addresses } = listeners;
    // the same socket twice: connections that come while one server follows the other are not refused
    let admin = admin.into_std()?;
    let twin = TcpListener::from_std(admin.try_clone()?)?;
    let done = stop.child_token();
    let serving = accept::serve(twin, setup::router(setup, link, done.clone()), done.clone(), accept::HEADERS);
    tokio::pin!(serving);
    tokio::select! {
        biased;
        ended = &mut serving => ended?,
        () = done.cancelled() => if let Ok(ended) = timeout(LAST_PAGE, serving).await { ended? },
    }
    if stop.is_cancelled() {
        return Ok(None);
    }
    Ok(Some(Listeners { public, admin: TcpListener::from_std(admin)?, addresses }))
}

/// [`run`], with another time to end.
pub(super) async fn run_with(
    listeners: Listeners,
    service: Arc<Service>,
    stop: CancellationToken,
    turns: impl Future<Output = ()> + Send,
    grace: Duration,
) -> Result<(), ServerError> {
    let Listeners { public: public_listener, admin: admin_listener, addresses } = listeners;
    let (listen, admin_listen) = addresses;
    info!(%listen, %admin_listen, version = env!("CARGO_PKG_VERSION"), "listening on http://{listen}");
    let served = |listener, router| accept::serve(listener, router, stop.clone(), accept::HEADERS);
    let servers = async {
        tokio::try_join!(served(public_listener, public(service.clone())), served(admin_listener, admin(service)))
    };
    tokio::pin!(servers, turns);
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        ended = &mut servers => return ended.map(|_| ()).map_err(ServerError::from),
        () = &mut turns => return if stop.is_cancelled() { Ok(()) } else { Err(ServerError::WorkEnded) },
    }
    info!("stopping: no more deliveries, turns end");
    let ending = async {
        let (ended, ()) = tokio::join!(servers, turns);
        ended
    };
    match timeout(grace, ending).await {
        Ok(ended) => ended.map(|_| ()).map_err(ServerError::from),
        Err(_) => {
            warn!(?grace, "turns did not end in time; their leases run out and they are looked at again");
            Ok(())
        }
    }
}

/// Cancels `stop` on SIGTERM or SIGINT; a second signal ends the process at once.
///
/// # Errors
/// When signals cannot be received.
pub fn stop_on_signals(stop: CancellationToken) -> io::Result<()> {
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
        signals.next().await;
        warn!("second signal: ending at once");
        std::process::exit(1);
    });
    Ok(())
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
