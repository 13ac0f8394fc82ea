//! One look at a job that waits to deploy to an environment of GitHub: countersign is the rule of that, and answers once.
//!
//! What the job deploys is read now, and held against the ledger as a delivery is. An answer is noted; one that was given in doubt
//! and not noted is found in that the run no longer waits.

use std::collections::BTreeMap;

use countersign_core::domain::{DeploymentId, Environment, Oid, RepoId, RunId, Span, Timestamp};
use countersign_core::effect::gate_answer;
use countersign_core::facts::Question;
use countersign_core::facts::question::JobRead;
use countersign_core::ledger::Coverage;
use countersign_core::sync::{Approved, Asked, GateAnswer, Standing, SyncReason, Trouble, answer, doubt, gated};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::book::{Found, Place};
use super::crash::{Point, here};
use super::ports::{Claim, ForgeErrorKind, Freshness, NoteKey, RepoError, RepoRef, Subject};
use super::{Engine, TurnError};

/// How soon a job in doubt is looked at again.
const AGAIN: Span = Span::from_seconds(15);

/// What is remembered of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    /// Since when it is in doubt.
    since: Option<Timestamp>,
    /// Reasons it was told while it was in doubt.
    #[serde(default)]
    told: Vec<String>,
    /// How it ended: a verdict, or that there was nothing to say any more.
    ended: Option<String>,
}

