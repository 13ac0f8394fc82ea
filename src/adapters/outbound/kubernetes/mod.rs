//! A Secret of Kubernetes, by server-side apply as `countersign`, at the version that was read.
//!
//! The API server takes away what we hold and no longer send, so every key of ours is sent each time, and no other. What somebody
//! else holds is written only where the engine says so: at the version that was read nothing else can be meant.

mod api;
mod external;
mod object;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::policy::KubernetesRule;
use serde_json::{Value, json};

use self::api::{About, Api, MANAGER, StatusWire};
pub(super) use self::external::ExternalSecrets;
use self::object::{SecretWire, annotations};
use super::Outgoing;
use super::answer::error;
use super::exchange::Reply;
use crate::engine::ports::{Cluster, Fill, Held, Holders, OutboundError, OutboundKind, Seen, Tag, Vessel};

/// Server-side apply; JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";
/// A body that names only what changes.
const MERGE: &str = "application/merge-patch+json";

/// One Secret.
pub(super) struct Kubernetes<'a> {
    pub(super) outgoing: &'a Outgoing,
    pub(super) cluster: Cluster,
    pub(super) rule: KubernetesRule,
}

/// Data as it is sent.
type Data = BTreeMap<String, String>;

impl Kubernetes<'_> {
    fn api(&self) -> Api<'_> {
        Api { outgoing: self.outgoing, cluster: &self.cluster }
    }

    async fn call(&self, query: &str, body: Option<(&'static str, Value)>) -> Result<Reply, OutboundError> {
        let KubernetesRule { namespace, secret, .. } = &self.rule;
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{secret}{query}");
        self.api().call(&path, body).await
    }

    /// What an answer means where it is no success. `verb`: what was asked for.
    fn judged(&self, reply: &Reply, verb: &str) -> Result<(), OutboundError> {
        let KubernetesRule { namespace, secret, .. } = &self.rule;
        let role = "give the service account the role in docs/syncs.md, then sync again";
        self.api().judged(reply, verb, About { kind: "Secret", namespace, name: secret, role })
    }

    async fn found(&self) -> Result<Option<Held>, OutboundError> {
        let reply = self.call("", None).await?;
        if reply.status.as_u16() == 404 && StatusWire::of(&reply).is_about("secrets") {
            return Ok(None);
        }
        self.judged(&reply, "get")?;
        self.usable(reply.json::<SecretWire>()?).map(Some)
    }

    /// The Secret, if it is one that keys can be written to.
    fn usable(&self, wire: SecretWire) -> Result<Held, OutboundError> {
        let KubernetesRule { namespace, secret, .. } = &self.rule;
        let permanent = |what: &str, help: &str| {
            Err(error(OutboundKind::Permanent, format!("the Secret `{namespace}/{secret}` {what}"), help))
        };
        if wire.metadata.deletion_timestamp.is_some() {
            let what = format!("the Secret `{namespace}/{secret}` is being deleted");
            return Err(error(OutboundKind::Busy, what, "it is tried again; see what its finalizers wait for"));
        }
        if wire.kind.as_deref() != Some("Secret") {
            return permanent("is something else", "see what answers at the granted `server`");
        }
        if wire.r#type.as_deref() != Some("Opaque") {
            let help = "name another Secret in the policy: only those of the type `Opaque` are written";
            return permanent("has another type than `Opaque`", help);
        }
        if wire.immutable == Some(true) {
            let help = "delete it, so that it is made anew, or name another Secret in the policy; then sync again";
            return permanent("is immutable", help);
        }
        wire.held().map_or_else(|| permanent("cannot be read", "see what answers at the granted `server`"), Ok)
    }

    /// Makes us hold exactly this. `version`: what it was read at; none: there was nothing. Gives the version it has now.
    async fn apply(
        &self,
        data: &Data,
        (version, over): (Option<&str>, bool),
        tag: &Tag,
    ) -> Result<String, OutboundError> {
        let KubernetesRule { namespace, secret, .. } = &self.rule;
        let mut metadata = json!({"name": secret, "namespace": namespace, "annotations": annotations(tag)});
        if let Some(version) = version {
            metadata["resourceVersion"] = version.into();
        }
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data,
        });
        // only at a version: whoever holds what by now is known
        let force = over && version.is_some();
        let query = format!("?fieldManager={MANAGER}&force={force}");
        self.changed(&query, (APPLY, body)).await
    }

    /// Puts these keys of ours down as held by us, where nobody is known to hold anything: what is there would otherwise be taken for
    /// somebody else's at the next apply (`before-first-apply`).
    async fn remember(&self, held: &Held, keys: &BTreeSet<&String>) -> Result<Option<String>, OutboundError> {
        if !held.holders.forgotten {
            return Ok(held.version.clone());
        }
        let there = keys.iter().copied().filter(|key| held.values.contains_key(*key));
        let account = object::account(there, held.tag.as_ref());
        let body = json!({"metadata": {"resourceVersion": held.version, "managedFields": account}});
        self.changed(&format!("?fieldManager={MANAGER}"), (MERGE, body)).await.map(Some)
    }

    /// Changes the Secret. Gives the version it has now.
    async fn changed(&self, query: &str, body: (&'static str, Value)) -> Result<String, OutboundError> {
        let reply = self.call(query, Some(body)).await?;
        self.judged(&reply, "patch")?;
        let wire: SecretWire = reply.json()?;
        wire.metadata.resource_version.ok_or_else(|| {
            let help = "it is tried again; see what answers at the granted `server`";
            let what = format!("{} does not say what it wrote", reply.host);
            error(OutboundKind::Retry { after: None }, what, help)
        })
    }
}

