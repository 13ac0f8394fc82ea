//! Turns without a server: what one event asks for is done, with what follows from it, until nothing is due. Then it ends.
//!
//! The turns are those of the server; only the loop around them ends. What is due later is left to the next run.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_core::decision::{Decision, decide};
use countersign_core::delivery::FromRunner;
use countersign_core::domain::{Oid, PrNumber, RefName, Span};
use countersign_core::effect::{self, Outcome};
use countersign_core::facts::{Facts, Question};
use countersign_core::ledger::{DecisionEntry, Entry, KeyClass, KeyStatus};
use countersign_core::policy;
use tracing::info;

use super::explain::ExplainError;
use super::intake::{Surroundings, keep_from_runner};
use super::ports::{Freshness, RepoRef, Sighting, Subject};
use super::run::{End, LEASE, Progress, name, turn};
use super::{Engine, TurnError};

/// How soon something must be due to be waited for.
const SOON: Span = Span::from_seconds(15);
/// How long all of it may take. A job is paid by the minute.
const LONGEST: Span = Span::from_seconds(600);
/// Failures in a row after which a subject is left to the next run.
const TRIES: u32 = 4;

/// What started it.
pub enum Started<'a> {
    /// An event that a webhook would have told the server.
    Event(FromRunner<'a>),
    /// Nothing in particular: everything is looked at.
    Sweep,
}

/// Whose a ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// There is none.
    Nobody,
    /// It takes entries of our key, as one of an Action.
    Ours,
    /// It is kept by other keys, or our key is known there as a server's.
    Others,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// Turns.
    pub turns: usize,
    /// Subjects whose last turn failed, and why.
    pub failed: Vec<(String, String)>,
    /// Subjects about which all was done and said that could be, but something that decides could not be read.
    pub unsure: Vec<String>,
}

/// How a pull request stands.
pub struct Standing {
    /// What it was judged by.
    pub facts: Facts,
    /// The judgement: of now, or of when it was merged.
    pub decision: Decision,
    /// The text of the sticky comment.
    pub comment: Option<String>,
}

impl Engine {
    /// Whose the ledger of a repository is.
    ///
    /// # Errors
    /// When the repository or its ledger cannot be read.
    pub async fn keeper(&self, repo: &RepoRef) -> Result<Keeper, TurnError> {
        let asked = std::slice::from_ref(&self.settings.ledger_ref);
        let Some(tip) = self.repo.fetch(repo, asked).await?.remove(&self.settings.ledger_ref) else {
            return Ok(Keeper::Nobody);
        };
        let book = self.book(repo, &tip).await?;
        let ours = book.ledger.state().keys().get(&self.signer.fingerprint());
        let ours = ours.filter(|key| key.status == KeyStatus::Active && key.class == KeyClass::Action);
        Ok(if ours.is_some() { Keeper::Ours } else { Keeper::Others })
    }

