//! One mistake, two programs: ours beside the real `sops`, with the same number at the end.
//!
//! Where ours differs on purpose, the table says why. Without `sops` on the PATH our own numbers are checked all the same.

use crate::bench::{Bench, DOCUMENT};

/// A mistake, our number, and that of sops where it is another one, with the reason.
struct Case {
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
    code: i32,
    differs: Option<(i32, &'static str)>,
}

const fn same(words: &'static [&'static str], code: i32) -> Case {
    Case { ours: words, theirs: words, code, differs: None }
}

const fn but(words: &'static [&'static str], code: i32, theirs: i32, why: &'static str) -> Case {
    Case { ours: words, theirs: words, code, differs: Some((theirs, why)) }
}

const NO_FILE: &str = "a file that is not there is 100 for every verb; sops has 100 for two of them and 2 for the rest";
const BROKEN: &str = "what cannot be read is 2 for every verb; sops has 2 for plain documents and 1 for sealed ones";
const NO_RULE: &str = "what a configuration does not say is 61 for every verb; sops knows the number and ends with 1";
const RECIPIENT: &str = "a recipient that cannot be sealed to is a missing key to encrypt with";
const SHELL: &str = "a vector of arguments is no word of a shell";

/// `AGE` stands for the reader, `OTHER` for somebody else's recipient.
fn cases() -> Vec<Case> {
    vec![
        same(&["decrypt", "missing.yaml"], 100),
        same(&["encrypt", "missing.yaml"], 100),
        but(&["rotate", "missing.yaml"], 100, 2, NO_FILE),
        but(&["updatekeys", "-y", "missing.yaml"], 100, 1, NO_FILE),
        same(&["decrypt", "plain.yaml"], 1),
        same(&["rotate", "plain.yaml"], 1),
        same(&["decrypt", "mixed.yaml"], 51),
        same(&["rotate", "mixed.yaml"], 51),
        same(&["decrypt", "--ignore-mac", "mixed.yaml"], 0),
        same(&["decrypt", "moved.yaml"], 25),
        same(&["decrypt", "leak.yaml"], 25),
        but(&["decrypt", "broken.yaml"], 2, 1, BROKEN),
        same(&["decrypt", "--extract", "[\"nothing\"]", "a.yaml"], 1),
        same(&["decrypt", "--extract", "[\"hosts\"][9]", "a.yaml"], 1),
        same(&["decrypt", "--extract", "[\"db\"", "a.yaml"], 91),
        same(&["decrypt", "--output-type", "dotenv", "a.yaml"], 4),
        same(&["decrypt", "--output-type", "binary", "a.yaml"], 4),
        same(&["decrypt", "--output-type", "ini", "flat.yaml"], 4),
        same(&["decrypt", "--output-type", "json", "a.yaml"], 0),
        same(&["decrypt", "-i", "--output", "x.yaml", "a.yaml"], 8),
        same(&["encrypt", "-i", "--output", "x.yaml", "--age", "AGE", "plain.yaml"], 8),
        same(&["encrypt", "--age", "AGE", "a.yaml"], 203),
        same(&["encrypt", "--age", "AGE", "broken.yaml"], 2),
        same(&["encrypt", "--age", "AGE", "list.yaml"], 2),
        same(&["encrypt", "--age", "AGE", "--encrypted-regex", "x", "--unencrypted-suffix", "y", "plain.yaml"], 8),
        same(&["encrypt", "--age", "AGE", "--output-type", "dotenv", "plain.yaml"], 4),
        but(&["encrypt", "--age", "nonsense", "plain.yaml"], 111, 1, RECIPIENT),
        but(&["encrypt", "plain.yaml"], 61, 1, NO_RULE),
        but(&["updatekeys", "-y", "a.yaml"], 61, 1, NO_RULE),
        same(&["rotate", "--rm-age", "AGE", "a.yaml"], 1),
        same(&["rotate", "--add-age", "nonsense", "a.yaml"], 1),
        same(&["rotate", "--add-age", "OTHER", "a.yaml"], 0),
        same(&["unset", "a.yaml", "[\"nothing\"]"], 1),
        same(&["unset", "--idempotent", "a.yaml", "[\"nothing\"]"], 0),
        Case {
            ours: &["set", "--type", "json", "a.yaml", "[\"db\"][\"port\"]", "{"],
            theirs: &["set", "a.yaml", "[\"db\"][\"port\"]", "{"],
            code: 7,
            differs: None,
        },
        same(&["edit", "a.yaml"], 200),
        same(&["edit", "plain.yaml"], 1),
        Case {
            ours: &["run", "flat.yaml", "--", "sh", "-c", "exit 7"],
            theirs: &["exec-env", "flat.yaml", "exit 7"],
            code: 7,
            differs: None,
        },
        Case {
            ours: &["run", "a.yaml", "--", "true"],
            theirs: &["exec-env", "a.yaml", "true"],
            code: 1,
            differs: None,
        },
        Case {
            ours: &["run", "--mount", "a.yaml", "--", "sh", "-c", "exit 9", "{}"],
            // it is read: sops itself may fall over a pipe that nobody opened
            theirs: &["exec-file", "a.yaml", "cat {} >/dev/null; exit 9"],
            code: 9,
            differs: None,
        },
        Case {
            ours: &["run", "flat.yaml", "--", "no-such-command"],
            theirs: &["exec-env", "flat.yaml", "no-such-command"],
            code: 127,
            differs: None,
        },
        Case {
            ours: &["run", "flat.yaml", "--", "exit 7"],
            theirs: &["exec-env", "flat.yaml", "exit 7"],
            code: 127,
            differs: Some((7, SHELL)),
        },
    ]
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.set("SOPS_DISABLE_VERSION_CHECK", "1");
    bench.set("EDITOR", "true");
    bench.write("plain.yaml", DOCUMENT);
    bench.write("broken.yaml", "a: [\n");
    bench.write("list.yaml", "- a\n");
    bench.write("p.yaml", DOCUMENT);
    bench.run(&["encrypt", "--age", &bench.recipient(), "-o", "a.yaml", "p.yaml"]).fine();
    bench.write("p.yaml", "A: x\nB: y\n");
    bench.run(&["encrypt", "--age", &bench.recipient(), "-o", "flat.yaml", "p.yaml"]).fine();
    let text = bench.read("a.yaml");
    let edit = |name: &str, change: &dyn Fn(&str) -> Option<String>| {
        let lines: Vec<_> = text.lines().filter_map(change).collect();
        bench.write(name, &(lines.join("\n") + "\n"));
    };
    edit("mixed.yaml", &|line| (!line.trim_start().starts_with("port:")).then(|| line.to_owned()));
    edit("leak.yaml", &|line| {
        Some(if line.trim_start().starts_with("port:") { "    port: 1".to_owned() } else { line.to_owned() })
    });
    let password = text.lines().find(|line| line.trim_start().starts_with("password:")).expect("there").to_owned();
    edit("moved.yaml", &|line| {
        let is_port = line.trim_start().starts_with("port:");
        Some(if is_port { password.replace("password", "port") } else { line.to_owned() })
    });
    bench
}

