//! A server of Argo CD with one application, written from its published interface: `GET /api/v1/applications/{name}` with `refresh`,
//! `POST …/sync` with the fields of `ApplicationSyncRequest`, and refusals as its gateway words them.
//!
//! Its source is the main branch, compared whenever it is looked at; a test says when the cluster has it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use github_sim::Repo;
use serde_json::{Value, json};

use super::http::served;
use super::receiver::{Answer, misbehave, text};

/// Token of every server.
pub(crate) const ARGO_TOKEN: &str = "argo.token.0123456789";

/// The application.
const NAME: &str = "payments";

/// Fields of `ApplicationSyncRequest`.
const FIELDS: &[&str] = &["revision", "dryRun", "prune", "infos"];

#[derive(Default)]
struct Kept {
    answers: VecDeque<Answer>,
    source: Option<Repo>,
    /// What the cluster runs.
    live: String,
    automatic: bool,
    running: Option<String>,
    failed: Option<String>,
    health: String,
    refreshed: usize,
    synced: Vec<Value>,
    faults: Vec<String>,
}

/// A server.
pub(crate) struct Argo {
    kept: Arc<Mutex<Kept>>,
    pub(crate) url: String,
}

impl Argo {
    /// Starts one whose application runs something old.
    pub(crate) async fn start(automatic: bool) -> Self {
        let (live, health) = ("0".repeat(40), "Healthy".to_owned());
        let start = Kept { live, automatic, health, ..Kept::default() };
        let kept = Arc::new(Mutex::new(start));
        let shared = kept.clone();
        let app = axum::Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let shared = shared.clone();
            async move { answer(&shared, (&method, &uri), &headers, &body).await }
        });
        let url = format!("{}/argo", served(app).await);
        Self { kept, url }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().expect("kept"))
    }

    /// Answers like this, one after the other, when it is told something.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.with(|kept| kept.answers.extend(answers));
    }

    /// The repository it follows.
    pub(crate) fn follow(&self, repo: &Repo) {
        self.with(|kept| kept.source = Some(repo.clone()));
    }

    /// The sync that runs, or the automatic one, ends well.
    pub(crate) fn arrive(&self) {
        self.with(|kept| {
            kept.live = kept.running.take().unwrap_or_else(|| kept.compared());
            kept.failed = None;
        });
    }

    /// The sync that runs ends badly.
    pub(crate) fn fail(&self) {
        self.with(|kept| kept.failed = kept.running.take());
    }

    /// An operation of somebody else runs.
    pub(crate) fn occupy(&self) {
        self.with(|kept| kept.running = Some("1".repeat(40)));
    }

    /// Somebody changes the cluster by hand.
    pub(crate) fn stray(&self) {
        self.with(|kept| kept.live = "by hand".to_owned());
    }

    /// Says that the application is so.
    pub(crate) fn health(&self, word: &str) {
        self.with(|kept| kept.health = word.to_owned());
    }

    /// Bodies of the syncs that were started, oldest first.
    pub(crate) fn synced(&self) -> Vec<Value> {
        self.with(|kept| kept.synced.clone())
    }

    /// Hard refreshes.
    pub(crate) fn refreshed(&self) -> usize {
        self.with(|kept| kept.refreshed)
    }

    /// Whether a sync runs.
    pub(crate) fn is_running(&self) -> bool {
        self.with(|kept| kept.running.is_some())
    }

    /// Requests that are not as the interface is described.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.with(|kept| kept.faults.clone())
    }
}

impl Kept {
    /// What its source is at.
    fn compared(&self) -> String {
        self.source.as_ref().and_then(|repo| repo.tip("main")).unwrap_or_default()
    }

    fn fault(&self, status: u16, code: u8, message: &str) -> Response {
        let body = json!({"error": message, "code": code, "message": message});
        (StatusCode::from_u16(status).expect("a status"), axum::Json(body)).into_response()
    }

    fn application(&self) -> Value {
        let automated = self.automatic.then(|| json!({"prune": true, "selfHeal": true}));
        let compared = self.compared();
        let in_step = self.live == compared;
        let mut status = json!({
            "sync": {"status": if in_step { "Synced" } else { "OutOfSync" }, "revision": compared,
                "comparedTo": {"source": {"repoURL": "https://github.com/acme/app", "targetRevision": "main"}}},
            "health": {"status": self.health},
            "resources": [],
        });
        let state = |phase: &str, revision: &str| {
            json!({"phase": phase, "message": "canary-message", "operation": {"sync": {"revision": revision}},
                "syncResult": {"revision": revision}})
        };
        if let Some(revision) = &self.running {
            status["operationState"] = state("Running", revision);
        } else if let Some(revision) = &self.failed {
            status["operationState"] = state("Failed", revision);
        }
        json!({
            "metadata": {"name": NAME, "namespace": "argocd"},
            "spec": {"project": "default", "syncPolicy": {"automated": automated},
                "source": {"repoURL": "https://github.com/acme/app", "targetRevision": "main", "path": "deploy"}},
            "status": status,
        })
    }

    fn sync(&mut self, body: &[u8]) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let fields = body.as_object().cloned().unwrap_or_default();
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            self.faults.push(format!("unknown field {name}"));
        }
        let revision = body["revision"].as_str().unwrap_or_default().to_owned();
        if body["prune"] != false || body["dryRun"] != false || revision.len() != 40 {
            self.faults.push(format!("{body}"));
        }
        if self.automatic {
            let words = format!("Cannot sync to {revision}: auto-sync currently set to main");
            return self.fault(400, 9, &words);
        }
        if self.running.is_some() {
            return self.fault(400, 9, "another operation is already in progress");
        }
        self.synced.push(body);
        self.failed = None;
        self.running = Some(revision);
        axum::Json(self.application()).into_response()
    }

    fn serve(&mut self, (method, uri): (&Method, &Uri), headers: &HeaderMap, body: &[u8]) -> Response {
        if text(headers, "authorization") != format!("Bearer {ARGO_TOKEN}") {
            return self.fault(401, 16, "invalid session: token is not valid");
        }
        let at = uri.path().strip_prefix("/argo/api/v1/applications/").unwrap_or_default().to_owned();
        match (method.as_str(), at.as_str(), uri.query()) {
            ("GET", NAME, query) => {
                if query == Some("refresh=hard") {
                    self.refreshed += 1;
                } else if query.is_some() {
                    self.faults.push(uri.to_string());
                }
                axum::Json(self.application()).into_response()
            }
            ("POST", "payments/sync", None) => self.sync(body),
            _ => {
                self.faults.push(format!("{method} {uri}"));
                self.fault(403, 7, "permission denied")
            }
        }
    }
}

async fn answer(kept: &Mutex<Kept>, place: (&Method, &Uri), headers: &HeaderMap, body: &Bytes) -> Response {
    // a look may come at any time: what was told to be answered is for those who tell it something
    let telling = place.0 == Method::POST || place.1.query() == Some("refresh=hard");
    let next = if telling { kept.lock().expect("kept").answers.pop_front() } else { None };
    match next {
        None => kept.lock().expect("kept").serve(place, headers, body),
        Some(answer) => misbehave(answer).await,
    }
}
