//! A secret of Vault's key-value store, version 2, or OpenBao's, which is the same.
//!
//! Written only as it was read (`cas`), so that nothing of anybody else is lost between reading and writing, and by merge patch, so
//! that nothing of anybody else is sent; of the answers only the kind is told, never a word.

use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_core::domain::{Oid, Sequence};
use countersign_core::policy::{ServiceAddress, VaultRule};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::answer::error;
use super::exchange::{Reply, Request, secret_header};
use super::{Outgoing, address};
use crate::engine::ports::{Fill, Granted, Held, Holders, OutboundError, OutboundKind, Seen, Tag, Vessel};

/// A body that names only what changes.
const MERGE: &str = "application/merge-patch+json";
const TARGET: &str = "countersign_target";
const GENERATION: &str = "countersign_generation";
const COMMIT: &str = "countersign_commit";
const DECISION: &str = "countersign_decision";

/// One secret.
pub(super) struct Vault<'a> {
    pub(super) outgoing: &'a Outgoing,
    pub(super) address: ServiceAddress,
    pub(super) rule: VaultRule,
    pub(super) token: Granted,
}

#[derive(Deserialize)]
struct SecretWire {
    data: VersionWire,
}

#[derive(Deserialize)]
struct VersionWire {
    data: Option<Map<String, Value>>,
    /// Version 1 of the store has none.
    metadata: Option<MetadataWire>,
}

