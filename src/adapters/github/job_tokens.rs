//! Tokens that GitHub gives to jobs (OpenID Connect): whether GitHub signed them, for us. What they say is for the core.
//!
//! Source: GitHub's "OpenID Connect reference": RS256, keys at `<issuer>/.well-known/jwks`.

use std::time::Duration;

use async_trait::async_trait;
use countersign_core::delivery::JobClaims;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::StatusCode;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::SetupFault;
use crate::engine::ports::{JobTokens, TokenError};

/// Largest answer with keys, in bytes.
const LARGEST: usize = 256 * 1024;
/// Largest token.
const LONGEST: usize = 16 * 1024;
/// Keys that do not have the one a token names are asked for again, but not more often.
const REST: Duration = Duration::from_secs(30);
/// How long keys are good for: one that GitHub takes back is not believed for longer.
const KEEP: Duration = Duration::from_secs(600);

/// GitHub's keys, read when a token names one that is not known.
pub struct SignedTokens {
    client: reqwest::Client,
    issuer: String,
    keys: Mutex<Option<(JwkSet, Instant)>>,
}

/// Who signs tokens of jobs at a GitHub.
fn issuer_of(github: &str) -> String {
    let host = github.strip_prefix("https://").unwrap_or_default();
    if host == "github.com" {
        "https://token.actions.githubusercontent.com".to_owned()
    } else if host.ends_with(".ghe.com") {
        format!("https://token.actions.{host}")
    } else {
        format!("{github}/_services/token")
    }
}

impl SignedTokens {
    /// Those of a GitHub, named by its address for people; asks nothing yet.
    ///
    /// # Errors
    /// When the client cannot be set up.
    pub fn new(github: &str) -> Result<Self, SetupFault> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|fault| SetupFault::Client(fault.to_string()))?;
        Ok(Self { client, issuer: issuer_of(github), keys: Mutex::new(None) })
    }

    /// The key of a name.
    async fn key(&self, name: &str) -> Result<DecodingKey, TokenError> {
        let mut keys = self.keys.lock().await;
        let found = |set: &JwkSet| {
            // a shared secret among them fits no RS256
            set.find(name).map(|key| DecodingKey::from_jwk(key).map_err(|_| TokenError::Wrong))
        };
        if let Some((set, read)) = keys.as_ref().filter(|(_, read)| read.elapsed() < KEEP) {
            match found(set) {
                Some(key) => return key,
                None if read.elapsed() < REST => return Err(TokenError::Wrong),
                None => {}
            }
        }
        let set = self.read().await.map_err(TokenError::Later)?;
        let key = found(&set);
        *keys = Some((set, Instant::now()));
        key.unwrap_or(Err(TokenError::Wrong))
    }

    async fn read(&self) -> Result<JwkSet, String> {
        let url = format!("{}/.well-known/jwks", self.issuer);
        let without_url = |fault: reqwest::Error| fault.without_url().to_string();
        let mut response = self.client.get(url).send().await.map_err(without_url)?;
        if response.status() != StatusCode::OK {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(without_url)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err("the answer is too large".to_owned());
            }
        }
        serde_json::from_slice(&bytes).map_err(|_| "the answer holds no keys".to_owned())
    }
}

#[async_trait]
impl JobTokens for SignedTokens {
    async fn claims(&self, token: &str, audience: &str) -> Result<JobClaims, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Wrong);
        }
        let header = decode_header(token).map_err(|_| TokenError::Wrong)?;
        let name = header.kid.filter(|_| header.alg == Algorithm::RS256).ok_or(TokenError::Wrong)?;
        let key = self.key(&name).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        // by our clock, in the core
        validation.validate_exp = false;
        decode::<JobClaims>(token, &key, &validation).map(|read| read.claims).map_err(|_| TokenError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_github_signs_under_its_own_name() {
        let cases = [
            ("https://github.com", "https://token.actions.githubusercontent.com"),
            ("https://acme.ghe.com", "https://token.actions.acme.ghe.com"),
            ("https://github.acme.example", "https://github.acme.example/_services/token"),
            ("http://127.0.0.1:99", "http://127.0.0.1:99/_services/token"),
        ];
        for (github, issuer) in cases {
            assert_eq!(issuer_of(github), issuer);
        }
    }
}
