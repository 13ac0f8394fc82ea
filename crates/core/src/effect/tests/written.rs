//! Titles, messages and tables: what is counted, and what is said once.

use super::*;
use crate::decision::Reason;
use crate::domain::RunState;
use crate::policy::{Comparison, Difference, Strength};
use crate::sync::Trouble;

/// A file of the environment with these keys.
fn path(file: FileChange, keys: &[KeyChangeKind]) -> ChangedPath {
    let key = |(at, change): (usize, &KeyChangeKind)| KeyChange { key: format!("k{at}"), change: *change };
    let keys: Vec<KeyChange> = keys.iter().enumerate().map(key).collect();
    ChangedPath { file, keys: keys.into(), ..Case::new().decide().scopes[0].paths[0].clone() }
}

fn comment(decision: &Decision, facts: &Facts, outcome: &Outcome) -> String {
    wanted(decision, facts, outcome, None).comment.unwrap()
}

#[test]
fn the_title_of_a_request_counts_keys_and_files_without_known_keys_and_names_no_zero() {
    use FileChange::{Added, Changed, Removed};
    use KeyChangeKind as Key;
    let mut copied = path(Changed, &[Key::Added]);
    copied.copied_into = Some(RepoPath::new("elsewhere"));
    let production = || Case::new().decide().scopes[0].scope.clone();
    let titled = |paths: Vec<ChangedPath>| description(&[(production(), paths)].into(), None, "b").title;
    for (paths, expected) in [
        (vec![path(Changed, &[Key::Added, Key::Added])], "2 added"),
        (vec![path(Changed, &[Key::Removed, Key::Removed, Key::Removed])], "3 removed"),
        (vec![path(Added, &[Key::Moved, Key::Changed])], "2 changed"),
        (vec![path(Added, &[]), path(Added, &[])], "2 added"),
        (vec![path(Changed, &[]), copied], "1 changed"),
        (vec![path(Removed, &[]), path(Changed, &[])], "1 changed, 1 removed"),
        (
            vec![path(Changed, &[Key::Added, Key::Removed, Key::BecamePlain]), path(Removed, &[]), path(Added, &[])],
            "2 added, 1 changed, 2 removed",
        ),
    ] {
        assert_eq!(titled(paths), format!("secrets(production): {expected}"));
    }
    let two = [(production(), vec![path(Added, &[])]), (Scope::Control, vec![path(Removed, &[])])];
    let title = description(&two.into(), Some(&account("rita")), "rita/db").title;
    assert!(title.ends_with(": 1 added, 1 removed"), "{title}");
}

#[test]
fn a_merge_says_who_approved_once_each_and_nobody_says_it_in_a_title() {
    let case = both().approve("cy").approve("ann");
    let message = |facts: &Facts, title: &str| merge_message(&case.decide(), facts, Sequence::new(8), title);
    let (subject, body) = message(&case.facts, " new\npassword ");
    assert_eq!(subject, "Merge pull request #42 from rita/db");
    assert_eq!(body, "new password\n\nCountersign-Decision: L-8\nApproved-by: ann\nApproved-by: cy\n");
    let mut fork = case.facts.clone();
    fork.change.head_ref = None;
    assert_eq!(message(&fork, "x").0, "Merge pull request #42 from a fork");
    for (title, quoted) in [
        ("Approved-by: eve", true),
        ("approved-BY : eve", true),
        ("Approved-by eve", false),
        ("fix: rotate", false),
        ("what a well-known key is: this", false),
    ] {
        let first = message(&case.facts, title).1.lines().next().unwrap().to_owned();
        assert_eq!(first, if quoted { format!("\"{title}\"") } else { title.to_owned() });
    }
    assert_eq!(
        ledger_message(Sequence::new(9), "decision", "pull request 42\nby rita"),
        "L-9 decision: pull request 42 by rita\n\n[skip ci]\n"
    );
}

