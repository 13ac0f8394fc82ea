//! A weaker policy is never called stronger.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::{RefName, RepoPath};

const BASE: &str = include_str!("base.yaml");

fn changed(from: &str, to: &str) -> Comparison {
    assert!(BASE.contains(from), "{from}");
    compare(&policy(BASE), &policy(&BASE.replacen(from, to, 1)))
}

#[test]
fn each_change_has_its_direction() {
    use Strength::{Equal, Incomparable, Stronger, Weaker};
    #[rustfmt::skip]
    let cases: &[(&str, &str, Strength)] = &[
        ("version", "# a comment\nversion", Equal),
        ("name: production", "name: renamed", Equal),
        ("users: [ann, bob]", "users: [Bob, ANN]", Equal),
        ("environments: [production]", "environments: '*'", Equal),
        ("required_approvals: 2\nadmins", "required_approvals: 3\nadmins", Stronger),
        ("required_approvals: 2\nadmins", "required_approvals: 1\nadmins", Weaker),
        ("users: [ann, bob]", "users: [ann]", Stronger),
        ("users: [ann, bob]", "users: [ann, bob, cy]", Weaker),
        ("users: [ann, bob]", "users: [ann, cy]", Incomparable),
        ("required_approvals: 2\nadmins", "required_approvals: 2\n    self_approval: true\nadmins", Weaker),
        ("    approvers", "    secret_paths: [secrets/production/payments/]\n    approvers", Incomparable),
        ("paths: [\"secrets/production/\"]", "paths: [\"secrets/\"]", Stronger),
        ("paths: [\"secrets/production/\"]", "paths: [\"secrets/production/a/\"]", Weaker),
        ("    paths", "    binding: commit\n    paths", Stronger),
        ("    paths", "    plain: []\n    paths", Stronger),
        ("    paths", "    plain: ['**']\n    paths", Weaker),
        ("    paths", "    branch: release\n    paths", Incomparable),
        ("policies:", "  staging: {paths: [b/]}\npolicies:", Stronger),
        ("admins:", "  - {name: more, environments: '*', approvers: {teams: [acme/x]}}\nadmins:", Stronger),
        ("platform]}, required_approvals: 2", "platform]}, required_approvals: 3", Stronger),
        ("[acme/platform]", "[acme/platform, acme/all]", Weaker),
        ("admins:", "control: [ci/]\nadmins:", Stronger),
        ("admins:", "control: [secrets/production/ci/]\nadmins:", Incomparable),
        ("    paths", "    binding: change\n    paths", Weaker),
        ("    paths", "    mode: observe\n    paths", Weaker),
        ("    paths", "    approval_ttl: 7d\n    paths", Stronger),
        ("admins:", "people: {ann: {same_person: bob}}\nadmins:", Stronger),
        ("admins:", "machines: [{id: 7, login: 'r[bot]', environments: '*', keys: [a]}]\nadmins:", Weaker),
        ("admins:", "people: {ann: {recipients: [age1qqqqqqqq]}}\nadmins:", Weaker),
        ("    approvers: {users: [ann, bob], teams: [acme/security]}", "    approvers: {users: [zoe, yan, xia]}", Incomparable),
    ];
    for (from, to, expected) in cases {
        let comparison = changed(from, to);
        assert_eq!(comparison.strength, *expected, "{to}: {comparison:?}");
    }
}

#[test]
fn what_is_lost_is_said() {
    let comparison = changed("required_approvals: 2\nadmins", "required_approvals: 1\nadmins");
    let words: Vec<_> = comparison.losses.iter().map(Difference::words).collect();
    assert_eq!(words, ["nothing asks for the approvals of policy `production` in environment `production`"]);
}

/// The base with something in it, changed.
fn changed_with(what: &str, from: &str, to: &str) -> Strength {
    let before = BASE.replacen("admins:", &format!("{what}\nadmins:"), 1);
    assert!(before.contains(from), "{from}");
    compare(&policy(&before), &policy(&before.replacen(from, to, 1))).strength
}

