//! `check` and `schema`: faults of the policy file, each with place and help, and the schema editors use.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anstyle::AnsiColor;
use countersign_core::domain::RepoPath;
use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::{self, Diagnostic, Policy, PolicyRule, Severity};
use serde_json::json;

use super::args::CheckArgs;
use super::{Outcome, output};
use crate::faces::exit::{Exit, Report, colour, printable};
use crate::faces::wire;

/// Largest policy file read: its parser refuses less.
const LIMIT: u64 = 16 << 20;
/// Most files looked through for patterns that match nothing.
const MOST_FILES: usize = 100_000;

/// Checks a policy file. Errors and warnings are findings, notes are not.
pub(super) fn run(args: &CheckArgs, json: bool) -> Outcome {
    let (name, text) = read(&args.place)?;
    let (policy, findings) = match policy::parse(&text) {
        Ok(policy) => {
            let mut findings = policy::lint(&policy);
            if let Some(files) = files_beside(&args.place) {
                findings.extend(policy::lint_files(&policy, &files));
                findings.sort_by_key(|finding| (finding.place, finding.code));
            }
            (Some(policy), findings)
        }
        Err(findings) => (None, findings),
    };
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notes) = (number(Severity::Error), number(Severity::Warning), number(Severity::Note));
    if json {
        let count = json!({"errors": errors, "warnings": warnings, "notes": notes});
        let strictness = policy.as_ref().map(strictness);
        output::json(&json!({
            "version": 1, "file": name, "findings": findings, "count": count, "strictness": strictness,
        }))?;
    } else {
        let shown: String = findings.iter().map(|finding| coloured(finding, &name, &text)).collect();
        output::say(&shown)?;
        output::say(&verdict(&name, policy.as_ref(), (errors, warnings)))?;
        output::say(&policy.as_ref().map(control).unwrap_or_default())?;
    }
    Ok(if errors + warnings > 0 { Exit::FINDINGS } else { Exit::FINE })
}

/// Prints the JSON Schema.
pub(super) fn schema() -> Outcome {
    output::json(&policy::json_schema())
}

/// The policy file that governs a directory: there, or in a directory above.
pub(super) fn find(from: &Path) -> Option<PathBuf> {
    let start = from.canonicalize().ok()?;
    start.ancestors().map(|directory| directory.join(POLICY_PATH)).find(|path| path.is_file())
}

fn read(place: &Path) -> Result<(String, String), Report> {
    if place == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(LIMIT).read_to_string(&mut text);
        read.map_err(|error| Report::failed("standard input cannot be read", &error))?;
        return Ok(("standard input".into(), text));
    }
    let path = if place.is_dir() {
        find(place).ok_or_else(|| {
            Report::usage(format!("there is no `{POLICY_PATH}` in `{}` or above it", place.display()))
                .help("write one: `countersign schema` describes it to your editor")
        })?
    } else {
        place.to_owned()
    };
    let mut text = String::new();
    let read = std::fs::File::open(&path).and_then(|file| file.take(LIMIT).read_to_string(&mut text));
    let name = shown(&path);
    read.map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let report = Report::failed(format!("`{name}` cannot be read"), &error);
        if missing {
            Report::usage(format!("there is no file `{name}`")).help("name a policy file, or a directory")
        } else {
            report
        }
    })?;
    Ok((name, text))
}

/// A path as a person in this directory would write it.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let short = here.ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    short.display().to_string()
}

/// Files of the working tree the policy lies in; none for a text that lies in no clone, or is not its policy file.
fn files_beside(place: &Path) -> Option<Vec<RepoPath>> {
    let path = if place.is_dir() { find(place)? } else { place.canonicalize().ok()? };
    let repo = wire::local_repo(path.parent()?).ok()?;
    let root = repo.work_tree()?.canonicalize().ok()?;
    if path.canonicalize().ok()? != root.join(POLICY_PATH) {
        return None;
    }
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            let (path, kind) = (entry.path(), entry.file_type().ok()?);
            if kind.is_dir() {
                if entry.file_name() != ".git" {
                    folders.push(path);
                }
            } else if let Some(path) = path.strip_prefix(&root).ok().and_then(Path::to_str) {
                files.push(RepoPath::new(&path.replace('\\', "/")));
            }
            // a tree larger than this is no place to look for a pattern that matches nothing
            if files.len() > MOST_FILES {
                return None;
            }
        }
    }
    Some(files)
}

