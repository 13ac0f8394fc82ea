//! A journal in memory, for tests of the server: it keeps deliveries, and can be told to fail or to fall.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use countersign_core::domain::{
    Alias, Digest, Environment, Oid, PrNumber, RefName, RepoId, RepoName, Sequence, Span, Timestamp,
};
use countersign_core::facts::question::Movement;
use countersign_core::notify::Letter;

use crate::engine::ports::{
    Claim, Clock, Cluster, GivenUp, Granted, Grants, Journal, JournalError, LetterFigures, Mark, NewDelivery,
    NoCluster, NotGranted, NoteKey, Outbox, Presence, QueueDepth, Recorded, RepoRef, Sighting, Subject, Waiting,
    WhyNoCluster, WhyNot,
};

#[derive(Default)]
pub(super) struct Double {
    pub(super) deliveries: Mutex<BTreeMap<String, NewDelivery>>,
    pub(super) repositories: Vec<RepoRef>,
    pub(super) notes: Mutex<BTreeMap<NoteKey, String>>,
    pub(super) asked: Mutex<Vec<Subject>>,
    pub(super) broken: AtomicBool,
    pub(super) falls: AtomicBool,
}

impl Double {
    pub(super) fn count(&self) -> usize {
        self.deliveries.lock().unwrap().len()
    }

    pub(super) fn kept(&self, id: &str) -> NewDelivery {
        self.deliveries.lock().unwrap()[id].clone()
    }

    fn works(&self, action: &'static str) -> Result<(), JournalError> {
        assert!(!self.falls.load(Ordering::SeqCst), "told to fall");
        match self.broken.load(Ordering::SeqCst) {
            true => Err(JournalError { action, message: "told to fail".to_owned() }),
            false => Ok(()),
        }
    }
}

pub(super) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(43_200)
    }
}

/// The signing secret of targets.
pub(super) const HOOK_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Grants `HOOK_SECRET` to `acme/app`, another secret as `OTHER`, and nothing to anybody else.
pub(super) struct Granting;

impl Grants for Granting {
    fn secret(&self, repo: &RepoName, alias: &Alias) -> Result<Granted, NotGranted> {
        let secret = match (repo.to_string().as_str(), alias.as_str()) {
            ("acme/app", "HOOK_SECRET") => HOOK_SECRET,
            ("acme/app", "OTHER") => "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            _ => return Err(NotGranted { repo: repo.clone(), alias: alias.clone(), why: WhyNot::Unnamed }),
        };
        Ok(Granted::new(secret.into(), Vec::new(), false))
    }

    fn cluster(&self, repo: &RepoName, environment: &Environment, _: &str) -> Result<Cluster, NoCluster> {
        Err(NoCluster { repo: repo.clone(), environment: environment.clone(), why: WhyNoCluster::Unnamed })
    }
}

#[async_trait]
impl Outbox for Double {
    async fn is_told(&self, _: RepoId, _: &str) -> Result<bool, JournalError> {
        self.works("recall").map(|()| false)
    }

    async fn tell(&self, _: RepoId, _: &str, _: &[Letter], _: Timestamp) -> Result<bool, JournalError> {
        self.works("tell").map(|()| false)
    }

    async fn next_letter(&self, _: RepoId, _: Digest) -> Result<Option<Waiting>, JournalError> {
        self.works("look for a letter").map(|()| None)
    }

    async fn mark_letter(&self, _: RepoId, _: Digest, _: &Mark) -> Result<(), JournalError> {
        self.works("mark")
    }

    async fn first_sent(&self, _: RepoId, _: Digest, _: &str) -> Result<Option<Digest>, JournalError> {
        self.works("look for a letter").map(|()| None)
    }

    async fn letters(&self) -> Result<LetterFigures, JournalError> {
        self.works("count letters").map(|()| LetterFigures::default())
    }

    async fn given_up(&self, _: u32) -> Result<Vec<GivenUp>, JournalError> {
        self.works("list letters").map(|()| Vec::new())
    }

    async fn forget_letters(&self, _: Timestamp) -> Result<u64, JournalError> {
        self.works("throw letters away").map(|()| 0)
    }
}

#[async_trait]
impl Journal for Double {
    async fn record(&self, delivery: &NewDelivery) -> Result<Recorded, JournalError> {
        self.works("record a delivery")?;
        let mut deliveries = self.deliveries.lock().unwrap();
        if deliveries.contains_key(delivery.id.as_str()) {
            return Ok(Recorded::Duplicate);
        }
        deliveries.insert(delivery.id.to_string(), delivery.clone());
        Ok(Recorded::New)
    }

    async fn schedule(&self, subject: &Subject, _: Timestamp) -> Result<(), JournalError> {
        self.asked.lock().unwrap().push(subject.clone());
        self.works("schedule")
    }

    async fn claim(&self, _: &str, _: Timestamp, _: Span) -> Result<Option<Claim>, JournalError> {
        self.works("claim").map(|()| None)
    }

    async fn complete(&self, _: &Claim, _: Option<Timestamp>) -> Result<bool, JournalError> {
        self.works("complete").map(|()| false)
    }

    async fn fail(&self, _: &Claim, _: Timestamp, _: &str) -> Result<bool, JournalError> {
        self.works("fail").map(|()| false)
    }

    async fn renew(&self, _: &Claim, _: Timestamp, _: Span) -> Result<bool, JournalError> {
        self.works("renew").map(|()| false)
    }

    async fn depth(&self, _: Timestamp) -> Result<QueueDepth, JournalError> {
        self.works("count").map(|()| QueueDepth { due: self.count() as u64, oldest_seconds: 5 })
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, JournalError> {
        self.works("look ahead").map(|()| None)
    }

    async fn sight(&self, _: &Sighting) -> Result<(), JournalError> {
        self.works("sight")
    }

    async fn movements(&self, _: RepoId, _: &RefName) -> Result<Vec<Movement>, JournalError> {
        self.works("list movements").map(|()| Vec::new())
    }

    async fn reviews(&self, _: RepoId, _: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        self.works("list reviews").map(|()| Vec::new())
    }

    async fn comments(&self, _: RepoId, _: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        self.works("list comments").map(|()| Vec::new())
    }

    async fn repositories(&self) -> Result<Vec<RepoRef>, JournalError> {
        self.works("list repositories").map(|()| self.repositories.clone())
    }

    async fn presence(&self, _: RepoId, _: PrNumber) -> Result<Option<Presence>, JournalError> {
        self.works("read presence").map(|()| None)
    }

    async fn remember(&self, _: RepoId, _: PrNumber, _: &Presence) -> Result<(), JournalError> {
        self.works("remember")
    }

    async fn note(&self, _: RepoId, key: &NoteKey) -> Result<Option<String>, JournalError> {
        self.works("read a note").map(|()| self.notes.lock().unwrap().get(key).cloned())
    }

    async fn sync_notes(&self, _: RepoId) -> Result<Vec<(NoteKey, String)>, JournalError> {
        self.works("list notes").map(|()| Vec::new())
    }

    async fn keep_note(&self, _: RepoId, key: &NoteKey, text: &str) -> Result<(), JournalError> {
        self.works("keep a note")?;
        self.notes.lock().unwrap().insert(key.clone(), text.to_owned());
        Ok(())
    }

    async fn ledger_head(&self, _: RepoId) -> Result<Option<(Sequence, Oid)>, JournalError> {
        self.works("read the ledger head").map(|()| None)
    }

    async fn remember_ledger(&self, _: RepoId, _: Sequence, _: &Oid) -> Result<(), JournalError> {
        self.works("remember the ledger head")
    }
}
