//! `check` with an identity at hand, and `check --history`.

use crate::bench::{Bench, DOCUMENT, Ran};

const PATH: &str = "secrets/production/db.yaml";

const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
policies:
  - {name: production, environments: [production], approvers: {teams: [acme/security]}, required_approvals: 2}
admins: {approvers: {teams: [acme/platform]}, required_approvals: 2}
";

/// A clone with a policy and a document.
fn bench(document: &str) -> Bench {
    let bench = Bench::new();
    bench.write(".countersign/policy.yaml", POLICY);
    bench.git(&["init", "-q", "-b", "main"]);
    bench.git(&["config", "user.name", "rita"]);
    bench.git(&["config", "user.email", "rita@example.com"]);
    bench.sealed(PATH, document);
    bench
}

fn commit(bench: &Bench, message: &str) -> String {
    bench.git(&["add", "-A"]);
    bench.git(&["commit", "-q", "-m", message]);
    bench.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

/// Code and line of everything that is found; nothing of a value may be shown.
#[track_caller]
fn found(ran: &Ran) -> Vec<(String, u64)> {
    let json = ran.json();
    let list = json["findings"].as_array().expect("a list");
    let row = |one: &serde_json::Value| {
        (one["code"].as_str().unwrap_or_default().to_owned(), one["place"]["line"].as_u64().unwrap_or_default())
    };
    list.iter().map(row).collect()
}

#[test]
fn values_that_only_stand_for_one_are_named_and_not_shown() {
    let bench = bench(
        "db:\n    password: Change-Me\n    user: \"\"\n    host: db.internal\n    port: 5432\napi_unencrypted: TODO\n",
    );
    let ran = bench.run(&["check", "--json"]);
    assert_eq!(found(&ran), [("CS0214".to_owned(), 2), ("CS0214".to_owned(), 3)], "{}", ran.out);
    assert_eq!(ran.code, 12);
    assert_eq!(ran.json()["integrity"], serde_json::json!({"verified": 1, "unverified": 0}));
    let text = bench.run(&["check"]).out;
    assert!(text.contains("`db.password` holds a word that stands for a value"), "{text}");
    assert!(text.contains("countersign set secrets/production/db.yaml db.password"), "{text}");
    assert!(!text.contains("Change-Me") && !ran.out.contains("Change-Me"), "{text}");
}

#[test]
fn without_an_identity_integrity_is_said_to_be_unverified() {
    let mut bench = bench("password: changeme\n");
    bench.unset("SOPS_AGE_KEY_FILE");
    let ran = bench.run(&["check", "--json"]);
    assert_eq!((ran.code, found(&ran)), (0, vec![]), "{}", ran.out);
    assert_eq!(ran.json()["integrity"], serde_json::json!({"verified": 0, "unverified": 1}));
    let text = bench.run(&["check"]).fine();
    assert!(text.contains("integrity of 1 document not verified: no identity for it is at hand"), "{text}");
}

#[test]
fn a_document_that_is_not_what_was_sealed_is_a_finding() {
    let bench = bench("a: one\nb: two\nlist_unencrypted: [x, y]\n");
    let whole = bench.read(PATH);
    assert_eq!(found(&bench.run(&["check", "--json"])), []);
    // a value that stands in the clear by right is under the code as well
    bench.write(PATH, &whole.replace("- x", "- z").replace("[x, y]", "[z, y]"));
    assert_ne!(bench.read(PATH), whole);
    assert_eq!(found(&bench.run(&["check", "--json"])), [("CS0213".to_owned(), 0)]);
    // one sealed value in the place of another
    let token = |name: &str| {
        let line = whole.lines().find(|line| line.starts_with(name)).expect("a line").to_owned();
        line[name.len()..].to_owned()
    };
    let (a, b) = (token("a: "), token("b: "));
    bench.write(PATH, &whole.replace(&a, &b));
    let ran = bench.run(&["check", "--json"]);
    assert_eq!(found(&ran), [("CS0213".to_owned(), 1)], "{}", ran.out);
    assert_eq!(ran.json()["integrity"]["verified"], 0);
}

#[test]
fn what_stood_in_the_clear_once_is_found_wherever_it_came_in_and_told_once() {
    let bench = bench(DOCUMENT);
    let sealed = bench.read(PATH);
    commit(&bench, "sealed");
    bench.write(PATH, "password: CANARY\n");
    bench.write("notes.txt", "CANARY, and nobody's business\n");
    let leak = commit(&bench, "oops");
    bench.write(PATH, &sealed);
    commit(&bench, "sealed again");
    // the same version again, on a branch that was never merged
    bench.git(&["checkout", "-q", "-b", "side", &leak]);
    bench.write("secrets/production/copy.yaml", "password: CANARY\n");
    commit(&bench, "a copy");
    bench.git(&["checkout", "-q", "main"]);
    assert_eq!(bench.run(&["check"]).code, 0, "today everything is sealed");

    let ran = bench.run(&["check", "--history", "--json"]);
    let json = ran.json();
    assert_eq!((ran.code, found(&ran)), (12, vec![("CS0215".to_owned(), 0)]), "{}", ran.out);
    assert_eq!(
        (json["findings"][0]["file"].as_str(), json["findings"][0]["commit"].as_str()),
        (Some(PATH), Some(leak.as_str()))
    );
    assert_eq!((&json["commits"], &json["versions"]), (&4.into(), &2.into()), "{json:#}");
    let ran = bench.run(&["check", "--history"]);
    let text = ran.out.clone() + &ran.err;
    assert!(text.contains(&format!("the whole file stood in the clear at commit {}", &leak[..12])), "{text}");
    assert!(text.contains("revoke and replace"), "{text}");
    assert!(text.contains("history: 1 of 2 protected versions in 4 commits stood in the clear"), "{text}");
    assert!(!text.contains("CANARY") && !json.to_string().contains("CANARY"), "{text}");

    assert_eq!(bench.run(&["check", "--history", &format!("{leak}..main")]).code, 0, "what came since is in order");
    assert_eq!(bench.run(&["check", "--history", "side~2"]).code, 0);
    let said = bench.run(&["check", "--history", "nowhere"]).ends(2);
    assert!(said.contains("there is no revision `nowhere`"), "{said}");
    bench.run(&["check", "--history=--all", "--json"]).ends(2);
    let annotations = bench.run(&["check", "--history", "--format", "github"]);
    assert!(
        annotations.out.starts_with("::error file=secrets/production/db.yaml,title=CS0215::"),
        "{}",
        annotations.out
    );
}

#[test]
fn what_only_a_merge_brought_and_a_key_that_was_left_open_are_found() {
    let bench = bench(DOCUMENT);
    let sealed = bench.read(PATH);
    commit(&bench, "sealed");
    bench.git(&["checkout", "-q", "-b", "side"]);
    bench.write("readme", "x");
    commit(&bench, "side");
    bench.git(&["checkout", "-q", "main"]);
    bench.write("other", "x");
    commit(&bench, "main");
    bench.git(&["merge", "-q", "--no-commit", "side"]);
    let open: Vec<_> = sealed
        .lines()
        .map(|line| if line.trim_start().starts_with("password:") { "    password: CANARY" } else { line })
        .collect();
    bench.write(PATH, &(open.join("\n") + "\n"));
    let merge = commit(&bench, "merge");
    let ran = bench.run(&["check", "--history", "--json"]);
    let json = ran.json();
    assert_eq!(json["findings"][0]["commit"].as_str(), Some(merge.as_str()), "{}", ran.out);
    let message = json["findings"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("password` stood in the clear at commit"), "{message}");
    assert!(!ran.out.contains("CANARY"));
}

#[test]
fn a_history_that_is_not_all_there_is_not_said_to_be_in_order() {
    let mut bench = bench(DOCUMENT);
    commit(&bench, "one");
    bench.write("readme", "x");
    commit(&bench, "two");
    let from = format!("file://{}", bench.folder().display());
    bench.git(&["clone", "-q", "--depth", "1", &from, "../shallow"]);
    bench.enter("shallow");
    let ran = bench.run(&["check", "--history"]);
    assert_eq!(ran.code, 10, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("this clone is shallow"), "{}", ran.out);
}
