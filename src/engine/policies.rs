//! Policy files: read from Git, resolved to ids, compared with what a change makes of them.
//!
//! Judges no change; a file that cannot be read is told, never guessed.

use countersign_core::decision::Proof;
use countersign_core::domain::{Account, Delta, DeltaEntry, Oid, RefName, RepoPath, ResolvedNames, TreeEntry};
use countersign_core::facts::Question;
use countersign_core::facts::compare::{self, Branches};
use countersign_core::ledger::{POLICY_PATH, PolicyEntry};
use countersign_core::policy::{self, Policy};

use super::book::{Closed, Place};
use super::ports::{Freshness, RepoRef};
use super::{Engine, TurnError};

/// Largest policy file, in bytes.
const POLICY_LIMIT: usize = 1024 * 1024;

impl Engine {
    /// The policy text at a tree entry, if it is a readable file with a valid policy.
    pub(super) async fn policy_text(
        &self,
        repo: &RepoRef,
        file: &TreeEntry,
    ) -> Result<Result<String, Closed>, TurnError> {
        let closed = |words: String| Closed {
            code: "policy-broken",
            words,
            help: "correct `.countersign/policy.yaml`; `countersign check` names line and column",
        };
        let Some(bytes) = self.repo.blob(repo, &file.oid, POLICY_LIMIT).await? else {
            return Ok(Err(closed("the policy file is larger than 1 MiB".to_owned())));
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return Ok(Err(closed("the policy file is no text".to_owned())));
        };
        Ok(match policy::parse(&text) {
            Ok(_) => Ok(text),
            Err(faults) => {
                let first = faults.first().map_or_else(String::new, |fault| fault.message.clone());
                Err(closed(format!("the policy file has {} faults: {first}", faults.len())))
            }
        })
    }

    /// What the names of a policy mean now. A name GitHub does not know is left out: it counts for nobody.
    pub(super) async fn resolve(&self, repo: &RepoRef, policy: &Policy) -> Result<ResolvedNames, TurnError> {
        let mut names = ResolvedNames::default();
        for login in policy.all_users() {
            let found: Option<Account> =
                self.forge.answer(repo, &Question::User(login.clone()), Freshness::Display).await?.user()?;
            if let Some(account) = found {
                names.users.insert(login, account.id);
            }
        }
        for slug in policy.all_teams() {
            if let Some(team) =
                self.forge.answer(repo, &Question::Team(slug.clone()), Freshness::Display).await?.team()?
            {
                names.teams.insert(slug, team);
            }
        }
        Ok(names)
    }

    /// Why a change would leave the default branch without a valid policy, if it does.
    pub(super) async fn policy_fault(
        &self,
        place: &Place,
        base: &RefName,
        delta: &Delta,
    ) -> Result<Option<String>, TurnError> {
        let changed = delta.entries().iter().find(|entry| entry.path == RepoPath::new(POLICY_PATH));
        let Some(changed) = changed.filter(|_| *base == place.default_branch) else { return Ok(None) };
        let Some(file) = &changed.new else { return Ok(Some("the policy file is removed".to_owned())) };
        Ok(self.policy_text(&place.repo, file).await?.err().map(|closed| closed.words))
    }

    /// The policy a delta of the default branch brings, if it changes the policy file.
    pub(super) async fn policy_after(&self, place: &Place, delta: &Delta) -> Result<Option<Policy>, TurnError> {
        let changed = delta.entries().iter().find(|entry| entry.path == RepoPath::new(POLICY_PATH));
        let Some(file) = changed.and_then(|entry| entry.new.as_ref()) else { return Ok(None) };
        let text = self.policy_text(&place.repo, file).await?;
        Ok(text.ok().and_then(|text| policy::parse(&text).ok()))
    }

    /// Entries that a new policy begins to govern and that stand on the base already: taken in with the change that brings it.
    pub(super) async fn widened(
        &self,
        place: &Place,
        proof: &Proof,
        delta: &Delta,
    ) -> Result<Vec<DeltaEntry>, TurnError> {
        let after = if *proof.base() == place.default_branch { self.policy_after(place, delta).await? } else { None };
        let Some(after) = after else { return Ok(Vec::new()) };
        let branches = Branches { base: proof.base(), default: &place.default_branch };
        let result = compare::apply(&self.repo.entries(&place.repo, proof.base_tip()).await?, delta);
        let known = place.approved(proof.base());
        // what was governed once and may have changed since is known from then
        let before = compare::protected(&after, branches, known);
        let now = compare::protected(&after, branches, &result);
        let new = compare::differing(&before, &now).into_iter();
        let new = new.filter(|path| !compare::is_protected(&place.policy, branches, path));
        let side = |entries: &compare::Entries, path: &RepoPath| entries.get(path).cloned();
        Ok(new.map(|path| DeltaEntry { old: side(&before, &path), new: side(&now, &path), path }).collect())
    }

    /// The policy entry a merge makes necessary: when it changed the policy file of the default branch.
    pub(super) async fn new_policy(
        &self,
        place: &Place,
        approved: &Delta,
        commit: &Oid,
    ) -> Result<Option<PolicyEntry>, TurnError> {
        let changed: Option<&DeltaEntry> =
            approved.entries().iter().find(|entry| entry.path == RepoPath::new(POLICY_PATH));
        let Some(file) = changed.and_then(|entry| entry.new.as_ref()) else { return Ok(None) };
        let text = match self.policy_text(&place.repo, file).await? {
            Ok(text) => text,
            Err(closed) => return Err(TurnError::Ledger(closed.words)),
        };
        let Ok(policy) = policy::parse(&text) else { return Err(TurnError::Ledger("the policy is broken".to_owned())) };
        Ok(Some(PolicyEntry {
            branch: place.default_branch.clone(),
            commit: commit.clone(),
            blob: file.oid.clone(),
            digest: policy.digest(),
            names: self.resolve(&place.repo, &policy).await?,
            text,
            previous_digest: place.state.governing_policy().map(|known| known.digest),
        }))
    }
}
