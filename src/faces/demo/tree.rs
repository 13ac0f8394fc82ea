//! A decision in words, as a tree: every policy, whose approval counts in it, whose does not and why.
//!
//! Reads a decision off; decides nothing.

use std::collections::BTreeSet;

use countersign_core::decision::{Decision, GroupDecision, Reason, UncountedVote, Verdict};
use countersign_core::domain::Oid;
use countersign_core::facts::{Facts, VoteSource};

use super::text::{BAD, BOLD, CODE, DIM, GOOD, Line, PLAIN};

/// The tree, one line each.
pub(in crate::faces) fn lines(decision: &Decision, facts: &Facts) -> Vec<Line> {
    let paths: Vec<_> = decision.scopes.iter().flat_map(|scope| &scope.paths).collect();
    let keys: usize = paths.iter().map(|path| path.keys.len()).sum();
    let names: Vec<String> = paths.iter().map(|path| path.path.to_string()).collect();
    let heading = format!("change request {}", facts.change.number);
    let mut lines = vec![
        Line::of(BOLD, &heading)
            .and(DIM, " · ")
            .and(CODE, &names.join(", "))
            .and(DIM, &format!(" · {keys} {}", if keys == 1 { "key" } else { "keys" })),
        verdict(decision),
    ];
    let groups: Vec<_> = decision.scopes.iter().flat_map(|scope| &scope.policies).collect();
    let width = groups.iter().map(|policy| policy.name.len()).max().unwrap_or(0);
    let all: Vec<&GroupDecision> = groups.iter().flat_map(|policy| &policy.groups).collect();
    let mut told = BTreeSet::new();
    if !decision.structure.is_empty() {
        lines.push(Line::default());
    }
    for refusal in &decision.structure {
        let path = refusal.path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
        let detail = if refusal.detail.is_empty() { String::new() } else { format!(" ({})", refusal.detail) };
        let mark = if refusal.observed { Line::of(DIM, "  · ") } else { Line::of(BAD, "  ✗ ") };
        lines.push(
            mark.and(CODE, refusal.reason.code())
                .and(PLAIN, &path)
                .and(DIM, &format!(": {}{detail}", refusal.reason.words())),
        );
    }
    for policy in &groups {
        for group in &policy.groups {
            lines.push(Line::default());
            lines.push(
                Line::of(BOLD, &policy.name)
                    .padded(width)
                    .and(DIM, &format!("  {}  ", policy.enforcement))
                    .and(PLAIN, &format!("{} of {}", group.required, group.approvers.join(", "))),
            );
            lines.extend(people(group, &all, (&decision.head, &mut told)));
        }
    }
    lines
}

fn verdict(decision: &Decision) -> Line {
    let words = format!("{}: {}", decision.verdict.word(), decision.reason.words());
    match decision.verdict {
        Verdict::Satisfied | Verdict::Bypassed | Verdict::NotApplicable => Line::of(GOOD, "✔ ").and(PLAIN, &words),
        Verdict::Pending
        | Verdict::Unknown
        | Verdict::Unreachable
        | Verdict::Rejected
        | Verdict::StaleBase
        | Verdict::Blocked => Line::of(BAD, "✗ ").and(PLAIN, &words),
    }
}

/// Who counts in a group, who does not, and who could fill what is missing.
fn people(
    group: &GroupDecision,
    all: &[&GroupDecision],
    (head, told): (&Oid, &mut BTreeSet<(Option<u64>, Reason)>),
) -> Vec<Line> {
    let refused: Vec<&UncountedVote> = group
        .not_counted
        .iter()
        .filter(|vote| !counts_elsewhere(vote, all))
        .filter(|vote| told.insert((vote.account.as_ref().map(|account| account.id.get()), vote.reason)))
        .collect();
    let login = |vote: &UncountedVote| {
        vote.account.as_ref().map_or_else(|| "a deleted account".to_owned(), |account| account.login.to_string())
    };
    let counted = group.counted.iter().map(|vote| vote.account.login.as_str().len());
    let width = counted.chain(refused.iter().map(|vote| login(vote).len())).max().unwrap_or(0) + 2;
    let mut lines = Vec::new();
    for vote in &group.counted {
        let via = match vote.source {
            VoteSource::Review(_) => "review",
            VoteSource::Comment(_) => "comment",
        };
        let name = Line::of(PLAIN, vote.account.login.as_str()).padded(width);
        let at = format!("{via} at ");
        lines.push(Line::of(GOOD, "  ✔ ").join(name).and(DIM, &at).and(CODE, vote.commit.short()));
    }
    for vote in refused {
        let name = Line::of(PLAIN, &login(vote)).padded(width);
        let why = match (&vote.commit, vote.reason) {
            (Some(commit), Reason::StaleApproval) => format!("approved {}, head is {}", commit.short(), head.short()),
            (_, reason) => reason.words().to_owned(),
        };
        lines.push(Line::of(BAD, "  ✗ ").join(name).and(CODE, vote.reason.code()).and(DIM, &format!(": {why}")));
    }
    if group.missing > 0 {
        let could = if group.could.is_empty() {
            "nobody is left".to_owned()
        } else {
            format!("could: {}", group.could.join(", "))
        };
        lines.push(Line::of(DIM, &format!("  {} missing; {could}", group.missing)));
    }
    lines
}

/// Somebody who is no approver here, but is one in another group, needs no excuse.
fn counts_elsewhere(vote: &UncountedVote, all: &[&GroupDecision]) -> bool {
    let id = vote.account.as_ref().map(|account| account.id);
    vote.reason == Reason::NotAnApprover
        && all.iter().flat_map(|group| &group.counted).any(|counted| Some(counted.account.id) == id)
}
