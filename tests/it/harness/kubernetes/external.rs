//! An API server with ExternalSecrets and the operator that reads for them, written from its published types and from what it does
//! when one of them changes. Its clock stands in another year than ours. Whatever a request has that is not described there is a fault.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use countersign_core::domain::Timestamp;
use serde_json::{Map, Value, json};

use super::api::status;
use super::{CLUSTER_TOKEN, NAMESPACE, grant};
use crate::harness::World;
use crate::harness::http::served;
use crate::harness::receiver::{Answer, misbehave, text};

const GROUP: &str = "/apis/external-secrets.io";
/// What is written when one of them is told.
const WRITTEN: [&str; 6] = [
    "countersign.dev/before",
    "countersign.dev/commit",
    "countersign.dev/decision",
    "countersign.dev/generation",
    "countersign.dev/target",
    "force-sync",
];

/// What the operator does with those that are due.
#[derive(Clone)]
pub(crate) enum Does {
    /// It reads for them.
    Read,
    /// It tries, and says this.
    Fail(&'static str),
    /// Nothing yet.
    Sleep,
}

#[derive(Default)]
struct Object {
    annotations: BTreeMap<String, String>,
    interval: &'static str,
    policy: Option<&'static str>,
    synced: Option<String>,
    read: i64,
    /// Whether, why, and since when.
    ready: Option<(bool, &'static str, i64)>,
    version: u64,
    /// When we wrote last.
    written: Option<i64>,
    told: Vec<String>,
}

struct Kept {
    answers: VecDeque<Option<Answer>>,
    objects: BTreeMap<String, Object>,
    versions: Vec<&'static str>,
    verbs: BTreeSet<&'static str>,
    does: Does,
    interferes: bool,
    now: i64,
    faults: Vec<String>,
}

/// A cluster with the operator.
pub(crate) struct External {
    kept: Arc<Mutex<Kept>>,
    url: String,
}

fn shown(seconds: i64) -> String {
    Timestamp::from_seconds(seconds).to_string()
}

impl Object {
    /// The state of itself that is read for: generation, and a digest of its annotations.
    fn state(&self) -> String {
        let mut digest = DefaultHasher::new();
        self.annotations.hash(&mut digest);
        format!("1-{:016x}", digest.finish())
    }

    fn is_due(&self) -> bool {
        let changed = self.synced.as_ref() != Some(&self.state());
        match self.policy {
            Some("CreatedOnce") => self.synced.is_none(),
            Some("OnChange") => changed,
            _ => self.synced.is_none() || (self.interval != "0s" && changed),
        }
    }

    fn reconcile(&mut self, does: &Does, now: i64) {
        if !self.is_due() {
            return;
        }
        let (well, says) = match does {
            Does::Read => (true, "secret synced"),
            Does::Fail(says) => (false, *says),
            Does::Sleep => return,
        };
        if well {
            (self.synced, self.read) = (Some(self.state()), now);
        }
        let since = self.ready.filter(|(before, ..)| *before == well).map_or(now, |(.., since)| since);
        self.ready = Some((well, says, since));
        self.version += 1;
    }

    fn shown(&self, name: &str, version: &str) -> Value {
        let api = format!("external-secrets.io/{version}");
        let names = WRITTEN.iter().map(|name| (format!("f:{name}"), json!({}))).collect::<Map<_, _>>();
        let held = |manager: &str, time: i64, fields: Value| {
            json!({
                "manager": manager, "operation": "Update", "apiVersion": api, "time": shown(time),
                "fieldsType": "FieldsV1", "fieldsV1": fields,
            })
        };
        let mut holders =
            vec![held("kubectl-create", 1_577_836_800, json!({"f:spec": {".": {}, "f:refreshInterval": {}}}))];
        holders.extend(self.written.map(|at| held("countersign", at, json!({"f:metadata": {"f:annotations": names}}))));
        let mut spec = json!({
            "refreshInterval": self.interval, "secretStoreRef": {"kind": "SecretStore", "name": "vault"},
            "target": {"name": name, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "dataFrom": [{"extract": {"key": "apps/payments"}}],
        });
        if let Some(policy) = self.policy {
            spec["refreshPolicy"] = policy.into();
        }
        let mut said = json!({"refreshTime": null});
        if let Some(synced) = &self.synced {
            said = json!({"refreshTime": shown(self.read), "syncedResourceVersion": synced, "binding": {"name": name}});
        }
        if let Some((well, says, since)) = self.ready {
            let (status, reason) = if well { ("True", "SecretSynced") } else { ("False", "SecretSyncedError") };
            said["conditions"] = json!([{
                "type": "Ready", "status": status, "reason": reason, "message": says, "lastTransitionTime": shown(since),
            }]);
        }
        json!({
            "apiVersion": api, "kind": "ExternalSecret", "spec": spec, "status": said,
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": "0c5d2a4e-7777-4888-9999-aaaabbbbcccc", "generation": 1,
                "resourceVersion": self.version.to_string(), "creationTimestamp": shown(1_577_836_800),
                "annotations": self.annotations, "managedFields": holders,
            },
        })
    }
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

impl Kept {
    fn forbidden(&self, verb: &'static str, name: &str) -> Option<Response> {
        (!self.verbs.contains(verb)).then(|| {
            let message = format!(
                "externalsecrets.external-secrets.io \"{name}\" is forbidden: User \"system:serviceaccount:countersign:countersign\" \
                 cannot {verb} resource \"externalsecrets\" in API group \"external-secrets.io\" in the namespace \"{NAMESPACE}\""
            );
            status(403, "Forbidden", &message, json!({"name": name, "group": "external-secrets.io", "kind": "externalsecrets"}))
        })
    }

