//! Every answer of the server, asked over its own routes; and its life, over real sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use countersign_core::delivery::WebhookSecrets;
use countersign_core::domain::{
    Account, AccountKind, InstallationId, Login, RefName, RepoId, RepoName, Span, Timestamp, UserId,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::double::{Double, Granting, Noon};
use super::*;
use crate::engine::ports::{RepoRef, Subject};

const PUSH: &str = include_str!("../../../crates/core/tests/payloads/push.json");
const MEMBERSHIP: &str = include_str!("../../../crates/core/tests/payloads/membership.json");

/// The process has one collector; tests tell their counts apart by event.
fn collector() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| metrics::install().unwrap()).clone()
}

pub(super) struct World {
    pub(super) journal: Arc<Double>,
    service: Arc<Service>,
}

impl World {
    pub(super) fn new() -> Self {
        let repo = |id, name: &str| RepoRef {
            id: RepoId::new(id),
            name: RepoName::parse(name).unwrap(),
            installation: InstallationId::new(7),
        };
        let journal =
            Arc::new(Double { repositories: vec![repo(101, "acme/app"), repo(103, "other/app")], ..Double::default() });
        let service = Arc::new(Service {
            journal: journal.clone(),
            clock: Arc::new(Noon),
            secrets: secrets(),
            grants: Arc::new(Granting),
            jobs: None,
            quiet: Span::from_seconds(10),
            ledger: RefName::parse("refs/heads/countersign/ledger").unwrap(),
            ourselves: Arc::default(),
            readiness: Readiness::new(),
            poke: Arc::new(Notify::new()),
            metrics: collector(),
        });
        Self { journal, service }
    }

    fn app(&self) -> Router {
        public(self.service.clone())
    }

    pub(super) async fn ask(&self, request: Request<Body>) -> (StatusCode, Value) {
        json_of(self.app().oneshot(request).await.unwrap()).await
    }

    async fn deliver(&self, id: &str, event: &str, body: &str) -> (StatusCode, Value) {
        self.ask(signed(id, event, body.as_bytes().to_vec())).await
    }

    async fn get(&self, router: Router, path: &str) -> (StatusCode, HeaderMap, String) {
        let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (parts.status, parts.headers, text)
    }
}

