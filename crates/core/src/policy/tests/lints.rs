//! What is allowed but hardly meant is said.

use super::*;
use crate::domain::RepoPath;

const BASE: &str = include_str!("base.yaml");

/// Code, line (0: none) and severity.
type Finding = (&'static str, usize, Severity);

fn findings(from: &str, to: &str) -> Vec<Finding> {
    assert!(BASE.contains(from), "{from}");
    let found = lint(&policy(&BASE.replacen(from, to, 1)));
    found.iter().map(|one| (one.code.as_str(), one.place.map_or(0, |place| place.line), one.severity)).collect()
}

#[test]
fn each_oddity_has_its_finding() {
    use Severity::{Note, Warning};
    #[rustfmt::skip]
    let cases: &[(&str, &str, &[Finding])] = &[
        ("version", "version", &[]),
        ("policies:", "  staging:\n    paths: [b/]\npolicies:", &[("CS0130", 5, Warning)]),
        ("    approvers", "    secret_paths: [secrets/production/payments/]\n    approvers", &[("CS0131", 3, Note)]),
        ("    approvers", "    secret_paths: [secrets/production/]\n    approvers", &[]),
        ("    approvers", "    secret_paths: [secrets/]\n    approvers", &[]),
        ("    approvers", "    secret_paths: ['**']\n    approvers", &[]),
        ("    approvers", "    secret_paths: [secrets/producton/]\n    approvers", &[("CS0131", 3, Note), ("CS0134", 6, Warning)]),
        ("required_approvals: 2\nadmins", "self_approval: true\nadmins", &[("CS0132", 6, Note)]),
        ("required_approvals: 2\nadmins", "required_approvals: 2\n    self_approval: true\nadmins", &[]),
        ("admins: {approvers: {teams: [acme/platform]}, required_approvals: 2}\n", "", &[("CS0133", 0, Note)]),
        ("platform]}, required_approvals: 2", "platform]}", &[("CS0133", 10, Note)]),
        (", teams: [acme/security]", "", &[("CS0135", 6, Warning)]),
        (", teams: [acme/security]}", "}\n    self_approval: true", &[]),
        ("    paths", "    plain: ['**']\n    paths", &[("CS0136", 3, Warning)]),
        ("    paths", "    plain: ['secrets/**/*.md']\n    paths", &[]),
        ("admins:", "  - {name: less, environments: '*', approvers: {users: [ann, bob, cy], teams: [acme/security]}}\nadmins:", &[("CS0138", 10, Note)]),
        ("admins:", "  - {name: same, environments: '*', approvers: {users: [ann, bob], teams: [acme/security]}, required_approvals: 2}\nadmins:", &[("CS0138", 10, Note)]),
        ("admins:", "  - {name: others, environments: '*', approvers: {users: [zoe, yan, xia]}}\nadmins:", &[]),
        ("required_approvals: 2\nadmins", "required_approvals: 2\n    enforcement: soft\n    bypass: {users: [zoe]}\nadmins", &[]),
        ("required_approvals: 2\nadmins", "required_approvals: 2\n    enforcement: soft\n    bypass: {users: [zoe], own_change: true}\nadmins", &[("CS0140", 6, Warning)]),
        ("required_approvals: 2\nadmins", "required_approvals: 2\n    enforcement: soft\n    bypass: {users: [zoe], own_change: true, second_person: true}\nadmins", &[]),
        ("policies:", "  staging: {paths: [b/]}\npolicies:\n  - {name: staging, environments: [staging], approvers: {users: [ann, bob], teams: [acme/security]}, required_approvals: 2}", &[]),
        ("admins:", "machines:\n  - {id: 7, login: 'rotator[bot]', environments: '*', keys: ['*']}\nadmins:", &[("CS0139", 0, Warning)]),
    ];
    for (from, to, expected) in cases {
        assert_eq!(findings(from, to), *expected, "{to}");
    }
}

#[test]
fn one_approval_is_one_and_two_are_approvals() {
    let admins = "admins: {approvers: {teams: [acme/platform]}, required_approvals: 2}\n";
    let said = |count: &str| {
        let text = BASE.replacen("required_approvals: 2\nadmins", &format!("required_approvals: {count}\nadmins"), 1);
        lint(&policy(&text.replacen(admins, "", 1))).pop().unwrap().message
    };
    assert_eq!(said("1"), "without `admins`, a control change needs 1 approval of any approvers of the policies");
    assert_eq!(said("2"), "without `admins`, a control change needs 2 approvals of any approvers of the policies");
}

#[test]
fn a_pattern_that_matches_no_file_is_named() {
    let text = BASE.replacen("    approvers", "    secret_paths: [secrets/production/payments/]\n    approvers", 1);
    let text = text.replacen("admins:", "control: ['.github/workflows/']\nadmins:", 1);
    let found = |files: &[&str]| -> Vec<String> {
        let files: Vec<_> = files.iter().map(|file| RepoPath::new(file)).collect();
        lint_files(&policy(&text), &files).into_iter().map(|one| one.message).collect()
    };
    assert_eq!(found(&["secrets/production/payments/db.yaml", ".github/workflows/ci.yml"]), [""; 0]);
    assert_eq!(
        found(&["secrets/production/db.yaml"]),
        [
            "`.github/workflows/` of `control` matches no file here",
            "`secrets/production/payments/` of policy `production` matches no file here",
        ]
    );
}

#[test]
fn a_person_reads_it_like_this() {
    let text = BASE
        .replacen("policies:", "  staging:\n    paths: [b/]\npolicies:", 1)
        .replacen("    approvers", "    secret_paths: [secrets/producton/]\n    approvers", 1)
        .replacen(", teams: [acme/security]", "", 1)
        .replacen("platform]}, required_approvals: 2", "platform]}", 1);
    let all: String = lint(&policy(&text)).iter().map(|one| one.render(".countersign/policy.yaml", &text)).collect();
    insta::assert_snapshot!(all);
}
