//! The real `sops`, where it is on the PATH: it opens what we write, and we open what it writes.
//!
//! Without it the tests say so and pass, unless `COUNTERSIGN_TEST_REQUIRE_ALL=1`.

use crate::bench::{Bench, DOCUMENT};

fn bench() -> Option<Bench> {
    let mut bench = Bench::new();
    bench.set("SOPS_DISABLE_VERSION_CHECK", "1");
    if std::process::Command::new("sops").arg("--help").output().is_ok() {
        return Some(bench);
    }
    let required = std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "`sops` is not on the PATH, and COUNTERSIGN_TEST_REQUIRE_ALL=1");
    eprintln!("SKIPPED: `sops` is not on the PATH; nothing was compared with it");
    None
}

fn sops(bench: &Bench, arguments: &[&str]) -> String {
    bench.program("sops", arguments, "").fine()
}

#[test]
fn sops_opens_what_encrypt_and_set_wrote() {
    let Some(bench) = bench() else { return };
    bench.sealed("a.yaml", DOCUMENT);
    assert_eq!(sops(&bench, &["decrypt", "a.yaml"]), DOCUMENT);
    bench.feed(&["set", "a.yaml", "db.password", "-"], "it's: \"new\"").fine();
    bench.feed(&["set", "a.yaml", "db.multi", "-"], "two\nlines\n\n").fine();
    bench.feed(&["set", "--type", "json", "a.yaml", "db.port", "-"], "5433").fine();
    bench.run(&["unset", "a.yaml", "hosts[0]"]).fine();
    assert_eq!(sops(&bench, &["decrypt", "--extract", "[\"db\"][\"password\"]", "a.yaml"]), "it's: \"new\"");
    assert_eq!(sops(&bench, &["decrypt", "--extract", "[\"db\"][\"multi\"]", "a.yaml"]), "two\nlines\n");
    assert_eq!(sops(&bench, &["decrypt", "a.yaml"]), bench.run(&["decrypt", "a.yaml"]).fine());
}

#[test]
fn we_open_and_change_what_sops_wrote() {
    let Some(bench) = bench() else { return };
    bench.write("a.yaml", DOCUMENT);
    sops(&bench, &["encrypt", "-i", "--age", &bench.recipient(), "a.yaml"]);
    assert_eq!(bench.run(&["decrypt", "a.yaml"]).fine(), DOCUMENT);
    assert_eq!(bench.run(&["get", "a.yaml", "db.port"]).fine(), "5432");
    bench.write("b.yaml", &bench.read("a.yaml"));
    sops(&bench, &["set", "b.yaml", "[\"db\"][\"password\"]", "\"changed\""]);
    let text = bench.run(&["diff", "a.yaml", "b.yaml"]).fine();
    assert!(text.contains("  ~ db.password  changed\n") && text.contains("integrity verified"), "{text}");
    bench.feed(&["set", "b.yaml", "db.password", "-"], "again").fine();
    assert_eq!(sops(&bench, &["decrypt", "--extract", "[\"db\"][\"password\"]", "b.yaml"]), "again");
}

#[test]
fn both_end_with_the_same_number_for_the_same_fault() {
    let Some(mut bench) = bench() else { return };
    bench.sealed("a.yaml", DOCUMENT);
    bench.write("plain.yaml", DOCUMENT);
    let text = bench.read("a.yaml");
    let kept: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("port:")).collect();
    bench.write("mixed.yaml", &(kept.join("\n") + "\n"));
    let age = bench.recipient();
    let cases: [&[&str]; 7] = [
        &["decrypt", "missing.yaml"],
        &["decrypt", "plain.yaml"],
        &["decrypt", "mixed.yaml"],
        &["decrypt", "--extract", "[\"nothing\"]", "a.yaml"],
        &["encrypt", "--age", &age, "a.yaml"],
        &["encrypt", "missing.yaml"],
        &["unset", "a.yaml", "[\"nothing\"]"],
    ];
    for case in cases {
        let (ours, theirs) = (bench.run(case), bench.program("sops", case, ""));
        assert_eq!(ours.code, theirs.code, "{case:?}\nours: {}\ntheirs: {}", ours.err, theirs.err);
    }
    bench.unset("SOPS_AGE_KEY_FILE");
    let case = ["decrypt", "a.yaml"];
    assert_eq!(bench.run(&case).code, bench.program("sops", &case, "").code);
}

#[test]
fn the_same_creation_rule_seals_the_same_keys() {
    let Some(bench) = bench() else { return };
    let rule = format!(
        "creation_rules:\n  - path_regex: \\.yaml$\n    encrypted_regex: ^(password|hosts)$\n    age: {}\n",
        bench.recipient()
    );
    bench.write(".sops.yaml", &rule);
    bench.write("ours.yaml", DOCUMENT);
    bench.write("theirs.yaml", DOCUMENT);
    bench.run(&["encrypt", "-i", "ours.yaml"]).fine();
    sops(&bench, &["encrypt", "-i", "theirs.yaml"]);
    let list = |name: &str| bench.run(&["list", name]).fine();
    assert_eq!(list("ours.yaml"), list("theirs.yaml"));
    assert_eq!(sops(&bench, &["decrypt", "ours.yaml"]), bench.run(&["decrypt", "theirs.yaml"]).fine());
}
