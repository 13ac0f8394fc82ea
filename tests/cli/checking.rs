//! `check` on a whole repository, and its outputs for machines.

use crate::bench::{Bench, DOCUMENT};

const POLICY: &str = "\
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

/// A clone with a policy and one document that is sealed as the rules say.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write(".countersign/policy.yaml", POLICY);
    bench.git(&["init", "-q"]);
    bench.write(".sops.yaml", &format!("creation_rules:\n  - age: {}\n", bench.recipient()));
    bench.sealed("secrets/production/good.yaml", DOCUMENT);
    bench
}

/// Code, file, line and column of everything that is found.
fn found(bench: &Bench) -> Vec<(String, String, u64, u64)> {
    let json = bench.run(&["check", "--json"]).json();
    let findings = json["findings"].as_array().expect("a list").clone();
    findings
        .iter()
        .map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            let number = |name: &str| finding["place"][name].as_u64().unwrap_or_default();
            assert!(!text("help").is_empty(), "{finding}");
            (text("code"), text("file"), number("line"), number("column"))
        })
        .collect()
}

#[track_caller]
fn only(bench: &Bench, code: &str, file: &str, line: u64, column: u64) {
    assert_eq!(found(bench), [(code.to_owned(), file.to_owned(), line, column)]);
}

#[test]
fn a_sound_repository_has_no_finding() {
    let bench = bench();
    assert_eq!(found(&bench), []);
    // what git ignores is nobody's business, what it does not know yet is
    bench.write(".gitignore", "*.plain.yaml\n");
    bench.write("secrets/production/a.plain.yaml", "a: CANARY\n");
    assert_eq!(found(&bench), []);
}

#[test]
fn each_fault_of_the_repository_has_its_code_and_place() {
    let path = "secrets/production/x.yaml";
    let bench = bench();
    bench.write(path, "a: CANARY\n");
    only(&bench, "CS0201", path, 0, 0);
    let text = bench.run(&["check"]).out;
    assert!(text.starts_with(&format!("error[CS0201]: the file is not sealed\n ┌ {path}\nhelp: ")), "{text}");
    bench.sealed(path, DOCUMENT);
    let sealed = bench.read(path);
    let changed = |from: &str, to: &str| {
        let lines: Vec<_> = sealed
            .lines()
            .filter(|line| !(to.is_empty() && line.trim_start().starts_with(from)))
            .map(|line| if line.trim_start().starts_with(from) { to.to_owned() } else { line.to_owned() })
            .collect();
        bench.write(path, &(lines.join("\n") + "\n"));
    };
    changed("password:", "    password: CANARY");
    let line = bench.read(path).lines().position(|line| line.contains("CANARY")).expect("there") as u64 + 1;
    only(&bench, "CS0202", path, line, 15);
    changed("mac:", "");
    only(&bench, "CS0205", path, 0, 0);
    bench.write(
        path,
        &sealed
            .replace("sops:\n", "sops:\n    encrypted_regex: '(CANARY'\n")
            .replace("    unencrypted_suffix: _unencrypted\n", ""),
    );
    only(&bench, "CS0204", path, 0, 0);
    bench.write(path, "sops: {mac: [\n");
    only(&bench, "CS0203", path, 0, 0);
    std::fs::remove_file(bench.path(path)).expect("removed");

    let (other, identity) = Bench::other_reader();
    bench.write(".sops.yaml", &format!("creation_rules:\n  - age: {other}\n"));
    only(&bench, "CS0207", "secrets/production/good.yaml", 0, 0);
    bench.write(".sops.yaml", &format!("creation_rules:\n  - path_regex: ^other/\n    age: {other}\n"));
    only(&bench, "CS0209", "secrets/production/good.yaml", 0, 0);
    bench.write(".sops.yaml", &format!("creation_rules:\n  - age: {}\n    encrypted_regexp: x\n", bench.recipient()));
    only(&bench, "CS0211", ".sops.yaml", 3, 23);
    bench.write(".sops.yaml", "creation_rules: [\n");
    only(&bench, "CS0210", ".sops.yaml", 0, 0);
    std::fs::remove_file(bench.path(".sops.yaml")).expect("removed");

    bench.write("notes.txt", &format!("keep\n  {identity}\n"));
    only(&bench, "CS0212", "notes.txt", 2, 3);
    let text = bench.run(&["check"]).out;
    assert!(!text.contains(&identity) && !text.contains("CANARY"), "{text}");
    std::fs::remove_file(bench.path("notes.txt")).expect("removed");

    bench.write(".countersign/policy.yaml", &format!("{POLICY}people:\n  ann: {{recipients: [{other}]}}\n"));
    only(&bench, "CS0208", "secrets/production/good.yaml", 0, 0);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_protected_path_is_a_finding() {
    let bench = bench();
    std::os::unix::fs::symlink("good.yaml", bench.path("secrets/production/link.yaml")).expect("linked");
    only(&bench, "CS0206", "secrets/production/link.yaml", 0, 0);
}

#[test]
fn a_person_reads_faults_of_workflows_with_their_line() {
    let bench = bench();
    bench.write(
        ".github/workflows/deploy.yml",
        "on: push\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          countersign decrypt secrets/production/good.yaml\n",
    );
    let ran = bench.run(&["check"]);
    assert_eq!(ran.code, 12, "{}", ran.err);
    assert_eq!(
        ran.out.split("\n\n").next().unwrap_or_default(),
        "error[CS0305]: this prints a secret into the log\n \
         ┌ .github/workflows/deploy.yml:7:11\n\
         7 │           countersign decrypt secrets/production/good.yaml\n  \
         │           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n\
         help: write it to a file or a pipe, or hand it to the command with `countersign run`"
    );
}

#[test]
fn sarif_has_rules_places_and_fingerprints_and_ends_with_0() {
    let bench = bench();
    bench.write(
        ".countersign/policy.yaml",
        &POLICY.replace("required_approvals: 2\nadmins", "required_approval: 2\nadmins"),
    );
    let ran = bench.run(&["check", "--format", "sarif"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let log = ran.json();
    assert_eq!((log["version"].as_str(), log["runs"].as_array().map(Vec::len)), (Some("2.1.0"), Some(1)));
    let run = &log["runs"][0];
    let result = &run["results"][0];
    let index = result["ruleIndex"].as_u64().expect("an index") as usize;
    let rule = &run["tool"]["driver"]["rules"][index];
    assert_eq!((result["ruleId"].as_str(), rule["id"].as_str()), (Some("CS0107"), Some("CS0107")));
    assert!(rule["helpUri"].as_str().is_some_and(|uri| uri.ends_with("docs/diagnostics.md#cs0107")), "{rule}");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], ".countersign/policy.yaml");
    assert_eq!(place["region"], serde_json::json!({"startLine": 8, "startColumn": 5, "endColumn": 22}));
    // a line above moves the place and not the fingerprint
    let before = result["partialFingerprints"].clone();
    bench.write(".countersign/policy.yaml", &format!("# why\n{}", bench.read(".countersign/policy.yaml")));
    let again = bench.run(&["check", "--format", "sarif"]).json();
    let result = &again["runs"][0]["results"][0];
    assert_eq!(result["partialFingerprints"], before);
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 9);
}

