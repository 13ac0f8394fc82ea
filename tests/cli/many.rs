//! Verbs on many documents: directories, environments, failures among them, and what is kept of each file.

use crate::bench::{Bench, DOCUMENT};

/// A folder with three sealed documents, one of them damaged, and files that are none.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.sealed("s/a.yaml", DOCUMENT);
    bench.sealed("s/b.yaml", DOCUMENT);
    bench.sealed("s/deep/c.yaml", DOCUMENT);
    bench.write("s/plain.yaml", "a: x\n");
    bench.write("s/readme.md", "hello");
    bench.write("s/template.yaml", "a: {{ .Values.x }}\n");
    let damaged = bench.read("s/b.yaml");
    let kept: Vec<_> = damaged.lines().filter(|line| !line.trim_start().starts_with("port:")).collect();
    bench.write("s/b.yaml", &(kept.join("\n") + "\n"));
    bench
}

#[test]
fn a_document_that_fails_does_not_stop_the_others_and_is_left_as_it_was() {
    let bench = bench();
    let (bad, good) = (bench.read("s/b.yaml"), bench.read("s/a.yaml"));
    let told = bench.run(&["rotate", "-i", "s"]).ends(51);
    assert!(told.contains("rotated s/a.yaml for 1 reader\n"), "{told}");
    assert!(told.contains("error: `s/b.yaml`: the MAC does not match"), "{told}");
    assert!(told.ends_with("2 rotated · 1 failed, and left as they were\n"), "{told}");
    assert!(!told.contains('\u{1b}'), "a progress bar where there is no terminal: {told:?}");
    assert_eq!(bench.read("s/b.yaml"), bad);
    assert_ne!(bench.read("s/a.yaml"), good);
    assert_eq!(bench.read("s/plain.yaml"), "a: x\n");
    for name in ["s/a.yaml", "s/deep/c.yaml"] {
        assert_eq!(bench.run(&["decrypt", name]).fine(), DOCUMENT);
    }
    assert_eq!(bench.files(&bench.folder()).len(), 6, "something is left behind");
    // two kinds of failures are a failure
    bench.run(&["rotate", "-i", "s/b.yaml", "missing.yaml"]).ends(1);
    bench.run(&["rotate", "-i", "missing.yaml", "gone.yaml"]).ends(100);
}

#[test]
fn machines_get_a_row_for_each_document() {
    let bench = bench();
    let ran = bench.run(&["rotate", "--json", "-i", "s"]);
    let json = ran.json();
    let rows: Vec<_> = json["files"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            (row["path"].as_str().expect("a path"), row["result"].as_str().expect("a word"), row["exit"].as_i64())
        })
        .collect();
    assert_eq!(
        rows,
        [("s/a.yaml", "rotated", None), ("s/b.yaml", "failed", Some(51)), ("s/deep/c.yaml", "rotated", None)]
    );
    assert_eq!((ran.code, ran.err.as_str(), &json["version"]), (51, "", &serde_json::json!(1)));
}

#[test]
fn a_directory_is_sealed_and_opened_as_a_whole() {
    let mut bench = Bench::new();
    bench.write(".sops.yaml", &format!("creation_rules:\n  - path_regex: ^s/\n    age: {}\n", bench.recipient()));
    for name in ["a.yaml", "deep/b.yaml", "c.json", "d.env", "e.ini", "key.pem", ".sops.yaml"] {
        let text = match name {
            "c.json" => "{\n\t\"a\": \"x\"\n}\n",
            "d.env" => "A=x\n",
            "e.ini" => "[s]\na = x\n",
            _ => "a: x\n",
        };
        bench.write(&format!("s/{name}"), text);
    }
    let told = bench.run(&["encrypt", "-i", "s"]).ends(0);
    assert!(told.ends_with("5 sealed\n"), "{told}");
    assert_eq!(bench.read("s/key.pem"), "a: x\n", "what has no format of its own is sealed by name only");
    let told = bench.run(&["encrypt", "-i", "s"]).ends(0);
    assert!(told.ends_with("5 sealed already\n"), "{told}");
    bench.run(&["encrypt", "-i", "s/key.pem"]).fine();
    let told = bench.run(&["decrypt", "s", "-o", "out"]).ends(0);
    assert!(told.contains("6 opened\n") && told.contains("stands in the clear"), "{told}");
    assert_eq!(bench.files(&bench.path("out")), ["a.yaml", "c.json", "d.env", "deep/b.yaml", "e.ini", "key.pem"]);
    for (name, text) in [("c.json", "{\n\t\"a\": \"x\"\n}\n"), ("deep/b.yaml", "a: x\n"), ("d.env", "A=x\n")] {
        assert_eq!(bench.read(&format!("out/{name}")), text);
    }
    // several documents have no one place to go to
    bench.run(&["decrypt", "s"]).ends(2);
    bench.run(&["rotate", "s"]).ends(2);
    bench.run(&["encrypt", "-i", "-o", "x", "s/a.yaml"]).ends(8);
    bench.write("empty/readme.md", "hello");
    bench.run(&["rotate", "-i", "empty"]).ends(100);
    bench.enter("nothing");
    bench.write("x", "");
    bench.run(&["decrypt", "-i", "missing"]).ends(100);
}

