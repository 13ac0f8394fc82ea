//! The watch over the guard: what GitHub's own rules say of the branches we answer for, and what has become weaker.
//!
//! Changes no rule and decides nothing about changes; a weaker guard is told, put-back and verification hold without it.

use countersign_core::domain::{RefName, RepoId, Span, Timestamp};
use countersign_core::effect::{self, CHECK_NAME};
use countersign_core::facts::Question;
use countersign_core::guard::{Finding, Place as Guarded, Watch, judge};
use metrics::counter;
use tracing::{error, info};

use super::book::{Found, Place};
use super::ports::{Claim, ForgeErrorKind, Freshness, NoteKey, RepoRef, Subject};
use super::{Engine, TurnError, lock};

/// Sweeps from one look to the next that nothing asked for.
const SWEEPS: u64 = 5;

impl Engine {
    /// Asks for a look at the guard where the last one was some sweeps ago.
    pub(super) async fn ask_for_guard(&self, repo: RepoId) -> Result<(), TurnError> {
        let now = self.clock.now();
        let pause = Span::from_seconds(self.settings.reconcile.seconds().saturating_mul(SWEEPS));
        let due = {
            let mut guarded = lock(&self.memory.guarded);
            let due = guarded.get(&repo).is_none_or(|last| now.since(*last) >= pause);
            if due {
                guarded.insert(repo, now);
            }
            due
        };
        if due {
            self.journal.schedule(&Subject::Guard(repo), now).await?;
        }
        Ok(())
    }

    /// One look at the rules of every branch we answer for.
    pub(super) async fn look_at_guard(&self, claim: &Claim, repo: RepoId) -> Result<Option<Timestamp>, TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let Found::Managed(place) = self.find(claim, &repo, &[]).await? else { return Ok(None) };
        let places = self.guarded(&place.bases());
        let found = self.judged(&repo, &places).await?;
        let before = self.last_watch(repo.id).await?;
        let (mut watch, now) = (before.clone(), self.clock.now());
        let worse = watch.look(&places, found, now);
        if watch == before {
            return Ok(None);
        }
        // told before it is remembered: a crash in between tells twice, never not at all
        for finding in &worse {
            error!(repository = %repo.name, branch = finding.place.name(), code = finding.reason.code(), detail = finding.detail, event = "guard.weakened", "the guard is weaker than it was: {}", finding.reason.words());
            counter!("countersign_guard_weakened_total", "reason" => finding.reason.code()).increment(1);
        }
        for mended in before.weakened().iter().filter(|old| !watch.weakened().contains(old)) {
            info!(repository = %repo.name, branch = mended.finding.place.name(), code = mended.finding.reason.code(), "the guard is as it was");
        }
        let compared = serde_json::to_string(&before).unwrap_or_default();
        self.tell_of_guard(&place, &worse, &compared).await;
        let text = serde_json::to_string(&watch).unwrap_or_default();
        self.still_ours(claim).await?;
        self.journal.keep_note(repo.id, &NoteKey::Guard, &text).await?;
        if watch.weakened() != before.weakened() {
            self.journal.schedule(&Subject::Changes(repo.id), now).await?;
        }
        Ok(None)
    }

    /// What is to be said under a pull request to a branch: what became weaker there, or where we write alone.
    pub(super) async fn guard_note(&self, place: &Place, base: &RefName) -> Result<Option<String>, TurnError> {
        let watch = self.last_watch(place.repo.id).await?;
        let concerns = |guarded: &Guarded| match guarded {
            Guarded::Governed(branch) => branch == base,
            Guarded::Ledger(_) | Guarded::Held(_) => true,
        };
        let weakened: Vec<_> = watch.weakened().iter().filter(|one| concerns(&one.finding.place)).collect();
        Ok((!weakened.is_empty()).then(|| effect::guard_note(&weakened)))
    }

    /// Everything we answer for: the governed branches, the ledger, the branches that hold direct pushes.
    pub(super) fn guarded(&self, bases: &[RefName]) -> Vec<Guarded> {
        let mut places: Vec<Guarded> = bases.iter().cloned().map(Guarded::Governed).collect();
        if self.settings.ledger_ref.branch_name().is_some() {
            places.push(Guarded::Ledger(self.settings.ledger_ref.clone()));
        }
        // rules are told for any name; no commit has this one
        let held = RefName::branch(&format!("countersign/held/{}", "0".repeat(40)));
        places.extend(held.ok().map(Guarded::Held));
        places
    }

    /// What is to be said of the rules of these places, as GitHub shows them now.
    pub(super) async fn judged(&self, repo: &RepoRef, places: &[Guarded]) -> Result<Vec<Finding>, TurnError> {
        let mut found = Vec::new();
        for place in places {
            let question = Question::Rules(place.branch().clone());
            let rules = match self.forge.answer(repo, &question, Freshness::Now).await {
                Ok(answer) => Some(answer.rules()?),
                Err(fault) => match fault.kind {
                    ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound => None,
                    ForgeErrorKind::Later
                    | ForgeErrorKind::Wait(_)
                    | ForgeErrorKind::Credentials
                    | ForgeErrorKind::Refused
                    | ForgeErrorKind::Garbled => return Err(fault.into()),
                },
            };
            found.extend(judge(place, rules.as_ref(), CHECK_NAME, self.forge.app_id()));
        }
        Ok(found)
    }

    /// A memory that cannot be read is none: then the next look is the first.
    async fn last_watch(&self, repo: RepoId) -> Result<Watch, TurnError> {
        let text = self.journal.note(repo, &NoteKey::Guard).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }
}