/// What we hold already and keep, encoded.
fn kept(held: &Held, removed: &BTreeSet<String>, kept: &BTreeSet<String>) -> Data {
    let Holders { ours, theirs, .. } = &held.holders;
    let stays = |key: &&String| {
        !removed.contains(*key) && (ours.contains(*key) || (kept.contains(*key) && !theirs.contains(*key)))
    };
    held.values.keys().filter(stays).filter_map(|key| encoded(held, key)).collect()
}

fn encoded(held: &Held, key: &str) -> Option<(String, String)> {
    match held.values.get(key)? {
        Seen::Value(value) => Some((key.to_owned(), STANDARD.encode(value))),
        Seen::Written(_) => None,
    }
}

#[async_trait]
impl Vessel for Kubernetes<'_> {
    async fn read(&self) -> Result<Held, OutboundError> {
        Ok(self.found().await?.unwrap_or_else(object::nothing))
    }

    async fn write(&self, held: &Held, fill: &Fill<'_>) -> Result<(), OutboundError> {
        let Holders { ours, theirs, forgotten } = &held.holders;
        let mut data = kept(held, fill.removed, fill.kept);
        data.extend(fill.set.iter().map(|(key, value)| (key.clone(), STANDARD.encode(value.as_bytes()))));
        let over = object::notes_are_taken(held) || fill.set.keys().any(|key| theirs.contains(key));
        let known = fill.set.keys().chain(fill.removed).chain(fill.kept).collect();
        let mut version = self.remember(held, &known).await?;
        // what nobody holds is not taken away by not being sent: it is taken first
        let unheld = fill.removed.iter().filter(|key| !forgotten && !ours.contains(*key) && !theirs.contains(*key));
        let unheld: Data = unheld.filter_map(|key| encoded(held, key)).collect();
        if !unheld.is_empty() {
            let mut before = kept(held, fill.removed, fill.kept);
            before.extend(unheld);
            let noted = held.tag.as_ref().unwrap_or(fill.tag);
            version = Some(self.apply(&before, (version.as_deref(), over), noted).await?);
        }
        self.apply(&data, (version.as_deref(), over), fill.tag).await.map(|_| ())
    }

    async fn note(&self, tag: &Tag) -> Result<(), OutboundError> {
        let Some(held) = self.found().await? else { return Ok(()) };
        if held.tag.as_ref() == Some(tag) {
            return Ok(());
        }
        let version = self.remember(&held, &BTreeSet::new()).await?;
        let data = kept(&held, &BTreeSet::new(), &BTreeSet::new());
        let over = object::notes_are_taken(&held);
        match self.apply(&data, (version.as_deref(), over), tag).await {
            // nothing but the note is at stake
            Err(fault) if fault.kind == OutboundKind::Conflict => {
                Err(OutboundError { kind: OutboundKind::Busy, ..fault })
            }
            outcome => outcome.map(|_| ()),
        }
    }
}
