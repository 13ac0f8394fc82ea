//! Attempts and looks: what is done to a branch, a workflow, an event, a webhook; places that follow Git are in `remote`.
//!
//! One attempt per call. What may be tried again, and when, is said by the outcome; nothing is repeated here.

use countersign_core::domain::{RefName, SyncId, Timestamp};
use countersign_core::effect::{Effect, Receipt};
use countersign_core::facts::Question;
use countersign_core::policy::{RunsIn, Target};
use countersign_core::sync::{Approved, Order, Outcome, Run, SyncReason, Trouble};
use tracing::{info, warn};

use super::{Next, Turn};
use crate::engine::book::Place;
use crate::engine::ports::{
    ForgeError, ForgeErrorKind, Freshness, NotGranted, OutboundError, OutboundKind, RepoError, WebhookMessage,
};
use crate::engine::{Engine, TurnError};

/// GitHub's clock is not ours.
const SAME_TIME: i64 = 10;

impl Engine {
    /// Makes one attempt. `doubtful`: an earlier one was begun then, and how it ended is not known.
    pub(super) async fn attempt(
        &self,
        turn: &Turn<'_>,
        place: &mut Place,
        approved: &Approved,
        run: &mut Run,
        doubtful: Option<Timestamp>,
    ) -> Result<Outcome, TurnError> {
        if let RunsIn::Runner { workflow } = turn.rule.runs_in() {
            return self.order_job(turn, place, approved, (run, doubtful, workflow)).await;
        }
        match turn.rule.target() {
            Target::Branch { reference } => self.move_target(turn, place, approved, (run, reference)).await,
            Target::Workflow { file, branch } => {
                let branch = branch.as_ref().unwrap_or(&place.default_branch);
                if let Some(begun) = doubtful
                    && let Some(found) = self.started_before(place, file, begun).await?
                {
                    return Ok(found);
                }
                let order = self.order(place, turn, run).json();
                let effect = Effect::StartWorkflow { file: file.clone(), reference: branch.clone(), order };
                self.apply_to_target(turn, place, approved, &effect).await
            }
            Target::Event { event } => {
                let effect = Effect::SendEvent { event: event.clone(), order: self.order(place, turn, run) };
                self.apply_to_target(turn, place, approved, &effect).await
            }
            Target::Webhook { url, secret } => {
                let id = SyncId {
                    repo: place.repo.id,
                    generation: run.generation,
                    environment: turn.id.environment.clone(),
                    target: turn.id.target.clone(),
                    secret: secret.clone(),
                };
                run.evidence.message = Some(id.to_string());
                let (url, secret) =
                    match (self.grants.secret(&place.repo.name, url), self.grants.secret(&place.repo.name, secret)) {
                        (Ok(url), Ok(secret)) => (url, secret),
                        (Err(fault), _) | (_, Err(fault)) => return Ok(Outcome::Blocked(not_granted(&fault))),
                    };
                let body = self.order(place, turn, run).json().into_bytes();
                let message = WebhookMessage { url, secret, id: id.to_string(), body };
                self.still_ours(turn.claim).await?;
                self.still_stands(place, &turn.id.environment, approved).await?;
                Ok(match self.outbound.webhook(&message).await {
                    Ok(_) => Outcome::Accepted,
                    Err(fault) => of_outbound(&fault),
                })
            }
            Target::Flux { .. } | Target::ArgoCd { .. } => self.tell_remote(turn, place, approved, run).await,
            Target::ExternalSecrets { rule } => self.tell_operator(turn, place, (approved, run), rule).await,
            Target::GithubEnvironment { .. } | Target::Vault { .. } | Target::Kubernetes { .. } => {
                let owned = self.owned(place.repo.id, turn.id);
                self.fill(turn, place, approved, run, &owned).await
            }
        }
    }

    pub(super) fn order(&self, place: &Place, turn: &Turn<'_>, run: &Run) -> Order {
        Order::new(
            place.repo.name.clone(),
            (turn.id.environment.clone(), turn.id.target.clone()),
            (run.commit.clone(), run.generation),
            Self::decision_of(place, run.generation),
        )
    }

