//! Writes the next entry.
//!
//! The same fold that verifies decides whether an entry may be written: what would not verify is never signed. Committing the
//! bytes is the caller's work; nothing here touches Git or reads the clock.

use thiserror::Error;

use super::entry::Entry;
use super::envelope::{Envelope, MAX_ENVELOPE};
use super::keys::{KeyFingerprint, SigningKey};
use super::state::{Head, KeyStatus, LedgerState};
use super::statement::{Statement, StatementError};
use crate::domain::{Digest, RepoName, Sequence, Timestamp};

/// An entry that is signed and not committed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its place.
    pub sequence: Sequence,
    /// SHA-256 of the bytes.
    pub envelope: Digest,
    /// What goes into `entry.json`, byte for byte.
    pub bytes: Vec<u8>,
    /// What the ledger says with it. Go on from here, or call [`LedgerState::landed`] once it is committed.
    pub state: LedgerState,
}

/// Why an entry is not written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The repository's number is not known.
    #[error(
        "the ledger does not know which repository it belongs to\nhelp: connect to GitHub once; nothing is written offline"
    )]
    NoRepository,
    /// The key may not sign here.
    #[error(
        "the signing key {0} may not write to this ledger\nhelp: use the key that adopted the repository, or add this one with a `key` entry signed by it"
    )]
    Key(KeyFingerprint),
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

/// Signs the entry that comes next.
///
/// # Errors
/// When the key may not sign, the entry contradicts the ledger, or it would not read back as itself.
pub fn append(
    state: &LedgerState,
    repository_name: &RepoName,
    entry: Entry,
    key: &SigningKey,
    at: Timestamp,
) -> Result<Appended, AppendError> {
    let name = key.fingerprint();
    let repository = state.repository.ok_or(AppendError::NoRepository)?;
    let may_sign = match state.keys.get(&name) {
        Some(known) => known.status == KeyStatus::Active,
        None => state.head.is_none(),
    };
    if !may_sign {
        return Err(AppendError::Key(name));
    }
    let sequence = state.next_sequence();
    let mut next = state.clone();
    next.apply(sequence, name, &entry).map_err(AppendError::Contradiction)?;
    let statement = Statement {
        repository,
        repository_name: repository_name.clone(),
        ledger_ref: state.ledger_ref.clone(),
        sequence,
        previous: state.head.as_ref().map(|head| head.envelope),
        key: name,
        at,
        entry,
    };
    let payload = statement.to_bytes()?;
    if Statement::parse(&payload)? != statement {
        return Err(StatementError::NotCanonical.into());
    }
    let bytes = Envelope::sign(payload, key).to_bytes();
    if bytes.len() > MAX_ENVELOPE {
        return Err(AppendError::TooLarge);
    }
    let envelope = Digest::of(&bytes);
    next.head = Some(Head { sequence, envelope, commit: None });
    Ok(Appended { sequence, envelope, bytes, state: next })
}
