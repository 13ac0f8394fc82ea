//! Proof that we are the App: a short-lived signed token (RS256), GitHub's "authenticating as a GitHub App".
//!
//! octocrab would sign with the machine's clock; ours is the clock port, like everything dated here. The key is never printed.

use countersign_core::domain::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::SetupFault;

/// The App's number and private key.
pub(super) struct AppKey {
    app: u64,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims {
    iss: u64,
    iat: i64,
    exp: i64,
}

impl AppKey {
    /// Takes an RSA key in PEM.
    pub(super) fn parse(app: u64, pem: &SecretString) -> Result<Self, SetupFault> {
        let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map_err(|_| SetupFault::Key)?;
        Ok(Self { app, key })
    }

    /// The App's number.
    pub(super) fn app(&self) -> u64 {
        self.app
    }

    /// A token from one minute ago (clocks differ) for nine more minutes (GitHub allows ten).
    pub(super) fn sign(&self, now: Timestamp) -> Result<SecretString, SetupFault> {
        let claims = Claims { iss: self.app, iat: now.seconds() - 60, exp: now.seconds() + 540 };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map(SecretString::from)
            .map_err(|_| SetupFault::Key)
    }
}