    /// Tells GitHub to start something.
    async fn apply_to_target(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        approved: &Approved,
        effect: &Effect,
    ) -> Result<Outcome, TurnError> {
        self.still_ours(turn.claim).await?;
        self.still_stands(place, &turn.id.environment, approved).await?;
        Ok(match self.forge.apply(&place.repo, effect).await {
            Ok(Receipt::Started(run)) => Outcome::Triggered(run),
            Ok(_) => Outcome::Accepted,
            Err(fault) => self.refused(&fault),
        })
    }

    pub(super) fn refused(&self, fault: &ForgeError) -> Outcome {
        let with = |reason| Trouble::new(reason, &fault.message);
        let again = |after| Outcome::Again(after, with(SyncReason::DeliveryFailed));
        match fault.kind {
            ForgeErrorKind::Later | ForgeErrorKind::Garbled => again(None),
            ForgeErrorKind::Wait(until) => again(Some(until.since(self.clock.now()))),
            ForgeErrorKind::Credentials | ForgeErrorKind::Forbidden => Outcome::Blocked(with(SyncReason::NotPermitted)),
            ForgeErrorKind::NotFound | ForgeErrorKind::Refused => Outcome::Refused(with(SyncReason::WorkflowMissing)),
        }
    }

    /// The run that an attempt of unknown end has started, if it has: ours of that workflow since then. One that another target
    /// has taken for its own is not counted twice.
    pub(super) async fn started_before(
        &self,
        place: &Place,
        file: &str,
        begun: Timestamp,
    ) -> Result<Option<Outcome>, TurnError> {
        let since = Timestamp::from_seconds(begun.seconds() - SAME_TIME);
        let question = Question::OurWorkflowRuns { file: file.to_owned(), since };
        let found = match self.forge.answer(&place.repo, &question, Freshness::Now).await {
            Ok(answer) => answer.workflows()?,
            Err(fault) => return Ok(Some(self.refused(&fault))),
        };
        let noted = self.noted(place).await?;
        let taken = |run| {
            noted.runs.values().any(|other| other.evidence.run == Some(run))
                || place.state().syncs().values().any(|known| known.receipt.evidence.run == Some(run))
        };
        let ours = found.into_iter().map(|run| run.id).filter(|run| !taken(*run)).min();
        Ok(ours.map(|run| Outcome::Triggered(Some(run))))
    }

    /// Looks whether a workflow that was started has ended.
    pub(super) async fn look_at_run(
        &self,
        turn: &Turn<'_>,
        place: &mut Place,
        mut run: Run,
        approved: &Approved,
    ) -> Result<Next, TurnError> {
        if let RunsIn::Runner { workflow } = turn.rule.runs_in() {
            let outcome = self.look_at_ordered(turn, place, (&mut run, workflow)).await?;
            return self.ended(turn, place, run, outcome).await;
        }
        let outcome = match run.evidence.run {
            None if matches!(turn.rule.target(), Target::Flux { .. } | Target::ArgoCd { .. }) => {
                self.look_at_remote(turn, place, &run, approved).await?
            }
            // a GitHub that names no run: the newest of ours since then is it
            None => match turn.rule.target() {
                Target::ExternalSecrets { rule } => self.look_at_operator(turn, place, &run, rule).await,
                Target::Workflow { file, .. } => match self.started_before(place, file, run.since).await? {
                    Some(Outcome::Triggered(found)) => {
                        run.evidence.run = found;
                        Outcome::NotYet
                    }
                    Some(_) | None => Outcome::NotYet,
                },
                Target::Branch { .. }
                | Target::Event { .. }
                | Target::Webhook { .. }
                | Target::Flux { .. }
                | Target::ArgoCd { .. }
                | Target::GithubEnvironment { .. }
                | Target::Vault { .. }
                | Target::Kubernetes { .. } => Outcome::Accepted,
            },
            Some(id) => {
                let question = Question::WorkflowRun(id);
                let read = self.forge.answer(&place.repo, &question, Freshness::Now).await?.workflow()?;
                match read.and_then(|read| read.conclusion.map(|conclusion| (conclusion, read.url))) {
                    None => Outcome::NotYet,
                    Some((conclusion, _)) if conclusion == "success" => Outcome::Converged,
                    Some((conclusion, url)) => {
                        let detail = format!("it ended as `{conclusion}` ({url})");
                        Outcome::Refused(Trouble::new(SyncReason::WorkflowFailed, &detail))
                    }
                }
            }
        };
        self.ended(turn, place, run, outcome).await
    }

