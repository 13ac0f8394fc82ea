//! `policy diff`, `policy test`, and what `check` says beyond faults.

use crate::bench::Bench;
use crate::verify::adopted;

const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
policies:
  - name: production
    environments: [production]
    approvers: {users: [ann, bob, cy]}
    required_approvals: 2
admins: {approvers: {users: [zoe, yan]}, required_approvals: 2}
";

const CASES: &str = "\
version: 1
cases:
  - {name: two of three, paths: [secrets/production/db.yaml], requester: rita, approve: [ann, bob], verdict: satisfied}
  - {name: her own, paths: [secrets/production/db.yaml], requester: ann, approve: [ann, bob], verdict: satisfied, missing: {production: 0}}
";

#[test]
fn a_weaker_policy_is_called_weaker_and_says_in_what() {
    let bench = Bench::new();
    bench.write("old.yaml", POLICY);
    bench.write("new.yaml", &POLICY.replace("required_approvals: 2\nadmins", "required_approvals: 1\nadmins"));
    let text = bench.run(&["policy", "diff", "old.yaml", "new.yaml"]).fine();
    assert_eq!(
        text,
        "weaker: it asks for less, and for nothing more\n\
         \x20 - nothing asks for the approvals of policy `production` in environment `production`\n\
         \nno merge is recorded that it could be tried on\n"
    );
    let json = bench.run(&["policy", "diff", "--json", "new.yaml", "old.yaml"]).json();
    assert_eq!((json["version"].as_i64(), json["strength"].as_str()), (Some(1), Some("stronger")));
    let gain = &json["gains"][0];
    assert_eq!((gain["environment"].as_str(), gain["policy"].as_str()), (Some("production"), Some("production")));
    assert_eq!(json["replay"]["merges"], 0);
    let equal = bench.run(&["policy", "diff", "old.yaml", "old.yaml"]).fine();
    assert!(equal.starts_with("equal: it asks for the same\n"), "{equal}");
    bench.write("broken.yaml", "version: 2\n");
    let told = bench.run(&["policy", "diff", "old.yaml", "broken.yaml"]).ends(12);
    assert!(told.contains("`broken.yaml` cannot be used") && told.contains("help: "), "{told}");
    bench.run(&["policy", "diff", "old.yaml", "nothing.yaml"]).ends(100);
}

#[test]
fn policies_of_revisions_are_compared_in_a_clone() {
    let world = adopted();
    world.bench.write("new.yaml", POLICY);
    for old in ["HEAD", "HEAD:.countersign/policy.yaml"] {
        let text = world.bench.run(&["policy", "diff", old, "new.yaml", "--offline"]).fine();
        assert!(
            text.starts_with("incomparable: ") && text.contains("environment `staging` is not protected"),
            "{text}"
        );
        assert!(text.contains("no merge is recorded"), "{text}");
    }
}

#[test]
fn a_case_that_fails_shows_what_came_instead() {
    let bench = Bench::new();
    bench.write(".countersign/policy.yaml", POLICY);
    bench.write(".countersign/tests/production.yaml", CASES);
    let ran = bench.run(&["policy", "test"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            12,
            "✔ two of three\n\
             ✗ her own  (.countersign/tests/production.yaml:4)\n\
             \x20   verdict: expected satisfied, got pending\n\
             \x20   missing of production: expected 0, got 1\n\
             \x20   next: ask cy to review 0000000\n\
             \n2 cases, 1 failed\n"
        ),
        "{}",
        ran.err
    );
    let json = bench.run(&["policy", "test", "--json"]).json();
    assert_eq!((json["failed"].as_i64(), json["cases"][1]["passed"].as_bool()), (Some(1), Some(false)));
    assert_eq!(json["cases"][1]["mismatches"][0]["got"], "pending");
    bench.write("good.yaml", &CASES.lines().take(3).map(|line| format!("{line}\n")).collect::<String>());
    let text = bench.run(&["policy", "test", "--cases", "good.yaml"]).fine();
    assert_eq!(text, "✔ two of three\n\n1 case, all hold\n");
    bench.write("bad.yaml", "version: 1\ncases:\n  - {name: x}\n");
    let told = bench.run(&["policy", "test", "--cases", "bad.yaml"]).ends(12);
    assert!(told.contains("`bad.yaml` cannot be used") && told.contains("requester"), "{told}");
}

#[test]
fn check_names_patterns_without_a_file_and_how_strict_the_rules_are() {
    let world = adopted();
    // its documents are made up: they are findings
    let text = world.bench.run(&["check"]).out;
    assert_eq!(
        text.lines().skip_while(|line| !line.starts_with('✗')).skip(1).collect::<Vec<_>>(),
        ["  control changes need 1 approval of ann, bob, cy", "  policy all: 1 approval; 2 people may be away"]
    );
    let policy = world.bench.read(".countersign/policy.yaml").replace("secrets/staging/", "secrets/stagging/");
    world.bench.write(".countersign/policy.yaml", &policy);
    // the files may be still to come: rules are approved before what they protect
    let text = world.bench.run(&["check"]).out;
    assert!(text.contains("note[CS0137]: `secrets/stagging/` of environment `staging` matches no file here"), "{text}");
    let json = world.bench.run(&["check", "--json"]).json();
    assert_eq!(
        (json["strictness"]["control"].as_i64(), json["strictness"]["policies"][0]["spare"].as_i64()),
        (Some(1), Some(2))
    );
}

#[test]
fn explain_without_settings_reads_the_ledger_and_says_when_it_holds_nothing() {
    let world = adopted();
    let told = world.bench.run(&["explain", "--pr", "7", "--recorded", "--offline"]).ends(2);
    assert!(told.contains("the ledger holds no decision about pull request 7"), "{told}");
    world.bench.run(&["explain"]).ends(2);
    world.bench.run(&["explain", "--pr", "7", "--with-review", "approve"]).ends(2);
}
