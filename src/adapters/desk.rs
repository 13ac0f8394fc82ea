//! The server, as a job meets it over HTTPS: each word goes with a fresh token that GitHub gives the job for this server alone.
//!
//! A server that cannot be reached, or has not noted yet that it started this job, is asked again for two minutes. Nothing of a token
//! is ever in an error.

use std::time::Duration;

use async_trait::async_trait;
use countersign_core::domain::JobId;
use countersign_core::sync::JobWord;
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::engine::ports::{Answered, Desk, DeskError};

/// Largest answer, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;
/// Waits between attempts, in milliseconds; together two minutes.
const WAITS: [u64; 12] = [500, 1_000, 2_000, 4_000, 8_000, 10_000, 15_000, 15_000, 15_000, 15_000, 15_000, 20_000];

/// A way to the server.
pub struct HttpDesk {
    client: Client,
    /// Where GitHub gives tokens to this job.
    address: String,
    token: SecretString,
}

#[derive(Deserialize)]
struct TokenWire {
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FaultWire {
    error: String,
    help: String,
}

/// What came of one attempt.
enum Attempt {
    Answered(Answered),
    Refused(DeskError),
    Again(String),
}

impl HttpDesk {
    /// Takes what the runner says in `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    ///
    /// # Errors
    /// When the client cannot be set up.
    pub fn new(address: String, token: SecretString) -> Result<Self, DeskError> {
        let client = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|fault| refused(format!("no client can be set up: {fault}"), "see the log of the runner"))?;
        Ok(Self { client, address, token })
    }

    /// A token for this audience.
    async fn token(&self, audience: &str) -> Result<SecretString, String> {
        let joint = if self.address.contains('?') { '&' } else { '?' };
        let audience: String = url::form_urlencoded::byte_serialize(audience.as_bytes()).collect();
        let request = self.client.get(format!("{}{joint}audience={audience}", self.address));
        let (status, bytes) = sent(request.bearer_auth(self.token.expose_secret())).await?;
        if status != StatusCode::OK {
            return Err(format!("GitHub gives this job no token (status {})", status.as_u16()));
        }
        let wire: TokenWire =
            serde_json::from_slice(&bytes).map_err(|_| "GitHub's answer holds no token".to_owned())?;
        Ok(wire.value.into())
    }

    async fn attempt(&self, server: &str, order: &JobId, body: &[u8]) -> Attempt {
        let token = match self.token(server).await {
            Ok(token) => token,
            Err(why) => return Attempt::Again(why),
        };
        let request = self
            .client
            .post(format!("{server}/api/v1/syncs/{order}/status"))
            .bearer_auth(token.expose_secret())
            .header("content-type", "application/json")
            .body(body.to_vec());
        let (status, bytes) = match sent(request).await {
            Ok(answer) => answer,
            Err(why) => return Attempt::Again(format!("the server cannot be reached: {why}")),
        };
        if status.is_success() {
            return match serde_json::from_slice(&bytes) {
                Ok(answered) => Attempt::Answered(answered),
                Err(_) => Attempt::Refused(refused(
                    "the server answers with something else".to_owned(),
                    "see that COUNTERSIGN_PUBLIC_URL leads to the server, and that both are of one version",
                )),
            };
        }
        let fault: FaultWire = serde_json::from_slice(&bytes).unwrap_or_default();
        let said = if fault.error.is_empty() { format!("status {}", status.as_u16()) } else { fault.error };
        let busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        if busy || status == StatusCode::REQUEST_TIMEOUT {
            return Attempt::Again(said);
        }
        Attempt::Refused(refused(format!("the server does not hear this job: {said}"), &fault.help))
    }
}

fn refused(what: String, help: &str) -> DeskError {
    let help = if help.is_empty() { "see that COUNTERSIGN_PUBLIC_URL leads to the server" } else { help };
    DeskError { what, help: help.to_owned() }
}

async fn sent(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), String> {
    let without_url = |fault: reqwest::Error| fault.without_url().to_string();
    let mut response = request.send().await.map_err(without_url)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(without_url)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err("the answer is too large".to_owned());
        }
    }
    Ok((response.status(), bytes))
}

#[async_trait]
impl Desk for HttpDesk {
    async fn say(&self, server: &str, order: &JobId, word: &JobWord) -> Result<Answered, DeskError> {
        let body = serde_json::to_vec(word).map_err(|fault| refused(format!("no word: {fault}"), "tell us"))?;
        let mut waits = WAITS.into_iter();
        loop {
            let why = match self.attempt(server, order, &body).await {
                Attempt::Answered(answered) => return Ok(answered),
                Attempt::Refused(fault) => return Err(fault),
                Attempt::Again(why) => why,
            };
            let Some(wait) = waits.next() else {
                return Err(refused(
                    why,
                    "give the job `id-token: write`, and see that the server can be reached from it",
                ));
            };
            tracing::info!(why, "the server is asked again");
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }
}