#[test]
fn annotations_name_place_and_code() {
    let bench = bench();
    bench.write("secrets/production/a,b:c.yaml", "a: 1\n");
    bench.write(
        ".countersign/policy.yaml",
        &POLICY.replace(
            "required_approvals: 2\nadmins: {approvers: {teams: [acme/platform]}, required_approvals: 2}",
            "required_approvals: 2\nadmins: {approvers: {teams: [acme/platform]}}",
        ),
    );
    let ran = bench.run(&["check", "--format", "github"]);
    assert_eq!(ran.code, 12, "{}", ran.err);
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with("::notice file=.countersign/policy.yaml,line=9,col=1,endColumn=6,title=CS0133::"),
        "{}",
        ran.out
    );
    assert!(
        lines[1].starts_with(
            "::error file=secrets/production/a%2Cb%3Ac.yaml,title=CS0201::the file is not sealed%0Ahelp: "
        ),
        "{}",
        ran.out
    );
    assert_eq!(lines.len(), 2, "{}", ran.out);
}

#[test]
fn fix_corrects_names_of_fields_and_leaves_the_rest() {
    let bench = bench();
    let good = bench.read(".countersign/policy.yaml");
    bench.write(
        ".countersign/policy.yaml",
        &good.replace("required_approvals: 2\nadmins", "requiredApproval: 2\nadmins"),
    );
    let ran = bench.run(&["check", "--fix"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "put right in .countersign/policy.yaml: 1 misspelt field\n"),
        "{}",
        ran.out
    );
    assert_eq!(bench.read(".countersign/policy.yaml"), good);
    // a wrong value is a person's to correct
    let wrong = good.replace("version: 1", "version: 2");
    bench.write(".countersign/policy.yaml", &wrong);
    bench.run(&["check", "--fix"]).ends(12);
    assert_eq!(bench.read(".countersign/policy.yaml"), wrong);
    let told = bench.feed(&["check", "--fix", "-"], &good).ends(2);
    assert!(told.contains("standard input cannot be put right"), "{told}");
}
