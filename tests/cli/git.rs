//! Git with the set-up of `docs/git.md`: a difference shows keys and no value.

use crate::bench::{Bench, DOCUMENT};

#[test]
fn git_diff_shows_keys_and_no_value() {
    let mut bench = Bench::new();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_countersign")).parent().expect("a folder").display();
    bench.set("PATH", &format!("{program}:{}", std::env::var("PATH").unwrap_or_default()));
    // the set-up as the page says it
    let page = include_str!("../../docs/git.md");
    assert!(page.contains("git config diff.countersign.textconv 'countersign diff --textconv'"), "{page}");
    assert!(page.contains("secrets/** diff=countersign"), "{page}");
    bench.git(&["init", "-q"]);
    bench.git(&["config", "diff.countersign.textconv", "countersign diff --textconv"]);
    bench.write(".gitattributes", "secrets/** diff=countersign\n");
    bench.sealed("secrets/a.yaml", DOCUMENT);
    bench.git(&["add", "."]);
    bench.git(&["commit", "-qm", "first"]);
    // without any key
    let own = bench.home().join("identity.txt").display().to_string();
    bench.feed(&["set", "secrets/a.yaml", "db.password", "-"], "another-secret").fine();
    bench.feed(&["set", "secrets/a.yaml", "db.new", "-"], "third-secret").fine();
    bench.run(&["unset", "secrets/a.yaml", "hosts[1]"]).fine();
    bench.unset("SOPS_AGE_KEY_FILE");
    let text = bench.git(&["diff"]);
    let changed: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("++") && !line.starts_with("--"))
        .map(|line| line.split(" · ").next().unwrap_or_default())
        .collect();
    assert_eq!(
        changed,
        ["-db.password: sealed str", "+db.password: sealed str", "+db.new: sealed str", "-hosts[1]: sealed str"],
        "{text}"
    );
    for value in ["hunter2", "another-secret", "third-secret", "b.example", "readable", "ENC["] {
        assert!(!text.contains(value), "{value}: {text}");
    }
    // new files, and files in the clear
    bench.write("secrets/b.yaml", DOCUMENT);
    bench.git(&["add", "."]);
    let text = bench.git(&["diff", "--cached", "secrets/b.yaml"]);
    assert!(text.contains("+NOT SEALED: ") && !text.contains("hunter2"), "{text}");
    bench.set("SOPS_AGE_KEY_FILE", &own);
    let log = bench.git(&["log", "-p"]);
    assert!(log.contains("+db.port: sealed int") && !log.contains("ENC["), "{log}");
}

#[test]
fn lines_for_git_name_readers_settings_and_leaks() {
    let mut bench = Bench::new();
    bench.write("p.yaml", "a: x\nb: y\nn: null\n");
    bench.run(&["encrypt", "--age", &bench.recipient(), "--encrypted-regex", "^a$", "-o", "a.yaml", "p.yaml"]).fine();
    bench.unset("SOPS_AGE_KEY_FILE");
    let text = bench.run(&["diff", "--textconv", "a.yaml"]).fine();
    let lines: Vec<_> = text.lines().map(|line| line.split(" · ").next().unwrap_or_default().to_owned()).collect();
    let reader = format!("reader: {}", bench.recipient());
    assert_eq!(lines, ["a: sealed str", "b: plain text", "n: empty null", &reader, "setting encrypted_regex: ^a$"]);
    let leak: Vec<_> = bench
        .read("a.yaml")
        .lines()
        .map(|line| if line.starts_with("a:") { "a: leaked" } else { line }.to_owned())
        .collect();
    bench.write("a.yaml", &(leak.join("\n") + "\n"));
    let text = bench.run(&["diff", "--textconv", "a.yaml"]).fine();
    assert!(text.starts_with("a: IN THE CLEAR text · ") && !text.contains("leaked"), "{text}");
    bench.run(&["diff", "--textconv", "a.yaml", "p.yaml"]).ends(2);
    bench.run(&["diff", "--textconv", "--reveal", "a.yaml"]).ends(2);
}
