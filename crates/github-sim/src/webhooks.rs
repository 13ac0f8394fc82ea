//! Sends queued events, signed, and keeps the delivery log.
//!
//! Never retries by itself, as GitHub does not; a receiver that is slower than ten seconds has
//! failed. Deliveries of one App leave in order unless a dial says otherwise.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::Sha256;
use tokio::sync::Notify;

use crate::delivery_faults::{DeliveryFault, DeliveryMishap, mishaps};
use crate::sim::Inner;

/// GitHub waits this long for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom a delivery is for, and what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipient {
    pub(crate) app: u64,
    pub(crate) installation: Option<u64>,
    pub(crate) repo: Option<u64>,
}

/// One delivery, as logged.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Id of this attempt.
    pub id: u64,
    /// The same for every attempt.
    pub guid: String,
    /// Name of the event.
    pub event: String,
    /// Its action.
    pub action: Option<String>,
    /// Bytes that were signed and sent.
    pub body: Vec<u8>,
    /// Whether this attempt repeats an earlier one.
    pub redelivery: bool,
    /// Status of the receiver's answer; None: not sent yet, or nothing came back.
    pub status_code: Option<u16>,
    /// GitHub's word for how it went; empty until it was sent.
    pub status: String,
    /// Whether a test made the body up.
    pub(crate) made_up: bool,
    pub(crate) app: u64,
    pub(crate) installation: Option<u64>,
    pub(crate) repo: Option<u64>,
    pub(crate) at: Timestamp,
    pub(crate) seconds: f64,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) answer: String,
    pub(crate) answer_headers: Map<String, Value>,
}

impl Delivery {
    pub(crate) fn new(
        id: u64,
        to: Recipient,
        (event, action): (&str, Option<&str>),
        body: Vec<u8>,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            guid: uuid::Uuid::new_v4().to_string(),
            event: event.to_owned(),
            action: action.map(str::to_owned),
            body,
            redelivery: false,
            made_up: false,
            status_code: None,
            status: String::new(),
            app: to.app,
            installation: to.installation,
            repo: to.repo,
            at,
            seconds: 0.0,
            headers: Vec::new(),
            answer: String::new(),
            answer_headers: Map::new(),
        }
    }

    /// Whether it has left.
    pub(crate) fn is_sent(&self) -> bool {
        !self.status.is_empty()
    }
}

/// Queue, log and dials.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    queue: VecDeque<u64>,
    pub(crate) log: BTreeMap<u64, Delivery>,
    busy: BTreeSet<u64>,
    late: usize,
    paused: bool,
    rules: Vec<DeliveryFault>,
    pub(crate) work: Arc<Notify>,
    pub(crate) rest: Arc<Notify>,
}

/// A delivery on its way.
struct Job {
    id: u64,
    app: u64,
    url: String,
    body: Vec<u8>,
    headers: Vec<(String, String)>,
    times: u32,
    delay: Option<Duration>,
}

impl Deliveries {
    pub(crate) fn add(&mut self, delivery: Delivery) {
        self.queue.push_back(delivery.id);
        self.log.insert(delivery.id, delivery);
        self.work.notify_one();
    }

    pub(crate) fn dial(&mut self, rule: DeliveryFault) {
        self.rules.push(rule);
    }

    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    pub(crate) fn resume(&mut self, backwards: bool) {
        if backwards {
            self.queue.make_contiguous().reverse();
        }
        self.paused = false;
        self.work.notify_one();
    }

    /// Whether nothing is queued or on its way.
    pub(crate) fn at_rest(&self) -> bool {
        self.busy.is_empty() && self.late == 0 && (self.queue.is_empty() || self.paused)
    }
}

/// Sends for as long as the stand-in lives.
pub(crate) async fn run(inner: Arc<Inner>) {
    let client = match reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .build()
    {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no deliveries will be sent");
            return;
        }
    };
    let work = inner.lock().deliveries.work.clone();
    loop {
        while let Some(job) = next(&inner) {
            tokio::spawn(carry(inner.clone(), client.clone(), job));
        }
        work.notified().await;
    }
}

