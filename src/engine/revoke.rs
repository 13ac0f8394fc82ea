//! Revoking a value: the operator's word that a sealed text must never be approved again (`changes.md` 9).
//!
//! Needs no key that opens anything. What was sealed anew cannot be told from another value, and is not found.

use std::collections::BTreeSet;

use countersign_core::domain::{Digest, Oid, RepoName, RepoPath, Sequence, Span};
use countersign_core::ledger::{Entry, LedgerState, RevocationEntry};
use sops_file::KeyPath;
use sops_file::diff::{Ciphertext, sealed_values};
use thiserror::Error;

use super::book::Found;
use super::documents::Side;
use super::ports::Subject;
use super::{Engine, TurnError};

/// Why nothing was revoked.
#[derive(Debug, Error)]
pub enum RevokeError {
    /// The App does not reach the repository.
    #[error("the App is not installed on `{0}`\nhelp: install it on the repository, then try again")]
    NotInstalled(RepoName),
    /// It has no ledger.
    #[error("`{0}` has no ledger to write into\nhelp: adopt it first: `countersign adopt <full sha>`")]
    Unmanaged(RepoName),
    /// It is closed until something is mended; with the help.
    #[error("{0}\nhelp: {1}")]
    Closed(String, &'static str),
    /// There is no sealed document at that place.
    #[error("`{path}` is no sealed document at {commit}\nhelp: name the commit at which the value stood in it")]
    NoDocument {
        /// The place.
        path: RepoPath,
        /// The commit.
        commit: Oid,
    },
    /// The document has no sealed value of that key.
    #[error(
        "`{path}` at {commit} has no sealed value `{key}`\nhelp: `countersign diff {commit} HEAD -- {path}` names keys"
    )]
    NoValue {
        /// The document.
        path: RepoPath,
        /// The commit.
        commit: Oid,
        /// The key.
        key: KeyPath,
    },
    /// Something could not be read or written.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

/// A value that is revoked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its key.
    pub key: String,
    /// The entry that says so.
    pub entry: Sequence,
    /// It said so before.
    pub already: bool,
    /// The value stands on a governed branch now: it has to be replaced.
    pub stands: bool,
}

impl Engine {
    /// Revokes the value of a key, or all values below it, as they stood at a commit.
    ///
    /// # Errors
    /// When the repository cannot be reached, has no ledger, or holds no such value there.
    pub async fn revoke_value(
        &self,
        name: &RepoName,
        (path, key): (&RepoPath, &KeyPath),
        commit: &Oid,
    ) -> Result<Vec<Revoked>, RevokeError> {
        let repo = self.installed(name).await?.ok_or_else(|| RevokeError::NotInstalled(name.clone()))?;
        let (subject, now) = (Subject::Repository(repo.id), self.clock.now());
        self.journal.schedule(&subject, now).await.map_err(TurnError::from)?;
        let claim = self.journal.claim("revoke-value", now, Span::from_seconds(600)).await.map_err(TurnError::from)?;
        let claim = claim.ok_or(TurnError::TakenOver)?;
        let mut place = match self.find(&claim, &repo, &[]).await? {
            Found::Managed(place) => place,
            Found::Unmanaged => return Err(RevokeError::Unmanaged(repo.name)),
            Found::Closed(closed) => {
                return Err(RevokeError::Closed(format!("{}: {}", closed.code, closed.words), closed.help));
            }
        };
        let no_document = || RevokeError::NoDocument { path: path.clone(), commit: commit.clone() };
        let entries = self.repo.entries(&repo, commit).await.map_err(TurnError::from)?;
        let side = self.side(&repo, path, Some(entries.get(path).ok_or_else(no_document)?)).await?;
        let document = side.document().ok_or_else(no_document)?;
        let values: BTreeSet<(KeyPath, Ciphertext)> =
            sealed_values(document).into_iter().filter(|(leaf, _)| leaf.steps().starts_with(key.steps())).collect();
        if values.is_empty() {
            return Err(RevokeError::NoValue { path: path.clone(), commit: commit.clone(), key: key.clone() });
        }
        let known: BTreeSet<Digest> = values
            .iter()
            .map(|(_, text)| token(text))
            .filter(|token| place.state().revoked(*token).is_some())
            .collect();
        self.record(&claim, &mut place, |state| Ok(missing(state, (path, commit), &values, now))).await?;
        let present = self.present(&place, path).await?;
        let revoked = values.iter().filter_map(|(leaf, text)| {
            let (entry, _) = place.state().revoked(token(text))?;
            let (already, stands) = (known.contains(&token(text)), present.contains(text));
            Some(Revoked { key: leaf.to_string(), entry, already, stands })
        });
        Ok(revoked.collect())
    }

    /// Sealed values that are approved at a path now, on whatever branch.
    async fn present(&self, place: &super::book::Place, path: &RepoPath) -> Result<BTreeSet<Ciphertext>, TurnError> {
        let mut present = BTreeSet::new();
        for base in place.bases() {
            let side = self.side(&place.repo, path, place.approved(&base).get(path)).await?;
            let values = side.document().map(sealed_values).unwrap_or_default();
            present.extend(values.into_iter().map(|(_, text)| text));
        }
        Ok(present)
    }
}

/// Entries of the values that are not revoked yet.
fn missing(
    state: &LedgerState,
    (path, commit): (&RepoPath, &Oid),
    values: &BTreeSet<(KeyPath, Ciphertext)>,
    at: countersign_core::domain::Timestamp,
) -> Vec<Entry> {
    let mut seen = BTreeSet::new();
    let fresh = values
        .iter()
        .map(|(key, text)| (key, token(text)))
        .filter(|(_, token)| state.revoked(*token).is_none() && seen.insert(*token));
    let entry = |(key, token): (&KeyPath, Digest)| RevocationEntry {
        path: path.clone(),
        key: key.to_string(),
        commit: commit.clone(),
        token,
        at,
    };
    fresh.map(|one| Entry::Revocation(Box::new(entry(one)))).collect()
}

/// What the ledger knows a sealed text by.
#[must_use]
pub fn token(text: &Ciphertext) -> Digest {
    Digest::of(text)
}

/// Keys that hold a revoked value in the new version of a document, and did not in the old one.
pub(super) fn returning(state: &LedgerState, old: &Side, new: &Side) -> BTreeSet<String> {
    let values = |side: &Side| side.document().map(sealed_values).unwrap_or_default();
    let before = values(old);
    let returning = values(new).into_iter().filter(|value| !before.contains(value));
    returning.filter(|(_, text)| state.revoked(token(text)).is_some()).map(|(key, _)| key.to_string()).collect()
}
