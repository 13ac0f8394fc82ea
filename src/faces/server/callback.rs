//! `POST /api/v1/syncs/{id}/status`: a receiver of a webhook says what became of a delivery; a job, whose ids begin with `job_`, is
//! heard by [`super::jobs`].
//!
//! Believed only when it is signed as Standard Webhooks says with the secret the delivery was signed with, for exactly that
//! delivery and generation, within five minutes. It is kept, and asks for a look at the target; what it means is decided there.
//! Of the body only the message is logged, cut; and nobody learns which targets exist without knowing a secret.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_core::delivery::{SignedHeaders, SigningSecrets, StandardFault};
use countersign_core::domain::{JobId, Sequence, SyncId, TargetId, Timestamp};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::metrics::delivered;
use super::webhook::text;
use super::{Service, answer, jobs};
use crate::engine::ports::{Callback, JournalError};
use crate::engine::take_callback;

/// Name in log and metrics.
const EVENT: &str = "sync-status";
/// Largest body, in bytes.
const CAP: usize = 16 * 1024;
/// Longest message of a receiver that is logged, in characters.
const WORDS: usize = 300;
/// Time for the body.
const TIME: Duration = Duration::from_secs(10);

/// What a receiver writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    state: Word,
    #[serde(default)]
    message: Option<String>,
    generation: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Converged,
    Failed,
}

/// Why a call is refused.
pub(super) struct Refusal {
    pub(super) code: StatusCode,
    pub(super) what: String,
    pub(super) help: &'static str,
}

pub(super) fn refusal(code: StatusCode, what: impl Into<String>, help: &'static str) -> Refusal {
    Refusal { code, what: what.into(), help }
}

/// Takes one call.
pub(super) async fn take(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Ok(order) = JobId::parse(&id) {
        return jobs::take(&service, &order, &headers, body).await;
    }
    let (id, callback, message) = match read(&service, &id, &headers, body).await {
        Ok(told) => told,
        Err(Refusal { code, what, help }) => {
            warn!(reason = what, "call of a receiver refused");
            delivered(EVENT, "refused");
            return answer::error(code, &what, help);
        }
    };
    let target = TargetId { environment: id.environment.clone(), target: id.target.clone() };
    let kept = take_callback(service.journal.as_ref(), id.repo, &target, &callback, service.clock.now()).await;
    match kept {
        Ok(()) => {
            let said = message.unwrap_or_default();
            info!(sync = %id, converged = callback.converged, said, "call of a receiver");
            delivered(EVENT, "stored");
            service.poke.notify_one();
            answer::status(StatusCode::ACCEPTED, "stored")
        }
        Err(failure) => {
            error!(sync = %id, %failure, "the call of a receiver could not be stored");
            delivered(EVENT, "failed");
            answer::error(StatusCode::SERVICE_UNAVAILABLE, "the call cannot be stored now", "call again")
        }
    }
}

async fn read(
    service: &Service,
    id: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<(SyncId, Callback, Option<String>), Refusal> {
    let id = SyncId::parse(id).map_err(|_| {
        let help = "call back at `/api/v1/syncs/<webhook-id>/status`, with the `webhook-id` of the delivery";
        refusal(StatusCode::NOT_FOUND, "this is not the id of a delivery", help)
    })?;
    if headers.contains_key(AUTHORIZATION) && !headers.contains_key("webhook-signature") {
        let help =
            "sign the call with the secret of the target; a token proves who a job is, under the id of its order alone";
        return Err(refusal(StatusCode::UNAUTHORIZED, "a token proves nothing about a webhook", help));
    }
    let body = json(headers, body, CAP).await?;
    let at = signed(service, &id, headers, &body).await?;
    let (callback, message) = told(&id, at, &body)?;
    Ok((id, callback, message))
}

/// The bytes of a small JSON body.
pub(super) async fn json(headers: &HeaderMap, body: Body, cap: usize) -> Result<Bytes, Refusal> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let help = "send `content-type: application/json`";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the call is not JSON", help));
    }
    match timeout(TIME, to_bytes(body, cap)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            let help = "send what docs/webhooks.md shows; a message needs no more than a sentence";
            Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "the call is too large, or broke off", help))
        }
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "the call did not arrive within 10 s", "call again")),
    }
}

