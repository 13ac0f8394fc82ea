//! Carries out what is wanted and not yet present, and remembers it.
//!
//! Takes no decision. Before every write the lease is checked; what was written is remembered at once, and what is not
//! remembered is looked up before it is written again.

use std::collections::BTreeSet;

use countersign_core::domain::{Digest, PrNumber};
use countersign_core::effect::{Effect, Present, Receipt, Wanted};
use countersign_core::facts::Question;
use countersign_core::facts::question::CommentRead;
use tracing::warn;

use super::crash::{Point, here};
use super::ports::{Claim, ForgeErrorKind, Freshness, Presence, RepoRef};
use super::run::LEASE;
use super::{Engine, TurnError};

impl Engine {
    /// Brings a pull request to what is wanted.
    pub(super) async fn bring(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        wanted: &Wanted,
        our_comment: Option<&CommentRead>,
    ) -> Result<(), TurnError> {
        let mut presence = match self.journal.presence(repo.id, wanted.change).await? {
            Some(presence) => presence,
            None => Presence { check: None, comment: None, description: None, asked: Vec::new() },
        };
        if presence.comment.is_none()
            && let Some(comment) = our_comment
        {
            presence.comment = Some((comment.id, Digest::of(comment.body.as_bytes())));
        }
        if presence.check.as_ref().is_none_or(|(head, ..)| *head != wanted.head) {
            let question = Question::OurCheck(wanted.head.clone());
            let found = match self.forge.answer(repo, &question, Freshness::Now).await {
                Ok(answer) => answer.check()?,
                // what may not be read may not be written either: writing it says so
                Err(fault) if fault.kind == ForgeErrorKind::Forbidden => None,
                Err(fault) => return Err(fault.into()),
            };
            presence.check = found.map(|check| (wanted.head.clone(), check.id, check.external_id));
        }
        let present = Present {
            check: presence.check.clone().map(|(_, id, key)| (id, key)),
            comment: presence.comment,
            description: presence.description,
            asked: presence.asked.iter().cloned().collect(),
        };
        let mut forbidden = None;
        for effect in wanted.minus(&present) {
            match self.write(claim, repo, &effect, wanted, &mut presence).await {
                Err(TurnError::Forge(fault)) if fault.kind == ForgeErrorKind::Forbidden => {
                    // what the App may still do is done; the turn fails all the same and is tried again
                    warn!(%fault, "the App may not do this");
                    forbidden = Some(fault);
                }
                outcome => outcome?,
            }
        }
        forbidden.map_or(Ok(()), |fault| Err(fault.into()))
    }

    async fn write(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        effect: &Effect,
        wanted: &Wanted,
        presence: &mut Presence,
    ) -> Result<(), TurnError> {
        self.still_ours(claim).await?;
        here(Point::EffectDue);
        let receipt = self.forge.apply(repo, effect).await?;
        match (effect, receipt) {
            (Effect::SetCheck { head, check, .. }, Receipt::Check(id)) => {
                here(Point::CheckWritten);
                presence.check = Some((head.clone(), id, check.external_id.clone()));
            }
            (Effect::Comment { body, .. }, Receipt::Comment(id)) => {
                here(Point::CommentWritten);
                presence.comment = Some((id, Digest::of(body.as_bytes())));
            }
            (Effect::DescribeChange { .. }, _) => {
                here(Point::DescriptionWritten);
                presence.description = wanted.description.as_ref().map(|description| description.digest());
            }
            (Effect::RequestReviewers { .. }, _) => {
                here(Point::ReviewersAsked);
                let asked: BTreeSet<String> = presence.asked.iter().chain(&wanted.ask).cloned().collect();
                presence.asked = asked.into_iter().collect();
            }
            (
                Effect::SetCheck { .. }
                | Effect::Comment { .. }
                | Effect::OpenChange { .. }
                | Effect::Merge { .. }
                | Effect::CreateDeployment { .. }
                | Effect::SetDeployment { .. }
                | Effect::StartWorkflow { .. }
                | Effect::SendEvent { .. }
                | Effect::AnswerJob { .. }
                | Effect::CloseChange { .. }
                | Effect::Tell { .. }
                | Effect::Label { .. }
                | Effect::React { .. }
                | Effect::Reply { .. },
                _,
            ) => {}
        }
        self.remember(repo, wanted.change, presence).await?;
        here(Point::EffectRemembered);
        Ok(())
    }

    /// Something that helps people and that nothing rests on: what the App may not do is said in the log, and left.
    pub(super) async fn courtesy(&self, repo: &RepoRef, effect: &Effect) -> Result<(), TurnError> {
        match self.forge.apply(repo, effect).await {
            Ok(_) => Ok(()),
            Err(fault) => match fault.kind {
                ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound | ForgeErrorKind::Refused => {
                    warn!(%fault, "the App may not do this");
                    Ok(())
                }
                ForgeErrorKind::Later
                | ForgeErrorKind::Wait(_)
                | ForgeErrorKind::Credentials
                | ForgeErrorKind::Garbled => Err(fault.into()),
            },
        }
    }

    /// Remembers what stands on a pull request.
    pub(super) async fn remember(
        &self,
        repo: &RepoRef,
        change: PrNumber,
        presence: &Presence,
    ) -> Result<(), TurnError> {
        Ok(self.journal.remember(repo.id, change, presence).await?)
    }

    /// Fails when the subject has been taken over: nothing may be written any more (R49).
    pub(super) async fn still_ours(&self, claim: &Claim) -> Result<(), TurnError> {
        if self.journal.renew(claim, self.clock.now(), LEASE).await? { Ok(()) } else { Err(TurnError::TakenOver) }
    }
}
