//! What a ledger says, summed up, and the questions a turn asks of it.
//!
//! Answers only; what an entry does to it is `fold`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::debts::KnownBypass;
use super::entry::{DecisionEntry, MergeEntry, PolicyEntry, PushEntry, PutBackEntry, RevocationEntry, VoteEntry};
use super::keys::{KeyClass, KeyFingerprint, PublicKey};
use crate::domain::{
    Account, Digest, Oid, PrNumber, RefName, RepoId, RepoPath, Sequence, SyncReceipt, TargetId, TreeEntry,
};
use crate::facts::VoteSource;

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

/// A receipt as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSync {
    /// The entry that says so.
    pub entry: Sequence,
    /// What it says.
    pub receipt: SyncReceipt,
}

/// All receipts, as they are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Syncs {
    pub(super) delivered: BTreeMap<TargetId, KnownSync>,
    pub(super) latest: BTreeMap<TargetId, KnownSync>,
    pub(super) by_generation: BTreeMap<(Sequence, TargetId), KnownSync>,
}

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
    pub(super) approved: BTreeMap<RefName, BTreeMap<RepoPath, TreeEntry>>,
    pub(super) adopted: BTreeMap<RefName, Oid>,
    pub(super) policies: BTreeMap<RefName, Arc<PolicyEntry>>,
    pub(super) votes: BTreeMap<VoteSource, KnownVote>,
    pub(super) pushes: BTreeMap<(RefName, Oid), Vec<PushEntry>>,
    /// Who asked for each pull request, as first seen.
    pub(super) requests: BTreeMap<PrNumber, Account>,
    pub(super) decisions: BTreeMap<Sequence, Arc<DecisionEntry>>,
    pub(super) merged: BTreeMap<Sequence, Sequence>,
    pub(super) merges: BTreeMap<Sequence, Arc<MergeEntry>>,
    pub(super) merges_by_commit: BTreeMap<Oid, Sequence>,
    pub(super) merges_by_pull: BTreeMap<PrNumber, Sequence>,
    pub(super) put_backs: BTreeMap<Sequence, Arc<PutBackEntry>>,
    /// Bypasses that were carried out, by their decisions.
    pub(super) bypasses: BTreeMap<Sequence, KnownBypass>,
    /// Values that may not come back, by the digest of their sealed text.
    pub(super) revoked_values: BTreeMap<Digest, (Sequence, Arc<RevocationEntry>)>,
    pub(super) syncs: Syncs,
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
            adopted: BTreeMap::new(),
            policies: BTreeMap::new(),
            votes: BTreeMap::new(),
            pushes: BTreeMap::new(),
            requests: BTreeMap::new(),
            decisions: BTreeMap::new(),
            merged: BTreeMap::new(),
            merges: BTreeMap::new(),
            merges_by_commit: BTreeMap::new(),
            merges_by_pull: BTreeMap::new(),
            put_backs: BTreeMap::new(),
            bypasses: BTreeMap::new(),
            revoked_values: BTreeMap::new(),
            syncs: Syncs::default(),
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

    /// Every entry that was ever approved, now or earlier; one may be named more than once.
    pub fn ever_approved(&self) -> impl Iterator<Item = (&RefName, &RepoPath, &TreeEntry)> {
        let now = self
            .approved
            .iter()
            .flat_map(|(branch, entries)| entries.iter().map(move |(path, entry)| (branch, path, entry)));
        let carried_out = self.merges.values().filter_map(|merge| Some((merge, self.decisions.get(&merge.decision)?)));
        let past = carried_out.flat_map(|(merge, decision)| {
            let entries = merge.approved.entries().iter();
            entries.flat_map(|entry| {
                [&entry.old, &entry.new].into_iter().flatten().map(|side| (&decision.base, &entry.path, side))
            })
        });
        now.chain(past)
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

    /// Who asked for a pull request, as first seen (R31).
    #[must_use]
    pub fn requester(&self, pull: PrNumber) -> Option<&Account> {
        self.requests.get(&pull)
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

    /// The merge entry at a place: the pull request a generation came from.
    #[must_use]
    pub fn merge_at(&self, at: Sequence) -> Option<&MergeEntry> {
        self.merges.get(&at).map(AsRef::as_ref)
    }

    /// The entry that revoked a sealed text, by the digest of it.
    #[must_use]
    pub fn revoked(&self, token: Digest) -> Option<(Sequence, &RevocationEntry)> {
        self.revoked_values.get(&token).map(|(at, entry)| (*at, entry.as_ref()))
    }

    /// The newest receipt of every target, however it ended.
    #[must_use]
    pub fn syncs(&self) -> &BTreeMap<TargetId, KnownSync> {
        &self.syncs.latest
    }

    /// The newest receipt of every target that got something.
    #[must_use]
    pub fn deliveries(&self) -> BTreeMap<TargetId, SyncReceipt> {
        self.syncs.delivered.iter().map(|(id, known)| (id.clone(), known.receipt.clone())).collect()
    }

    /// The newest receipt of a target for a generation.
    #[must_use]
    pub fn sync_of(&self, generation: Sequence, id: &TargetId) -> Option<&KnownSync> {
        self.syncs.by_generation.get(&(generation, id.clone()))
    }

    /// The newest receipt of a target for a generation before this one.
    #[must_use]
    pub fn sync_before(&self, generation: Sequence, id: &TargetId) -> Option<&KnownSync> {
        let older = self.syncs.by_generation.iter().rev().filter(|((at, of), _)| *at < generation && of == id);
        older.map(|(_, known)| known).next()
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

    /// Direct pushes to a branch, oldest first.
    pub fn put_backs(&self, branch: &RefName) -> impl DoubleEndedIterator<Item = (Sequence, &PutBackEntry)> {
        let here = self.put_backs.iter().filter(move |(_, entry)| entry.branch == *branch);
        here.map(|(at, entry)| (*at, entry.as_ref()))
    }

    /// The newest word about a pushed commit, on whatever branch.
    #[must_use]
    pub fn put_back_of(&self, pushed: &Oid) -> Option<(Sequence, &PutBackEntry)> {
        let found = self.put_backs.iter().rev().find(|(_, entry)| entry.pushed == *pushed);
        found.map(|(at, entry)| (*at, entry.as_ref()))
    }

    /// Direct pushes whose content is held at a reference, oldest first.
    pub fn held_at(&self, reference: &RefName) -> impl DoubleEndedIterator<Item = (Sequence, &PutBackEntry)> {
        let here = self.put_backs.iter().filter(move |(_, entry)| entry.held.as_ref() == Some(reference));
        here.map(|(at, entry)| (*at, entry.as_ref()))
    }

    /// Commits at which a branch stood as approved, newest entry first: merges, restored pushes, the adoption.
    #[must_use]
    pub fn approved_commits(&self, branch: &RefName) -> Vec<&Oid> {
        let merges = self
            .merges
            .iter()
            .filter(|(_, merge)| self.decisions.get(&merge.decision).is_some_and(|decision| decision.base == *branch));
        let merges = merges.map(|(at, merge)| (*at, &merge.commit));
        let restored = self.put_backs(branch).filter(|(_, entry)| entry.quarantine().is_none());
        let restored = restored.filter_map(|(at, entry)| Some((at, entry.restored.as_ref()?)));
        let mut commits: Vec<(Sequence, &Oid)> = merges.chain(restored).collect();
        commits.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        commits.into_iter().map(|(_, commit)| commit).chain(self.adopted.get(branch)).collect()
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
}
