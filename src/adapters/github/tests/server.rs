//! The server: records what it sees, checks tokens, answers as told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path below the base, with query.
    pub(super) path: String,
    pub(super) token: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    /// How often this method and path were seen before.
    pub(super) before: usize,
}

impl Seen {
    pub(super) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path.split('?').next() == Some(path)
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    delay: Duration,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string(), delay: Duration::ZERO }
    }

    pub(super) fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    pub(super) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({ "message": message }))
    }

    pub(super) fn text(&self) -> &str {
        &self.body
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Answers = Arc<dyn Fn(&Seen) -> Option<Answer> + Send + Sync>;

/// A running server.
pub(super) struct Server {
    address: std::net::SocketAddr,
    base: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(super) async fn start(
        base: &'static str,
        answers: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, answers, minted): (_, Answers, _) =
            (Arc::clone(&seen), Arc::new(answers), Arc::new(AtomicU64::new(0)));
        let router = Router::new().fallback(move |request: Request| {
            let (log, answers, minted) = (Arc::clone(&log), Arc::clone(&answers), Arc::clone(&minted));
            async move { respond(base, request, &log, &answers, &minted).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, base, seen }
    }

    /// Address of the API.
    pub(super) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.base)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests of this method had a path that contains the text.
    pub(super) fn count(&self, method: &str, part: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == method && seen.path.contains(part)).count()
    }

    pub(super) fn mints(&self) -> usize {
        self.count("POST", "/access_tokens")
    }
}

async fn respond(
    base: &str,
    request: Request,
    log: &Mutex<Vec<Seen>>,
    answers: &Answers,
    minted: &AtomicU64,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let authorization = parts.headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    let method = parts.method.to_string();
    let path = path.strip_prefix(base).unwrap_or(path).to_owned();
    let seen = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|seen| seen.method == method && seen.path == path).count();
        let seen = Seen {
            method,
            path,
            token: authorization.trim_start_matches("Bearer ").to_owned(),
            headers: parts.headers.clone(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            before,
        };
        log.push(seen.clone());
        seen
    };
    let answer = answers(&seen).unwrap_or_else(|| default_answer(&seen, minted));
    tokio::time::sleep(answer.delay).await;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}

fn default_answer(seen: &Seen, minted: &AtomicU64) -> Answer {
    let by_app = seen.token.starts_with("eyJ");
    if seen.path.starts_with("/app") {
        if !by_app {
            return Answer::error(401, "A JSON web token could not be decoded");
        }
        if seen.path.ends_with("/access_tokens") {
            let n = minted.fetch_add(1, Ordering::SeqCst) + 1;
            // Long like the newer ones.
            let token = format!("ghs_77_{n}.{}", "x".repeat(500));
            return Answer::json(201, &json!({ "token": token, "expires_at": "2027-01-15T09:00:00Z" }));
        }
        return match seen.path.as_str() {
            "/app" => Answer::ok(&json!({ "id": 77, "slug": "cs" })),
            _ => Answer::error(404, "Not Found"),
        };
    }
    if !seen.token.starts_with("ghs_77_") {
        return Answer::error(401, "Requires authentication");
    }
    match seen.path.as_str() {
        "/users/cs%5Bbot%5D" => Answer::ok(&json!({ "id": 900, "login": "cs[bot]", "type": "Bot" })),
        "/repos/acme/app" => Answer::ok(&json!({ "id": 1, "full_name": "acme/app", "default_branch": "main" })),
        _ => Answer::error(404, "Not Found"),
    }
}
