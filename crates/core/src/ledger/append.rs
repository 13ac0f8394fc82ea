//! Writes the next entry.
//!
//! The same fold that verifies decides whether an entry may be written: what would not verify is never signed. Committing the
//! bytes is the caller's work; nothing here touches Git or reads the clock.

use thiserror::Error;

use super::entry::{Entry, KeyAction, KeyEntry};
use super::envelope::{Envelope, MAX_ENVELOPE};
use super::keys::{KeyFingerprint, SigningKey};
use super::state::{Head, KeyStatus, LedgerState};
use super::statement::{Statement, StatementError};
use crate::domain::{Digest, RepoId, RepoName, Timestamp};

/// Why an entry is not written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The ledger is another repository's.
    #[error("the ledger belongs to repository {0}\nhelp: fetch the ledger of the repository you are writing for")]
    Repository(RepoId),
    /// The key may not sign here.
    #[error(
        "the signing key {0} may not write to this ledger\nhelp: use the key that adopted the repository, or have it add this one"
    )]
    Key(KeyFingerprint),
    /// The last entry revoked a key: what that leaves of the entries before is not known here.
    #[error("a key was revoked just now\nhelp: verify the ledger again before writing on")]
    ReadAgain,
    /// It cannot be true after the entries before it.
    #[error("the entry cannot follow what the ledger says: {0}\nhelp: read the ledger again and decide anew")]
    Contradiction(String),
    /// Longer than an envelope may be.
    #[error("the entry is larger than {MAX_ENVELOPE} bytes\nhelp: split the change")]
    TooLarge,
    /// It would not be read back as the same entry.
    #[error("the entry cannot be written: {0}\nhelp: this is a fault of countersign; please report it")]
    Unwritable(#[from] StatementError),
}

/// Signs the entry that comes next: what goes into `entry.json`, byte for byte, and what the ledger says with it. Further entries
/// go on from that state; once they are committed, [`LedgerState::landed`] notes where. After a revocation the ledger must be
/// verified again before anything else is written.
///
/// # Errors
/// When the key may not sign, the entry contradicts the ledger, or it would not read back as itself.
pub fn append(
    state: &LedgerState,
    (repository, repository_name): (RepoId, RepoName),
    entry: &Entry,
    key: &SigningKey,
    at: Timestamp,
) -> Result<(Vec<u8>, LedgerState), AppendError> {
    let name = key.fingerprint();
    if let Some(other) = state.repository.filter(|known| *known != repository) {
        return Err(AppendError::Repository(other));
    }
    if state.revoked_since_read {
        return Err(AppendError::ReadAgain);
    }
    let may_sign = match state.keys.get(&name) {
        Some(known) => known.status == KeyStatus::Active,
        None => state.head.is_none(),
    };
    if !may_sign {
        return Err(AppendError::Key(name));
    }
    let sequence = state.next_sequence();
    let mut next = state.clone();
    next.apply(sequence, name, entry).map_err(AppendError::Contradiction)?;
    let statement = Statement {
        repository,
        repository_name,
        ledger_ref: state.ledger_ref.clone(),
        sequence,
        previous: state.head.as_ref().map(|head| head.envelope),
        key: name,
        at,
        entry: entry.clone(),
    };
    let payload = statement.to_bytes()?;
    if Statement::parse(&payload)? != statement {
        return Err(StatementError::NotCanonical.into());
    }
    let bytes = Envelope::sign(payload, key).to_bytes();
    if bytes.len() > MAX_ENVELOPE {
        return Err(AppendError::TooLarge);
    }
    next.repository = Some(repository);
    next.revoked_since_read = matches!(entry, Entry::Key(KeyEntry { action: KeyAction::Revoke { .. }, .. }));
    next.head = Some(Head { sequence, envelope: Digest::of(&bytes), commit: None });
    Ok((bytes, next))
}
