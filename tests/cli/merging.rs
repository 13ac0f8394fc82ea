//! `merge`, by hand and by git itself: two people, one sealed file.

use crate::bench::{Bench, DOCUMENT};

/// A clone set up by `init --git`, with a policy and one sealed document on `main`.
fn clone() -> Bench {
    let mut bench = Bench::new();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_countersign")).parent().expect("a folder").display();
    bench.set("PATH", &format!("{program}:{}", std::env::var("PATH").unwrap_or_default()));
    bench.git(&["init", "-q"]);
    bench.git(&["config", "user.name", "rita"]);
    bench.git(&["config", "user.email", "rita@example.com"]);
    bench.write(
        ".countersign/policy.yaml",
        "version: 1\nenvironments:\n  production: {paths: [secrets/production/], plain: [secrets/production/*.md]}\npolicies:\n  - {name: p, \
         environments: [production], approvers: {users: [ann, bob]}}\nadmins: {approvers: {users: [ann, bob]}}\n",
    );
    bench.run(&["init", "--git"]).fine();
    bench.sealed("secrets/production/a.yaml", DOCUMENT);
    bench.write("secrets/production/notes.md", "one\n\ntwo\n\nthree\n");
    bench.git(&["add", "."]);
    bench.git(&["commit", "-qm", "first"]);
    bench
}

fn set(bench: &Bench, key: &str, value: &str) {
    bench.feed(&["set", "secrets/production/a.yaml", key, "-"], value).fine();
    bench.git(&["commit", "-qam", key]);
}

#[test]
fn init_says_what_it_did_and_does_it_once() {
    let bench = clone();
    let told = bench.run(&["init", "--git"]).fine();
    assert!(told.lines().all(|line| line.starts_with("kept  ")), "{told}");
    assert_eq!(bench.read(".gitattributes"), "/secrets/production/** diff=countersign merge=countersign\n", "once");
    assert_eq!(
        bench.git(&["check-attr", "merge", "secrets/production/x/y.yaml"]),
        "secrets/production/x/y.yaml: merge: countersign"
    );
    bench.write(".gitattributes", "*.png binary");
    let told = bench.run(&["init", "--git"]).fine();
    assert!(told.contains("done  .gitattributes\n      commit it for everybody: it is a control path"), "{told}");
    assert!(bench.read(".gitattributes").starts_with("*.png binary\n/secrets/"));
    // somebody's own hook stays
    bench.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n");
    let told = bench.run(&["init", "--git"]).fine();
    assert!(
        told.contains("left  pre-commit hook\n      there is one already; add `countersign check --staged"),
        "{told}"
    );
    assert_eq!(bench.read(".git/hooks/pre-commit"), "#!/bin/sh\nexit 0\n");
    bench.run(&["init"]).ends(2);
}

#[test]
fn hooks_outside_the_clone_are_not_written() {
    let bench = Bench::new();
    bench.git(&["init", "-q"]);
    let elsewhere = bench.home().join("hooks");
    std::fs::create_dir_all(&elsewhere).expect("made");
    bench.git(&["config", "core.hooksPath", &elsewhere.display().to_string()]);
    let told = bench.run(&["init", "--git"]).fine();
    assert!(told.contains("left  pre-commit hook\n      hooks of this clone stand outside it"), "{told}");
    assert_eq!(std::fs::read_dir(&elsewhere).expect("there").count(), 0);
}

#[test]
fn the_hook_refuses_plain_text_in_governed_paths() {
    let bench = clone();
    bench.write("secrets/production/new.yaml", "password: hunter2\n");
    bench.write("elsewhere.yaml", "password: fine\n");
    bench.git(&["add", "."]);
    let refused = bench.program("git", &["commit", "-qm", "plain"], "").ends(1);
    assert!(
        refused.contains("`secrets/production/new.yaml` is not sealed") && !refused.contains("hunter2"),
        "{refused}"
    );
    let run = bench.run(&["check", "--staged", "--json"]);
    assert_eq!(run.code, 12);
    assert_eq!(run.json()["staged"][0]["path"], "secrets/production/new.yaml");
    bench.run(&["encrypt", "-i", "--age", &bench.recipient(), "secrets/production/new.yaml"]).fine();
    bench.git(&["add", "."]);
    // one value in the clear is enough
    let sealed = bench.read("secrets/production/new.yaml");
    let line = sealed.lines().find(|line| line.starts_with("password:")).expect("a line").to_owned();
    bench.write("secrets/production/new.yaml", &sealed.replace(&line, "password: leaked"));
    bench.git(&["add", "."]);
    let refused = bench.program("git", &["commit", "-qm", "leak"], "").ends(1);
    assert!(refused.contains("has `password` in the clear") && !refused.contains("leaked"), "{refused}");
    bench.write("secrets/production/new.yaml", &sealed);
    bench.git(&["add", "."]);
    bench.git(&["commit", "-qm", "sealed"]);
}

