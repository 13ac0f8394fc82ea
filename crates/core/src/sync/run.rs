//! One run: the way of one generation to one target.
//!
//! The state machine of a run, as data. What is done in a state is the engine's; here is only where it stands afterwards.

use serde::{Deserialize, Serialize};

use super::plan::Approved;
use super::retry;
use super::trouble::{SyncReason, Trouble};
use crate::domain::{
    DeploymentId, Evidence, Oid, RunId, RunState, Sequence, Span, SyncReceipt, TargetId, TargetKind, Timestamp,
};

/// How long a target that took a delivery is looked at before it counts as failed.
pub const LOOK_FOR: Span = Span::from_seconds(6 * 3_600);

/// The way of one generation to one target, as remembered between turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The entry that approved it.
    pub generation: Sequence,
    /// The commit.
    pub commit: Oid,
    /// Where it stands.
    pub state: RunState,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried or looked at next.
    pub due: Timestamp,
    /// An attempt was begun then, and how it ended is not known: it is looked for before it is made again.
    pub begun: Option<Timestamp>,
    /// What it can be found by.
    pub evidence: Evidence,
    /// Why it is not there yet.
    pub trouble: Option<Trouble>,
    /// The newest request of a person that was honoured; 0: none.
    pub asked: u64,
    /// The end is in the ledger.
    pub recorded: bool,
    /// The state that stands on the GitHub Deployment.
    pub shown: Option<RunState>,
}

/// What came of an attempt, or of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The target runs it.
    Converged,
    /// The target took it and cannot be looked at.
    Accepted,
    /// The target took it; it is looked at until it is there.
    Triggered(Option<RunId>),
    /// Looked at: not there yet.
    NotYet,
    /// Looked at: it has it and does not work, which may mend itself.
    Unwell(Trouble),
    /// It may go better later; not before the span the target asked for.
    Again(Option<Span>, Trouble),
    /// Another attempt would be answered the same.
    Refused(Trouble),
    /// Our side is not set up: nothing left.
    Blocked(Trouble),
    /// It had the content, and no longer has.
    Drifted(Trouble),
}

impl Run {
    /// A run that waits for its first attempt.
    #[must_use]
    pub fn new(approved: &Approved, now: Timestamp) -> Self {
        Self {
            generation: approved.generation,
            commit: approved.commit.clone(),
            state: RunState::Queued,
            since: now,
            due: now,
            begun: None,
            evidence: Evidence::default(),
            trouble: None,
            asked: 0,
            recorded: false,
            shown: None,
        }
    }

    /// A run that a person starts again: with fresh attempts, under the same generation and the same ids.
    #[must_use]
    pub fn asked_again(mut self, asked: u64, now: Timestamp) -> Self {
        self.asked = asked;
        self.evidence.attempts = 0;
        self.evidence.run = None;
        self.begun = None;
        self.recorded = false;
        self.go(RunState::Queued, None, now);
        self
    }

    /// Notes that an attempt is about to be made.
    pub fn begin(&mut self, now: Timestamp) {
        self.evidence.attempts = self.evidence.attempts.saturating_add(1);
        self.begun = Some(now);
    }

    /// Takes back that an attempt was made: nothing left. `begun`: an earlier one of unknown end.
    pub fn withdraw(&mut self, begun: Option<Timestamp>) {
        self.evidence.attempts = self.evidence.attempts.saturating_sub(1);
        self.begun = begun;
    }

    /// The same run, to be made once more after it was delivered.
    #[must_use]
    pub fn anew(mut self) -> Self {
        self.evidence.attempts = 0;
        self
    }

    /// Notes the deployment that records it.
    pub fn on(&mut self, deployment: DeploymentId) {
        self.evidence.deployment = Some(deployment);
    }

    /// Where it stands after what came of an attempt or a look. `roll`: a random number, for the time of the next attempt.
    pub fn ended(&mut self, outcome: Outcome, now: Timestamp, roll: u32) {
        self.begun = None;
        self.recorded = false;
        match outcome {
            Outcome::Converged => self.go(RunState::Converged, None, now),
            Outcome::Accepted => self.go(RunState::Accepted, None, now),
            Outcome::Triggered(run) => {
                self.evidence.run = run.or(self.evidence.run);
                self.go(RunState::Triggered, None, now);
                self.due = now.plus(Span::from_seconds(2));
            }
            Outcome::NotYet => self.look_later(None, now),
            Outcome::Unwell(trouble) => self.look_later(Some(trouble), now),
            Outcome::Again(after, trouble) => match retry::again(now, self.evidence.attempts, after, roll) {
                Some(due) => {
                    self.go(RunState::Queued, Some(trouble), now);
                    self.due = due;
                }
                None => {
                    let last = Trouble::new(SyncReason::AttemptsUsedUp, &trouble.words);
                    self.go(RunState::Failed, Some(last), now);
                }
            },
            Outcome::Refused(trouble) => self.go(RunState::Failed, Some(trouble), now),
            Outcome::Blocked(trouble) => {
                // nothing left, so nothing is counted
                self.evidence.attempts = self.evidence.attempts.saturating_sub(1);
                self.go(RunState::Blocked, Some(trouble), now);
            }
            Outcome::Drifted(trouble) => self.go(RunState::Drifted, Some(trouble), now),
        }
    }

    /// A newer generation took over.
    pub fn supersede(&mut self, now: Timestamp) {
        self.begun = None;
        self.go(RunState::Superseded, None, now);
    }

    /// Looks grow from two seconds to two minutes; after [`LOOK_FOR`] it has failed.
    fn look_later(&mut self, trouble: Option<Trouble>, now: Timestamp) {
        let waited = now.since(self.since).seconds();
        if waited >= LOOK_FOR.seconds() {
            let words = trouble.map(|trouble| trouble.words).unwrap_or_default();
            self.go(RunState::Failed, Some(Trouble::new(SyncReason::DeadlinePassed, &words)), now);
        } else {
            self.trouble = trouble;
            self.due = now.plus(Span::from_seconds((waited / 4).clamp(2, 120)));
        }
    }

    fn go(&mut self, state: RunState, trouble: Option<Trouble>, now: Timestamp) {
        if self.state != state {
            self.since = now;
        }
        self.state = state;
        self.trouble = trouble;
        self.due = now;
    }

    /// Whether it ended in a way the ledger keeps.
    #[must_use]
    pub fn is_to_record(&self) -> bool {
        let ends = match self.state {
            RunState::Converged | RunState::Accepted | RunState::Failed | RunState::Drifted => true,
            RunState::Queued | RunState::Triggered | RunState::Blocked | RunState::Superseded => false,
        };
        ends && !self.recorded
    }

    /// What the ledger keeps of it.
    #[must_use]
    pub fn receipt(&self, id: &TargetId, kind: TargetKind) -> SyncReceipt {
        SyncReceipt {
            environment: id.environment.clone(),
            target: id.target.clone(),
            kind,
            generation: self.generation,
            commit: self.commit.clone(),
            state: self.state,
            reason: self.trouble.as_ref().map(|trouble| trouble.code.clone()),
            evidence: self.evidence.clone(),
        }
    }
}
