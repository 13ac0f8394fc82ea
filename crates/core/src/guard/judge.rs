//! From the rules of a branch to findings.
//!
//! Pure and total: rules that are not shown are a finding of their own.

use super::{Finding, GuardReason, Place};
use crate::facts::rules::{BranchRules, Classic, Passing, Protection, RequiredCheck, Rule, Ruleset};

/// What is to be said about a place. `rules`: `None` where GitHub does not show them. `check` is the name of our check, `app` the
/// number of our App.
#[must_use]
pub fn judge(place: &Place, rules: Option<&BranchRules>, check: &str, app: u64) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut note = |reason, detail: String| found.push(Finding { place: place.clone(), reason, detail });
    let Some(rules) = rules else {
        note(GuardReason::RulesUnknown, String::new());
        return found;
    };
    match place {
        Place::Governed(_) => governed(rules, check, app, &mut note),
        Place::Ledger(_) => ours_alone(rules, false, &mut note),
        Place::Held(_) => ours_alone(rules, true, &mut note),
    }
    above(place, rules, &mut note);
    let open = found.iter().any(|finding| finding.reason.could_be_closed_classically());
    if open && rules.classic == Classic::Hidden && !matches!(place, Place::Held(_)) {
        found.push(Finding { place: place.clone(), reason: GuardReason::ClassicUnknown, detail: String::new() });
    }
    found.sort();
    found
}

type Note<'n> = &'n mut dyn FnMut(GuardReason, String);

/// A branch people bring changes to: by pull request, with our check, forward only.
fn governed(rules: &BranchRules, check: &str, app: u64, note: Note<'_>) {
    let required: Vec<&RequiredCheck> = required(rules).filter(|one| one.name == check).collect();
    let pinned = required.iter().any(|one| one.app == Some(app));
    let by_request =
        has(rules, |rule| matches!(rule, Rule::PullRequest)) || classic(rules).is_some_and(|c| c.pull_requests);
    let closed = is_closed(rules);
    if !closed && !by_request && !pinned {
        note(GuardReason::PushOpen, String::new());
    }
    match required.first() {
        _ if closed || pinned => {}
        None => note(GuardReason::CheckNotRequired, String::new()),
        Some(one) => {
            let detail = one.app.map_or_else(String::new, |other| format!("from App {other}, not from {app}"));
            note(GuardReason::CheckNotPinned, detail);
        }
    }
    let forward =
        has(rules, |rule| matches!(rule, Rule::NonFastForward)) || classic(rules).is_some_and(|c| !c.force_pushes);
    if !closed && !forward {
        note(GuardReason::ForcePushOpen, String::new());
    }
    kept(rules, note);
}

/// A branch nobody but the App has anything to do with.
fn ours_alone(rules: &BranchRules, created_too: bool, note: Note<'_>) {
    let made_by_others = created_too && !has(rules, |rule| matches!(rule, Rule::Creation));
    if !is_closed(rules) || made_by_others {
        note(GuardReason::PushOpen, String::new());
    }
    kept(rules, note);
}

fn kept(rules: &BranchRules, note: Note<'_>) {
    let kept = has(rules, |rule| matches!(rule, Rule::Deletion)) || classic(rules).is_some_and(|c| !c.deletions);
    if !kept {
        note(GuardReason::DeletionOpen, String::new());
    }
}

/// Who stands above the rules, and whether the App does where it must.
fn above(place: &Place, rules: &BranchRules, note: Note<'_>) {
    let guarding = || rules.rulesets.iter().filter(|set| set.rules.iter().any(|rule| *rule != Rule::Other));
    let mut others: Vec<String> = guarding().flat_map(|set| set.others.iter().flatten().cloned()).collect();
    others.extend(classic(rules).and_then(|classic| classic.pushers.clone()).unwrap_or_default());
    others.sort();
    others.dedup();
    if !others.is_empty() {
        note(GuardReason::BypassOthers, others.join(", "));
    }
    let hidden: Vec<&str> = guarding().filter(|set| set.others.is_none()).map(|set| set.name.as_str()).collect();
    if !hidden.is_empty() {
        note(GuardReason::BypassUnknown, hidden.join(", "));
    }
    let stopping: Vec<&str> = guarding().filter(|set| stops_us(place, set)).map(|set| set.name.as_str()).collect();
    if !stopping.is_empty() {
        note(GuardReason::AppStopped, stopping.join(", "));
    }
    if classic(rules).is_some_and(|classic| !classic.holds_admins) && guarding().next().is_none() {
        note(GuardReason::AdminsExempt, "classic branch protection".to_owned());
    }
}

/// Whether a ruleset keeps the App from what it has to do there. On a governed branch it may merge by pull request instead.
fn stops_us(place: &Place, set: &Ruleset) -> bool {
    let moves = set.rules.iter().any(|rule| matches!(rule, Rule::Update | Rule::Creation));
    match (place, set.passing) {
        (_, Passing::Always | Passing::Hidden) => false,
        (Place::Governed(_), Passing::PullRequests) => false,
        (Place::Governed(_) | Place::Ledger(_) | Place::Held(_), Passing::PullRequests | Passing::Never) => moves,
    }
}

/// Nobody but those above the rules may move it.
fn is_closed(rules: &BranchRules) -> bool {
    has(rules, |rule| matches!(rule, Rule::Update)) || classic(rules).is_some_and(|classic| classic.pushers.is_some())
}

fn has(rules: &BranchRules, wanted: impl Fn(&Rule) -> bool) -> bool {
    rules.rulesets.iter().flat_map(|set| &set.rules).any(wanted)
}

fn classic(rules: &BranchRules) -> Option<&Protection> {
    match &rules.classic {
        Classic::Protection(classic) => Some(classic),
        Classic::Absent | Classic::Hidden => None,
    }
}

fn required(rules: &BranchRules) -> impl Iterator<Item = &RequiredCheck> {
    let sets = rules.rulesets.iter().flat_map(|set| &set.rules).flat_map(|rule| match rule {
        Rule::Checks(checks) => checks.as_slice(),
        Rule::Creation | Rule::Update | Rule::Deletion | Rule::NonFastForward | Rule::PullRequest | Rule::Other => &[],
    });
    sets.chain(classic(rules).into_iter().flat_map(|classic| &classic.checks))
}
