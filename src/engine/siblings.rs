//! One commit has one check: where several open changes have the same head, the worst of them is shown (R29).
//!
//! Writes nothing. A change that stands alone costs one listing at most.

use countersign_core::decision::{Decision, Verdict, decide};
use countersign_core::domain::PrNumber;
use countersign_core::effect::{self, Check, Outcome, Wanted, wanted};
use countersign_core::facts::{Facts, Question};

use super::book::Place;
use super::gather::Gathered;
use super::ports::{Freshness, RepoRef};
use super::{Engine, TurnError};

/// The worst of several changes with one head.
pub(super) struct Shared {
    /// What the check on the head says.
    pub check: Check,
    /// Another change with this head that somebody rejected.
    pub rejected: Option<PrNumber>,
}

impl Engine {
    /// Judges the other open changes with this head; `None`: there is none.
    pub(super) async fn shared_head(
        &self,
        place: &Place,
        gathered: &Gathered,
        decision: &Decision,
    ) -> Result<Option<Shared>, TurnError> {
        // with one governed branch, another change with this head differs in its votes alone
        if place.bases().len() < 2 && decision.proof.is_none() {
            return Ok(None);
        }
        let own = &gathered.facts.change;
        let open = self.forge.answer(&place.repo, &Question::OpenChanges, Freshness::Now).await?.changes()?;
        let others = open.iter().filter(|other| other.number != own.number && other.head == own.head);
        let mut judged: Vec<(PrNumber, Decision, Facts)> = Vec::new();
        for other in others.filter(|other| place.governs(&other.base)) {
            let read =
                self.forge.answer(&place.repo, &Question::Change(other.number), Freshness::Now).await?.change()?;
            if !read.open || !place.governs(&read.base) || !place.refs.contains_key(&read.base) {
                continue;
            }
            let facts = self.gather(place, *read, Freshness::Display).await?.facts;
            if facts.change.head == own.head {
                judged.push((other.number, decide(&place.policy, &facts), facts));
            }
        }
        if judged.is_empty() {
            return Ok(None);
        }
        let rejected = judged.iter().find(|(_, decision, _)| decision.verdict == Verdict::Rejected);
        let rejected = rejected.map(|(number, ..)| *number);
        let mut all: Vec<_> = judged.iter().map(|(number, decision, facts)| (*number, decision, facts)).collect();
        all.push((own.number, decision, &gathered.facts));
        all.sort_by_key(|(number, decision, _)| (std::cmp::Reverse(decision.verdict), *number));
        let (number, decision, facts) = all[0];
        let check = effect::named_check(number, wanted(decision, facts, &Outcome::Open, None).check);
        Ok(Some(Shared { check, rejected }))
    }
    /// Puts the shared check in the place of the change's own. What stands on the head is then read, not remembered: a look at
    /// another change may have written it.
    pub(super) async fn share_check(
        &self,
        repo: &RepoRef,
        wanted: &mut Wanted,
        shared: Option<&Shared>,
    ) -> Result<(), TurnError> {
        let Some(shared) = shared else { return Ok(()) };
        wanted.check = shared.check.clone();
        if let Some(mut presence) = self.journal.presence(repo.id, wanted.change).await? {
            presence.check = None;
            self.remember(repo, wanted.change, &presence).await?;
        }
        Ok(())
    }
}
