//! What is to be told of an entry of the ledger.

use crate::decision::{Scope, outline};
use crate::domain::{
    Environment, Occasion, PrNumber, RefName, RepoName, RepoPath, RunState, Sequence, SyncReceipt, TargetId, Timestamp,
};
use crate::facts::{Facts, Known};
use crate::ledger::{
    BypassEntry, Bypassing, DecisionEntry, Entry, KeyAction, KnownBypass, MergeEntry, PolicyEntry, PutBackEntry,
    RatificationEntry, RecordedVerdict, Verified,
};
use crate::policy::{self, Policy, Strength, compare};

use super::notice::Notice;

/// A verified ledger, and what is needed to speak of it.
#[derive(Clone, Copy)]
pub struct History<'a> {
    /// Its entries, oldest first.
    pub entries: &'a [Verified],
    /// The policy in force.
    pub policy: &'a Policy,
    /// The default branch.
    pub default_branch: &'a RefName,
    /// Name of the repository.
    pub repository: &'a RepoName,
    /// Where people look at it.
    pub url: &'a str,
}

/// What one entry is to be told as, if it is; void entries are not.
#[must_use]
pub fn of_entry(history: History<'_>, at: usize) -> Option<Notice> {
    let entry = history.entries.get(at).filter(|entry| !entry.void)?;
    let place = (entry.sequence, entry.at);
    match &entry.entry {
        Entry::Merge(merge) => Some(merged(history, at, place, merge)),
        Entry::PutBack(back) => put_back(history, place, back),
        Entry::Policy(policy) => weakened(history, at, place, policy),
        Entry::Key(key) => {
            let mut notice = numbered(Occasion::KeyChanged, history, place);
            let what = match key.action {
                KeyAction::Add => "added",
                KeyAction::Retire => "retired",
                KeyAction::Revoke { .. } => "revoked",
            };
            notice.detail = Some(format!("{} {what}", key.public_key.fingerprint()));
            Some(notice)
        }
        Entry::Sync(receipt) => synced(history, at, place, receipt),
        Entry::Bypass(bypass) => Some(bypassed(history, at, place, bypass)),
        Entry::Ratification(ratification) => Some(ratified(history, at, place, ratification)),
        Entry::Decision(decision) => approved(history, place, decision),
        Entry::Adopted(_) | Entry::Push(_) | Entry::Vote(_) | Entry::Revocation(_) => None,
    }
}

/// A target that our side is not set up for: part of the same episode as failures after its last delivery.
#[must_use]
pub fn blocked(history: History<'_>, id: &TargetId, at: Timestamp, (code, words): (&str, &str)) -> Notice {
    let last = last_delivered(history.entries, id);
    let mut notice = Notice::new(Occasion::SyncFailed, &episode(id, last), at, (history.repository, history.url));
    notice.environments = vec![id.environment.clone()];
    notice.target = Some(id.clone());
    notice.reason = Some(code.to_owned());
    notice.detail = Some(words.to_owned());
    notice
}

/// All failures after one delivery are one episode.
fn episode(id: &TargetId, last: Sequence) -> String {
    format!("{id}/{}", last.label())
}

fn last_delivered(entries: &[Verified], id: &TargetId) -> Sequence {
    let delivered = entries.iter().rev().find(|entry| {
        !entry.void && matches!(&entry.entry, Entry::Sync(known) if known.id() == *id && known.state.is_delivered())
    });
    delivered.map_or(Sequence::new(0), |entry| entry.sequence)
}

fn numbered(occasion: Occasion, history: History<'_>, (sequence, at): (Sequence, Timestamp)) -> Notice {
    let mut notice = Notice::new(occasion, &sequence.label(), at, (history.repository, history.url));
    notice.entry = Some(sequence);
    notice
}

fn merged(history: History<'_>, at: usize, place: (Sequence, Timestamp), merge: &MergeEntry) -> Notice {
    let mut notice = of_change(Occasion::ChangeMerged, history, at, place, (merge.pull, merge.decision));
    notice.commit = Some(merge.commit.clone());
    notice
}

