//! Merges exactly what was decided, verifies it, records it (`changes.md` 6).
//!
//! Takes a proof that only the decision mints; never chooses what to merge.

use std::collections::BTreeMap;

use countersign_core::decision::{Decision, Proof};
use countersign_core::domain::{Delta, Oid, RefName, RepoPath, Sequence};
use countersign_core::effect::{self, Effect, Outcome, Receipt, wanted};
use countersign_core::facts::Question;
use countersign_core::facts::compare::{self, Branches};
use countersign_core::facts::question::ChangeRead;
use countersign_core::ledger::MergeMethod;
use tracing::{info, warn};

use super::book::Place;
use super::crash::{Point, here};
use super::gather::{Gathered, pull_ref};
use super::ports::{Claim, ForgeErrorKind, Freshness, MergeCommit, RepoError};
use super::siblings::Shared;
use super::{Engine, TurnError};

/// How a merge ended.
pub(super) enum Merging {
    /// Done and recorded.
    Merged {
        /// The new tip of the base.
        commit: Oid,
        /// Ledger entry of the decision.
        decision: Sequence,
    },
    /// Decided, but the forge or the base does not let it happen now; in words.
    Held(String),
}

impl Engine {
    /// Merges what the proof names: intent to the ledger, branch by compare-and-swap, look again, record.
    pub(super) async fn merge(
        &self,
        claim: &Claim,
        place: &mut Place,
        (gathered, decision): (&Gathered, &Decision),
        shared: Option<&Shared>,
    ) -> Result<Merging, TurnError> {
        let Some(proof) = &decision.proof else { return Ok(Merging::Held(decision.reason.words().to_owned())) };
        let facts = &gathered.facts;
        let branches = Branches { base: &facts.change.base, default: &place.default_branch };
        let protected = compare::protected_delta(&place.policy, branches, &facts.history.delta);
        let widened = self.widened(place, proof, &facts.history.delta).await?;
        let approved = Delta::new(protected.entries().iter().cloned().chain(widened));
        // a policy whose names cannot be read now could not be recorded either: then nothing moves
        if let Some(after) = self.policy_after(place, &approved).await? {
            self.resolve(&place.repo, &after).await?;
        }
        here(Point::MergeProved);
        let sequence = self.record_decision(claim, place, (facts, decision, proof), &approved).await?;
        here(Point::MergeIntended);
        // a rule may demand the check before it lets anybody move the branch
        let mut green = wanted(decision, facts, &Outcome::Open, None);
        green.comment = None;
        self.share_check(&place.repo, &mut green, shared).await?;
        match self.bring(claim, &place.repo, &green, gathered.read.our_comment.as_ref()).await {
            // whether the check may be written is not what the merge rests on; a rule that needs it will refuse
            Err(TurnError::Forge(fault)) if fault.kind == ForgeErrorKind::Forbidden => {}
            outcome => outcome?,
        }
        here(Point::MergeGreen);
        let (subject, body) = effect::merge_message(decision, facts, sequence, &gathered.read.title);
        self.still_ours(claim).await?;
        self.all_stands(place, gathered).await?;
        let (method, commit) = match self.move_branch(place, proof, &approved, format!("{subject}\n\n{body}")).await {
            Ok(commit) => (MergeMethod::MoveRef, commit),
            Err(TurnError::Repo(RepoError::Refused { message, .. })) => {
                info!(%message, "the branch may not be moved; merging through the pull request");
                match self.merge_through_the_forge(place, proof, (subject, body)).await? {
                    Ok(commit) => (MergeMethod::Endpoint, commit),
                    Err(why) => return Ok(Merging::Held(why)),
                }
            }
            Err(TurnError::Repo(RepoError::Conflict(paths))) => {
                let paths: Vec<_> = paths.iter().take(5).map(ToString::to_string).collect();
                return Ok(Merging::Held(format!(
                    "files outside the protected ones conflict with the base: {}",
                    paths.join(", ")
                )));
            }
            Err(fault) => return Err(fault),
        };
        self.verify_merged(place, proof, &approved, &commit).await?;
        here(Point::MergeVerified);
        self.record_merge(claim, place, (facts.change.number, sequence), (method, &approved), &commit).await?;
        here(Point::MergeRecorded);
        info!(change = %facts.change.number, commit = %commit, decision = %sequence.label(), "merged");
        Ok(Merging::Merged { commit, decision: sequence })
    }

