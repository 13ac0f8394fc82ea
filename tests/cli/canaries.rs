//! A value that must not be seen is planted everywhere a person may put one, every verb is driven into its faults, and everything
//! the program printed is searched.

use crate::bench::{Bench, Ran};

const CANARY: &str = "canary-c0ffee-31415";

#[track_caller]
fn unseen(what: &str, ran: &Ran) {
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains(CANARY), "{what}: {text}");
    }
}

#[test]
fn no_fault_repeats_a_value() {
    let mut bench = Bench::new();
    bench.sealed("a.yaml", &format!("db:\n    password: {CANARY}\nport: 1\n# {CANARY}\n"));
    bench.write("value.txt", CANARY);
    bench.sealed("odd.yaml", &format!("a b: {CANARY}\nnode_options: {CANARY}\n"));
    // an editor that leaves a mistake behind
    bench.set("EDITOR", &format!("sh -c 'printf \"a: [{CANARY}\\n\" > \"$1\"' sh"));
    bench.write("plain.yaml", &format!("a: {CANARY}\nb: [\n"));
    bench.write("policy.yaml", &format!("version: 1\nenvironments: {CANARY}\n"));
    let cases: &[(&[&str], &str)] = &[
        (&["set", "a.yaml", "db.other", CANARY], ""),
        (&["set", "a.yaml", "db.other", CANARY, CANARY], ""),
        (&["set", "a.yaml", "db.other", "x", CANARY], ""),
        (&["set", "a.yaml", "db.other", "--canary-c0ffee-31415"], ""),
        (&["set", "a.yaml", "db.other", "-", "--canary-c0ffee-31415=x"], ""),
        (&["set", "--json", "a.yaml", "db.other", "--canary-c0ffee-31415"], ""),
        (&["--json", "set", "a.yaml", "k", "v", CANARY], ""),
        (&["set", "a.yaml", "db", CANARY], ""),
        (&["set", "a.yaml", "db", "-"], CANARY),
        (&["set", "--type", "json", "a.yaml", "db.other", "-"], CANARY),
        (&["set", "--type", "json", "a.yaml", "db.other", CANARY], ""),
        (&["set", "a.yaml", "sops.x", "-"], CANARY),
        (&["set", "missing.yaml", "x", "-"], CANARY),
        (&["set", "plain.yaml", "x", "-"], CANARY),
        (&["set", "a.yaml", "x", "--file", "value.txt", "--stdin"], CANARY),
        (&["set", "a.yaml", "port", "--file", "value.txt"], ""),
        (&["unset", "a.yaml", "db"], ""),
        (&["list", "a.yaml"], ""),
        (&["list", "--json", "a.yaml"], ""),
        (&["list", "plain.yaml"], ""),
        (&["get", "a.yaml", "nothing"], ""),
        (&["get", "--json", "a.yaml", "nothing"], ""),
        (&["get", "plain.yaml", "a"], ""),
        (&["encrypt", "--age", "age1x", "plain.yaml"], ""),
        (&["encrypt", "--age", "age1x", "--input-type", "yaml", "-"], CANARY),
        (&["decrypt", "plain.yaml"], ""),
        (&["decrypt", "--input-type", "json", "plain.yaml"], ""),
        (&["diff", "plain.yaml", "a.yaml"], ""),
        (&["diff", "/dev/null", "a.yaml"], ""),
        (&["diff", "--textconv", "a.yaml"], ""),
        (&["diff", "--textconv", "plain.yaml"], ""),
        (&["diff", "--textconv", "value.txt"], ""),
        (&["set", "--value-stdin", "a.yaml", "db.other"], CANARY),
        (&["set", "--value-file", "a.yaml", "db.other", "value.txt"], ""),
        (&["edit", "a.yaml"], "q\n"),
        (&["edit", "--json", "a.yaml"], "q\n"),
        (&["export", "-f", "env", "odd.yaml"], ""),
        (&["export", "-f", "env", "--flatten", "odd.yaml"], ""),
        (&["export", "-f", "tfvars", "odd.yaml"], ""),
        (&["export", "-f", "k8s-secret", "odd.yaml"], ""),
        (&["export", "-f", "github-env", "odd.yaml"], ""),
        (&["run", "a.yaml", "--", "true"], ""),
        (&["run", "odd.yaml", "--", "no-such-command"], ""),
        (&["run", "--mount", "a.yaml", "--", "no-such-command", "{}"], ""),
        (&["run", "--mount=a.yaml", "a.yaml", "--", "true"], ""),
        (&["rotate", "-i", "a.yaml", "plain.yaml"], ""),
        (&["rotate", "--json", "-i", "a.yaml", "plain.yaml"], ""),
        (&["updatekeys", "-y", "a.yaml"], ""),
        (&["recipients", "a.yaml"], ""),
        (&["recipients", "--json", "a.yaml", "plain.yaml"], ""),
        (&["encrypt", "-i", "--age", "age1x", "."], ""),
        (&["decrypt", "--output-type", "binary", "a.yaml"], ""),
        (&["decrypt", "--output-type", "ini", "a.yaml"], ""),
        (&["decrypt", "-i", "plain.yaml", "odd.yaml", "--json"], ""),
        (&["diff", "--json", "a.yaml", "/dev/null"], ""),
    ];
    for (arguments, input) in cases {
        unseen(&arguments.join(" "), &bench.feed(arguments, input));
    }
    // identities are secrets as well
    bench.set("SOPS_AGE_KEY", CANARY);
    bench.set("SOPS_AGE_KEY_FILE", &bench.path("value.txt").display().to_string());
    bench.set("SOPS_AGE_KEY_CMD", &format!("echo {CANARY}"));
    let ran = bench.run(&["get", "a.yaml", "port"]);
    unseen("identities", &ran);
    let told = ran.ends(128);
    assert!(told.contains("because: SOPS_AGE_KEY: line 1 is not an age identity"), "{told}");
}

#[test]
fn no_fault_repeats_a_setting_that_is_secret() {
    let mut bench = Bench::new();
    for name in ["WEBHOOK_SECRET", "PRIVATE_KEY", "SIGNING_KEY"] {
        bench.set(&format!("COUNTERSIGN_{name}"), CANARY);
    }
    bench.set("COUNTERSIGN_APP_ID", "1");
    for arguments in [["serve"].as_slice(), &["serve", "--json"], &["config"], &["config", "--json"]] {
        unseen(&arguments.join(" "), &bench.run(arguments));
    }
}

#[test]
fn a_tampered_document_is_refused_without_its_values() {
    let bench = Bench::new();
    bench.sealed("a.yaml", &format!("one: {CANARY}\ntwo: {CANARY}-2\n"));
    let text = bench.read("a.yaml");
    let tokens: Vec<_> = text.lines().filter(|line| line.contains("ENC[")).collect();
    let moved = text.replace(tokens[0], &tokens[1].replace("two", "one"));
    bench.write("a.yaml", &moved);
    for arguments in [["decrypt", "a.yaml"].as_slice(), &["get", "a.yaml", "two"], &["diff", "a.yaml", "/dev/null"]] {
        unseen(&arguments.join(" "), &bench.run(arguments));
    }
    bench.run(&["decrypt", "a.yaml"]).ends(25);
}