#[test]
fn a_bypass_that_asks_for_less_is_weaker_in_whatever_it_asks_less() {
    use Strength::{Equal, Incomparable, Stronger, Weaker};
    let soft = "    enforcement: soft\n    bypass: {users: [zoe, dee], teams: [acme/x, acme/y], min_reason: 20, \
                second_person: true, own_change: false, ratify_within: 8h}";
    for (from, to, expected) in [
        ("version", "# a comment\nversion", Equal),
        ("[zoe, dee]", "[Dee, ZOE]", Equal),
        ("[zoe, dee]", "[zoe]", Stronger),
        ("[zoe, dee]", "[zoe, dee, kim]", Weaker),
        ("[acme/x, acme/y]", "[acme/y]", Stronger),
        ("[acme/x, acme/y]", "[acme/x, acme/y, acme/z]", Weaker),
        ("min_reason: 20", "min_reason: 21", Stronger),
        ("min_reason: 20", "min_reason: 19", Weaker),
        ("second_person: true", "second_person: false", Weaker),
        ("own_change: false", "own_change: true", Weaker),
        ("ratify_within: 8h", "ratify_within: 7h", Stronger),
        ("ratify_within: 8h", "ratify_within: 9h", Weaker),
        ("[zoe, dee], teams: [acme/x, acme/y], min_reason: 20", "[zoe], teams: [acme/x], min_reason: 19", Incomparable),
        (soft, "", Stronger),
    ] {
        assert_eq!(changed_with(soft, from, to), expected, "{to}");
    }
    assert_eq!(changed_with("    enforcement: hard", "enforcement: hard", soft.trim_start()), Weaker);
}

#[test]
fn bots_links_and_lifetimes_have_their_direction() {
    use Strength::{Equal, Incomparable, Stronger, Weaker};
    let machine = "machines: [{id: 7, login: 'r[bot]', environments: [production], keys: [a, b]}]";
    let everywhere = "machines: [{id: 7, login: 'r[bot]', environments: '*', keys: [a, b]}]";
    let link = "people: {ann: {same_person: bob}, cy: {same_person: dee}}";
    for (what, from, to, expected) in [
        (machine, "version", "# a comment\nversion", Equal),
        (machine, "keys: [a, b]", "keys: [a]", Stronger),
        (machine, "keys: [a, b]", "keys: [a, b, c]", Weaker),
        (machine, "id: 7", "id: 8", Incomparable),
        (machine, "environments: [production], keys", "environments: '*', keys", Weaker),
        (everywhere, "environments: '*', keys", "environments: [production], keys", Stronger),
        (link, "version", "# a comment\nversion", Equal),
        (link, "ann: {same_person: bob}", "bob: {same_person: ann}", Equal),
        (link, "ann: {same_person: bob}, ", "", Weaker),
        (link, "ann: {same_person: bob}", "ann: {same_person: yan}", Incomparable),
        (link, "ann: {same_person: bob}", "bob: {same_person: yan}", Incomparable),
        (link, "ann: {same_person: bob}", "yan: {same_person: ann}", Incomparable),
    ] {
        assert_eq!(changed_with(what, from, to), expected, "{what}: {to}");
    }
    let ttl = |from: &str, to: &str| {
        let with = |ttl: &str| policy(&BASE.replacen("    paths", &format!("    approval_ttl: {ttl}\n    paths"), 1));
        compare(&with(from), &with(to)).strength
    };
    assert_eq!((ttl("7d", "7d"), ttl("7d", "6d"), ttl("7d", "8d")), (Equal, Stronger, Weaker));
}

#[test]
fn a_difference_says_which_environment_and_policy_it_is_about() {
    let about = |from: &str, to: &str| {
        let comparison = changed(from, to);
        let all = comparison.losses.iter().chain(&comparison.gains);
        all.map(|one| (one.environment().map(ToString::to_string), one.policy().map(str::to_owned))).collect::<Vec<_>>()
    };
    let production = || Some("production".to_owned());
    assert_eq!(about("    paths", "    binding: commit\n    paths"), [(production(), None)]);
    assert_eq!(about("required_approvals: 2\nadmins", "required_approvals: 1\nadmins"), [(production(), production())]);
    assert_eq!(about("[acme/platform]", "[acme/platform, acme/all]"), [(None, None)]);
}

