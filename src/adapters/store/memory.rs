//! The journal in plain memory, for tests and for runs that end with the process. It never touches a disk and forgets everything
//! when dropped; everything else it does as SQLite does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use countersign_core::domain::{DeliveryId, Oid, PrNumber, RefName, RepoId, Sequence, Span, Timestamp};
use countersign_core::facts::question::Movement;

use super::{forget_before, key};
use crate::engine::ports::{
    Claim, Journal, JournalError, NewDelivery, NoteKey, Presence, QueueDepth, Recorded, RepoRef, Sighting, Subject,
};

mod letters;

use letters::Kept;

/// A journal that lives as long as the process.
#[derive(Default)]
pub struct MemoryJournal(Mutex<State>);

#[derive(Default)]
struct State {
    deliveries: BTreeMap<DeliveryId, Timestamp>,
    /// By the written subject, so that ties are broken as SQLite breaks them.
    work: BTreeMap<String, Work>,
    last_fence: u64,
    pushes: Vec<(RepoId, RefName, Movement)>,
    reviews: Vec<(RepoId, PrNumber, Sighting)>,
    comments: Vec<(RepoId, PrNumber, Sighting)>,
    repositories: BTreeMap<RepoId, RepoRef>,
    presences: BTreeMap<(RepoId, PrNumber), Presence>,
    ledger_heads: BTreeMap<RepoId, (Sequence, Oid)>,
    notes: BTreeMap<(RepoId, NoteKey), String>,
    told: BTreeSet<(RepoId, String)>,
    /// In order of arrival.
    letters: Vec<Kept>,
}

struct Work {
    subject: Subject,
    due: Timestamp,
    later: Option<Timestamp>,
    asked: u64,
    lease: Option<Lease>,
    attempts: u32,
}

struct Lease {
    owner: String,
    fence: u64,
    until: Timestamp,
}

impl Work {
    fn claimable_at(&self) -> Timestamp {
        self.lease.as_ref().map_or(self.due, |lease| lease.until.max(self.due))
    }

    fn held_by(&self, claim: &Claim) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.fence == claim.fence && lease.owner == claim.owner)
    }

    fn release(&mut self, due: Timestamp, attempts: u32) {
        (self.due, self.later, self.lease, self.attempts) = (due, None, None, attempts);
    }
}

impl State {
    fn schedule(&mut self, subject: &Subject, due: Timestamp) {
        let work = self.work.entry(key::write(subject)).or_insert_with(|| Work {
            subject: subject.clone(),
            due,
            later: None,
            asked: 0,
            lease: None,
            attempts: 0,
        });
        work.asked += 1;
        match work.lease {
            None => work.due = work.due.min(due),
            Some(_) => work.later = Some(work.later.map_or(due, |later| later.min(due))),
        }
    }

    fn sight(&mut self, sighting: &Sighting) {
        match sighting {
            Sighting::Push { repo, reference, movement } => {
                let push = (*repo, reference.clone(), movement.clone());
                if !self.pushes.contains(&push) {
                    self.pushes.push(push);
                }
            }
            Sighting::Review { repo, change, .. } => {
                let review = (*repo, *change, sighting.clone());
                if !self.reviews.contains(&review) {
                    self.reviews.push(review);
                }
            }
            Sighting::Comment { repo, change, .. } => {
                let comment = (*repo, *change, sighting.clone());
                if !self.comments.contains(&comment) {
                    self.comments.push(comment);
                }
            }
            Sighting::Installed { repo, name, installation: Some(installation) } => {
                let reachable = RepoRef { id: *repo, name: name.clone(), installation: *installation };
                self.repositories.insert(*repo, reachable);
            }
            Sighting::Installed { repo, name: _, installation: None } => {
                self.repositories.remove(repo);
            }
        }
    }
}

