//! Which keys of a target are ours: remembered by the server, whoever delivers.
//!
//! What is remembered are marks: keyed digests that nobody can guess a value by who does not have the key. Each target has a key of
//! its own, so that a job can make the marks of one target and of no other.

use async_trait::async_trait;
use countersign_core::domain::{JobId, RepoId, Sequence, TargetId};
use countersign_core::sync::{JobWord, Marks, Ownership};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::opened::Values;
use crate::engine::ports::{Answered, Desk, DeskError, Held, NoteKey, Seen};
use crate::engine::{Engine, TurnError};

/// What the keys of marks are made from: never signed for anything else.
const MARKS: &[u8] = b"countersign/marks-of-values/v2";

/// What sets the digest of all values apart from a mark.
const CONTENT: &[u8] = b"countersign/content-of-target/v1";

/// What is remembered of a target.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The server's key that the marks were made with.
    by: String,
    ours: Ownership,
}

/// What the marks of one target are made with.
pub(super) struct MarkKey(Zeroizing<[u8; 32]>);

impl MarkKey {
    /// As the server hands it to a job.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, bytes.as_mut()).ok()?;
        Some(Self(bytes))
    }

    fn text(&self) -> String {
        hex::encode(self.0.as_slice())
    }

    fn mark(&self, name: &str, value: &[u8]) -> String {
        hex::encode(keyed(&self.0, &[name.as_bytes(), value]))
    }

    pub(super) fn marks_of(&self, values: &Values) -> Marks {
        values.iter().map(|(name, value)| (name.clone(), self.mark(name, value.as_bytes()))).collect()
    }

    /// What changes when one of these values does and at no other time, for everybody to see: says as little of them as a mark.
    pub(super) fn content(&self, marks: &Marks) -> String {
        let parts = marks.iter().flat_map(|(name, mark)| [name.as_bytes(), mark.as_bytes()]);
        let whole = keyed(&self.0, &[CONTENT].into_iter().chain(parts).collect::<Vec<_>>());
        hex::encode(&whole[..16])
    }

    /// Marks of what a target holds.
    pub(super) fn marks_seen(&self, held: &Held, ours: &Ownership) -> Marks {
        let of = |(name, seen): (&String, &Seen)| {
            let mark = match seen {
                Seen::Value(value) => self.mark(name, value),
                Seen::Written(when) => ours.unread(name, when),
            };
            (name.clone(), mark)
        };
        held.values.iter().map(of).collect()
    }
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Where it is remembered which keys of a target are ours.
#[async_trait]
pub(super) trait Owning: Send + Sync {
    /// What its marks are made with.
    fn key(&self) -> &MarkKey;

    /// Which keys are ours.
    async fn ours(&self) -> Result<Ownership, TurnError>;

    /// Which are from now on.
    async fn keep(&self, ours: &Ownership) -> Result<(), TurnError>;
}

/// Our own journal.
pub(super) struct AtHome<'a> {
    engine: &'a Engine,
    repo: RepoId,
    id: &'a TargetId,
    key: MarkKey,
}

impl Engine {
    /// What this server remembers of a target.
    pub(super) fn owned<'a>(&'a self, repo: RepoId, id: &'a TargetId) -> AtHome<'a> {
        let master = Zeroizing::new(self.signer.derive(MARKS));
        let key = MarkKey(Zeroizing::new(keyed(&master, &[repo.to_string().as_bytes(), id.to_string().as_bytes()])));
        AtHome { engine: self, repo, id, key }
    }
}

impl AtHome<'_> {
    /// Which keys are ours. `true`: their marks can be compared with marks made now.
    pub(super) async fn known(&self) -> Result<(Ownership, bool), TurnError> {
        let note = self.engine.journal.note(self.repo, &NoteKey::Owned(self.id.clone())).await?;
        let note = note.and_then(|text| serde_json::from_str::<Note>(&text).ok());
        Ok(note.map_or((Ownership::default(), true), |note| (note.ours, note.by == self.by())))
    }

    /// What a job is told that begins.
    pub(super) async fn told(&self) -> Result<Answered, TurnError> {
        Ok(Answered::Begin { ours: self.known().await?.0, marks: self.key.text() })
    }

    fn by(&self) -> String {
        format!("{} v2", self.engine.signer.fingerprint())
    }
}

#[async_trait]
impl Owning for AtHome<'_> {
    fn key(&self) -> &MarkKey {
        &self.key
    }

    async fn ours(&self) -> Result<Ownership, TurnError> {
        Ok(self.known().await?.0)
    }

    async fn keep(&self, ours: &Ownership) -> Result<(), TurnError> {
        let note = Note { by: self.by(), ours: ours.clone() };
        let text = serde_json::to_string(&note).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        Ok(self.engine.journal.keep_note(self.repo, &NoteKey::Owned(self.id.clone()), &text).await?)
    }
}

/// The server's, asked by a job.
pub(super) struct AtServer<'a> {
    pub(super) desk: &'a dyn Desk,
    pub(super) server: &'a str,
    pub(super) order: &'a JobId,
    pub(super) key: MarkKey,
    pub(super) ours: Ownership,
}

impl AtServer<'_> {
    fn generation(&self) -> Sequence {
        self.order.generation
    }
}

#[async_trait]
impl Owning for AtServer<'_> {
    fn key(&self) -> &MarkKey {
        &self.key
    }

    async fn ours(&self) -> Result<Ownership, TurnError> {
        Ok(self.ours.clone())
    }

    async fn keep(&self, ours: &Ownership) -> Result<(), TurnError> {
        let word = JobWord::Claimed { generation: self.generation(), ours: ours.clone() };
        let said = self.desk.say(self.server, self.order, &word).await;
        said.map(|_| ()).map_err(|DeskError { what, help }| TurnError::Unheard { what, help })
    }
}
