//! `diff`: files, commits, environments; with and without an identity.

use crate::bench::{Bench, DOCUMENT};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.sealed("old.yaml", DOCUMENT);
    bench.write("new.yaml", &bench.read("old.yaml"));
    // A new MAC under the old time would be reported as odd; times are whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_050));
    bench.feed(&["set", "new.yaml", "db.password", "-"], "other-value").fine();
    bench.feed(&["set", "new.yaml", "db.added", "-"], "new-value").fine();
    bench.run(&["unset", "new.yaml", "hosts[1]"]).fine();
    bench
}

#[test]
fn without_an_identity_the_keys_are_named_and_no_value() {
    let mut bench = bench();
    bench.unset("SOPS_AGE_KEY_FILE");
    let text = bench.run(&["diff", "old.yaml", "new.yaml"]).fine();
    assert_eq!(
        text,
        "new.yaml\n  \
           ~ db.password  changed\n  \
           + db.added     added\n  \
           - hosts[1]     removed\n  \
           integrity not checked here (no key) · data key unchanged\n"
    );
    let told = bench.run(&["diff", "--reveal", "old.yaml", "new.yaml"]).ends(128);
    assert!(told.contains("no age identity was given"), "{told}");
}

#[test]
fn values_are_shown_only_when_asked_for() {
    let bench = bench();
    let text = bench.run(&["diff", "old.yaml", "new.yaml"]).fine();
    assert!(text.ends_with("integrity verified · data key unchanged\n"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("value"), "{text}");
    let text = bench.run(&["diff", "--reveal", "old.yaml", "new.yaml"]).fine();
    for part in ["      - \"hunter2\"\n      + \"other-value\"\n", "      + \"new-value\"\n", "      - \"b.example\"\n"]
    {
        assert!(text.contains(part), "{part}{text}");
    }
}

#[test]
fn the_json_is_the_published_shape() {
    let bench = bench();
    let json = bench.run(&["diff", "--json", "old.yaml", "new.yaml"]).json();
    let file = &json["files"][0];
    assert_eq!((json["version"].as_i64(), file["path"].as_str()), (Some(1), Some("new.yaml")));
    assert_eq!(
        (file["format"].as_str(), file["integrity"].as_str(), file["data_key"].as_str()),
        (Some("yaml"), Some("verified"), Some("same"))
    );
    assert_eq!(file["keys"][0], serde_json::json!({"key": "db.password", "change": "changed"}));
    assert_eq!(file["recipients"], serde_json::json!({"added": [], "removed": []}));
    assert!(file["settings"].is_array() && file["other"].is_array());
    let json = bench.run(&["diff", "--json", "--reveal", "old.yaml", "new.yaml"]).json();
    let keys = &json["files"][0]["keys"];
    assert_eq!(
        keys[0],
        serde_json::json!({"key": "db.password", "change": "changed", "old": "hunter2", "new": "other-value"})
    );
    assert_eq!(keys[2], serde_json::json!({"key": "hosts[1]", "change": "removed", "old": "b.example"}));
}

#[test]
fn the_exit_code_tells_when_it_is_asked() {
    let bench = bench();
    bench.run(&["diff", "--exit-code", "old.yaml", "new.yaml"]).ends(1);
    bench.run(&["diff", "--exit-code", "old.yaml", "old.yaml"]).fine();
    let text = bench.run(&["diff", "old.yaml", "old.yaml"]).fine();
    assert!(text.contains("no difference"), "{text}");
    bench.run(&["diff", "--exit-code", "/dev/null", "old.yaml"]).ends(1);
}

#[test]
fn a_document_that_was_changed_by_hand_is_said_to_be_broken() {
    let bench = bench();
    let text = bench.read("new.yaml");
    let kept: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("port:")).collect();
    bench.write("new.yaml", &(kept.join("\n") + "\n"));
    let text = bench.run(&["diff", "old.yaml", "new.yaml"]).fine();
    assert!(text.contains("integrity broken"), "{text}");
    assert_eq!(bench.run(&["diff", "--json", "old.yaml", "new.yaml"]).json()["files"][0]["integrity"], "broken");
}

#[test]
fn what_is_no_sealed_document_is_refused_when_it_was_named() {
    let bench = bench();
    bench.write("plain.yaml", DOCUMENT);
    bench.run(&["diff", "plain.yaml", "new.yaml"]).ends(1);
    bench.run(&["diff", "missing.yaml", "new.yaml"]).ends(100);
    let told = bench.run(&["diff", "new.yaml"]).ends(2);
    assert!(told.contains("two versions are needed"), "{told}");
}

#[test]
fn commits_and_the_working_tree_are_compared() {
    let bench = Bench::new();
    bench.write(
        ".countersign/policy.yaml",
        "version: 1\nenvironments: {production: {paths: [secrets/]}}\npolicies:\n  - {name: p, environments: [production], approvers: {users: [ann, bob]}}\nadmins: {approvers: {users: [ann, bob]}}\n",
    );
    bench.sealed("x.yaml", DOCUMENT);
    bench.write("secrets/a.yaml", &bench.read("x.yaml"));
    bench.write("secrets/b.yaml", &bench.read("x.yaml"));
    bench.write("secrets/notes.txt", "one");
    bench.git(&["init", "-q"]);
    bench.git(&["add", "-A"]);
    bench.git(&["commit", "-qm", "first"]);
    bench.feed(&["set", "secrets/a.yaml", "db.password", "-"], "second").fine();
    bench.write("secrets/notes.txt", "two");
    bench.git(&["commit", "-qam", "second"]);
    bench.feed(&["set", "secrets/b.yaml", "db.third", "-"], "third").fine();

    let text = bench.run(&["diff", "HEAD~1:secrets/a.yaml", "secrets/a.yaml"]).fine();
    assert!(text.starts_with("secrets/a.yaml\n  ~ db.password  changed\n"), "{text}");
    let text = bench.run(&["diff", "HEAD~1", "HEAD", "--", "secrets"]).fine();
    assert!(text.contains("secrets/a.yaml") && !text.contains("secrets/b.yaml") && !text.contains("notes"), "{text}");
    let text = bench.run(&["diff", "HEAD", "--", "secrets/a.yaml", "secrets/b.yaml"]).fine();
    assert!(text.contains("+ db.third  added") && !text.contains("secrets/a.yaml"), "{text}");
    let text = bench.run(&["diff", "-e", "production"]).fine();
    assert!(text.contains("+ db.third  added"), "{text}");
    let text = bench.run(&["diff", "-e", "production", "-p", "a", "HEAD~1", "HEAD"]).fine();
    assert!(text.contains("~ db.password  changed"), "{text}");
    bench.write("secrets/broken.yaml", "a: [\n");
    let ran = bench.run(&["diff", "HEAD", "--", "secrets"]);
    assert!(ran.err.contains("warning: `secrets/broken.yaml` is left out"), "{}", ran.err);
    assert!(ran.fine().contains("+ db.third  added"));
    let told = bench.run(&["diff", "nothing", "HEAD", "--", "secrets"]).ends(2);
    assert!(told.contains("`nothing` names no commit"), "{told}");
    bench.run(&["diff", "HEAD~1", "HEAD", "--", "no/where"]).ends(100);
    bench.run(&["diff", "HEAD:no/where", "secrets/a.yaml"]).ends(100);
}
