//! Steps 6 and 7: what was pushed is held, the branch is moved back with a lease, and people are told in a change request.
//!
//! Decides nothing: it carries out what the ledger says, and what is done already it leaves.

use countersign_core::domain::{Oid, RefName};
use countersign_core::effect::{Effect, Receipt};
use countersign_core::facts::question::Movement;
use countersign_core::facts::{Quarantine, Question};
use countersign_core::ledger::{PushOutcome, PutBackEntry};
use tracing::{error, info, warn};

use super::Looked;
use crate::engine::book::Place;
use crate::engine::crash::{Point, here};
use crate::engine::ports::{Claim, Freshness, Presence, RepoError, Sighting, Subject};
use crate::engine::{Engine, TurnError, lock};

impl Engine {
    /// Carries out what the ledger says of a push that stands on its branch.
    pub(super) async fn carry_out(
        &self,
        claim: &Claim,
        place: &mut Place,
        entry: &PutBackEntry,
    ) -> Result<Looked, TurnError> {
        let mut entry = entry.clone();
        if let Err(TurnError::Repo(RepoError::Refused { message, .. })) = self.hold(claim, place, &entry).await {
            warn!(%message, "what was pushed may not be held on a branch of its own");
            self.quarantine(claim, place, PutBackEntry { held: None, ..entry }, Quarantine::Rules).await?;
            return Ok(Looked::Done);
        }
        here(Point::PutBackHeld);
        match (entry.outcome, &entry.restored) {
            (PushOutcome::PutBack, Some(restored)) => {
                let restored = restored.clone();
                match self.move_back(claim, place, &entry, &restored).await {
                    Ok(()) => {}
                    Err(TurnError::Repo(RepoError::Refused { message, .. })) => {
                        warn!(%message, "the branch may not be moved back");
                        entry = self.quarantine(claim, place, entry, Quarantine::Rules).await?;
                    }
                    Err(fault) => return Err(fault),
                }
            }
            (PushOutcome::PutBack, None) | (PushOutcome::Quarantined(_), _) => self.alert(place, &entry),
        }
        here(Point::PutBackMoved);
        self.request(claim, place, &entry).await?;
        here(Point::PutBackRequested);
        Ok(Looked::Done)
    }

    /// Pushes `K` to where it is held, unless it is there. Taken by something else meanwhile: the look begins anew.
    async fn hold(&self, claim: &Claim, place: &mut Place, entry: &PutBackEntry) -> Result<(), TurnError> {
        let (Some(held), Some(kept)) = (&entry.held, &entry.kept) else { return Ok(()) };
        // it is there; or somebody moved it on: it is theirs now, and the request shows it
        if place.refs.contains_key(held) {
            return Ok(());
        }
        self.still_ours(claim).await?;
        self.repo.push(&place.repo, held, None, kept).await?;
        self.saw_ourselves_push(place, held, None, kept).await?;
        place.refs.insert(held.clone(), kept.clone());
        Ok(())
    }

    /// Moves the branch from exactly what was pushed to what is approved.
    async fn move_back(
        &self,
        claim: &Claim,
        place: &mut Place,
        entry: &PutBackEntry,
        restored: &Oid,
    ) -> Result<(), TurnError> {
        self.still_ours(claim).await?;
        self.repo.push(&place.repo, &entry.branch, Some(&entry.pushed), restored).await?;
        self.saw_ourselves_push(place, &entry.branch, Some(&entry.pushed), restored).await?;
        warn!(repository = %place.repo.name, branch = entry.branch.short(), pushed = %entry.pushed, %restored, event = "change.put_back", "a direct push was put back");
        place.refs.insert(entry.branch.clone(), restored.clone());
        // every open change stands on another ground now
        self.journal.schedule(&Subject::Repository(place.repo.id), self.clock.now()).await?;
        Ok(())
    }

    /// Who moved a reference is told by a delivery; that we did is known without one.
    pub(in crate::engine) async fn saw_ourselves_push(
        &self,
        place: &Place,
        reference: &RefName,
        before: Option<&Oid>,
        after: &Oid,
    ) -> Result<(), TurnError> {
        let nothing = Oid::parse(&"0".repeat(after.as_str().len()));
        let before =
            before.cloned().map_or_else(|| nothing, Ok).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        let movement = Movement {
            before,
            after: after.clone(),
            actor: Some(self.ourselves().await?.clone()),
            at: self.clock.now(),
            delivery: None,
        };
        let sighting = Sighting::Push { repo: place.repo.id, reference: reference.clone(), movement };
        Ok(self.journal.sight(&sighting).await?)
    }

    /// Writes down that a push is left where it is after all.
    async fn quarantine(
        &self,
        claim: &Claim,
        place: &mut Place,
        entry: PutBackEntry,
        why: Quarantine,
    ) -> Result<PutBackEntry, TurnError> {
        let entry = PutBackEntry { outcome: PushOutcome::Quarantined(why), at: self.clock.now(), ..entry };
        self.record_put_back(claim, place, &entry).await?;
        self.alert(place, &entry);
        Ok(entry)
    }

    /// Said with every look while it lasts.
    fn alert(&self, place: &Place, entry: &PutBackEntry) {
        let why = entry.quarantine().map_or("", Quarantine::words);
        error!(repository = %place.repo.name, branch = entry.branch.short(), pushed = %entry.pushed, why, event = "environment.quarantined", "the branch holds what nobody approved; nothing is delivered from it");
    }

