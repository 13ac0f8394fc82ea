//! Approved values: opened with the identity of the environment, for the length of one attempt.

use std::collections::BTreeMap;

use countersign_core::domain::{Environment, RepoPath};
use countersign_core::policy::Target;
use countersign_core::sync::{Approved, SyncReason, Trouble};
use sops_file::{Identities, OpenOptions, Plain, SealedDocument, open};
use tracing::warn;
use zeroize::Zeroizing;

use crate::engine::book::Place;
use crate::engine::ports::NoIdentity;
use crate::engine::{Engine, TurnError};

/// Values by the name they have at the target.
pub(super) type Values = BTreeMap<String, Zeroizing<String>>;

impl Engine {
    /// The values of an environment that a target takes, as they stand at the approved commit.
    pub(super) async fn approved_values(
        &self,
        place: &Place,
        environment: &Environment,
        approved: &Approved,
        target: &Target,
    ) -> Result<Result<Values, Trouble>, TurnError> {
        if place.policy.environment(environment).is_none() {
            return Ok(Err(SyncReason::Uncovered.into()));
        }
        let alone = self.journal.repositories().await?.len() == 1;
        let mut values = Values::new();
        for (path, entry) in self.repo.entries(&place.repo, &approved.commit).await? {
            if !place.policy.seals(environment, &path, &place.default_branch) {
                continue;
            }
            let side = self.side(&place.repo, &path, Some(&entry)).await?;
            let Some(document) = side.document() else { return Ok(Err(unreadable(&path, "is no sealed document"))) };
            let identity = match self.identity_for(place, (environment, alone), document) {
                Ok(Some(identity)) => identity,
                Ok(None) => return Ok(Err(SyncReason::NoIdentity.into())),
                Err(fault) => return Ok(Err(Trouble::new(SyncReason::NoIdentity, &fault.why))),
            };
            let found = match opened(document, &identity) {
                Ok(found) => found,
                Err(why) => return Ok(Err(unreadable(&path, why))),
            };
            for (key, value) in found.into_iter().filter(|(key, _)| target.takes(key)) {
                if values.insert(key.clone(), value).is_some() {
                    return Ok(Err(Trouble::new(SyncReason::KeyTwice, &format!("`{}`", key.escape_default()))));
                }
            }
        }
        Ok(Ok(values))
    }

    /// What opens documents of an environment, if anything does; `alone`: no other repository is managed here.
    pub(in crate::engine) fn identity_for(
        &self,
        place: &Place,
        (environment, alone): (&Environment, bool),
        document: &SealedDocument,
    ) -> Result<Option<Identities>, NoIdentity> {
        let readers: Vec<String> = document.metadata().age_recipients().map(str::to_owned).collect();
        let found = self.keyring.identity(&place.repo.name, environment, alone.then_some(readers.as_slice()));
        found.inspect_err(|fault| warn!(%fault, "an identity cannot be used"))
    }
}

fn unreadable(path: &RepoPath, why: &str) -> Trouble {
    Trouble::new(SyncReason::NotOpened, &format!("`{path}` {why}"))
}

/// Every value of a document as text, by its key. `null` is none.
fn opened(document: &SealedDocument, identity: &Identities) -> Result<Vec<(String, Zeroizing<String>)>, &'static str> {
    let opened = open(document, identity, OpenOptions::default()).map_err(|_| "cannot be opened with the identity")?;
    let mut found = Vec::new();
    for (_, path, value) in opened.values() {
        let text = match value {
            Plain::Null | Plain::Comment(_) => continue,
            Plain::Bool(yes) => Zeroizing::new(yes.to_string()),
            other @ (Plain::Int(_) | Plain::Float(_) | Plain::Time(_) | Plain::Text(_) | Plain::Bytes(_)) => {
                let bytes = other.bytes();
                Zeroizing::new(std::str::from_utf8(&bytes).map_err(|_| "holds a value that is no text")?.to_owned())
            }
        };
        found.push((path.to_string(), text));
    }
    Ok(found)
}
