//! The in-toto statement that an envelope carries: who says what about which commit, at which place of which ledger.
//!
//! As with the envelope, a statement has exactly one text: reading one and writing it again must give the same bytes. That
//! refuses duplicate or surplus fields, other spellings and subjects that do not belong to the entry. It never stands in for
//! checking the signature, which is over the bytes as they were kept.
//!
//! Source: in-toto attestation framework, `spec/v1/statement.md` and `spec/v1/digest_set.md`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::entry::{Entry, EntryError, Kind, POLICY_PATH};
use super::keys::KeyFingerprint;
use crate::domain::{Digest, RefName, RepoId, RepoName, Sequence, Timestamp};

/// Statement type.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Predicate types are this, the kind, and [`PREDICATE_VERSION`].
const PREDICATE_PREFIX: &str = "https://countersign.dev/ledger/";
/// Version of every kind so far.
const PREDICATE_VERSION: &str = "/v1";

/// What one entry states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Repository it speaks of.
    pub repository: RepoId,
    /// Its name then, for people.
    pub repository_name: RepoName,
    /// The ledger it belongs to.
    pub ledger_ref: RefName,
    /// Its place in the ledger.
    pub sequence: Sequence,
    /// SHA-256 of the previous envelope's bytes; `None` for the first.
    pub previous: Option<Digest>,
    /// The key it is signed with.
    pub key: KeyFingerprint,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
}

/// Why a payload is no statement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StatementError {
    /// No JSON object with exactly the fields of a statement.
    #[error("it is no ledger statement: {0}")]
    Shape(String),
    /// No entry of this version.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The same content in another spelling, a field twice, or a subject that is not the entry's.
    #[error("it is not written the one way an entry is written")]
    NotCanonical,
    /// Cannot be written.
    #[error("it cannot be written as JSON")]
    Unwritable,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: SubjectDigest,
}

#[derive(Serialize, Deserialize)]
enum SubjectDigest {
    #[serde(rename = "gitCommit")]
    Commit(String),
    #[serde(rename = "sha256")]
    Sha256(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Predicate {
    repository: RepoId,
    repository_name: RepoName,
    ledger_ref: RefName,
    sequence: Sequence,
    previous: Option<Digest>,
    key: KeyFingerprint,
    at: Timestamp,
    entry: Value,
}

impl Statement {
    /// Reads the one text a statement has.
    ///
    /// # Errors
    /// When the bytes are anything else, or the kind is one this version does not know.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let shape = |error: serde_json::Error| StatementError::Shape(error.to_string());
        // The kind first: a newer version may have changed everything around it.
        let loose: Value = serde_json::from_slice(bytes).map_err(shape)?;
        let kind = kind_of(loose.get("predicateType").and_then(Value::as_str).unwrap_or_default())?;
        let wire: Wire = serde_json::from_slice(bytes).map_err(shape)?;
        let said = wire.predicate;
        let statement = Self {
            repository: said.repository,
            repository_name: said.repository_name,
            ledger_ref: said.ledger_ref,
            sequence: said.sequence,
            previous: said.previous,
            key: said.key,
            at: said.at,
            entry: Entry::from_json(kind, said.entry)?,
        };
        if statement.to_bytes()? == bytes { Ok(statement) } else { Err(StatementError::NotCanonical) }
    }

    /// The text.
    ///
    /// # Errors
    /// When something in the entry cannot be JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StatementError> {
        let wire = Wire {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![subject(&self.entry)],
            predicate_type: format!("{PREDICATE_PREFIX}{}{PREDICATE_VERSION}", self.entry.kind().as_str()),
            predicate: Predicate {
                repository: self.repository,
                repository_name: self.repository_name.clone(),
                ledger_ref: self.ledger_ref.clone(),
                sequence: self.sequence,
                previous: self.previous,
                key: self.key,
                at: self.at,
                entry: self.entry.to_json().map_err(|_| StatementError::Unwritable)?,
            },
        };
        serde_json::to_vec(&wire).map_err(|_| StatementError::Unwritable)
    }
}

/// `https://countersign.dev/ledger/<kind>/v1`: anything else of ours is newer, anything not of ours is not a ledger statement.
fn kind_of(predicate_type: &str) -> Result<Kind, StatementError> {
    let Some(rest) = predicate_type.strip_prefix(PREDICATE_PREFIX) else {
        return Err(StatementError::Shape(format!("its predicate type does not start with `{PREDICATE_PREFIX}`")));
    };
    match rest.strip_suffix(PREDICATE_VERSION) {
        Some(name) => Ok(Kind::parse(name)?),
        None => Err(EntryError::UnknownKind(rest.chars().take(80).collect()).into()),
    }
}

/// What an entry is about, in in-toto's terms.
fn subject(entry: &Entry) -> Subject {
    let commit = |name: &str, oid: &crate::domain::Oid| Subject {
        name: name.to_owned(),
        digest: SubjectDigest::Commit(oid.as_str().to_owned()),
    };
    let sha256 =
        |name: &str, digest: Digest| Subject { name: name.to_owned(), digest: SubjectDigest::Sha256(hex(digest)) };
    match entry {
        Entry::Adopted(entry) => commit(entry.branch.as_str(), &entry.commit),
        Entry::Policy(entry) => sha256(POLICY_PATH, entry.digest),
        Entry::Key(entry) => sha256("key", entry.public_key.fingerprint().digest()),
        Entry::Push(entry) => commit(entry.reference.as_str(), &entry.after),
        Entry::Vote(entry) => commit(&format!("pull/{}", entry.pull), &entry.commit),
        Entry::Decision(entry) => commit(&format!("pull/{}", entry.pull), &entry.head),
        Entry::Merge(entry) => commit(&format!("pull/{}", entry.pull), &entry.commit),
        Entry::PutBack(entry) => commit(entry.branch.as_str(), &entry.pushed),
        Entry::Bypass(entry) => commit(&format!("pull/{}", entry.pull), &entry.commit),
        Entry::Ratification(entry) => commit(&format!("pull/{}", entry.pull), &entry.head),
        Entry::Revocation(entry) => commit(&entry.path.to_string(), &entry.commit),
        Entry::Sync(entry) => commit(&format!("sync/{}", entry.id()), &entry.commit),
    }
}

fn hex(digest: Digest) -> String {
    hex::encode(digest.as_bytes())
}
