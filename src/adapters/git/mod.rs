//! The `Repo` port: bare clones read and written by libgit2, and a small smart-protocol client of our own over HTTP.
//!
//! Decides nothing. Never has a work tree, runs a hook or a filter, follows a redirect to another host, or writes a token to disk.

mod advert;
mod build;
mod clone;
mod config;
mod fetch;
mod http;
mod local;
mod pktline;
mod pool;
mod push;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::domain::{Delta, Oid, RefName, RepoId, RepoPath, TreeEntry};
use countersign_core::facts::MergeBase;
use git2::Repository;
use reqwest::Client;
use tokio::sync::Semaphore;

pub use config::{GitConfig, InvalidGitConfig};
pub use local::LocalRepo;
pub use read::Chain;

use self::clone::BareClone;
use self::http::Remote;
use self::pool::blocking;
use self::push::Move;
use crate::engine::ports::{
    CommitRead, Composition, Forge, ForgeErrorKind, MergeCommit, NewEntry, Repo, RepoError, RepoRef, UpdateCommit,
};

/// Fetches and pushes at once, over all repositories.
const TRANSFERS: usize = 4;

/// All repositories, one bare clone each. `data_dir` belongs to one process.
pub struct GitRepos {
    config: GitConfig,
    client: Client,
    forge: Arc<dyn Forge>,
    transfers: Semaphore,
    writing: Mutex<BTreeMap<RepoId, Arc<tokio::sync::Mutex<()>>>>,
}

impl GitRepos {
    /// Prepares; nothing is opened or fetched yet. Of `forge` only the Git credentials are asked.
    ///
    /// # Errors
    /// [`RepoError::Later`] when the HTTP client cannot be made.
    pub fn new(config: GitConfig, forge: Arc<dyn Forge>) -> Result<Self, RepoError> {
        let client = http::client(&config)
            .map_err(|error| RepoError::Later(format!("the HTTP client for Git cannot be made: {error}")))?;
        let (transfers, writing) = (Semaphore::new(TRANSFERS), Mutex::default());
        Ok(Self { config, client, forge, transfers, writing })
    }

    fn clone_of(&self, repo: &RepoRef) -> BareClone {
        BareClone::at(self.config.data_dir.join("repos").join(format!("{}.git", repo.id)))
    }

    async fn remote(&self, repo: &RepoRef) -> Result<Remote, RepoError> {
        let credentials = self.forge.git_credentials(repo).await.map_err(|error| match error.kind {
            ForgeErrorKind::NotFound => RepoError::Unreachable(error.to_string()),
            ForgeErrorKind::Later
            | ForgeErrorKind::Wait(_)
            | ForgeErrorKind::Credentials
            | ForgeErrorKind::Forbidden
            | ForgeErrorKind::Refused
            | ForgeErrorKind::Garbled => RepoError::Later(error.to_string()),
        })?;
        Ok(Remote::new(self.client.clone(), self.config.address(&repo.name), &credentials)?)
    }

    /// One writer per clone. Readers need no lock: objects never change, and each reads through a handle of its own.
    async fn transfer<T>(
        &self,
        repo: &RepoRef,
        work: impl Future<Output = Result<T, RepoError>> + Send,
    ) -> Result<T, RepoError> {
        let lock = {
            let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(writing.entry(repo.id).or_default())
        };
        within(self.config.transfer_deadline, async {
            let _writing = lock.lock().await;
            let _place = self.transfers.acquire().await;
            work.await
        })
        .await
    }

    async fn local<T: Send + 'static>(
        &self,
        repo: &RepoRef,
        work: impl FnOnce(&Repository) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let clone = self.clone_of(repo);
        within(self.config.work_deadline, blocking(move || work(&clone.open()?))).await
    }

    async fn send(&self, repo: &RepoRef, wish: &Move<'_>) -> Result<(), RepoError> {
        let clone = self.clone_of(repo);
        let mut remote = self.remote(repo).await?;
        push::push(&mut remote, &clone, wish).await?;
        let (reference, new) = (wish.reference.clone(), wish.new.clone());
        blocking(move || clone.moved(&reference, &new)).await
    }
}