    /// The one repository that a handed token is for.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn only_repository(&self) -> Result<Option<RepoRef>, TurnError> {
        Ok(self.forge.repositories().await?.into_iter().next())
    }

    /// The default branch, as GitHub names it now.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn default_branch_of(&self, repo: &RepoRef) -> Result<RefName, TurnError> {
        let read = self.forge.answer(repo, &Question::Repository, Freshness::Now).await?;
        Ok(read.repository()?.default_branch)
    }

    /// Does what an event asks for.
    ///
    /// # Errors
    /// When the journal fails. What a turn ran into is told in what was done.
    pub async fn once(&self, repo: &RepoRef, started: Started<'_>) -> Result<Done, TurnError> {
        let (name, installation) = (repo.name.clone(), Some(repo.installation));
        self.journal.sight(&Sighting::Installed { repo: repo.id, name, installation }).await?;
        let now = self.clock.now();
        match started {
            Started::Event(handed) => {
                let ourselves = Some(self.ourselves().await?);
                let quiet = Span::from_seconds(0);
                let around = Surroundings { quiet, ledger: &self.settings.ledger_ref, ourselves, repositories: &[] };
                let kept = keep_from_runner(&handed, now, self.journal.as_ref(), &around).await?;
                info!(event = %handed.event(), run = %handed.id(), ?kept, "handed over");
            }
            Started::Sweep => self.journal.schedule(&Subject::Repository(repo.id), now).await?,
        }
        self.until_nothing_is_due().await
    }

    /// Turn after turn.
    async fn until_nothing_is_due(&self) -> Result<Done, TurnError> {
        let (progress, end) = (Progress::default(), self.clock.now().plus(LONGEST));
        let (mut done, mut failed, mut weary) = (Done::default(), BTreeMap::new(), false);
        while self.clock.now() < end && !weary {
            let now = self.clock.now();
            if let Some(claim) = self.journal.claim("once", now, LEASE).await? {
                done.turns += 1;
                match turn(self, &claim, &progress).await {
                    End::Complete(_) => {
                        failed.remove(&claim.subject);
                    }
                    End::Fail { reason, unsure, .. } => {
                        weary = claim.attempts + 1 >= TRIES;
                        failed.insert(claim.subject.clone(), (reason, unsure));
                    }
                }
                continue;
            }
            match self.journal.next_due().await? {
                Some(due) if due <= now.plus(SOON) => tokio::time::sleep(Duration::from_millis(500)).await,
                Some(_) | None => break,
            }
        }
        for (subject, (why, unsure)) in failed {
            // what is not known was said where people look; it is no failure of the run
            if unsure { done.unsure.push(name(&subject)) } else { done.failed.push((name(&subject), why)) }
        }
        Ok(done)
    }

    /// How a pull request stands; `None` when it is closed and the ledger holds no decision about it.
    ///
    /// # Errors
    /// As of `explained`.
    pub async fn how_it_stands(&self, repo: &RepoRef, number: PrNumber) -> Result<Option<Standing>, ExplainError> {
        let answer =
            self.forge.answer(repo, &Question::Change(number), Freshness::Now).await.map_err(TurnError::from)?;
        let read = *answer.change().map_err(TurnError::from)?;
        let said = read.our_comment.as_ref().map(|comment| comment.body.clone());
        if read.open {
            let explained = self.explained(&repo.name, number, None).await?;
            let wanted = effect::wanted(&explained.decision, &explained.facts, &Outcome::Open, None);
            let comment = said.or(wanted.comment);
            return Ok(Some(Standing { facts: explained.facts, decision: explained.decision, comment }));
        }
        let recorded = self.recorded(repo, number, &read.head).await?;
        Ok(recorded.map(|(facts, decision)| Standing { facts, decision, comment: said }))
    }

    /// The newest decision about a head in the ledger, run again under the policy that was in force.
    async fn recorded(
        &self,
        repo: &RepoRef,
        number: PrNumber,
        head: &Oid,
    ) -> Result<Option<(Facts, Decision)>, TurnError> {
        let asked = std::slice::from_ref(&self.settings.ledger_ref);
        let Some(tip) = self.repo.fetch(repo, asked).await?.remove(&self.settings.ledger_ref) else { return Ok(None) };
        let book = self.book(repo, &tip).await?;
        let mut newest = book.ledger.state().decisions().values().rev();
        let Some(entry) = newest.find(|entry| entry.pull == number && entry.head == *head) else { return Ok(None) };
        let text = book.ledger.entries().iter().rev().find_map(|verified| {
            let Entry::Policy(policy) = &verified.entry else { return None };
            (policy.digest == entry.policy_digest).then_some(&policy.text)
        });
        Ok(text.and_then(|text| again(entry, text)))
    }
}

fn again(entry: &DecisionEntry, text: &str) -> Option<(Facts, Decision)> {
    let facts: Facts = serde_json::from_value(entry.facts.as_json().clone()).ok()?;
    let decision = decide(&policy::parse(text).ok()?, &facts);
    Some((facts, decision))
}