/// The same notice as the change itself gave when it was satisfied, wherever it is derived first.
fn approved(history: History<'_>, place: (Sequence, Timestamp), decision: &DecisionEntry) -> Option<Notice> {
    match decision.verdict {
        RecordedVerdict::Bypassed => None,
        RecordedVerdict::Satisfied => {
            let mut notice = numbered(Occasion::ChangeApproved, history, place);
            notice.key = format!("{}/{}/{}", notice.occasion.name(), decision.pull, decision.head);
            notice.change = Some(decision.pull);
            notice.url = format!("{}/pull/{}", history.url, decision.pull);
            notice.commit = Some(decision.head.clone());
            of_decision(&mut notice, history, decision);
            Some(notice)
        }
    }
}

fn bypassed(history: History<'_>, at: usize, place: (Sequence, Timestamp), bypass: &BypassEntry) -> Notice {
    let mut notice = of_change(Occasion::ChangeBypassed, history, at, place, (bypass.pull, bypass.decision));
    notice.commit = Some(bypass.commit.clone());
    of_bypassing(&mut notice, &bypass.bypass);
    notice
}

fn ratified(history: History<'_>, at: usize, place: (Sequence, Timestamp), entry: &RatificationEntry) -> Notice {
    let mut notice = of_change(Occasion::BypassRatified, history, at, place, (entry.pull, entry.decision));
    notice.approved_by = entry.ratified_by.iter().map(|approval| approval.login.to_string()).collect();
    notice
}

/// A bypass that nobody has ratified in time.
#[must_use]
pub fn overdue(history: History<'_>, decision: Sequence, known: &KnownBypass, now: Timestamp) -> Notice {
    let end = history.entries.len();
    let mut notice = of_change(Occasion::BypassOverdue, history, end, (decision, now), (known.pull, decision));
    of_bypassing(&mut notice, &known.bypass);
    notice
}

/// A notice about a merged change, told once for `place`.
fn of_change(
    occasion: Occasion,
    history: History<'_>,
    before: usize,
    place: (Sequence, Timestamp),
    (pull, decision): (PrNumber, Sequence),
) -> Notice {
    let mut notice = numbered(occasion, history, place);
    notice.change = Some(pull);
    notice.url = format!("{}/pull/{pull}", history.url);
    let decided = history.entries[..before].iter().rev().find(|entry| entry.sequence == decision);
    if let Some(Entry::Decision(decision)) = decided.map(|entry| &entry.entry) {
        of_decision(&mut notice, history, decision);
    }
    notice
}

fn of_bypassing(notice: &mut Notice, bypass: &Bypassing) {
    let names: Vec<String> = bypass.by.iter().map(|word| word.login.to_string()).collect();
    let reasons: Vec<&str> = bypass.by.iter().map(|word| word.reason.as_str()).collect();
    if notice.environments.is_empty() {
        notice.environments = bypass.environments.clone();
    }
    if notice.policies.is_empty() {
        notice.policies = bypass.policies.clone();
    }
    notice.actor = Some(names.join(" and "));
    notice.detail = Some(reasons.join(" / "));
}

/// Takes in what a decision was about.
fn of_decision(notice: &mut Notice, history: History<'_>, decision: &DecisionEntry) {
    notice.approved_by = decision.approved_by.iter().map(|approval| approval.login.to_string()).collect();
    let branches = (&decision.base, history.default_branch);
    match serde_json::from_value::<Facts>(decision.facts.as_json().clone()) {
        Ok(facts) => {
            notice.requester = facts.people.requester.answer().cloned();
            let touched = outline(history.policy, branches, &facts.history.delta, &facts.documents);
            for scope in touched.keys() {
                match scope {
                    Scope::Environment(environment) => notice.environments.push(environment.clone()),
                    Scope::Control => notice.control = true,
                }
            }
            let matched = touched.values().flatten().flat_map(|path| &path.policies);
            let names = matched.filter_map(|at| history.policy.policies().get(*at));
            notice.policies = names.map(|rule| rule.name().to_owned()).collect();
            notice.policies.sort();
            notice.policies.dedup();
            notice.about(touched.values().flatten());
        }
        // written by another version: the paths are still known
        Err(_) => {
            let paths: Vec<RepoPath> = decision.delta.entries().iter().map(|entry| entry.path.clone()).collect();
            notice.environments = environments(history, &decision.base, &paths);
        }
    }
    notice.actor = notice.requester.as_ref().map(|account| account.login.to_string());
}

/// Environments that paths of a branch lie in.
fn environments(history: History<'_>, branch: &RefName, paths: &[RepoPath]) -> Vec<Environment> {
    let rules = history.policy.environments().iter();
    let here = rules.filter(|rule| rule.branch_or(history.default_branch) == branch);
    here.filter(|rule| paths.iter().any(|path| rule.paths().covers(path))).map(|rule| rule.name().clone()).collect()
}