#[cfg(unix)]
#[test]
fn mode_and_links_are_kept() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let bench = Bench::new();
    bench.sealed("real/a.yaml", DOCUMENT);
    bench.sealed("b.yaml", DOCUMENT);
    std::fs::set_permissions(bench.path("real/a.yaml"), std::fs::Permissions::from_mode(0o640)).expect("set");
    symlink("real/a.yaml", bench.path("link.yaml")).expect("linked");
    let told = bench.run(&["rotate", "-i", "link.yaml", "real/a.yaml", "b.yaml"]).ends(0);
    assert!(told.ends_with("2 rotated\n"), "one file under two names is one file: {told}");
    assert!(std::fs::symlink_metadata(bench.path("link.yaml")).expect("there").is_symlink());
    assert_eq!(std::fs::metadata(bench.path("real/a.yaml")).expect("there").permissions().mode() & 0o777, 0o640);
    assert_eq!(bench.run(&["decrypt", "link.yaml"]).fine(), DOCUMENT);
}

#[test]
fn many_documents_are_done_in_parallel_and_told_in_order() {
    let bench = Bench::new();
    bench.sealed("0.yaml", DOCUMENT);
    let text = bench.read("0.yaml");
    (1..60).for_each(|at| bench.write(&format!("s/{at:02}.yaml"), &text));
    let told = bench.run(&["rotate", "-i", "s"]).ends(0);
    let names: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("rotated ")?.split(' ').next()).collect();
    assert!(names.is_sorted() && names.len() == 59, "{told}");
    let texts: std::collections::BTreeSet<_> = (1..60).map(|at| bench.read(&format!("s/{at:02}.yaml"))).collect();
    assert_eq!(texts.len(), 59, "each has a data key of its own");
}

#[cfg(unix)]
#[test]
fn a_signal_lets_what_was_begun_be_finished_and_leaves_nothing_half_done() {
    let mut bench = Bench::new();
    bench.sealed("0.yaml", DOCUMENT);
    let text = bench.read("0.yaml");
    (0..300).for_each(|at| bench.write(&format!("s/{at:03}.yaml"), &text));
    bench.unset("SOPS_AGE_KEY_FILE");
    let key = bench.home().join("identity.txt").display().to_string();
    bench.set(
        "SOPS_AGE_KEY_CMD",
        &format!("sh -c 'touch asked; while ! test -e go; do sleep 0.05; done; cat \"{key}\"'"),
    );
    let mut child = bench.start(&["rotate", "-i", "s"]);
    while !bench.path("asked").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("sent").success());
    // the listener of the program hears it long before the command may go on
    std::thread::sleep(std::time::Duration::from_secs(4));
    bench.write("go", "");
    let (status, mut told) = (child.wait().expect("it ends"), String::new());
    std::io::Read::read_to_string(child.stderr.as_mut().expect("piped"), &mut told).expect("read");
    assert_eq!(status.code(), Some(85), "{told}");
    assert!(told.contains("not begun: interrupted"), "{told}");
    let files = bench.files(&bench.path("s"));
    assert_eq!(files.len(), 300, "something is left behind");
    let (done, left): (Vec<_>, Vec<_>) = files.iter().partition(|name| bench.read(&format!("s/{name}")) != text);
    assert!(!done.is_empty() && !left.is_empty(), "{} were done", done.len());
}

/// Runs the program on a terminal of its own, where `script` is there to make one.
#[cfg(unix)]
fn on_terminal(bench: &Bench, arguments: &str, input: &str) -> Option<crate::bench::Ran> {
    let here = std::process::Command::new("script").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !here {
        eprintln!("SKIPPED: there is no `script`; nothing was looked at on a terminal");
        return None;
    }
    let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_countersign"));
    Some(bench.program("script", &["-qec", &command, "/dev/null"], input))
}

#[cfg(unix)]
#[test]
fn on_a_terminal_there_is_a_progress_bar_unless_it_is_that_of_a_job() {
    let mut bench = Bench::new();
    bench.sealed("s/0.yaml", DOCUMENT);
    let text = bench.read("s/0.yaml");
    (1..20).for_each(|at| bench.write(&format!("s/{at}.yaml"), &text));
    bench.set("TERM", "xterm");
    let Some(ran) = on_terminal(&bench, "rotate -i s", "") else { return };
    assert!(ran.out.contains("1/20 ") && ran.out.contains("20 rotated"), "{:?}", ran.out);
    bench.set("CI", "true");
    let Some(ran) = on_terminal(&bench, "rotate -i s", "") else { return };
    assert!(!ran.out.contains("1/20 ") && ran.out.contains("20 rotated"), "{:?}", ran.out);
}