#[derive(Deserialize)]
struct MetadataWire {
    version: u64,
    custom_metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct MountWire {
    data: MountData,
}

#[derive(Deserialize)]
struct MountData {
    options: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct WrittenWire {
    data: WrittenVersion,
}

#[derive(Deserialize)]
struct WrittenVersion {
    version: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FaultWire {
    errors: Vec<String>,
}

impl Vault<'_> {
    async fn call(
        &self,
        method: Method,
        part: &str,
        body: Option<(&'static str, Value)>,
    ) -> Result<Reply, OutboundError> {
        let VaultRule { mount, path, .. } = &self.rule;
        self.call_at(method, &format!("{mount}/{part}/{path}"), body).await
    }

    async fn call_at(
        &self,
        method: Method,
        place: &str,
        body: Option<(&'static str, Value)>,
    ) -> Result<Reply, OutboundError> {
        let url = format!("{}/v1/{place}", self.address.as_str());
        let to = address::of_service(&url, &self.token)?;
        let mut headers = HeaderMap::new();
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        headers.insert("x-vault-token", secret_header(self.token.value().expose_secret())?);
        if let Some(namespace) = &self.rule.namespace {
            headers.insert("x-vault-namespace", secret_header(namespace)?);
        }
        let body = body.map(|(kind, body)| {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            body.to_string().into_bytes()
        });
        let private = self.token.allows_private();
        let body = body.unwrap_or_default();
        self.outgoing.exchange(Request { method, to, private, authority: None, headers, body }).await
    }

    /// Whether the mount has versions: one that has none would take the values, below `data/`, as a secret of its own.
    async fn has_versions(&self) -> Result<(), OutboundError> {
        let VaultRule { mount, path, .. } = &self.rule;
        let reply = self.call_at(Method::GET, &format!("sys/internal/ui/mounts/{mount}/{path}"), None).await?;
        self.judged(&reply)?;
        let options = reply.json::<MountWire>()?.data.options.unwrap_or_default();
        if options.get("version").map(String::as_str) == Some("2") { Ok(()) } else { Err(without_versions(&reply)) }
    }

    /// What an answer means where it is no success.
    fn judged(&self, reply: &Reply) -> Result<(), OutboundError> {
        let (host, status) = (&reply.host, reply.status.as_u16());
        let permanent = |what: &str, help: &str| Err(error(OutboundKind::Permanent, format!("{host} {what}"), help));
        match status {
            400 if said(reply, "did not match") => Err(overtaken(host)),
            400 => permanent(
                "does not take this request (400)",
                "see that the mount is a key-value store of version 2, then sync again",
            ),
            403 => permanent(
                "does not allow it, or does not know the token (403)",
                "grant a valid token whose policy may `create`, `read`, `update` and `patch` the data, and `patch` the metadata, of this path",
            ),
            404 => {
                permanent("has no such mount (404)", "correct `mount` in the policy: a key-value store of version 2")
            }
            412 | 472 | 473 => {
                let help = "it is tried again; see that the address leads to the active node";
                Err(error(OutboundKind::Retry { after: None }, format!("{host} is a standby ({status})"), help))
            }
            _ => self.outgoing.judged(reply),
        }
    }
}

fn overtaken(host: &str) -> OutboundError {
    error(
        OutboundKind::Conflict,
        format!("somebody wrote to this path of {host} at the same time"),
        "see who else writes there, then sync again: only keys of ours are written, and never over something that was not read",
    )
}

fn without_versions(reply: &Reply) -> OutboundError {
    error(
        OutboundKind::Permanent,
        format!("{} has no key-value store of version 2 at this mount", reply.host),
        "correct `mount` in the policy, or upgrade it: `vault kv enable-versioning MOUNT`",
    )
}

fn said(reply: &Reply, words: &str) -> bool {
    let fault: FaultWire = serde_json::from_slice(&reply.body).unwrap_or_default();
    fault.errors.iter().any(|error| error.contains(words))
}

#[async_trait]
impl Vessel for Vault<'_> {
    async fn read(&self) -> Result<Held, OutboundError> {
        let reply = self.call(Method::GET, "data", None).await?;
        if reply.status.as_u16() == 404 {
            // never written, or its newest version was deleted
            if let Ok(SecretWire { data: VersionWire { data, metadata: Some(metadata) } }) = reply.json() {
                return Ok(held(data, metadata));
            }
            return if said(&reply, "") { self.judged(&reply).map(|()| held_nothing()) } else { Ok(held_nothing()) };
        }
        self.judged(&reply)?;
        let VersionWire { data, metadata } = reply.json::<SecretWire>()?.data;
        metadata.map(|metadata| held(data, metadata)).ok_or_else(|| without_versions(&reply))
    }

    async fn write(&self, held: &Held, fill: &Fill<'_>) -> Result<(), OutboundError> {
        let mut data: Map<String, Value> = fill.removed.iter().map(|key| (key.clone(), Value::Null)).collect();
        data.extend(fill.set.iter().map(|(key, value)| (key.clone(), Value::String(value.to_string()))));
        // what is not ours is not sent at all where there is anything
        let (method, kind) = if held.live { (Method::PATCH, MERGE) } else { (Method::POST, "application/json") };
        if !held.live {
            data.retain(|_, value| !value.is_null());
        }
        let before = version(held);
        if before == 0 {
            self.has_versions().await?;
        }
        let body = json!({"options": {"cas": before}, "data": data});
        let reply = self.call(method, "data", Some((kind, body))).await?;
        if reply.status.as_u16() == 404 && held.live {
            return Err(overtaken(&reply.host));
        }
        self.judged(&reply)?;
        match reply.json::<WrittenWire>() {
            Ok(written) if written.data.version > before => Ok(()),
            Ok(_) | Err(_) => Err(without_versions(&reply)),
        }
    }

    async fn note(&self, tag: &Tag) -> Result<(), OutboundError> {
        let custom = json!({
            TARGET: tag.target, GENERATION: tag.generation.to_string(), COMMIT: tag.commit.as_str(),
            DECISION: tag.decision,
        });
        let body = json!({"custom_metadata": custom});
        let reply = self.call(Method::PATCH, "metadata", Some((MERGE, body))).await?;
        self.judged(&reply)
    }
}

/// The version it was read at, as Vault counts.
fn version(held: &Held) -> u64 {
    held.version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn held_nothing() -> Held {
    let (values, holders) = (BTreeMap::new(), Holders::default());
    Held { values, version: None, tag: None, live: false, blind: false, holders }
}

fn held(data: Option<Map<String, Value>>, metadata: MetadataWire) -> Held {
    let (live, data) = (data.is_some(), data.unwrap_or_default());
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    let values =
        data.iter().map(|(key, value)| (key.clone(), Seen::Value(Zeroizing::new(text(value).into_bytes())))).collect();
    let tag = metadata.custom_metadata.as_ref().and_then(tag);
    let version = (metadata.version > 0).then(|| metadata.version.to_string());
    Held { values, version, tag, live, blind: false, holders: Holders::default() }
}

fn tag(noted: &BTreeMap<String, String>) -> Option<Tag> {
    Some(Tag {
        target: noted.get(TARGET)?.clone(),
        generation: Sequence::new(noted.get(GENERATION)?.parse().ok()?),
        commit: Oid::parse(noted.get(COMMIT)?).ok()?,
        decision: noted.get(DECISION)?.clone(),
        content: None,
    })
}
