//! What may leave: the one function that is asked before every delivery.
//!
//! The tip of an environment's branch, read now, must be exactly what the ledger proves to be approved now; the ledger is walked,
//! and its decisions are run again. Anything else withholds, with the reason. Nothing is decided from memory of what was
//! covered before.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::domain::{Environment, Oid};
use countersign_core::ledger::{Ledger, RawLink};
use countersign_core::policy::{SyncRule, Target};
use countersign_core::sync::{Approved, Standing, SyncReason, Trouble};

use crate::engine::book::Place;
use crate::engine::{Engine, TurnError, forecast, lock, proof};

/// A ledger whose decisions were run again, at a tip of its reference.
pub(in crate::engine) struct Proved {
    tip: Oid,
    ledger: Ledger,
}

impl Proved {
    /// The ledger.
    pub(in crate::engine) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl Engine {
    /// What may leave each environment of the policy.
    pub(in crate::engine) async fn standing(
        &self,
        place: &Place,
    ) -> Result<BTreeMap<Environment, Standing>, TurnError> {
        let proved = self.proved(place).await?;
        let in_force = proved.ledger.state().governing_policy().map(|policy| policy.digest);
        if in_force.is_some_and(|digest| digest != place.policy.digest()) {
            return Err(TurnError::KeptMoving("the policy".to_owned()));
        }
        let mut trees = BTreeMap::new();
        let mut standing = BTreeMap::new();
        for rule in place.policy.environments() {
            let branch = rule.branch_or(&place.default_branch);
            let Some(tip) = place.refs.get(branch) else {
                standing.insert(rule.name().clone(), Standing::Withheld(SyncReason::BranchMissing.into()));
                continue;
            };
            if !trees.contains_key(tip) {
                trees.insert(tip.clone(), self.repo.entries(&place.repo, tip).await?);
            }
            let Some(entries) = trees.get(tip) else { continue };
            let coverage = proved.ledger.covers(branch, entries, &place.policy, rule.name());
            standing.insert(rule.name().clone(), forecast::standing(&coverage, tip));
        }
        Ok(standing)
    }

    /// The ledger at its tip, every decision run again; once per tip.
    pub(in crate::engine) async fn proved(&self, place: &Place) -> Result<Arc<Proved>, TurnError> {
        let reference = &self.settings.ledger_ref;
        let tip = place.refs.get(reference).ok_or_else(|| TurnError::Ledger("it is gone".to_owned()))?;
        if let Some(proved) = lock(&self.memory.proofs).get(&place.repo.id).filter(|proved| proved.tip == *tip) {
            return Ok(proved.clone());
        }
        let chain = self.repo.chain(&place.repo, tip, None).await?;
        let links = chain.into_iter().map(|(commit, envelope)| RawLink { commit, envelope }).collect();
        let ledger = proof::examine(links, Some(place.repo.id), reference, &self.settings.trust);
        let proved = Arc::new(Proved { tip: tip.clone(), ledger });
        lock(&self.memory.proofs).insert(place.repo.id, proved.clone());
        Ok(proved)
    }

    /// Everything a delivery rests on is as it was read: the ledger, and the tip of the source. Asked right before each write.
    pub(super) async fn still_stands(
        &self,
        place: &Place,
        environment: &Environment,
        approved: &Approved,
    ) -> Result<(), TurnError> {
        let now = self.repo.fetch(&place.repo, std::slice::from_ref(&self.settings.ledger_ref)).await?;
        let moved = |what: &str| Err(TurnError::KeptMoving(what.to_owned()));
        if now.get(&self.settings.ledger_ref) != place.refs.get(&self.settings.ledger_ref) {
            return moved("the ledger");
        }
        let source = place.policy.environment(environment).map(|rule| rule.branch_or(&place.default_branch));
        match source {
            Some(source) if now.get(source) == Some(&approved.commit) => Ok(()),
            Some(source) => moved(source.short()),
            None => moved("the policy"),
        }
    }

    /// How a target that can be looked at in Git differs from what is approved.
    pub(super) fn differs(&self, place: &Place, rule: &SyncRule, approved: &Approved) -> Option<Trouble> {
        let Target::Branch { reference } = rule.target() else { return None };
        match place.refs.get(reference) {
            Some(tip) if *tip == approved.commit => None,
            Some(tip) => Some(Trouble::new(SyncReason::TargetMoved, &format!("it is at {}", tip.short()))),
            None => Some(Trouble::new(SyncReason::TargetMoved, "it was deleted")),
        }
    }
}
