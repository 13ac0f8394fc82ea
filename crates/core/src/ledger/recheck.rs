//! Runs recorded decisions again, from the recorded facts and the policy text that was in force.
//!
//! [`rerun`] decides, [`Ledger::rechecked`] compares what comes out with what was written; nothing else is judged here. A decision
//! that does not come out the same makes the ledger invalid.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Ledger, Verified};
use super::entry::{Bypassing, DecisionEntry, Entry, PolicyEntry, RatificationEntry, RecordedFacts, RecordedVerdict};
use super::problem::{Problem, ProblemCode, Severity};
use crate::decision::{Verdict, decide, is_ratified};
use crate::domain::{Delta, DeltaEntry, Digest, Oid, PrNumber, RefName, RepoPath, ResolvedNames, Sequence, UserId};
use crate::facts::compare::{Branches, is_protected, protected_delta};
use crate::facts::{Facts, MergeBase, Ratifying};
use crate::policy;

/// What a decision comes to when it is run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    /// The pull request the facts speak of.
    pub pull: PrNumber,
    /// Why it may be merged; of a ratification: that it is one.
    pub verdict: RecordedVerdict,
    /// What is bypassed.
    pub bypass: Option<Bypassing>,
    /// The facts are those of a ratification: of which policies, and who does not count.
    pub ratifying: Option<Ratifying>,
    /// Head of the facts.
    pub head: Oid,
    /// Base of the facts.
    pub base: RefName,
    /// Tip of the base in the facts.
    pub base_tip: Oid,
    /// Merge base of the facts.
    pub merge_base: Oid,
    /// Whose votes count.
    pub approved_by: BTreeSet<UserId>,
    /// Digest of the whole difference.
    pub delta_digest: Digest,
    /// Governed and control entries of the difference.
    pub delta: Delta,
}

/// Runs a decision again with the code of this version: the usual argument of [`Ledger::rechecked`].
///
/// # Errors
/// When policy or facts cannot be read, or the decision does not allow the merge; as a sentence.
pub fn rerun(text: &str, names: &ResolvedNames, facts: &RecordedFacts) -> Result<Rerun, String> {
    let policy = policy::parse(text).map_err(|_| "this version cannot read the policy that was in force")?;
    let facts: Facts = serde_json::from_value(facts.as_json().clone())
        .map_err(|error| format!("this version cannot read the recorded facts: {error}"))?;
    if facts.policy_digest != policy.digest() || facts.names != *names {
        return Err("the facts were gathered for another policy than the one in force".to_owned());
    }
    let MergeBase::One(merge_base) = facts.history.merge_base.clone() else {
        return Err("the facts name no single merge base".to_owned());
    };
    let decision = decide(&policy, &facts);
    let verdict = match decision.verdict {
        _ if facts.ratifying.is_some() => is_ratified(&facts, &decision).then_some(RecordedVerdict::Satisfied),
        Verdict::Satisfied => Some(RecordedVerdict::Satisfied),
        Verdict::Bypassed => Some(RecordedVerdict::Bypassed),
        Verdict::NotApplicable
        | Verdict::Pending
        | Verdict::Unknown
        | Verdict::Unreachable
        | Verdict::Rejected
        | Verdict::StaleBase
        | Verdict::Blocked => None,
    };
    let (Some(verdict), Some(delta_digest)) = (verdict, decision.delta) else {
        return Err(format!("run again, the decision comes to `{}`", decision.verdict.word()));
    };
    let meant = |name: &String| facts.ratifying.as_ref().is_none_or(|ratifying| ratifying.policies.contains(name));
    let branches = Branches { base: &facts.change.base, default: &facts.default_branch };
    let policies = decision.scopes.iter().flat_map(|scope| &scope.policies).filter(|policy| meant(&policy.name));
    let groups = policies.flat_map(|policy| &policy.groups);
    Ok(Rerun {
        pull: facts.change.number,
        verdict,
        bypass: decision.bypass.as_ref().map(Bypassing::of),
        ratifying: facts.ratifying.clone(),
        head: facts.change.head.clone(),
        base: facts.change.base.clone(),
        base_tip: facts.change.base_tip.clone(),
        merge_base,
        approved_by: groups.flat_map(|group| &group.counted).map(|vote| vote.account.id).collect(),
        delta_digest,
        delta: protected_delta(&policy, branches, &facts.history.delta),
    })
}

