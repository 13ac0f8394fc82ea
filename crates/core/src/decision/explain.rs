//! A decision in words and as JSON: the same tree for every face.
//!
//! Decides nothing; whatever is said here is read off the decision.

use serde_json::{Value, json};

use super::{Bypass, CountedVote, Decision, GroupDecision, Reason, UncountedVote, Verdict, Wait};
use crate::facts::{Facts, VoteSource};

/// The shape of `explain --json` and of the Action's output `result` (interfaces.md). Fields may be added, never renamed.
#[must_use]
pub fn explain(decision: &Decision, facts: &Facts) -> Value {
    json!({
        "version": 1,
        "repository": facts.repository_name.to_string(),
        "pr": facts.change.number.get(),
        "head": decision.head.as_str(),
        "base": facts.change.base.short(),
        "base_tip": decision.base_tip.as_str(),
        "verdict": decision.verdict.word(),
        "reason": decision.reason.code(),
        "environments": decision.scopes.iter().map(|scope| json!({
            "name": scope.scope.name(),
            "verdict": scope.verdict.word(),
            "observed": scope.observed,
            "policies": scope.policies.iter().map(|policy| json!({
                "name": policy.name,
                "enforcement": policy.enforcement,
                "verdict": policy.verdict.word(),
                "machine": policy.machine.as_ref().map(|account| account.login.as_str()),
                "groups": policy.groups.iter().map(group).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "structure": decision.structure.iter().map(|refusal| json!({
            "path": refusal.path.as_ref().map(ToString::to_string),
            "reason": refusal.reason.code(),
            "detail": refusal.detail,
            "help": refusal.reason.help(),
        })).collect::<Vec<_>>(),
        "extra_seats": decision.extra_seats.iter().map(|reason| reason.code()).collect::<Vec<_>>(),
        "next": decision.next,
        "waits": decision.waits,
        "bypass": decision.bypass.as_ref().map(bypassed),
        "bypass_refused": decision.bypass_refused.iter().map(|refused| json!({
            "login": refused.asked.by.login.as_str(), "id": refused.asked.by.id.get(),
            "reason": refused.reason.code(), "detail": refused.detail, "help": refused.reason.help(),
        })).collect::<Vec<_>>(),
    })
}

fn bypassed(bypass: &Bypass) -> Value {
    json!({
        "environments": bypass.environments,
        "policies": bypass.policies,
        "by": bypass.by.iter().map(|asked| json!({
            "login": asked.by.login.as_str(), "id": asked.by.id.get(), "reason": asked.reason,
        })).collect::<Vec<_>>(),
        "ratify_within": bypass.ratify_within.to_string(),
    })
}

fn group(group: &GroupDecision) -> Value {
    json!({
        "name": group.name,
        "approvers": group.approvers,
        "required": group.required,
        "counted": group.counted.iter().map(counted).collect::<Vec<_>>(),
        "not_counted": group.not_counted.iter().map(not_counted).collect::<Vec<_>>(),
        "missing": group.missing,
        "could": group.could,
    })
}

fn counted(vote: &CountedVote) -> Value {
    let via = match vote.source {
        VoteSource::Review(_) => "review",
        VoteSource::Comment(_) => "comment",
    };
    json!({"login": vote.account.login.as_str(), "id": vote.account.id.get(), "via": via, "commit": vote.commit.as_str()})
}

fn not_counted(vote: &UncountedVote) -> Value {
    json!({
        "login": vote.account.as_ref().map(|account| account.login.as_str()),
        "id": vote.account.as_ref().map(|account| account.id.get()),
        "reason": vote.reason.code(),
        "commit": vote.commit.as_ref().map(crate::domain::Oid::as_str),
    })
}

/// What would turn the decision green, in the order a person would do it.
pub(super) fn next_steps(decision: &Decision, facts: &Facts) -> Vec<String> {
    if !decision.structure.is_empty() {
        let mut steps: Vec<String> = Vec::new();
        for refusal in &decision.structure {
            let step = match &refusal.path {
                Some(path) => format!("{path}: {}", refusal.reason.help()),
                None => refusal.reason.help().to_owned(),
            };
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        return steps;
    }
    match decision.verdict {
        Verdict::Satisfied | Verdict::Bypassed => {
            let mut steps: Vec<String> = decision.waits.iter().map(Wait::step).collect();
            steps.dedup();
            steps
        }
        Verdict::NotApplicable => Vec::new(),
        Verdict::Pending if matches!(decision.reason, Reason::Draft | Reason::Closed) => {
            vec![decision.reason.help().to_owned()]
        }
        Verdict::Pending
        | Verdict::Unknown
        | Verdict::Unreachable
        | Verdict::Rejected
        | Verdict::StaleBase
        | Verdict::Blocked => steps_of_people(decision, facts),
    }
}

fn steps_of_people(decision: &Decision, facts: &Facts) -> Vec<String> {
    let mut steps = Vec::new();
    if facts.change.unvouched {
        steps.push(
            "somebody with write looks at it and comments `/countersign recheck`: until then nobody is asked to review"
                .to_owned(),
        );
    }
    let mut add = |step: String| {
        if !steps.contains(&step) {
            steps.push(step);
        }
    };
    for policy in decision.scopes.iter().flat_map(|scope| &scope.policies) {
        match policy.verdict {
            Verdict::Satisfied | Verdict::Bypassed | Verdict::NotApplicable => {}
            Verdict::Rejected => add(format!("policy {}: {}", policy.name, Reason::Rejected.help())),
            Verdict::Unreachable => add(format!("policy {}: {}", policy.name, Reason::Unreachable.help())),
            Verdict::Unknown => add(Reason::CannotVerify.help().to_owned()),
            Verdict::Pending | Verdict::StaleBase | Verdict::Blocked => {
                for group in policy.groups.iter().filter(|group| group.missing > 0) {
                    add(ask(group, facts));
                }
            }
        }
    }
    steps
}

/// "ask bob or cy to review 8be0d44".
fn ask(group: &GroupDecision, facts: &Facts) -> String {
    let head = facts.change.head.short();
    let whom = if group.could.is_empty() { group.approvers.clone() } else { group.could.clone() };
    let shown: Vec<&str> = whom.iter().take(6).map(String::as_str).collect();
    let more = if whom.len() > shown.len() { " or another of them" } else { "" };
    let count = match group.missing {
        1 => String::new(),
        missing => format!("{missing} of "),
    };
    let do_what = match facts.ratifying {
        Some(_) => format!("ratify {head}: a review that approves, or /countersign ratify"),
        None => format!("review {head}"),
    };
    format!("ask {count}{}{more} to {do_what}", either(&shown))
}

/// "ann", "ann or bob", "ann, bob or cy".
pub(crate) fn either(names: &[&str]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