    /// Requests that a crash kept from being opened: of every push that is held, and was put back or is quarantined.
    pub(super) async fn hold_open(
        &self,
        claim: &Claim,
        place: &mut Place,
        branch: &RefName,
        tip: &Oid,
    ) -> Result<(), TurnError> {
        let entries: Vec<PutBackEntry> = place.state().put_backs(branch).map(|(_, entry)| entry.clone()).collect();
        for entry in entries {
            let (Some(held), Some(kept), Some(restored)) = (&entry.held, &entry.kept, &entry.restored) else {
                continue;
            };
            if place.refs.get(held) != Some(kept) {
                continue;
            }
            // one that another push overtook before it was carried out never stood for itself
            if self.repo.reaches(&place.repo, tip, restored).await? {
                self.request(claim, place, &entry).await?;
            } else if entry.quarantine().is_some() && !self.is_noted(place, (held, kept), tip) {
                self.follow(claim, place, &entry, (tip, restored, kept)).await?;
            }
        }
        Ok(())
    }

    /// A quarantine that ended in another way than by `Y`: what was pushed is brought onto the tip, else its request would have no
    /// content any more. Once, while the request is open.
    async fn follow(
        &self,
        claim: &Claim,
        place: &mut Place,
        entry: &PutBackEntry,
        (tip, restored, kept): (&Oid, &Oid, &Oid),
    ) -> Result<(), TurnError> {
        let Some(held) = &entry.held else { return Ok(()) };
        let question = Question::ChangesOfBranch { head: held.clone(), base: entry.branch.clone() };
        let known = self.forge.answer(&place.repo, &question, Freshness::Now).await?.changes()?;
        if !known.iter().any(|change| change.open && change.head == *kept) {
            self.note(place, (held, kept), tip);
            return Ok(());
        }
        let pushed = self.repo.delta(&place.repo, restored, kept).await?;
        let Some(made) = self.repo.commits(&place.repo, restored, kept).await?.into_iter().next() else {
            return Ok(());
        };
        let placed = pushed.entries().iter().map(|entry| (entry.path.clone(), entry.new.clone())).collect();
        let author = Some((made.author_name, made.author_email));
        let followed = self.composed(place, tip, &placed, author, made.message).await?;
        self.still_ours(claim).await?;
        self.repo.push(&place.repo, held, Some(kept), &followed).await?;
        self.saw_ourselves_push(place, held, Some(kept), &followed).await?;
        info!(held = held.short(), %tip, "what was pushed waits on top of what is approved");
        place.refs.insert(held.clone(), followed);
        Ok(())
    }

    /// Whether this process knows that what is held needs nothing more: for a push, or now that the branch is at a tip.
    fn is_noted(&self, place: &Place, (held, kept): (&RefName, &Oid), commit: &Oid) -> bool {
        let branches = lock(&self.memory.branches);
        let known = branches.get(&(place.repo.id, held.clone()));
        known.is_some_and(|(head, commits)| head == kept && commits.contains(commit))
    }

    fn note(&self, place: &Place, (held, kept): (&RefName, &Oid), commit: &Oid) {
        let mut branches = lock(&self.memory.branches);
        let known = branches.entry((place.repo.id, held.clone())).or_insert_with(|| (kept.clone(), Vec::new()));
        if known.0 != *kept {
            *known = (kept.clone(), Vec::new());
        }
        known.1.push(commit.clone());
    }

    /// Opens the request of a push, unless there is or was one.
    async fn request(&self, claim: &Claim, place: &mut Place, entry: &PutBackEntry) -> Result<(), TurnError> {
        let (Some(held), Some(kept)) = (&entry.held, &entry.kept) else { return Ok(()) };
        if self.is_noted(place, (held, kept), &entry.pushed) {
            return Ok(());
        }
        let question = Question::ChangesOfBranch { head: held.clone(), base: entry.branch.clone() };
        let known = self.forge.answer(&place.repo, &question, Freshness::Now).await?.changes()?;
        if let Some(open) = known.iter().find(|change| change.open) {
            self.journal.schedule(&Subject::Change(place.repo.id, open.number), self.clock.now()).await?;
        } else if known.is_empty() {
            self.open_held(claim, place, entry, held).await?;
        }
        self.note(place, (held, kept), &entry.pushed);
        Ok(())
    }

    async fn open_held(
        &self,
        claim: &Claim,
        place: &Place,
        entry: &PutBackEntry,
        held: &RefName,
    ) -> Result<(), TurnError> {
        let Some(description) = self.describe_held(place, held, entry.quarantine()) else { return Ok(()) };
        self.still_ours(claim).await?;
        let opening = Effect::OpenChange {
            head: held.clone(),
            base: entry.branch.clone(),
            title: description.title.clone(),
            body: description.body.clone(),
        };
        if let Receipt::Opened(number) = self.forge.apply(&place.repo, &opening).await? {
            info!(change = number.get(), pushed = %entry.pushed, "a direct push waits for review");
            let description = Some(description.digest());
            let presence = Presence { check: None, comment: None, description, asked: Vec::new() };
            self.remember(&place.repo, number, &presence).await?;
            self.journal.schedule(&Subject::Change(place.repo.id, number), self.clock.now()).await?;
        }
        Ok(())
    }
}
