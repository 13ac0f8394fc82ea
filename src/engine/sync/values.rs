//! Targets that hold values: opened with the identity of the environment, written key by key, only where the keys are ours.
//!
//! A value lives in memory for the length of one attempt, in the server or in a job. Where it is remembered which keys are ours is
//! said by the caller.

use std::collections::BTreeSet;

use countersign_core::domain::TargetId;
use countersign_core::policy::Target;
use countersign_core::sync::{
    Approved, KeySituation, KeyStep, Marks, Outcome, Ownership, Run, SyncReason, Trouble, foreign, key_steps, writes,
};
use tracing::info;

use super::Turn;
use super::opened::Values;
use super::owned::Owning;
use super::remote::Drift;
use super::send::{not_granted, of_outbound};
use crate::engine::book::Place;
use crate::engine::crash::{Point, here};
use crate::engine::ports::{Fill, Held, Seen, Tag, Vessel, VesselReach};
use crate::engine::{Engine, TurnError};

/// Most keys that are named.
const NAMED: usize = 3;

impl Engine {
    /// Brings a target to the approved values.
    pub(super) async fn fill(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        approved: &Approved,
        run: &Run,
        owning: &dyn Owning,
    ) -> Result<Outcome, TurnError> {
        let vessel = match self.vessel(place, turn) {
            Ok(vessel) => vessel,
            Err(trouble) => return Ok(Outcome::Blocked(trouble)),
        };
        let values = match self.approved_values(place, &turn.id.environment, approved, turn.rule.target()).await? {
            Ok(values) => values,
            Err(trouble) => return Ok(Outcome::Blocked(trouble)),
        };
        let held = match vessel.read().await {
            Ok(held) => held,
            Err(fault) => return Ok(of_outbound(&fault)),
        };
        if let Some(trouble) = unfit(turn.rule.target(), &values, &held) {
            return Ok(Outcome::Blocked(trouble));
        }
        let target = self.target_name(place, turn.id);
        if held.tag.as_ref().is_some_and(|tag| tag.target == target && tag.generation > run.generation) {
            return Ok(Outcome::Refused(SyncReason::Older.into()));
        }
        let ours = owning.ours().await?;
        let ours = if held.blind { ours.resumed(&held.values.keys().cloned().collect()) } else { ours };
        let (wanted, found) = (owning.key().marks_of(&values), owning.key().marks_seen(&held, &ours));
        let (prune, adopt) = (turn.rule.prune(), turn.rule.adopt());
        let steps = key_steps(&KeySituation { wanted: &wanted, held: &found, ours: &ours, prune, adopt });
        let not_ours = foreign(&steps);
        if !not_ours.is_empty() {
            return Ok(Outcome::Blocked(Trouble::new(SyncReason::KeysNotOurs, &some(&not_ours))));
        }
        let claim = ours.claim(&wanted, &steps, &found);
        owning.keep(&claim).await?;
        here(Point::SyncClaimed);
        self.still_ours(turn.claim).await?;
        self.still_stands(place, &turn.id.environment, approved).await?;
        if writes(&steps) {
            let chosen = |wished: &[KeyStep]| -> BTreeSet<String> {
                steps.iter().filter(|(_, step)| wished.contains(step)).map(|(key, _)| key.clone()).collect()
            };
            let (put, removed) = (chosen(&[KeyStep::Add, KeyStep::Change]), chosen(&[KeyStep::Remove]));
            let set: Values = values.into_iter().filter(|(key, _)| put.contains(key)).collect();
            if let Err(fault) = vessel.write(&held, &Fill { set: &set, removed: &removed }).await {
                return Ok(of_outbound(&fault));
            }
            info!(target = %turn.id, written = set.len(), removed = removed.len(), "wrote values to a target");
        }
        here(Point::SyncFilled);
        let decision = Self::decision_of(place, run.generation).label();
        let tag = Tag { target, generation: run.generation, commit: run.commit.clone(), decision };
        let there = held.version > 0 || writes(&steps);
        if there
            && held.tag.as_ref() != Some(&tag)
            && let Err(fault) = vessel.note(&tag).await
        {
            return Ok(of_outbound(&fault));
        }
        let mut settled = claim.settled(&wanted, &steps, &found);
        if held.blind {
            // from now on a key that was written at another time was written by somebody else
            match vessel.read().await {
                Ok(now) => settled.written = written(&now, &settled),
                Err(fault) => return Ok(of_outbound(&fault)),
            }
        }
        owning.keep(&settled).await?;
        Ok(Outcome::Converged)
    }

