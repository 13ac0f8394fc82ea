//! `run`: what the command gets, what it does not get, and how it ends.
#![cfg(unix)]

use std::io::Read as _;
use std::process::Command;

use crate::bench::Bench;

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.sealed("a.yaml", "TOKEN: s3cret $HOME\nPORT: 5432\nON: true\nEMPTY: \"\"\n");
    std::fs::create_dir_all(bench.home().join("run")).expect("made");
    let run = bench.home().join("run").display().to_string();
    bench.set("XDG_RUNTIME_DIR", &run);
    bench
}

#[test]
fn the_command_gets_the_values_and_its_arguments_as_they_are() {
    let bench = bench();
    let printed =
        bench.run(&["run", "a.yaml", "--", "sh", "-c", "printf '%s|' \"$TOKEN\" \"$PORT\" \"$ON\" \"$EMPTY\""]);
    assert_eq!(printed.fine(), "s3cret $HOME|5432|true||");
    // no shell looks at the arguments
    let printed = bench.run(&["run", "a.yaml", "--", "printf", "%s|", "$TOKEN", "a b", "*", "--json"]);
    assert_eq!(printed.fine(), "$TOKEN|a b|*|--json|");
    assert_eq!(bench.feed(&["run", "a.yaml", "--", "cat"], "input").fine(), "input");
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    let bench = bench();
    for code in ["0", "1", "7", "255"] {
        let ran = bench.run(&["run", "a.yaml", "--", "sh", "-c", &format!("exit {code}")]);
        assert_eq!((ran.code.to_string().as_str(), ran.err.as_str()), (code, ""));
    }
    let told = bench.run(&["run", "a.yaml", "--", "no-such-command-here"]).ends(127);
    assert!(told.contains("the command `no-such-command-here` is not there"), "{told}");
    bench.write("plain.txt", "text");
    bench.run(&["run", "a.yaml", "--", "./plain.txt"]).ends(126);
    bench.run(&["run", "a.yaml"]).ends(2);
    bench.run(&["run", "missing.yaml", "--", "true"]).ends(100);
}

#[test]
fn what_opens_documents_stays_behind() {
    let mut bench = bench();
    bench.set("SOPS_AGE_KEY", &bench.identity());
    bench.set("COUNTERSIGN_PRIVATE_KEY", "x");
    bench.set("MINE", "kept");
    let printed = bench.run(&["run", "a.yaml", "--", "env"]).fine();
    assert!(printed.contains("MINE=kept\n") && printed.contains("TOKEN="), "{printed}");
    for name in ["SOPS_AGE", "AGE-SECRET-KEY", "COUNTERSIGN_"] {
        assert!(!printed.contains(name), "{name}: {printed}");
    }
    let printed = bench.run(&["run", "--pristine", "a.yaml", "--", "/usr/bin/env"]).fine();
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["EMPTY=", "ON=true", "PORT=5432", "TOKEN=s3cret $HOME"]);
}

#[test]
fn a_variable_that_is_set_gives_way_unless_it_is_to_be_kept() {
    let mut bench = bench();
    bench.set("PORT", "1");
    let port =
        |flags: &[&str]| bench.run(&[&["run"], flags, &["a.yaml", "--", "sh", "-c", "echo $PORT"]].concat()).fine();
    assert_eq!(port(&[]), "5432\n");
    assert_eq!(port(&["--preserve-env"]), "1\n");
}

#[test]
fn keys_are_chosen_and_odd_ones_refused_by_name() {
    let bench = bench();
    let printed = bench.run(&["run", "--only", "PORT", "--prefix", "DB_", "a.yaml", "--", "env"]).fine();
    assert!(printed.contains("DB_PORT=5432\n") && !printed.contains("TOKEN"), "{printed}");
    bench.sealed("n.yaml", "ok: 1\ndb: {password: hidden-value}\n");
    let told = bench.run(&["run", "n.yaml", "--", "true"]).ends(1);
    assert!(told.contains("`db` has values below it") && !told.contains("hidden-value"), "{told}");
    let printed = bench.run(&["run", "--flatten", "n.yaml", "--", "sh", "-c", "echo $db_password"]).fine();
    assert_eq!(printed, "hidden-value\n");
    bench.sealed("odd.yaml", "a=b: hidden-value\n");
    let told = bench.run(&["run", "odd.yaml", "--", "true"]).ends(1);
    assert!(told.contains("is no name of a variable") && !told.contains("hidden-value"), "{told}");
}