async fn json_of(response: axum::response::Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn secrets() -> WebhookSecrets {
    WebhookSecrets::parse("canary-new canary-old").unwrap()
}

fn request(content_type: &str, id: &str, event: &str, signature: &str) -> http::request::Builder {
    Request::post("/webhooks/github")
        .header("content-type", content_type)
        .header("x-github-delivery", id)
        .header("x-github-event", event)
        .header("x-hub-signature-256", signature)
}

fn signed(id: &str, event: &str, body: Vec<u8>) -> Request<Body> {
    let signature = secrets().sign(&body);
    request("application/json; charset=utf-8", id, event, &signature).body(body.into()).unwrap()
}

fn without(mut request: Request<Body>, name: &str) -> Request<Body> {
    request.headers_mut().remove(name).unwrap();
    request
}

fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

#[tokio::test]
async fn a_signed_delivery_is_kept_before_it_is_answered() {
    let world = World::new();
    let answer = world.deliver("d-1", "push", PUSH).await;
    assert_eq!(answer, (StatusCode::ACCEPTED, json!({"status": "stored"})));
    let kept = world.journal.kept("d-1");
    assert_eq!((kept.event.as_str(), kept.at), ("push", Timestamp::from_seconds(43_200)));
    assert_eq!((kept.unparsable, kept.sightings.len(), kept.look_at.len()), (None, 2, 1));
    tokio::time::timeout(Duration::from_secs(60), world.service.poke.notified()).await.unwrap();
}

#[tokio::test]
async fn the_same_delivery_again_changes_nothing() {
    let world = World::new();
    world.deliver("d-1", "push", PUSH).await;
    let before = world.journal.kept("d-1");
    assert_eq!(world.deliver("d-1", "push", PUSH).await, (StatusCode::ACCEPTED, json!({"status": "duplicate"})));
    assert_eq!((world.journal.count(), world.journal.kept("d-1")), (1, before));
}

#[tokio::test]
async fn an_old_secret_still_signs_while_secrets_rotate() {
    let world = World::new();
    let signature = WebhookSecrets::parse("canary-old").unwrap().sign(PUSH.as_bytes());
    let request = request("application/json", "d-1", "push", &signature).body(PUSH.into()).unwrap();
    assert_eq!(world.ask(request).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn what_is_not_ours_is_remembered_and_nothing_more() {
    let world = World::new();
    let answer = world.deliver("d-1", "star", r#"{"action":"created"}"#).await;
    assert_eq!(answer, (StatusCode::ACCEPTED, json!({"status": "ignored"})));
    assert_eq!((world.journal.kept("d-1").look_at.len(), world.journal.kept("d-1").unparsable), (0, None));
}

#[tokio::test]
async fn an_event_of_an_organisation_looks_at_its_repositories_that_we_reach() {
    let world = World::new();
    world.deliver("d-1", "membership", MEMBERSHIP).await;
    let looks: Vec<_> = world.journal.kept("d-1").look_at.into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(looks, [Subject::Changes(RepoId::new(101))]);
}

#[tokio::test]
async fn every_refusal_has_its_number_and_says_what_to_do() {
    let push = || signed("d-1", "push", PUSH.into());
    let again = |signature: &str| with(without(push(), "x-hub-signature-256"), "x-hub-signature-256", signature);
    let typed = |media: &str| with(without(push(), "content-type"), "content-type", media);
    let other = WebhookSecrets::parse("another").unwrap().sign(PUSH.as_bytes());
    let cases = [
        (without(push(), "x-hub-signature-256"), 401, "not signed"),
        (with(without(push(), "x-hub-signature-256"), "x-hub-signature", "sha1=00"), 401, "SHA-1 only"),
        (again("sha256=zz"), 401, "64 hex digits"),
        (again(&other), 401, "does not belong"),
        (with(push(), "x-hub-signature-256", &other), 401, "64 hex digits"),
        (without(push(), "x-github-delivery"), 400, "no `X-GitHub-Delivery`"),
        (with(push(), "x-github-delivery", "d-2"), 400, "no `X-GitHub-Delivery`"),
        (without(push(), "x-github-event"), 400, "no `X-GitHub-Event`"),
        (without(push(), "content-type"), 415, "not JSON"),
        (typed("text/plain"), 415, "not JSON"),
        (typed("application/x-www-form-urlencoded"), 415, "form-encoded"),
    ];
    for (request, status, what) in cases {
        let world = World::new();
        let headers = request.headers().clone();
        let (code, answer) = world.ask(request).await;
        assert_eq!(code.as_u16(), status, "{headers:?}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(what), "{answer}");
        assert!(!answer["help"].as_str().unwrap().is_empty() && !answer.to_string().contains("canary"), "{answer}");
        assert_eq!(world.journal.count(), 0);
    }
}

#[tokio::test]
async fn a_known_event_in_an_unknown_shape_is_kept_whole() {
    let world = World::new();
    let answer = world.deliver("d-1", "push", r#"{"repository":{"id":101}}"#).await;
    assert_eq!(answer, (StatusCode::ACCEPTED, json!({"status": "unparsable"})));
    assert_eq!(world.journal.kept("d-1").unparsable.unwrap(), br#"{"repository":{"id":101}}"#);
    assert_eq!(world.journal.kept("d-1").look_at.len(), 1);
}

#[tokio::test]
async fn a_signed_body_that_is_no_json_is_refused_and_kept_all_the_same() {
    let world = World::new();
    let (status, answer) = world.deliver("d-1", "push", "payload=canary").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(answer["error"].as_str().unwrap().contains("not JSON") && !answer.to_string().contains("canary"));
    assert_eq!(world.journal.kept("d-1").unparsable.unwrap(), b"payload=canary");
    assert_eq!(world.deliver("d-1", "push", "payload=canary").await.0, StatusCode::ACCEPTED, "it is here already");
}

#[tokio::test]
async fn the_cap_is_25_mib_exactly_with_or_without_a_length() {
    let world = World::new();
    let padded = |length: usize| {
        let mut body = br#"{"action":"created"}"#.to_vec();
        body.resize(length, b' ');
        body
    };
    let fits = padded(25 * 1024 * 1024);
    let length = fits.len().to_string();
    assert_eq!(world.ask(with(signed("d-1", "star", fits), "content-length", &length)).await.0, StatusCode::ACCEPTED);
    let (over, length) = (padded(25 * 1024 * 1024 + 1), (25 * 1024 * 1024 + 1).to_string());
    let unsigned =
        |id, body: Body| request("application/json", id, "star", "sha256=never looked at").body(body).unwrap();
    let chunks: Vec<_> = over.chunks(1 << 20).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
    let chunked = unsigned("d-2", Body::from_stream(futures::stream::iter(chunks)));
    let said = with(unsigned("d-3", over.clone().into()), "content-length", &length);
    let asks_first = with(with(unsigned("d-4", over.into()), "content-length", &length), "expect", "100-continue");
    for request in [chunked, said, asks_first] {
        let (status, answer) = world.ask(request).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer["error"], "the delivery is larger than 25 MiB");
    }
    assert_eq!(world.journal.count(), 1);
}

#[tokio::test]
async fn a_store_that_fails_is_told_to_github_and_nothing_is_kept_by_half() {
    let world = World::new();
    world.journal.broken.store(true, Ordering::SeqCst);
    for (event, body) in [("push", PUSH), ("membership", MEMBERSHIP)] {
        let (status, answer) = world.deliver("d-1", event, body).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer["help"].as_str().unwrap().contains("nothing is lost"), "{answer}");
    }
    world.journal.broken.store(false, Ordering::SeqCst);
    assert_eq!(world.deliver("d-1", "push", PUSH).await.1, json!({"status": "stored"}));
}

#[tokio::test]
async fn a_fault_of_ours_is_told_without_its_cause() {
    let world = World::new();
    world.journal.falls.store(true, Ordering::SeqCst);
    let (status, answer) = world.deliver("d-1", "push", PUSH).await;
    assert_eq!((status, &answer["error"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal error")));
    assert!(!answer.to_string().contains("told to fall"));
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_deliveries_and_never_what_was_in_them() {
    let (world, lines) = (World::new(), Lines::default());
    let writer = lines.clone();
    let log =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _log = tracing::subscriber::set_default(log);
    let push = PUSH.replace("rotate-db", "canary");
    world.deliver("d-good", "push", &push).await;
    world.deliver("d-odd", "push", r#"{"ref":"canary","repository":"canary"}"#).await;
    world.deliver("d-text", "push", "canary").await;
    world.ask(without(signed("d-bad", "push", b"canary".to_vec()), "x-hub-signature-256")).await;
    world.ask(signed("d-canary forged", "canary canary", b"canary".to_vec())).await;
    world.journal.broken.store(true, Ordering::SeqCst);
    world.deliver("d-lost", "push", &push).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for id in ["d-good", "d-odd", "d-text", "d-bad", "d-lost"] {
        assert!(text.contains(id), "{id}\n{text}");
    }
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn other_addresses_and_methods_say_where_to_go() {
    let world = World::new();
    let (status, _, text) = world.get(world.app(), "/").await;
    assert!(status == StatusCode::NOT_FOUND && text.contains("POST /webhooks/github"), "{text}");
    let (status, headers, text) = world.get(world.app(), "/webhooks/github").await;
    assert_eq!((status, headers["allow"].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    assert!(text.contains("help"), "{text}");
    for path in ["/metrics", "/setup"] {
        assert_eq!(world.get(world.app(), path).await.0, StatusCode::NOT_FOUND, "{path} is not for everybody");
    }
}

#[tokio::test]
async fn readiness_gives_its_reasons() {
    let world = World::new();
    assert_eq!(world.get(world.app(), "/livez").await.2, r#"{"status":"alive"}"#);
    let (status, _, text) = world.get(world.app(), "/readyz").await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["ready"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(false)));
    assert_eq!(answer["checks"]["github"], json!({"state": "failing", "reason": "not asked yet"}));
    assert_eq!(answer["checks"]["store"]["state"], "ok");
    world.service.readiness.github_answered(Timestamp::from_seconds(0));
    world.service.readiness.signing_key_loaded();
    let (status, _, text) = world.get(world.app(), "/readyz").await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("ready")));
    world.journal.broken.store(true, Ordering::SeqCst);
    assert_eq!(world.get(world.app(), "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.get(world.app(), "/livez").await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_have_the_names_of_the_contract() {
    let world = World::new();
    world.deliver("d-1", "merge_group", r#"{"action":"destroyed"}"#).await;
    world.deliver("d-1", "merge_group", r#"{"action":"destroyed"}"#).await;
    world.ask(without(signed("d-2", "push", PUSH.into()), "x-hub-signature-256")).await;
    let (status, headers, text) = world.get(admin(world.service.clone()), "/metrics").await;
    assert!(
        status == StatusCode::OK && headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4")
    );
    for line in [
        r#"countersign_deliveries_total{event="merge_group",outcome="ignored"} 1"#,
        r#"countersign_deliveries_total{event="merge_group",outcome="duplicate"} 1"#,
        r#"countersign_deliveries_total{event="unverified",outcome="refused"}"#,
        r#"countersign_queue_depth{queue="work"} "#,
        r#"countersign_queue_oldest_seconds{queue="work"} 5"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn the_page_says_what_runs_and_loads_nothing() {
    let world = World::new();
    let us = Account { id: UserId::new(99), login: Login::parse("cs[bot]").unwrap(), kind: AccountKind::Bot };
    world.service.ourselves.set(us).unwrap();
    let (status, headers, text) = world.get(admin(world.service.clone()), "/").await;
    assert_eq!(status, StatusCode::OK);
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("frame-ancestors 'none'"));
    for words in ["cs[bot]", "acme&#x2f;app", "not asked yet", "not ready", env!("CARGO_PKG_VERSION")] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(!text.contains("<script") && !text.contains("src="));
}

async fn start(
    world: &World,
    stop: &CancellationToken,
) -> (SocketAddr, SocketAddr, tokio::task::JoinHandle<Result<(), ServerError>>) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listeners = Listeners::bind(any, any).await.unwrap();
    let (public, admin) = listeners.addresses();
    let mut lines = Vec::new();
    listeners.announce(&mut lines).unwrap();
    assert_eq!(String::from_utf8(lines).unwrap(), format!("listening on http://{public}\nadmin on http://{admin}\n"));
    let turns = stop.clone().cancelled_owned();
    (public, admin, tokio::spawn(run(listeners, world.service.clone(), stop.clone(), turns)))
}

#[tokio::test]
async fn it_serves_both_addresses_until_it_is_told_to_stop() {
    let (world, stop) = (World::new(), CancellationToken::new());
    let (public, admin, server) = start(&world, &stop).await;
    let client = reqwest::Client::new();
    let body = PUSH.as_bytes().to_vec();
    let send = client
        .post(format!("http://{public}/webhooks/github"))
        .header("content-type", "application/json")
        .header("x-github-delivery", "d-1")
        .header("x-github-event", "push")
        .header("x-hub-signature-256", secrets().sign(&body));
    assert_eq!(send.body(body).send().await.unwrap().status(), 202);
    let large = client.post(format!("http://{public}/webhooks/github")).header("content-type", "application/json");
    let answer = large.body(vec![b' '; 26 << 20]).send().await.unwrap();
    assert_eq!(answer.status(), 413, "the sender hears the answer");
    assert_eq!(client.get(format!("http://{admin}/metrics")).send().await.unwrap().status(), 200);
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), server).await.unwrap().unwrap().unwrap();
    assert!(client.get(format!("http://{public}/livez")).send().await.is_err());
}

#[tokio::test]
async fn whoever_does_not_finish_asking_is_hung_up_on_and_others_are_served() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (world, stop) = (World::new(), CancellationToken::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(accept::serve(listener, world.app(), stop.clone(), Duration::from_secs(3)));
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: here\r\nX-And").await.unwrap();
    assert_eq!(reqwest::get(format!("http://{address}/livez")).await.unwrap().status(), 200);
    let mut said = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(60), slow.read_to_end(&mut said)).await;
    assert!(matches!(closed, Ok(Ok(_))), "it is still open");
    assert!(!said.starts_with(b"HTTP/1.1 200"));
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn turns_that_end_by_themselves_end_the_server() {
    let world = World::new();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listeners = Listeners::bind(any, any).await.unwrap();
    let taken = listeners.addresses().0;
    let error = Listeners::bind(taken, any).await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("cannot listen on {taken}: ")), "{error}");
    let ended = run(listeners, world.service.clone(), CancellationToken::new(), async {}).await;
    assert!(matches!(ended, Err(ServerError::WorkEnded)), "{ended:?}");
}

#[tokio::test]
async fn turns_get_time_to_end_and_no_more() {
    let (world, stop) = (World::new(), CancellationToken::new());
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listeners = Listeners::bind(any, any).await.unwrap();
    stop.cancel();
    let (before, grace) = (Instant::now(), Duration::from_millis(200));
    super::run::run_with(listeners, world.service.clone(), stop, std::future::pending(), grace).await.unwrap();
    assert!(before.elapsed() >= grace && before.elapsed() < Duration::from_secs(60));
}

#[cfg(unix)]
#[tokio::test]
async fn the_first_signal_asks_it_to_stop() {
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone()).unwrap();
    let kill = std::process::Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status();
    assert!(kill.unwrap().success());
    tokio::time::timeout(Duration::from_secs(60), stop.cancelled()).await.unwrap();
}
