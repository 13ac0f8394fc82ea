//! What an entry does to the state: the one place that knows it, used for verifying and for writing alike.
//!
//! Refuses what cannot be true after the entries before. It checks no signature and no hash: `verify` does that before it comes
//! here.

use std::sync::Arc;

use super::debts::KnownBypass;
use super::entry::{
    AdoptedEntry, Adoption, Approval, BypassEntry, DecisionEntry, Entry, KeyAction, KeyEntry, Kind, MergeEntry,
    POLICY_PATH, PolicyEntry, PushEntry, PutBackEntry, RatificationEntry, RecordedVerdict, RevocationEntry, VoteEntry,
};
use super::keys::KeyFingerprint;
use super::state::{KeyStatus, KnownKey, KnownSync, KnownVote, LedgerState};
use crate::domain::{Digest, RepoPath, RunState, Sequence, SyncReceipt};
use crate::facts::VoteKind;

/// Why an entry cannot be true after the entries before it, as a sentence.
pub(super) type Contradiction = String;

impl LedgerState {
    /// Takes in the entry at the next place. `Err` says why it cannot be true; the state is then unchanged.
    pub(super) fn apply(&mut self, at: Sequence, signer: KeyFingerprint, entry: &Entry) -> Result<(), Contradiction> {
        let first = at == Sequence::new(1);
        ensure(!first || entry.kind() == Kind::Adopted, || "the first entry is no adoption".into())?;
        match entry {
            Entry::Adopted(entry) => self.adopt(at, signer, entry),
            Entry::Policy(entry) => self.cover_policy(entry),
            Entry::Key(entry) => self.change_key(at, signer, entry),
            Entry::Push(entry) => self.note_push(entry),
            Entry::Vote(entry) => self.note_vote(at, entry),
            Entry::Decision(entry) => self.decide(at, entry),
            Entry::Merge(entry) => self.merge_decided(at, entry),
            Entry::PutBack(entry) => self.note_put_back(at, entry),
            Entry::Bypass(entry) => self.note_bypass(at, entry),
            Entry::Ratification(entry) => self.note_ratification(at, entry),
            Entry::Revocation(entry) => self.note_revocation(at, entry),
            Entry::Sync(entry) => self.note_sync(at, entry),
        }
    }

    fn adopt(&mut self, at: Sequence, signer: KeyFingerprint, entry: &AdoptedEntry) -> Result<(), Contradiction> {
        let root = entry.root_key.public_key.fingerprint();
        if at == Sequence::new(1) {
            ensure(signer == root, || "the first entry is not signed by the root key it names".into())?;
        } else {
            ensure(self.root == Some(root), || "an adoption names another root key".into())?;
            ensure(self.default_branch.as_ref() == Some(&entry.default_branch), || {
                "an adoption names another default branch".into()
            })?;
            ensure(!self.is_adopted(&entry.branch), || format!("`{}` is adopted already", entry.branch.short()))?;
        }
        let listed = || {
            let carried_out = self.merged.keys().filter_map(|decision| self.decisions.get(decision));
            let mut adopts = carried_out.flat_map(|decision| &decision.adopts);
            adopts.any(|listed| listed.branch == entry.branch && listed.commit == entry.commit)
        };
        ensure(entry.how != Adoption::Approved || listed(), || {
            format!("no decision that was carried out takes in `{}` at that commit", entry.branch.short())
        })?;
        let sorted = entry.paths.windows(2).all(|pair| pair[0].path < pair[1].path);
        ensure(sorted, || "the adopted paths are not in order, or one stands twice".into())?;
        if at == Sequence::new(1) {
            let class = entry.root_key.class;
            let key = KnownKey { public: entry.root_key.public_key, class, since: at, status: KeyStatus::Active };
            self.keys.insert(root, key);
            self.root = Some(root);
            self.default_branch = Some(entry.default_branch.clone());
        }
        let paths = entry.paths.iter().map(|path| (path.path.clone(), path.entry())).collect();
        self.approved.insert(entry.branch.clone(), paths);
        self.adopted.insert(entry.branch.clone(), entry.commit.clone());
        Ok(())
    }

    fn cover_policy(&mut self, entry: &PolicyEntry) -> Result<(), Contradiction> {
        ensure(Digest::of(entry.text.as_bytes()) == entry.digest, || "the policy text has another digest".into())?;
        let present = self.policy(&entry.branch).map(|policy| policy.digest);
        ensure(present == entry.previous_digest, || "the policy takes the place of one that was not in force".into())?;
        let approved = self.approved(&entry.branch).get(&RepoPath::new(POLICY_PATH));
        ensure(approved.is_some_and(|file| file.oid == entry.blob), || {
            format!("the policy is not the approved `{POLICY_PATH}` of `{}`", entry.branch.short())
        })?;
        self.policies.insert(entry.branch.clone(), Arc::new(entry.clone()));
        Ok(())
    }

