//! One request to an API server of Kubernetes, and what its answer means where it is no success.
//!
//! Of the answers only the kind is told, never a word.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;

use crate::adapters::outbound::answer::error;
use crate::adapters::outbound::exchange::{Reply, Request, secret_header};
use crate::adapters::outbound::{Outgoing, address};
use crate::engine::ports::{Cluster, OutboundError, OutboundKind};

/// Our name among those who hold fields.
pub(super) const MANAGER: &str = "countersign";

/// The way to a cluster.
pub(super) struct Api<'a> {
    pub(super) outgoing: &'a Outgoing,
    pub(super) cluster: &'a Cluster,
}

/// What a request is about, in the words of refusals.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    /// `Secret`
    pub(super) kind: &'static str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    /// Which role allows it.
    pub(super) role: &'static str,
}

/// How the API server says no.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct StatusWire {
    kind: String,
    message: String,
    details: DetailsWire,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DetailsWire {
    kind: String,
}

impl StatusWire {
    pub(super) fn of(reply: &Reply) -> Self {
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }

    /// Whether it is about resources of this kind.
    pub(super) fn is_about(&self, resource: &str) -> bool {
        self.kind == "Status" && self.details.kind == resource
    }

    fn says(&self, words: &str) -> bool {
        self.kind == "Status" && self.message.contains(words)
    }
}

impl Api<'_> {
    /// Asks for a path, or sends a patch of this type there.
    pub(super) async fn call(&self, path: &str, patch: Option<(&'static str, Value)>) -> Result<Reply, OutboundError> {
        let Cluster { server, authority, token } = self.cluster;
        let to = address::of_service(&format!("{}{path}", server.as_str()), token)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, secret_header(&format!("Bearer {}", token.value().expose_secret()))?);
        let (method, body) = match patch {
            Some((r#type, body)) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(r#type));
                (Method::PATCH, body.to_string().into_bytes())
            }
            None => (Method::GET, Vec::new()),
        };
        let (private, authority) = (token.allows_private(), authority.clone());
        self.outgoing.exchange(Request { method, to, private, authority, headers, body }).await
    }

    /// What an answer means where it is no success. `verb`: what was asked for.
    pub(super) fn judged(&self, reply: &Reply, verb: &str, about: About<'_>) -> Result<(), OutboundError> {
        let (host, About { kind, namespace, name, role }) = (&reply.host, about);
        let permanent = |what: String, help: &str| Err(error(OutboundKind::Permanent, format!("{host} {what}"), help));
        let status = StatusWire::of(reply);
        match reply.status.as_u16() {
            401 => permanent(
                "does not know the token (401)".to_owned(),
                "see that the token of the granted cluster is valid, then sync again",
            ),
            403 if status.says("cannot create resource") => permanent(
                format!("does not allow `create` of secrets in the namespace `{namespace}` (403)"),
                "make the Secret by hand, empty, or allow `create`: docs/syncs.md has the role; then sync again",
            ),
            403 if status.says("cannot ") => {
                permanent(format!("does not allow `{verb}` of the {kind} `{namespace}/{name}` (403)"), role)
            }
            403 => permanent(
                format!("forbids to write the {kind} `{namespace}/{name}` (403): a quota, or a rule of the cluster"),
                "see what the cluster forbids in this namespace, then sync again",
            ),
            404 if status.is_about("namespaces") => permanent(
                format!("has no namespace `{namespace}` (404)"),
                "create the namespace, or correct it in the policy, then sync again",
            ),
            // gone or changed since it was read
            _ if reply.status == 409 || (reply.status == 404 && status.is_about("secrets")) => Err(error(
                OutboundKind::Conflict,
                format!("somebody else wrote to the {kind} `{namespace}/{name}` at the same time"),
                "see who else writes there, then sync again: only keys of ours are written, and never over something that was not read",
            )),
            404 => permanent(
                "is no API server of Kubernetes (404)".to_owned(),
                "correct `server` of the granted cluster, then sync again",
            ),
            413 => permanent(format!("takes no {kind} of this size (413)"), "choose fewer keys with `keys`"),
            422 => permanent(
                format!("holds the {kind} `{namespace}/{name}` for invalid (422)"),
                "see the limits in docs/syncs.md, then sync again",
            ),
            _ => self.outgoing.judged(reply),
        }
    }
}
