//! What each target should do next.
//!
//! Total and pure: the same situation gives the same steps, whoever asks — a turn, or `countersign sync --plan`. It never lets an
//! older generation follow a newer one, and nothing leave that is not covered.

use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use super::trouble::{SyncReason, Trouble};
use crate::domain::{
    Environment, Oid, RefName, RunState, Sequence, SyncReceipt, TargetId, TargetKind, TargetName, Timestamp,
};
use crate::policy::{OnDrift, Policy, SyncRule};

/// What may leave an environment: the tip of its branch, proven to be exactly what is approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The entry that approved it.
    pub generation: Sequence,
    /// The tip of the environment's branch.
    pub commit: Oid,
}

/// Whether anything may leave an environment now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The tip is what is approved.
    Covered(Approved),
    /// Nothing may leave, and why.
    Withheld(Trouble),
}

/// Everything a plan rests on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The default branch.
    pub default_branch: &'a RefName,
    /// What may leave, per environment of the policy; one that is not listed may not.
    pub standing: &'a BTreeMap<Environment, Standing>,
    /// The newest receipt of a delivery per target, from the ledger.
    pub delivered: &'a BTreeMap<TargetId, SyncReceipt>,
    /// What is under way, as remembered.
    pub runs: &'a BTreeMap<TargetId, Run>,
    /// The newest request of a person per target, a number that rises.
    pub asked: &'a BTreeMap<TargetId, u64>,
    /// Now.
    pub now: Timestamp,
}

/// What a target should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Which target.
    pub id: TargetId,
    /// How it is reached.
    pub kind: TargetKind,
    /// What may leave, if anything may.
    pub approved: Option<Approved>,
    /// What it should do.
    pub step: Step,
}

/// One step of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It has what is approved.
    Rest,
    /// Nothing may leave.
    Withhold(Trouble),
    /// Another target comes first.
    Wait(TargetName),
    /// Its next attempt, or look, is due then.
    At(Timestamp),
    /// It failed for good; only a person starts it again.
    Dead(Trouble),
    /// It differs from what is approved, and the policy says to report that.
    Drifted(Trouble),
    /// It took the delivery: look whether it is there.
    Look,
    /// Its end is to be written into the ledger.
    Record,
    /// Deliver.
    Deliver {
        /// The generation under way that this one takes the place of.
        supersedes: Option<Sequence>,
        /// A person asked for it again.
        again: bool,
    },
}

/// The next step of every target, those that come first in an environment before those that wait for them.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Vec<Planned> {
    let mut planned = Vec::new();
    for rule in situation.policy.environments() {
        for sync in in_order(rule.syncs()) {
            let id = TargetId { environment: rule.name().clone(), target: sync.name().clone() };
            let standing = standing(situation, &id.environment, sync);
            let approved = match &standing {
                Standing::Covered(approved) => Some(approved.clone()),
                Standing::Withheld(_) => None,
            };
            let step = match standing {
                Standing::Covered(approved) => step(situation, &id, sync, &approved),
                Standing::Withheld(trouble) => Step::Withhold(trouble),
            };
            planned.push(Planned { id, kind: sync.target().kind(), approved, step });
        }
    }
    planned
}

/// Targets so that each stands after those it waits for. The policy has no cycles; if it had one, the rest would keep its order.
fn in_order(syncs: &[SyncRule]) -> Vec<&SyncRule> {
    let mut ordered: Vec<&SyncRule> = Vec::new();
    let mut named = BTreeSet::new();
    while ordered.len() < syncs.len() {
        let before = ordered.len();
        for sync in syncs {
            if !named.contains(sync.name()) && sync.after().iter().all(|first| named.contains(first)) {
                named.insert(sync.name());
                ordered.push(sync);
            }
        }
        if ordered.len() == before {
            ordered.extend(syncs.iter().filter(|sync| !named.contains(sync.name())));
            break;
        }
    }
    ordered
}

