//! A key-value store of Vault, version 2, on this machine, written from its published interface: one mount, versions, check-and-set,
//! custom metadata by merge patch. A real one takes its place where there is one ([`real`]).

mod real;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use self::real::Real;
use super::World;
use super::receiver::{Answer, misbehave, text};
use crate::harness::http::served;

/// Token of every server.
pub(crate) const VAULT_TOKEN: &str = "hvs.vault-token-0123456789";

const MERGE: &str = "application/merge-patch+json";

#[derive(Default)]
struct Kept {
    answers: VecDeque<Answer>,
    /// Every version, the newest last; `None` when it was deleted.
    versions: Vec<Option<Map<String, Value>>>,
    /// The mount is of version 1: it has no versions, and takes everything as it comes.
    old: bool,
    /// The newest version is gone for good, and not marked as deleted.
    destroyed: bool,
    custom: BTreeMap<String, String>,
    /// Who wrote which version: `true` for requests, `false` for somebody at the server.
    ours: Vec<bool>,
    /// Somebody writes right before the next write.
    interferes: bool,
    faults: Vec<String>,
}

/// A server.
pub(crate) struct Vault {
    kept: Arc<Mutex<Kept>>,
    real: Option<Arc<Real>>,
    pub(crate) url: String,
}

impl Vault {
    /// Starts one that holds nothing.
    pub(crate) async fn start() -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let real = Real::start().await.map(Arc::new);
        let shared = (kept.clone(), real.clone());
        let app = axum::Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (kept, real) = shared.clone();
            async move { answer((&kept, real.as_deref()), (&method, &uri), &headers, &body).await }
        });
        let url = served(app).await;
        Self { kept, real, url }
    }

    /// The target as the policy names it.
    pub(crate) fn target(&self, more: &str) -> String {
        self.target_in("run_in: server, ", more)
    }

    /// The same, delivered to by whoever the policy says.
    pub(crate) fn target_in(&self, place: &str, more: &str) -> String {
        format!(
            "{{name: vault, {place}vault: {{address: '{}', mount: kv, path: apps/payments, namespace: team/a, \
             token_from: VAULT_TOKEN, keys: ['db.*']}}{more}}}",
            self.url
        )
    }

    /// What the server's settings grant: the token, and perhaps the identity of production.
    pub(crate) fn grant(&self, world: &World, identity: bool) {
        let file = world.path("countersign.toml");
        let mut text = String::new();
        if identity {
            world.give_identities(&["production"]);
            text = std::fs::read_to_string(&file).expect("read");
        }
        text += &format!(
            "[repositories.\"acme/app\".secrets]\n\
             VAULT_TOKEN = {{value = \"{VAULT_TOKEN}\", hosts = [\"127.0.0.1\"], allow_private = true}}\n"
        );
        std::fs::write(file, text).expect("written");
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().expect("kept"))
    }

    /// Answers writes like this, one after the other.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.with(|kept| kept.answers.extend(answers));
    }

    /// Somebody else writes a key, or takes it away.
    pub(crate) fn change(&self, key: &str, value: Option<Value>) {
        if let Some(real) = &self.real {
            return real.change(key, value);
        }
        self.with(|kept| kept.change(key, value));
    }

    /// Somebody else writes right before the next write.
    pub(crate) fn interfere(&self) {
        self.with(|kept| kept.interferes = true);
    }

    /// Somebody deletes the newest version; it could be undeleted.
    pub(crate) fn delete(&self) {
        if let Some(real) = &self.real {
            return real.delete();
        }
        self.with(|kept| drop(kept.versions.last_mut().map(Option::take)));
    }

    /// Somebody destroys the newest version for good.
    pub(crate) fn destroy(&self) {
        if let Some(real) = &self.real {
            return real.destroy();
        }
        self.with(|kept| {
            kept.destroyed = true;
            kept.versions.last_mut().map(Option::take)
        });
    }

    /// The mount is one of version 1, or one of version 2 again.
    pub(crate) fn is_old(&self, old: bool) {
        if let Some(real) = &self.real {
            return real.is_old(old);
        }
        self.with(|kept| kept.old = old);
    }

    /// What it holds.
    pub(crate) fn data(&self) -> Value {
        if let Some(real) = &self.real {
            return real.data().into();
        }
        self.with(|kept| Value::Object(kept.newest()))
    }

    /// The value of a key, if it is a text.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        self.data()[key].as_str().map(str::to_owned)
    }

    /// Versions that were written by requests.
    pub(crate) fn written(&self) -> usize {
        self.with(|kept| kept.ours.iter().filter(|ours| **ours).count())
    }

    /// One of the custom metadata.
    pub(crate) fn custom(&self, name: &str) -> String {
        if let Some(real) = &self.real {
            return real.custom(name);
        }
        self.with(|kept| kept.custom.get(name).cloned().unwrap_or_default())
    }

    /// Requests that are not as the interface is described.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.with(|kept| kept.faults.clone())
    }
}

fn errors(status: u16, errors: &[&str]) -> Response {
    (StatusCode::from_u16(status).expect("a status"), axum::Json(json!({"errors": errors}))).into_response()
}

