//! `rollback`: brings the values of an environment back to what they were at a commit or a ledger entry.
//!
//! Who reads them stays as it is today: the old values are sealed anew under today's data key. Nothing is pushed.

use std::path::Path;

use countersign_core::domain::{Oid, Sequence};
use countersign_core::ledger::Entry;
use serde_json::json;
use sops_file::{MAX_BYTES, OpenOptions, SealedDocument};
use zeroize::Zeroizing;

use super::document::Document;
use super::ground::{Far, Ground};
use super::identities::Identity;
use super::place::Place;
use super::revoked::RevokedValues;
use super::{nothing_to_do, open, parse, store_changed, unsealed};
use crate::faces::cli::args::RollbackArgs;
use crate::faces::cli::ledger::reading::{self, Reading, unreadable};
use crate::faces::cli::proposal::{Desk, Files, Proposal, Proposed};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::{self, LocalRepo};

/// Rolls back every document of the environment, or the one that is named.
pub(in crate::faces::cli) fn run(args: RollbackArgs, json: bool) -> Outcome {
    let repo = wire::local_repo(Path::new(".")).map_err(unreadable)?;
    let far = Far::find(&repo, (args.local, &args.proposal), args.ledger.config.as_ref(), &args.environment)?;
    let ground = match &far {
        Some(far) => far.ground(&repo, &args.environment)?,
        None => Ground::here()?,
    };
    let documents = match &args.path {
        Some(path) => vec![ground.place.document(&args.environment, Some(path))?],
        None => ground.place.documents(&args.environment)?,
    };
    let commit = commit(&repo, &args, &ground.place)?;
    let entries = repo.entries(&commit).map_err(unreadable)?;
    let (identity, revoked) = (Identity::gather(), RevokedValues::read(&args.ledger)?);
    let (mut found, mut changed, mut paths, mut absent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for path in documents {
        let now = ground.read(&path)?;
        let Some(entry) = entries.get(&ground.path(&repo, &path)?) else {
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
        // before anything is changed
        revoked.refuse((&then, &parse(&then)?), Some(&parse(&now)?), |_| true)?;
        found.push((path, now, then));
    }
    for (path, now, then) in found {
        if restore(&now, &then, &identity)? {
            changed.push(now.name);
            paths.push(path);
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
    let proposed = match &far {
        Some(far) => propose(&far.desk, &args, &ground.files(&paths)?, &changed, &commit)?,
        None => None,
    };
    if json {
        let request = proposed.as_ref().map(Proposed::to_json);
        return output::json(&json!({
            "version": 1, "commit": commit, "changed": changed, "absent": absent, "pull_request": request,
        }));
    }
    for name in changed {
        output::tell(format!("{name} holds the values of {}", commit.short()));
    }
    match proposed {
        Some(proposed) => proposed.tell(),
        None => output::tell("commit and push it on a branch of its own: it is asked for like any other change"),
    }
    Ok(Exit::FINE)
}

fn propose(
    desk: &Desk,
    args: &RollbackArgs,
    files: &Files,
    changed: &[String],
    commit: &Oid,
) -> Result<Option<Proposed>, Report> {
    let environment = &args.environment;
    let (to, at) = match entry_number(&args.to) {
        Some(number) => (number.label(), format!("{} (commit {commit})", number.label())),
        None => (commit.short().to_owned(), format!("commit {commit}")),
    };
    let title = format!("Roll {environment} back to {to}");
    let names: String = changed.iter().map(|name| format!("- `{name}`\n")).collect();
    let body = format!(
        "Brings back the values of {at} in:\n\n{names}\nThey are sealed anew under today's data key for today's readers.\n"
    );
    desk.propose(&Proposal {
        branch: &format!("rollback/{environment}-{to}"),
        title: &title,
        body: &body,
        files,
        message: &format!("{title}\n\nThe values are those of {at}.\n"),
        draft: false,
    })
}

fn entry_number(text: &str) -> Option<Sequence> {
    text.strip_prefix("L-").and_then(|number| number.parse().ok())
}

/// The commit that is meant: a revision, or what a ledger entry took in or merged.
fn commit(repo: &LocalRepo, args: &RollbackArgs, place: &Place) -> Result<Oid, Report> {
    let Some(wanted) = entry_number(&args.to) else { return reading::commit(repo, &args.to) };
    let reading = Reading::of(&args.ledger)?;
    if !reading.ledger.is_valid() {
        return Err(Report::new(Exit::UNVERIFIED, "the ledger is not valid, so no entry of it can be believed")
            .help("`countersign verify` says what is wrong; a commit can be named instead"));
    }
    if !reading.ledger.is_pinned() {
        let root = reading.ledger.state().root().map(|root| root.to_string()).unwrap_or_default();
        return Err(Report::new(Exit::UNVERIFIED, "trust is not pinned, so anybody could have written that entry")
            .help(format!("if this is your root key, say so with `--trust {root}`; a commit can be named instead")));
    }
    let entry = reading.ledger.entry(wanted).filter(|entry| !entry.void);
    let not = |what: &str| {
        Report::usage(format!("`{}` {what}", args.to))
            .help("name an entry that `countersign ledger show` lists as a merge")
    };
    match entry.map(|entry| &entry.entry) {
        Some(Entry::Merge(merge)) => {
            let touches = merge.approved.entries().iter().any(|entry| place.is_of(&entry.path, &args.environment));
            if touches {
                Ok(merge.commit.clone())
            } else {
                Err(not(&format!("changed nothing in `{}`", args.environment)))
            }
        }
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
            | Entry::Revocation(_)
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
