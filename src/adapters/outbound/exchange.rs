//! One request and its answer, for targets that say more than a status: the body is read up to a limit, and never repeated.

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;

use super::Outgoing;
use super::address::Destination;
use super::answer::{self, error};
use crate::engine::ports::{OutboundError, OutboundKind};

/// Most bytes of an answer that are read.
const LARGEST: usize = 8 * 1024 * 1024;

/// One request.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) to: Destination,
    pub(super) private: bool,
    /// Certificates that vouch for whoever answers, in PEM; none: those this machine trusts.
    pub(super) authority: Option<Vec<u8>>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What came back.
pub(super) struct Reply {
    pub(super) host: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    /// Sends one request and reads the whole answer, in the time there is.
    pub(super) async fn exchange(&self, request: Request) -> Result<Reply, OutboundError> {
        self.in_time(self.exchanged(request)).await
    }

    async fn exchanged(&self, request: Request) -> Result<Reply, OutboundError> {
        let Request { method, to, private, authority, headers, body } = request;
        let client = self.client_trusting(&to, private, authority.as_deref()).await?;
        let host = to.host;
        let sent = client.request(method, to.url).headers(headers).body(body).send().await;
        let mut response = sent.map_err(|fault| answer::silent(&host, &fault))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|fault| answer::silent(&host, &fault))? {
            if body.len() + chunk.len() > LARGEST {
                let help = "it is tried again; see what answers at this address";
                return Err(error(OutboundKind::Retry { after: None }, format!("{host} answers without end"), help));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { host, status, headers, body })
    }

    /// What a status means, where a target has no meaning of its own for it.
    pub(super) fn judged(&self, reply: &Reply) -> Result<(), OutboundError> {
        answer::judge(&reply.host, reply.status, &reply.headers, self.clock.now()).map(|_| ())
    }
}

impl Reply {
    /// The body as what it should be.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, OutboundError> {
        serde_json::from_slice(&self.body).map_err(|_| {
            let help =
                "it is tried again; see that this address is the interface of the target and not a page for people";
            error(
                OutboundKind::Retry { after: None },
                format!("{} answers something else than JSON of this kind", self.host),
                help,
            )
        })
    }
}

/// A header that is never printed.
pub(super) fn secret_header(text: &str) -> Result<HeaderValue, OutboundError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        let help = "grant the token alone: one line, without spaces around it";
        error(OutboundKind::Blocked(crate::engine::ports::Block::Secret), "the granted token is none".to_owned(), help)
    })?;
    value.set_sensitive(true);
    Ok(value)
}