/// What may leave for a target: a branch target moves the whole tree, so every environment of its source must be covered.
fn standing(situation: &Situation<'_>, environment: &Environment, sync: &SyncRule) -> Standing {
    let own = situation.standing.get(environment).cloned();
    let own = own.unwrap_or_else(|| Standing::Withheld(SyncReason::Uncovered.into()));
    let (Standing::Covered(approved), TargetKind::Branch) = (&own, sync.target().kind()) else { return own };
    let branch_of =
        |name: &Environment| situation.policy.environment(name).map(|rule| rule.branch_or(situation.default_branch));
    let uncovered = situation.policy.environments().iter().find(|rule| {
        Some(rule.branch_or(situation.default_branch)) == branch_of(environment)
            && !matches!(situation.standing.get(rule.name()), Some(Standing::Covered(other)) if other.commit == approved.commit)
    });
    match uncovered {
        Some(rule) => Standing::Withheld(Trouble::new(SyncReason::OtherUncovered, &format!("`{}`", rule.name()))),
        None => own,
    }
}

fn step(situation: &Situation<'_>, id: &TargetId, sync: &SyncRule, approved: &Approved) -> Step {
    let (run, receipt) = (situation.runs.get(id), situation.delivered.get(id));
    let newest = run.map(|run| run.generation).max(receipt.map(|receipt| receipt.generation));
    if newest.is_some_and(|newest| newest > approved.generation) {
        return Step::Withhold(SyncReason::Older.into());
    }
    let asked = situation.asked.get(id).copied().unwrap_or(0);
    let current = run.filter(|run| run.generation == approved.generation);
    if let Some(run) = current
        && run.is_to_record()
    {
        return Step::Record;
    }
    let received = receipt.filter(|receipt| receipt.generation == approved.generation);
    let step = match current {
        Some(run) => under_way(situation.now, sync, run, approved, asked),
        None if received.is_some_and(|receipt| !follows(sync, &receipt.commit, approved)) => Step::Rest,
        None => Step::Deliver { supersedes: run.map(|run| run.generation), again: false },
    };
    match step {
        Step::Deliver { .. } => waits(situation, id, sync, approved).unwrap_or(step),
        Step::Rest
        | Step::Withhold(_)
        | Step::Wait(_)
        | Step::At(_)
        | Step::Dead(_)
        | Step::Drifted(_)
        | Step::Look
        | Step::Record => step,
    }
}

/// A branch target follows its source through commits that change nothing protected.
fn follows(sync: &SyncRule, held: &Oid, approved: &Approved) -> bool {
    sync.target().kind() == TargetKind::Branch && *held != approved.commit
}

fn under_way(now: Timestamp, sync: &SyncRule, run: &Run, approved: &Approved, asked: u64) -> Step {
    let deliver = Step::Deliver { supersedes: None, again: false };
    let again = asked > run.asked;
    match run.state {
        RunState::Converged | RunState::Accepted if follows(sync, &run.commit, approved) => deliver,
        RunState::Converged | RunState::Accepted => Step::Rest,
        RunState::Triggered if now < run.due => Step::At(run.due),
        RunState::Triggered => Step::Look,
        RunState::Queued | RunState::Failed if again => Step::Deliver { supersedes: None, again: true },
        RunState::Queued if now < run.due => Step::At(run.due),
        RunState::Queued | RunState::Blocked | RunState::Superseded => deliver,
        RunState::Failed => Step::Dead(run.trouble.clone().unwrap_or_else(|| SyncReason::AttemptsUsedUp.into())),
        RunState::Drifted if again || sync.on_drift() == OnDrift::Reapply => Step::Deliver { supersedes: None, again },
        RunState::Drifted => Step::Drifted(run.trouble.clone().unwrap_or_else(|| SyncReason::TargetMoved.into())),
    }
}

/// The first target that must have this generation before this one gets it.
fn waits(situation: &Situation<'_>, id: &TargetId, sync: &SyncRule, approved: &Approved) -> Option<Step> {
    let has_it = |name: &TargetName| {
        let first = TargetId { environment: id.environment.clone(), target: name.clone() };
        let run = situation.runs.get(&first).filter(|run| run.generation == approved.generation);
        match run {
            Some(run) => run.state.is_delivered(),
            None => situation.delivered.get(&first).is_some_and(|receipt| receipt.generation == approved.generation),
        }
    };
    sync.after().iter().find(|name| !has_it(name)).map(|name| Step::Wait(name.clone()))
}
