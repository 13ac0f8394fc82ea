//! What is open in a repository, for somebody who asks: each request judged as a turn would, what is owed, what targets lack.
//!
//! Reads; nothing is written, said or merged.

use countersign_core::decision::{Decision, Verdict, decide};
use countersign_core::domain::{AccountKind, PrNumber, RefName, RepoName, Sequence};
use countersign_core::facts::{Debt, Facts, Known, Question};
use countersign_core::ledger::KeyFingerprint;
use countersign_core::sync::Planned;

use super::book::Place;
use super::explain::ExplainError;
use super::gather::pull_ref;
use super::ports::{Freshness, RepoRef};
use super::{Engine, TurnError};

/// An open request, judged.
pub struct Open {
    /// What it was judged by.
    pub facts: Facts,
    /// The judgement.
    pub decision: Decision,
}

/// A request that could not be judged now.
pub struct Unread {
    /// Its number.
    pub number: PrNumber,
    /// Why.
    pub fault: TurnError,
}

/// What is open.
pub struct Overview {
    /// The repository, by its present name.
    pub repository: RepoName,
    /// Entries of the ledger.
    pub entries: usize,
    /// The newest one.
    pub newest: Option<Sequence>,
    /// Its root key.
    pub root: Option<KeyFingerprint>,
    /// Somebody said that this is the right one.
    pub is_pinned: bool,
    /// Requests that touch what is protected, in order of their numbers.
    pub open: Vec<Open>,
    /// Requests nothing can be said of.
    pub unread: Vec<Unread>,
    /// Bypasses that nobody has ratified.
    pub debts: Vec<Debt>,
    /// What each target should do next.
    pub targets: Vec<Planned>,
}

impl Engine {
    /// Looks at everything that is open.
    ///
    /// # Errors
    /// When the repository is not reached or not managed, or something that all of it rests on cannot be read.
    pub async fn overview(&self, name: &RepoName) -> Result<Overview, ExplainError> {
        // what is open is asked first: the references are read with its heads
        let repo = self.asked_about(name).await?;
        let listed = self.forge.answer(&repo, &Question::OpenChanges, Freshness::Now).await.map_err(TurnError::from)?;
        let mut listed = listed.changes().map_err(TurnError::from)?;
        listed.sort_by_key(|change| change.number);
        let heads: Vec<RefName> = listed.iter().map(|change| pull_ref(change.number)).collect();
        let place = self.governed_by((name, &repo), &heads).await?;
        let (mut open, mut unread) = (Vec::new(), Vec::new());
        for change in listed.iter().filter(|change| change.open && place.governs(&change.base)) {
            match self.judged_now(&repo, &place, change.number).await {
                Ok(judged) if judged.decision.verdict == Verdict::NotApplicable => {}
                Ok(judged) => open.push(judged),
                Err(fault) => unread.push(Unread { number: change.number, fault }),
            }
        }
        let noted = self.noted(&place).await?;
        let targets = self.plan(&place, &noted).await?;
        let entries = place.entries();
        Ok(Overview {
            repository: repo.name,
            entries: entries.len(),
            newest: entries.last().map(|entry| entry.sequence),
            root: place.state().root(),
            is_pinned: self.settings.trust.is_pinned(),
            open,
            unread,
            debts: place.state().debts(),
            targets,
        })
    }

    async fn judged_now(&self, repo: &RepoRef, place: &Place, number: PrNumber) -> Result<Open, TurnError> {
        let read = *self.forge.answer(repo, &Question::Change(number), Freshness::Now).await?.change()?;
        let mut facts = self.gather(place, read, Freshness::Now).await?.facts;
        asked_through_the_keeper(place, &mut facts);
        let decision = decide(&place.policy, &facts);
        Ok(Open { facts, decision })
    }
}

/// Whoever asks by a token of their own is not the App that opened a request for somebody: the signed ledger says for whom.
fn asked_through_the_keeper(place: &Place, facts: &mut Facts) {
    let by_a_bot = facts.people.requester.answer().is_some_and(|author| author.kind == AccountKind::Bot);
    if !by_a_bot {
        return;
    }
    let held = facts.change.head_ref.as_ref().and_then(|branch| place.state().held_at(branch).next());
    if let Some((_, put_back)) = held {
        facts.people.requester = put_back.sender.clone();
    } else if let Some(first) = place.state().requester(facts.change.number) {
        facts.people.requester = Known::Is(first.clone());
    }
}
