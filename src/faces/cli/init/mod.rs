//! `init`: what a repository needs to begin, or with `--git` what git of this clone needs.
//!
//! Nothing that is there is ever overwritten, so it can be run again. Private keys are written outside the repository alone.

mod answers;
mod attributes;
mod clone;
mod found;
mod hook;
mod keys;
mod next;
mod texts;
mod write;

use std::path::Path;
use std::process::Command;

use serde::Serialize;
use serde_json::json;

use self::answers::Answers;
use self::found::Found;
use self::keys::Keys;
use self::write::Writer;
use super::args::InitArgs;
use super::{Outcome, check, output};
use crate::faces::exit::{Exit, Report, printable};

/// What became of one thing.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Written now.
    Done,
    /// It would be written (`--dry-run`).
    Plan,
    /// It was so already.
    Kept,
    /// Somebody has to do it.
    Left,
}

#[derive(Serialize)]
struct Step {
    what: String,
    state: State,
    /// What is still to be done, or to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Begins, or sets git up.
pub(super) fn run(args: &InitArgs, json: bool) -> Outcome {
    if args.git {
        return clone::run(json);
    }
    let found = Found::look()?;
    let answers = Answers::of(args, &found, json)?;
    let keys = Keys::of(args, &found)?;
    // everything that can be refused is refused before the first file is written
    let files = texts::all(&answers, &found, &keys)?;
    let mut writer = Writer::new(&found.root, args.dry_run);
    keys.write(&mut writer)?;
    for (name, text) in &files {
        writer.file(name, text)?;
    }
    writer.first_documents(&answers, &found, &keys)?;
    let next = next::commands(&answers, &found, &keys, &writer);
    if json {
        let next: Vec<_> = next.iter().map(|step| json!({"why": step.why, "commands": step.commands})).collect();
        output::json(&json!({
            "version": 1, "repository": found.name, "default_branch": found.branch, "dry_run": args.dry_run,
            "recipient": keys.recipient(), "signing_key": keys.ledger_file(), "fingerprint": keys.fingerprint(),
            "steps": writer.steps, "next": next,
        }))?;
        return Ok(Exit::FINE);
    }
    let mut text = format!("{}\n\n", found.sentence()) + &lines(&writer.steps);
    if !args.dry_run {
        text += &next::lines(&next);
    }
    output::say(&text)
}

fn lines(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let word = match step.state {
            State::Done => "done",
            State::Plan => "plan",
            State::Kept => "kept",
            State::Left => "left",
        };
        text += &printable(&format!("{word}  {}\n", step.what));
        if let Some(note) = &step.note {
            text += &printable(&format!("      {note}\n"));
        }
    }
    text
}

/// Runs git in the clone; what it printed, without the line end.
fn git(root: &Path, arguments: &[&str]) -> Result<String, Report> {
    let run = Command::new("git").arg("-C").arg(root).args(arguments).output();
    let output = run.map_err(|error| Report::failed("git cannot be started", &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Report::new(Exit::FAILED, format!("git {} failed", arguments.first().unwrap_or(&"")))
        .cause(said)
        .help("run this inside a clone; `git init` makes one"))
}
