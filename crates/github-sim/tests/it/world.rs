//! A small organisation, a client for each kind of credential, a receiver, and git.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use github_sim::{App, AppConfig, Installation, Level, Org, Push, Repo, Role, Sim, SimConfig, User};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) alice: User,
    pub(crate) bob: User,
    pub(crate) acme: Org,
    pub(crate) repo: Repo,
    pub(crate) app: App,
    pub(crate) installation: Installation,
    pub(crate) received: Received,
}

/// What arrived: headers and bytes.
pub(crate) type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

impl World {
    /// acme/app with a first commit; alice and bob may write; an App with everything is installed.
    pub(crate) async fn new() -> Self {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let (alice, bob) = (sim.user("alice"), sim.user("bob"));
        let acme = sim.org("acme");
        let repo = sim.repo("acme/app", "main").unwrap();
        repo.role(&alice, Some(Role::Write));
        repo.role(&bob, Some(Role::Write));
        let received = Arc::new(Mutex::new(Vec::new()));
        let url = receiver(received.clone()).await;
        let app = sim.app(
            AppConfig::new(
                "Gate Keeper",
                &[
                    ("contents", Level::Write),
                    ("pull_requests", Level::Write),
                    ("checks", Level::Write),
                    ("statuses", Level::Write),
                    ("deployments", Level::Write),
                    ("members", Level::Read),
                ],
                &["push", "pull_request", "pull_request_review", "issue_comment", "check_run", "create", "delete"],
            )
            .webhook(&url, SECRET),
        );
        let installation = app.install(&acme, &[&repo]);
        repo.push(&alice, Push::to("main").file("README.md", "hello\n")).unwrap();
        let world = Self { sim, alice, bob, acme, repo, app, installation, received };
        world.sim.settle().await;
        world.received.lock().unwrap().clear();
        world
    }

    /// A pull request of alice from `topic` to `main`.
    pub(crate) fn pull(&self) -> u64 {
        self.repo.push(&self.alice, Push::to("topic").file("README.md", "hello, world\n")).unwrap();
        self.repo.open_pull(&self.alice, "Greet the world", "topic", "main").unwrap()
    }

    pub(crate) fn as_app(&self) -> Client {
        Client::new(&self.sim, Some(self.installation.token().unwrap()))
    }

    pub(crate) fn as_user(&self, user: &User) -> Client {
        Client::new(&self.sim, Some(user.token.clone()))
    }

    pub(crate) fn as_nobody(&self) -> Client {
        Client::new(&self.sim, None)
    }

    /// The App by a JWT with times relative to now.
    pub(crate) fn by_jwt(&self, iat: i64, exp: i64) -> Client {
        let now = self.sim.now().as_second();
        let claims = json!({"iat": now + iat, "exp": now + exp, "iss": self.app.id.to_string()});
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(self.app.private_key_pem.as_bytes());
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        let jwt = jsonwebtoken::encode(&header, &claims, &key.unwrap()).unwrap();
        Client::new(&self.sim, Some(jwt))
    }

    /// Names of events that arrived, with their actions.
    pub(crate) fn events(&self) -> Vec<String> {
        self.received
            .lock()
            .unwrap()
            .iter()
            .map(|(headers, body)| {
                let body: Value = serde_json::from_slice(body).unwrap();
                let event = headers["x-github-event"].to_str().unwrap().to_owned();
                match body["action"].as_str() {
                    Some(action) => format!("{event}.{action}"),
                    None => event,
                }
            })
            .collect()
    }
}

impl Drop for World {
    /// With `GITHUB_SIM_DUMP` set, leaves what happened there for the conformance check.
    fn drop(&mut self) {
        if let Some(dir) = std::env::var_os("GITHUB_SIM_DUMP") {
            self.sim.dump(Path::new(&dir)).unwrap();
        }
    }
}

async fn receiver(received: Received) -> String {
    async fn take(State(received): State<Received>, headers: HeaderMap, body: Bytes) {
        received.lock().unwrap().push((headers, body));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let app = Router::new().fallback(take).with_state(received);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

pub(crate) struct Client {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(sim: &Sim, token: Option<String>) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        Self { base: sim.url(), token, http: http.unwrap() }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.send_with(method, path, body, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .header("user-agent", "test")
            .header("accept", "application/vnd.github+json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let replaced = headers
            .iter()
            .map(|(name, value)| (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        request = request.headers(replaced);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }
}

/// Runs git away from the machine's settings.
pub(crate) fn git(dir: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=Alice", "-c", "user.email=alice@example.com"])
        .args(["-c", "credential.helper=", "-c", "protocol.version=2"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap()
}

/// Runs git without blocking the runtime the stand-in runs on.
pub(crate) async fn run_git(dir: &Path, args: &[&str]) -> (bool, String) {
    let dir = dir.to_owned();
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        git(&dir, &args)
    })
    .await
    .unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}