#[test]
fn the_same_mistake_ends_with_the_same_number() {
    let (bench, mut faults) = (bench(), Vec::new());
    let (age, (other, _)) = (bench.recipient(), Bench::other_reader());
    let has_sops = std::process::Command::new("sops").arg("--help").output().is_ok();
    let required = std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(has_sops || !required, "`sops` is not on the PATH, and COUNTERSIGN_TEST_REQUIRE_ALL=1");
    let named = |words: &[&'static str]| -> Vec<String> {
        words
            .iter()
            .map(|word| match *word {
                "AGE" => age.clone(),
                "OTHER" => other.clone(),
                word => word.to_owned(),
            })
            .collect()
    };
    for case in cases() {
        let run = |program: &str, words: &[&'static str]| {
            let words = named(words);
            bench.program(program, &words.iter().map(String::as_str).collect::<Vec<_>>(), "q\n")
        };
        let ours = run(env!("CARGO_BIN_EXE_countersign"), case.ours);
        if ours.code != case.code {
            faults.push(format!("{:?}: ours {} instead of {}: {}", case.ours, ours.code, case.code, ours.err));
        }
        if has_sops {
            let (theirs, want) = (run("sops", case.theirs), case.differs.map_or(case.code, |(code, _)| code));
            if theirs.code != want {
                faults.push(format!("{:?}: sops {} instead of {want}: {}", case.theirs, theirs.code, theirs.err));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    if !has_sops {
        eprintln!("SKIPPED: `sops` is not on the PATH; nothing was compared with it");
    }
}

#[test]
fn without_an_identity_every_verb_ends_with_128() {
    let mut bench = bench();
    bench.unset("SOPS_AGE_KEY_FILE");
    for words in [
        ["decrypt", "a.yaml"].as_slice(),
        &["get", "a.yaml", "db.port"],
        &["rotate", "-i", "a.yaml"],
        &["edit", "a.yaml"],
        &["unset", "a.yaml", "db"],
        &["run", "a.yaml", "--", "true"],
        &["run", "--mount", "a.yaml", "--", "true", "{}"],
        &["export", "-f", "json", "a.yaml"],
        &["recipients", "--add", &Bench::other_reader().0, "-y", "a.yaml"],
    ] {
        let told = bench.run(words).ends(128);
        assert!(told.contains("no age identity was given"), "{words:?}: {told}");
    }
    for words in [
        ["list", "a.yaml"].as_slice(),
        &["recipients", "a.yaml"],
        &["diff", "a.yaml", "flat.yaml"],
        &["diff", "--textconv", "a.yaml"],
    ] {
        bench.run(words).fine();
    }
}
