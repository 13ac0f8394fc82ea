//! The ledger as this clone and its origin have it: fetched, walked, its decisions run again.
//!
//! A ledger that no longer holds what this clone saw before is not valid, whoever signed it.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_core::domain::{Oid, RefName};
use countersign_core::ledger::{KeyFingerprint, Ledger, RawLink, Trust};

use super::fetch::{Fetched, fetch};
use crate::engine::ports::RepoError;
use crate::engine::proof;
use crate::faces::cli::args::LedgerArgs;
use crate::faces::config::{Key, Settings, Sources, read_text};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::{self, LocalRepo};

/// A ledger that was read, and what it was read from.
pub(in crate::faces::cli) struct Reading {
    pub(in crate::faces::cli) repo: LocalRepo,
    pub(in crate::faces::cli) reference: RefName,
    pub(in crate::faces::cli) links: Vec<RawLink>,
    pub(in crate::faces::cli) ledger: Ledger,
}

impl Reading {
    /// Reads the ledger of the clone this process was started in.
    pub(in crate::faces::cli) fn of(args: &LedgerArgs) -> Result<Self, Report> {
        let (reference, trust) = settings(args)?;
        let repo = wire::local_repo(Path::new(".")).map_err(unreadable)?;
        let local = tracking(&reference)?;
        let seen = repo.reference(&local).map_err(unreadable)?;
        let fetched = if args.offline { Fetched::NoOrigin } else { fetch(&reference, &local)? };
        let tip = match fetched {
            Fetched::Done => repo.reference(&local).map_err(unreadable)?,
            Fetched::Absent => None,
            Fetched::NoOrigin => match &seen {
                Some(seen) => Some(seen.clone()),
                None => repo.reference(&reference).map_err(unreadable)?,
            },
        };
        let links = tip.as_ref().map(|tip| links(&repo, tip)).transpose()?.unwrap_or_default();
        let mut ledger = proof::examine(links.clone(), None, &reference, &trust);
        if let Some(seen) = seen.filter(|seen| Some(seen) != tip.as_ref())
            && let Some(head) = proof::examine(self::links(&repo, &seen)?, None, &reference, &trust).head()
            && let Some(commit) = &head.commit
        {
            ledger = ledger.remembered(head.sequence, commit);
        }
        Ok(Self { repo, reference, links, ledger })
    }
}

fn settings(args: &LedgerArgs) -> Result<(RefName, Trust), Report> {
    let mut flags = BTreeMap::new();
    if !args.trust.is_empty() {
        flags.insert(Key::Trust, args.trust.join(" "));
    }
    if let Some(reference) = &args.ledger_ref {
        flags.insert(Key::LedgerRef, reference.clone());
    }
    let sources = Sources::from_process(flags, args.config.as_deref()).map_err(Report::from)?;
    let settings = Settings::resolve(&sources, &read_text).map_err(Report::from)?;
    let text = |key| settings.text(key).unwrap_or_default();
    let reference = RefName::parse(text(Key::LedgerRef))
        .map_err(|error| Report::usage(error).help("write `refs/heads/countersign/ledger`"))?;
    let pins: Result<Vec<_>, _> = text(Key::Trust).split_whitespace().map(KeyFingerprint::parse).collect();
    let pins = pins
        .map_err(|error| Report::usage(error).help("take the whole fingerprint that `countersign keygen` printed"))?;
    Ok((reference, Trust::pinned(pins)))
}

/// The tip of a branch: as `origin` has it now; offline, or without an origin, as it is here. `None`: there is no such branch.
pub(in crate::faces::cli) fn branch(repo: &LocalRepo, branch: &RefName, offline: bool) -> Result<Option<Oid>, Report> {
    let local = tracking(branch)?;
    let fetched = if offline { Fetched::NoOrigin } else { fetch(branch, &local)? };
    match fetched {
        Fetched::Done => repo.reference(&local).map_err(unreadable),
        Fetched::Absent => Ok(None),
        Fetched::NoOrigin => match repo.reference(&local).map_err(unreadable)? {
            Some(seen) => Ok(Some(seen)),
            None => repo.reference(branch).map_err(unreadable),
        },
    }
}

/// Where a reference of the remote stands in this clone.
fn tracking(reference: &RefName) -> Result<RefName, Report> {
    let name = match reference.branch_name() {
        Some(branch) => format!("refs/remotes/origin/{branch}"),
        None => format!("refs/countersign/origin/{}", reference.as_str().trim_start_matches("refs/")),
    };
    RefName::parse(&name).map_err(Report::usage)
}

fn links(repo: &LocalRepo, tip: &Oid) -> Result<Vec<RawLink>, Report> {
    let chain = repo.chain(tip, None).map_err(unreadable)?;
    Ok(chain.into_iter().map(|(commit, envelope)| RawLink { commit, envelope }).collect())
}

/// The commit a revision names.
pub(in crate::faces::cli) fn commit(repo: &LocalRepo, revision: &str) -> Result<Oid, Report> {
    repo.resolve(revision).map_err(|error| match error {
        RepoError::Unreachable(text) => Report::usage(text).help("name a commit, a tag or a branch"),
        other @ (RepoError::Missing(_)
        | RepoError::Later(_)
        | RepoError::Conflict(_)
        | RepoError::LeaseLost(_)
        | RepoError::Refused { .. }) => unreadable(other),
    })
}

/// The clone does not give what was asked.
pub(in crate::faces::cli) fn unreadable(error: RepoError) -> Report {
    let text = match error {
        RepoError::Unreachable(message) | RepoError::Later(message) => message,
        other @ (RepoError::Missing(_)
        | RepoError::Conflict(_)
        | RepoError::LeaseLost(_)
        | RepoError::Refused { .. }) => other.to_string(),
    };
    Report::new(Exit::FAILED, text)
}
