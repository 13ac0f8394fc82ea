//! A governed branch is looked at: does it hold what was approved, and if not, whose doing is it? (`changes.md` 2, steps 1 to 7)
//!
//! What is restored, what is kept and what becomes of the branch is `countersign_core::putback`'s word. Here it is read, written down
//! and carried out, in the numbered order: a crash between any two steps is healed by the next look, from the ledger and the
//! references. Nothing is ever moved without a lease, nor without an entry that says so.

mod carry;
mod entry;
mod since;

pub(super) use since::Since;

use std::sync::Arc;

use countersign_core::domain::{Oid, RefName, Sequence, Span, Timestamp};
use countersign_core::facts::compare::Branches;
use countersign_core::putback::{Ground, Standing, plan, standing};
use tracing::{error, info};

use super::book::{Found, Place};
use super::crash::{Point, here};
use super::foreign::Foreign;
use super::ports::{Claim, RepoError};
use super::{Engine, TurnError, lock};

/// How often a look begins anew because somebody moved the branch meanwhile.
const ROUNDS: usize = 3;

/// How long the delivery of a push is waited for that was seen before it was told.
const PATIENCE: Span = Span::from_seconds(12);

/// How long what was decided is taken to be carried out by ourselves, without asking GitHub who did it.
const OURS: Span = Span::from_seconds(60);

/// When a push is looked at again whose delivery is waited for.
const SOON: Span = Span::from_seconds(4);

/// A branch that held what was approved when it was last looked at.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    tip: Oid,
    ledger: Sequence,
    at: Timestamp,
}

/// How one look at a branch ended.
enum Looked {
    /// As it should be, or everything that can be done is done.
    Done,
    /// Somebody moved something meanwhile, or a step changed what the next rests on.
    Again,
    /// Something is on its way; look at this time.
    At(Timestamp),
}

impl Engine {
    /// Looks at every governed branch; when to look again sooner than the sweep would.
    pub(super) async fn guard(
        &self,
        claim: &Claim,
        place: &mut Place,
        branches: &[RefName],
    ) -> Result<Option<Timestamp>, TurnError> {
        let gate = lock(&self.memory.gates).entry(place.repo.id).or_default().clone();
        let free = Arc::clone(&gate).try_lock_owned();
        let waited = free.is_err();
        let _one_at_a_time = match free {
            Ok(held) => held,
            Err(_) => gate.lock_owned().await,
        };
        if waited && !self.read_again(claim, place).await? {
            return Ok(None);
        }
        let mut soonest: Option<Timestamp> = None;
        for branch in branches {
            if let Some(at) = self.guard_branch(claim, place, branch).await? {
                soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
            }
        }
        Ok(soonest)
    }

    async fn guard_branch(
        &self,
        claim: &Claim,
        place: &mut Place,
        branch: &RefName,
    ) -> Result<Option<Timestamp>, TurnError> {
        let mut moved = 0;
        while moved < ROUNDS {
            match self.look_at_governed(claim, place, branch).await {
                Ok(Looked::Done) => return Ok(None),
                Ok(Looked::At(at)) => return Ok(Some(at)),
                Ok(Looked::Again) => {}
                Err(TurnError::Repo(RepoError::LeaseLost(_))) => moved += 1,
                Err(fault) => return Err(fault),
            }
            if !self.read_again(claim, place).await? {
                return Ok(None);
            }
        }
        Err(TurnError::KeptMoving(branch.short().to_owned()))
    }

    /// References first, then the ledger, both now; `false`: nothing can be decided here any more.
    pub(super) async fn read_again(&self, claim: &Claim, place: &mut Place) -> Result<bool, TurnError> {
        let repo = place.repo.clone();
        match self.find(claim, &repo, &[]).await? {
            Found::Managed(now) => {
                *place = now;
                Ok(true)
            }
            Found::Unmanaged | Found::Closed(_) => Ok(false),
        }
    }

