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
fn sops_opens_what_we_edited_rotated_and_gave_other_readers() {
    let Some(mut bench) = bench() else { return };
    let (other, identity) = Bench::other_reader();
    for (name, text) in [
        ("a.yaml", DOCUMENT),
        ("b.json", "{\n\t\"a\": \"hunter2\",\n\t\"n\": 1\n}\n"),
        ("c.env", "A=hunter2\nB=x\n"),
        ("d.ini", "[s]\na = hunter2\n"),
        ("e.bin", "hunter2\n"),
    ] {
        bench.write(name, text);
        sops(&bench, &["encrypt", "-i", "--age", &bench.recipient(), name]);
        bench.run(&["rotate", "-i", name]).fine();
        assert_eq!(sops(&bench, &["decrypt", name]), text, "{name}, rotated");
        bench.run(&["recipients", "--add", &other, "-y", name]).fine();
        bench.set("EDITOR", "sed -i s/hunter2/changed/");
        bench.run(&["edit", name]).fine();
        assert_eq!(sops(&bench, &["decrypt", name]), text.replace("hunter2", "changed"), "{name}, edited");
        let key = bench.home().join("identity.txt").display().to_string();
        bench.unset("SOPS_AGE_KEY_FILE");
        bench.set("SOPS_AGE_KEY", &identity);
        assert_eq!(sops(&bench, &["decrypt", name]), text.replace("hunter2", "changed"), "{name}, by the other");
        sops(&bench, &["rotate", "-i", name]);
        bench.unset("SOPS_AGE_KEY");
        bench.set("SOPS_AGE_KEY_FILE", &key);
        assert_eq!(bench.run(&["decrypt", name]).fine(), text.replace("hunter2", "changed"), "{name}, rotated by sops");
    }
}

#[test]
fn both_update_the_readers_alike() {
    let Some(bench) = bench() else { return };
    let ((other, _), (third, _)) = (Bench::other_reader(), Bench::other_reader());
    let own = bench.recipient();
    bench.sealed("ours.yaml", DOCUMENT);
    bench.write("theirs.yaml", &bench.read("ours.yaml"));
    for rule in [
        format!("  - age: {own},{other}\n"),
        format!("  - age: {own},{third}\n"),
        format!("  - key_groups:\n      - age: [{own}]\n      - age: [{own}, {other}]\n"),
        format!("  - age: {own}\n"),
    ] {
        bench.write(".sops.yaml", &format!("creation_rules:\n{rule}"));
        bench.run(&["updatekeys", "-y", "ours.yaml"]).fine();
        sops(&bench, &["updatekeys", "-y", "theirs.yaml"]);
        let groups = |name: &str| {
            let json = bench.run(&["recipients", "--json", name]).json();
            let mut groups = json["files"][0].clone();
            groups["path"] = serde_json::Value::Null;
            for group in groups["groups"].as_array_mut().expect("groups") {
                group.as_array_mut().expect("readers").sort_by_key(|reader| reader["name"].to_string());
            }
            groups
        };
        assert_eq!(groups("ours.yaml"), groups("theirs.yaml"), "{rule}");
        assert_eq!(sops(&bench, &["decrypt", "ours.yaml"]), DOCUMENT, "{rule}");
        assert_eq!(bench.run(&["updatekeys", "-y", "theirs.yaml"]).ends(0), "theirs.yaml is up to date\n", "{rule}");
    }
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
