//! ExternalSecrets of the External Secrets Operator: told to read by an annotation, and read for what they say of themselves.
//!
//! A merge patch names what it sets and nothing else; unlike an apply it makes no object, takes nothing from whoever holds the
//! annotation, and takes nothing away. It is sent at the version that was read, so that what had been read for by then is noted truly.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use async_trait::async_trait;
use countersign_core::domain::{Sequence, Timestamp};
use countersign_core::policy::ExternalSecretsRule;
use countersign_core::sync::{ExternalSecret, Ready, Refresh, Told};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{About, Api, MANAGER, StatusWire};
use super::object::{self, below};
use crate::adapters::outbound::Outgoing;
use crate::adapters::outbound::answer::error;
use crate::adapters::outbound::exchange::Reply;
use crate::engine::ports::{Cluster, Operator, OutboundError, OutboundKind, Tag};

/// The API of the operator.
const GROUP: &str = "/apis/external-secrets.io";
/// Versions of it that we can read, newest first.
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
/// A change of it makes the operator read.
const FORCE: &str = "force-sync";
/// What had been read for when it was told.
const BEFORE: &str = "countersign.dev/before";

/// Some ExternalSecrets of a namespace.
pub(in crate::adapters::outbound) struct ExternalSecrets<'a> {
    outgoing: &'a Outgoing,
    cluster: Cluster,
    rule: ExternalSecretsRule,
    /// The version that the cluster serves.
    served: OnceLock<&'static str>,
}

#[derive(Deserialize)]
struct GroupWire {
    versions: Vec<VersionWire>,
}

#[derive(Deserialize)]
struct VersionWire {
    version: String,
}

