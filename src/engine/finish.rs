//! What is left after a merge, a crash or a closed ledger: record what happened, say how it stands.
//!
//! Repeats nothing that stands; merges nothing.

use std::sync::Arc;

use countersign_core::decision::decide;
use countersign_core::domain::{Oid, Sequence};
use countersign_core::effect::{self, Outcome, Wanted, wanted};
use countersign_core::facts::Facts;
use countersign_core::facts::question::ChangeRead;
use countersign_core::ledger::{DecisionEntry, MergeMethod};
use countersign_core::policy;
use tracing::{info, warn};

use super::book::{Closed, Place};
use super::crash::{Point, here};
use super::ports::{Claim, RepoRef};
use super::{Engine, TurnError};

impl Engine {
    /// Records merges that were decided and carried out, but not written down before a crash.
    pub(super) async fn heal(&self, claim: &Claim, place: &mut Place) -> Result<(), TurnError> {
        let open: Vec<(Sequence, DecisionEntry)> =
            place.state().open_intents().into_iter().map(|(sequence, entry)| (sequence, entry.clone())).collect();
        for (sequence, decision) in open {
            let Some(commit) = self.carried_out(place, sequence, &decision).await? else { continue };
            let differing = self.unlike_approved(place, &decision.base, &decision.delta, &commit).await?;
            if !differing.is_empty() {
                warn!(%commit, "a merge under {} holds something else than was approved", sequence.label());
                continue;
            }
            info!(%commit, decision = %sequence.label(), "recording a merge that stands on the base");
            here(Point::HealFound);
            let approved = decision.delta.clone();
            self.record_merge(claim, place, (decision.pull, sequence), (MergeMethod::MoveRef, &approved), &commit)
                .await?;
            here(Point::HealRecorded);
        }
        Ok(())
    }

    /// The commit by which a decision was carried out: on the base, with exactly the decided parents.
    async fn carried_out(
        &self,
        place: &Place,
        sequence: Sequence,
        decision: &DecisionEntry,
    ) -> Result<Option<Oid>, TurnError> {
        let Some(tip) = place.refs.get(&decision.base) else { return Ok(None) };
        if *tip == decision.base_tip {
            return Ok(None);
        }
        let trailer = format!("Countersign-Decision: {}", sequence.label());
        let since = self.repo.commits(&place.repo, &decision.base_tip, tip).await?;
        let ours = since.into_iter().find(|commit| {
            commit.parents == [decision.base_tip.clone(), decision.head.clone()]
                && commit.message.lines().any(|line| line == trailer)
        });
        Ok(ours.map(|commit| commit.oid))
    }

    /// A pull request that is no longer open: if we merged it, its comment says so.
    pub(super) async fn finish(&self, claim: &Claim, place: &mut Place, read: &ChangeRead) -> Result<(), TurnError> {
        self.heal(claim, place).await?;
        let Some((merged, merge)) = place.state().merge_of_pull(read.number) else { return Ok(()) };
        let (sequence, commit, approved) = (merge.decision, merge.commit.clone(), merge.approved.clone());
        let Some(entry) = place.state().decisions().get(&sequence).cloned() else { return Ok(()) };
        let syncs = self.sync_lines(place, merged, (&entry.base, &approved)).await?;
        let outcome = Outcome::Merged { commit, decision: sequence, syncs };
        let Some(wanted) = self.merged_page(place, &entry, &outcome) else { return Ok(()) };
        self.bring(claim, &place.repo, &wanted, read.our_comment.as_ref()).await
    }

    /// What should stand on a merged pull request, from the facts the ledger recorded.
    fn merged_page(&self, place: &Place, entry: &Arc<DecisionEntry>, outcome: &Outcome) -> Option<Wanted> {
        let facts: Facts = serde_json::from_value(entry.facts.as_json().clone()).ok()?;
        let text = place.policy_text(entry.policy_digest)?;
        let policy = policy::parse(&text).ok()?;
        let mut page = wanted(&decide(&policy, &facts), &facts, outcome, None);
        page.ask.clear();
        Some(page)
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
