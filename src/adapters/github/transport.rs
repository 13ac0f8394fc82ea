//! The HTTP client below octocrab.
//!
//! octocrab's own stack follows redirects to any host and turns a redirected POST into a GET, has no deadline for a whole call,
//! and joins GraphQL to the wrong address on GitHub Enterprise Server. So octocrab is given this service instead: one address
//! rule, three time limits, a size limit. It never follows a redirect, never retries and never reads a header of meaning.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use octocrab::OctoBody;
use thiserror::Error;

use super::SetupFault;
use super::address::Address;

/// Path by which callers ask for GraphQL; no REST operation has it.
pub(super) const GRAPHQL: &str = "/graphql";

/// Largest answer we read, in bytes.
const LARGEST: usize = 32 * 1024 * 1024;

/// How long we wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a connection.
    pub(super) connect: Duration,
    /// For the next bytes.
    pub(super) read: Duration,
    /// For the whole call.
    pub(super) whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), read: Duration::from_secs(15), whole: Duration::from_secs(30) }
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// A time limit was reached.
    #[error("GitHub did not answer in time")]
    Late,
    /// No connection, or it broke.
    #[error("GitHub cannot be reached")]
    Unreachable,
    /// More than we read.
    #[error("the answer is longer than 32 MiB")]
    TooLong,
}

/// Sends requests whose address is a path.
#[derive(Clone)]
pub(super) struct Transport {
    client: reqwest::Client,
    address: Arc<Address>,
}

impl Transport {
    pub(super) fn new(address: Arc<Address>, patience: Patience) -> Result<Self, SetupFault> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(patience.connect)
            .read_timeout(patience.read)
            .timeout(patience.whole);
        if address.is_loopback() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|fault| SetupFault::Client(fault.to_string()))?;
        Ok(Self { client, address })
    }

    pub(super) async fn send(self, request: Request<OctoBody>) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let address = if path == GRAPHQL { self.address.graphql() } else { self.address.rest(path) };
        let body = body.collect().await.map_err(|_| NoAnswer::Unreachable)?.to_bytes();
        let mut headers = parts.headers;
        headers.remove(header::CONTENT_LENGTH);
        let mut request = self.client.request(parts.method, address).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let mut answer = request.send().await.map_err(|fault| no_answer(&fault))?;
        let mut read = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|fault| no_answer(&fault))? {
            if read.len() + chunk.len() > LARGEST {
                return Err(NoAnswer::TooLong);
            }
            read.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Full::new(read.freeze()));
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

fn no_answer(fault: &reqwest::Error) -> NoAnswer {
    if fault.is_timeout() { NoAnswer::Late } else { NoAnswer::Unreachable }
}

impl tower::Service<Request<OctoBody>> for Transport {
    type Response = Response<Full<Bytes>>;
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}
