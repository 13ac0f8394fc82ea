//! Deliveries that a job makes for us: it is started with a signed order, and looked at until it has reported.
//!
//! Nothing of a value is here. An order that nobody began within its time is followed by another, as often as any attempt is
//! repeated; the one before is then no longer heard.

use countersign_core::domain::{JobId, RunState, TargetId, Timestamp};
use countersign_core::effect::{Effect, Receipt};
use countersign_core::facts::Question;
use countersign_core::ledger::{JobOrder, ORDER_LASTS, Ordered};
use countersign_core::policy::RunsIn;
use countersign_core::sync::{Approved, JobEnd, JobReport, Outcome, Run, SyncReason, Trouble};

use super::Turn;
use crate::engine::book::Place;
use crate::engine::ports::{Freshness, NoteKey};
use crate::engine::{Engine, TurnError};

/// The order that a run stands at.
pub(super) fn order_of(place: &Place, id: &TargetId, run: &Run) -> JobId {
    JobId {
        repo: place.repo.id,
        generation: run.generation,
        environment: id.environment.clone(),
        target: id.target.clone(),
        attempt: run.evidence.attempts,
    }
}

impl Engine {
    /// Starts a job, unless an attempt of unknown end has.
    pub(super) async fn order_job(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        approved: &Approved,
        (run, doubtful, file): (&mut Run, Option<Timestamp>, &str),
    ) -> Result<Outcome, TurnError> {
        let Some(server) = self.settings.public_url.clone() else {
            return Ok(Outcome::Blocked(SyncReason::NoAddress.into()));
        };
        if let Some(begun) = doubtful
            && let Some(found) = self.started_before(place, file, begun).await?
        {
            // it holds the order of that attempt
            run.withdraw(None);
            return Ok(found);
        }
        let ordered = Ordered {
            id: order_of(place, turn.id, run),
            repository: place.repo.name.clone(),
            commit: run.commit.clone(),
            decision: Self::decision_of(place, run.generation),
            server,
        };
        // what a job said about an order of the same number, which nobody was to carry out any more
        self.journal.keep_note(place.repo.id, &NoteKey::Callback(turn.id.clone()), "").await?;
        self.still_ours(turn.claim).await?;
        self.still_stands(place, &turn.id.environment, approved).await?;
        let order = JobOrder::give(ordered, self.clock.now(), &self.signer);
        let effect = Effect::StartWorkflow { file: file.to_owned(), reference: place.default_branch.clone(), order };
        Ok(match self.forge.apply(&place.repo, &effect).await {
            Ok(Receipt::Started(started)) => {
                run.evidence.run = started;
                Outcome::Triggered(started)
            }
            Ok(_) => Outcome::Triggered(None),
            Err(fault) => self.refused(&fault),
        })
    }

    /// Looks at a job that was started.
    pub(super) async fn look_at_ordered(
        &self,
        turn: &Turn<'_>,
        place: &Place,
        (run, file): (&mut Run, &str),
    ) -> Result<Outcome, TurnError> {
        if run.evidence.run.is_none()
            && let Some(Outcome::Triggered(found)) = self.started_before(place, file, run.since).await?
        {
            run.evidence.run = found;
        }
        let concluded = match run.evidence.run {
            None => None,
            Some(id) => {
                let question = Question::WorkflowRun(id);
                let read = self.forge.answer(&place.repo, &question, Freshness::Now).await?.workflow()?;
                read.and_then(|read| read.conclusion.map(|conclusion| (conclusion, read.url)))
            }
        };
        // read after the run: a job reports, then ends
        let report = self.report_on(place, turn.id, run).await?;
        if let Some(end) = report.as_ref().and_then(|report| report.ended.clone()) {
            return Ok(end.outcome());
        }
        if let Some((conclusion, url)) = concluded {
            let detail = format!("it ended as `{conclusion}` ({url})");
            return Ok(Outcome::Again(None, Trouble::new(SyncReason::Silent, &detail)));
        }
        if report.is_none() && self.clock.now().since(run.since) >= ORDER_LASTS {
            return Ok(Outcome::Again(None, SyncReason::NotBegun.into()));
        }
        Ok(Outcome::NotYet)
    }

    /// Whether the job of a run has told how it ended, so that there is no need to wait for the next look.
    pub(super) async fn has_reported(&self, turn: &Turn<'_>, place: &Place, run: &Run) -> Result<bool, TurnError> {
        if !matches!(turn.rule.runs_in(), RunsIn::Runner { .. }) || run.state != RunState::Triggered {
            return Ok(false);
        }
        let report = self.report_on(place, turn.id, run).await?;
        Ok(report.is_some_and(|report| matches!(report.ended, Some(JobEnd::Converged | JobEnd::Failed { .. }))))
    }

    /// What the job of this very order said. A note that cannot be read is none.
    pub(super) async fn report_on(
        &self,
        place: &Place,
        id: &TargetId,
        run: &Run,
    ) -> Result<Option<JobReport>, TurnError> {
        let note = self.journal.note(place.repo.id, &NoteKey::Callback(id.clone())).await?;
        let report = note.and_then(|text| serde_json::from_str::<JobReport>(&text).ok());
        let order = order_of(place, id, run);
        Ok(report.filter(|report| report.order == order && run.evidence.run.is_none_or(|known| known == report.run)))
    }
}