#[test]
fn git_merges_two_branches_that_changed_different_keys() {
    let bench = clone();
    bench.git(&["checkout", "-qb", "other"]);
    set(&bench, "db.password", "theirs");
    set(&bench, "hosts[2]", "c.example");
    bench.git(&["checkout", "-q", "main"]);
    set(&bench, "db.port", "6543");
    bench.git(&["merge", "-q", "-m", "merged", "other"]);
    let text = bench.run(&["decrypt", "secrets/production/a.yaml"]).fine();
    for line in ["# who reads this", "    password: theirs", "    - c.example", "note_unencrypted: readable"] {
        assert!(text.lines().any(|known| known == line), "{line}: {text}");
    }
    assert!(text.contains("6543"), "{text}");
    if std::process::Command::new("sops").arg("--version").output().is_ok() {
        assert_eq!(bench.program("sops", &["decrypt", "secrets/production/a.yaml"], "").fine(), text);
    } else {
        assert_ne!(std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").as_deref(), Ok("1"), "`sops` is not on the PATH");
    }
    // what is not sealed is merged by line
    bench.git(&["checkout", "-q", "other"]);
    bench.write("secrets/production/notes.md", "one\n\ntwo\n\n3\n");
    bench.git(&["commit", "-qam", "their notes"]);
    bench.git(&["checkout", "-q", "main"]);
    bench.write("secrets/production/notes.md", "1\n\ntwo\n\nthree\n");
    bench.git(&["commit", "-qam", "our notes"]);
    bench.git(&["merge", "-q", "-m", "notes", "other"]);
    assert_eq!(bench.read("secrets/production/notes.md"), "1\n\ntwo\n\n3\n");
}

#[test]
fn git_leaves_a_file_unmerged_whose_key_both_changed() {
    let mut bench = clone();
    bench.git(&["checkout", "-qb", "other"]);
    set(&bench, "db.password", "theirs-secret");
    bench.git(&["checkout", "-q", "main"]);
    set(&bench, "db.password", "ours-secret");
    let ours = bench.read("secrets/production/a.yaml");
    let run = bench.program("git", &["merge", "-q", "other"], "");
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.err.contains("`secrets/production/a.yaml` is not merged: 1 conflict"), "{}", run.err);
    assert!(run.err.contains("because: `db.password` was changed on both sides"), "{}", run.err);
    for secret in ["theirs-secret", "ours-secret"] {
        assert!(!run.err.contains(secret) && !run.out.contains(secret));
    }
    assert_eq!(bench.read("secrets/production/a.yaml"), ours, "no markers");
    assert_eq!(bench.git(&["diff", "--name-only", "--diff-filter=U"]), "secrets/production/a.yaml");
    bench.git(&["merge", "--abort"]);
    // without an identity nothing is guessed
    bench.git(&["reset", "-q", "--hard", "main~1"]);
    set(&bench, "db.port", "6543");
    bench.unset("SOPS_AGE_KEY_FILE");
    let run = bench.program("git", &["merge", "-q", "other"], "");
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert_eq!(bench.git(&["diff", "--name-only", "--diff-filter=U"]), "secrets/production/a.yaml");
}

#[test]
fn merge_by_hand_writes_or_names() {
    let bench = Bench::new();
    bench.sealed("base.yaml", DOCUMENT);
    for (name, key) in [("ours.yaml", "db.password"), ("theirs.yaml", "hosts[0]"), ("clash.yaml", "db.password")] {
        std::fs::copy(bench.path("base.yaml"), bench.path(name)).expect("copied");
        bench.feed(&["set", name, key, "-"], name).fine();
    }
    let merged = bench.run(&["merge", "base.yaml", "ours.yaml", "theirs.yaml"]).fine();
    bench.write("merged.yaml", &merged);
    let text = bench.run(&["decrypt", "merged.yaml"]).fine();
    assert!(text.contains("password: ours.yaml") && text.contains("- theirs.yaml"), "{text}");
    bench.run(&["merge", "base.yaml", "ours.yaml", "theirs.yaml", "-o", "out.yaml"]).fine();
    assert_eq!(bench.run(&["decrypt", "out.yaml"]).fine(), text);
    let told = bench.run(&["merge", "base.yaml", "ours.yaml", "clash.yaml", "-o", "never.yaml"]).ends(11);
    assert!(told.contains("`db.password` was changed on both sides"), "{told}");
    assert!(!bench.path("never.yaml").exists());
    let run = bench.run(&["--json", "merge", "base.yaml", "ours.yaml", "clash.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (11, ""));
    assert!(run.err.contains("\"`db.password` was changed on both sides\""), "{}", run.err);
    bench.run(&["merge", "base.yaml", "ours.yaml"]).ends(2);
    bench.run(&["merge", "base.yaml", "ours.yaml", "gone.yaml"]).ends(100);
    let text = bench.read("theirs.yaml");
    let moved = text.replacen("note_unencrypted: readable", "note_unencrypted: changed", 1);
    assert_ne!(moved, text);
    bench.write("broken.yaml", &moved);
    bench.run(&["merge", "base.yaml", "ours.yaml", "broken.yaml"]).ends(51);
}
