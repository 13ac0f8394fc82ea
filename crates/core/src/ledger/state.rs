//! What a ledger says, summed up: the fold of its entries.
//!
//! [`LedgerState::apply`] is the one place that knows what an entry does, used for verifying and for writing alike. It refuses
//! what cannot be true after the entries before. It checks no signature and no hash: `verify` does that before it comes here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{
    AdoptedEntry, DecisionEntry, Entry, KeyAction, KeyEntry, Kind, MergeEntry, POLICY_PATH, PolicyEntry, PushEntry,
    VoteEntry,
};
use super::keys::{KeyClass, KeyFingerprint, PublicKey};
use crate::domain::{Digest, Oid, PrNumber, RefName, RepoId, RepoPath, Sequence, TreeEntry};
use crate::facts::{VoteKind, VoteSource};

/// The newest entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its place.
    pub sequence: Sequence,
    /// SHA-256 of its envelope.
    pub envelope: Digest,
    /// The commit that holds it; `None`: written but not committed yet.
    pub commit: Option<Oid>,
}

/// A key the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub public: PublicKey,
    /// What holds it.
    pub class: KeyClass,
    /// The entry that named it.
    pub since: Sequence,
    /// Whether it may sign.
    pub status: KeyStatus,
}

/// Whether a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// Yes.
    Active,
    /// Not after this entry; what it signed before stays good.
    Retired {
        /// The entry that retired it.
        by: Sequence,
    },
    /// No, and what it signed from an entry on is void.
    Revoked {
        /// The first void entry.
        from: Sequence,
        /// The entry that revoked it.
        by: Sequence,
    },
}

/// A vote as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownVote {
    /// The entry that saw it first.
    pub entry: Sequence,
    /// What it was at first sight (the end itself, when that is all we saw).
    pub first: VoteEntry,
    /// Its end, when a later entry says so.
    pub ended: Option<VoteEntry>,
}

/// What an entry cannot be after the entries before it.
pub(super) type Contradiction = String;

/// What the ledger says after its newest entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerState {
    pub(super) repository: Option<RepoId>,
    pub(super) ledger_ref: RefName,
    pub(super) head: Option<Head>,
    pub(super) default_branch: Option<RefName>,
    pub(super) root: Option<KeyFingerprint>,
    /// A revocation was written on top of this state: it may hold what is void by now.
    pub(super) revoked_since_read: bool,
    pub(super) keys: BTreeMap<KeyFingerprint, KnownKey>,
    approved: BTreeMap<RefName, BTreeMap<RepoPath, TreeEntry>>,
    policies: BTreeMap<RefName, Arc<PolicyEntry>>,
    votes: BTreeMap<VoteSource, KnownVote>,
    pushes: BTreeMap<(RefName, Oid), Vec<PushEntry>>,
    decisions: BTreeMap<Sequence, Arc<DecisionEntry>>,
    merged: BTreeMap<Sequence, Sequence>,
    merges: BTreeMap<Sequence, Arc<MergeEntry>>,
    merges_by_commit: BTreeMap<Oid, Sequence>,
    merges_by_pull: BTreeMap<PrNumber, Sequence>,
}

static NOTHING: BTreeMap<RepoPath, TreeEntry> = BTreeMap::new();

impl LedgerState {
    /// The state of a ledger without entries. `repository`: `None` when it is not known, as in a clone without network.
    #[must_use]
    pub fn empty(repository: Option<RepoId>, ledger_ref: RefName) -> Self {
        Self {
            repository,
            ledger_ref,
            head: None,
            default_branch: None,
            root: None,
            revoked_since_read: false,
            keys: BTreeMap::new(),
            approved: BTreeMap::new(),
            policies: BTreeMap::new(),
            votes: BTreeMap::new(),
            pushes: BTreeMap::new(),
            decisions: BTreeMap::new(),
            merged: BTreeMap::new(),
            merges: BTreeMap::new(),
            merges_by_commit: BTreeMap::new(),
            merges_by_pull: BTreeMap::new(),
        }
    }

    /// The repository it speaks of.
    #[must_use]
    pub fn repository(&self) -> Option<RepoId> {
        self.repository
    }

    /// The reference the ledger lives at.
    #[must_use]
    pub fn ledger_ref(&self) -> &RefName {
        &self.ledger_ref
    }

    /// The newest entry.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The place the next entry takes.
    #[must_use]
    pub fn next_sequence(&self) -> Sequence {
        self.head.as_ref().map_or(Sequence::new(1), |head| head.sequence.next())
    }

