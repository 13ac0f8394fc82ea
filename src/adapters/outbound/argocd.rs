//! An application of Argo CD: refreshed, synced where it does not do so by itself, and looked at, by the server's HTTP interface.
//!
//! Nothing is pruned, forced or changed in its settings; what the server writes in words is read for its kind and never repeated.

use async_trait::async_trait;
use countersign_core::policy::ServiceAddress;
use countersign_core::sync::{Application, Health, Operation};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::error;
use super::exchange::{Reply, Request, secret_header};
use super::{Outgoing, address};
use crate::engine::ports::{Granted, OutboundError, OutboundKind, Remote, Telling};

/// One application.
pub(super) struct ArgoCd<'a> {
    pub(super) outgoing: &'a Outgoing,
    pub(super) address: ServiceAddress,
    pub(super) application: String,
    pub(super) token: Granted,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppWire {
    spec: SpecWire,
    #[serde(default)]
    status: StatusWire,
    operation: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpecWire {
    #[serde(default)]
    sources: Vec<Value>,
    sync_policy: Option<PolicyWire>,
}

#[derive(Deserialize)]
struct PolicyWire {
    automated: Option<AutomatedWire>,
}

#[derive(Deserialize)]
struct AutomatedWire {
    /// Since 3.1; absent means on.
    enabled: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct StatusWire {
    sync: SyncWire,
    health: HealthWire,
    operation_state: Option<OperationWire>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SyncWire {
    status: String,
    revision: String,
    revisions: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HealthWire {
    status: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct OperationWire {
    phase: String,
    operation: AskedWire,
    sync_result: Option<RevisionWire>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AskedWire {
    sync: Option<RevisionWire>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RevisionWire {
    revision: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FaultWire {
    message: String,
}

impl ArgoCd<'_> {
    async fn call(&self, method: Method, rest: &str, body: Option<Value>) -> Result<Reply, OutboundError> {
        let url = format!("{}/api/v1/applications/{}{rest}", self.address.as_str(), self.application);
        let to = address::of_service(&url, &self.token)?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret_header(&format!("Bearer {}", self.token.value().expose_secret()))?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let body = body.map(|body| {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            body.to_string().into_bytes()
        });
        let (private, body) = (self.token.allows_private(), body.unwrap_or_default());
        self.outgoing.exchange(Request { method, to, private, authority: None, headers, body }).await
    }

    async fn read(&self, query: &str) -> Result<AppWire, OutboundError> {
        let reply = self.call(Method::GET, query, None).await?;
        self.judged(&reply)?;
        reply.json()
    }

    /// What an answer means: its status, and of its words only the kind.
    fn judged(&self, reply: &Reply) -> Result<(), OutboundError> {
        let host = &reply.host;
        let said = || serde_json::from_slice::<FaultWire>(&reply.body).unwrap_or_default().message.to_lowercase();
        let permanent = |what: &str, help: &str| Err(error(OutboundKind::Permanent, format!("{host} {what}"), help));
        let busy = |what: &str| {
            Err(error(
                OutboundKind::Busy,
                format!("{host} {what}"),
                "it is tried again; nothing to do unless this stays",
            ))
        };
        match reply.status.as_u16() {
            400 if said().contains("another operation") => busy("runs another operation of the application"),
            400 | 403 if said().contains("sync window") => {
                busy("lets nobody sync outside the application's sync windows")
            }
            400 => permanent("does not take this request (400)", "see the log of its server, then sync again"),
            401 => permanent("does not know the token (401)", "grant a token that is still valid, then sync again"),
            403 => permanent(
                "does not allow it, or has no such application (403)",
                "let the token's role `get` and `sync` this application, then sync again",
            ),
            404 => permanent("has no such application (404)", "correct `application` in the policy"),
            _ => self.outgoing.judged(reply),
        }
    }
}

#[async_trait]
impl Remote for ArgoCd<'_> {
    async fn tell(&self, telling: &Telling) -> Result<(), OutboundError> {
        let found = self.read("?refresh=hard").await?;
        if found.is_automatic() {
            return Ok(());
        }
        let commit = telling.commit.as_str();
        let read = found.application();
        if read.operation == Operation::Running {
            // perhaps it is ours, of an attempt whose answer was lost
            return if found.asked_for() == Some(commit) { Ok(()) } else { Err(self.busy()) };
        }
        if read.in_step == Some(true) && read.revisions.iter().any(|revision| revision == commit) {
            return Ok(());
        }
        if !found.spec.sources.is_empty() {
            let help = "switch its automatic sync on, or give it one source";
            return Err(error(OutboundKind::Permanent, "the application has several sources".to_owned(), help));
        }
        let infos = json!([{"name": "countersign", "value": telling.decision}]);
        let body = json!({"revision": commit, "prune": false, "dryRun": false, "infos": infos});
        let reply = self.call(Method::POST, "/sync", Some(body)).await?;
        let said = serde_json::from_slice::<FaultWire>(&reply.body).unwrap_or_default().message.to_lowercase();
        if reply.status.as_u16() == 400 && said.contains("auto-sync") {
            // switched on meanwhile: the refresh does
            return Ok(());
        }
        self.judged(&reply)
    }

    async fn look(&self) -> Result<Option<Application>, OutboundError> {
        Ok(Some(self.read("").await?.application()))
    }
}

impl ArgoCd<'_> {
    fn busy(&self) -> OutboundError {
        let help = "it is tried again; nothing to do unless this stays";
        error(OutboundKind::Busy, "the application runs another operation".to_owned(), help)
    }
}

impl AppWire {
    /// Whether it syncs by itself what it follows.
    fn is_automatic(&self) -> bool {
        let automated = self.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
        automated.is_some_and(|automated| automated.enabled != Some(false))
    }

    /// The revision the running operation is to bring.
    fn asked_for(&self) -> Option<&str> {
        if let Some(waiting) = &self.operation {
            return waiting.get("sync")?.get("revision")?.as_str();
        }
        let sync = self.status.operation_state.as_ref()?.operation.sync.as_ref()?;
        Some(sync.revision.as_str())
    }

    fn application(&self) -> Application {
        let StatusWire { sync, health, operation_state } = &self.status;
        let mut revisions = sync.revisions.clone();
        if !sync.revision.is_empty() {
            revisions.push(sync.revision.clone());
        }
        let in_step = match sync.status.as_str() {
            "Synced" => Some(true),
            "OutOfSync" => Some(false),
            _ => None,
        };
        let health = match health.status.as_str() {
            "Healthy" => Health::Healthy,
            "Degraded" => Health::Degraded,
            "Missing" => Health::Missing,
            _ => Health::Open,
        };
        let phase = operation_state.as_ref().map_or("", |state| state.phase.as_str());
        let operation = match phase {
            _ if self.operation.is_some() => Operation::Running,
            "Running" | "Terminating" => Operation::Running,
            "Failed" | "Error" => {
                let result = operation_state.as_ref().and_then(|state| state.sync_result.as_ref());
                let asked = operation_state.as_ref().and_then(|state| state.operation.sync.as_ref());
                let revision = result.or(asked).map(|found| found.revision.clone());
                Operation::Failed(revision.filter(|revision| !revision.is_empty()))
            }
            _ => Operation::Quiet,
        };
        Application { revisions, in_step, health, operation }
    }
}