/// How many approvals a change of the rules needs, and of whom.
fn control(policy: &Policy) -> String {
    let admins = policy.admins();
    let approvals = output::count(usize::from(admins.effective_required), "approval");
    let named = admins.group.approvers;
    let who = named.teams.iter().map(ToString::to_string).chain(named.users.iter().map(ToString::to_string));
    let who = printable(&who.collect::<Vec<_>>().join(", "));
    let mut text = format!("  control changes need {approvals} of {who}\n");
    for rule in policy.policies() {
        let spare = match spare(rule) {
            Some(0) => "nobody may be away".to_owned(),
            Some(1) => "1 person may be away".to_owned(),
            Some(spare) => format!("{spare} people may be away"),
            None => "teams are not counted here".to_owned(),
        };
        let approvals = output::count(usize::from(rule.required()), "approval");
        text += &format!("  policy {}: {approvals}; {spare}\n", printable(rule.name()));
    }
    text
}

/// How many people of the scarcest group may be away while it can still be filled; `None` where a team is named.
fn spare(rule: &PolicyRule) -> Option<usize> {
    let groups = rule.groups().iter();
    let spares: Option<Vec<usize>> = groups
        .map(|group| {
            let teams = group.approvers.teams.is_empty();
            teams.then(|| group.approvers.users.len().saturating_sub(usize::from(group.required)))
        })
        .collect();
    spares?.into_iter().min()
}

fn strictness(policy: &Policy) -> serde_json::Value {
    let rows = policy
        .policies()
        .iter()
        .map(|rule| json!({"policy": rule.name(), "required": rule.required(), "spare": spare(rule)}));
    json!({"control": policy.admins().effective_required, "policies": rows.collect::<Vec<_>>()})
}

fn verdict(name: &str, policy: Option<&Policy>, (errors, warnings): (usize, usize)) -> String {
    let name = printable(name);
    let found = match (errors, warnings) {
        (0, 0) => None,
        (0, warnings) => Some(output::count(warnings, "warning")),
        (errors, 0) => Some(output::count(errors, "error")),
        (errors, warnings) => {
            Some(format!("{}, {}", output::count(errors, "error"), output::count(warnings, "warning")))
        }
    };
    match (found, policy) {
        (Some(found), _) => {
            let red = colour(AnsiColor::Red);
            format!("{red}✗{red:#} {name}: {found}\n")
        }
        (None, policy) => {
            let green = colour(AnsiColor::Green);
            let size = policy.map(size).unwrap_or_default();
            format!("{green}✔{green:#} {name}: {size}, nothing wrong\n")
        }
    }
}

fn size(policy: &Policy) -> String {
    let (environments, policies) = (policy.environments().len(), policy.policies().len());
    format!("{}, {}", output::count(environments, "environment"), output::count(policies, "policy"))
}

/// The finding as the compiler-like text, with colour on the words a reader looks for.
fn coloured(finding: &Diagnostic, name: &str, source: &str) -> String {
    let word = match finding.severity {
        Severity::Error => colour(AnsiColor::Red),
        Severity::Warning => colour(AnsiColor::Yellow),
        Severity::Note => colour(AnsiColor::Blue),
    };
    let (cyan, blue) = (colour(AnsiColor::Cyan), colour(AnsiColor::Blue));
    let mut text = String::new();
    for (number, line) in finding.render(&printable(name), source).lines().enumerate() {
        let styled = match line.split_once(": ") {
            Some((head, rest)) if number == 0 => format!("{word}{head}{word:#}: {rest}"),
            Some((head @ ("help" | "note"), rest)) => format!("{cyan}{head}{cyan:#}: {rest}"),
            Some(_) | None => match line.split_once(['┌', '│']) {
                Some((gutter, rest)) => {
                    let bar = if line.starts_with(&format!("{gutter}┌")) { '┌' } else { '│' };
                    format!("{blue}{gutter}{bar}{blue:#}{rest}")
                }
                None => line.to_owned(),
            },
        };
        text += &styled;
        text.push('\n');
    }
    text.push('\n');
    text
}