impl Kept {
    fn newest(&self) -> Map<String, Value> {
        self.versions.last().cloned().flatten().unwrap_or_default()
    }

    fn change(&mut self, key: &str, value: Option<Value>) {
        let mut data = self.newest();
        match value {
            Some(value) => drop(data.insert(key.to_owned(), value)),
            None => drop(data.remove(key)),
        }
        self.versions.push(Some(data));
        self.ours.push(false);
    }

    fn read(&mut self) -> Response {
        let Some(data) = self.versions.last().cloned() else { return errors(404, &[]) };
        let deleted = if data.is_some() || self.destroyed { "" } else { "2026-11-25T12:30:00.2Z" };
        let destroyed = data.is_none() && self.destroyed;
        let custom = (!self.custom.is_empty()).then_some(&self.custom);
        let answer = json!({
            "request_id": "1", "lease_id": "", "renewable": false, "lease_duration": 0,
            "data": {"data": data, "metadata": {"created_time": "2026-11-25T12:00:00.1Z", "custom_metadata": custom,
                "deletion_time": deleted, "destroyed": destroyed, "version": self.versions.len()}},
        });
        let status = if data.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        (status, axum::Json(answer)).into_response()
    }

    /// A version that is written whole, or as a merge patch of the newest one.
    fn write(&mut self, merges: bool, headers: &HeaderMap, body: &[u8]) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let (Some(cas), Some(data)) = (body["options"]["cas"].as_u64(), body["data"].as_object()) else {
            self.faults.push("a write without `cas` or `data`".to_owned());
            return errors(400, &["check-and-set parameter required for this call"]);
        };
        if merges && text(headers, "content-type") != MERGE {
            return errors(415, &[]);
        }
        if std::mem::take(&mut self.interferes) {
            self.change("foreign", Some("newer".into()));
        }
        if merges && self.versions.last().is_none_or(Option::is_none) {
            return errors(404, &[]);
        }
        if cas != self.versions.len() as u64 {
            return errors(400, &["check-and-set parameter did not match the current version"]);
        }
        let mut written = if merges { self.newest() } else { Map::new() };
        for (key, value) in data {
            if merges && value.is_null() {
                written.remove(key);
            } else {
                written.insert(key.clone(), value.clone());
            }
        }
        self.versions.push(Some(written));
        self.ours.push(true);
        let version = self.versions.len();
        axum::Json(json!({"data": {"version": version, "destroyed": false, "deletion_time": ""}})).into_response()
    }

    fn patch(&mut self, headers: &HeaderMap, body: &[u8]) -> Response {
        if text(headers, "content-type") != MERGE {
            self.faults.push("a patch of another kind".to_owned());
            return errors(415, &[]);
        }
        if self.versions.is_empty() {
            return errors(404, &[]);
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        for (name, value) in body["custom_metadata"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(value) if value.len() <= 512 => drop(self.custom.insert(name.clone(), value.to_owned())),
                _ => self.faults.push(format!("custom metadata {name}")),
            }
        }
        StatusCode::NO_CONTENT.into_response()
    }

    fn serve(&mut self, (method, uri): (&Method, &Uri), headers: &HeaderMap, body: &[u8]) -> Response {
        let known = text(headers, "x-vault-token") == VAULT_TOKEN && text(headers, "x-vault-namespace") == "team/a";
        if !known {
            return errors(403, &["permission denied"]);
        }
        if text(headers, "x-vault-request") != "true" || uri.query().is_some() {
            self.faults.push(uri.to_string());
        }
        match (method.as_str(), uri.path()) {
            ("GET", "/v1/sys/internal/ui/mounts/kv/apps/payments") => {
                let options = if self.old { Value::Null } else { json!({"version": "2"}) };
                axum::Json(json!({"data": {"options": options, "path": "kv/", "type": "kv"}})).into_response()
            }
            ("GET", _) if self.old => errors(404, &[]),
            ("POST", _) if self.old => {
                self.ours.push(true);
                StatusCode::NO_CONTENT.into_response()
            }
            ("GET", "/v1/kv/data/apps/payments") => self.read(),
            ("POST", "/v1/kv/data/apps/payments") => self.write(false, headers, body),
            ("PATCH", "/v1/kv/data/apps/payments") => self.write(true, headers, body),
            ("PATCH", "/v1/kv/metadata/apps/payments") => self.patch(headers, body),
            _ => {
                self.faults.push(format!("{method} {uri}"));
                errors(404, &["no handler for route"])
            }
        }
    }
}

async fn answer(
    (kept, real): (&Mutex<Kept>, Option<&Real>),
    place: (&Method, &Uri),
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let writes = place.0 != Method::GET && place.1.path().starts_with("/v1/kv/data/");
    let next = if writes { kept.lock().expect("kept").answers.pop_front() } else { None };
    match (next, real) {
        (Some(answer), _) => misbehave(answer).await,
        (None, Some(real)) => real.answer(kept, place, headers, body).await,
        (None, None) => kept.lock().expect("kept").serve(place, headers, body),
    }
}