    fn change_key(&mut self, at: Sequence, signer: KeyFingerprint, entry: &KeyEntry) -> Result<(), Contradiction> {
        let name = entry.public_key.fingerprint();
        let known = self.keys.get(&name).map(|key| (key.status, key.class));
        let status = match entry.action {
            KeyAction::Add => {
                ensure(known.is_none(), || "a key is added that is known already".into())?;
                KeyStatus::Active
            }
            KeyAction::Retire => {
                let active = known == Some((KeyStatus::Active, entry.class));
                ensure(active, || "a key is retired that is not in use, or is of another class".into())?;
                let others = self.keys.iter().any(|(other, key)| *other != name && key.status == KeyStatus::Active);
                ensure(others, || "the last key is retired: nobody could sign any more".into())?;
                KeyStatus::Retired { by: at }
            }
            KeyAction::Revoke { from_sequence: from } => {
                let fits = known.is_some_and(|(_, class)| class == entry.class);
                ensure(fits, || "a key is revoked that is not known, or is of another class".into())?;
                ensure(name != signer, || "a key revokes itself".into())?;
                let again = known.is_some_and(|(status, _)| matches!(status, KeyStatus::Revoked { .. }));
                ensure(!again, || "a key is revoked that is revoked already".into())?;
                let in_range = from > Sequence::new(1) && from <= at;
                ensure(in_range, || "a key is revoked from an entry that cannot be taken back".into())?;
                KeyStatus::Revoked { from, by: at }
            }
        };
        let since = self.keys.get(&name).map_or(at, |key| key.since);
        self.keys.insert(name, KnownKey { public: entry.public_key, class: entry.class, since, status });
        Ok(())
    }

    fn note_push(&mut self, entry: &PushEntry) -> Result<(), Contradiction> {
        if let Some(request) = &entry.request {
            self.requests.entry(request.pull).or_insert_with(|| request.by.clone());
        }
        let known = self.pushes.entry((entry.reference.clone(), entry.after.clone())).or_default();
        if !known.iter().any(|push| push.sender == entry.sender && push.before == entry.before) {
            known.push(entry.clone());
        }
        Ok(())
    }

    fn note_vote(&mut self, at: Sequence, entry: &VoteEntry) -> Result<(), Contradiction> {
        let ends = entry.kind == VoteKind::Ended;
        ensure(ends || entry.ended_by.is_none(), || "a vote that stands was ended by somebody".into())?;
        match self.votes.get_mut(&entry.source) {
            None => {
                let vote = KnownVote { entry: at, first: entry.clone(), ended: None };
                self.votes.insert(entry.source, vote);
            }
            Some(known) => {
                ensure(known.first.pull == entry.pull, || "a vote moved to another pull request".into())?;
                if ends && known.ended.is_none() && known.first.kind != VoteKind::Ended {
                    known.ended = Some(entry.clone());
                }
            }
        }
        Ok(())
    }

    fn decide(&mut self, at: Sequence, entry: &DecisionEntry) -> Result<(), Contradiction> {
        ensure(self.is_adopted(&entry.base), || format!("`{}` was never adopted", entry.base.short()))?;
        let in_force = self.governing_policy().map(|policy| policy.digest);
        ensure(in_force == Some(entry.policy_digest), || "it was decided under a policy that was not in force".into())?;
        let bypassed = entry.verdict == RecordedVerdict::Bypassed;
        ensure(bypassed == entry.bypass.is_some(), || "its verdict and its bypass do not belong together".into())?;
        self.fits(entry)?;
        self.decisions.insert(at, Arc::new(entry.clone()));
        Ok(())
    }

    fn merge_decided(&mut self, at: Sequence, entry: &MergeEntry) -> Result<(), Contradiction> {
        let decision = self.decisions.get(&entry.decision).cloned();
        let decision = decision.ok_or_else(|| format!("no decision stands at {}", entry.decision.label()))?;
        ensure(!self.merged.contains_key(&entry.decision), || "the decision was carried out already".into())?;
        ensure(decision.pull == entry.pull, || "the decision was about another pull request".into())?;
        ensure(decision.delta == entry.approved, || "what was merged is not what was decided".into())?;
        self.fits(&decision)?;
        let approved = self.approved_after(&decision);
        self.approved.insert(decision.base.clone(), approved);
        if let Some(bypass) = &decision.bypass {
            let (pull, bypass) = (entry.pull, bypass.clone());
            let known = KnownBypass { pull, merged: at, bypass, entry: None, ratified: None };
            self.bypasses.insert(entry.decision, known);
        }
        self.merged.insert(entry.decision, at);
        self.merges.insert(at, Arc::new(entry.clone()));
        self.merges_by_commit.insert(entry.commit.clone(), at);
        self.merges_by_pull.insert(entry.pull, at);
        Ok(())
    }

