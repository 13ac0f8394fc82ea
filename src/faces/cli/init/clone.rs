//! `init --git`: tells git of this clone how sealed documents are compared and merged, and to refuse what is not sealed.
//!
//! Done twice it changes nothing. Hooks that are there stay as they are; nothing outside the clone is written.

use std::path::{Path, PathBuf};

use countersign_core::ledger::POLICY_PATH;
use serde_json::json;

use super::{State, Step, attributes, git, hook, lines};
use crate::faces::cli::{Outcome, check, output};
use crate::faces::exit::{Exit, Report};

/// What git is told, in this clone alone.
const SETTINGS: [(&str, &str); 5] = [
    ("merge.countersign.name", "sealed documents, key by key"),
    ("merge.countersign.driver", "countersign merge --driver %O %A %B %P"),
    ("diff.countersign.textconv", "countersign diff --textconv"),
    ("mergetool.countersign.cmd", "countersign merge \"$BASE\" \"$LOCAL\" \"$REMOTE\" -o \"$MERGED\""),
    ("mergetool.countersign.trustExitCode", "true"),
];

/// Sets git up.
pub(super) fn run(json: bool) -> Outcome {
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
    output::say(&lines(&steps))
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
    let policy = check::usable_file(&text, &file)?;
    let globs = policy.environments().iter().flat_map(|rule| rule.paths().iter());
    Ok(globs.flat_map(|glob| attributes::patterns(glob.as_str())).collect())
}
