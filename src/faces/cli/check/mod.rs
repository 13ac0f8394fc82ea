//! `check` and `schema`: faults of the policy file and of the repository it governs, each with place and help, for people, for
//! machines, for code scanning and for a workflow run; and the schema editors use.

mod files;
mod finding;
mod fix;
mod github;
mod history;
mod sarif;
mod templates;
mod text;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use countersign_core::ledger::POLICY_PATH;
use countersign_core::policy::{self, Policy};
use serde_json::json;

use self::files::Files;
use self::finding::{Count, Finding};
use super::args::{CheckArgs, Shape};
use super::{Outcome, output};
use crate::engine::lint::Integrity;
use crate::faces::exit::{Exit, Report};

/// Largest policy file read: its parser refuses less.
const LIMIT: u64 = 16 << 20;

/// Checks a policy file, and the repository it governs. Errors and warnings are findings, notes are not.
pub(super) fn run(args: &CheckArgs, json: bool) -> Outcome {
    let shape = if json { Shape::Json } else { args.format };
    let path = path(&args.place)?;
    let (name, mut text) = read(path.as_deref())?;
    if args.fix {
        text = mend(path.as_deref(), &name, text)?;
    }
    let files = path.as_deref().and_then(Files::beside);
    // machines are told where it stands in the repository, people where it stands from here
    let own = match (&files, shape) {
        (Some(_), Shape::Json | Shape::Sarif | Shape::Github) => Files::policy_name(),
        (Some(_), Shape::Text) | (None, _) => name.clone(),
    };
    let in_policy = |diagnostic| Finding { file: own.clone(), diagnostic, commit: None, source: text.clone() };
    if let Some(revision) = &args.history {
        return of_the_past(&text, files.as_ref(), revision.as_deref(), shape);
    }
    let mut integrity = Integrity::default();
    let (policy, mut findings): (_, Vec<Finding>) = match policy::parse(&text) {
        Ok(policy) => {
            let mut findings = policy::lint(&policy);
            if let Some(files) = &files {
                findings.extend(policy::lint_files(&policy, &files.paths()));
                findings.sort_by_key(|finding| (finding.place, finding.code));
            }
            let mut findings: Vec<_> = findings.into_iter().map(in_policy).collect();
            if let Some(files) = &files {
                let (more, seen) = files.lint(&policy)?;
                findings.extend(more);
                integrity = seen;
            }
            (Some(policy), findings)
        }
        Err(findings) => (None, findings.into_iter().map(in_policy).collect()),
    };
    findings.extend(path.as_deref().map(templates::beside).unwrap_or_default());
    let count = Count::of(&findings);
    match shape {
        Shape::Json => {
            let strictness = policy.as_ref().map(text::strictness);
            let integrity = json!({"verified": integrity.verified, "unverified": integrity.unverified});
            output::json(&json!({
                "version": 1, "file": own, "findings": findings, "count": count, "strictness": strictness,
                "integrity": integrity,
            }))?;
        }
        Shape::Sarif | Shape::Github => return for_machines(&findings, shape),
        Shape::Text => {
            output::say(&findings.iter().map(text::coloured).collect::<String>())?;
            let elsewhere = findings.iter().any(|finding| finding.file != own);
            let about = if elsewhere { "the repository" } else { &name };
            output::say(&text::verdict(about, policy.as_ref(), count))?;
            output::say(&policy.as_ref().map(text::control).unwrap_or_default())?;
            output::say(&text::integrity(integrity))?;
        }
    }
    Ok(exit(count))
}

/// A policy to work with; `what` it is called when it cannot be used.
pub(super) fn usable(text: &str, what: &str) -> Result<Policy, Report> {
    policy::parse(text).map_err(|findings| {
        let first = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        Report::new(Exit::FINDINGS, format!("{what} cannot be used: {first}"))
            .help("`countersign check` shows every fault of it")
    })
}

/// The same for the text of a file.
pub(super) fn usable_file(text: &str, file: &Path) -> Result<Policy, Report> {
    usable(text, &format!("`{}`", shown(file)))
}

/// Looks at what stood there before instead of at what stands there.
fn of_the_past(text: &str, files: Option<&Files>, revision: Option<&str>, shape: Shape) -> Outcome {
    let policy = usable(text, "the policy")?;
    let files = files.ok_or_else(|| {
        Report::usage("there is no history beside this policy").help("run it in a clone whose policy file this is")
    })?;
    let looked = history::look(files.root(), &policy, revision)?;
    let count = Count::of(&looked.findings);
    match shape {
        Shape::Json => {
            output::json(&json!({
                "version": 1, "findings": looked.findings, "count": count, "commits": looked.commits,
                "versions": looked.versions, "too_large": looked.too_large, "shallow": looked.shallow,
            }))?;
        }
        Shape::Sarif | Shape::Github => return for_machines(&looked.findings, shape),
        Shape::Text => {
            output::say(&looked.findings.iter().map(text::coloured).collect::<String>())?;
            output::say(&text::history(&looked, count))?;
        }
    }
    // what was not looked at is not in order
    let whole = looked.too_large == 0 && !looked.shallow;
    Ok(if whole || !count.is_clean() { exit(count) } else { Exit::PENDING })
}

/// Findings as code scanning and workflow runs take them.
fn for_machines(findings: &[Finding], shape: Shape) -> Outcome {
    match shape {
        // who reads SARIF expects findings in it, not in the exit code
        Shape::Sarif => output::json(&sarif::log(findings)),
        Shape::Github | Shape::Text | Shape::Json => {
            output::raw(github::annotations(findings).as_bytes())?;
            Ok(exit(Count::of(findings)))
        }
    }
}

fn exit(count: Count) -> Exit {
    if count.is_clean() { Exit::FINE } else { Exit::FINDINGS }
}

/// Puts right in the file what is certain, and says so.
fn mend(path: Option<&Path>, name: &str, text: String) -> Result<String, Report> {
    let Some(path) = path else {
        return Err(Report::usage("standard input cannot be put right").help("name the policy file"));
    };
    let (fixed, done) = fix::fixed(&text);
    if done == 0 {
        return Ok(text);
    }
    fix::store(path, &fixed)?;
    output::tell(format!("put right in {name}: {}", output::count(done, "misspelt field")));
    Ok(fixed)
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

/// The policy file that was named; none for standard input.
fn path(place: &Path) -> Result<Option<PathBuf>, Report> {
    if place == Path::new("-") {
        return Ok(None);
    }
    if !place.is_dir() {
        return Ok(Some(place.to_owned()));
    }
    find(place).map(Some).ok_or_else(|| {
        Report::usage(format!("there is no `{POLICY_PATH}` in `{}` or above it", place.display()))
            .help("write one: `countersign schema` describes it to your editor")
    })
}

fn read(path: Option<&Path>) -> Result<(String, String), Report> {
    let mut text = String::new();
    let Some(path) = path else {
        let read = std::io::stdin().lock().take(LIMIT).read_to_string(&mut text);
        read.map_err(|error| Report::failed("standard input cannot be read", &error))?;
        return Ok(("standard input".into(), text));
    };
    let read = std::fs::File::open(path).and_then(|file| file.take(LIMIT).read_to_string(&mut text));
    let name = shown(path);
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
