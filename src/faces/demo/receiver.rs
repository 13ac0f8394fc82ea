//! A receiver of webhooks on loopback: checks the signature, keeps what it got. It stands for whatever a team deploys with.
//!
//! Takes each delivery once, by its `webhook-id`, as a receiver should; never talks to anybody.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use countersign_core::delivery::{SignedHeaders, SigningSecrets};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::stage::Stop;
use crate::faces::wire;

/// A running receiver; it ends with the runtime.
pub(super) struct Receiver {
    address: SocketAddr,
    kept: Arc<Kept>,
}

/// What it got.
struct Kept {
    secrets: SigningSecrets,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    taken: Vec<Value>,
    seen: BTreeSet<String>,
    repeated: usize,
    refused: usize,
}

impl Receiver {
    /// Starts it with the secret both sides know.
    ///
    /// # Errors
    /// [`Stop`] when it cannot listen, or the text is no secret.
    pub(super) fn start(runtime: &Handle, secret: &str) -> Result<Self, Stop> {
        let secrets =
            SigningSecrets::parse(secret).map_err(|fault| Stop::machine("the receiver has no secret", fault))?;
        let wrong = |error| Stop::machine("the receiver cannot listen", error);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let kept = Arc::new(Kept { secrets, book: Mutex::default() });
        let router = Router::new().route("/deploy", post(take)).with_state(kept.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, kept })
    }

    /// Where deliveries go.
    pub(super) fn url(&self) -> String {
        format!("http://{}/deploy", self.address)
    }

    /// Bodies that were signed rightly, each delivery once, oldest first.
    pub(super) fn taken(&self) -> Vec<Value> {
        self.kept.book().taken.clone()
    }

    /// How often a delivery came that was here before.
    pub(super) fn repeated(&self) -> usize {
        self.kept.book().repeated
    }

    /// How many messages were not signed rightly, or made no sense.
    pub(super) fn refused(&self) -> usize {
        self.kept.book().refused
    }
}

impl Kept {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let id = text("webhook-id");
    let signed = SignedHeaders { id, timestamp: text("webhook-timestamp"), signature: text("webhook-signature") };
    let right = kept.secrets.check(signed, &body, wire::now()).is_ok();
    let mut book = kept.book();
    let (true, Ok(message), Some(id)) = (right, serde_json::from_slice(&body), id) else {
        book.refused += 1;
        return StatusCode::UNAUTHORIZED;
    };
    if book.seen.insert(id.to_owned()) {
        book.taken.push(message);
    } else {
        book.repeated += 1;
    }
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn it_takes_what_is_signed_once() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let receiver = Receiver::start(runtime.handle(), SECRET).expect("it starts");
        let secrets = SigningSecrets::parse(SECRET).expect("a secret");
        let send = |body: &'static str, signature: String, at: i64| {
            let request = reqwest::Client::new()
                .post(receiver.url())
                .header("webhook-id", "sync_1")
                .header("webhook-timestamp", at)
                .header("webhook-signature", signature)
                .body(body);
            runtime.block_on(request.send()).expect("an answer").status().as_u16()
        };
        let now = wire::now();
        let body = r#"{"generation":3}"#;
        let signature = secrets.sign("sync_1", now, body.as_bytes());
        assert_eq!(send(body, signature.clone(), now.seconds()), 202);
        assert_eq!(send(body, signature.clone(), now.seconds()), 202);
        assert_eq!(send(r#"{"generation":4}"#, signature.clone(), now.seconds()), 401);
        assert_eq!(send(body, signature, now.seconds() - 1), 401);
        assert_eq!(receiver.taken(), [serde_json::json!({"generation": 3})]);
        assert_eq!((receiver.repeated(), receiver.refused()), (1, 2));
    }
}