    /// Notes a direct push. What is approved stays as it is.
    fn note_put_back(&mut self, at: Sequence, entry: &PutBackEntry) -> Result<(), Contradiction> {
        ensure(self.is_adopted(&entry.branch), || format!("`{}` was never adopted", entry.branch.short()))?;
        let moved = entry.quarantine().is_none();
        ensure(!moved || entry.restored.is_some(), || "it is put back, and names no commit for it".into())?;
        ensure(entry.held.is_none() || entry.kept.is_some(), || "something is held, and names no commit".into())?;
        self.put_backs.insert(at, Arc::new(entry.clone()));
        Ok(())
    }

    /// A bypass that was carried out: it says until when it must be ratified.
    fn note_bypass(&mut self, at: Sequence, entry: &BypassEntry) -> Result<(), Contradiction> {
        let head = self.decisions.get(&entry.decision).map(|decision| &decision.head);
        let same_head = head == Some(&entry.head);
        let commit =
            self.merged.get(&entry.decision).and_then(|merge| self.merges.get(merge)).map(|merge| &merge.commit);
        let same_commit = commit == Some(&entry.commit);
        let known = self.bypasses.get_mut(&entry.decision);
        let known = known.ok_or_else(|| format!("{} is no bypass that was carried out", entry.decision.label()))?;
        ensure(known.pull == entry.pull && known.bypass == entry.bypass && same_head && same_commit, || {
            "the bypass is not the one that was decided".into()
        })?;
        ensure(entry.due == entry.at.plus(entry.bypass.ratify_within), || {
            "it is due at another time than was decided".into()
        })?;
        ensure(known.entry.is_none(), || "the bypass is recorded already".into())?;
        known.entry = Some((at, Arc::new(entry.clone())));
        Ok(())
    }

    /// The end of a debt.
    fn note_ratification(&mut self, at: Sequence, entry: &RatificationEntry) -> Result<(), Contradiction> {
        let same_head = self.decisions.get(&entry.decision).is_some_and(|decision| decision.head == entry.head);
        let known = self.bypasses.get_mut(&entry.decision);
        let known = known.ok_or_else(|| format!("{} is no bypass that was carried out", entry.decision.label()))?;
        ensure(known.pull == entry.pull && same_head, || "it ratifies another change than was bypassed".into())?;
        ensure(known.ratified.is_none(), || "the bypass is ratified already".into())?;
        let own = |approval: &Approval| known.bypass.by.iter().any(|word| word.user == approval.user);
        ensure(!entry.ratified_by.is_empty() && !entry.ratified_by.iter().any(own), || {
            "it is ratified by nobody, or by whoever bypassed".into()
        })?;
        known.ratified = Some((at, Arc::new(entry.clone())));
        Ok(())
    }

    /// Notes a revoked value. What is approved stays as it is.
    fn note_revocation(&mut self, at: Sequence, entry: &RevocationEntry) -> Result<(), Contradiction> {
        ensure(!entry.key.is_empty(), || "it names no key".into())?;
        ensure(self.revoked(entry.token).is_none(), || "the value was revoked already".into())?;
        self.revoked_values.insert(entry.token, (at, Arc::new(entry.clone())));
        Ok(())
    }

    /// A receipt: of an approved generation, never of an older one than was delivered before.
    fn note_sync(&mut self, at: Sequence, entry: &SyncReceipt) -> Result<(), Contradiction> {
        let ends = match entry.state {
            RunState::Converged | RunState::Accepted | RunState::Failed | RunState::Drifted => true,
            RunState::Queued | RunState::Triggered | RunState::Blocked | RunState::Superseded => false,
        };
        ensure(ends, || format!("a delivery that is `{}` has not ended", entry.state.word()))?;
        ensure(entry.generation < at, || "a delivery of something that was approved later".into())?;
        let id = entry.id();
        let newest = self.syncs.delivered.get(&id).map(|known| known.receipt.generation);
        let older = newest.is_some_and(|newest| newest > entry.generation);
        ensure(!older, || format!("`{id}` got an older generation after a newer one"))?;
        let known = KnownSync { entry: at, receipt: entry.clone() };
        if entry.state.is_delivered() {
            self.syncs.delivered.insert(id.clone(), known.clone());
        }
        self.syncs.latest.insert(id.clone(), known.clone());
        self.syncs.by_generation.insert((entry.generation, id), known);
        Ok(())
    }

    /// Whether a decided delta starts from what is approved now, each path once.
    fn fits(&self, decision: &DecisionEntry) -> Result<(), Contradiction> {
        let approved = self.approved(&decision.base);
        let entries = decision.delta.entries();
        let sorted = entries.windows(2).all(|pair| pair[0].path < pair[1].path);
        ensure(sorted, || "the delta is not in order, or a path stands twice".into())?;
        match entries.iter().find(|entry| entry.old == entry.new || approved.get(&entry.path) != entry.old.as_ref()) {
            None => Ok(()),
            Some(entry) => Err(format!("`{}` does not start from what was approved", entry.path)),
        }
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> Contradiction) -> Result<(), Contradiction> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