    fn group(&self) -> Response {
        if self.versions.is_empty() {
            return missing();
        }
        let version =
            |version: &&str| json!({"groupVersion": format!("external-secrets.io/{version}"), "version": version});
        let versions: Vec<Value> = self.versions.iter().map(version).collect();
        axum::Json(json!({
            "kind": "APIGroup", "apiVersion": "v1", "name": "external-secrets.io", "preferredVersion": versions[0],
            "versions": versions,
        }))
        .into_response()
    }

    /// What is written, if the body is as it is described, and the version it asks for.
    fn body(body: &[u8]) -> Option<(BTreeMap<String, String>, String)> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let metadata = body["metadata"].as_object().filter(|_| body.as_object().is_some_and(|body| body.len() == 1))?;
        let written = metadata.get("annotations").filter(|_| metadata.len() == 2)?.as_object()?;
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let written = written.iter().map(text).collect::<Option<BTreeMap<_, _>>>()?;
        written.keys().eq(WRITTEN.iter()).then_some((written, metadata.get("resourceVersion")?.as_str()?.to_owned()))
    }

    fn patch(&mut self, name: &str, version: &str, body: &[u8]) -> Response {
        let Some((written, at)) = Self::body(body) else {
            self.faults.push(String::from_utf8_lossy(body).into_owned());
            return status(400, "BadRequest", "error decoding patch", json!({}));
        };
        let (does, now, interferes) = (self.does.clone(), self.now, std::mem::take(&mut self.interferes));
        let object = self.objects.get_mut(name).expect("it is there");
        object.version += u64::from(interferes);
        if at != object.version.to_string() {
            let message = format!(
                "Operation cannot be fulfilled on externalsecrets.external-secrets.io \"{name}\": the object has been modified"
            );
            return status(409, "Conflict", &message, json!({"name": name, "kind": "externalsecrets"}));
        }
        let told = written["force-sync"].clone();
        let mut annotations = object.annotations.clone();
        annotations.extend(written);
        if annotations != object.annotations {
            (object.annotations, object.written) = (annotations, Some(now));
            object.version += 1;
            object.told.push(told);
            object.reconcile(&does, now);
        }
        axum::Json(object.shown(name, version)).into_response()
    }