#[test]
fn readers_are_counted_over_all_files_and_said_to_differ_where_they_do() {
    let case = both();
    let said = |readers: [Option<usize>; 2], changed: bool| {
        let mut decision = case.decide();
        for (scope, readers) in decision.scopes.iter_mut().zip(readers) {
            scope.paths[0].readers = readers;
        }
        decision.scopes[1].paths[0].readers_changed = changed;
        let text = comment(&decision, &case.facts, &Outcome::Open);
        text.split_once("(no key) · ").map(|(_, rest)| rest.lines().next().unwrap().to_owned())
    };
    for (readers, changed, expected) in [
        ([Some(1), Some(1)], false, Some("1 reader, unchanged")),
        ([Some(2), Some(2)], true, Some("2 readers, **changed**")),
        ([Some(3), Some(2)], false, Some("2 to 3 readers, unchanged")),
        ([Some(1), Some(2)], false, Some("1 to 2 readers, unchanged")),
        ([Some(2), None], false, Some("2 readers, unchanged")),
        ([None, None], false, None),
    ] {
        assert_eq!(said(readers, changed).as_deref(), expected, "{readers:?}");
    }
}

#[test]
fn an_approval_that_is_not_counted_is_said_once_and_not_where_it_counts_elsewhere() {
    let said = |case: Case| {
        let text = comment(&case.decide(), &case.facts, &Outcome::Open);
        text.lines().find_map(|line| line.strip_prefix("Not counted: ")).map_or(0, |line| line.matches(") — ").count())
    };
    assert_eq!(said(both()), 0);
    assert_eq!(said(both().approve("bob")), 0, "counted for production, and nobody expects it for staging");
    assert_eq!(said(both().approve("bob").approve("ann")), 0);
    assert_eq!(said(both().approve("rita")), 1, "in both, for one reason");
    assert_eq!(said(both().approve("rita").approve("dee").approve("bob")), 2);
}

#[test]
fn a_target_says_how_it_stands_and_whether_it_is_tried_again() {
    let case = Case::new().approve("ann").approve("cy");
    let line = |state, troubled: bool| {
        let trouble = Trouble { code: "no-way".to_owned(), words: "it is shut".to_owned(), help: "open it".to_owned() };
        let id = "production/hook".parse().unwrap();
        let trouble = troubled.then_some(trouble);
        let syncs = vec![SyncLine { id, state, generation: Sequence::new(8), since: None, trouble }];
        let merged = Outcome::Merged { commit: oid('e'), decision: Sequence::new(8), syncs, owed: None };
        let text = comment(&case.decide(), &case.facts, &merged);
        let row = text.lines().find(|line| line.contains("| L-8 | –")).unwrap().to_owned();
        row.split(" | ").nth(1).unwrap().to_owned()
    };
    for (state, troubled, expected) in [
        (RunState::Queued, false, "waits for its turn"),
        (RunState::Queued, true, "tried again · `no-way`: it is shut — open it"),
        (RunState::Triggered, false, "on its way"),
        (RunState::Converged, false, "delivered"),
        (RunState::Accepted, false, "accepted, not verified"),
        (RunState::Failed, true, "**failed** · `no-way`: it is shut — open it"),
        (RunState::Blocked, false, "**blocked**"),
        (RunState::Superseded, false, "a newer one took over"),
        (RunState::Drifted, false, "**differs**"),
    ] {
        assert_eq!(line(state, troubled), expected);
    }
}

#[test]
fn twenty_differences_of_policies_are_named_and_the_rest_is_counted() {
    let text = |count: usize| {
        let losses = (10..10 + count).map(|at| Difference::Machine(format!("bot{at}"))).collect();
        policy_change(&Comparison { strength: Strength::Weaker, losses, gains: Vec::new() }, &[])
    };
    for (count, named, rest) in
        [(19, 19, None), (20, 20, None), (21, 20, Some("and 1 more")), (22, 20, Some("and 2 more"))]
    {
        let text = text(count);
        assert_eq!(text.matches("- bot").count(), named, "{text}");
        assert_eq!(
            text.lines()
                .find_map(|line| line.find("and ").map(|at| &line[at..]).filter(|line| line.ends_with(" more"))),
            rest,
            "{text}"
        );
    }
}

#[test]
fn a_check_closed_or_of_many_requests_says_which_and_why() {
    let closed = closed_check(Reason::CannotVerify.code(), "it [cannot] be read", "look");
    assert_eq!((closed.state, closed.title.as_str()), (CheckState::Failure, "Blocked: cannot-verify"));
    assert_eq!(closed.summary, "`cannot-verify`: it \\[cannot\\] be read\n\nNext: look");
    let named = named_check(PrNumber::new(7), closed.clone());
    assert_eq!((named.title.as_str(), &named.summary), ("#7: Blocked: cannot-verify", &closed.summary));
    assert!(
        named.external_id != closed.external_id
            && named.external_id != named_check(PrNumber::new(8), closed).external_id
    );
}