    /// Everything is still as it was decided about: the head, where it aims, that it is open, what people said. Whatever moved
    /// meanwhile begins anew (R50, R51).
    async fn all_stands(&self, place: &Place, gathered: &Gathered) -> Result<(), TurnError> {
        let number = gathered.facts.change.number;
        let now = self.forge.answer(&place.repo, &Question::Change(number), Freshness::Now).await?.change()?;
        if what_counts(&now) != what_counts(&gathered.read) {
            return Err(TurnError::KeptMoving(format!("#{number}")));
        }
        let change = &gathered.facts.change;
        let head = change.head_ref.clone().unwrap_or_else(|| pull_ref(change.number));
        let refs = self.repo.fetch(&place.repo, std::slice::from_ref(&head)).await?;
        match refs.get(&head) {
            Some(now) if *now != change.head => Err(TurnError::KeptMoving(head.short().to_owned())),
            // a branch that is gone merges all the same: its commits are in the pull request (R59)
            Some(_) | None => Ok(()),
        }
    }

    /// Builds the merge commit and moves the branch from exactly the decided tip.
    async fn move_branch(
        &self,
        place: &Place,
        proof: &Proof,
        approved: &Delta,
        message: String,
    ) -> Result<Oid, TurnError> {
        let us = self.ourselves().await?;
        let merge = MergeCommit {
            base_tip: proof.base_tip().clone(),
            head: proof.head().clone(),
            taken: approved
                .entries()
                .iter()
                .map(|entry| (entry.path.clone(), entry.new.clone()))
                .collect::<BTreeMap<_, _>>(),
            identity: (us.login.to_string(), self.email().await?),
            at: self.clock.now(),
            message,
        };
        let commit = self.repo.merge_commit(&place.repo, &merge).await?;
        here(Point::MergeBuilt);
        self.repo.push(&place.repo, proof.base(), Some(proof.base_tip()), &commit).await?;
        here(Point::MergeMoved);
        Ok(commit)
    }

    /// The pull request's own merge endpoint, head pinned.
    async fn merge_through_the_forge(
        &self,
        place: &Place,
        proof: &Proof,
        (title, message): (String, String),
    ) -> Result<Result<Oid, String>, TurnError> {
        let merge = Effect::Merge { change: proof.change(), proof: proof.clone(), title, message };
        here(Point::EndpointDue);
        let merged = self.forge.apply(&place.repo, &merge).await;
        here(Point::EndpointMerged);
        match merged {
            Ok(Receipt::Merged(commit)) => Ok(Ok(commit)),
            Ok(_) => Ok(Err("GitHub did not say what it merged".to_owned())),
            Err(fault) if fault.kind == ForgeErrorKind::Refused => Ok(Err(fault.message)),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Protected paths at which a merge commit is not *last approved, with the approved delta applied*, by the policy in force after it.
    pub(super) async fn unlike_approved(
        &self,
        place: &Place,
        base: &RefName,
        approved: &Delta,
        commit: &Oid,
    ) -> Result<Vec<RepoPath>, TurnError> {
        let branches = Branches { base, default: &place.default_branch };
        let after = self.policy_after(place, approved).await?;
        let policy = after.as_ref().unwrap_or(&place.policy);
        let found = compare::protected(policy, branches, &self.repo.entries(&place.repo, commit).await?);
        let expected = compare::protected(policy, branches, &compare::apply(place.approved(base), approved));
        Ok(compare::differing(&expected, &found))
    }

    /// Reads the base again: its protected entries are the last approved ones with the approved delta, nothing else (R52).
    async fn verify_merged(
        &self,
        place: &mut Place,
        proof: &Proof,
        approved: &Delta,
        commit: &Oid,
    ) -> Result<(), TurnError> {
        place.refs = self.repo.fetch(&place.repo, &[]).await?;
        let tip = place.refs.get(proof.base()).cloned().unwrap_or_else(|| commit.clone());
        if tip != *commit && !self.repo.reaches(&place.repo, &tip, commit).await? {
            warn!(%tip, %commit, "the base does not hold the merge");
            return Err(TurnError::KeptMoving(proof.base().short().to_owned()));
        }
        let differing = self.unlike_approved(place, proof.base(), approved, commit).await?;
        if !differing.is_empty() {
            let paths: Vec<_> = differing.iter().take(5).map(ToString::to_string).collect();
            return Err(TurnError::Ledger(format!(
                "the merge {commit} holds something else than was approved at {}",
                paths.join(", ")
            )));
        }
        Ok(())
    }
}

/// What of a pull request a decision rests on.
fn what_counts(read: &ChangeRead) -> impl PartialEq + use<> {
    let reviews = read.reviews.iter().map(|review| {
        let by = review.author.as_ref().map(|author| author.id);
        (review.id, by, review.kind, review.commit.clone(), review.submitted_at)
    });
    let comments = read.comments.iter().map(|comment| {
        let by = comment.author.as_ref().map(|author| author.id);
        (comment.id, by, comment.body.clone(), comment.edited, comment.hidden)
    });
    let said = (reviews.collect::<Vec<_>>(), comments.collect::<Vec<_>>());
    (read.open, read.draft, read.base.clone(), read.head_ref.clone(), said)
}
