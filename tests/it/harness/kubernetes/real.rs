//! A real API server behind the stand-in's address, where `COUNTERSIGN_TEST_KUBERNETES` names one: a namespace per cluster of a scenario,
//! the role as docs/syncs.md writes it, and a token that may do nothing else. tests/real/README.md says how to start one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Kept;
use super::{NAME, NAMESPACE};
use crate::harness::http::{real, wait};
use crate::harness::receiver::text;

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
/// Where the service account of the documentation lives.
const HOME: &str = "countersign";

/// How it is reached, by somebody who may do everything.
#[derive(Deserialize)]
struct Access {
    server: String,
    ca_file: String,
    token: String,
}

/// One namespace of a real cluster.
pub(super) struct Real {
    client: Client,
    access: Access,
    namespace: String,
    /// What the role allows, and one that may do the same in every namespace: it is told when one is missing.
    tokens: [String; 2],
    missing: AtomicBool,
}

impl Real {
    /// A new namespace, if there is a cluster.
    pub(super) async fn start() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let access: Access = real("COUNTERSIGN_TEST_KUBERNETES", "API server")?;
        let authority = std::fs::read(&access.ca_file).expect("an authority");
        let trusted = Certificate::from_pem(&authority).expect("a certificate");
        let client = Client::builder().no_proxy().tls_certs_only([trusted]).build().expect("a client");
        let namespace = format!("{NAMESPACE}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut real = Self { client, access, namespace, tokens: Default::default(), missing: AtomicBool::new(false) };
        for name in [HOME, &real.namespace] {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            real.make("/api/v1/namespaces", JSON, &body.to_string()).await;
        }
        for (index, name) in ["countersign", "anywhere"].into_iter().enumerate() {
            let accounts = format!("/api/v1/namespaces/{HOME}/serviceaccounts");
            let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
            real.make(&accounts, JSON, &body.to_string()).await;
            let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
            let (status, made) =
                real.ask(Method::POST, &format!("{accounts}/{name}/token"), JSON, body.to_string()).await;
            assert_eq!(status, 201, "{made}");
            real.tokens[index] = made["status"]["token"].as_str().expect("a token").to_owned();
        }
        real.rules().await;
        Some(real)
    }

    /// Its address, who vouches for it, the namespace, and a token with the role.
    pub(super) fn reached(&self) -> (String, Option<String>, String, String) {
        let Access { server, ca_file, .. } = &self.access;
        (server.clone(), Some(ca_file.clone()), self.namespace.clone(), self.tokens[0].clone())
    }

