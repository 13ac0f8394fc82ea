//! How a change stands, for somebody who asks: gathered and decided as a turn would, nothing written, said or merged.

use countersign_core::decision::{self, Decision, decide};
use countersign_core::domain::{Account, Login, PrNumber, RefName, RepoName};
use countersign_core::facts::{Facts, Question, VoteKind};
use countersign_core::policy::Policy;
use thiserror::Error;

use super::book::{Found, Place, invalid, place};
use super::gather::pull_ref;
use super::ports::{Freshness, RepoRef};
use super::{Engine, TurnError};

/// Why nothing can be said of a change.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// The App does not reach the repository.
    #[error("the App is not installed on `{0}`\nhelp: install it on the repository, then try again")]
    NotInstalled(RepoName),
    /// Nothing there is managed.
    #[error("`{0}` has no ledger: nothing is decided there\nhelp: adopt it with `countersign adopt`")]
    Unmanaged(RepoName),
    /// Its policy or ledger cannot be used.
    #[error("{words}\nhelp: {help}")]
    Closed {
        /// What is wrong.
        words: String,
        /// The way out.
        help: &'static str,
    },
    /// It aims at a branch nobody governs.
    #[error("pull request {0} aims at a branch that no policy governs\nhelp: nothing need be approved there")]
    NotGoverned(PrNumber),
    /// Nobody has that login.
    #[error("GitHub knows nobody called `{0}`\nhelp: write the login as GitHub shows it")]
    Nobody(Login),
    /// Something could not be read.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

/// A change, judged.
pub struct Explained {
    /// The policy in force.
    pub policy: Policy,
    /// What it was judged by.
    pub facts: Facts,
    /// The judgement.
    pub decision: Decision,
}

impl Engine {
    /// The repository, for somebody who asks about it.
    pub(super) async fn asked_about(&self, name: &RepoName) -> Result<RepoRef, ExplainError> {
        self.installed(name).await?.ok_or_else(|| ExplainError::NotInstalled(name.clone()))
    }

    /// What governs it now, read for somebody who asks; with these references at hand.
    pub(super) async fn governed_by(
        &self,
        (name, repo): (&RepoName, &RepoRef),
        wanted: &[RefName],
    ) -> Result<Place, ExplainError> {
        let unmanaged = || ExplainError::Unmanaged(name.clone());
        let asked = [std::slice::from_ref(&self.settings.ledger_ref), wanted].concat();
        let refs = self.repo.fetch(repo, &asked).await.map_err(TurnError::from)?;
        let tip = refs.get(&self.settings.ledger_ref).ok_or_else(unmanaged)?;
        let book = self.book(repo, tip).await?;
        if let Some(closed) = invalid(&book.ledger) {
            return Err(ExplainError::Closed { words: closed.words, help: closed.help });
        }
        let state = book.ledger.state().clone();
        match place(repo, refs, Some(book), state) {
            Found::Managed(place) => Ok(place),
            Found::Unmanaged => Err(unmanaged()),
            Found::Closed(closed) => Err(ExplainError::Closed { words: closed.words, help: closed.help }),
        }
    }

    /// Judges a pull request as it stands; `supposing`: as if this person had said that of the head just now.
    ///
    /// # Errors
    /// When the repository is not reached or not managed, or something cannot be read.
    pub async fn explained(
        &self,
        name: &RepoName,
        number: PrNumber,
        supposing: Option<(&Login, VoteKind)>,
    ) -> Result<Explained, ExplainError> {
        let repo = self.asked_about(name).await?;
        let place = self.governed_by((name, &repo), &[pull_ref(number)]).await?;
        let read =
            self.forge.answer(&repo, &Question::Change(number), Freshness::Now).await.map_err(TurnError::from)?;
        let read = *read.change().map_err(TurnError::from)?;
        if !place.governs(&read.base) {
            return Err(ExplainError::NotGoverned(number));
        }
        let mut facts = self.gather(&place, read, Freshness::Now).await?.facts;
        if let Some((login, kind)) = supposing {
            let account = self.forge.answer(&repo, &Question::User(login.clone()), Freshness::Now).await;
            let account: Option<Account> = account.map_err(TurnError::from)?.user().map_err(TurnError::from)?;
            let account = account.ok_or_else(|| ExplainError::Nobody(login.clone()))?;
            facts = decision::supposing(&facts, account, kind);
            let votes = facts.votes.clone();
            let more = self.authority_of(&place, (&votes, &[]), Freshness::Now).await?;
            facts.authority.extend(more);
        }
        let decision = decide(&place.policy, &facts);
        Ok(Explained { policy: place.policy, facts, decision })
    }
}
