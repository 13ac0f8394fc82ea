//! One look at a sync target: what it has, what it should have, and the difference.
//!
//! What is done is planned by `countersign_core::sync`; here it is carried out. Nothing leaves before [`Engine::standing`] has said
//! that the tip is exactly what was approved, and it is asked again right before each write. A delivery is noted before it is
//! made, and recorded in the ledger after it.

mod callback;
mod carry;
mod hear;
mod opened;
mod operator;
mod order;
mod owned;
mod remote;
mod send;
mod show;
mod standing;
mod values;

pub use callback::take_callback;
pub use carry::{Carried, CarryError};
pub use hear::Unheard;
use remote::Drift;
pub(in crate::engine) use send::of_fault;
pub(super) use standing::Proved;

use std::collections::BTreeMap;

use countersign_core::domain::{RepoId, RunState, Sequence, TargetId, Timestamp};
use countersign_core::ledger::Entry;
use countersign_core::policy::SyncRule;
use countersign_core::sync::{Approved, Outcome, Planned, Run, Situation, Step, SyncReason, Trouble, plan};
use tracing::{info, warn};

use super::book::{Found, Place};
use super::crash::{Point, here};
use super::ports::{Claim, ForgeErrorKind, NoteKey, Subject};
use super::{Engine, TurnError};

/// What is remembered of the targets of a repository.
#[derive(Default)]
pub(super) struct Noted {
    runs: BTreeMap<TargetId, Run>,
    asked: BTreeMap<TargetId, u64>,
}

/// One target in one turn.
struct Turn<'a> {
    claim: &'a Claim,
    id: &'a TargetId,
    rule: SyncRule,
}

impl Noted {
    /// The run of a target.
    pub(super) fn run(&self, id: &TargetId) -> Option<&Run> {
        self.runs.get(id)
    }
}