/// Checks the signature; the instant it names. Whether the delivery, its target or its secret exists is not told apart.
async fn signed(service: &Service, id: &SyncId, headers: &HeaderMap, body: &[u8]) -> Result<Timestamp, Refusal> {
    let wrong = |fault: StandardFault| refusal(StatusCode::UNAUTHORIZED, fault.to_string(), fault.help());
    let secrets = secrets(service, id).await.map_err(|failure| {
        error!(%failure, "repositories cannot be listed");
        refusal(StatusCode::SERVICE_UNAVAILABLE, "the call cannot be checked now", "call again")
    })?;
    let timestamp = text(headers, "webhook-timestamp");
    let given = text(headers, "webhook-id");
    let shown = SignedHeaders { id: given, timestamp, signature: text(headers, "webhook-signature") };
    let secrets = secrets.ok_or_else(|| wrong(StandardFault::Wrong))?;
    secrets.check(shown, body, service.clock.now()).map_err(wrong)?;
    // the address is not signed, the id is: so a call for one target is none for another
    if given != Some(id.to_string().as_str()) {
        let help = "send the `webhook-id` of the delivery as the `webhook-id` of the call, and sign it";
        return Err(refusal(StatusCode::UNAUTHORIZED, "the call is signed for another delivery", help));
    }
    let seconds = timestamp.and_then(|text| text.parse().ok()).unwrap_or_default();
    Ok(Timestamp::from_seconds(seconds))
}

/// The secrets that may have signed for a delivery, if its repository has them.
async fn secrets(service: &Service, id: &SyncId) -> Result<Option<SigningSecrets>, JournalError> {
    let repositories = service.journal.repositories().await?;
    let Some(repo) = repositories.into_iter().find(|repo| repo.id == id.repo) else { return Ok(None) };
    let granted = service.grants.secret(&repo.name, &id.secret);
    Ok(granted.ok().and_then(|granted| SigningSecrets::parse(granted.value().expose_secret()).ok()))
}

