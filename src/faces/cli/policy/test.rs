//! `policy test`: plays the cases beside the policy, and says of each that fails what came instead.

use std::path::{Path, PathBuf};

use anstyle::AnsiColor;
use countersign_core::decision::{Mismatch, rehearse};
use countersign_core::domain::RefName;
use countersign_core::policy::{Policy, read_cases};
use serde_json::{Value, json};

use super::{broken, parsed, shown};
use crate::faces::cli::args::PolicyTestArgs;
use crate::faces::cli::{Outcome, check, output};
use crate::faces::exit::{Exit, Report, colour, printable};

/// Where cases lie, beside the policy.
const FOLDER: &str = "tests";

/// One case that was played.
struct Played {
    file: String,
    line: usize,
    name: String,
    mismatches: Vec<Mismatch>,
    next: Vec<String>,
}

/// Plays every case.
pub(super) fn run(args: &PolicyTestArgs, json: bool) -> Outcome {
    let path = policy_file(&args.place)?;
    let name = shown(&path);
    let text = read(&path)?;
    let policy = parsed(&name, &text)?;
    let branch = RefName::branch(&args.default_branch).map_err(Report::usage)?;
    let folder = path.parent().unwrap_or(Path::new(".")).join(FOLDER);
    let files = if args.files.is_empty() { case_files(&folder)? } else { args.files.clone() };
    let mut played = Vec::new();
    for file in &files {
        played.extend(play(&policy, &branch, file)?);
    }
    if played.is_empty() {
        return Err(Report::usage(format!("there is no case to play in `{}`", shown(&folder)))
            .help("write one: `docs/policy.md` shows how"));
    }
    let failed = played.iter().filter(|one| !one.mismatches.is_empty()).count();
    if json {
        let rows: Vec<Value> = played.iter().map(row).collect();
        output::json(&json!({"version": 1, "policy": name, "cases": rows, "failed": failed}))?;
    } else {
        output::say(&text_of(&played, failed))?;
    }
    Ok(if failed > 0 { Exit::FINDINGS } else { Exit::FINE })
}

fn policy_file(place: &Path) -> Result<PathBuf, Report> {
    if place.is_file() {
        return Ok(place.to_owned());
    }
    check::find(place).ok_or_else(|| {
        Report::usage(format!("there is no policy in `{}` or above it", place.display()))
            .help("name a policy file, or a directory in a repository that has one")
    })
}

fn case_files(folder: &Path) -> Result<Vec<PathBuf>, Report> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in listing {
        let path =
            entry.map_err(|error| Report::failed(format!("`{}` cannot be read", folder.display()), &error))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, Report> {
    std::fs::read_to_string(path)
        .map_err(|error| Report::failed(format!("`{}` cannot be read", path.display()), &error))
}

fn play(policy: &Policy, branch: &RefName, file: &Path) -> Result<Vec<Played>, Report> {
    let (name, text) = (shown(file), read(file)?);
    let (setting, cases) = read_cases(&text)
        .map_err(|faults| broken(&name, &faults, &text, "`docs/policy.md` shows how cases are written"))?;
    let played = cases.iter().map(|case| {
        let (decision, mismatches) = rehearse(policy, branch, &setting, case);
        Played { file: name.clone(), line: case.place.line, name: case.name.clone(), mismatches, next: decision.next }
    });
    Ok(played.collect())
}

fn row(one: &Played) -> Value {
    let mismatch = |found: &Mismatch| json!({"what": found.what, "expected": found.expected, "got": found.got});
    json!({
        "file": one.file, "line": one.line, "name": one.name, "passed": one.mismatches.is_empty(),
        "mismatches": one.mismatches.iter().map(mismatch).collect::<Vec<_>>(), "next": one.next,
    })
}

fn text_of(played: &[Played], failed: usize) -> String {
    let (red, green) = (colour(AnsiColor::Red), colour(AnsiColor::Green));
    let mut text = String::new();
    for one in played {
        let name = printable(&one.name);
        if one.mismatches.is_empty() {
            text += &format!("{green}✔{green:#} {name}\n");
            continue;
        }
        text += &format!("{red}✗{red:#} {name}  ({}:{})\n", printable(&one.file), one.line);
        for found in &one.mismatches {
            text += &format!(
                "    {}: expected {}, got {}\n",
                printable(&found.what),
                printable(&found.expected),
                printable(&found.got)
            );
        }
        for step in &one.next {
            text += &format!("    next: {}\n", printable(step));
        }
    }
    let cases = output::count(played.len(), "case");
    text + &match failed {
        0 => format!("\n{cases}, all hold\n"),
        failed => format!("\n{cases}, {failed} failed\n"),
    }
}
