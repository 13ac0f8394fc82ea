//! A user's own clone, read by the command line: no server, no network.
//!
//! Never writes to it. A shallow clone is refused where the missing part would change the answer.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_core::domain::{Delta, Oid, RefName, RepoPath, TreeEntry};
use countersign_core::facts::MergeBase;
use git2::{ErrorCode, Repository};

use super::read::{self, Chain};
use crate::engine::ports::{CommitRead, RepoError};

/// A clone on the user's machine, work tree or bare.
pub struct LocalRepo {
    git: Repository,
}

impl LocalRepo {
    /// Opens the repository `path` is in.
    ///
    /// # Errors
    /// [`RepoError::Unreachable`] when there is none, or when it belongs to another user.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RepoError> {
        let git = Repository::discover(path).map_err(|error| {
            let absent = error.code() == ErrorCode::NotFound;
            let none = "there is no Git repository here\nhelp: run this inside a clone";
            RepoError::Unreachable(if absent { none } else { error.message() }.to_owned())
        })?;
        Ok(Self { git })
    }

    /// Root of the work tree, if there is one.
    #[must_use]
    pub fn work_tree(&self) -> Option<&Path> {
        self.git.workdir()
    }

    /// Commit a revision names (`HEAD`, `main`, `v1.2^`, a full or short id).
    ///
    /// # Errors
    /// [`RepoError::Unreachable`] when it names no commit, or several.
    pub fn resolve(&self, revision: &str) -> Result<Oid, RepoError> {
        let found = self.git.revparse_single(revision).and_then(|object| object.peel_to_commit());
        let commit = found.map_err(|_| RepoError::Unreachable(format!("`{revision}` names no commit")))?;
        Ok(read::ours(commit.id()))
    }

    /// What a reference points to; `None` when it does not exist.
    ///
    /// # Errors
    /// [`RepoError::Later`] when the reference cannot be read.
    pub fn reference(&self, name: &RefName) -> Result<Option<Oid>, RepoError> {
        match self.git.refname_to_id(name.as_str()) {
            Ok(oid) => Ok(Some(read::ours(oid))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(read::broken(&error)),
        }
    }

    /// Every entry of a commit's tree. Errors as [`Repo::entries`](crate::engine::ports::Repo::entries).
    ///
    /// # Errors
    /// [`RepoError::Missing`] when an object is not there.
    pub fn entries(&self, commit: &Oid) -> Result<BTreeMap<RepoPath, TreeEntry>, RepoError> {
        read::entries(&self.git, commit)
    }

    /// Bytes of a blob; `None` when larger than `limit` bytes.
    ///
    /// # Errors
    /// [`RepoError::Missing`] when the object is not there or no blob.
    pub fn blob(&self, blob: &Oid, limit: usize) -> Result<Option<Vec<u8>>, RepoError> {
        read::blob(&self.git, blob, limit)
    }

    /// Whole-tree difference of two commits (R4).
    ///
    /// # Errors
    /// [`RepoError::Missing`] when an object is not there.
    pub fn delta(&self, from: &Oid, to: &Oid) -> Result<Delta, RepoError> {
        read::delta(&self.git, from, to)
    }

    /// Merge base of two commits (R3).
    ///
    /// # Errors
    /// [`RepoError::Missing`] when a commit is not there; [`RepoError::Unreachable`] in a shallow clone.
    pub fn merge_base(&self, one: &Oid, other: &Oid) -> Result<MergeBase, RepoError> {
        read::merge_base(self.whole()?, one, other)
    }

    /// Whether `ancestor` is `commit` or below it.
    ///
    /// # Errors
    /// As [`Self::merge_base`].
    pub fn reaches(&self, commit: &Oid, ancestor: &Oid) -> Result<bool, RepoError> {
        read::reaches(self.whole()?, commit, ancestor)
    }

    /// Commits of `head` that `base` lacks, newest first.
    ///
    /// # Errors
    /// As [`Self::merge_base`].
    pub fn commits(&self, base: &Oid, head: &Oid) -> Result<Vec<CommitRead>, RepoError> {
        read::commits(self.whole()?, base, head)
    }

    /// The ledger, oldest first: commit and its `entry.json`, if it has one; above `above` only.
    ///
    /// # Errors
    /// As [`Self::merge_base`].
    pub fn chain(&self, tip: &Oid, above: Option<&Oid>) -> Result<Chain, RepoError> {
        read::chain(self.whole()?, tip, above)
    }

    fn whole(&self) -> Result<&Repository, RepoError> {
        if self.git.is_shallow() {
            let message = "this clone is shallow: its history is cut off\nhelp: run `git fetch --unshallow`";
            return Err(RepoError::Unreachable(message.to_owned()));
        }
        Ok(&self.git)
    }
}