impl Engine {
    /// One look at a job.
    pub(super) async fn look_at_job(
        &self,
        claim: &Claim,
        repo: RepoId,
        (run, deployment): (RunId, DeploymentId),
    ) -> Result<Option<Timestamp>, TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let key = NoteKey::Job(run, deployment);
        let known = self.journal.note(repo.id, &key).await?;
        let mut noted: Noted = known.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        if noted.ended.is_some() {
            return Ok(None);
        }
        // from now on the sweep looks for jobs here
        self.journal.keep_note(repo.id, &NoteKey::Jobs, "1").await?;
        let question = Question::Job { run, deployment };
        let job = match self.forge.answer(&repo, &question, Freshness::Now).await?.job()? {
            Some(job) if job.waits => job,
            Some(_) | None => {
                noted.ended = Some("gone".to_owned());
                return self.keep_job(&repo, &key, &noted, None).await;
            }
        };
        let now = self.clock.now();
        let waited = noted.since.map_or(Span::from_seconds(0), |since| now.since(since));
        let answer = self.answer_for(claim, &repo, &job, waited).await?;
        let (word, code) = match &answer {
            GateAnswer::Approved(_) => ("approved", ""),
            GateAnswer::Waiting(trouble) => ("waiting", trouble.code.as_str()),
            GateAnswer::Rejected(trouble) => ("rejected", trouble.code.as_str()),
        };
        info!(%run, environment = job.environment, answer = word, code, "a job waits for its environment");
        let open = matches!(answer, GateAnswer::Waiting(_));
        let silent = open && noted.told.iter().any(|told| told == code);
        if open {
            noted.since.get_or_insert(now);
            noted.told.push(code.to_owned());
            noted.told.dedup();
            // noted before it is said: a report is for people, and better lost than repeated
            self.keep_job(&repo, &key, &noted, None).await?;
        } else {
            noted.ended = Some(word.to_owned());
        }
        if !silent {
            self.still_ours(claim).await?;
            here(Point::JobJudged);
            self.say_to_job(&repo, (run, &job), &answer).await?;
            here(Point::JobAnswered);
        }
        self.keep_job(&repo, &key, &noted, open.then(|| now.plus(AGAIN))).await
    }

    async fn keep_job(
        &self,
        repo: &RepoRef,
        key: &NoteKey,
        noted: &Noted,
        again: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, TurnError> {
        let text = serde_json::to_string(noted).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        self.journal.keep_note(repo.id, key, &text).await?;
        Ok(again)
    }

    /// Says it to GitHub. Refused: the job was answered already, or asks somebody else.
    async fn say_to_job(
        &self,
        repo: &RepoRef,
        (run, job): (RunId, &JobRead),
        answer: &GateAnswer,
    ) -> Result<(), TurnError> {
        match self.forge.apply(repo, &gate_answer(run, job, answer)).await {
            Ok(_) => Ok(()),
            Err(fault) if matches!(fault.kind, ForgeErrorKind::Refused | ForgeErrorKind::NotFound) => {
                warn!(%run, %fault, "GitHub takes no answer of ours for this job");
                Ok(())
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// The answer, on what is true now.
    async fn answer_for(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        job: &JobRead,
        waited: Span,
    ) -> Result<GateAnswer, TurnError> {
        let place = match self.find(claim, repo, &[]).await? {
            Found::Managed(place) => place,
            Found::Unmanaged => return Ok(GateAnswer::Rejected(SyncReason::GateUnmanaged.into())),
            Found::Closed(closed) => {
                let (code, help) = (closed.code.to_owned(), closed.help.to_owned());
                return Ok(doubt(Trouble { code, words: closed.words, help }, waited));
            }
        };
        let tips = self.standing(&place).await?;
        let commits = self.at_commit(&place, &job.commit, &gated(&place.policy, &job.environment)).await?;
        Ok(answer(&Asked { policy: &place.policy, job, tips: &tips, commits: &commits, waited }))
    }

    /// A commit against the ledger, for each environment.
    async fn at_commit(
        &self,
        place: &Place,
        commit: &Oid,
        environments: &[&Environment],
    ) -> Result<BTreeMap<Environment, Standing>, TurnError> {
        let mut standing = BTreeMap::new();
        for name in environments {
            let Some(rule) = place.policy.environment(name) else { continue };
            let branch = rule.branch_or(&place.default_branch);
            let on_branch = match place.refs.get(branch) {
                Some(tip) if tip == commit => true,
                Some(tip) => match self.repo.reaches(&place.repo, tip, commit).await {
                    Err(RepoError::Missing(_)) => false,
                    known => known?,
                },
                None => false,
            };
            let held = if on_branch {
                let entries = self.repo.entries(&place.repo, commit).await?;
                match self.proved(place).await?.ledger().covers(branch, &entries, &place.policy, name) {
                    Coverage::Covered(covered) if covered.current => {
                        Standing::Covered(Approved { generation: covered.entry, commit: commit.clone() })
                    }
                    Coverage::Covered(covered) => {
                        Standing::Withheld(Trouble::new(SyncReason::GateOlder, &covered.entry.label()))
                    }
                    Coverage::Uncovered { .. } => Standing::Withheld(SyncReason::GateUncovered.into()),
                    Coverage::NotAdopted => Standing::Withheld(SyncReason::NotAdopted.into()),
                    Coverage::InvalidLedger => Standing::Withheld(SyncReason::LedgerInvalid.into()),
                }
            } else {
                Standing::Withheld(Trouble::new(SyncReason::GateElsewhere, branch.short()))
            };
            standing.insert((*name).clone(), held);
        }
        Ok(standing)
    }

    /// Asks for a look at jobs that wait and of which no delivery told. Only where one was ever asked for: elsewhere nobody made us
    /// a rule, and each sweep would ask for nothing.
    pub(super) async fn look_at_jobs(&self, repo: &RepoRef) -> Result<(), TurnError> {
        if self.journal.note(repo.id, &NoteKey::Jobs).await?.is_none() {
            return Ok(());
        }
        let waiting = match self.forge.answer(repo, &Question::WaitingJobs, Freshness::Now).await {
            Ok(waiting) => waiting.jobs()?,
            Err(fault) if fault.kind == ForgeErrorKind::Forbidden => {
                warn!(repository = %repo.name, %fault, "jobs that wait cannot be listed");
                return Ok(());
            }
            Err(fault) => return Err(fault.into()),
        };
        for (run, deployment) in waiting {
            if self.journal.note(repo.id, &NoteKey::Job(run, deployment)).await?.is_none() {
                self.journal.schedule(&Subject::Job(repo.id, run, deployment), self.clock.now()).await?;
            }
        }
        Ok(())
    }
}
