//! What only a plain HTTP client can do: deliveries of the test's own making, pages, questions a person would ask over the API.

use aws_lc_rs::hmac;
use github_sim::User;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::world::{WEBHOOK_SECRET, World};

/// A delivery to post. Headers that are `None` are left out.
pub(crate) struct Post<'a> {
    pub(crate) id: &'a str,
    pub(crate) event: &'a str,
    pub(crate) signature: Option<String>,
    pub(crate) media: &'a str,
    pub(crate) body: Vec<u8>,
}

impl<'a> Post<'a> {
    /// A delivery as GitHub would send it.
    pub(crate) fn signed(id: &'a str, event: &'a str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { id, event, signature: Some(signature(WEBHOOK_SECRET, &body)), media: "application/json", body }
    }
}

/// `sha256=…` of a body under a secret.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body)))
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}

/// Lets an app of the test's own answer on this machine from now on. Where.
pub(super) async fn served(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// How a real server is reached that a variable names, as JSON; said where it names none.
pub(super) fn real<T: serde::de::DeserializeOwned>(variable: &str, what: &str) -> Option<T> {
    let Ok(text) = std::env::var(variable) else {
        eprintln!("skipped: no real {what} ({variable}); the stand-in answers");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{variable}: {fault}")))
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

impl World {
    /// Posts a delivery; status and body of the answer.
    pub(crate) fn post(&self, post: Post<'_>) -> (u16, Value) {
        self.post_to(self.public(), post)
    }

    /// Posts a delivery to a server at this address.
    pub(crate) fn post_to(&self, public: &str, post: Post<'_>) -> (u16, Value) {
        let mut request = client()
            .post(format!("{public}/webhooks/github"))
            .header("content-type", post.media)
            .header("x-github-delivery", post.id)
            .header("x-github-event", post.event);
        if let Some(signature) = post.signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let request = request.body(post.body);
        wait(async {
            let answer = request.send().await.expect("the server answers");
            let status = answer.status().as_u16();
            (status, answer.json().await.unwrap_or_default())
        })
    }

    /// A page of the server, by whole address: status and text.
    pub(crate) fn get(&self, address: &str) -> (u16, String) {
        wait(async {
            let answer = client().get(address).send().await.expect("the server answers");
            (answer.status().as_u16(), answer.text().await.unwrap_or_default())
        })
    }

    /// Deletes something over the stand-in's API as somebody.
    pub(crate) fn delete(&self, who: &User, path: &str) {
        let request = client()
            .delete(format!("{}{path}", self.sim.url()))
            .header("user-agent", "scenario")
            .header("authorization", format!("Bearer {}", who.token));
        let answer = wait(request.send()).expect("the stand-in answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Puts something over the stand-in's API as somebody.
    pub(crate) fn put(&self, who: &User, path: &str, body: &Value) {
        let request = client()
            .put(format!("{}{path}", self.sim.url()))
            .header("user-agent", "scenario")
            .header("authorization", format!("Bearer {}", who.token))
            .json(body);
        let answer = wait(request.send()).expect("the stand-in answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Changes something over the stand-in's API with a token; the status of the answer.
    pub(crate) fn put_with(&self, token: &str, path: &str, body: &Value) -> u16 {
        let request = client()
            .put(format!("{}{path}", self.sim.url()))
            .header("user-agent", "scenario")
            .header("authorization", format!("Bearer {token}"))
            .json(body);
        wait(request.send()).expect("the stand-in answers").status().as_u16()
    }

    /// What the stand-in's API shows to somebody.
    pub(crate) fn api(&self, path: &str) -> Value {
        let request = client()
            .get(format!("{}{path}", self.sim.url()))
            .header("user-agent", "scenario")
            .header("authorization", format!("Bearer {}", self.zoe.token));
        wait(async { request.send().await.expect("the stand-in answers").json().await.unwrap_or_default() })
    }
}