async fn within<T>(deadline: Duration, work: impl Future<Output = Result<T, RepoError>>) -> Result<T, RepoError> {
    let late = |_| RepoError::Later(format!("Git work took longer than {} seconds", deadline.as_secs()));
    tokio::time::timeout(deadline, work).await.map_err(late)?
}

#[async_trait]
impl Repo for GitRepos {
    async fn fetch(&self, repo: &RepoRef, wanted: &[RefName]) -> Result<BTreeMap<RefName, Oid>, RepoError> {
        let clone = self.clone_of(repo);
        self.transfer(repo, async {
            let fresh = clone.clone();
            blocking(move || fresh.ensure()).await?;
            let mut remote = self.remote(repo).await?;
            fetch::fetch(&mut remote, &clone, wanted, self.config.pack_limit).await
        })
        .await
    }

    async fn merge_base(&self, repo: &RepoRef, one: &Oid, other: &Oid) -> Result<MergeBase, RepoError> {
        let (one, other) = (one.clone(), other.clone());
        self.local(repo, move |git| read::merge_base(git, &one, &other)).await
    }

    async fn reaches(&self, repo: &RepoRef, commit: &Oid, ancestor: &Oid) -> Result<bool, RepoError> {
        let (commit, ancestor) = (commit.clone(), ancestor.clone());
        self.local(repo, move |git| read::reaches(git, &commit, &ancestor)).await
    }

    async fn delta(&self, repo: &RepoRef, from: &Oid, to: &Oid) -> Result<Delta, RepoError> {
        let (from, to) = (from.clone(), to.clone());
        self.local(repo, move |git| read::delta(git, &from, &to)).await
    }

    async fn entries(&self, repo: &RepoRef, commit: &Oid) -> Result<BTreeMap<RepoPath, TreeEntry>, RepoError> {
        let commit = commit.clone();
        self.local(repo, move |git| read::entries(git, &commit)).await
    }

    async fn blob(&self, repo: &RepoRef, blob: &Oid, limit: usize) -> Result<Option<Vec<u8>>, RepoError> {
        let blob = blob.clone();
        self.local(repo, move |git| read::blob(git, &blob, limit)).await
    }

    async fn commits(&self, repo: &RepoRef, base: &Oid, head: &Oid) -> Result<Vec<CommitRead>, RepoError> {
        let (base, head) = (base.clone(), head.clone());
        self.local(repo, move |git| read::commits(git, &base, &head)).await
    }

    async fn chain(
        &self,
        repo: &RepoRef,
        tip: &Oid,
        above: Option<&Oid>,
    ) -> Result<Vec<(Oid, Option<Vec<u8>>)>, RepoError> {
        let (tip, above) = (tip.clone(), above.cloned());
        self.local(repo, move |git| read::chain(git, &tip, above.as_ref())).await
    }

    async fn append(
        &self,
        repo: &RepoRef,
        ledger: &RefName,
        (tip, held): (Option<&Oid>, Option<&Oid>),
        entries: &[NewEntry],
    ) -> Result<Oid, RepoError> {
        let (old, entries) = (tip.cloned(), entries.to_vec());
        let clone = self.clone_of(repo);
        self.transfer(repo, async {
            let new = blocking(move || {
                clone.ensure()?;
                build::ledger_commits(&clone.open()?, old.as_ref(), &entries)
            });
            let new = new.await?;
            self.send(repo, &Move { reference: ledger, old: held, new: &new }).await?;
            Ok(new)
        })
        .await
    }

    async fn merge_commit(&self, repo: &RepoRef, merge: &MergeCommit) -> Result<Oid, RepoError> {
        let merge = merge.clone();
        self.local(repo, move |git| build::merge_commit(git, &merge)).await
    }

    async fn update_commit(&self, repo: &RepoRef, update: &UpdateCommit) -> Result<Oid, RepoError> {
        let update = update.clone();
        self.local(repo, move |git| build::update_commit(git, &update)).await
    }

    async fn compose(&self, repo: &RepoRef, composition: &Composition) -> Result<Oid, RepoError> {
        let composition = composition.clone();
        self.local(repo, move |git| build::compose(git, &composition)).await
    }

    async fn push(&self, repo: &RepoRef, branch: &RefName, old: Option<&Oid>, new: &Oid) -> Result<(), RepoError> {
        self.transfer(repo, self.send(repo, &Move { reference: branch, old, new })).await
    }
}
