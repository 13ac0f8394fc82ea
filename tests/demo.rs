//! The demo, run as anybody runs it: it ends well, says what it promises to say, shows no secret and leaves nothing behind.

use std::path::Path;
use std::process::{Command, Output};

use countersign::faces::demo::SECRETS;
use tempfile::TempDir;

/// Runs the program with a folder of its own for temporary files; it inherits nothing else of this machine but the path.
fn demo(folder: &Path, path: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("demo").args(arguments).env_clear().env("PATH", path).env("TMPDIR", folder).current_dir(folder);
    // nobody's proxy may stand between the programs of the demo
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.output().expect("countersign runs")
}

fn path() -> String {
    std::env::var("PATH").expect("a path")
}

#[test]
fn the_whole_story_is_played_and_checked() {
    let folder = TempDir::new().expect("a folder");
    let output = demo(folder.path(), &path(), &[]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    assert_eq!(err, "", "everything is told on standard output");
    for line in [
        "Merged for staging",
        "Not counted: rita asked for this change (requester)",
        "1 of 3 approvals for production",
        "2 of 3 approvals for production",
        "Merged for production",
        "main holds byte for byte what was approved",
        "covered by L-6 · approved by ann",
        "covered by L-13 · approved by ann, bob, dee",
        "✗ rita  requester: asked for this change",
        "ledger-junk",
        "✗ production  not approved",
        "ledger-signature",
        "expectations held",
    ] {
        assert!(out.contains(line), "`{line}` is not said:\n{out}");
    }
    for secret in SECRETS.into_iter().chain(["ghp_", "ghs_", "AGE-SECRET-KEY", "PRIVATE KEY"]) {
        assert!(!out.contains(secret), "a secret is shown");
    }
    assert!(!out.contains('\u{1b}') && !out.contains('\r'), "no terminal, no codes for one");
    let wide: Vec<&str> = out.lines().filter(|line| line.chars().count() > 160).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    left_behind(folder.path());
}

#[test]
fn without_git_it_says_so_and_leaves_nothing_behind() {
    let folder = TempDir::new().expect("a folder");
    let output = demo(folder.path(), "/nowhere", &["--no-color"]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("error: the git program cannot be run"), "{err}");
    assert!(err.contains("help: install git"), "{err}");
    left_behind(folder.path());
}

fn left_behind(folder: &Path) {
    let left: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
