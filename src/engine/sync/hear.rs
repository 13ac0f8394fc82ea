//! What a job says that delivers for us. It is heard when GitHub says that it is the job we started, about the newest order for
//! its target, while that is what is approved.
//!
//! A word of its end is kept for the next look at the target; nothing is decided here but whether it is heard.

use countersign_core::delivery::{JobFault, JobWanted};
use countersign_core::domain::{JobId, RunId, RunState, TargetId};
use countersign_core::policy::RunsIn;
use countersign_core::sync::{JobReport, JobWord, Run, Standing};
use thiserror::Error;
use tracing::info;

use super::order::order_of;
use super::owned::Owning as _;
use crate::engine::book::Place;
use crate::engine::ports::{Answered, JobTokens, NoteKey, RepoRef, Subject, TokenError};
use crate::engine::{Engine, TurnError};

/// Why a job is not heard.
#[derive(Debug, Error)]
pub enum Unheard {
    /// It did not prove to be the job we started.
    #[error("{what}")]
    Stranger {
        /// A lower-case sentence of what is wrong.
        what: String,
        /// The next action.
        help: &'static str,
    },
    /// It is, and its order is over.
    #[error("{what}")]
    Over {
        /// A lower-case sentence of what is wrong.
        what: &'static str,
        /// The next action.
        help: &'static str,
    },
    /// It may be heard in a moment.
    #[error("the word cannot be heard now: {0}")]
    Later(String),
}

impl From<TurnError> for Unheard {
    fn from(fault: TurnError) -> Self {
        Self::Later(fault.to_string())
    }
}

fn stranger(what: impl Into<String>, help: &'static str) -> Unheard {
    Unheard::Stranger { what: what.into(), help }
}

fn of_token(fault: JobFault) -> Unheard {
    stranger(fault.to_string(), fault.help())
}

fn over(what: &'static str) -> Unheard {
    Unheard::Over { what, help: "nothing to do: the newest order for this target has a job of its own" }
}

impl Engine {
    /// Hears a word about an order, from a job that shows this token.
    ///
    /// # Errors
    /// When it is not heard.
    pub async fn hear_job(
        &self,
        tokens: &dyn JobTokens,
        (order, token): (&JobId, &str),
        word: &JobWord,
    ) -> Result<Answered, Unheard> {
        let Some(server) = &self.settings.public_url else {
            return Err(stranger("this server starts no jobs", "the operator sets COUNTERSIGN_PUBLIC_URL"));
        };
        let claims = tokens.claims(token, server).await.map_err(|fault| match fault {
            TokenError::Wrong => stranger(
                fault.to_string(),
                "give the job `id-token: write`; COUNTERSIGN_PUBLIC_URL is the audience its token is for",
            ),
            TokenError::Later(_) => Unheard::Later(fault.to_string()),
        })?;
        if !claims.is_of(order.repo) {
            return Err(of_token(JobFault::Repository));
        }
        let Some(repo) = self.reach(order.repo).await? else { return Err(of_token(JobFault::Repository)) };
        let place = self.visit(&repo).await.map_err(|fault| Unheard::Later(fault.to_string()))?;
        let id = TargetId { environment: order.environment.clone(), target: order.target.clone() };
        let rule = place.policy.sync(&id).map(|rule| rule.runs_in().clone());
        let Some(RunsIn::Runner { workflow }) = rule else {
            return Err(over("the policy has no such target that a job delivers to"));
        };
        let wanted = JobWanted { repository: (repo.id, &repo.name), branch: &place.default_branch, file: &workflow };
        let run = claims.check(wanted, self.clock.now()).map_err(of_token)?;
        if word.generation() != order.generation {
            return Err(over("the word speaks of another generation than the order"));
        }
        self.hear(&repo, (&place, &id), (order, run), word).await
    }

    /// The same, from a job that is known.
    async fn hear(
        &self,
        repo: &RepoRef,
        (place, id): (&Place, &TargetId),
        (order, run): (&JobId, RunId),
        word: &JobWord,
    ) -> Result<Answered, Unheard> {
        let noted = self.noted(place).await?;
        let Some(known) = noted.run(id).filter(|known| order_of(place, id, known) == *order) else {
            return Err(over("the order is not the newest one for its target"));
        };
        let known_run = known.evidence.run;
        if known.state == RunState::Queued && known.begun.is_some()
            || known.state == RunState::Triggered && known_run.is_none()
        {
            return Err(Unheard::Later("the start of this job is not noted yet".to_owned()));
        }
        if known_run != Some(run) {
            return Err(stranger(
                "the token is of another run than the one that was started with this order",
                "see who started this run: an order is for one run alone",
            ));
        }
        let report = self.report_on(place, id, known).await?;
        if let Some(ended) = report.as_ref().and_then(|report| report.ended.as_ref()) {
            // the same word again, because its answer was lost
            return match word.end() {
                Some(end) if end == *ended => Ok(Answered::Stored),
                Some(_) | None => Err(over("the job has told how it ended")),
            };
        }
        if known.state != RunState::Triggered {
            return Err(over("the delivery of this order is over"));
        }
        let owned = self.owned(repo.id, id);
        match word {
            JobWord::Started { .. } => {
                self.is_approved(place, id, known).await?;
                self.keep_report(repo, id, JobReport { order: order.clone(), run, ended: None }).await?;
                info!(%order, %run, "a job began");
                Ok(owned.told().await?)
            }
            JobWord::Claimed { ours, .. } => {
                if report.is_none() {
                    return Err(over("the job has not begun"));
                }
                self.is_approved(place, id, known).await?;
                owned.keep(ours).await?;
                Ok(Answered::Stored)
            }
            JobWord::Converged { .. } | JobWord::Failed { .. } => {
                if report.is_none() && matches!(word, JobWord::Converged { .. }) {
                    return Err(over("the job has not begun"));
                }
                info!(%order, %run, converged = matches!(word, JobWord::Converged { .. }), "a job told how it ended");
                self.keep_report(repo, id, JobReport { order: order.clone(), run, ended: word.end() }).await?;
                let look = Subject::Sync(repo.id, id.clone());
                self.journal.schedule(&look, self.clock.now()).await.map_err(TurnError::from)?;
                Ok(Answered::Stored)
            }
        }
    }

    /// What the run is for is still what is approved: asked whenever a job is about to write.
    async fn is_approved(&self, place: &Place, id: &TargetId, run: &Run) -> Result<(), Unheard> {
        match self.standing(place).await?.get(&id.environment) {
            Some(Standing::Covered(approved)) if approved.generation == run.generation => Ok(()),
            Some(Standing::Covered(_) | Standing::Withheld(_)) | None => {
                Err(over("what the order is for is not what is approved now"))
            }
        }
    }

    async fn keep_report(&self, repo: &RepoRef, id: &TargetId, report: JobReport) -> Result<(), TurnError> {
        let text = serde_json::to_string(&report).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        Ok(self.journal.keep_note(repo.id, &NoteKey::Callback(id.clone()), &text).await?)
    }
}