#[test]
fn a_document_is_mounted_behind_a_pipe_that_is_read_once_and_then_gone() {
    let bench = bench();
    let plain = bench.run(&["decrypt", "a.yaml"]).fine();
    assert_eq!(bench.run(&["run", "--mount", "a.yaml", "--", "cat", "{}"]).fine(), plain);
    let script = "test -p \"$1\" && stat -c %a \"$1\" && basename \"$1\" && cat \"$1\" >/dev/null
        i=0; while test -e \"$1\" && test $i -lt 200; do sleep 0.05; i=$((i+1)); done
        ! test -e \"$1\" && env | grep -c TOKEN";
    let ran = bench.run(&["run", "--mount", "a.yaml", "--", "sh", "-c", script, "sh", "{}"]);
    assert_eq!(ran.out, "600\na.yaml\n0\n", "{}", ran.err);
    let ran = bench.run(&["run", "--mount=here.yaml", "a.yaml", "--", "cat", "here.yaml"]);
    assert_eq!(ran.fine(), plain);
    let json = bench.run(&["run", "--mount", "--output-type", "json", "a.yaml", "--", "cat", "{}"]).fine();
    assert!(json.starts_with("{\n\t\"TOKEN\""), "{json}");
    // nobody reads it
    bench.run(&["run", "--mount", "a.yaml", "--", "true", "{}"]).fine();
    let told = bench.run(&["run", "--mount", "a.yaml", "--", "cat"]).ends(2);
    assert!(told.contains("write `{}` where its path belongs"), "{told}");
    bench.write("there.yaml", "mine");
    bench.run(&["run", "--mount=there.yaml", "a.yaml", "--", "true"]).ends(3);
    assert_eq!(bench.read("there.yaml"), "mine");
    assert_eq!(bench.files(&bench.home().join("run")), Vec::<String>::new());
    assert_eq!(bench.files(&bench.folder()), ["a.yaml", "there.yaml"]);
}

#[test]
fn a_private_file_is_mounted_for_commands_that_read_twice() {
    let bench = bench();
    let script = "stat -c %a \"$1\"; cat \"$1\" \"$1\" | grep -c PORT; exit 5";
    let ran = bench.run(&["run", "--mount", "--no-fifo", "a.yaml", "--", "sh", "-c", script, "sh", "{}"]);
    assert_eq!((ran.out.as_str(), ran.code), ("600\n2\n", 5), "{}", ran.err);
    assert_eq!(bench.files(&bench.home().join("run")), Vec::<String>::new());
}

/// Starts a run, waits for its first line, sends it a signal, and says how it ended.
fn signalled(bench: &Bench, arguments: &[&str], signal: &str) -> Option<i32> {
    let mut child = bench.start(arguments);
    let mut line = [0; 6];
    child.stdout.as_mut().expect("piped").read_exact(&mut line).expect("it says that it is ready");
    assert_eq!(&line, b"ready\n");
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(sent.expect("sent").success());
    child.wait().expect("it ends").code()
}

#[test]
fn signals_reach_the_command_and_its_code_comes_back() {
    let bench = bench();
    let script =
        "trap 'exit 42' TERM; trap 'exit 43' USR1; trap 'exit 44' INT; echo ready; while :; do sleep 0.05; done";
    for (signal, code) in [("TERM", 42), ("USR1", 43), ("INT", 44)] {
        let arguments = ["run", "a.yaml", "--", "sh", "-c", script];
        assert_eq!(signalled(&bench, &arguments, signal), Some(code), "{signal}");
        let arguments = ["run", "--mount", "--no-fifo", "a.yaml", "--", "sh", "-c", script, "{}"];
        assert_eq!(signalled(&bench, &arguments, signal), Some(code), "{signal}, mounted");
        assert_eq!(bench.files(&bench.home().join("run")), Vec::<String>::new(), "{signal}");
    }
    // a command that dies of it is told as shells tell it
    let arguments = ["run", "--mount", "--no-fifo", "a.yaml", "--", "sh", "-c", "echo ready; exec sleep 60", "{}"];
    assert_eq!(signalled(&bench, &arguments, "TERM"), Some(143));
    assert_eq!(bench.files(&bench.home().join("run")), Vec::<String>::new());
}
