//! The transcripts of README.md and `docs/`, run as they stand: every command, every line of output (`docs/testing.md`).
//!
//! `COUNTERSIGN_UPDATE_DOCS=1` writes anew what does not fit instead of failing.
#![cfg(unix)]

use std::path::{Path, PathBuf};

use crate::bench::Bench;
use crate::transcript::{Step, blocks, is_shown};

/// Published test keys; they open nothing but the examples.
const RITA: &str = "AGE-SECRET-KEY-1JCL5SQ6YLANK4EV2T0YAQHAFZYUDGL6DJ4QV4AA7Q35N32RM3WKSM6QDEK";
/// Played with a stand-in for GitHub, in `tests/it/scenarios/getting_started.rs`.
const ELSEWHERE: &str = "README.md";

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.unset("SOPS_AGE_KEY_FILE");
    bench.write("../.config/sops/age/keys.txt", &format!("{RITA}\n"));
    let config = bench.home().join(".config").display().to_string();
    bench.set("XDG_CONFIG_HOME", &config);
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().expect("a folder").display();
    bench.set("PATH", &format!("{program}:{}", std::env::var("PATH").unwrap_or_default()));
    bench.git(&["init", "-q"]);
    bench
}

/// README and the pages, without the records of decisions: those say what was so when they were written.
fn pages() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = std::fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<PathBuf> = listed.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.push(root.join("README.md"));
    pages.sort();
    let name = |path: &PathBuf| path.strip_prefix(root).expect("below").display().to_string();
    pages.into_iter().map(|path| (name(&path), path)).collect()
}

/// Runs the commands of a page in order in one folder; the page as it should be, and where it is not.
fn played(page: &str) -> (String, Vec<usize>) {
    let (bench, mut stale) = (bench(), Vec::new());
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    // from the end, so that lines keep their numbers: outputs first, all in order
    let ran: Vec<(Step, String)> = blocks(page)
        .into_iter()
        .flat_map(|block| block.steps)
        .map(|step| {
            let ran = bench.program("sh", &["-c", &format!("exec 2>&1\n{}", step.command)], "");
            (step, ran.out)
        })
        .collect();
    for (step, output) in ran.iter().rev() {
        let said: Vec<&str> = output.lines().collect();
        if !is_shown(&step.shown, &said) {
            stale.push(step.line);
            let begin = step.line - 1 + step.command.lines().count();
            lines.splice(begin..begin + step.shown.len(), said.iter().map(ToString::to_string));
        }
    }
    stale.reverse();
    (lines.join("\n") + "\n", stale)
}

#[test]
fn the_pages_show_what_the_program_does() {
    let (mut faults, mut steps) = (Vec::new(), 0);
    for (name, path) in pages().into_iter().filter(|(name, _)| name != ELSEWHERE) {
        let page = std::fs::read_to_string(&path).expect("the page");
        steps += blocks(&page).iter().map(|block| block.steps.len()).sum::<usize>();
        let (played, stale) = played(&page);
        if std::env::var_os("COUNTERSIGN_UPDATE_DOCS").is_some_and(|value| value == "1") && !stale.is_empty() {
            std::fs::write(&path, &played).expect("written");
        }
        if !stale.is_empty() {
            faults.push(format!("{name} is stale at lines {stale:?}; it should be:\n{played}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(steps > 40, "the transcripts are found: {steps}");
}

#[test]
fn every_block_with_commands_and_their_output_is_played() {
    for (name, path) in pages() {
        let page = std::fs::read_to_string(&path).expect("the page");
        let mut fence: Option<&str> = None;
        for (at, line) in page.lines().enumerate() {
            match fence {
                None if line.starts_with("```") => fence = Some(line),
                Some(_) if line.starts_with("```") => fence = None,
                Some(kind) if line.starts_with("$ ") => {
                    assert_eq!(
                        kind,
                        "```console",
                        "{name}, line {}: commands shown with `$ ` are a transcript",
                        at + 1
                    );
                }
                Some(_) | None => {}
            }
        }
    }
    // those of README are all in the section that is played elsewhere
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(ELSEWHERE)).expect("README.md");
    let begin = readme.find("## Getting started\n").expect("README says how to start");
    let end = begin + 2 + readme[begin + 2..].find("\n## ").expect("another section");
    assert_eq!(blocks(&readme).len(), blocks(&readme[begin..end]).len(), "a transcript outside of \"Getting started\"");
}