/// A small random policy over four people and a few paths.
fn some_policy() -> impl Strategy<Value = Policy> {
    let globs =
        || prop::sample::subsequence(vec!["a/", "a/b/", "c/*.yaml", "**"], 1..3).prop_map(|globs| globs.join("', '"));
    let people = prop::sample::subsequence(vec!["ann", "bob", "cy", "dee"], 1..4);
    let group = (people, 1_u8..3).prop_map(|(people, required)| {
        let required = usize::from(required).min(people.len());
        format!("approvers: {{users: [{}]}}, required_approvals: {required}}}", people.join(", "))
    });
    let rule = (prop::option::of(globs()), any::<bool>(), prop::collection::vec(group, 1..3));
    (globs(), prop::collection::vec(rule, 0..3), any::<bool>()).prop_filter_map("unreachable", |(paths, rules, control)| {
        let mut text = format!("version: 1\nenvironments: {{e: {{paths: ['{paths}']}}}}\nadmins: {{approvers: {{teams: [acme/x]}}, required_approvals: 9}}\n");
        if control {
            text.push_str("control: [c/]\n");
        }
        text.push_str("policies:");
        for (at, (paths, own, groups)) in rules.iter().enumerate() {
            let groups: Vec<_> = groups.iter().enumerate().map(|(n, group)| format!("{{name: g{n}, {group}")).collect();
            let paths = paths.as_ref().map(|paths| format!("secret_paths: ['{paths}'], ")).unwrap_or_default();
            text.push_str(&format!("\n  - {{name: p{at}, environments: '*', {paths}self_approval: {own}, groups: [{}]}}", groups.join(", ")));
        }
        if rules.is_empty() {
            text.push_str(" []");
        }
        parse(&text).ok()
    })
}

/// Whether these voters can fill every seat with distinct people, by trying.
fn filled(groups: &[Group], voters: &BTreeSet<&str>) -> bool {
    let Some((group, rest)) = groups.split_first() else { return true };
    if group.required == 0 {
        return filled(rest, voters);
    }
    let mut groups = groups.to_vec();
    groups[0].required -= 1;
    group.approvers.users.iter().filter(|login| voters.contains(login.as_str())).any(|login| {
        let others = voters.iter().copied().filter(|voter| *voter != login.as_str()).collect();
        filled(&groups, &others)
    })
}

/// Whether the policy lets the change through; the oracle.
fn lets_through(policy: &Policy, path: &RepoPath, requester: &str, voters: &BTreeSet<&str>) -> bool {
    let main = RefName::branch("main").unwrap();
    match policy.classify(path, &main, &main) {
        PathClass::Free => true,
        // All random policies have the same admins: `ann` and `bob` stand for them.
        PathClass::Control => voters.contains("ann") && voters.contains("bob"),
        PathClass::Ambiguous { .. } => false,
        PathClass::Governed { environment, .. } => {
            let rules = policy.policies_for(&environment, path);
            !rules.is_empty()
                && rules.iter().all(|rule| {
                    let counted =
                        voters.iter().copied().filter(|voter| *voter != requester || rule.self_approval()).collect();
                    filled(rule.groups(), &counted)
                })
        }
    }
}

proptest! {
    #[test]
    fn a_policy_equals_itself(one in some_policy()) {
        prop_assert_eq!(compare(&one, &one).strength, Strength::Equal);
    }

    #[test]
    fn the_other_direction_is_the_opposite(one in some_policy(), two in some_policy()) {
        let (there, back) = (compare(&one, &two), compare(&two, &one));
        prop_assert_eq!(there.losses, back.gains);
        prop_assert_eq!(there.gains, back.losses);
    }

    #[test]
    fn what_a_stronger_policy_lets_through_the_old_one_did_too(
        old in some_policy(),
        new in some_policy(),
        voters in prop::sample::subsequence(vec!["ann", "bob", "cy", "dee"], 0..=4),
    ) {
        if compare(&old, &new).losses.is_empty() {
            let voters: BTreeSet<&str> = voters.into_iter().collect();
            for path in ["a/x", "a/b/x", "a", "c/x.yaml", "c/x.json", "d/x", "A/b/x"] {
                let path = RepoPath::new(path);
                for requester in ["ann", "dee"] {
                    prop_assert!(
                        !lets_through(&new, &path, requester, &voters) || lets_through(&old, &path, requester, &voters),
                        "{path} by {requester} with {voters:?}\nold {old:#?}\nnew {new:#?}"
                    );
                }
            }
        }
    }
}
