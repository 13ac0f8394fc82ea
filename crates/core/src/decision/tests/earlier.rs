//! What only a looser policy makes enough (R48).

use super::*;

/// Whether a change that ann and bob approved owes its merge to a policy that wanted so many approvals before.
fn owes(required: usize, names: impl FnOnce(&mut ResolvedNames)) -> bool {
    let case = Case::new().approve("ann").approve("bob");
    assert_eq!(case.decide().verdict, Verdict::Satisfied);
    let text = POLICY.replacen("required_approvals: 2", &format!("required_approvals: {required}"), 1);
    let text = text.replace("{users: [zoe, ann]}", "{users: [zoe, ann, bob]}");
    let (earlier, mut resolved) = (crate::policy::parse(&text).unwrap(), case.facts.names.clone());
    names(&mut resolved);
    owes_to_policy(&earlier, &resolved, &case.facts)
}

#[test]
fn r48_a_change_owes_its_merge_to_the_policy_if_the_one_before_would_not_have_let_it_through() {
    assert!(!owes(1, |_| ()) && !owes(2, |_| ()));
    assert!(owes(3, |_| ()));
    // the people of the earlier policy are whom it was resolved to
    assert!(owes(2, |names| names.users.clear()));
}
