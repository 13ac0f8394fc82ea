//! No text makes the reader panic, hang, or grow without bound.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const BASE: &str = include_str!("base.yaml");

fn codes(text: &str) -> Vec<&'static str> {
    parse(text).unwrap_err().iter().map(|fault| fault.code.as_str()).collect()
}

#[test]
fn aliases_that_multiply_are_stopped() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let previous = format!("*a{}", level - 1);
        let _ = writeln!(bomb, "a{level}: &a{level} [{}]", [previous.as_str(); 10].join(", "));
    }
    assert_eq!(codes(&bomb), ["CS0102"]);
}

#[test]
fn aliases_that_nest_are_stopped() {
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..5_000 {
        let _ = writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1);
    }
    assert_eq!(codes(&chain), ["CS0102"]);
}

#[test]
fn an_alias_of_itself_is_stopped() {
    assert_eq!(codes("version: 1\nenvironments: &e {a: *e}\n"), ["CS0101"]);
}

#[test]
fn depth_and_size_are_bounded() {
    for text in [format!("a: {}", "[".repeat(5_000)), "- ".repeat(5_000), "x".repeat((1 << 20) + 1)] {
        let codes = codes(&text);
        assert!(matches!(codes.as_slice(), ["CS0102" | "CS0101"]), "{codes:?}");
    }
    assert_eq!(codes(""), ["CS0101"]);
    assert_eq!(codes("# only a comment\n"), ["CS0101"]);
}

#[test]
fn many_faults_are_cut_off_with_their_number() {
    let text = BASE.to_owned() + &(0..2_000).map(|n| format!("field-{n}: 1\n")).collect::<String>();
    let faults = parse(&text).unwrap_err();
    assert_eq!(faults.len(), 501);
    assert_eq!(faults[500].message, "1500 more faults are not listed");
}

#[test]
fn limits_are_errors_not_slow_programs() {
    let policies: String =
        (0..501).map(|n| format!("  - {{name: p{n}, environments: '*', approvers: {{teams: [acme/x]}}}}\n")).collect();
    let globs = (0..51).map(|n| format!("d{n}/")).collect::<Vec<_>>().join(", ");
    let users = (0..1_001).map(|n| format!("u{n}")).collect::<Vec<_>>().join(", ");
    let groups: String = (0..11).map(|n| format!("{{name: g{n}, approvers: {{teams: [acme/x]}}}}, ")).collect();
    let approvers = "approvers: {users: [ann, bob], teams: [acme/security]}\n    required_approvals: 2";
    let cases = [
        BASE.replace("admins:", &format!("{policies}admins:")),
        BASE.replace("\"secrets/production/\"", &globs),
        BASE.replace("ann, bob", &users),
        BASE.replace(approvers, &format!("groups: [{groups}]")),
    ];
    for text in &cases {
        assert_eq!(codes(text), ["CS0114"]);
    }
    let seats = "groups: [{name: a, approvers: {teams: [acme/a]}, required_approvals: 50}, {name: b, approvers: {teams: [acme/b]}}]";
    assert_eq!(codes(&BASE.replace(approvers, seats)), ["CS0109"]);
}

#[test]
fn a_large_policy_is_read_and_applied_quickly() {
    let environments: String = (0..200).map(|n| format!("  e{n}:\n    paths: [\"s/{n}/\", \"t/{n}/\"]\n")).collect();
    let policies: String = (0..500)
        .map(|n| {
            format!(
                "  - {{name: p{n}, environments: '*', secret_paths: ['s/{n}/**'], approvers: {{teams: [acme/x]}}}}\n"
            )
        })
        .collect();
    let text = format!("version: 1\nenvironments:\n{environments}policies:\n{policies}");
    let policy = policy(&text);
    let environment = crate::domain::Environment::parse("e7").unwrap();
    let path = crate::domain::RepoPath::new("s/7/a/b.yaml");
    assert_eq!(policy.policies_for(&environment, &path).len(), 1);
}

#[test]
fn line_ends_and_a_byte_order_mark_change_no_place() {
    let text = BASE.replace("required_approvals: 2\nadmins", "required_approval: 2\nadmins");
    for text in [text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
        let faults = parse(&text).unwrap_err();
        let place = faults[0].place.unwrap();
        assert_eq!((place.line, place.column, place.length), (9, 5, 17));
        assert!(faults[0].render("p", &text).contains("9 │     required_approval: 2\n"));
    }
}

/// One change of a text: what a slip of the hand or a bad merge does to a file.
fn mutate(text: &str, changes: &[(usize, u8, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, kind, insert) in changes {
        let at = at % (chars.len() + 1);
        match kind % 3 {
            0 => drop(chars.drain(at..(at + 3).min(chars.len()))),
            1 => drop(chars.splice(at..at, insert.chars())),
            _ => {
                let piece: Vec<char> = chars[at..(at + 40).min(chars.len())].to_vec();
                drop(chars.splice(at..at, piece));
            }
        }
    }
    chars.into_iter().collect()
}

fn looks_fine(text: &str) -> Result<(), TestCaseError> {
    match parse(text) {
        Ok(policy) => {
            prop_assert!(lint(&policy).iter().all(|finding| finding.severity != Severity::Error));
            prop_assert!(policy.policies().iter().all(|rule| rule.required() >= 1 && !rule.groups().is_empty()));
            prop_assert!(policy.admins().effective_required >= 1);
        }
        Err(faults) => {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert_eq!(fault.severity, Severity::Error);
                let rendered = fault.render("policy.yaml", text);
                prop_assert!(!rendered.is_empty());
                if let Some(place) = fault.place {
                    prop_assert!(place.line >= 1 && place.column >= 1 && place.length >= 1);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        looks_fine(&text)?;
    }

    #[test]
    fn no_yaml_makes_the_reader_panic(text in "[a-c0-9:&*\\[\\]{},\"'\\- \n\t#|>!%?~]{0,200}") {
        looks_fine(&text)?;
    }

    #[test]
    fn no_slip_of_the_hand_makes_the_reader_panic(
        example in any::<bool>(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), "[a-z0-9:&*\\[\\]{},\"'\\- \n]{1,8}"), 1..4),
    ) {
        looks_fine(&mutate(if example { EXAMPLE } else { include_str!("later.yaml") }, &changes))?;
    }
}

#[test]
fn a_message_shows_sixty_letters_and_never_what_looks_like_a_private_key() {
    use crate::policy::diagnostic::shown;
    for secret in ["AGE-SECRET-KEY-1X", "x age-secret-key-1x", "-----BEGIN OPENSSH", "whsec_abc"] {
        assert_eq!(shown(secret), "(a private key)", "{secret}");
    }
    for letter in ["x", "\u{e4}"] {
        assert_eq!(shown(&letter.repeat(60)), letter.repeat(60));
        assert_eq!(shown(&letter.repeat(61)), format!("{}\u{2026}", letter.repeat(60)));
    }
    assert_eq!(codes(&BASE.replacen("required_approvals: 2\nadmins", "required_approvals: +2\nadmins", 1)), ["CS0104"]);
}
