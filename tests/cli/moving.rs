//! `promote` and `rollback`: values move, readers do not.

use crate::bench::Bench;

const STAGING: &str = "secrets/staging/a.yaml";
const PRODUCTION: &str = "secrets/production/a.yaml";

/// A clone with two environments, sealed for the same person and for one other reader each.
fn clone() -> Bench {
    let bench = Bench::new();
    bench.git(&["init", "-q"]);
    bench.write(
        ".countersign/policy.yaml",
        "version: 1\nenvironments:\n  production: {paths: [secrets/production/]}\n  staging: {paths: [secrets/staging/]}\npolicies:\n  - \
         {name: p, environments: [production, staging], approvers: {users: [ann, bob]}}\nadmins: {approvers: {users: [ann, bob]}}\n",
    );
    for (path, plain) in [
        (STAGING, "db:\n    password: new\n    port: 1\nflag: true\n"),
        (PRODUCTION, "# real\ndb:\n    password: old\n    port: 2\n"),
    ] {
        bench.sealed(path, plain);
        let (reader, _) = Bench::other_reader();
        bench.run(&["recipients", "--add", &reader, "-y", path]).fine();
    }
    bench.git(&["add", "."]);
    bench.git(&["commit", "-qm", "first"]);
    bench
}

fn readers(bench: &Bench, path: &str) -> Vec<String> {
    bench.read(path).lines().filter_map(|line| line.trim().strip_prefix("recipient: ").map(str::to_owned)).collect()
}

fn token(bench: &Bench, path: &str, key: &str) -> String {
    let text = bench.read(path);
    text.lines().find(|line| line.trim().starts_with(&format!("{key}:"))).expect("a line").trim().to_owned()
}

#[test]
fn a_promoted_value_is_sealed_anew_for_its_new_readers() {
    let bench = clone();
    let before = readers(&bench, PRODUCTION);
    bench.run(&["promote", "--from", "staging", "--to", "production", "db.password", "flag"]).fine();
    assert_eq!(bench.run(&["decrypt", PRODUCTION]).fine(), "# real\ndb:\n    password: new\n    port: 2\nflag: true\n");
    assert_eq!(readers(&bench, PRODUCTION), before);
    assert_ne!(token(&bench, PRODUCTION, "password"), token(&bench, STAGING, "password"), "no sealed text travels");
    bench.run(&["promote", "--from", "staging", "--to", "production", "db.password"]).ends(200);
    bench.run(&["promote", "--from", "staging", "--to", "production", "--idempotent", "db.password"]).fine();
    // a whole branch
    let run = bench.run(&["--json", "promote", "--from", "staging", "--to", "production", "db"]);
    assert_eq!(run.json()["keys"][0], "db");
    assert!(bench.run(&["decrypt", PRODUCTION]).fine().contains("port: 1"));
    let all = bench.read(PRODUCTION);
    let told = bench.run(&["promote", "--from", "staging", "--to", "production", "flag", "db.pasword"]).ends(1);
    assert!(told.contains("did you mean `db.password`?"), "{told}");
    assert_eq!(bench.read(PRODUCTION), all, "all or nothing");
    bench.run(&["promote", "--from", "staging", "--to", "staging", "flag"]).ends(2);
    bench.run(&["promote", "--from", "staging", "--to", "nowhere", "flag"]).ends(2);
}

#[test]
fn a_rollback_brings_values_back_and_keeps_todays_readers() {
    let bench = clone();
    bench.feed(&["set", PRODUCTION, "db.password", "-"], "worse").fine();
    bench.feed(&["set", PRODUCTION, "db.extra", "-"], "more").fine();
    bench.run(&["rotate", "-i", PRODUCTION]).fine();
    let (reader, _) = Bench::other_reader();
    bench.run(&["recipients", "--add", &reader, "-y", PRODUCTION]).fine();
    bench.git(&["commit", "-qam", "second"]);
    let before = (readers(&bench, PRODUCTION), token(&bench, PRODUCTION, "port"));
    bench.run(&["rollback", "-e", "production", "--to", "HEAD~1"]).fine();
    assert_eq!(bench.run(&["decrypt", PRODUCTION]).fine(), "# real\ndb:\n    password: old\n    port: 2\n");
    assert_eq!(
        (readers(&bench, PRODUCTION), token(&bench, PRODUCTION, "port")),
        before,
        "readers and equal values stay"
    );
    bench.run(&["rollback", "-e", "production", "--to", "HEAD~1"]).ends(200);
    bench.run(&["rollback", "-e", "production", "--to", "nothing"]).ends(2);
    // a document that was not there stays
    bench.sealed("secrets/production/b.yaml", "x: 1\n");
    bench.git(&["add", "."]);
    bench.git(&["commit", "-qm", "third"]);
    bench.feed(&["set", PRODUCTION, "db.password", "-"], "again").fine();
    let run = bench.run(&["--json", "rollback", "-e", "production", "--to", "HEAD~1"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.json()["absent"][0], "secrets/production/b.yaml");
    assert!(bench.run(&["decrypt", PRODUCTION]).fine().contains("password: worse"));
}
