//! `check --staged`: what is about to be committed and must be sealed is sealed. Run by the pre-commit hook.
//!
//! Looks at what is staged, not at the working tree; needs no identity and shows no value.

use std::path::Path;
use std::process::Command;

use countersign_core::domain::{RefName, RepoPath};
use countersign_core::policy::Policy;
use serde_json::json;
use sops_file::{Format, ParseError, SealedDocument};

use super::{Outcome, check, output};
use crate::engine::lint;
use crate::faces::exit::{Exit, Report, printable};

/// Looks at everything that is staged.
pub(super) fn run(json: bool) -> Outcome {
    // without a policy nothing is governed
    let Some(policy) = policy()? else { return Ok(Exit::FINE) };
    let named = git(&["diff", "--cached", "--name-only", "--no-renames", "--diff-filter=ACMT", "-z"])?;
    let mut faults = Vec::new();
    for path in named.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        let path = RepoPath::from_bytes(path);
        let Some(name) = path.as_str().filter(|_| must_be_sealed(&policy, &path)) else { continue };
        let bytes = git(&["cat-file", "blob", &format!(":{name}")])?;
        faults.extend(fault(name, &bytes).map(|what| (name.to_owned(), what)));
    }
    if json {
        let list: Vec<_> = faults.iter().map(|(path, what)| json!({"path": path, "what": what})).collect();
        output::json(&json!({"version": 1, "staged": list}))?;
    } else {
        for (path, what) in &faults {
            output::tell(printable(&format!("`{path}` {what}")));
        }
    }
    if faults.is_empty() {
        return Ok(Exit::FINE);
    }
    if !json {
        output::tell("nothing was committed: seal it with `countersign encrypt -i FILE`, then `git add` it again");
    }
    Ok(Exit::FINDINGS)
}

fn policy() -> Result<Option<Policy>, Report> {
    let Some(file) = check::find(Path::new(".")) else { return Ok(None) };
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Report::failed(format!("`{}` cannot be read", file.display()), &error))?;
    check::usable_file(&text, &file).map(Some)
}

fn must_be_sealed(policy: &Policy, path: &RepoPath) -> bool {
    RefName::branch("main").is_ok_and(|default| lint::must_be_sealed(policy, &default, path))
}

fn fault(name: &str, bytes: &[u8]) -> Option<String> {
    match SealedDocument::parse(bytes, Format::of_path(name)) {
        Ok(document) => {
            let leaves = document.leaves();
            let bare = leaves.iter().find(|leaf| leaf.is_exposed())?;
            Some(format!("has `{}` in the clear", bare.path))
        }
        Err(ParseError::NotSealed | ParseError::NotText { .. }) => Some("is not sealed".to_owned()),
        Err(fault) => Some(format!("is no sealed document: {fault}")),
    }
}

fn git(arguments: &[&str]) -> Result<Vec<u8>, Report> {
    // paths are those of the repository, wherever in it this runs
    let run = Command::new("git").args(arguments).output();
    let output = run.map_err(|error| Report::failed("git cannot be started", &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Report::new(Exit::FAILED, "git does not say what is staged").cause(said).help("run this inside a clone"))
}
