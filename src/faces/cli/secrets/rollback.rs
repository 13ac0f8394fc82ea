//! `rollback`: brings the values of an environment back to what they were at a commit or a ledger entry.
//!
//! Who reads them stays as it is today: the old values are sealed anew under today's data key. Nothing is pushed.

use std::path::{Path, PathBuf};

use countersign_core::domain::{Oid, RepoPath, Sequence};
use countersign_core::ledger::Entry;
use serde_json::json;
use sops_file::{MAX_BYTES, OpenOptions, SealedDocument};
use zeroize::Zeroizing;

use super::document::Document;
use super::identities::Identity;
use super::place::Place;
use super::{nothing_to_do, open, parse, store_changed, unsealed};
use crate::faces::cli::args::RollbackArgs;
use crate::faces::cli::ledger::reading::{self, Reading, unreadable};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::{self, LocalRepo};

/// Rolls back every document of the environment, or the one that is named.
pub(in crate::faces::cli) fn run(args: RollbackArgs, json: bool) -> Outcome {
    let place = Place::here()?;
    let documents = match &args.path {
        Some(path) => vec![place.document(&args.environment, Some(path))?],
        None => place.documents(&args.environment)?,
    };
    let repo = wire::local_repo(Path::new(".")).map_err(unreadable)?;
    let commit = commit(&repo, &args)?;
    let entries = repo.entries(&commit).map_err(unreadable)?;
    let identity = Identity::gather();
    let (mut changed, mut absent) = (Vec::new(), Vec::new());
    for path in documents {
        let now = Document::read(&path, None)?;
        let Some(entry) = entries.get(&in_repository(&repo, &path)?) else {
            absent.push(now.name);
            continue;
        };
        let bytes = repo.blob(&entry.oid, MAX_BYTES).map_err(unreadable)?.unwrap_or_default();
        let then = Document {
            name: format!("{} at {}", now.name, commit.short()),
            format: now.format,
            bytes: Zeroizing::new(bytes),
            file: None,
        };
        if restore(&now, &then, &identity)? {
            changed.push(now.name);
        }
    }
    for name in &absent {
        output::warn(
            format!("`{name}` was not there at {}", commit.short()),
            "it stays as it is; `git rm` takes it out",
        );
    }
    if changed.is_empty() {
        return nothing_to_do(&format!("every value is what it was at {}", commit.short()), false);
    }
    if json {
        return output::json(&json!({"version": 1, "commit": commit, "changed": changed, "absent": absent}));
    }
    for name in changed {
        output::tell(format!("{name} holds the values of {}", commit.short()));
    }
    output::tell("commit and push it on a branch of its own: it is asked for like any other change");
    Ok(Exit::FINE)
}

/// The commit that is meant: a revision, or what a ledger entry took in or merged.
fn commit(repo: &LocalRepo, args: &RollbackArgs) -> Result<Oid, Report> {
    let number = args.to.strip_prefix("L-").and_then(|number| number.parse::<Sequence>().ok());
    let Some(wanted) = number else { return reading::commit(repo, &args.to) };
    let reading = Reading::of(&args.ledger)?;
    if !reading.ledger.is_valid() {
        return Err(Report::new(Exit::UNVERIFIED, "the ledger is not valid, so no entry of it can be believed")
            .help("`countersign verify` says what is wrong; a commit can be named instead"));
    }
    let entry = reading.ledger.entry(wanted);
    let not = |what: &str| {
        Report::usage(format!("`{}` {what}", args.to))
            .help("name an entry that `countersign ledger show` lists as a merge")
    };
    match entry.map(|entry| &entry.entry) {
        Some(Entry::Merge(merge)) => Ok(merge.commit.clone()),
        Some(Entry::Adopted(adopted)) => Ok(adopted.commit.clone()),
        Some(
            Entry::Policy(_)
            | Entry::Key(_)
            | Entry::Push(_)
            | Entry::Vote(_)
            | Entry::Decision(_)
            | Entry::PutBack(_)
            | Entry::Bypass(_)
            | Entry::Ratification(_)
            | Entry::Sync(_),
        ) => Err(not("merged nothing")),
        None => Err(not("is not in the ledger")),
    }
}

/// Puts the old values under today's metadata. `false`: they are the same.
fn restore(now: &Document, then: &Document, identity: &Identity) -> Result<bool, Report> {
    let (sealed, before) = (parse(now)?, parse(then)?);
    let mut opened = open(now, &sealed, identity, false)?;
    let old = version(&opened, &sealed, (then, &before), identity)?;
    let plain = old.to_plain().map_err(|fault| unsealed(then, &fault))?;
    if opened.to_plain().map_err(|fault| unsealed(now, &fault))? == plain {
        return Ok(false);
    }
    opened.replace_with(&plain).map_err(|fault| unsealed(now, &fault))?;
    store_changed(now, &sealed, opened, identity, |again| again.to_plain().is_ok_and(|again| again == plain))?;
    Ok(true)
}

fn version(
    opened: &sops_file::OpenedDocument,
    now: &SealedDocument,
    (then, before): (&Document, &SealedDocument),
    identity: &Identity,
) -> Result<sops_file::OpenedDocument, Report> {
    if now.metadata().groups() == before.metadata().groups()
        && let Ok(old) = opened.open_version(before, OpenOptions::default())
    {
        return Ok(old);
    }
    open(then, before, identity, false)
}

fn in_repository(repo: &LocalRepo, path: &Path) -> Result<RepoPath, Report> {
    let outside =
        || Report::usage(format!("`{}` is outside the repository", path.display())).help("run this inside the clone");
    let root: PathBuf = repo.work_tree().and_then(|root| root.canonicalize().ok()).ok_or_else(outside)?;
    let whole = path.canonicalize().map_err(|_| outside())?;
    let below = whole.strip_prefix(&root).map_err(|_| outside())?;
    Ok(RepoPath::new(&below.to_string_lossy().replace('\\', "/")))
}
