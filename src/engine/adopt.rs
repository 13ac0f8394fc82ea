//! Adoption: what stands on the governed branches is taken as approved, once; by the operator's act, or on first sight where that is
//! allowed (`changes.md` 10).
//!
//! Judges nothing of what is taken in; refuses a repository that has a ledger already.

use std::collections::BTreeMap;

use countersign_core::domain::{Delta, Oid, RefName, RepoName, RepoPath, Span, TreeEntry};
use countersign_core::facts::Question;
use countersign_core::facts::compare::{self, Branches};
use countersign_core::ledger::{
    AdoptedBranch, AdoptedEntry, AdoptedPath, Adoption, Entry, LedgerState, POLICY_PATH, PolicyEntry, RootKey,
};
use countersign_core::policy;
use thiserror::Error;
use tracing::info;

use super::book::{Closed, Found, Place, place};
use super::crash::{Point, here};
use super::ports::{Claim, Freshness, RepoRef, Sighting, Subject};
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
        let repo = self.installed(name).await?.ok_or_else(|| AdoptError::NotInstalled(name.clone()))?;
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
        let found = self.adopt(&claim, &repo, refs, (default_branch, tip), (text, file, Adoption::Explicit)).await?;
        let Found::Managed(place) = found else {
            return Err(TurnError::Ledger("it was begun, and cannot be read".to_owned()).into());
        };
        let taken = place.bases().iter().map(|base| (base.short().to_owned(), place.approved(base).len())).collect();
        let users = place.policy.all_users().into_iter().filter(|login| place.names.user(login).is_none());
        let teams = place.policy.all_teams().into_iter().filter(|team| place.names.team(team).is_none());
        let unresolved = users.map(|login| login.to_string()).chain(teams.map(|team| team.to_string())).collect();
        Ok(Adopted { taken, unresolved })
    }

    /// A repository by its name, as the App reaches it now.
    pub(super) async fn installed(&self, name: &RepoName) -> Result<Option<RepoRef>, TurnError> {
        let reachable = self.forge.repositories().await?;
        let same = |known: &RepoName| known.to_string().eq_ignore_ascii_case(&name.to_string());
        let Some(repo) = reachable.into_iter().find(|repo| same(&repo.name)) else { return Ok(None) };
        let (name, installation) = (repo.name.clone(), Some(repo.installation));
        self.journal.sight(&Sighting::Installed { repo: repo.id, name, installation }).await?;
        Ok(Some(repo))
    }

    /// A repository without a ledger: unmanaged, to be adopted, or closed.
    pub(super) async fn without_ledger(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        refs: BTreeMap<RefName, Oid>,
    ) -> Result<Found, TurnError> {
        let read = self.forge.answer(repo, &Question::Repository, Freshness::Now).await?.repository()?;
        let Some(tip) = refs.get(&read.default_branch).cloned() else { return Ok(Found::Unmanaged) };
        let entries = self.repo.entries(repo, &tip).await?;
        let Some(file) = entries.get(&RepoPath::new(POLICY_PATH)).cloned() else { return Ok(Found::Unmanaged) };
        if !self.settings.adopt_first_seen {
            return Ok(Found::Closed(Closed {
                code: "not-adopted",
                words: "the repository has a policy, and nobody adopted it".to_owned(),
                help: "run `countersign adopt <full sha>` with the signing key at hand, or set COUNTERSIGN_ADOPT=first-seen",
            }));
        }
        if self.was_managed_before(repo, &tip).await? {
            return Ok(Found::Closed(Closed {
                code: "ledger-missing",
                words: "the history names ledger decisions, but there is no ledger".to_owned(),
                help: "restore the ledger reference from a copy; it is never begun anew by itself",
            }));
        }
        let text = match self.policy_text(repo, &file).await? {
            Ok(text) => text,
            Err(closed) => return Ok(Found::Closed(closed)),
        };
        self.adopt(claim, repo, refs, (read.default_branch, tip), (text, file, Adoption::FirstSeen)).await
    }

    /// Whether the default branch already carries decisions of a ledger.
    async fn was_managed_before(&self, repo: &RepoRef, tip: &Oid) -> Result<bool, TurnError> {
        let nothing =
            Oid::parse(&"0".repeat(tip.as_str().len())).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        let history = self.repo.commits(repo, &nothing, tip).await?;
        Ok(history.iter().any(|commit| commit.message.lines().any(|line| line.starts_with("Countersign-Decision: "))))
    }

    /// Further branches that the policy of an approved change begins to govern, as they stand now. Listed in its decision.
    pub(super) async fn taken_in(
        &self,
        place: &Place,
        base: &RefName,
        approved: &Delta,
    ) -> Result<Vec<AdoptedBranch>, TurnError> {
        let after = if *base == place.default_branch { self.policy_after(place, approved).await? } else { None };
        let Some(after) = after else { return Ok(Vec::new()) };
        let mut branches: Vec<RefName> =
            after.environments().iter().map(|rule| rule.branch_or(&place.default_branch).clone()).collect();
        branches.sort();
        branches.dedup();
        let new = branches.into_iter().filter(|branch| !place.state().is_adopted(branch));
        Ok(new
            .filter_map(|branch| place.refs.get(&branch).cloned().map(|commit| AdoptedBranch { branch, commit }))
            .collect())
    }

    /// The adoptions of branches that a decision lists, under the policy it brings.
    pub(super) async fn adoptions(
        &self,
        place: &Place,
        adopts: &[AdoptedBranch],
        approved: &Delta,
    ) -> Result<Vec<AdoptedEntry>, TurnError> {
        let root = place.state().root().and_then(|root| place.state().keys().get(&root));
        let (Some(root), Some(policy)) = (root, self.policy_after(place, approved).await?) else {
            return Ok(Vec::new());
        };
        let root_key = RootKey { public_key: root.public, class: root.class };
        let mut entries = Vec::new();
        for AdoptedBranch { branch, commit } in adopts {
            let present = self.repo.entries(&place.repo, commit).await?;
            let branches = Branches { base: branch, default: &place.default_branch };
            entries.push(AdoptedEntry {
                commit: commit.clone(),
                branch: branch.clone(),
                default_branch: place.default_branch.clone(),
                root_key: root_key.clone(),
                paths: adopted_paths(compare::protected(&policy, branches, &present)),
                how: Adoption::Approved,
            });
        }
        Ok(entries)
    }

    /// Begins the ledger: what stands on the governed branches now is taken as approved (`changes.md` 10).
    pub(super) async fn adopt(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        refs: BTreeMap<RefName, Oid>,
        (default_branch, tip): (RefName, Oid),
        (text, file, how): (String, TreeEntry, Adoption),
    ) -> Result<Found, TurnError> {
        let Ok(policy) = policy::parse(&text) else { return Err(TurnError::Ledger("the policy is broken".to_owned())) };
        let names = self.resolve(repo, &policy).await?;
        let mut branches: Vec<RefName> = vec![default_branch.clone()];
        let named = policy.environments().iter().map(|rule| rule.branch_or(&default_branch).clone());
        for branch in named.filter(|branch| refs.contains_key(branch)) {
            if !branches.contains(&branch) {
                branches.push(branch);
            }
        }
        let mut entries = Vec::new();
        for branch in &branches {
            let Some(commit) = refs.get(branch) else { continue };
            let present = self.repo.entries(repo, commit).await?;
            let taken = compare::protected(&policy, Branches { base: branch, default: &default_branch }, &present);
            entries.push(Entry::Adopted(AdoptedEntry {
                commit: commit.clone(),
                branch: branch.clone(),
                default_branch: default_branch.clone(),
                root_key: RootKey { public_key: self.signer.public(), class: self.settings.key_class },
                paths: adopted_paths(taken),
                how,
            }));
        }
        entries.push(Entry::Policy(PolicyEntry {
            branch: default_branch,
            commit: tip,
            blob: file.oid,
            digest: policy.digest(),
            text,
            names,
            previous_digest: None,
        }));
        self.still_ours(claim).await?;
        here(Point::AdoptionRead);
        let state = LedgerState::empty(Some(repo.id), self.settings.ledger_ref.clone());
        let (state, commit) = self.write_entries(repo, (state, None), &entries).await?;
        info!(repository = %repo.name, %commit, "adopted");
        Ok(place(repo, refs, None, state))
    }
}

fn adopted_paths(taken: compare::Entries) -> Vec<AdoptedPath> {
    let paths = taken.into_iter();
    paths.map(|(path, entry)| AdoptedPath { path, mode: entry.mode, oid: entry.oid }).collect()
}
