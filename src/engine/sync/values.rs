//! Targets that hold values: opened with the identity of the environment, written key by key, only where the keys are ours.
//!
//! A value lives in memory for the length of one attempt, in the server or in a job. Where it is remembered which keys are ours is
//! said by the caller.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Environment, TargetId};
use countersign_core::policy::{OnDrift, Target};
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
        let vessel = match self.vessel(place, &turn.id.environment, turn.rule.target()) {
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
        let reapply = turn.rule.on_drift() == OnDrift::Reapply;
        let theirs = &held.holders.theirs;
        let steps =
            key_steps(&KeySituation { wanted: &wanted, held: &found, ours: &ours, prune, theirs, adopt, reapply });
        let not_ours = foreign(&steps);
        if !not_ours.is_empty() {
            return Ok(Outcome::Blocked(Trouble::new(SyncReason::KeysNotOurs, &some(&not_ours))));
        }
        if let Some(trouble) = too_much(turn.rule.target(), &values, &held, &steps) {
            return Ok(Outcome::Blocked(trouble));
        }
        let claim = ours.claim(&wanted, &steps, &found);
        owning.keep(&claim).await?;
        here(Point::SyncClaimed);
        self.still_ours(turn.claim).await?;
        self.still_stands(place, &turn.id.environment, approved).await?;
        let decision = Self::decision_of(place, run.generation).label();
        let content = turn.rule.target().shows_content().then(|| owning.key().content(&wanted));
        let tag = Tag { target, generation: run.generation, commit: run.commit.clone(), decision, content };
        let mut now = held;
        if writes(&steps) {
            let chosen = |wished: &[KeyStep]| -> BTreeSet<String> {
                steps.iter().filter(|(_, step)| wished.contains(step)).map(|(key, _)| key.clone()).collect()
            };
            let (put, removed) = (chosen(&[KeyStep::Add, KeyStep::Change]), chosen(&[KeyStep::Remove]));
            let kept = chosen(&[KeyStep::Keep, KeyStep::Leave]);
            let set: Values = values.into_iter().filter(|(key, _)| put.contains(key)).collect();
            let fill = Fill { set: &set, removed: &removed, kept: &kept, tag: &tag };
            if let Err(fault) = vessel.write(&now, &fill).await {
                return Ok(of_outbound(&fault));
            }
            info!(target = %turn.id, written = set.len(), removed = removed.len(), "wrote values to a target");
            here(Point::SyncFilled);
            now = match vessel.read().await {
                Ok(now) => now,
                Err(fault) => return Ok(of_outbound(&fault)),
            };
        }
        if now.version.is_some()
            && now.tag.as_ref() != Some(&tag)
            && let Err(fault) = vessel.note(&tag).await
        {
            return Ok(of_outbound(&fault));
        }
        let mut settled = claim.settled(&wanted, &steps, &found);
        if now.blind {
            // from now on a key that was written at another time was written by somebody else
            settled.written = written(&now, &settled);
        }
        owning.keep(&settled).await?;
        let strayed = settled.strayed(&owning.key().marks_seen(&now, &settled));
        Ok(if strayed.is_empty() { Outcome::Converged } else { Outcome::Drifted(differs(&strayed)) })
    }

    /// How a target that had the approved values differs from what we wrote.
    pub(super) async fn values_strayed(&self, turn: &Turn<'_>, place: &Place) -> Result<Drift, TurnError> {
        let Ok(vessel) = self.vessel(place, &turn.id.environment, turn.rule.target()) else {
            return Ok(Drift::Unknown);
        };
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
        Ok(Drift::Found(differs(&strayed)))
    }

    /// The way to a target that holds values.
    pub(in crate::engine) fn vessel(
        &self,
        place: &Place,
        environment: &Environment,
        target: &Target,
    ) -> Result<Box<dyn Vessel + '_>, Trouble> {
        match target {
            Target::Vault { address, token, rule } => {
                let token = self.grants.secret(&place.repo.name, token).map_err(|fault| not_granted(&fault))?;
                Ok(self.outbound.vessel(VesselReach::Vault { address: address.clone(), rule: rule.clone(), token }))
            }
            Target::Kubernetes { rule } => {
                let cluster = self.grants.cluster(&place.repo.name, environment, &rule.namespace)?;
                Ok(self.outbound.vessel(VesselReach::Kubernetes { cluster, rule: rule.clone() }))
            }
            Target::GithubEnvironment { environment, .. } => Ok(self.forge.vessel(&place.repo, environment)),
            Target::Branch { .. }
            | Target::Workflow { .. }
            | Target::Event { .. }
            | Target::Webhook { .. }
            | Target::Flux { .. }
            | Target::ArgoCd { .. }
            | Target::ExternalSecrets { .. } => Err(SyncReason::NoIdentity.into()),
        }
    }

    pub(super) fn target_name(&self, place: &Place, id: &TargetId) -> String {
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

/// Why these values together cannot be held there, after what a delivery does.
fn too_much(target: &Target, values: &Values, held: &Held, steps: &BTreeMap<String, KeyStep>) -> Option<Trouble> {
    let room = target.room()?;
    let stays = |key: &String| !values.contains_key(key) && steps.get(key) != Some(&KeyStep::Remove);
    let size = |(key, seen): (&String, &Seen)| match seen {
        Seen::Value(value) if stays(key) => value.len(),
        Seen::Value(_) | Seen::Written(_) => 0,
    };
    let whole = held.values.iter().map(size).sum::<usize>() + values.values().map(|value| value.len()).sum::<usize>();
    (whole > room.whole).then(|| {
        let detail = format!("{whole} bytes, those of others included, of {}", room.whole);
        Trouble::new(SyncReason::Room, &detail)
    })
}

fn differs(strayed: &BTreeSet<String>) -> Trouble {
    let named: Vec<&str> = strayed.iter().map(String::as_str).collect();
    Trouble::new(SyncReason::TargetDiffers, &some(&named))
}

/// Some keys by name, and how many more.
fn some(keys: &[&str]) -> String {
    let named: Vec<String> = keys.iter().take(NAMED).map(|key| format!("`{}`", key.escape_default())).collect();
    match keys.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