/// What a signed body says; the message for people is logged, and nothing else is done with it.
fn told(id: &SyncId, at: Timestamp, body: &[u8]) -> Result<(Callback, Option<String>), Refusal> {
    let status: Status = serde_json::from_slice(body).map_err(|_| {
        let help = "send {\"state\": \"converged\" or \"failed\", \"generation\": <number>, \"message\": \"…\"}";
        refusal(StatusCode::BAD_REQUEST, "the body is not a status", help)
    })?;
    let generation = Sequence::new(status.generation);
    if generation != id.generation {
        let help = "send the `generation` of the delivery the call is about";
        return Err(refusal(StatusCode::CONFLICT, "the call speaks of another generation than its delivery", help));
    }
    let converged = match status.state {
        Word::Converged => true,
        Word::Failed => false,
    };
    let message = status.message.map(|text| text.chars().filter(|c| !c.is_control()).take(WORDS).collect());
    Ok((Callback { generation, converged, at, over: false, secret: id.secret.clone() }, message))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::Ordering;

    use countersign_core::domain::RepoId;
    use http::Request;
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::ports::{NoteKey, Subject};
    use crate::faces::server::double::HOOK_SECRET;
    use crate::faces::server::tests::World;

    const ID: &str = "sync_101_12_production_hook_HOOK_SECRET";
    /// Noon of the first day, which is now.
    const NOW: i64 = 43_200;

    /// A call, and what is signed in it.
    struct Call<'a> {
        path: &'a str,
        id: &'a str,
        at: i64,
        secret: &'a str,
        body: Value,
    }

    impl Default for Call<'_> {
        fn default() -> Self {
            let body = json!({"state": "converged", "generation": 12, "message": "rolled out"});
            Self { path: ID, id: ID, at: NOW, secret: HOOK_SECRET, body }
        }
    }

    impl Call<'_> {
        fn request(&self) -> Request<Body> {
            let body = self.body.to_string();
            let secrets = SigningSecrets::parse(self.secret).unwrap();
            let signature = secrets.sign(self.id, Timestamp::from_seconds(self.at), body.as_bytes());
            Request::post(format!("/api/v1/syncs/{}/status", self.path))
                .header("content-type", "application/json")
                .header("webhook-id", self.id)
                .header("webhook-timestamp", self.at)
                .header("webhook-signature", signature)
                .body(body.into())
                .unwrap()
        }

        async fn answer(&self, world: &World) -> (u16, String) {
            let (status, answer) = world.ask(self.request()).await;
            (status.as_u16(), answer.to_string())
        }
    }

    fn note(world: &World) -> Option<Value> {
        let notes = world.journal.notes.lock().unwrap();
        notes
            .get(&NoteKey::Callback("production/hook".parse().unwrap()))
            .map(|text| serde_json::from_str(text).unwrap())
    }

    #[tokio::test]
    async fn a_signed_call_is_kept_and_asks_for_a_look() {
        let world = World::new();
        assert_eq!(Call::default().answer(&world).await, (202, r#"{"status":"stored"}"#.to_owned()));
        let kept = note(&world).unwrap();
        assert_eq!(
            (&kept["converged"], &kept["generation"], &kept["secret"]),
            (&json!(true), &json!(12), &json!("HOOK_SECRET"))
        );
        assert!(!kept.to_string().contains("rolled out"), "the receiver's words are not ours");
        let asked = world.journal.asked.lock().unwrap().clone();
        assert_eq!(asked, [Subject::Sync(RepoId::new(101), "production/hook".parse().unwrap())]);
    }

    #[tokio::test]
    async fn what_is_not_signed_for_this_delivery_is_refused() {
        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let elsewhere = "sync_101_12_production_web_HOOK_SECRET";
        let cases = [
            ("another secret", Call { secret: other, ..Call::default() }, 401),
            ("too old", Call { at: NOW - 301, ..Call::default() }, 401),
            ("too new", Call { at: NOW + 301, ..Call::default() }, 401),
            ("a call for another target", Call { path: elsewhere, ..Call::default() }, 401),
            ("a message id of one's own", Call { id: "msg_1", ..Call::default() }, 401),
            ("an unknown repository", Call { path: "sync_102_12_production_hook_HOOK_SECRET", ..Call::default() }, 401),
            (
                "a repository without grants",
                Call { path: "sync_103_12_production_hook_HOOK_SECRET", ..Call::default() },
                401,
            ),
            ("an alias nobody granted", Call { path: "sync_101_12_production_hook_NONE", ..Call::default() }, 401),
            ("no delivery", Call { path: "sync_101", ..Call::default() }, 404),
            (
                "another generation",
                Call { body: json!({"state": "converged", "generation": 13}), ..Call::default() },
                409,
            ),
            ("no generation", Call { body: json!({"state": "converged"}), ..Call::default() }, 400),
            ("another state", Call { body: json!({"state": "accepted", "generation": 12}), ..Call::default() }, 400),
            ("a surplus", Call { body: json!({"state": "failed", "generation": 12, "x": 1}), ..Call::default() }, 400),
            (
                "our own message",
                Call { body: json!({"version": 1, "type": "sync.requested", "generation": 12}), ..Call::default() },
                400,
            ),
            ("too much", Call { body: json!({"message": "x".repeat(20_000)}), ..Call::default() }, 413),
        ];
        let world = World::new();
        for (what, call, expected) in cases {
            let (status, answer) = call.answer(&world).await;
            assert_eq!(status, expected, "{what}: {answer}");
            assert!(answer.contains("\"help\""), "{answer}");
        }
        assert_eq!(note(&world), None);
        assert!(world.journal.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_secret_of_another_alias_speaks_only_under_its_own_name() {
        let (world, id) = (World::new(), "sync_101_12_production_hook_OTHER");
        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        assert_eq!(Call { path: id, id, secret: other, ..Call::default() }.answer(&world).await.0, 202);
        assert_eq!(note(&world).unwrap()["secret"], "OTHER", "the turn sees that it is not the target's");
    }

    #[tokio::test]
    async fn a_token_is_not_enough_and_the_answer_says_so() {
        let world = World::new();
        let mut request = Call::default().request();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            request.headers_mut().remove(name);
        }
        request.headers_mut().insert("authorization", "Bearer canary".parse().unwrap());
        let (status, answer) = world.ask(request).await;
        assert_eq!((status.as_u16(), answer["error"].as_str()), (401, Some("a token proves nothing about a webhook")));
        let mut request = Call::default().request();
        request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        assert_eq!(world.ask(request).await.0.as_u16(), 415);
        let mut request = Call::default().request();
        request.headers_mut().append("webhook-id", ID.parse().unwrap());
        assert_eq!(world.ask(request).await.0.as_u16(), 401, "a header that is there twice says nothing");
    }

    #[tokio::test]
    async fn the_newest_signed_word_counts() {
        let world = World::new();
        let failed = json!({"state": "failed", "generation": 12});
        assert_eq!(Call { at: NOW - 10, ..Call::default() }.answer(&world).await.0, 202);
        assert_eq!(Call { at: NOW - 20, body: failed.clone(), ..Call::default() }.answer(&world).await.0, 202);
        assert_eq!(note(&world).unwrap()["converged"], true, "an older word that comes late, or again");
        assert_eq!(Call { at: NOW, body: failed, ..Call::default() }.answer(&world).await.0, 202);
        assert_eq!(note(&world).unwrap()["converged"], false);
        world.journal.broken.store(true, Ordering::SeqCst);
        assert_eq!(Call::default().answer(&world).await.0, 503);
    }
}
