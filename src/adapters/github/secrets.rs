//! Secrets of a GitHub environment: listed, never read back, and written in sealed boxes.
//!
//! A value leaves sealed for the key of the environment, which GitHub may replace at any time: then it is asked for again, once.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::address::encode;
use super::broker::Purpose;
use super::client::{Auth, Call};
use super::fault::Fault;
use super::lane::Sort;
use super::{GitHub, scope};
use crate::engine::ports::{
    Block, Fill, ForgeErrorKind, Held, Holders, OutboundError, OutboundKind, RepoRef, Seen, Tag, Vessel,
};

/// The secrets of one environment.
pub(super) struct EnvironmentSecrets<'a> {
    pub(super) github: &'a GitHub,
    pub(super) repo: RepoRef,
    pub(super) environment: String,
}

#[derive(Deserialize)]
struct ListWire {
    secrets: Vec<SecretWire>,
}

#[derive(Deserialize)]
struct SecretWire {
    name: String,
    updated_at: String,
}

#[derive(Deserialize)]
struct KeyWire {
    key_id: String,
    key: String,
}

/// The key values are sealed for.
struct Key {
    id: String,
    public: PublicKey,
}

impl EnvironmentSecrets<'_> {
    fn path(&self, rest: &str) -> String {
        self.github.repo_path(&self.repo, &format!("/environments/{}/secrets{rest}", encode(&self.environment)))
    }

    fn auth(&self) -> Auth {
        Auth::Scope(scope(&self.repo, Purpose::Environments))
    }

    async fn list(&self) -> Result<Vec<SecretWire>, Fault> {
        let call = Call::get("environments.secrets", self.auth(), self.path("?per_page=100"));
        let (mut pages, mut found) = (self.github.client.pages(call), Vec::new());
        while let Some(page) = pages.next::<ListWire>().await? {
            found.extend(page.secrets);
        }
        Ok(found)
    }

    async fn key(&self) -> Result<Key, Fault> {
        const OPERATION: &str = "environments.key";
        let call = Call::get(OPERATION, self.auth(), self.path("/public-key"));
        let wire: KeyWire = self.github.client.send(&call).await?.json()?;
        let bytes = STANDARD.decode(&wire.key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| Fault::garbled(OPERATION, "the key of the environment is none"))?;
        Ok(Key { id: wire.key_id, public: PublicKey::from(bytes) })
    }

    async fn put(&self, key: &Key, name: &str, value: &str) -> Result<(), Fault> {
        const OPERATION: &str = "environments.secret";
        let sealed = key.public.seal(&mut OsRng, value.as_bytes());
        let sealed = sealed.map_err(|_| Fault::garbled(OPERATION, "the value cannot be sealed"))?;
        let body = json!({"encrypted_value": STANDARD.encode(sealed), "key_id": key.id});
        let path = self.path(&format!("/{}", encode(name)));
        let call = Call::write(OPERATION, self.auth(), Method::PUT, path, body);
        self.github.write(&self.repo, call).await.map(|_| ())
    }

    async fn delete(&self, name: &str) -> Result<(), Fault> {
        let path = self.path(&format!("/{}", encode(name)));
        let (operation, method) = ("environments.forget", Method::DELETE);
        let call = Call { operation, method, path, body: None, auth: self.auth(), sort: Sort::Write };
        match self.github.write(&self.repo, call).await {
            Err(fault) if !fault.is(StatusCode::NOT_FOUND) => Err(fault),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn write_all(&self, fill: &Fill<'_>) -> Result<(), Fault> {
        let mut key = if fill.set.is_empty() { None } else { Some(self.key().await?) };
        for (name, value) in fill.set {
            let Some(known) = &key else { continue };
            match self.put(known, name, value).await {
                Err(fault) if fault.is(StatusCode::UNPROCESSABLE_ENTITY) => {
                    let fresh = self.key().await?;
                    if fresh.id == known.id {
                        return Err(fault);
                    }
                    self.put(&fresh, name, value).await?;
                    key = Some(fresh);
                }
                outcome => outcome?,
            }
        }
        for name in fill.removed {
            self.delete(name).await?;
        }
        Ok(())
    }

    fn told(&self, fault: &Fault) -> OutboundError {
        let error = |kind, what: String, help: &str| OutboundError { kind, what, help: help.to_owned() };
        let environment = &self.environment;
        match fault.kind {
            ForgeErrorKind::Later | ForgeErrorKind::Garbled => error(
                OutboundKind::Retry { after: None },
                format!("GitHub did not answer for the environment `{environment}`"),
                "it is tried again; nothing to do unless this stays",
            ),
            ForgeErrorKind::Wait(until) => error(
                OutboundKind::Retry { after: Some(until.since(self.github.client.now())) },
                "GitHub asks to wait".to_owned(),
                "nothing to do: it is tried again",
            ),
            ForgeErrorKind::Credentials | ForgeErrorKind::Forbidden => error(
                OutboundKind::Blocked(Block::Permission),
                "the GitHub App lacks the permission `environments: write`".to_owned(),
                "give the App the permission, and have the installation accept it",
            ),
            ForgeErrorKind::NotFound => error(
                OutboundKind::Permanent,
                format!("there is no environment `{environment}` on GitHub, or the App may not see it"),
                "create it in the settings of the repository, then sync again",
            ),
            ForgeErrorKind::Refused => error(
                OutboundKind::Permanent,
                format!("GitHub takes no secret into the environment `{environment}`: {}", fault.message),
                "see the limits in docs/syncs.md, then sync again",
            ),
        }
    }
}

#[async_trait]
impl Vessel for EnvironmentSecrets<'_> {
    async fn read(&self) -> Result<Held, OutboundError> {
        let found = self.list().await.map_err(|fault| self.told(&fault))?;
        let written = |wire: SecretWire| (wire.name.to_ascii_uppercase(), Seen::Written(wire.updated_at));
        let values: BTreeMap<_, _> = found.into_iter().map(written).collect();
        Ok(Held { values, version: None, tag: None, live: true, blind: true, holders: Holders::default() })
    }

    async fn write(&self, _: &Held, fill: &Fill<'_>) -> Result<(), OutboundError> {
        self.write_all(fill).await.map_err(|fault| self.told(&fault))
    }

    async fn note(&self, _: &Tag) -> Result<(), OutboundError> {
        // GitHub keeps nothing beside a secret; the Deployment says what was delivered
        Ok(())
    }
}
