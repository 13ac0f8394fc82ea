//! Takes connections and serves them: a request line and its headers have to arrive in time, only so many connections are open at
//! once, and a stop lets requests that have begun end.
//!
//! Knows no route.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Time for the headers of a request, also for the first byte of one on a kept connection.
pub(super) const HEADERS: Duration = Duration::from_secs(30);

/// Connections open at the same time, one listener. GitHub opens a handful.
const CONNECTIONS: usize = 512;

/// Serves until `stop`, then until every request that has begun is answered.
///
/// # Errors
/// When the listener cannot accept any more.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    headers: Duration,
) -> io::Result<()> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(headers);
    http.http2().timer(TokioTimer::new()).keep_alive_interval(headers).keep_alive_timeout(headers);
    let graceful = GracefulShutdown::new();
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let next = async {
            let seat = seats.clone().acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((seat, accept(&listener).await?))
        };
        let (seat, stream) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            next = next => next?,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service).into_owned());
        tokio::spawn(async move {
            if let Err(fault) = connection.await {
                debug!(%fault, "a connection ended early");
            }
            drop(seat);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

/// The next connection. One that broke before it was taken is not the listener's fault; a lack of file handles passes.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok(stream),
            Err(fault)
                if matches!(
                    fault.kind(),
                    io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                ) => {}
            Err(fault) => {
                warn!(%fault, "cannot take a connection; trying again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
