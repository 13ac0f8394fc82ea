//! `init --git`: tells git of this clone how sealed documents are compared and merged, and to refuse what is not sealed.
//!
//! Done twice it changes nothing. Hooks that are there stay as they are; nothing outside the clone is written.

mod attributes;
mod hook;

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy;
use serde::Serialize;
use serde_json::json;

use super::args::InitArgs;
use super::{Outcome, check, output};
use crate::faces::exit::{Exit, Report};

/// What git is told, in this clone alone.
const SETTINGS: [(&str, &str); 5] = [
    ("merge.countersign.name", "sealed documents, key by key"),
    ("merge.countersign.driver", "countersign merge --driver %O %A %B %P"),
    ("diff.countersign.textconv", "countersign diff --textconv"),
    ("mergetool.countersign.cmd", "countersign merge \"$BASE\" \"$LOCAL\" \"$REMOTE\" -o \"$MERGED\""),
    ("mergetool.countersign.trustExitCode", "true"),
];

/// What became of one thing.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Written now.
    Done,
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

/// Sets git up.
pub(super) fn run(args: &InitArgs, json: bool) -> Outcome {
    if !args.git {
        return Err(Report::usage("say what to set up").help("`countersign init --git` sets up this clone"));
    }
    let root = PathBuf::from(git(Path::new("."), &["rev-parse", "--show-toplevel"])?);
    let mut steps = Vec::new();
    for (name, value) in SETTINGS {
        steps.push(setting(&root, name, value)?);
    }
    steps.push(attributes::write(&root, &patterns(&root)?)?);
    steps.push(hook::write(&root)?);
    if json {
        output::json(&json!({"version": 1, "steps": steps}))?;
        return Ok(Exit::FINE);
    }
    let mut text = String::new();
    for step in &steps {
        let word = match step.state {
            State::Done => "done",
            State::Kept => "kept",
            State::Left => "left",
        };
        text += &format!("{word}  {}\n", step.what);
        if let Some(note) = &step.note {
            text += &format!("      {note}\n");
        }
    }
    output::say(&text)
}

fn setting(root: &Path, name: &str, value: &str) -> Result<Step, Report> {
    let what = format!("git config {name}");
    if git(root, &["config", "--local", "--get", name]).is_ok_and(|known| known == value) {
        return Ok(Step { what, state: State::Kept, note: None });
    }
    git(root, &["config", "--local", name, value])?;
    Ok(Step { what, state: State::Done, note: None })
}

/// The patterns of all environments, as git reads them; without a policy everything below `secrets`.
fn patterns(root: &Path) -> Result<Vec<String>, Report> {
    let file = root.join(POLICY_PATH);
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(vec!["/secrets/**".to_owned()]) };
    let policy = policy::parse(&text).map_err(|findings| {
        let first = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        Report::new(Exit::FINDINGS, format!("`{}` cannot be used: {first}", check::shown(&file)))
            .help("`countersign check` shows every fault of it")
    })?;
    let globs = policy.environments().iter().flat_map(|rule| rule.paths().iter());
    Ok(globs.flat_map(|glob| attributes::patterns(glob.as_str())).collect())
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
        .help("run this inside a clone"))
}
