//! Past merges, decided again under another policy: which of them would have come out otherwise.
//!
//! Works on the facts recorded then. A name the other policy brings in meant nobody then, and a file it begins to protect was not
//! looked into: what cannot be told is said, never guessed.

use super::chain::Ledger;
use super::entry::Entry;
use crate::decision::{Reason, Verdict, decide};
use crate::domain::{Oid, PrNumber, ResolvedNames, Sequence};
use crate::facts::Facts;
use crate::policy::Policy;

/// One merge under another policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Ledger entry of the merge.
    pub entry: Sequence,
    /// The pull request.
    pub pull: PrNumber,
    /// The merge commit.
    pub commit: Oid,
    /// What would have come of it; `None`: the recorded facts do not tell.
    pub verdict: Option<Verdict>,
    /// The first reason.
    pub reason: Reason,
}

impl Replayed {
    /// Whether it would not have been merged, as far as can be told.
    #[must_use]
    pub fn is_other(&self) -> bool {
        self.verdict.is_some_and(|verdict| !matches!(verdict, Verdict::Satisfied | Verdict::NotApplicable))
    }
}

impl Ledger {
    /// Decides the newest merges again under a policy, newest first.
    #[must_use]
    pub fn replayed(&self, policy: &Policy, newest: usize) -> Vec<Replayed> {
        let names = self.every_name();
        let valid = self.entries().iter().rev().filter(|entry| !entry.void);
        let merges = valid.filter_map(|entry| {
            let Entry::Merge(merge) = &entry.entry else { return None };
            Some((entry.sequence, merge))
        });
        let decisions = self.state().decisions();
        merges
            .take(newest)
            .filter_map(|(entry, merge)| {
                let decision = decisions.get(&merge.decision)?;
                let facts: Facts = serde_json::from_value(decision.facts.as_json().clone()).ok()?;
                let (verdict, reason) = again(policy, &names, facts);
                Some(Replayed { entry, pull: decision.pull, commit: merge.commit.clone(), verdict, reason })
            })
            .collect()
    }

    /// What names of policies ever meant; the newest meaning of each.
    fn every_name(&self) -> ResolvedNames {
        let mut names = ResolvedNames::default();
        for entry in self.entries().iter().filter(|entry| !entry.void) {
            if let Entry::Policy(policy) = &entry.entry {
                names.users.extend(policy.names.users.clone());
                names.teams.extend(policy.names.teams.clone());
            }
        }
        names
    }
}

fn again(policy: &Policy, names: &ResolvedNames, mut facts: Facts) -> (Option<Verdict>, Reason) {
    let mut known = names.clone();
    known.users.extend(std::mem::take(&mut facts.names.users));
    known.teams.extend(std::mem::take(&mut facts.names.teams));
    facts.names = known;
    facts.policy_digest = policy.digest();
    let decision = decide(policy, &facts);
    let unread = decision.structure.iter().any(|refusal| {
        let path = refusal.path.as_ref();
        refusal.reason == Reason::NotSops && path.is_some_and(|path| !facts.documents.contains_key(path))
    });
    let told = decision.verdict != Verdict::Unknown && !unread;
    (told.then_some(decision.verdict), decision.reason)
}
