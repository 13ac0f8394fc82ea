//! Step 4: which entries make the branch as approved again (`Y`), and which of the pushed ones are kept for review (`K`).
//!
//! `K` never holds plain text, a link or an executable bit. Ordinary files stay as they were pushed, in both.

use std::collections::BTreeMap;

use super::{Ground, is_workflow};
use crate::domain::{Delta, DeltaEntry, Digest, EntryMode, RepoPath, TreeEntry};
use crate::facts::compare::{self, Entries};
use crate::facts::{DocumentFacts, FileState, KeyChangeKind, LeftOut, LeftOutKind};
use crate::policy::PathClass;

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Protected entries that differ, approved as old side and pushed as new side; workflow files among them.
    pub pushed: Delta,
    /// Over the pushed tree: makes `Y`.
    pub restore: BTreeMap<RepoPath, Option<TreeEntry>>,
    /// Over `Y`: makes `K`.
    pub keep: BTreeMap<RepoPath, Option<TreeEntry>>,
    /// What is not kept, in path order.
    pub left_out: Vec<LeftOut>,
    /// Names the push: equal pushes against equal approvals have equal digests. `None`: nothing differs.
    pub digest: Option<Digest>,
}

impl Plan {
    /// Protected paths that differ, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<RepoPath> {
        self.pushed.entries().iter().map(|entry| entry.path.clone()).collect()
    }
}

/// Plans. `documents`: what the sealed files of the difference are, approved as old side and pushed as new side; one that is not
/// listed was not read.
#[must_use]
pub fn plan(
    ground: Ground<'_>,
    approved: &Entries,
    tip: &Entries,
    documents: &BTreeMap<RepoPath, DocumentFacts>,
) -> Plan {
    let protected = |entries: &Entries| compare::protected(ground.policy, ground.branches, entries);
    let (before, after) = (protected(approved), protected(tip));
    let pushed = Delta::new(compare::differing(&before, &after).into_iter().map(|path| DeltaEntry {
        old: before.get(&path).cloned(),
        new: after.get(&path).cloned(),
        path,
    }));
    let digest = pushed.digest(ground.repository, ground.branches.base);
    let (mut restore, mut keep, mut left_out) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for entry in pushed.entries().iter().filter(|entry| !is_workflow(&entry.path)) {
        restore.insert(entry.path.clone(), entry.old.clone());
        let (kept, why) = kept(ground, entry, documents.get(&entry.path));
        left_out.extend(why.map(|what| LeftOut { path: entry.path.clone(), what }));
        if let Some(kept) = kept.filter(|kept| *kept != entry.old) {
            keep.insert(entry.path.clone(), kept);
        }
    }
    Plan { pushed, restore, keep, left_out, digest }
}

/// What of an entry goes into `K` (`None`: nothing, `Some(None)`: its removal), and what of it does not.
fn kept(
    ground: Ground<'_>,
    entry: &DeltaEntry,
    document: Option<&DocumentFacts>,
) -> (Option<Option<TreeEntry>>, Option<LeftOutKind>) {
    let Some(new) = &entry.new else { return (Some(None), None) };
    if !entry.path.faults().is_empty() {
        return (None, Some(LeftOutKind::BadPath));
    }
    let bit = match new.mode {
        EntryMode::Link | EntryMode::Submodule => return (None, Some(LeftOutKind::NotAFile)),
        EntryMode::Executable => Some(LeftOutKind::ExecutableBit),
        EntryMode::File => None,
    };
    let must_be_sealed = match ground.policy.classify(&entry.path, ground.branches.base, ground.branches.default) {
        PathClass::Governed { plain, environment: _ } => !plain,
        PathClass::Ambiguous { .. } => true,
        PathClass::Control | PathClass::Free => false,
    };
    match must_be_sealed.then(|| bare(document)).flatten() {
        Some(what) => (None, Some(what)),
        None => (Some(Some(TreeEntry { mode: EntryMode::File, oid: new.oid.clone() })), bit),
    }
}

/// Why a document is, or may be, plain text.
fn bare(document: Option<&DocumentFacts>) -> Option<LeftOutKind> {
    let Some(document) = document else { return Some(LeftOutKind::Unreadable) };
    match &document.new {
        FileState::Sealed | FileState::MacMissing => {
            let became_plain = document.keys.iter().any(|key| key.change == KeyChangeKind::BecamePlain);
            (became_plain || !document.exposed.is_empty()).then_some(LeftOutKind::Plaintext)
        }
        FileState::Plain => Some(LeftOutKind::Plaintext),
        FileState::Broken(_) | FileState::TooLarge | FileState::Absent => Some(LeftOutKind::Unreadable),
        FileState::NotAFile => Some(LeftOutKind::NotAFile),
    }
}
