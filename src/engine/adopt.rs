//! Adoption as an act: the operator names the commit whose state is taken in (`changes.md` 10).
//!
//! Judges nothing of what is taken in; refuses a repository that has a ledger already.

use countersign_core::domain::{Oid, RepoName, RepoPath, Span};
use countersign_core::facts::Question;
use countersign_core::ledger::{Adoption, POLICY_PATH};
use thiserror::Error;

use super::book::Found;
use super::ports::{Freshness, Sighting, Subject};
use super::{Engine, TurnError};

/// Why a repository is not adopted.
#[derive(Debug, Error)]
pub enum AdoptError {
    /// The App does not reach it.
    #[error("the App is not installed on `{0}`\nhelp: install it on the repository, then try again")]
    NotInstalled(RepoName),
    /// It has a ledger.
    #[error("`{0}` has a ledger already\nhelp: it is adopted once; `countersign verify` says how it stands")]
    Already(RepoName),
    /// Another commit stands on the default branch.
    #[error("the default branch is at {tip}, not at {asked}\nhelp: look at what changed, then adopt {tip}")]
    OtherTip {
        /// What was asked for.
        asked: Oid,
        /// What stands there.
        tip: Oid,
    },
    /// There is no policy to adopt it under.
    #[error("{0} holds no `.countersign/policy.yaml`\nhelp: commit a policy to the default branch first")]
    NoPolicy(Oid),
    /// The policy is broken.
    #[error("the policy cannot be used: {0}\nhelp: `countersign check` names line and column")]
    BrokenPolicy(String),
    /// Something could not be read or written.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

/// What was adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// Governed and control paths taken in, per branch: its short name and their number.
    pub taken: Vec<(String, usize)>,
    /// Names of the policy GitHub does not know: they count for nobody.
    pub unresolved: Vec<String>,
}

impl Engine {
    /// Takes in the state of the default branch at exactly this commit, and begins the ledger with our signing key as its root.
    ///
    /// # Errors
    /// When the repository cannot be reached, has a ledger, or stands at another commit.
    pub async fn adopt_explicitly(&self, name: &RepoName, commit: &Oid) -> Result<Adopted, AdoptError> {
        let reachable = self.forge.repositories().await.map_err(TurnError::from)?;
        let same = |known: &RepoName| known.to_string().eq_ignore_ascii_case(&name.to_string());
        let repo = reachable
            .into_iter()
            .find(|repo| same(&repo.name))
            .ok_or_else(|| AdoptError::NotInstalled(name.clone()))?;
        let found =
            Sighting::Installed { repo: repo.id, name: repo.name.clone(), installation: Some(repo.installation) };
        self.journal.sight(&found).await.map_err(TurnError::from)?;
        let read = self.forge.answer(&repo, &Question::Repository, Freshness::Now).await.map_err(TurnError::from)?;
        let default_branch = read.repository().map_err(TurnError::from)?.default_branch;
        let refs =
            self.repo.fetch(&repo, std::slice::from_ref(&self.settings.ledger_ref)).await.map_err(TurnError::from)?;
        if refs.contains_key(&self.settings.ledger_ref) {
            return Err(AdoptError::Already(repo.name));
        }
        let tip = refs.get(&default_branch).cloned().ok_or_else(|| AdoptError::NoPolicy(commit.clone()))?;
        if tip != *commit {
            return Err(AdoptError::OtherTip { asked: commit.clone(), tip });
        }
        let entries = self.repo.entries(&repo, &tip).await.map_err(TurnError::from)?;
        let file =
            entries.get(&RepoPath::new(POLICY_PATH)).cloned().ok_or_else(|| AdoptError::NoPolicy(tip.clone()))?;
        let text = match self.policy_text(&repo, &file).await? {
            Ok(text) => text,
            Err(closed) => return Err(AdoptError::BrokenPolicy(closed.words)),
        };
        let subject = Subject::Repository(repo.id);
        let now = self.clock.now();
        self.journal.schedule(&subject, now).await.map_err(TurnError::from)?;
        let claim = self.journal.claim("adopt", now, Span::from_seconds(600)).await.map_err(TurnError::from)?;
        let claim = claim.ok_or(TurnError::TakenOver)?;
        let found = self.adopt(&claim, &repo, refs, (default_branch, tip), (text, file), Adoption::Explicit).await?;
        let Found::Managed(place) = found else {
            return Err(TurnError::Ledger("it was begun, and cannot be read".to_owned()).into());
        };
        let taken = place.bases().iter().map(|base| (base.short().to_owned(), place.approved(base).len())).collect();
        let users = place.policy.all_users().into_iter().filter(|login| place.names.user(login).is_none());
        let teams = place.policy.all_teams().into_iter().filter(|team| place.names.team(team).is_none());
        let unresolved = users.map(|login| login.to_string()).chain(teams.map(|team| team.to_string())).collect();
        Ok(Adopted { taken, unresolved })
    }
}
