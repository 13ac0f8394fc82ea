//! Environments and their secrets. A secret can be written and listed, never read back by a caller.
//!
//! Each environment has a key pair of its own; what is written is opened with it, so that a test sees what a job would.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::State;
use crate::error::{Outcome, Refusal};

/// Most secrets of an environment.
pub(crate) const MOST: usize = 100;
/// Largest secret, in bytes.
pub(crate) const LARGEST: usize = 48 * 1024;

/// One environment.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// How often its key pair was replaced.
    pub(crate) rotations: u64,
    /// It is replaced once more as soon as somebody has asked for it.
    pub(crate) restless: bool,
    /// By name, upper case.
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// Apps that are asked before a job gets it.
    pub(crate) gates: BTreeSet<u64>,
    /// A person is asked, too.
    pub(crate) reviewer: bool,
}

/// One secret.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) value: Vec<u8>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Environment {
    /// GitHub's number of the present key pair.
    pub(crate) fn key_id(&self) -> String {
        (3_380_204_578_043_523_366 + self.rotations).to_string()
    }

    fn pair(&self, repo: u64, name: &str) -> SecretKey {
        let seed = Sha256::digest(format!("github-sim environment {repo} {name} {}", self.rotations));
        SecretKey::from(<[u8; 32]>::from(seed))
    }

    /// The present public key, base64.
    pub(crate) fn public_key(&self, repo: u64, name: &str) -> String {
        STANDARD.encode(self.pair(repo, name).public_key().as_bytes())
    }

    /// Opens a sealed box made for the present key.
    ///
    /// # Errors
    /// 422 when it is none.
    pub(crate) fn unseal(&self, (repo, name): (u64, &str), sealed: &str) -> Outcome<Vec<u8>> {
        let bytes = STANDARD.decode(sealed).ok();
        let opened = bytes.and_then(|bytes| self.pair(repo, name).unseal(&bytes).ok());
        opened.ok_or_else(|| Refusal::new(422, "Could not decrypt the secret value"))
    }
}

impl State {
    /// An environment: one that was made, or that a deployment names.
    ///
    /// # Errors
    /// 404 without one.
    pub(crate) fn environment(&mut self, repo: u64, name: &str) -> Outcome<&mut Environment> {
        let here = self.repo_mut(repo)?;
        let deployed = here.deployments.values().any(|deployment| deployment.environment == name);
        if !deployed && !here.environments.contains_key(name) {
            return Err(Refusal::not_found());
        }
        Ok(here.environments.entry(name.to_owned()).or_default())
    }
}
