//! Whether what stands at a commit is what was approved, and by which entry.
//!
//! The question is asked per environment: its governed entries and all control entries must equal the approved state after some
//! entry. A ledger that is not valid covers nothing. Trees are read by the caller; nothing is decided here anew.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Ledger, Verified};
use super::entry::{Approval, Entry};
use super::keys::KeyClass;
use crate::domain::{Environment, RefName, RepoPath, Sequence, TreeEntry};
use crate::policy::{PathClass, Policy};

/// What the ledger says of one environment at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// It is an approved state.
    Covered(Covered),
    /// It is not. The paths are those that differ from what is approved now, in order.
    Uncovered {
        /// Where it differs.
        differs: Vec<RepoPath>,
    },
    /// The ledger never vouched for this branch.
    NotAdopted,
    /// The ledger is not valid: see its problems.
    InvalidLedger,
}

/// An approved state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The newest entry that brought this state about: an adoption or a merge. It is the generation of a sync.
    pub entry: Sequence,
    /// Whose approvals it rests on; empty for an adoption.
    pub approved_by: Vec<Approval>,
    /// What holds the key that signed it.
    pub class: Option<KeyClass>,
    /// The decision by which it was bypassed, if it was; the ledger says whether that was ratified.
    pub bypassed: Option<Sequence>,
    /// It is also what is approved now; `false`: an older state.
    pub current: bool,
}

impl Coverage {
    /// The proof, if there is one.
    #[must_use]
    pub fn covered(&self) -> Option<&Covered> {
        match self {
            Self::Covered(covered) => Some(covered),
            Self::Uncovered { .. } | Self::NotAdopted | Self::InvalidLedger => None,
        }
    }
}

/// Paths at which the commit and the approved state differ, kept up to date while the state moves.
struct Difference<'a> {
    wanted: BTreeMap<&'a RepoPath, &'a TreeEntry>,
    at: BTreeSet<&'a RepoPath>,
}

impl<'a> Difference<'a> {
    fn from_nothing(wanted: BTreeMap<&'a RepoPath, &'a TreeEntry>) -> Self {
        let at = wanted.keys().copied().collect();
        Self { wanted, at }
    }

    fn move_to(&mut self, path: &'a RepoPath, approved: Option<&TreeEntry>) {
        if self.wanted.get(path).copied() == approved {
            self.at.remove(path);
        } else {
            self.at.insert(path);
        }
    }
}

impl Ledger {
    /// Whether an environment's entries at a commit are an approved state of the branch.
    ///
    /// `at_commit` holds entries of the commit, at least all that are governed or control; what bears on the environment is what
    /// this policy says it governs, and every control path.
    #[must_use]
    pub fn covers(
        &self,
        branch: &RefName,
        at_commit: &BTreeMap<RepoPath, TreeEntry>,
        policy: &Policy,
        environment: &Environment,
    ) -> Coverage {
        let Some(default_branch) = self.state().default_branch() else { return Coverage::InvalidLedger };
        self.covers_paths(branch, at_commit, |path| match policy.classify(path, branch, default_branch) {
            PathClass::Control => true,
            PathClass::Governed { environment: governing, plain: _ } => governing == *environment,
            PathClass::Ambiguous { environments } => environments.contains(environment),
            PathClass::Free => false,
        })
    }

    /// The same for the paths one names.
    pub(super) fn covers_paths(
        &self,
        branch: &RefName,
        at_commit: &BTreeMap<RepoPath, TreeEntry>,
        concerns: impl Fn(&RepoPath) -> bool,
    ) -> Coverage {
        if !self.is_valid() {
            return Coverage::InvalidLedger;
        }
        if !self.state().is_adopted(branch) {
            return Coverage::NotAdopted;
        }
        let mut difference = Difference::from_nothing(at_commit.iter().filter(|(path, _)| concerns(path)).collect());
        let mut newest = None;
        for entry in self.entries().iter().filter(|entry| !entry.void) {
            let touched = self.replay(branch, entry, &concerns, &mut difference);
            if touched && difference.at.is_empty() {
                newest = Some(entry);
            }
        }
        let current = difference.at.is_empty();
        match newest {
            Some(entry) => Coverage::Covered(Covered {
                entry: entry.sequence,
                approved_by: self.approvals(entry),
                class: entry.class,
                bypassed: self.bypassed(entry),
                current,
            }),
            None => Coverage::Uncovered { differs: difference.at.into_iter().cloned().collect() },
        }
    }

    /// Moves the approved state past one entry; whether that concerned the environment. An adoption always does.
    fn replay<'a>(
        &'a self,
        branch: &RefName,
        entry: &'a Verified,
        concerns: &impl Fn(&RepoPath) -> bool,
        difference: &mut Difference<'a>,
    ) -> bool {
        match &entry.entry {
            Entry::Adopted(adopted) if adopted.branch == *branch => {
                for path in adopted.paths.iter().filter(|path| concerns(&path.path)) {
                    difference.move_to(&path.path, Some(&path.entry()));
                }
                true
            }
            Entry::Merge(merge) => {
                let Some(decision) = self.state().decisions().get(&merge.decision) else { return false };
                if decision.base != *branch {
                    return false;
                }
                let mut touched = false;
                for change in merge.approved.entries().iter().filter(|change| concerns(&change.path)) {
                    difference.move_to(&change.path, change.new.as_ref());
                    touched = true;
                }
                touched
            }
            Entry::Adopted(_)
            | Entry::Policy(_)
            | Entry::Key(_)
            | Entry::Push(_)
            | Entry::Vote(_)
            | Entry::Decision(_)
            | Entry::PutBack(_)
            | Entry::Bypass(_)
            | Entry::Ratification(_)
            | Entry::Revocation(_)
            | Entry::Sync(_) => false,
        }
    }

    /// The decision of a merge that was a bypass.
    fn bypassed(&self, entry: &Verified) -> Option<Sequence> {
        let (decision, _) = self.state().bypasses().find(|(_, known)| known.merged == entry.sequence)?;
        Some(decision)
    }

    /// Whose approvals an entry rests on.
    fn approvals(&self, entry: &Verified) -> Vec<Approval> {
        let decision = match &entry.entry {
            Entry::Merge(merge) => self.state().decisions().get(&merge.decision),
            Entry::Adopted(_)
            | Entry::Policy(_)
            | Entry::Key(_)
            | Entry::Push(_)
            | Entry::Vote(_)
            | Entry::Decision(_)
            | Entry::PutBack(_)
            | Entry::Bypass(_)
            | Entry::Ratification(_)
            | Entry::Revocation(_)
            | Entry::Sync(_) => None,
        };
        decision.map(|decision| decision.approved_by.clone()).unwrap_or_default()
    }
}
