//! `merge`: three versions of a document, merged key by key; also as git's merge driver and merge tool.
//!
//! Writes no markers: what both sides changed differently is named, and the file stays as it was. Files that are not sealed are left
//! to git's own merge of lines.

use std::path::{Path, PathBuf};
use std::process::Command;

use sops_file::merge::{Conflict, MergeError, Outcome as Merged, Scope, merge};
use sops_file::{Format, OpenOptions, OpenedDocument, ParseError, SealedDocument};

use super::document::Document;
use super::identities::Identity;
use super::{now, open, store, unreadable};
use crate::faces::cli::args::MergeArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// The three versions and where the result goes.
struct Task {
    /// The document, as a person names it.
    name: String,
    base: Document,
    ours: Document,
    theirs: Document,
    driver: bool,
    output: Option<PathBuf>,
}

/// Merges. As git's driver every failure is a conflict: git then leaves the file unmerged, and nothing is lost.
pub(in crate::faces::cli) fn run(args: MergeArgs, json: bool) -> Outcome {
    let driver = args.driver;
    match merged(args) {
        Err(report) if driver => {
            report.print(json);
            Ok(Exit::FAILED)
        }
        outcome => outcome,
    }
}

fn merged(args: MergeArgs) -> Outcome {
    let task = Task::of(args)?;
    if task.driver && task.base.bytes.is_empty() {
        return Err(Report::new(Exit::REFUSED, format!("`{}` was added on both sides", task.name))
            .help("take one side with `git checkout --ours` or `--theirs`, and put the other's values in with `countersign edit`"));
    }
    let all = [&task.base, &task.ours, &task.theirs];
    if task.driver && all.iter().all(|document| is_unsealed(document)) {
        return lines(&task);
    }
    let mut sealed = Vec::with_capacity(all.len());
    for document in all {
        let read = SealedDocument::parse(&document.bytes, document.format);
        sealed.push(read.map_err(|fault| unreadable(document, &fault))?);
    }
    let identity = Identity::gather();
    let base = open(&task.base, &sealed[0], &identity, false)?;
    let ours = version(&base, &sealed[0], (&task.ours, &sealed[1]), &identity)?;
    let theirs = version(&base, &sealed[0], (&task.theirs, &sealed[2]), &identity)?;
    match merge(&base, &ours, &theirs, Scope::Everything, now()?) {
        Ok(Merged::Merged(bytes)) => task.store(&bytes),
        Ok(Merged::Conflicts(conflicts)) => Err(task.conflict(&conflicts)),
        Err(fault) => Err(task.fault(&fault)),
    }
}

/// Another version: equal stanzas hold one data key, which is not asked for again.
fn version(
    base: &OpenedDocument,
    before: &SealedDocument,
    (document, sealed): (&Document, &SealedDocument),
    identity: &Identity,
) -> Result<OpenedDocument, Report> {
    if before.metadata().groups() == sealed.metadata().groups()
        && let Ok(opened) = base.open_version(sealed, OpenOptions::default())
    {
        return Ok(opened);
    }
    open(document, sealed, identity, false)
}

fn is_unsealed(document: &Document) -> bool {
    match SealedDocument::parse(&document.bytes, document.format) {
        Err(ParseError::NotSealed | ParseError::NotText { .. }) => true,
        // anything can have a name that promises nothing
        Err(_) => document.format == Format::Binary,
        Ok(_) => false,
    }
}

/// Git's merge of lines, for files of ours that are not sealed.
fn lines(task: &Task) -> Outcome {
    let file = |document: &Document| document.file.clone().unwrap_or_default();
    let run = Command::new("git")
        .args(["merge-file", "-L", "ours", "-L", "base", "-L", "theirs"])
        .args([file(&task.ours), file(&task.base), file(&task.theirs)])
        .status()
        .map_err(|error| Report::failed("git cannot be started", &error))?;
    Ok(if run.success() { Exit::FINE } else { Exit::FAILED })
}

impl Task {
    fn of(args: MergeArgs) -> Result<Self, Report> {
        let (versions, path) = match (args.operands.as_slice(), args.driver) {
            ([base, ours, theirs, path], true) => ([base, ours, theirs], Some(path)),
            ([base, ours, theirs], false) => ([base, ours, theirs], None),
            (_, true) => return Err(Report::usage("git's driver takes four operands").help("see `docs/git.md`")),
            (_, false) => return Err(Report::usage("three versions are needed").help("name BASE, OURS and THEIRS")),
        };
        let name = path.unwrap_or(versions[1]).display().to_string();
        let format = args.input_type.unwrap_or_else(|| Format::of_path(&name));
        let read = |path: &Path, side: &str| {
            let document = Document::read(path, Some(format))?;
            let name = if args.driver { format!("{name} ({side})") } else { document.name.clone() };
            Ok::<_, Report>(Document { name, ..document })
        };
        Ok(Self {
            base: read(versions[0], "base")?,
            ours: read(versions[1], "ours")?,
            theirs: read(versions[2], "theirs")?,
            name,
            driver: args.driver,
            output: args.output,
        })
    }

    fn store(&self, bytes: &[u8]) -> Outcome {
        if self.driver {
            self.ours.replace(bytes, |_| Ok(()))?;
            return Ok(Exit::FINE);
        }
        let Some(path) = &self.output else { return output::raw(bytes) };
        let was = std::fs::read(path).ok();
        store::replace(path, bytes, was.as_deref(), |_| Ok(()))?;
        Ok(Exit::FINE)
    }

    fn conflict(&self, conflicts: &[Conflict]) -> Report {
        let count = output::count(conflicts.len(), "conflict");
        let report = Report::new(Exit::REFUSED, format!("`{}` is not merged: {count}", self.name));
        let report = conflicts.iter().fold(report, Report::cause);
        match self.driver {
            true => report.help("the file is as you had it: take a side with `git checkout --ours` or `--theirs`, set these keys, and `git add` it"),
            false => report.help("take one side, and set these keys in it"),
        }
    }

    fn fault(&self, fault: &MergeError) -> Report {
        let exit = match fault {
            MergeError::Formats => Exit::USAGE,
            MergeError::Unverified => Exit::of_sops(51),
            MergeError::Layout(_) => Exit::REFUSED,
            MergeError::Seal(fault) => Exit::of_sops(fault.exit_code()),
        };
        Report::new(exit, format!("`{}`: {fault}", self.name)).help(fault.help())
    }
}
