//! When the policy is told to ask for less, and compared with what.

use super::*;
use crate::domain::ResolvedNames;
use crate::ledger::PolicyEntry;

const STRONG: &str = "version: 1
environments: {production: {paths: [secrets/production/]}}
policies: [{name: all, environments: '*', approvers: {users: [ann, bob, cy]}, required_approvals: 2}]
";

fn weak() -> String {
    STRONG.replace("required_approvals: 2", "required_approvals: 1")
}

fn on(branch: &str, text: &str) -> Entry {
    Entry::Policy(PolicyEntry {
        branch: RefName::branch(branch).unwrap(),
        commit: oid(0xa),
        blob: oid(0x10),
        text: text.to_owned(),
        digest: Digest::of(text.as_bytes()),
        names: ResolvedNames::default(),
        previous_digest: None,
    })
}

#[test]
fn a_policy_is_told_where_it_asks_for_less_than_the_one_in_force_before_on_the_default_branch() {
    let (strong, weak) = (STRONG, weak());
    let weak_here_strong_there = format!("{weak}control: [deploy/]\n");
    let less = "nothing asks for the approvals of policy `all` in environment `production`; \
                control changes need fewer approvals, or other people may give them";
    for (entries, told) in [
        (vec![("main", weak.as_str())], false),
        (vec![("main", strong), ("main", strong)], false),
        (vec![("main", &weak), ("main", strong)], false),
        (vec![("main", strong), ("main", &weak)], true),
        (vec![("main", strong), ("main", &weak), ("main", &weak)], false),
        (vec![("main", strong), ("release", &weak)], false),
        (vec![("release", strong), ("release", &weak)], false),
        (vec![("release", strong), ("main", &weak)], false),
        (vec![("main", strong), ("release", &weak), ("main", &weak)], true),
        (vec![("main", strong), ("main", &weak_here_strong_there)], true),
    ] {
        let book = Book::of(entries.iter().map(|(branch, text)| on(branch, text)));
        let notice = book.told(entries.len());
        assert_eq!(notice.is_some(), told, "{entries:?}");
        if let Some(notice) = notice {
            assert_eq!(notice.key, format!("policy.weakened/L-{}", entries.len()));
            assert_eq!(notice.detail.as_deref(), Some(less));
        }
    }
    let book = Book::of([on("main", strong), on("main", &weak), on("main", &weak)]).void(2);
    assert_eq!(book.key(3).as_deref(), Some("policy.weakened/L-3"), "what is void was never in force");
}

#[test]
fn five_losses_are_named_and_the_others_counted() {
    let with = |control: usize| {
        let paths: Vec<String> = (0..control).map(|number| format!("deploy/{number}.yaml")).collect();
        format!("{STRONG}control: [{}]\n", paths.join(", "))
    };
    let lost =
        |count: usize| Book::of([on("main", &with(count)), on("main", &with(0))]).told(2).unwrap().detail.unwrap();
    let named = |count: usize| {
        let names: Vec<String> =
            (0..count).map(|number| format!("`deploy/{number}.yaml` is not a control path")).collect();
        names.join("; ")
    };
    for (count, expected) in [
        (1, named(1)),
        (5, named(5)),
        (6, format!("{}; and 1 more", named(5))),
        (9, format!("{}; and 4 more", named(5))),
    ] {
        assert_eq!(lost(count), expected);
    }
}
