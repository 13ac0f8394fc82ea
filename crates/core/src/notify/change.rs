//! What is to be told of an open change request, from how it stands now.

use crate::decision::{Decision, Reason, Scope, Verdict};
use crate::domain::{Occasion, Timestamp};
use crate::facts::Facts;

use super::notice::{Missing, Notice};

/// Everything that is to be told of a change as it is judged now. A fork's change that nobody vouched for is told to nobody.
#[must_use]
pub fn of_change(decision: &Decision, facts: &Facts, at: Timestamp) -> Vec<Notice> {
    let change = &facts.change;
    if !change.open || change.landed.is_some() || change.unvouched || decision.verdict == Verdict::NotApplicable {
        return Vec::new();
    }
    let mut told = vec![notice(Occasion::ChangeOpened, "", decision, facts, at)];
    let head = format!("/{}", change.head);
    let open_to_approvers = decision.verdict == Verdict::Pending
        && !change.draft
        && !matches!(decision.reason, Reason::Draft | Reason::Closed);
    if open_to_approvers {
        told.push(notice(Occasion::ChangeReady, "", decision, facts, at));
    }
    let groups = decision.scopes.iter().flat_map(|scope| &scope.policies).flat_map(|policy| &policy.groups);
    let outdated = groups.flat_map(|group| &group.not_counted).any(|vote| vote.reason == Reason::StaleApproval);
    match decision.verdict {
        Verdict::Satisfied => told.push(notice(Occasion::ChangeApproved, &head, decision, facts, at)),
        Verdict::Rejected => told.push(notice(Occasion::ChangeRejected, &head, decision, facts, at)),
        Verdict::StaleBase => told.push(notice(Occasion::ChangeStale, &head, decision, facts, at)),
        Verdict::Pending if outdated => told.push(notice(Occasion::ChangeStale, &head, decision, facts, at)),
        // a bypass is told when it was carried out, from the ledger
        Verdict::Bypassed => {}
        Verdict::Pending | Verdict::NotApplicable | Verdict::Unknown | Verdict::Unreachable | Verdict::Blocked => {}
    }
    told
}

/// The change request is closed because nobody touched it.
#[must_use]
pub fn expired(decision: &Decision, facts: &Facts, at: Timestamp) -> Notice {
    notice(Occasion::ChangeExpired, &format!("/{}", facts.change.head), decision, facts, at)
}

fn notice(occasion: Occasion, more: &str, decision: &Decision, facts: &Facts, at: Timestamp) -> Notice {
    let change = &facts.change;
    let about = format!("{}{more}", change.number);
    let mut notice = Notice::new(occasion, &about, at, (&facts.repository_name, &change.url));
    notice.change = Some(change.number);
    notice.commit = Some(change.head.clone());
    notice.requester = facts.people.requester.answer().cloned();
    notice.actor = notice.requester.as_ref().map(|account| account.login.to_string());
    for scope in &decision.scopes {
        match &scope.scope {
            Scope::Environment(environment) => notice.environments.push(environment.clone()),
            Scope::Control => notice.control = true,
        }
    }
    notice.about(decision.scopes.iter().flat_map(|scope| &scope.paths));
    for scope in decision.scopes.iter().filter(|scope| !scope.observed) {
        for group in scope.policies.iter().flat_map(|policy| &policy.groups) {
            notice.approved_by.extend(group.counted.iter().map(|vote| vote.account.login.to_string()));
            let missing = Missing { count: group.missing, of: group.approvers.join(", ") };
            if group.missing > 0 && !notice.missing.contains(&missing) {
                notice.missing.push(missing);
            }
        }
    }
    let policies = decision.scopes.iter().flat_map(|scope| &scope.policies);
    notice.policies = policies.map(|policy| policy.name.clone()).collect();
    notice.policies.sort();
    notice.policies.dedup();
    notice.approved_by.sort();
    notice.approved_by.dedup();
    notice.reason = (decision.verdict != Verdict::Satisfied).then(|| decision.reason.code().to_owned());
    notice.detail = notice.reason.as_ref().map(|_| decision.reason.words().to_owned());
    notice
}
