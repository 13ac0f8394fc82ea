//! Approved values: opened with the identity of the environment, for the length of one attempt.

use std::collections::BTreeMap;

use countersign_core::domain::{Environment, RepoPath};
use countersign_core::policy::{PathClass, Target};
use countersign_core::sync::{Approved, SyncReason, Trouble};
use sops_file::{Identities, KeyKind, OpenOptions, Plain, SealedDocument, open};
use tracing::warn;
use zeroize::Zeroizing;

use crate::engine::book::Place;
use crate::engine::documents::must_be_sealed;
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
        let Some(rule) = place.policy.environment(environment) else { return Ok(Err(SyncReason::Uncovered.into())) };
        let branch = rule.branch_or(&place.default_branch);
        let alone = self.journal.repositories().await?.len() == 1;
        let mut values = Values::new();
        for (path, entry) in self.repo.entries(&place.repo, &approved.commit).await? {
            let class = place.policy.classify(&path, branch, &place.default_branch);
            let ours = matches!(&class, PathClass::Governed { environment: of, .. } if of == environment);
            if !ours || !must_be_sealed(place, branch, &path) {
                continue;
            }
            let side = self.side(&place.repo, &path, Some(&entry)).await?;
            let Some(document) = side.document() else { return Ok(Err(unreadable(&path, "is no sealed document"))) };
            let identity = match self.identity_for(place, environment, document, alone) {
                Ok(identity) => identity,
                Err(trouble) => return Ok(Err(trouble)),
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

    fn identity_for(
        &self,
        place: &Place,
        environment: &Environment,
        document: &SealedDocument,
        alone: bool,
    ) -> Result<Identities, Trouble> {
        let age = document.metadata().recipients().filter(|recipient| recipient.kind() == KeyKind::Age);
        let readers: Vec<String> = age.map(|recipient| recipient.name().to_owned()).collect();
        let readers = alone.then_some(readers.as_slice());
        match self.keyring.identity(&place.repo.name, environment, readers) {
            Ok(Some(identity)) => Ok(identity),
            Ok(None) => Err(SyncReason::NoIdentity.into()),
            Err(fault) => {
                warn!(%fault, "an identity cannot be used");
                Err(Trouble::new(SyncReason::NoIdentity, &fault.why))
            }
        }
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