    /// Role and binding as they are documented, in this namespace; and those of the other account.
    async fn rules(&self) {
        let docs = std::fs::read_to_string("docs/syncs.md").expect("docs/syncs.md");
        let documented = docs.split("```yaml\n").find(|block| block.contains("kind: RoleBinding")).expect("the role");
        let documented = documented.split("```").next().expect("its end");
        let documented =
            documented.replace(&format!("namespace: {NAMESPACE}"), &format!("namespace: {}", self.namespace));
        let group = "/apis/rbac.authorization.k8s.io/v1";
        for (document, kind) in documented.split("---\n").zip(["roles", "rolebindings"]) {
            let place = format!("{group}/namespaces/{}/{kind}", self.namespace);
            self.make(&place, "application/yaml", document).await;
        }
        let named = json!({"name": "anywhere"});
        let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch", "create"]});
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": named, "rules": [rule]});
        self.make(&format!("{group}/clusterroles"), JSON, &role.to_string()).await;
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": named,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "anywhere"},
            "subjects": [{"kind": "ServiceAccount", "name": "anywhere", "namespace": HOME}],
        });
        self.make(&format!("{group}/clusterrolebindings"), JSON, &binding.to_string()).await;
        self.until_allowed(&["get", "patch", "create"]).await;
    }

    async fn ask(&self, method: Method, place: &str, kind: &str, body: String) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{place}", self.access.server));
        let request = request.bearer_auth(&self.access.token).header("content-type", kind).body(body);
        let answer = request.send().await.expect("the cluster answers");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Makes something that may be there already.
    async fn make(&self, place: &str, kind: &str, body: &str) {
        let (status, answer) = self.ask(Method::POST, place, kind, body.to_owned()).await;
        assert!(matches!(status, 201 | 409), "{place}: {answer}");
    }

    /// Rules are seen a moment after they are written.
    async fn until_allowed(&self, verbs: &[&str]) {
        for verb in ["get", "patch", "create"] {
            let place = json!({"namespace": self.namespace, "verb": verb, "resource": "secrets", "name": NAME});
            let user = format!("system:serviceaccount:{HOME}:countersign");
            let body = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                "spec": {"user": user, "resourceAttributes": place},
            });
            let reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
            while self.ask(Method::POST, reviews, JSON, body.to_string()).await.1["status"]["allowed"]
                != verbs.contains(&verb)
            {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }

    fn secrets(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.namespace)
    }

    fn secret(&self) -> String {
        format!("{}/{NAME}", self.secrets())
    }

    /// Somebody changes it, or makes it with that.
    async fn changed(&self, manager: &str, mut change: Value) {
        let (place, by) = (self.secret(), format!("?fieldManager={manager}"));
        let (status, answer) = self.ask(Method::PATCH, &format!("{place}{by}"), MERGE, change.to_string()).await;
        if status == 404 {
            (change["apiVersion"], change["kind"], change["metadata"]["name"]) =
                ("v1".into(), "Secret".into(), NAME.into());
            let (status, answer) =
                self.ask(Method::POST, &format!("{}{by}", self.secrets()), JSON, change.to_string()).await;
            assert_eq!(status, 201, "{answer}");
            return;
        }
        assert_eq!(status, 200, "{answer}");
    }

    pub(super) fn change(&self, key: &str, value: Option<&[u8]>) {
        wait(self.changed("kubectl-edit", json!({"data": {key: value.map(|value| STANDARD.encode(value))}})));
    }

    pub(super) fn annotate(&self, name: &str, value: &str) {
        wait(self.changed("kubectl-annotate", json!({"metadata": {"annotations": {name: value}}})));
    }

    pub(super) fn forget_holders(&self, everybody: bool) {
        let mut left = self.found()["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        left.retain(|holder| !everybody && holder["manager"] != "countersign");
        let left = if left.is_empty() { json!([{}]) } else { json!(left) };
        wait(self.changed("kubectl-edit", json!({"metadata": {"managedFields": left}})));
    }

    pub(super) fn apply_by(&self, manager: &str, key: &str, value: &str) {
        let place = format!("{}?fieldManager={manager}&force=true", self.secret());
        let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "data": {key: STANDARD.encode(value)}});
        let (status, answer) = wait(self.ask(Method::PATCH, &place, APPLY, body.to_string()));
        assert!(matches!(status, 200 | 201), "{answer}");
    }

    pub(super) fn make_anew(&self, r#type: &str, immutable: bool) {
        self.delete();
        let data = if r#type == "kubernetes.io/tls" { json!({"tls.crt": "", "tls.key": ""}) } else { json!({}) };
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "type": r#type, "immutable": immutable, "data": data,
        });
        let place = format!("{}?fieldManager=kubectl-create", self.secrets());
        let (status, answer) = wait(self.ask(Method::POST, &place, JSON, body.to_string()));
        assert_eq!(status, 201, "{answer}");
    }

    pub(super) fn delete(&self) {
        let (status, answer) = wait(self.ask(Method::DELETE, &self.secret(), JSON, String::new()));
        assert!(matches!(status, 200 | 404), "{answer}");
    }

    pub(super) fn allow(&self, verbs: &[&str]) {
        let place = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles/countersign", self.namespace);
        let rule = json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": [NAME], "verbs": verbs});
        let (status, answer) = wait(self.ask(Method::PATCH, &place, MERGE, json!({"rules": [rule]}).to_string()));
        assert_eq!(status, 200, "{answer}");
        wait(self.until_allowed(verbs));
    }

    pub(super) fn has_namespace(&self, exists: bool) {
        self.missing.store(!exists, Ordering::Relaxed);
    }

    fn found(&self) -> Value {
        wait(self.ask(Method::GET, &self.secret(), JSON, String::new())).1
    }

    pub(super) fn data(&self) -> BTreeMap<String, Vec<u8>> {
        let found = self.found();
        let decoded = |value: &Value| STANDARD.decode(value.as_str().expect("a text")).expect("base64");
        found["data"].as_object().into_iter().flatten().map(|(key, value)| (key.clone(), decoded(value))).collect()
    }

    pub(super) fn annotation(&self, name: &str) -> String {
        self.found()["metadata"]["annotations"][name].as_str().unwrap_or_default().to_owned()
    }

    /// Carries a request there and the answer back, under the names that the policy knows.
    pub(super) async fn answer(
        &self,
        kept: &Mutex<Kept>,
        (method, uri): (&Method, &Uri),
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        let writes = *method == Method::PATCH;
        if writes && std::mem::take(&mut kept.lock().expect("kept").interferes) {
            self.changed("kubectl-edit", json!({"data": {"foreign": STANDARD.encode("newer")}})).await;
        }
        let missing = self.missing.load(Ordering::Relaxed);
        let namespace = if missing { format!("{}-none", self.namespace) } else { self.namespace.clone() };
        let known = text(headers, "authorization") == format!("Bearer {}", kept.lock().expect("kept").token);
        let authorization = match known {
            true => format!("Bearer {}", self.tokens[usize::from(missing)]),
            false => text(headers, "authorization"),
        };
        let place = uri.to_string().replace(NAMESPACE, &namespace);
        let mut request = self.client.request(method.clone(), format!("{}{place}", self.access.server));
        for name in ["accept", "content-type"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let mut sent: Value = serde_json::from_slice(body).unwrap_or_default();
        if writes {
            sent["metadata"]["namespace"] = namespace.as_str().into();
            request = request.body(sent.to_string());
        }
        let answer = request.header("authorization", authorization).send().await.expect("the cluster answers");
        let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
        let body = answer.text().await.expect("a body").replace(&namespace, NAMESPACE);
        if text(headers, "content-type") == APPLY && status.is_success() {
            let written: Value = serde_json::from_str(&body).expect("JSON");
            let forced = uri.query().is_some_and(|query| query.contains("force=true"));
            if written["metadata"]["resourceVersion"] != sent["metadata"]["resourceVersion"] {
                let mut kept = kept.lock().expect("kept");
                kept.applied += 1;
                kept.forced += usize::from(forced);
            }
        }
        (status, [("content-type", JSON)], body).into_response()
    }
}
