//! The repository without a server: what would start a workflow starts a job, and each job runs the packaged action.
//!
//! Jobs run one after the other, as a `concurrency` group has them. A push to another branch than the default one starts none; the
//! `schedule` that would find it later runs at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::World;
use super::http::{served, wait};
use super::runner::{Step, Stepped};

/// What every job of a repository has.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) url: String,
    pub(crate) repository: u64,
    pub(crate) token: String,
    pub(crate) key: String,
    folder: std::path::PathBuf,
}

impl Around {
    /// A step of the gate in a job of this event; with the key, if its workflow has it.
    pub(crate) fn gate(&self, event: &str, reference: &str, payload: &Value, with_key: bool) -> Step {
        let step = Step::new("gate")
            .event(event, payload)
            .set("GITHUB_API_URL", &self.url)
            .set("GITHUB_SERVER_URL", &self.url)
            .set("GITHUB_REPOSITORY", "acme/app")
            .set("GITHUB_REPOSITORY_ID", &self.repository.to_string())
            .set("GITHUB_REF", reference)
            .set("GITHUB_WORKFLOW_REF", &format!("acme/app/.github/workflows/gate.yml@{reference}"))
            .set("COUNTERSIGN_ACTION_TOKEN", &self.token)
            .set("COUNTERSIGN_LOG", "countersign=debug,warn");
        if with_key { step.set("COUNTERSIGN_SIGNING_KEY", &self.key) } else { step }
    }

    /// Runs a step; neither token nor key may be seen.
    pub(crate) fn run(&self, step: &Step) -> Stepped {
        let secret = self.key.lines().nth(1).expect("a PEM").to_owned();
        step.run(&self.folder, &[&self.token, &secret])
    }
}

/// A job that ended.
struct Ended {
    event: String,
    stepped: Stepped,
}

/// The jobs of a repository.
pub(crate) struct Jobs {
    pub(crate) around: Around,
    queue: mpsc::Sender<(String, Value)>,
    open: Arc<AtomicUsize>,
    ended: Arc<Mutex<Vec<Ended>>>,
}

impl Jobs {
    /// What the jobs have logged.
    pub(crate) fn log(&self) -> String {
        let ended = self.ended.lock().expect("kept");
        ended.iter().map(|job| format!("--- {} {:?}\n{}\n", job.event, job.stepped.code, job.stepped.log)).collect()
    }
}

impl World {
    /// The usual repository, adopted for the Action; no server runs.
    pub(crate) async fn in_jobs(policy: &str) -> Self {
        let mut world = Self::without_server(policy).await;
        let tip = world.repo.tip("main").expect("a branch");
        let adopted = world
            .with_settings("adopt")
            .args(["--for-action", "--repo", "acme/app", &tip])
            .env("GH_TOKEN", world.installation.token().expect("a token"))
            .output()
            .expect("it runs");
        assert!(adopted.status.success(), "{}", String::from_utf8_lossy(&adopted.stderr));
        world.start_jobs().await;
        world
    }

    /// From now on events start jobs.
    pub(crate) async fn start_jobs(&mut self) {
        let around = Around {
            url: self.sim.url().to_owned(),
            repository: self.repo.id,
            token: self.installation.token().expect("a token"),
            key: std::fs::read_to_string(self.path("signing.pem")).expect("a key"),
            folder: self.dir.path().to_owned(),
        };
        let (queue, waiting) = mpsc::channel::<(String, Value)>();
        let (open, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (inside, count, list, us) = (around.clone(), open.clone(), ended.clone(), self.app.bot_login());
        thread::spawn(move || {
            for (event, payload) in waiting {
                // what the token of a job did starts no workflow
                if payload["sender"]["login"] != us.as_str() {
                    for job in started(&inside, &event, &payload) {
                        list.lock().expect("kept").push(job);
                    }
                }
                count.fetch_sub(1, Ordering::SeqCst);
            }
        });
        let jobs = Jobs { around, queue, open, ended };
        let (queue, open) = (jobs.queue.clone(), jobs.open.clone());
        let take = move |headers: HeaderMap, body: Bytes| {
            let event =
                headers.get("x-github-event").and_then(|name| name.to_str().ok()).unwrap_or_default().to_owned();
            open.fetch_add(1, Ordering::SeqCst);
            let sent = queue.send((event, serde_json::from_slice(&body).expect("JSON")));
            async move { if sent.is_ok() { StatusCode::ACCEPTED } else { StatusCode::GONE } }
        };
        let url = format!("{}/", served(axum::Router::new().fallback(take)).await);
        self.sim.set_webhook_url(&self.app, Some(&url));
        self.jobs = Some(jobs);
    }

    /// What every job here has, to start some by hand.
    pub(crate) fn around(&self) -> Around {
        self.jobs.as_ref().expect("jobs").around.clone()
    }

    /// Waits until whoever works here, server or jobs, has nothing to do.
    #[track_caller]
    pub(crate) fn at_rest(&self) {
        let Some(jobs) = &self.jobs else { return self.until_quiet() };
        let mut mark = None;
        self.until("all jobs have ended", |world| {
            let (before, now) = (mark.replace(world.sim.mark()), world.sim.mark());
            wait(world.sim.settle());
            before == Some(now) && jobs.open.load(Ordering::SeqCst) == 0
        });
    }
}

/// The jobs that an event starts, in order.
fn started(around: &Around, event: &str, payload: &Value) -> Vec<Ended> {
    const MAIN: &str = "refs/heads/main";
    let run = |event: &str, reference: &str, payload: &Value, with_key: bool| {
        let stepped = around.run(&around.gate(event, reference, payload, with_key));
        Ended { event: event.to_owned(), stepped }
    };
    let sweep = || run("schedule", MAIN, &json!({"schedule": "*/10 * * * *"}), true);
    match event {
        "push" if payload["ref"] == MAIN => vec![run("push", MAIN, payload, true)],
        "push" | "schedule" => vec![sweep()],
        "pull_request" => vec![run("pull_request_target", MAIN, payload, true)],
        "issue_comment" => vec![run("issue_comment", MAIN, payload, true)],
        "pull_request_review" => {
            let reference = format!("refs/pull/{}/merge", payload["pull_request"]["number"]);
            let first = run("pull_request_review", &reference, payload, false);
            let of_run = json!({"action": "completed", "workflow_run": {"pull_requests": []}});
            vec![first, run("workflow_run", MAIN, &of_run, true)]
        }
        _ => Vec::new(),
    }
}