fn put_back(history: History<'_>, place: (Sequence, Timestamp), back: &PutBackEntry) -> Option<Notice> {
    let occasion = match back.quarantine() {
        None => Occasion::ChangePutBack,
        Some(_) => Occasion::EnvironmentQuarantined,
    };
    let mut notice = numbered(occasion, history, place);
    notice.environments = environments(history, &back.branch, &back.paths);
    notice.commit = Some(back.pushed.clone());
    notice.detail = Some(back.branch.short().to_owned());
    if let Known::Is(sender) = &back.sender {
        notice.requester = Some(sender.clone());
        notice.actor = Some(sender.login.to_string());
    }
    Some(notice)
}

/// Only what governs counts: policy texts of other branches rule nothing.
fn weakened(history: History<'_>, at: usize, place: (Sequence, Timestamp), new: &PolicyEntry) -> Option<Notice> {
    if new.branch != *history.default_branch {
        return None;
    }
    let before = history.entries[..at].iter().rev().find_map(|entry| match &entry.entry {
        Entry::Policy(old) if old.branch == new.branch && !entry.void => Some(old),
        Entry::Policy(_)
        | Entry::Adopted(_)
        | Entry::Key(_)
        | Entry::Push(_)
        | Entry::Vote(_)
        | Entry::Decision(_)
        | Entry::Merge(_)
        | Entry::PutBack(_)
        | Entry::Bypass(_)
        | Entry::Ratification(_)
        | Entry::Revocation(_)
        | Entry::Sync(_) => None,
    })?;
    let (old, new) = (policy::parse(&before.text).ok()?, policy::parse(&new.text).ok()?);
    let comparison = compare(&old, &new);
    match comparison.strength {
        Strength::Stronger | Strength::Equal => None,
        Strength::Weaker | Strength::Incomparable => {
            let mut notice = numbered(Occasion::PolicyWeakened, history, place);
            let losses: Vec<String> = comparison.losses.iter().take(5).map(policy::Difference::words).collect();
            let more = comparison.losses.len().saturating_sub(losses.len());
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            notice.detail = Some(format!("{}{more}", losses.join("; ")));
            Some(notice)
        }
    }
}

fn synced(history: History<'_>, at: usize, place: (Sequence, Timestamp), receipt: &SyncReceipt) -> Option<Notice> {
    let id = receipt.id();
    let before = &history.entries[..at];
    let (occasion, about) = match receipt.state {
        RunState::Converged | RunState::Accepted => (Occasion::SyncConverged, place.0.label()),
        RunState::Failed => (Occasion::SyncFailed, episode(&id, last_delivered(before, &id))),
        RunState::Drifted => (Occasion::DriftFound, episode(&id, last_delivered(before, &id))),
        RunState::Queued | RunState::Triggered | RunState::Blocked | RunState::Superseded => return None,
    };
    let mut notice = Notice::new(occasion, &about, place.1, (history.repository, history.url));
    notice.entry = Some(place.0);
    notice.environments = vec![receipt.environment.clone()];
    notice.commit = Some(receipt.commit.clone());
    notice.reason = receipt.reason.clone();
    let earlier = before.iter().rev().find_map(|entry| match &entry.entry {
        Entry::Sync(known) if known.id() == id && !entry.void => Some(known.state),
        Entry::Sync(_)
        | Entry::Policy(_)
        | Entry::Adopted(_)
        | Entry::Key(_)
        | Entry::Push(_)
        | Entry::Vote(_)
        | Entry::Decision(_)
        | Entry::Merge(_)
        | Entry::Bypass(_)
        | Entry::Ratification(_)
        | Entry::Revocation(_)
        | Entry::PutBack(_) => None,
    });
    notice.recovered = receipt.state.is_delivered() && matches!(earlier, Some(RunState::Failed | RunState::Drifted));
    // the change whose content it is, so that its mails and its card stay together
    let merge = before.iter().find(|entry| entry.sequence == receipt.generation);
    if let Some(Entry::Merge(merge)) = merge.map(|entry| &entry.entry) {
        notice.change = Some(merge.pull);
        notice.url = format!("{}/pull/{}", history.url, merge.pull);
    }
    notice.target = Some(id);
    Some(notice)
}