/// Takes the next delivery of an App that is not busy.
fn next(inner: &Inner) -> Option<Job> {
    let mut st = inner.lock();
    let st = &mut *st;
    loop {
        if st.deliveries.paused {
            return None;
        }
        let busy = &st.deliveries.busy;
        let log = &st.deliveries.log;
        let at = st.deliveries.queue.iter().position(|id| log.get(id).is_some_and(|d| !busy.contains(&d.app)))?;
        let id = st.deliveries.queue.remove(at)?;
        let delivery = st.deliveries.log.get(&id)?.clone();
        let app = st.apps.get(&delivery.app)?.clone();
        let fate = mishaps(&mut st.deliveries.rules, &delivery.event);
        let url = app.webhook_url.clone();
        let (Some(url), false) = (url, fate.contains(&DeliveryMishap::Drop)) else {
            st.deliveries.rest.notify_waiters();
            continue;
        };
        let mut headers = headers_of(&delivery, &app);
        if fate.contains(&DeliveryMishap::BadSignature) {
            for (name, value) in &mut headers {
                if name == "X-Hub-Signature-256" {
                    *value = format!("sha256={}", "0".repeat(64));
                }
            }
        }
        let delay = fate.iter().find_map(|m| match m {
            DeliveryMishap::Delay(wait) => Some(*wait),
            DeliveryMishap::Drop | DeliveryMishap::Duplicate | DeliveryMishap::BadSignature => None,
        });
        if delay.is_some() {
            st.deliveries.late += 1;
        } else {
            st.deliveries.busy.insert(delivery.app);
        }
        return Some(Job {
            id,
            app: delivery.app,
            url,
            body: delivery.body,
            headers,
            times: if fate.contains(&DeliveryMishap::Duplicate) { 2 } else { 1 },
            delay,
        });
    }
}

fn headers_of(delivery: &Delivery, app: &crate::state::apps::AppRecord) -> Vec<(String, String)> {
    let mut headers = vec![
        ("Accept", "*/*".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "GitHub-Hookshot/51f2a8c".to_owned()),
        ("X-GitHub-Event", delivery.event.clone()),
        ("X-GitHub-Delivery", delivery.guid.clone()),
        ("X-GitHub-Hook-ID", app.hook_id.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", app.id.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
    ];
    if let Some(secret) = &app.webhook_secret {
        headers.push(("X-Hub-Signature-256", sign(secret, &delivery.body)));
    }
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `sha256=` and the hex HMAC of the bytes.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

async fn carry(inner: Arc<Inner>, client: reqwest::Client, job: Job) {
    if let Some(wait) = job.delay {
        tokio::time::sleep(wait).await;
    }
    let started = Instant::now();
    let mut outcome = (None, "failed to connect to host".to_owned(), String::new(), Map::new());
    for _ in 0..job.times {
        let mut request = client.post(&job.url).body(job.body.clone());
        for (name, value) in &job.headers {
            request = request.header(name, value);
        }
        outcome = match request.send().await {
            Ok(response) => {
                let status = response.status();
                let headers = response
                    .headers()
                    .iter()
                    .map(|(name, value)| {
                        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        (name.to_string(), Value::from(value))
                    })
                    .collect();
                let text = response.text().await.unwrap_or_default();
                let word = if status.is_success() {
                    "OK".to_owned()
                } else {
                    format!("Invalid HTTP Response: {}", status.as_u16())
                };
                (Some(status.as_u16()), word, text, headers)
            }
            Err(error) if error.is_timeout() => (None, "timed out".to_owned(), String::new(), Map::new()),
            Err(_) => outcome,
        };
    }
    let mut st = inner.lock();
    let now = st.now();
    if let Some(delivery) = st.deliveries.log.get_mut(&job.id) {
        (delivery.status_code, delivery.status, delivery.answer, delivery.answer_headers) = outcome;
        delivery.headers = job.headers;
        delivery.at = now;
        delivery.seconds = started.elapsed().as_secs_f64();
    }
    if job.delay.is_some() {
        st.deliveries.late = st.deliveries.late.saturating_sub(1);
    } else {
        st.deliveries.busy.remove(&job.app);
    }
    st.deliveries.work.notify_one();
    st.deliveries.rest.notify_waiters();
}