#[derive(Deserialize)]
struct Wire {
    kind: String,
    metadata: MetadataWire,
    #[serde(default)]
    spec: SpecWire,
    #[serde(default)]
    status: SaidWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataWire {
    resource_version: String,
    deletion_timestamp: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    managed_fields: Vec<HolderWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HolderWire {
    manager: Option<String>,
    time: Option<String>,
    #[serde(default)]
    fields_v1: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SpecWire {
    refresh_policy: Option<String>,
    refresh_interval: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SaidWire {
    refresh_time: Option<String>,
    synced_resource_version: Option<String>,
    conditions: Vec<ConditionWire>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ConditionWire {
    r#type: String,
    status: String,
    reason: String,
    message: String,
    last_transition_time: Option<String>,
}

impl<'a> ExternalSecrets<'a> {
    pub(in crate::adapters::outbound) fn new(
        outgoing: &'a Outgoing,
        cluster: Cluster,
        rule: ExternalSecretsRule,
    ) -> Self {
        Self { outgoing, cluster, rule, served: OnceLock::new() }
    }

    fn api(&self) -> Api<'_> {
        Api { outgoing: self.outgoing, cluster: &self.cluster }
    }

    fn about<'n>(&'n self, name: &'n str) -> About<'n> {
        let role = "give the service account the role for External Secrets in docs/syncs.md, then sync again";
        About { kind: "ExternalSecret", namespace: &self.rule.namespace, name, role }
    }

    /// The version that the cluster serves: asked for once.
    async fn version(&self) -> Result<&'static str, OutboundError> {
        if let Some(served) = self.served.get() {
            return Ok(served);
        }
        let reply = self.api().call(GROUP, None).await?;
        let permanent = |what: &str, help: &str| error(OutboundKind::Permanent, format!("{} {what}", reply.host), help);
        if reply.status.as_u16() == 404 {
            let help = "install the External Secrets Operator there, or correct `server` of the granted cluster; then sync again";
            return Err(permanent("has no API `external-secrets.io` (404)", help));
        }
        if reply.status.as_u16() == 403 {
            let help = "bind `system:discovery` to the service account, as clusters do by themselves; then sync again";
            return Err(permanent("does not say which versions of `external-secrets.io` it serves (403)", help));
        }
        self.api().judged(&reply, "get", self.about(""))?;
        let group: GroupWire = reply.json()?;
        let serves = |version: &&&str| group.versions.iter().any(|served| served.version == ***version);
        let found = VERSIONS.iter().find(serves).ok_or_else(|| {
            let help =
                "bring the External Secrets Operator to a version that serves `v1` or `v1beta1`, then sync again";
            permanent("serves neither `v1` nor `v1beta1` of `external-secrets.io`", help)
        })?;
        Ok(self.served.get_or_init(|| found))
    }

    async fn path(&self, name: &str) -> Result<String, OutboundError> {
        Ok(format!("{GROUP}/{}/namespaces/{}/externalsecrets/{name}", self.version().await?, self.rule.namespace))
    }

    /// What an answer means; what is not there cannot be told.
    fn judged(&self, reply: &Reply, verb: &str, name: &str) -> Result<(), OutboundError> {
        let place = format!("{}/{name}", self.rule.namespace);
        match reply.status.as_u16() {
            404 if StatusWire::of(reply).is_about("externalsecrets") => {
                let what = format!("{} has no ExternalSecret `{place}` (404)", reply.host);
                let help = "create it, or correct namespace and name in the policy; then sync again";
                Err(error(OutboundKind::Permanent, what, help))
            }
            404 => {
                let what = format!("{} does not know ExternalSecrets any more (404)", reply.host);
                let help = "see whether the External Secrets Operator is being updated, then sync again";
                Err(error(OutboundKind::Permanent, what, help))
            }
            409 => {
                let what = format!("the ExternalSecret `{place}` changed meanwhile");
                Err(error(OutboundKind::Busy, what, "it is tried again; nothing to do unless this stays"))
            }
            _ => self.api().judged(reply, verb, self.about(name)),
        }
    }

    async fn read(&self, name: &str) -> Result<ExternalSecret, OutboundError> {
        let reply = self.api().call(&self.path(name).await?, None).await?;
        self.judged(&reply, "get", name)?;
        let wire: Wire = reply.json()?;
        let place = format!("{}/{name}", self.rule.namespace);
        if wire.kind != "ExternalSecret" {
            let help = "see what answers at the granted `server`";
            return Err(error(
                OutboundKind::Permanent,
                format!("the ExternalSecret `{place}` is something else"),
                help,
            ));
        }
        if wire.metadata.deletion_timestamp.is_some() {
            let help = "it is tried again; see what its finalizers wait for";
            return Err(error(OutboundKind::Busy, format!("the ExternalSecret `{place}` is being deleted"), help));
        }
        Ok(seen(name, wire))
    }
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| Timestamp::parse(text).ok())
}

fn seen(name: &str, wire: Wire) -> ExternalSecret {
    let Wire { metadata, spec, status, .. } = wire;
    let ready = match status.conditions.iter().find(|condition| condition.r#type == "Ready") {
        Some(condition) if condition.status == "True" => Ready::True,
        Some(condition) if condition.status == "False" => Ready::False {
            since: time(condition.last_transition_time.as_deref()),
            says: format!("{}: {}", condition.reason, condition.message),
        },
        _ => Ready::Open,
    };
    ExternalSecret {
        name: name.to_owned(),
        refresh: Refresh::of(spec.refresh_policy.as_deref(), spec.refresh_interval.as_deref()),
        synced: status.synced_resource_version.filter(|text| !text.is_empty()),
        read: time(status.refresh_time.as_deref()),
        ready,
        told: told(&metadata),
        version: metadata.resource_version,
    }
}

/// What one of us told it last, and when: since then nobody may have taken the note, or the time is not ours.
fn told(metadata: &MetadataWire) -> Option<Told> {
    let noted = &metadata.annotations;
    let of_ours = |holder: &&HolderWire| {
        let mut held = below(&holder.fields_v1, &["f:metadata", "f:annotations"]);
        holder.manager.as_deref() == Some(MANAGER) && held.any(|name| name == object::GENERATION)
    };
    Some(Told {
        target: noted.get(object::TARGET)?.clone(),
        generation: Sequence::new(noted.get(object::GENERATION)?.parse().ok()?),
        before: noted.get(BEFORE)?.clone(),
        at: metadata.managed_fields.iter().find(of_ours).and_then(|holder| time(holder.time.as_deref())),
    })
}

#[async_trait]
impl Operator for ExternalSecrets<'_> {
    async fn look(&self) -> Result<Vec<ExternalSecret>, OutboundError> {
        let mut seen = Vec::new();
        for name in &self.rule.names {
            seen.push(self.read(name).await?);
        }
        Ok(seen)
    }

    async fn tell(&self, seen: &ExternalSecret, tag: &Tag) -> Result<(), OutboundError> {
        let mut annotations = object::annotations(tag);
        annotations.insert(FORCE, format!("{} {}", tag.target, tag.generation));
        annotations.insert(BEFORE, seen.synced.clone().unwrap_or_default());
        let body = json!({"metadata": {"resourceVersion": seen.version, "annotations": annotations}});
        let path = format!("{}?fieldManager={MANAGER}", self.path(&seen.name).await?);
        let reply = self.api().call(&path, Some(("application/merge-patch+json", body))).await?;
        self.judged(&reply, "patch", &seen.name)
    }
}