impl Ledger {
    /// Runs every decision again. `rerun` gets the policy text in force, what its names mean, and the recorded facts; `Err` is
    /// why the decision does not allow the merge, as a sentence. Each mismatch becomes a problem (`decision-not-reproducible`).
    #[must_use]
    pub fn rechecked(mut self, rerun: impl Fn(&str, &ResolvedNames, &RecordedFacts) -> Result<Rerun, String>) -> Self {
        let mut found = Vec::new();
        let mut policies: BTreeMap<&RefName, &PolicyEntry> = BTreeMap::new();
        let mut bypasses: BTreeMap<Sequence, (&DecisionEntry, Option<&PolicyEntry>)> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !entry.void) {
            match &entry.entry {
                Entry::Policy(policy) => {
                    policies.insert(&policy.branch, policy);
                }
                Entry::Decision(decision) => {
                    let policy = self.state.default_branch().and_then(|branch| policies.get(branch));
                    if let Err(message) = recheck(decision, policy.copied(), &rerun) {
                        found.push(problem(entry, message));
                    }
                    if decision.bypass.is_some() {
                        bypasses.insert(entry.sequence, (decision, policy.copied()));
                    }
                }
                Entry::Ratification(ratification) => {
                    let known = bypasses.get(&ratification.decision).copied();
                    if let Err(message) = recheck_ratification(ratification, known, &rerun) {
                        found.push(problem(entry, message));
                    }
                }
                Entry::Adopted(_)
                | Entry::Key(_)
                | Entry::Push(_)
                | Entry::Vote(_)
                | Entry::Merge(_)
                | Entry::PutBack(_)
                | Entry::Bypass(_)
                | Entry::Revocation(_)
                | Entry::Sync(_) => {}
            }
        }
        self.problems.extend(found);
        self
    }
}

fn problem(entry: &Verified, message: String) -> Problem {
    let problem = Problem::new(ProblemCode::DecisionNotReproducible, Severity::Invalid, message);
    problem.at(Some(entry.sequence), Some(&entry.commit))
}

fn recheck(
    recorded: &DecisionEntry,
    policy: Option<&PolicyEntry>,
    rerun: &impl Fn(&str, &ResolvedNames, &RecordedFacts) -> Result<Rerun, String>,
) -> Result<(), String> {
    let policy = policy.ok_or("no policy was in force")?;
    let again = rerun(&policy.text, &policy.names, &recorded.facts)?;
    let counted: BTreeSet<UserId> = recorded.approved_by.iter().map(|approval| approval.user).collect();
    let was_free = |path: &RepoPath| {
        let branches = Branches { base: &recorded.base, default: &policy.branch };
        policy::parse(&policy.text).is_ok_and(|policy| !is_protected(&policy, branches, path))
    };
    let equal = [
        ("ratification", again.ratifying.is_none()),
        ("bypass", again.bypass == recorded.bypass),
        ("pull request", again.pull == recorded.pull),
        ("verdict", again.verdict == recorded.verdict),
        ("head", again.head == recorded.head),
        ("base", again.base == recorded.base),
        ("base tip", again.base_tip == recorded.base_tip),
        ("merge base", again.merge_base == recorded.merge_base),
        ("set of approvers", again.approved_by == counted),
        ("digest of the difference", again.delta_digest == recorded.delta_digest),
        ("list of approved entries", same_delta(&again.delta, &recorded.delta, was_free)),
    ];
    match equal.iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((what, _)) => Err(format!("run again, the decision has another {what} than was recorded")),
    }
}

/// A ratification is of the very change that was bypassed, by the policy that was, and without whoever bypassed it.
fn recheck_ratification(
    recorded: &RatificationEntry,
    known: Option<(&DecisionEntry, Option<&PolicyEntry>)>,
    rerun: &impl Fn(&str, &ResolvedNames, &RecordedFacts) -> Result<Rerun, String>,
) -> Result<(), String> {
    let (decision, policy) = known.ok_or("no bypass was decided there")?;
    let policy = policy.ok_or("no policy was in force")?;
    let bypass = decision.bypass.as_ref().ok_or("no bypass was decided there")?;
    let again = rerun(&policy.text, &policy.names, &recorded.facts)?;
    let counted: BTreeSet<UserId> = recorded.ratified_by.iter().map(|approval| approval.user).collect();
    let without: BTreeSet<UserId> = bypass.by.iter().map(|word| word.user).collect();
    let ratifying = again.ratifying.as_ref();
    let excluded: BTreeSet<UserId> =
        ratifying.iter().flat_map(|ratifying| &ratifying.bypassers).map(|account| account.id).collect();
    let equal = [
        ("pull request", again.pull == decision.pull),
        ("head", again.head == decision.head),
        ("digest of the difference", again.delta_digest == decision.delta_digest),
        ("list of policies", ratifying.is_some_and(|ratifying| ratifying.policies == bypass.policies)),
        ("set of bypassers", excluded == without),
        ("set of approvers", again.approved_by == counted),
    ];
    match equal.iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((what, _)) => Err(format!("run again, the ratification has another {what} than was recorded")),
    }
}

/// The recorded delta holds what the facts show, and besides only paths that become governed as they stand: for the first time, or
/// again.
fn same_delta(again: &Delta, recorded: &Delta, was_free: impl Fn(&RepoPath) -> bool) -> bool {
    let shown: BTreeMap<&RepoPath, &DeltaEntry> = again.entries().iter().map(|entry| (&entry.path, entry)).collect();
    let mut kept = 0;
    for entry in recorded.entries() {
        match shown.get(&entry.path) {
            Some(same) if *same == entry => kept += 1,
            Some(_) => return false,
            None if entry.old.is_none() || was_free(&entry.path) => {}
            None => return false,
        }
    }
    kept == shown.len()
}
