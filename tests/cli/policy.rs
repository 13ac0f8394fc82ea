//! `check` and `schema`.

use crate::bench::Bench;

const GOOD: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
policies:
  - name: production
    environments: [production]
    approvers: {teams: [acme/security]}
    required_approvals: 2
admins: {approvers: {teams: [acme/platform]}, required_approvals: 2}
";

#[test]
fn a_good_policy_is_said_to_be_one() {
    let bench = Bench::new();
    bench.write(".countersign/policy.yaml", GOOD);
    bench.write("secrets/production/.gitkeep", "");
    let text = bench.run(&["check"]).fine();
    assert_eq!(
        text,
        "✔ .countersign/policy.yaml: 1 environment, 1 policy, nothing wrong\n\
                      \x20 control changes need 2 approvals of acme/platform\n\
                      \x20 policy production: 2 approvals; teams are not counted here\n"
    );
    // a folder below, and a file by name
    bench.run(&["check", "secrets/production"]).fine();
    bench.run(&["check", ".countersign/policy.yaml"]).fine();
    bench.feed(&["check", "-"], GOOD).fine();
}

#[test]
fn every_fault_is_reported_as_a_compiler_would() {
    let bench = Bench::new();
    let text = GOOD
        .replace("required_approvals: 2\nadmins", "required_approval: 2\nadmins")
        .replace("[production]\n", "[prod]\n");
    bench.write(".countersign/policy.yaml", &text);
    let ran = bench.run(&["check"]);
    assert_eq!(ran.code, 12, "{}{}", ran.out, ran.err);
    for part in [
        "error[CS0107]: unknown field `required_approval`\n",
        "┌ .countersign/policy.yaml:8:5\n",
        "8 │     required_approval: 2\n",
        "^^^^^^^^^^^^^^^^^ did you mean `required_approvals`?\n",
        "error[CS0112]: there is no environment `prod`\n",
        "✗ .countersign/policy.yaml: 2 errors\n",
    ] {
        assert!(ran.out.contains(part), "{part}\n{}", ran.out);
    }
    assert!(ran.err.is_empty(), "{}", ran.err);
}

#[test]
fn machines_get_the_same_findings() {
    let bench = Bench::new();
    bench.write("policy.yaml", &GOOD.replace("version: 1", "version: 2"));
    for arguments in [["check", "--format", "json", "policy.yaml"].as_slice(), &["check", "--json", "policy.yaml"]] {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, 12);
        let json = ran.json();
        assert_eq!(json["findings"][0]["code"], "CS0103");
        assert_eq!(json["findings"][0]["place"]["line"], 1);
        assert_eq!(json["count"]["errors"], 1);
    }
}

#[test]
fn warnings_are_findings_and_notes_are_not() {
    let bench = Bench::new();
    let more = "  staging: {paths: [secrets/staging/]}\npolicies:";
    bench.write("warning.yaml", &GOOD.replace("policies:", more));
    let ran = bench.run(&["check", "warning.yaml"]);
    assert!(ran.out.contains("warning[CS0130]") && ran.out.contains("1 warning"), "{}", ran.out);
    assert_eq!(ran.code, 12);
    bench.write("note.yaml", &GOOD.replace("platform]}, required_approvals: 2", "platform]}"));
    let text = bench.run(&["check", "note.yaml"]).fine();
    assert!(text.contains("note[CS0133]"), "{text}");
}

#[test]
fn without_a_policy_the_usage_is_wrong() {
    let bench = Bench::new();
    let told = bench.run(&["check"]).ends(2);
    assert!(told.contains("there is no `.countersign/policy.yaml` in `.` or above it"), "{told}");
    let told = bench.run(&["check", "nothing.yaml"]).ends(2);
    assert!(told.contains("there is no file `nothing.yaml`"), "{told}");
    bench.run(&["check", "--format", "sarif", "x"]).ends(2);
}

#[test]
fn the_schema_is_draft_7_and_accepts_what_check_accepts() {
    let bench = Bench::new();
    let schema = bench.run(&["schema"]).json();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(schema["properties"]["environments"].is_object());
}