    /// How a target that had the approved values differs from what we wrote.
    pub(super) async fn values_strayed(&self, turn: &Turn<'_>, place: &Place) -> Result<Drift, TurnError> {
        let Ok(vessel) = self.vessel(place, turn) else { return Ok(Drift::Unknown) };
        let held = match vessel.read().await {
            Ok(held) => held,
            Err(fault) => {
                info!(target = %turn.id, "the target cannot be looked at: {}", fault.what);
                return Ok(Drift::Unknown);
            }
        };
        let owned = self.owned(place.repo.id, turn.id);
        let (ours, comparable) = owned.known().await?;
        if !comparable {
            return Ok(Drift::Unknown);
        }
        let strayed = ours.strayed(&owned.key().marks_seen(&held, &ours));
        if strayed.is_empty() {
            return Ok(Drift::None);
        }
        let named: Vec<&str> = strayed.iter().map(String::as_str).collect();
        Ok(Drift::Found(Trouble::new(SyncReason::TargetDiffers, &some(&named))))
    }

    fn vessel(&self, place: &Place, turn: &Turn<'_>) -> Result<Box<dyn Vessel + '_>, Trouble> {
        match turn.rule.target() {
            Target::Vault { address, token, rule } => {
                let token = self.grants.secret(&place.repo.name, token).map_err(|fault| not_granted(&fault))?;
                Ok(self.outbound.vessel(VesselReach::Vault { address: address.clone(), rule: rule.clone(), token }))
            }
            Target::GithubEnvironment { environment, .. } => Ok(self.forge.vessel(&place.repo, environment)),
            Target::Branch { .. }
            | Target::Workflow { .. }
            | Target::Event { .. }
            | Target::Webhook { .. }
            | Target::Flux { .. }
            | Target::ArgoCd { .. } => Err(SyncReason::NoIdentity.into()),
        }
    }

    fn target_name(&self, place: &Place, id: &TargetId) -> String {
        format!("{} {id}", place.repo.name)
    }
}

/// When each key of ours was written, where values cannot be read back.
fn written(held: &Held, ours: &Ownership) -> Marks {
    let when = |(key, seen): (&String, &Seen)| match seen {
        Seen::Written(when) => Some((key.clone(), when.clone())),
        Seen::Value(_) => None,
    };
    let of_ours = |(key, _): &(String, String)| ours.current.contains_key(key) || ours.past.contains_key(key);
    held.values.iter().filter_map(when).filter(of_ours).collect()
}

/// Why these values cannot be held there.
fn unfit(target: &Target, values: &Values, held: &Held) -> Option<Trouble> {
    let nameless: Vec<&str> = values.keys().map(String::as_str).filter(|key| !target.can_name(key)).collect();
    if !nameless.is_empty() {
        return Some(Trouble::new(SyncReason::KeyName, &some(&nameless)));
    }
    let room = target.room()?;
    let large: Vec<&str> =
        values.iter().filter(|(_, value)| value.len() > room.bytes).map(|(key, _)| key.as_str()).collect();
    if !large.is_empty() {
        return Some(Trouble::new(SyncReason::Room, &format!("{} above {} bytes", some(&large), room.bytes)));
    }
    let keys = held.values.keys().chain(values.keys()).collect::<BTreeSet<_>>().len();
    (keys > room.keys).then(|| Trouble::new(SyncReason::Room, &format!("{keys} keys, those of others included")))
}

/// Some keys by name, and how many more.
fn some(keys: &[&str]) -> String {
    let named: Vec<String> = keys.iter().take(NAMED).map(|key| format!("`{}`", key.escape_default())).collect();
    match keys.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