impl MemoryJournal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn record(&self, delivery: &NewDelivery) -> Result<Recorded, JournalError> {
        let mut state = self.state();
        let limit = forget_before(delivery.at);
        state.deliveries.retain(|_, at| *at >= limit);
        if state.deliveries.contains_key(&delivery.id) {
            return Ok(Recorded::Duplicate);
        }
        state.deliveries.insert(delivery.id.clone(), delivery.at);
        for sighting in &delivery.sightings {
            state.sight(sighting);
        }
        for (subject, due) in &delivery.look_at {
            state.schedule(subject, *due);
        }
        Ok(Recorded::New)
    }

    async fn schedule(&self, subject: &Subject, due: Timestamp) -> Result<(), JournalError> {
        self.state().schedule(subject, due);
        Ok(())
    }

    async fn claim(&self, owner: &str, now: Timestamp, lease: Span) -> Result<Option<Claim>, JournalError> {
        let state = &mut *self.state();
        let free = state.work.iter_mut().filter(|(_, work)| work.claimable_at() <= now);
        let Some((_, work)) = free.min_by_key(|(key, work)| (work.due, (*key).clone())) else { return Ok(None) };
        state.last_fence += 1;
        let fence = state.last_fence;
        work.later = None;
        work.attempts = work.attempts.saturating_add(u32::from(work.lease.is_some()));
        work.lease = Some(Lease { owner: owner.to_owned(), fence, until: now.plus(lease) });
        let (subject, attempts, asked) = (work.subject.clone(), work.attempts, work.asked);
        Ok(Some(Claim { subject, owner: owner.to_owned(), fence, attempts, asked }))
    }

    async fn complete(&self, claim: &Claim, again: Option<Timestamp>) -> Result<bool, JournalError> {
        let mut state = self.state();
        let key = key::write(&claim.subject);
        let Some(work) = state.work.get_mut(&key).filter(|work| work.held_by(claim)) else { return Ok(false) };
        match [work.later, again].into_iter().flatten().min() {
            Some(due) => work.release(due, 0),
            None => drop(state.work.remove(&key)),
        }
        Ok(true)
    }

    async fn fail(&self, claim: &Claim, again: Timestamp, _reason: &str) -> Result<bool, JournalError> {
        let mut state = self.state();
        let work = state.work.get_mut(&key::write(&claim.subject)).filter(|work| work.held_by(claim));
        let Some(work) = work else { return Ok(false) };
        work.release(work.later.map_or(again, |later| later.min(again)), work.attempts.saturating_add(1));
        Ok(true)
    }

    async fn renew(&self, claim: &Claim, now: Timestamp, lease: Span) -> Result<bool, JournalError> {
        let mut state = self.state();
        let work = state.work.get_mut(&key::write(&claim.subject)).filter(|work| work.held_by(claim));
        match work.and_then(|work| work.lease.as_mut()).filter(|held| held.until > now) {
            Some(held) => {
                held.until = held.until.max(now.plus(lease));
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn depth(&self, now: Timestamp) -> Result<QueueDepth, JournalError> {
        let state = self.state();
        let waiting = || state.work.values().filter(|work| work.claimable_at() <= now);
        let leased = state.work.values().filter(|work| work.lease.as_ref().is_some_and(|held| held.until > now));
        Ok(QueueDepth {
            due: (waiting().count() + leased.count()) as u64,
            oldest_seconds: waiting().map(|work| now.since(work.due).seconds()).max().unwrap_or(0),
        })
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, JournalError> {
        Ok(self.state().work.values().map(Work::claimable_at).min())
    }

    async fn sight(&self, sighting: &Sighting) -> Result<(), JournalError> {
        self.state().sight(sighting);
        Ok(())
    }

    async fn movements(&self, repo: RepoId, reference: &RefName) -> Result<Vec<Movement>, JournalError> {
        let state = self.state();
        let of_it = state.pushes.iter().rev().filter(|(of, moved, _)| *of == repo && moved == reference);
        let mut moves: Vec<Movement> = of_it.map(|(_, _, movement)| movement.clone()).collect();
        moves.sort_by_key(|movement| std::cmp::Reverse(movement.at));
        Ok(moves)
    }

    async fn reviews(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        let state = self.state();
        let of_it = state.reviews.iter().filter(|(of, number, _)| *of == repo && *number == change);
        Ok(of_it.map(|(_, _, review)| review.clone()).collect())
    }

    async fn comments(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        let state = self.state();
        let of_it = state.comments.iter().filter(|(of, number, _)| *of == repo && *number == change);
        Ok(of_it.map(|(_, _, comment)| comment.clone()).collect())
    }

    async fn repositories(&self) -> Result<Vec<RepoRef>, JournalError> {
        Ok(self.state().repositories.values().cloned().collect())
    }

    async fn presence(&self, repo: RepoId, change: PrNumber) -> Result<Option<Presence>, JournalError> {
        Ok(self.state().presences.get(&(repo, change)).cloned())
    }

    async fn remember(&self, repo: RepoId, change: PrNumber, presence: &Presence) -> Result<(), JournalError> {
        self.state().presences.insert((repo, change), presence.clone());
        Ok(())
    }

    async fn note(&self, repo: RepoId, key: &NoteKey) -> Result<Option<String>, JournalError> {
        Ok(self.state().notes.get(&(repo, key.clone())).cloned())
    }

    async fn sync_notes(&self, repo: RepoId) -> Result<Vec<(NoteKey, String)>, JournalError> {
        let state = self.state();
        let of_it = state.notes.iter().filter(|((of, key), _)| {
            *of == repo && key::SYNC_NOTES.iter().any(|prefix| key::write_note(key).starts_with(prefix))
        });
        Ok(of_it.map(|((_, key), text)| (key.clone(), text.clone())).collect())
    }

    async fn keep_note(&self, repo: RepoId, key: &NoteKey, text: &str) -> Result<(), JournalError> {
        self.state().notes.insert((repo, key.clone()), text.to_owned());
        Ok(())
    }

    async fn ledger_head(&self, repo: RepoId) -> Result<Option<(Sequence, Oid)>, JournalError> {
        Ok(self.state().ledger_heads.get(&repo).cloned())
    }

    async fn remember_ledger(&self, repo: RepoId, sequence: Sequence, commit: &Oid) -> Result<(), JournalError> {
        let mut state = self.state();
        if state.ledger_heads.get(&repo).is_none_or(|(known, _)| *known < sequence) {
            state.ledger_heads.insert(repo, (sequence, commit.clone()));
        }
        Ok(())
    }
}
