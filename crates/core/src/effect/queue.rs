//! The check on a merge queue's group: whether every change in it may be merged.
//!
//! Says only what was decided about each; it decides nothing.

use minijinja::context;

use super::render::{cut, render};
use super::{Check, CheckState};
use crate::decision::{Reason, Verdict};
use crate::domain::{Digest, Oid, PrNumber};

/// What was decided about one change of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Which.
    pub change: PrNumber,
    /// How it stands.
    pub verdict: Verdict,
    /// The first reason.
    pub reason: Reason,
}

/// What the check says on the head of a group. `members`: the changes with protected paths; `None`: the group holds protected
/// content that is none of the open changes.
#[must_use]
pub fn queue_check(head: &Oid, members: Option<&[Queued]>) -> Check {
    let numbers = |members: &[&Queued]| {
        let numbers: Vec<String> = members.iter().map(|member| format!("#{}", member.change)).collect();
        numbers.join(", ")
    };
    let all = members.unwrap_or_default();
    let held: Vec<&Queued> = all.iter().filter(|member| member.verdict != Verdict::Satisfied).collect();
    let (state, title) = if members.is_none() {
        (CheckState::Failure, "Refused: the group holds protected content of no open pull request".to_owned())
    } else if all.is_empty() {
        (CheckState::Success, "nothing protected changes".to_owned())
    } else if held.is_empty() {
        (CheckState::Success, format!("Approved: {}", numbers(&all.iter().collect::<Vec<_>>())))
    } else if held.iter().all(|member| member.verdict == Verdict::Unknown) {
        (CheckState::InProgress, format!("Not decided yet: {}", numbers(&held)))
    } else {
        (CheckState::Failure, format!("Refused: {} may not be merged", numbers(&held)))
    };
    let rows = all.iter().map(|member| {
        context! { change => member.change.to_string(), verdict => member.verdict.word(), words => member.reason.words() }
    });
    let title = cut(&title, 250);
    let page = context! { head => head.as_str(), known => members.is_some(), rows => rows.collect::<Vec<_>>() };
    let summary = cut(&render("queue.md", page), 60_000);
    let external_id = Digest::of(format!("{state:?}\0{title}\0{summary}").as_bytes()).to_string();
    Check { state, title, summary, external_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(members: Option<&[(u64, Verdict, Reason)]>) -> Check {
        let members = members.map(|members| {
            let one = |(number, verdict, reason): &(u64, Verdict, Reason)| Queued {
                change: PrNumber::new(*number),
                verdict: *verdict,
                reason: *reason,
            };
            members.iter().map(one).collect::<Vec<_>>()
        });
        queue_check(&Oid::parse(&"1".repeat(40)).expect("an id"), members.as_deref())
    }

    #[test]
    fn a_group_is_as_good_as_its_worst_member() {
        let satisfied = (1, Verdict::Satisfied, Reason::QuorumMet);
        let pending = (2, Verdict::Pending, Reason::QuorumMissing);
        let unknown = (3, Verdict::Unknown, Reason::CannotVerify);
        type Row<'a> = (Option<&'a [(u64, Verdict, Reason)]>, CheckState, &'a str);
        let table: &[Row<'_>] = &[
            (Some(&[]), CheckState::Success, "nothing protected changes"),
            (Some(&[satisfied]), CheckState::Success, "Approved: #1"),
            (Some(&[satisfied, unknown]), CheckState::InProgress, "Not decided yet: #3"),
            (Some(&[satisfied, pending, unknown]), CheckState::Failure, "Refused: #2, #3 may not be merged"),
            (None, CheckState::Failure, "Refused: the group holds protected content of no open pull request"),
        ];
        for (members, state, title) in table {
            let check = check(*members);
            assert_eq!((check.state, check.title.as_str()), (*state, *title));
        }
        insta::assert_snapshot!(check(Some(&[satisfied, pending])).summary);
    }
}
