//! Lists of pull requests.
//!
//! Each entry is checked to belong to the repository asked about. Says nothing about who may do what.

use std::collections::BTreeSet;

use countersign_core::domain::{Oid, PrNumber, RefName, RepoName};
use countersign_core::facts::question::ChangeSummary;

use super::address::encode;
use super::client::Call;
use super::fault::Fault;
use super::reads::another_repository;
use super::wire::PullWire;
use super::{GitHub, reading};
use crate::engine::ports::RepoRef;

impl GitHub {
    /// `GET /repos/{owner}/{repo}/pulls?state=open`.
    pub(super) async fn open_changes(&self, repo: &RepoRef) -> Result<Vec<ChangeSummary>, Fault> {
        Ok(self.pulls(repo, "?state=open&sort=created&direction=desc&per_page=100").await?.0)
    }

    /// `GET /repos/{owner}/{repo}/pulls?head=owner:branch&base=…`, newest first. `state`: `open` or `all`.
    pub(super) async fn changes_of_branch(
        &self,
        repo: &RepoRef,
        head: &RefName,
        base: &RefName,
        state: &str,
    ) -> Result<Vec<ChangeSummary>, Fault> {
        let rest = |name: &RepoName| {
            format!(
                "?state={state}&head={}%3A{}&base={}&sort=created&direction=desc&per_page=100",
                encode(name.owner()),
                encode(head.short()),
                encode(base.short()),
            )
        };
        let name = self.present_name(repo);
        let (mut changes, moved) = self.pulls(repo, &rest(&name)).await?;
        if moved {
            // The owner in `head` may be the old one, which matches nothing.
            changes = self.pulls(repo, &rest(&self.present_name(repo))).await?.0;
        }
        changes.retain(|change| change.head_ref.as_ref() == Some(head) && change.base == *base);
        Ok(changes)
    }

    /// `GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls`: what a commit on a branch came in with.
    pub(super) async fn changes_of_commit(&self, repo: &RepoRef, commit: &Oid) -> Result<Vec<ChangeSummary>, Fault> {
        let rest = format!("/commits/{commit}/pulls?per_page=100");
        Ok(self.list(repo, "repos.commitPulls", &rest).await?.0)
    }

    async fn pulls(&self, repo: &RepoRef, rest: &str) -> Result<(Vec<ChangeSummary>, bool), Fault> {
        self.list(repo, "pulls.list", &format!("/pulls{rest}")).await
    }

    async fn list(
        &self,
        repo: &RepoRef,
        operation: &'static str,
        rest: &str,
    ) -> Result<(Vec<ChangeSummary>, bool), Fault> {
        let mut pages = self.client.pages(Call::get(operation, reading(repo), self.repo_path(repo, rest)));
        let (mut changes, mut moved, mut seen) = (Vec::new(), false, BTreeSet::new());
        while let Some(reply) = pages.next_reply().await? {
            if reply.moved && !moved {
                moved = true;
                self.follow_rename(repo, &reply).await?;
            }
            for wire in reply.json::<Vec<PullWire>>()? {
                // A request opened while we page shifts others to the next page.
                if let (Some(change), true) = (summary(repo, &wire)?, seen.insert(wire.number)) {
                    changes.push(change);
                }
            }
        }
        Ok((changes, moved))
    }
}

/// `None` for a base that cannot be a reference of ours.
fn summary(repo: &RepoRef, wire: &PullWire) -> Result<Option<ChangeSummary>, Fault> {
    let operation = "pulls.list";
    check_base(operation, repo, wire)?;
    let Ok(base) = RefName::branch(&wire.base.name) else { return Ok(None) };
    Ok(Some(ChangeSummary {
        number: PrNumber::new(wire.number),
        head_ref: head_ref(repo, wire),
        head: Oid::parse(&wire.head.sha).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?,
        base,
        open: wire.is_open(),
        merged: wire.is_merged(),
        updated: wire.updated_at.clone(),
    }))
}

/// The base of a pull request is always in its own repository, and names it.
pub(super) fn check_base(operation: &'static str, repo: &RepoRef, wire: &PullWire) -> Result<(), Fault> {
    match &wire.base.repo {
        Some(base) if base.id == repo.id.get() => Ok(()),
        Some(base) => Err(another_repository(operation, repo, base.id)),
        None => Err(Fault::garbled(operation, "a pull request names no base repository")),
    }
}

/// The head branch, when it is in this repository.
pub(super) fn head_ref(repo: &RepoRef, wire: &PullWire) -> Option<RefName> {
    let is_ours = wire.head.repo.as_ref().is_some_and(|head| head.id == repo.id.get());
    is_ours.then(|| RefName::branch(&wire.head.name).ok()).flatten()
}
