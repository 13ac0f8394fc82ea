//! What refuses a change whoever approves it (R3, R7–R9, R28, `changes.md` 6.0).
//!
//! Counts nobody. Every refusal names the place and the way out; all of them are listed, not only the first.

use std::collections::{BTreeMap, BTreeSet};

use super::{Placed, Reason, Refusal};
use crate::domain::{EntryMode, RepoPath};
use crate::facts::{DocumentFacts, Facts, FileState, KeyChangeKind, MergeBase, Origin, VoteKind};
use crate::policy::{Located, Policy};

/// All structural refusals, in path order. Where rules are only observed they are listed too, and stop nothing.
pub(super) fn refusals(policy: &Policy, facts: &Facts, placed: &[Placed<'_>]) -> Vec<Refusal> {
    let mut found = whole(policy, facts);
    if !placed.iter().any(Placed::is_enforced) {
        found.retain(|refusal| refusal.reason != Reason::UnknownReviewState);
    }
    if placed.iter().all(|one| one.at == Located::Free) {
        return found;
    }
    let people = policy.recipients_of_people();
    for one in placed {
        let before = found.len();
        of_path(&people, one, &mut found);
        found[before..].iter_mut().for_each(|refusal| refusal.observed = !one.is_enforced());
    }
    let secret = |one: &Placed<'_>| one.is_enforced() && matches!(one.at, Located::Governed { plain: false, .. });
    if placed.iter().any(|one| one.at == Located::Control) && placed.iter().any(secret) {
        found.push(refusal(None, Reason::SplitThis, String::new()));
    }
    plain_commits(policy, facts, &mut found);
    if placed.iter().any(Placed::is_enforced) {
        of_history(facts, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn refusal(path: Option<&RepoPath>, reason: Reason, detail: impl Into<String>) -> Refusal {
    Refusal { path: path.cloned(), reason, detail: detail.into(), observed: false }
}

fn refuse(found: &mut Vec<Refusal>, path: &RepoPath, reason: Reason, detail: impl Into<String>) {
    found.push(refusal(Some(path), reason, detail));
}

fn whole(policy: &Policy, facts: &Facts) -> Vec<Refusal> {
    let mut found = held(facts);
    let mut note = |reason, detail: &str| found.push(refusal(None, reason, detail));
    if policy.digest() != facts.policy_digest {
        note(Reason::PolicyMismatch, "");
    }
    match facts.history.merge_base {
        MergeBase::One(_) => {}
        MergeBase::None => note(Reason::AmbiguousHistory, "the histories are unrelated"),
        MergeBase::Many => note(Reason::AmbiguousHistory, "there are several merge bases"),
    }
    if facts.votes.iter().any(|vote| vote.kind == VoteKind::Unrecognised) {
        note(Reason::UnknownReviewState, "");
    }
    found
}

/// What stops the request of a direct push: the branch is not back yet, or nothing of the push may be kept.
fn held(facts: &Facts) -> Vec<Refusal> {
    let Some(held) = &facts.held else { return Vec::new() };
    if let Some(why) = held.quarantined {
        return vec![refusal(None, Reason::Quarantined, why.words())];
    }
    let leaks = held.left_out.iter().filter(|left| left.what.is_leak() && facts.history.delta.is_empty());
    leaks.map(|left| refusal(Some(&left.path), Reason::Plaintext, left.what.words())).collect()
}

/// Recipients of the policy, and whose they are.
type KnownReaders = BTreeMap<String, String>;

fn of_path(people: &KnownReaders, one: &Placed<'_>, found: &mut Vec<Refusal>) {
    if one.at == Located::Free {
        return;
    }
    let (entry, path) = (one.entry, &one.entry.path);
    for fault in path.faults() {
        refuse(found, path, Reason::BadPath, fault.words());
    }
    for mode in [entry.old.as_ref(), entry.new.as_ref()].into_iter().flatten().map(|side| side.mode) {
        match mode {
            EntryMode::File | EntryMode::Executable => {}
            EntryMode::Link => refuse(found, path, Reason::NotAFile, "a symbolic link"),
            EntryMode::Submodule => refuse(found, path, Reason::NotAFile, "a submodule"),
        }
    }
    match &one.at {
        Located::Free | Located::Control => {}
        Located::Ambiguous(environments) => {
            let names: Vec<_> = environments.iter().map(|rule| rule.name().to_string()).collect();
            refuse(found, path, Reason::PathInTwoEnvironments, names.join(", "));
        }
        Located::Governed { environment, plain, policies } => {
            if policies.is_empty() {
                refuse(found, path, Reason::NoPolicyForPath, environment.name().to_string());
            }
            if !plain {
                if entry.new.as_ref().is_some_and(|side| side.mode == EntryMode::Executable) {
                    refuse(found, path, Reason::Executable, "");
                }
                of_sources(path, &one.sources, found);
                of_document(people, one, entry.new.is_some(), found);
            }
        }
    }
}

/// What was copied from a place with policies asks those too; from any other, nobody can be asked.
fn of_sources(path: &RepoPath, sources: &[(&Origin, Located<'_>)], found: &mut Vec<Refusal>) {
    for (origin, at) in sources {
        match at {
            Located::Governed { policies, .. } if !policies.is_empty() => {}
            Located::Governed { .. } | Located::Free | Located::Control | Located::Ambiguous(_) => {
                refuse(found, path, Reason::CopiedCiphertext, format!("from {}", origin.path));
            }
        }
    }
}

fn of_document(people: &KnownReaders, one: &Placed<'_>, present: bool, found: &mut Vec<Refusal>) {
    let path = &one.entry.path;
    let Some(document) = one.document else {
        if present {
            refuse(found, path, Reason::NotSops, "it was not read");
        }
        return;
    };
    match &document.new {
        FileState::Absent => return,
        FileState::Sealed => {}
        FileState::MacMissing => refuse(found, path, Reason::MacMissing, ""),
        FileState::Plain => return refuse(found, path, Reason::Plaintext, ""),
        FileState::Broken(fault) => return refuse(found, path, Reason::NotSops, fault.as_str()),
        FileState::TooLarge => return refuse(found, path, Reason::TooLarge, ""),
        FileState::NotAFile => return refuse(found, path, Reason::NotAFile, ""),
    }
    for key in &document.exposed {
        refuse(found, path, Reason::ExposedKey, key.as_str());
    }
    for key in &document.revoked {
        refuse(found, path, Reason::RevokedValue, key.as_str());
    }
    // also where the change turns the settings so that they no longer ask for it
    for key in document.keys.iter().filter(|key| key.change == KeyChangeKind::BecamePlain) {
        refuse(found, path, Reason::ExposedKey, key.key.as_str());
    }
    recipients(people, one, document, found);
}

/// The readers must be known people, and exactly those the base demands; without a rule they stay as they are.
fn recipients(people: &KnownReaders, one: &Placed<'_>, document: &DocumentFacts, found: &mut Vec<Refusal>) {
    let path = &one.entry.path;
    if !people.is_empty() {
        for recipient in document.new_recipients.iter().filter(|recipient| !people.contains_key(*recipient)) {
            refuse(found, path, Reason::UnknownRecipient, recipient.as_str());
        }
    }
    let wanted = match (&document.demanded_recipients, &document.old) {
        (Some(demanded), _) => demanded,
        (None, FileState::Sealed | FileState::MacMissing) if one.same_readers => return,
        (None, FileState::Sealed | FileState::MacMissing) => &document.old_recipients,
        (None, _) => return,
    };
    if *wanted != *document.new_recipients {
        let differing: BTreeSet<_> =
            wanted.symmetric_difference(&document.new_recipients).map(String::as_str).collect();
        refuse(found, path, Reason::RecipientsDiffer, differing.into_iter().collect::<Vec<_>>().join(", "));
    }
}

fn plain_commits(policy: &Policy, facts: &Facts, found: &mut Vec<Refusal>) {
    let here = policy.on(&facts.change.base, &facts.default_branch);
    found.extend(facts.history.plain_commits.iter().map(|plain| Refusal {
        observed: !here.protects(&plain.path),
        ..refusal(Some(&plain.path), Reason::PlaintextInHistory, plain.commit.short())
    }));
}

fn of_history(facts: &Facts, found: &mut Vec<Refusal>) {
    for (path, other) in &facts.history.clashes {
        refuse(found, path, Reason::PathClash, other.to_string());
    }
    if let Some(fault) = &facts.history.policy_fault {
        found.push(refusal(None, Reason::PolicyBroken, fault));
    }
    for path in &facts.history.base_uncovered {
        refuse(found, path, Reason::BaseUncovered, "");
    }
    for path in &facts.history.base_moved {
        refuse(found, path, Reason::StaleBase, facts.history.apart.get(path).map_or("", String::as_str));
    }
}
