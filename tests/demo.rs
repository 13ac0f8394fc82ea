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
        "✔ staging     covered by L-",
        " · approved by ann, bob, dee",
        "env/production stands where main stands",
        "the app got a message with the right signature",
        "main was put back, and the push is pull request 3",
        "her line in the README stayed",
        "her password was not delivered",
        "it died after the decision and before the merge was recorded",
        "one merge, recorded once",
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
    let wide: Vec<&str> = out.lines().filter(|line| line.chars().count() > 100).collect();
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

#[cfg(unix)]
#[test]
fn what_comes_out_otherwise_is_told_with_what_was_expected_and_ends_with_1() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, tools) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let path = path();
    let git = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file()).expect("git");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = push ] && {{ echo refused by hand >&2; exit 3; }}\nexec {} \"$@\"\n",
        git.display()
    );
    let fake = tools.path().join("git");
    std::fs::write(&fake, script).expect("written");
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let output = demo(folder.path(), &format!("{}:{path}", tools.path().display()), &[]);
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}");
    for text in [
        "✗ expected  `git push origin main` ends with 0",
        "seen      it ended with 3",
        "refused by hand",
        "the server's log ends with",
        "listening on http://127.0.0.1",
        "Please report it",
    ] {
        assert!(out.contains(text), "`{text}` is not said:\n{out}");
    }
    assert!(!out.contains("expectations held"), "{out}");
    left_behind(folder.path());
}

fn left_behind(folder: &Path) {
    let left: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
