//! What is left after a merge, a crash or a closed ledger: record what happened, say how it stands.
//!
//! Repeats nothing that stands; merges nothing.

use std::sync::Arc;

use countersign_core::decision::decide;
use countersign_core::domain::{Oid, RefName, Sequence, Timestamp};
use countersign_core::effect::{self, Outcome, Wanted, wanted};
use countersign_core::facts::question::{ChangeRead, Movement};
use countersign_core::facts::{Facts, Question};
use countersign_core::ledger::{DecisionEntry, MergeMethod};
use countersign_core::policy::{self, Policy};
use tracing::{info, warn};

use super::book::{Closed, Place};
use super::crash::{Point, here};
use super::ports::{Claim, Freshness, RepoRef, Sighting};
use super::{Engine, TurnError};

impl Engine {
    /// Records merges that were decided and carried out, but not written down before a crash.
    pub(super) async fn heal(&self, claim: &Claim, place: &mut Place) -> Result<(), TurnError> {
        let open: Vec<(Sequence, DecisionEntry)> =
            place.state().open_intents().into_iter().map(|(sequence, entry)| (sequence, entry.clone())).collect();
        for (sequence, decision) in open {
            let Some((commit, method)) = self.carried_out(place, sequence, &decision).await? else { continue };
            let differing = self.unlike_approved(place, &decision.base, &decision.delta, &commit).await?;
            if !differing.is_empty() {
                warn!(%commit, "a merge under {} holds something else than was approved", sequence.label());
                continue;
            }
            info!(%commit, decision = %sequence.label(), "recording a merge that stands on the base");
            here(Point::HealFound);
            let approved = decision.delta.clone();
            self.record_merge(claim, place, (decision.pull, sequence), (method, &approved), &commit).await?;
            here(Point::HealRecorded);
        }
        Ok(())
    }

    /// The commit by which we carried a decision out: on the base, merging the decided head, naming the decision, and put there by us.
    /// The first parent is another than the decided one where GitHub merged after the base had moved.
    pub(super) async fn carried_out(
        &self,
        place: &Place,
        sequence: Sequence,
        decision: &DecisionEntry,
    ) -> Result<Option<(Oid, MergeMethod)>, TurnError> {
        let Some(tip) = place.refs.get(&decision.base) else { return Ok(None) };
        if *tip == decision.base_tip {
            return Ok(None);
        }
        let trailer = format!("Countersign-Decision: {}", sequence.label());
        let since = self.repo.commits(&place.repo, &decision.base_tip, tip).await?;
        let named = since.into_iter().filter(|commit| {
            matches!(commit.parents.as_slice(), [_, head] if *head == decision.head)
                && commit.message.lines().any(|line| line == trailer)
        });
        for commit in named {
            if !self.moved_by_us(place, &decision.base, &commit.oid).await? {
                warn!(commit = %commit.oid, "a merge that names {} was not put there by us", sequence.label());
                continue;
            }
            let built = commit.parents.first() == Some(&decision.base_tip)
                && commit.committer_email.eq_ignore_ascii_case(&self.email().await?);
            return Ok(Some((commit.oid, if built { MergeMethod::MoveRef } else { MergeMethod::Endpoint })));
        }
        Ok(None)
    }

    /// Whether a delivery, or else GitHub's activity record, says that we moved a branch to a commit. Anybody can build a commit that
    /// looks like ours, and an intent stays open when a veto comes after it: who moved the branch is what nobody can forge.
    async fn moved_by_us(&self, place: &Place, branch: &RefName, commit: &Oid) -> Result<bool, TurnError> {
        let us = self.ourselves().await?.id;
        let ours = |movement: &Movement| {
            movement.after == *commit && movement.actor.as_ref().is_some_and(|actor| actor.id == us)
        };
        if self.journal.movements(place.repo.id, branch).await?.iter().any(ours) {
            return Ok(true);
        }
        let read = self.forge.answer(&place.repo, &Question::Movements(branch.clone()), Freshness::Now).await?;
        let Some(movement) = read.movements()?.into_iter().find(ours) else { return Ok(false) };
        let sighting = Sighting::Push { repo: place.repo.id, reference: branch.clone(), movement };
        self.journal.sight(&sighting).await?;
        Ok(true)
    }

    /// Whether a delivery says that somebody else moved a branch to its tip.
    pub(super) async fn moved_by_another(&self, place: &Place, branch: &RefName, tip: &Oid) -> Result<bool, TurnError> {
        let us = self.ourselves().await?.id;
        let moves = self.journal.movements(place.repo.id, branch).await?;
        let told = moves.iter().find(|movement| movement.after == *tip).and_then(|movement| movement.actor.as_ref());
        Ok(told.is_some_and(|actor| actor.id != us))
    }

    /// A pull request that is no longer open: if we merged it, its comment says so.
    pub(super) async fn finish(
        &self,
        claim: &Claim,
        place: &mut Place,
        read: &ChangeRead,
    ) -> Result<Option<Timestamp>, TurnError> {
        self.heal(claim, place).await?;
        if let Some(again) = self.look_at_debt(claim, place, read).await? {
            return Ok(again);
        }
        let Some((merged, merge)) = place.state().merge_of_pull(read.number) else { return Ok(None) };
        let (sequence, commit, approved) = (merge.decision, merge.commit.clone(), merge.approved.clone());
        let Some(entry) = place.state().decisions().get(&sequence).cloned() else { return Ok(None) };
        let syncs = self.sync_lines(place, merged, (&entry.base, &approved)).await?;
        let page = merged_page(place, &entry, &Outcome::Merged { commit, decision: sequence, syncs, owed: None });
        let Some((mut wanted, policy, facts)) = page else { return Ok(None) };
        if let Some(note) = self.policy_note(place, &policy, &facts).await? {
            wanted.comment = wanted.comment.map(|comment| format!("{comment}\n{note}"));
        }
        self.bring(claim, &place.repo, &wanted, read.our_comment.as_ref()).await?;
        Ok(None)
    }

    /// Says on a pull request that nothing can be decided here, and why.
    pub(super) async fn say_closed(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        read: &ChangeRead,
        closed: &Closed,
    ) -> Result<(), TurnError> {
        if !read.open {
            return Ok(());
        }
        let page = Wanted {
            change: read.number,
            head: read.head.clone(),
            check: effect::closed_check(closed.code, &closed.words, closed.help),
            comment: None,
            description: None,
            ask: std::collections::BTreeSet::new(),
        };
        self.bring(claim, repo, &page, None).await
    }
}

/// What should stand on a merged pull request, from the facts the ledger recorded and the policy that was in force.
fn merged_page(place: &Place, entry: &Arc<DecisionEntry>, outcome: &Outcome) -> Option<(Wanted, Policy, Facts)> {
    let facts: Facts = serde_json::from_value(entry.facts.as_json().clone()).ok()?;
    let text = place.policy_text(entry.policy_digest)?;
    let policy = policy::parse(&text).ok()?;
    let mut page = wanted(&decide(&policy, &facts), &facts, outcome, None);
    page.ask.clear();
    Some((page, policy, facts))
}