#[test]
fn an_environment_is_all_of_its_documents() {
    let bench = Bench::new();
    let age = bench.recipient();
    bench.git(&["init", "-q"]);
    bench.write(
        ".countersign/policy.yaml",
        "version: 1\nenvironments:\n  production: {paths: [secrets/production/]}\n  staging: {paths: [secrets/staging/]}\n\
         policies:\n  - {name: all, environments: \"*\", approvers: {users: [ann, bob, cy]}}\n\
         admins: {approvers: {users: [ann, bob, cy]}}\n",
    );
    bench.write("secrets/production/a.yaml", DOCUMENT);
    bench.write("secrets/production/b.yaml", "b: x\n");
    bench.write("secrets/staging/c.yaml", DOCUMENT);
    let told = bench.run(&["encrypt", "-i", "--age", &age, "-e", "production"]).ends(0);
    assert!(told.ends_with("2 sealed\n"), "{told}");
    assert_eq!(bench.read("secrets/staging/c.yaml"), DOCUMENT);
    let told = bench.run(&["rotate", "-i", "-e", "production"]).ends(0);
    assert!(told.ends_with("2 rotated\n"), "{told}");
    bench.run(&["rotate", "-i", "-e", "production", "-p", "b"]).fine();
    assert_eq!(bench.run(&["export", "-f", "env", "-e", "production", "-p", "b"]).fine(), "b=x\n");
    let printed = bench.run(&[
        "run",
        "-e",
        "production",
        "--only",
        "b,note_unencrypted",
        "--",
        "sh",
        "-c",
        "echo $b $note_unencrypted",
    ]);
    assert_eq!(printed.fine(), "x readable\n");
}

#[test]
fn documents_change_their_format_on_the_way() {
    let bench = Bench::new();
    let age = bench.recipient();
    bench.write("p.yaml", "a: x\nn: {b: 1}\n");
    bench.run(&["encrypt", "--age", &age, "--output-type", "json", "-o", "s.json", "p.yaml"]).fine();
    assert_eq!(bench.run(&["decrypt", "s.json"]).fine(), "{\n\t\"a\": \"x\",\n\t\"n\": {\n\t\t\"b\": 1\n\t}\n}\n");
    assert_eq!(bench.run(&["decrypt", "--output-type", "yaml", "s.json"]).fine(), "a: x\n\"n\":\n    b: 1\n");
    assert_eq!(bench.run(&["decrypt", "--extract", "n", "--output-type", "yaml", "s.json"]).fine(), "b: 1\n");
    let told = bench.run(&["decrypt", "--output-type", "dotenv", "s.json"]).ends(4);
    assert!(told.contains("dotenv cannot hold `n`"), "{told}");
    let sealed = bench.feed(&["encrypt", "--age", &age, "--filename-override", "x.env", "-"], "A=1\n").fine();
    let piped = bench.run(&["encrypt", "--age", &age, "-o", "/dev/stdout", "p.yaml"]).fine();
    assert!(piped.starts_with("a: ENC["), "{piped}");
    assert_eq!(bench.feed(&["decrypt", "--filename-override", "x.env", "-"], &sealed).fine(), "A=1\n");
}

#[test]
fn what_is_sealed_is_what_the_flags_say() {
    let bench = Bench::new();
    let age = bench.recipient();
    bench.write("p.yaml", "open: a\nopen_pw: b\n# seal\nshut: c\n");
    let sealed = |flags: &[&str]| {
        bench.run(&[&["encrypt", "--age", &age, "-o", "s.yaml"], flags, &["p.yaml"]].concat()).fine();
        let json = bench.run(&["list", "--json", "s.yaml"]).json();
        let keys = json["files"][0]["keys"].as_array().expect("keys").clone();
        keys.into_iter()
            .filter(|key| key["state"] == "sealed")
            .map(|key| key["key"].as_str().expect("a key").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(sealed(&[]), ["open", "open_pw", "shut"]);
    assert_eq!(sealed(&["--encrypted-regex", "pw$"]), ["open_pw"]);
    assert_eq!(sealed(&["--unencrypted-regex", "^open"]), ["shut"]);
    assert_eq!(sealed(&["--encrypted-suffix", "_pw"]), ["open_pw"]);
    assert_eq!(sealed(&["--unencrypted-suffix", "_pw"]), ["open", "shut"]);
    assert_eq!(sealed(&["--encrypted-comment-regex", "seal"]), ["shut"]);
    assert_eq!(sealed(&["--unencrypted-comment-regex", "seal"]), ["open", "open_pw"]);
    sealed(&["--mac-only-encrypted", "--encrypted-regex", "pw$"]);
    let text = bench.read("s.yaml").replace("open: a", "open: other");
    bench.write("s.yaml", &text);
    bench.run(&["decrypt", "s.yaml"]).fine();
    let told = bench.run(&["encrypt", "--age", &age, "--encrypted-regex", "(", "p.yaml"]).ends(2);
    assert!(told.contains("nothing would be sealed"), "{told}");
}
