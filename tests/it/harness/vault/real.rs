//! A real server behind the stand-in's address, where `COUNTERSIGN_TEST_VAULT` names one: two mounts per server of a scenario, the
//! policy as docs/syncs.md writes it, and a token that may do nothing else. tests/real/README.md says how to start one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Kept, VAULT_TOKEN};
use crate::harness::http::{real, wait};
use crate::harness::receiver::text;

/// Mount and path as the policy names them.
const MOUNT: &str = "/kv/";
const PATH: &str = "apps/payments";

/// How it is reached, by somebody who may do everything.
#[derive(Deserialize)]
struct Access {
    address: String,
    token: String,
}

/// Two mounts of a real server.
pub(super) struct Real {
    client: Client,
    access: Access,
    /// The one of version 2; that of version 1 is called the same and `-old`.
    mount: String,
    /// What the policy allows.
    token: String,
    old: AtomicBool,
}

impl Real {
    /// New mounts, if there is a server.
    pub(super) async fn start() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let access: Access = real("COUNTERSIGN_TEST_VAULT", "Vault")?;
        let client = Client::builder().no_proxy().build().expect("a client");
        let mount = format!("kv-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut real = Self { client, access, mount, token: String::new(), old: AtomicBool::new(false) };
        let docs = std::fs::read_to_string("docs/syncs.md").expect("docs/syncs.md");
        let policy = docs.split("```hcl\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the policy");
        let mut rules = String::new();
        for (mount, version) in [(real.mount.clone(), "2"), (format!("{}-old", real.mount), "1")] {
            let body = json!({"type": "kv", "options": {"version": version}});
            real.must(Method::POST, &format!("sys/mounts/{mount}"), body).await;
            rules += &policy.replace("path \"kv/", &format!("path \"{mount}/"));
        }
        // a mount of version 2 is not ready at once
        let demands = json!({"cas_required": true});
        while real.ask(Method::POST, &format!("{}/config", real.mount), demands.clone()).await.0 >= 300 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        real.must(Method::PUT, &format!("sys/policies/acl/{}", real.mount), json!({"policy": rules})).await;
        let asked = json!({"policies": [real.mount], "no_parent": true});
        let made = real.must(Method::POST, "auth/token/create", asked).await;
        real.token = made["auth"]["client_token"].as_str().expect("a token").to_owned();
        Some(real)
    }

    async fn ask(&self, method: Method, place: &str, body: Value) -> (u16, Value) {
        let request = self.client.request(method, format!("{}/v1/{place}", self.access.address));
        let request = request.header("x-vault-token", &self.access.token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.expect("the server answers");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn must(&self, method: Method, place: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, place, body).await;
        assert!(status < 300, "{place}: {status} {answer}");
        answer
    }

    fn data_place(&self) -> String {
        format!("{}/data/{PATH}", self.mount)
    }

    async fn newest(&self) -> (u64, Map<String, Value>) {
        let found = self.ask(Method::GET, &self.data_place(), Value::Null).await.1;
        let data = found["data"]["data"].as_object().cloned().unwrap_or_default();
        (found["data"]["metadata"]["version"].as_u64().unwrap_or_default(), data)
    }

    async fn changed(&self, key: &str, value: Option<Value>) {
        let (version, mut data) = self.newest().await;
        match value {
            Some(value) => drop(data.insert(key.to_owned(), value)),
            None => drop(data.remove(key)),
        }
        let body = json!({"options": {"cas": version}, "data": data});
        self.must(Method::POST, &self.data_place(), body).await;
    }

    pub(super) fn change(&self, key: &str, value: Option<Value>) {
        wait(self.changed(key, value));
    }

    pub(super) fn delete(&self) {
        wait(self.must(Method::DELETE, &self.data_place(), Value::Null));
    }

    pub(super) fn destroy(&self) {
        wait(async {
            let versions = json!({"versions": [self.newest().await.0]});
            self.must(Method::PUT, &format!("{}/destroy/{PATH}", self.mount), versions).await
        });
    }

    pub(super) fn is_old(&self, old: bool) {
        self.old.store(old, Ordering::Relaxed);
    }

    pub(super) fn data(&self) -> Map<String, Value> {
        wait(self.newest()).1
    }

    pub(super) fn custom(&self, name: &str) -> String {
        let found = wait(self.ask(Method::GET, &format!("{}/metadata/{PATH}", self.mount), Value::Null)).1;
        found["data"]["custom_metadata"][name].as_str().unwrap_or_default().to_owned()
    }

    /// Carries a request there and the answer back, under the names that the policy knows.
    pub(super) async fn answer(
        &self,
        kept: &Mutex<Kept>,
        (method, uri): (&Method, &Uri),
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        let writes = *method != Method::GET && uri.path().starts_with("/v1/kv/data/");
        if writes && std::mem::take(&mut kept.lock().expect("kept").interferes) {
            self.changed("foreign", Some("newer".into())).await;
        }
        let mount = format!("/{}{}/", self.mount, if self.old.load(Ordering::Relaxed) { "-old" } else { "" });
        let place = uri.to_string().replacen(MOUNT, &mount, 1);
        let mut request = self.client.request(method.clone(), format!("{}{place}", self.access.address));
        for name in ["content-type", "x-vault-request", "x-vault-namespace"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let token = match text(headers, "x-vault-token") {
            known if known == VAULT_TOKEN => self.token.clone(),
            other => other,
        };
        let answer =
            request.header("x-vault-token", token).body(body.clone()).send().await.expect("the server answers");
        let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
        let body = answer.bytes().await.expect("a body");
        if writes && status.is_success() {
            kept.lock().expect("kept").ours.push(true);
        }
        (status, [("content-type", "application/json")], body).into_response()
    }
}