    async fn look_at_governed(&self, claim: &Claim, place: &mut Place, branch: &RefName) -> Result<Looked, TurnError> {
        let now = self.clock.now();
        if !place.state().is_adopted(branch) {
            return Ok(Looked::Done);
        }
        let Some(tip) = place.refs.get(branch).cloned() else {
            error!(repository = %place.repo.name, branch = branch.short(), event = "environment.quarantined", "a governed branch is gone; nothing is delivered from it");
            return Ok(Looked::Done);
        };
        if self.is_watched(place, branch, &tip, now) {
            self.hold_open(claim, place, branch, &tip).await?;
            return Ok(Looked::Done);
        }
        let entries = self.repo.entries(&place.repo, &tip).await?;
        let default_branch = place.default_branch.clone();
        let branches = Branches { base: branch, default: &default_branch };
        let ground = Ground { policy: &place.policy, branches, repository: place.repo.id };
        let intents = place.state().open_intents();
        match standing(ground, place.approved(branch), &entries, &intents, now) {
            Standing::AsApproved => {
                let watched = Watched { tip: tip.clone(), ledger: place.sequence(), at: now };
                lock(&self.memory.watched).insert((place.repo.id, branch.clone()), watched);
                self.hold_open(claim, place, branch, &tip).await?;
                return Ok(Looked::Done);
            }
            // what was decided, put there by somebody else: a veto may have come meanwhile
            Standing::InFlight { .. } if self.moved_by_another(place, branch, &tip).await? => {}
            Standing::InFlight { decision, age } if age < OURS => {
                info!(branch = branch.short(), decision = %decision.label(), "what stands there is what was just decided");
                return Ok(Looked::At(now.plus(SOON)));
            }
            Standing::InFlight { .. } => {
                // not ours any more: somebody else may have carried out what was decided, and nobody told
                let since = self.since(place, branch, &tip).await?;
                let recorded = self.record_foreign(claim, place, branch, &since).await?;
                return Ok(if recorded == Foreign::Recorded { Looked::Again } else { Looked::At(now.plus(OURS)) });
            }
            Standing::Differs => {}
        }
        let since = self.since(place, branch, &tip).await?;
        match self.record_foreign(claim, place, branch, &since).await? {
            Foreign::Recorded => {
                here(Point::ForeignRecorded);
                return Ok(Looked::Again);
            }
            Foreign::Landing if self.may_still_be_told(place, &tip, now) => return Ok(Looked::At(now.plus(SOON))),
            Foreign::Landing | Foreign::None => {}
        }
        let pushed = self.pushed_by(place, branch, &tip, &since).await?;
        if pushed.sender.answer().is_none() && self.may_still_be_told(place, &tip, now) {
            return Ok(Looked::At(now.plus(SOON)));
        }
        let ground = Ground { policy: &place.policy, branches, repository: place.repo.id };
        let listed = plan(ground, place.approved(branch), &entries, &std::collections::BTreeMap::new());
        let documents = self.documents_as_approved(place, branch, &tip, &listed).await?;
        let plan = plan(ground, place.approved(branch), &entries, &documents);
        let entry = self.put_back_entry(claim, place, (branch, &tip), (&plan, &since, &pushed)).await?;
        self.carry_out(claim, place, &entry).await
    }

    /// Whether the branch is known to hold what is approved. That it was looked at is remembered: a later push stood no longer.
    fn is_watched(&self, place: &Place, branch: &RefName, tip: &Oid, now: Timestamp) -> bool {
        let mut watched = lock(&self.memory.watched);
        let Some(known) = watched.get_mut(&(place.repo.id, branch.clone())) else { return false };
        let same = known.tip == *tip && known.ledger == place.sequence();
        if same {
            known.at = now;
        }
        same
    }

    /// A push is often seen before its delivery comes, and a merge before its request is called merged: the first looks wait a little.
    fn may_still_be_told(&self, place: &Place, tip: &Oid, now: Timestamp) -> bool {
        let mut noticed = lock(&self.memory.noticed);
        noticed.retain(|_, since| now.since(*since) < Span::from_seconds(3_600));
        let since = *noticed.entry((place.repo.id, tip.clone())).or_insert(now);
        now.since(since) < PATIENCE
    }
}
