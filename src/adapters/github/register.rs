//! GitHub as somebody who is no App yet: fetches the credentials of one that was just registered from a manifest.
//!
//! Sent once, without any credential: the code is the credential. What comes back is never printed.

use std::sync::Arc;

use countersign_core::domain::Timestamp;
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use octocrab::OctoBody;
use secrecy::SecretString;
use serde::Deserialize;

use super::SetupFault;
use super::address::{Address, encode};
use super::fault::{Fault, Raw, judge, limit};
use super::transport::{Patience, Transport};
use crate::engine::ports::{ForgeError, ForgeErrorKind};

/// GitHub, where Apps are registered.
#[derive(Clone)]
pub struct AppRegistry {
    transport: Transport,
    now: fn() -> Timestamp,
}

/// An App that was registered.
pub struct NewApp {
    /// Its number.
    pub id: u64,
    /// The last part of its page's address.
    pub slug: String,
    /// Its page.
    pub page: String,
    /// Its private key, PEM.
    pub private_key: SecretString,
    /// What its deliveries are signed with.
    pub webhook_secret: SecretString,
}

#[derive(Deserialize)]
struct NewAppWire {
    id: u64,
    slug: Option<String>,
    html_url: String,
    pem: String,
    webhook_secret: Option<String>,
}

impl AppRegistry {
    /// Sets it up; asks nothing yet.
    ///
    /// # Errors
    /// When the address of the API cannot be used.
    pub fn new(api_url: &str, now: fn() -> Timestamp) -> Result<Self, SetupFault> {
        let address = Arc::new(Address::parse(api_url)?);
        Ok(Self { transport: Transport::new(address, Patience::default())?, now })
    }

    /// `POST /app-manifests/{code}/conversions`: GitHub answers once for each code, within an hour.
    ///
    /// # Errors
    /// As GitHub answers; `NotFound` for a code that is unknown, used or too old.
    pub async fn fetch(&self, code: &str) -> Result<NewApp, ForgeError> {
        let operation = "apps.create_from_manifest";
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/app-manifests/{}/conversions", encode(code)))
            .header(header::ACCEPT, "application/vnd.github+json")
            .body(OctoBody::from(String::new()))
            .map_err(|_| Fault::garbled(operation, "the request cannot be built"))?;
        let later = |words: String| Fault::new(ForgeErrorKind::Later, operation, &words);
        let answer = self.transport.clone().send(request).await.map_err(|fault| later(fault.to_string()))?;
        let (parts, body) = answer.into_parts();
        let Ok(body) = body.collect().await;
        let raw = Raw { status: parts.status, headers: parts.headers, body: body.to_bytes() };
        if !raw.status.is_success() {
            let now = (self.now)();
            return Err(judge(operation, &raw, limit(&raw, now).map(|_| now), now).into());
        }
        // what cannot be read is not repeated: it holds a key
        let wire: NewAppWire = serde_json::from_slice(&raw.body)
            .map_err(|_| Fault::garbled(operation, "GitHub's answer is not that of a registered App"))?;
        let webhook_secret = wire.webhook_secret.ok_or_else(|| {
            Fault::garbled(operation, "GitHub made no webhook secret, so no delivery could be believed")
        })?;
        let slug = wire.slug.unwrap_or_default();
        Ok(NewApp {
            id: wire.id,
            slug,
            page: wire.html_url,
            private_key: wire.pem.into(),
            webhook_secret: webhook_secret.into(),
        })
    }
}
