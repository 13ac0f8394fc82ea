//! The transcripts of `docs/secrets.md`, run as they stand: every command, every line of output.
//!
//! `$ ` begins a command, `> ` carries it on; what follows is what it prints on both streams. `COUNTERSIGN_UPDATE_DOCS=1` writes
//! the output anew instead of comparing it.
#![cfg(unix)]

use crate::bench::Bench;

/// Published test keys; they open nothing but the examples.
const RITA: &str = "AGE-SECRET-KEY-1JCL5SQ6YLANK4EV2T0YAQHAFZYUDGL6DJ4QV4AA7Q35N32RM3WKSM6QDEK";

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.unset("SOPS_AGE_KEY_FILE");
    bench.write("../.config/sops/age/keys.txt", &format!("{RITA}\n"));
    let config = bench.home().join(".config").display().to_string();
    bench.set("XDG_CONFIG_HOME", &config);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_countersign")).parent().expect("a folder").display();
    bench.set("PATH", &format!("{program}:{}", std::env::var("PATH").unwrap_or_default()));
    bench.git(&["init", "-q"]);
    bench
}

/// Runs the commands of a page in order in one folder, and puts what they print in the place of what stands there.
fn played(bench: &Bench, page: &str) -> String {
    let (mut out, mut command, mut inside) = (String::new(), String::new(), false);
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            inside = line == "```console";
        }
        let is_command = inside && (line.starts_with("$ ") || (line.starts_with("> ") && !command.is_empty()));
        if inside && !is_command && !line.starts_with("```") {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        if !is_command {
            continue;
        }
        command.push_str(&line[2..]);
        command.push('\n');
        if lines.peek().is_some_and(|next| next.starts_with("> ")) {
            continue;
        }
        let ran = bench.program("sh", &["-c", &format!("exec 2>&1\n{command}")], "");
        command.clear();
        out.push_str(&ran.out);
        if !ran.out.is_empty() && !ran.out.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_page_shows_what_the_program_does() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/secrets.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let played = played(&bench(), &page);
    if std::env::var_os("COUNTERSIGN_UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &played).expect("written");
    }
    let at = page.lines().zip(played.lines()).position(|(stands, is)| stands != is);
    assert!(page == played, "docs/secrets.md is stale at line {:?}; it should be:\n{played}", at.map(|at| at + 1));
}