    /// Moves a branch target to the covered tip, from exactly where it was seen.
    async fn move_target(
        &self,
        turn: &Turn<'_>,
        place: &mut Place,
        approved: &Approved,
        (run, reference): (&mut Run, &RefName),
    ) -> Result<Outcome, TurnError> {
        if place.governs(reference) || self.is_ours(reference) {
            return Ok(Outcome::Blocked(SyncReason::TargetGoverned.into()));
        }
        if let Some(why) = self.unprotected(place, reference).await? {
            return Ok(Outcome::Blocked(why));
        }
        // the tip of the source carries the same approved content, perhaps with commits that change nothing protected
        let tip = place.refs.get(reference).cloned();
        if tip.as_ref() != Some(&approved.commit) {
            if let Some(tip) = &tip
                && *tip != run.commit
                && !self.repo.reaches(&place.repo, &approved.commit, tip).await?
            {
                warn!(target = %turn.id, %tip, "somebody else moved the branch target; it is set back");
                self.gauge_drift(turn.id, true);
            }
            self.still_ours(turn.claim).await?;
            self.still_stands(place, &turn.id.environment, approved).await?;
            match self.repo.push(&place.repo, reference, tip.as_ref(), &approved.commit).await {
                Ok(()) => info!(target = %turn.id, commit = %approved.commit, "moved a branch target"),
                Err(RepoError::Refused { message, .. }) => {
                    return Ok(Outcome::Blocked(Trouble::new(SyncReason::TargetRefused, &message)));
                }
                Err(fault) => return Err(fault.into()),
            }
            place.refs.insert(reference.clone(), approved.commit.clone());
        }
        run.commit = approved.commit.clone();
        self.gauge_drift(turn.id, false);
        Ok(Outcome::Converged)
    }

    /// Why a branch must not be trusted to hold only what we put there.
    async fn unprotected(&self, place: &Place, reference: &RefName) -> Result<Option<Trouble>, TurnError> {
        let question = Question::Guard(reference.clone());
        let guard = self.forge.answer(&place.repo, &question, Freshness::Now).await?.guard()?;
        if !guard.restricted {
            return Ok(Some(SyncReason::TargetUnprotected.into()));
        }
        if !guard.others.is_empty() {
            let detail = format!("{} may bypass its rules", guard.others.join(", "));
            return Ok(Some(Trouble::new(SyncReason::TargetUnprotected, &detail)));
        }
        Ok((!guard.ours_to_move).then(|| SyncReason::TargetRefused.into()))
    }
}

/// What an attempt that failed means for the run.
pub(super) fn of_outbound(fault: &OutboundError) -> Outcome {
    let trouble = of_fault(fault);
    match fault.kind {
        OutboundKind::Retry { after } => Outcome::Again(after, trouble),
        OutboundKind::Busy => Outcome::Again(None, trouble),
        OutboundKind::Conflict | OutboundKind::Permanent => Outcome::Refused(trouble),
        OutboundKind::Blocked(_) => Outcome::Blocked(trouble),
    }
}

/// The same, for people.
pub(in crate::engine) fn of_fault(fault: &OutboundError) -> Trouble {
    let code = match fault.kind {
        OutboundKind::Retry { .. } => SyncReason::DeliveryFailed.code(),
        OutboundKind::Busy => SyncReason::TargetBusy.code(),
        OutboundKind::Conflict => SyncReason::Conflict.code(),
        OutboundKind::Permanent => SyncReason::Refused.code(),
        OutboundKind::Blocked(block) => block.code(),
    };
    Trouble { code: code.to_owned(), words: fault.what.clone(), help: fault.help.clone() }
}

pub(super) fn not_granted(fault: &NotGranted) -> Trouble {
    let words = fault.to_string().lines().next().unwrap_or_default().to_owned();
    Trouble { code: NotGranted::CODE.to_owned(), words, help: fault.help() }
}