    /// Notes that the newest entry was committed.
    #[must_use]
    pub fn landed(mut self, commit: Oid) -> Self {
        if let Some(head) = &mut self.head {
            head.commit = Some(commit);
        }
        self
    }

    /// The pinned default branch.
    #[must_use]
    pub fn default_branch(&self) -> Option<&RefName> {
        self.default_branch.as_ref()
    }

    /// The key everything is traced to.
    #[must_use]
    pub fn root(&self) -> Option<KeyFingerprint> {
        self.root
    }

    /// All keys ever named.
    #[must_use]
    pub fn keys(&self) -> &BTreeMap<KeyFingerprint, KnownKey> {
        &self.keys
    }

    /// Whether the ledger vouches for a branch at all.
    #[must_use]
    pub fn is_adopted(&self, branch: &RefName) -> bool {
        self.approved.contains_key(branch)
    }

    /// What is approved on a branch, per governed or control path. Empty for a branch that was never adopted: ask
    /// [`LedgerState::is_adopted`] before reading anything into that.
    #[must_use]
    pub fn approved(&self, branch: &RefName) -> &BTreeMap<RepoPath, TreeEntry> {
        self.approved.get(branch).unwrap_or(&NOTHING)
    }

    /// The covered policy of a branch.
    #[must_use]
    pub fn policy(&self, branch: &RefName) -> Option<&PolicyEntry> {
        self.policies.get(branch).map(AsRef::as_ref)
    }

    /// The policy that governs: the covered one of the pinned default branch.
    #[must_use]
    pub fn governing_policy(&self) -> Option<&PolicyEntry> {
        self.policy(self.default_branch.as_ref()?)
    }

    /// A vote, if it was ever recorded.
    #[must_use]
    pub fn vote(&self, source: VoteSource) -> Option<&KnownVote> {
        self.votes.get(&source)
    }

    /// All votes ever recorded.
    #[must_use]
    pub fn votes(&self) -> &BTreeMap<VoteSource, KnownVote> {
        &self.votes
    }

    /// All recorded pushes that moved a reference to a commit; every one of their senders is a pusher.
    #[must_use]
    pub fn pushes(&self, reference: &RefName, after: &Oid) -> &[PushEntry] {
        self.pushes.get(&(reference.clone(), after.clone())).map_or(&[], Vec::as_slice)
    }

    /// All decisions.
    #[must_use]
    pub fn decisions(&self) -> &BTreeMap<Sequence, Arc<DecisionEntry>> {
        &self.decisions
    }

    /// The merge that a commit is the result of.
    #[must_use]
    pub fn merge_of_commit(&self, commit: &Oid) -> Option<(Sequence, &MergeEntry)> {
        self.merge(*self.merges_by_commit.get(commit)?)
    }

    /// The newest merge of a pull request.
    #[must_use]
    pub fn merge_of_pull(&self, pull: PrNumber) -> Option<(Sequence, &MergeEntry)> {
        self.merge(*self.merges_by_pull.get(&pull)?)
    }

    fn merge(&self, at: Sequence) -> Option<(Sequence, &MergeEntry)> {
        self.merges.get(&at).map(|merge| (at, merge.as_ref()))
    }

    /// Decisions that may still be carried out, or were and we do not know it yet: not merged, not followed by a newer
    /// decision on the same pull request, and no other merge into their base since.
    #[must_use]
    pub fn open_intents(&self) -> Vec<(Sequence, &DecisionEntry)> {
        let overtaken = |at: Sequence, decision: &DecisionEntry| {
            self.decisions.range(at.next()..).any(|(_, later)| later.pull == decision.pull)
                || self.merges.range(at.next()..).any(|(_, merge)| {
                    self.decisions.get(&merge.decision).is_some_and(|other| other.base == decision.base)
                })
        };
        let open = self.decisions.iter().filter(|(at, _)| !self.merged.contains_key(at));
        open.map(|(at, decision)| (*at, decision.as_ref())).filter(|(at, decision)| !overtaken(*at, decision)).collect()
    }

    /// What would be approved on the base of a decision once it is merged.
    #[must_use]
    pub fn approved_after(&self, decision: &DecisionEntry) -> BTreeMap<RepoPath, TreeEntry> {
        let mut approved = self.approved(&decision.base).clone();
        for entry in decision.delta.entries() {
            match &entry.new {
                Some(new) => approved.insert(entry.path.clone(), new.clone()),
                None => approved.remove(&entry.path),
            };
        }
        approved
    }

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
        self.merged.insert(entry.decision, at);
        self.merges.insert(at, Arc::new(entry.clone()));
        self.merges_by_commit.insert(entry.commit.clone(), at);
        self.merges_by_pull.insert(entry.pull, at);
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