    fn serve(&mut self, (method, uri): (&Method, &Uri), headers: &HeaderMap, body: &[u8]) -> Response {
        if text(headers, "authorization") != format!("Bearer {CLUSTER_TOKEN}") {
            return status(401, "Unauthorized", "Unauthorized", Value::Null);
        }
        if text(headers, "accept") != "application/json" {
            self.faults.push(format!("{method} {uri} accepts {}", text(headers, "accept")));
        }
        if (method, uri.path(), uri.query()) == (&Method::GET, GROUP, None) {
            return self.group();
        }
        let rest = uri.path().strip_prefix(GROUP).unwrap_or_default().trim_start_matches('/');
        let parts: Vec<&str> = rest.split('/').collect();
        let [version, "namespaces", NAMESPACE, "externalsecrets", name] = parts.as_slice() else {
            self.faults.push(format!("{method} {uri}"));
            return missing();
        };
        if !self.versions.contains(version) {
            self.faults.push(format!("{method} {uri} is not served"));
            return missing();
        }
        let verb = if *method == Method::GET { "get" } else { "patch" };
        if let Some(refused) = self.forbidden(verb, name) {
            return refused;
        }
        let Some(object) = self.objects.get(*name) else {
            let details = json!({"name": name, "group": "external-secrets.io", "kind": "externalsecrets"});
            return status(
                404,
                "NotFound",
                &format!("externalsecrets.external-secrets.io \"{name}\" not found"),
                details,
            );
        };
        match (method.as_str(), uri.query(), text(headers, "content-type").as_str()) {
            ("GET", None, "") if body.is_empty() => axum::Json(object.shown(name, version)).into_response(),
            ("PATCH", Some("fieldManager=countersign"), "application/merge-patch+json") => {
                self.patch(name, version, body)
            }
            _ => {
                self.faults.push(format!("{method} {uri}"));
                status(415, "UnsupportedMediaType", "the body of the request was in an unknown format", json!({}))
            }
        }
    }
}

impl External {
    /// Starts one in which these are there, and have read.
    pub(crate) async fn start(names: &[&str]) -> Self {
        let kept = Arc::new(Mutex::new(Kept {
            answers: VecDeque::new(),
            objects: BTreeMap::new(),
            versions: vec!["v1", "v1beta1"],
            verbs: BTreeSet::from(["get", "patch"]),
            does: Does::Read,
            interferes: false,
            now: 1_577_923_200,
            faults: Vec::new(),
        }));
        let shared = kept.clone();
        let app = axum::Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let kept = shared.clone();
            async move {
                let next = if method == Method::PATCH { kept.lock().expect("kept").answers.pop_front() } else { None };
                match next.flatten() {
                    Some(answer) => misbehave(answer).await,
                    None => kept.lock().expect("kept").serve((&method, &uri), &headers, &body),
                }
            }
        });
        let url = served(app).await;
        let external = Self { kept, url };
        for name in names {
            external.make(name, "1h0m0s", None);
        }
        external
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().expect("kept"))
    }

    /// What the server's settings grant: this cluster with these namespaces, no identity, and nothing else.
    pub(crate) fn grant(&self, world: &World, namespaces: &[&str]) {
        std::fs::write(world.path("countersign.toml"), "").expect("written");
        grant(world, (&self.url, CLUSTER_TOKEN), namespaces);
    }

    /// Makes one anew, and reads for it.
    pub(crate) fn make(&self, name: &str, interval: &'static str, policy: Option<&'static str>) {
        self.with(|kept| {
            let mut object = Object { interval, policy, version: 40, ..Object::default() };
            object.reconcile(&Does::Read, kept.now - 3_600);
            kept.objects.insert(name.to_owned(), object);
        });
    }

    /// One is gone.
    pub(crate) fn delete(&self, name: &str) {
        self.with(|kept| kept.objects.remove(name));
    }

    /// What the operator does from now on, a second later: with those that are due, too.
    pub(crate) fn does(&self, does: Does) {
        self.with(|kept| {
            kept.now += 1;
            for object in kept.objects.values_mut() {
                object.reconcile(&does, kept.now);
            }
            kept.does = does;
        });
    }

    /// Answers writes like this, one after the other; `None`: as it should.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Option<Answer>>) {
        self.with(|kept| kept.answers.extend(answers));
    }

    /// Somebody writes right before the next write.
    pub(crate) fn interfere(&self) {
        self.with(|kept| kept.interferes = true);
    }

    /// What the token may do.
    pub(crate) fn allow(&self, verbs: &[&'static str]) {
        self.with(|kept| kept.verbs = verbs.iter().copied().collect());
    }

    /// Versions of the API that are served; none: the operator is not installed.
    pub(crate) fn serves(&self, versions: &[&'static str]) {
        self.with(|kept| kept.versions = versions.to_vec());
    }

    /// What one was told, in this order.
    pub(crate) fn told(&self, name: &str) -> Vec<String> {
        self.with(|kept| kept.objects.get(name).map(|object| object.told.clone()).unwrap_or_default())
    }

    /// One of its annotations.
    pub(crate) fn annotation(&self, name: &str, annotation: &str) -> String {
        self.with(|kept| kept.objects[name].annotations.get(annotation).cloned().unwrap_or_default())
    }

    /// Requests that are not as the interface is described.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.with(|kept| kept.faults.clone())
    }
}