impl Engine {
    /// One look at a target. When the ledger or the source moves meanwhile, everything is read anew.
    pub(super) async fn look_at_sync(
        &self,
        claim: &Claim,
        repo: RepoId,
        id: &TargetId,
    ) -> Result<Option<Timestamp>, TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let mut tries = 0;
        loop {
            let Found::Managed(mut place) = self.find(claim, &repo, &[]).await? else { return Ok(None) };
            match self.steps(claim, &mut place, id).await {
                Err(TurnError::KeptMoving(_)) if tries < 4 => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// Step after step, until nothing is due at once: what took over is delivered, what was delivered is recorded.
    async fn steps(&self, claim: &Claim, place: &mut Place, id: &TargetId) -> Result<Option<Timestamp>, TurnError> {
        let Some(rule) = place.policy.sync(id).cloned() else { return Ok(None) };
        let turn = Turn { claim, id, rule };
        for _ in 0..6 {
            let noted = self.noted(place).await?;
            let Some(planned) = self.plan(place, &noted).await?.into_iter().find(|planned| planned.id == *id) else {
                return Ok(None);
            };
            let known = noted.runs.get(id).cloned();
            let asked = noted.asked.get(id).copied().unwrap_or(0);
            match self.step(&turn, place, planned, known, asked).await? {
                Next::Again => {}
                Next::At(due) => return Ok(due),
            }
        }
        Ok(Some(self.clock.now()))
    }

    /// What each target of a place should do: the same plan for a turn, the sweep and the comment of a merged change.
    pub(super) async fn plan(&self, place: &Place, noted: &Noted) -> Result<Vec<Planned>, TurnError> {
        let standing = self.standing(place).await?;
        Ok(plan(&Situation {
            policy: &place.policy,
            default_branch: &place.default_branch,
            standing: &standing,
            delivered: &place.state().deliveries(),
            runs: &noted.runs,
            asked: &noted.asked,
            now: self.clock.now(),
        }))
    }

    /// What is remembered of the targets. A note that cannot be read is none: the ledger and GitHub say what was delivered.
    pub(super) async fn noted(&self, place: &Place) -> Result<Noted, TurnError> {
        let mut noted = Noted::default();
        for (key, text) in self.journal.sync_notes(place.repo.id).await? {
            match key {
                NoteKey::Run(id) => match serde_json::from_str(&text) {
                    Ok(run) => drop(noted.runs.insert(id, run)),
                    Err(fault) => warn!(target = %id, %fault, "the note of a run cannot be read"),
                },
                NoteKey::Asked(id) => drop(text.parse().map(|asked| noted.asked.insert(id, asked))),
                NoteKey::Callback(_)
                | NoteKey::Command(_)
                | NoteKey::MergeAsked(_)
                | NoteKey::Vouched(_)
                | NoteKey::Labelled(_)
                | NoteKey::Called(_)
                | NoteKey::Owned(_)
                | NoteKey::Job(..)
                | NoteKey::Jobs
                | NoteKey::Guard
                | NoteKey::Told
                | NoteKey::Card(..) => {}
            }
        }
        Ok(noted)
    }

    async fn step(
        &self,
        turn: &Turn<'_>,
        place: &mut Place,
        planned: Planned,
        known: Option<Run>,
        asked: u64,
    ) -> Result<Next, TurnError> {
        let Planned { approved, step, .. } = planned;
        match (step, approved, known) {
            (Step::Rest, Some(approved), known) => self.rest(turn, place, &approved, known).await,
            (Step::Withhold(trouble), _, _) => {
                info!(target = %turn.id, code = trouble.code, "nothing may leave: {}", trouble.words);
                Ok(Next::At(None))
            }
            (Step::Wait(first), _, _) => {
                info!(target = %turn.id, %first, "another target comes first");
                Ok(Next::At(None))
            }
            (Step::At(due), Some(approved), Some(run)) => {
                if self.has_reported(turn, place, &run).await? {
                    return self.look_at_run(turn, place, run, &approved).await;
                }
                Ok(Next::At(Some(due)))
            }
            (Step::At(due), _, _) => Ok(Next::At(Some(due))),
            (Step::Drifted(_), Some(approved), Some(run)) => {
                if self.drift(turn, place, &run.commit, &approved).await? == Drift::None {
                    self.gauge_drift(turn.id, false);
                    return self.ended(turn, place, run, Outcome::Converged).await;
                }
                self.show(turn, place, run).await?;
                Ok(Next::At(self.asked_again_at(turn)))
            }
            (Step::Dead(_), _, Some(run)) => {
                self.show(turn, place, run).await?;
                Ok(Next::At(None))
            }
            (Step::Look, Some(approved), Some(run)) => self.look_at_run(turn, place, run, &approved).await,
            (Step::Record, _, Some(run)) => self.record_run(turn, place, run).await,
            (Step::Deliver { again, .. }, Some(approved), known) => {
                let run = self.begun(turn, place, &approved, known, (again, asked)).await?;
                self.deliver(turn, place, &approved, run).await
            }
            // a plan names what it rests on
            (
                Step::Rest | Step::Dead(_) | Step::Drifted(_) | Step::Look | Step::Record | Step::Deliver { .. },
                _,
                _,
            ) => Ok(Next::At(None)),
        }
    }

    /// The run a delivery goes on with: the one under way, the one a person asked for again, or a new one in place of an older.
    async fn begun(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        approved: &Approved,
        known: Option<Run>,
        (again, asked): (bool, u64),
    ) -> Result<Run, TurnError> {
        let now = self.clock.now();
        let run = match known {
            Some(run) if run.generation == approved.generation && again => {
                self.forget_callback(place, turn.id).await?;
                run.asked_again(asked, now)
            }
            // a branch that follows its source begins to count anew
            Some(run) if run.generation == approved.generation && run.state.is_delivered() => run.anew(),
            Some(run) if run.generation == approved.generation => run,
            Some(mut older) => {
                if !older.state.is_delivered() && older.state != RunState::Superseded {
                    older.supersede(now);
                    self.count(turn, RunState::Superseded);
                    self.show(turn, place, older).await?;
                }
                Run { asked, ..Run::new(approved, now) }
            }
            None => Run { asked, ..Run::new(approved, now) },
        };
        Ok(run)
    }

    /// Makes one attempt.
    async fn deliver(
        &self,
        turn: &Turn<'_>,
        place: &mut Place,
        approved: &Approved,
        mut run: Run,
    ) -> Result<Next, TurnError> {
        if run.evidence.deployment.is_none() {
            self.still_ours(turn.claim).await?;
            here(Point::SyncDue);
            match self.record_deployment(place, turn.id, &run).await {
                Ok(deployment) => run.on(deployment),
                Err(TurnError::Forge(fault)) if fault.kind == ForgeErrorKind::Forbidden => {
                    run.begin(self.clock.now());
                    let why = Trouble::new(SyncReason::NotPermitted, "deployments: write");
                    return self.ended(turn, place, run, Outcome::Blocked(why)).await;
                }
                Err(fault) => return Err(fault),
            }
        }
        let doubtful = run.begun;
        run.begin(self.clock.now());
        self.keep_run(place, turn.id, &run).await?;
        here(Point::SyncNoted);
        let outcome = match self.attempt(turn, place, approved, &mut run, doubtful).await {
            Ok(outcome) => outcome,
            Err(fault @ TurnError::KeptMoving(_)) => {
                // nothing left
                run.withdraw(doubtful);
                self.keep_run(place, turn.id, &run).await?;
                return Err(fault);
            }
            Err(fault) => return Err(fault),
        };
        here(Point::SyncSent);
        self.ended(turn, place, run, outcome).await
    }

    /// Notes how an attempt or a look ended, then says so.
    async fn ended(
        &self,
        turn: &Turn<'_>,
        place: &mut Place,
        mut run: Run,
        outcome: Outcome,
    ) -> Result<Next, TurnError> {
        // what is blocked waits for a person: they are told when it is something else of the same kind that they have to do
        let said = |run: &Run| {
            let words = |trouble: &Trouble| (run.state == RunState::Blocked).then(|| trouble.words.clone());
            (run.state, run.trouble.as_ref().map(|trouble| (trouble.code.clone(), words(trouble))))
        };
        let (before, began) = (said(&run), run.begun);
        let doubtful = matches!(outcome, Outcome::Again(..)) && run.evidence.run.is_none();
        run.ended(outcome, self.clock.now(), roll());
        if doubtful && run.state == RunState::Queued {
            // it may have taken effect all the same: the next attempt looks first
            run.begun = began;
        }
        let changed = before != said(&run);
        if changed {
            run.shown = None;
        }
        self.count(turn, run.state);
        match &run.trouble {
            Some(trouble) => {
                warn!(target = %turn.id, state = run.state.word(), code = trouble.code, "{}", trouble.words);
            }
            None => {
                info!(target = %turn.id, state = run.state.word(), generation = %run.generation.label(), "delivery")
            }
        }
        self.keep_run(place, turn.id, &run).await?;
        here(Point::SyncEnded);
        if let Some(trouble) = run.trouble.as_ref().filter(|_| run.state == RunState::Blocked) {
            self.tell_of_block(place, turn.id, (&trouble.code, &trouble.words)).await;
        }
        if run.is_to_record() {
            return self.record_run(turn, place, run).await;
        }
        let (state, due, generation) = (run.state, run.due, run.generation);
        self.show(turn, place, run).await?;
        if changed {
            self.tell(place, generation).await?;
        }
        Ok(match state {
            RunState::Queued | RunState::Triggered => Next::At(Some(due)),
            RunState::Blocked => Next::At(Some(self.clock.now().plus(self.settings.reconcile))),
            RunState::Converged | RunState::Accepted | RunState::Failed | RunState::Superseded | RunState::Drifted => {
                Next::At(None)
            }
        })
    }

    /// Writes the end of a run into the ledger, once, and lets those that wait for it go on.
    async fn record_run(&self, turn: &Turn<'_>, place: &mut Place, mut run: Run) -> Result<Next, TurnError> {
        let receipt = run.receipt(turn.id, turn.rule.target().kind());
        self.record(turn.claim, place, |state| {
            // a branch that follows commits which change nothing protected is not told again
            let same = state.syncs().get(turn.id).is_some_and(|known| {
                let known = &known.receipt;
                known.generation == receipt.generation && known.state == receipt.state && known.reason == receipt.reason
            });
            if same { Ok(Vec::new()) } else { Ok(vec![Entry::Sync(Box::new(receipt.clone()))]) }
        })
        .await?;
        here(Point::SyncRecorded);
        run.recorded = true;
        let generation = run.generation;
        self.keep_run(place, turn.id, &run).await?;
        self.show(turn, place, run).await?;
        self.tell(place, generation).await?;
        for (id, rule) in place.policy.syncs() {
            if id.environment == turn.id.environment && rule.after().contains(&turn.id.target) {
                self.journal.schedule(&Subject::Sync(place.repo.id, id), self.clock.now()).await?;
            }
        }
        Ok(Next::Again)
    }

    /// A target that has what is approved: does it still? What did its receiver call back?
    async fn rest(
        &self,
        turn: &Turn<'_>,
        place: &mut Place,
        approved: &Approved,
        known: Option<Run>,
    ) -> Result<Next, TurnError> {
        let run = known.filter(|run| run.generation == approved.generation);
        if let Some(run) = &run
            && let Some(outcome) = self.called_back(place, turn.id, run).await?
        {
            return self.ended(turn, place, run.clone(), outcome).await;
        }
        let held = run.as_ref().map_or(&approved.commit, |run| &run.commit);
        let drift = self.drift(turn, place, held, approved).await?;
        self.gauge_drift(turn.id, matches!(drift, Drift::Found(_)));
        let Drift::Found(trouble) = drift else {
            if let Some(run) = run {
                self.show(turn, place, run).await?;
            }
            return Ok(Next::At(self.asked_again_at(turn)));
        };
        let run = run.unwrap_or_else(|| Run::new(approved, self.clock.now()));
        self.ended(turn, place, run, Outcome::Drifted(trouble)).await
    }

    /// Asks for a look at every target that has something to do; nothing where the policy names none.
    pub(super) async fn look_at_syncs(&self, place: &Place) -> Result<(), TurnError> {
        if place.policy.syncs().next().is_none() {
            return Ok(());
        }
        let noted = self.noted(place).await?;
        for planned in self.plan(place, &noted).await? {
            let due = match (&planned.step, &planned.approved) {
                (Step::Rest | Step::Drifted(_), Some(approved)) => {
                    let rule = place.policy.sync(&planned.id);
                    let drifted = rule.is_some_and(|rule| self.differs(place, rule, approved).is_some());
                    let known = matches!(planned.step, Step::Drifted(_));
                    self.gauge_drift(&planned.id, drifted || known);
                    if drifted == known { None } else { Some(self.clock.now()) }
                }
                (Step::At(due), _) => Some(*due),
                (Step::Deliver { .. } | Step::Look | Step::Record, _) => Some(self.clock.now()),
                (Step::Rest | Step::Drifted(_) | Step::Withhold(_) | Step::Wait(_) | Step::Dead(_), _) => None,
            };
            if let Some(due) = due {
                self.journal.schedule(&Subject::Sync(place.repo.id, planned.id), due).await?;
            }
        }
        Ok(())
    }

    async fn keep_run(&self, place: &Place, id: &TargetId, run: &Run) -> Result<(), TurnError> {
        let text = serde_json::to_string(run).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        Ok(self.journal.keep_note(place.repo.id, &NoteKey::Run(id.clone()), &text).await?)
    }

    /// Asks for a look at the merged request whose content a target just got, or did not: its comment says so.
    async fn tell(&self, place: &Place, generation: Sequence) -> Result<(), TurnError> {
        if let Some(pull) = place.state().merge_at(generation).map(|merge| merge.pull) {
            self.journal.schedule(&Subject::Change(place.repo.id, pull), self.clock.now()).await?;
        }
        Ok(())
    }

    /// Decision behind a generation: that of the merge, or the adoption itself.
    fn decision_of(place: &Place, generation: Sequence) -> Sequence {
        place.state().merge_at(generation).map_or(generation, |merge| merge.decision)
    }
}

/// What a step leads to.
enum Next {
    /// Plan once more: something else may be due now.
    Again,
    /// The turn ends; look again then, or when asked.
    At(Option<Timestamp>),
}

/// A random number for the time of the next attempt.
fn roll() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}
