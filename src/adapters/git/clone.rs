//! Our bare clone of a repository: made, filled, and its references kept like the remote's.
//!
//! No work tree, no hooks, no filters, no remote in its configuration. A pack is first put aside, checked to be connected, and
//! only then made part of the clone; so whatever commit the clone has, it has everything below it.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::domain::{Oid, RefName};
use git2::{ErrorCode, Indexer, ObjectType, Repository, RepositoryInitOptions};
use tokio::sync::mpsc;

use super::read::{broken, ours, theirs};
use crate::engine::ports::RepoError;

/// Tips named as had.
const HAVE_TIPS: usize = 512;

/// Recent commits named as had, so that a rewritten branch still finds common ground.
const HAVE_COMMITS: usize = 256;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// What to ask the remote for.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// Tips we do not have.
    pub(super) wants: Vec<Oid>,
    /// Commits we have.
    pub(super) haves: Vec<Oid>,
}

/// A piece of a pack, or its proper end.
pub(super) enum Part {
    /// More.
    Bytes(Vec<u8>),
    /// That was all.
    End,
}

/// A clone on disk.
#[derive(Debug, Clone)]
pub(super) struct BareClone {
    path: PathBuf,
}

impl BareClone {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Opens the clone; somebody else's repository is never searched for.
    pub(super) fn open(&self) -> Result<Repository, RepoError> {
        Repository::open_bare(&self.path).map_err(|error| {
            let absent = error.code() == ErrorCode::NotFound;
            if absent { RepoError::Later("the repository has not been fetched yet".to_owned()) } else { broken(&error) }
        })
    }

    /// Makes the clone unless it is there, and clears what an interrupted fetch may have left.
    pub(super) fn ensure(&self) -> Result<(), RepoError> {
        if self.path.join("HEAD").exists() {
            return self.sweep().map_err(|error| disk(&error));
        }
        let fresh = self.path.with_extension(format!("new-{}", unique()));
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).no_reinit(true).mkpath(true).initial_head("main");
        Repository::init_opts(&fresh, &options).map_err(|error| broken(&error))?;
        let finish = || {
            fs::create_dir_all(fresh.join("info"))?;
            // Above every attribute file of the machine, so that a merge is the same everywhere.
            fs::write(fresh.join("info/attributes"), "* merge=text\n")?;
            fs::rename(&fresh, &self.path)
        };
        finish().map_err(|error| disk(&error))
    }

    /// Which of the remote's tips we lack, and what to say we have.
    pub(super) fn lacking(&self, tips: &[Oid]) -> Result<Lacking, RepoError> {
        let git = self.open()?;
        let odb = git.odb().map_err(|error| broken(&error))?;
        let mut wants: Vec<Oid> = Vec::new();
        for tip in tips {
            if !odb.exists(theirs(tip)?) && !wants.contains(tip) {
                wants.push(tip.clone());
            }
        }
        if wants.is_empty() {
            return Ok(Lacking::default());
        }
        Ok(Lacking { wants, haves: had(&git).map_err(|error| broken(&error))? })
    }

    /// Takes a pack in: indexed aside, checked, then moved into place.
    pub(super) fn take_in(&self, mut parts: mpsc::Receiver<Part>, wants: &[Oid]) -> Result<(), RepoError> {
        let aside = Aside::new(&self.path).map_err(|error| disk(&error))?;
        let git = self.open()?;
        let odb = git.odb().map_err(|error| broken(&error))?;
        // libgit2's own connectivity check takes a submodule's commit for a missing object: it stays off, ours follows.
        let mut indexer = Indexer::new(Some(&odb), &aside.pack(), 0, false).map_err(|error| broken(&error))?;
        loop {
            match parts.blocking_recv() {
                Some(Part::Bytes(bytes)) => indexer.write_all(&bytes).map_err(|error| disk(&error))?,
                Some(Part::End) => break,
                None => return Err(RepoError::Later("the transfer broke off".to_owned())),
            }
        }
        let name = indexer.commit().map_err(|error| broken(&error))?;
        self.connected(&aside, wants)?;
        aside.keep(&name, &self.path.join("objects/pack")).map_err(|error| disk(&error))
    }

    /// Makes the references below `refs/remote/` those of the remote: all branches, and `wanted`.
    pub(super) fn store(&self, refs: &BTreeMap<RefName, Oid>, wanted: &[RefName]) -> Result<(), RepoError> {
        let git = self.open()?;
        let gone = |name: &str| {
            let name = RefName::parse(&name.replacen("refs/remote/", "refs/", 1));
            name.is_ok_and(|name| !refs.contains_key(&name) && (name.branch_name().is_some() || wanted.contains(&name)))
        };
        let mut present = BTreeMap::new();
        for reference in git.references_glob("refs/remote/*").map_err(|error| broken(&error))? {
            let mut reference = reference.map_err(|error| broken(&error))?;
            let name = reference.name().unwrap_or_default().to_owned();
            if gone(&name) {
                reference.delete().map_err(|error| broken(&error))?;
            } else if let Some(oid) = reference.target() {
                present.insert(name, oid);
            }
        }
        for (name, oid) in refs {
            let (kept, oid) = (kept_as(name), theirs(oid)?);
            if present.get(&kept) != Some(&oid) {
                note(&git, &kept, oid);
            }
        }
        Ok(())
    }

    /// Notes one reference as we have just moved it at the remote.
    pub(super) fn moved(&self, name: &RefName, oid: &Oid) -> Result<(), RepoError> {
        note(&self.open()?, &kept_as(name), theirs(oid)?);
        Ok(())
    }

    /// Walks everything new below `wants`: each object must be here, of the kind its referrer says.
    fn connected(&self, aside: &Aside, wants: &[Oid]) -> Result<(), RepoError> {
        let before = self.open()?;
        let before = before.odb().map_err(|error| broken(&error))?;
        let git = self.open()?;
        let odb = git.odb().map_err(|error| broken(&error))?;
        let path =
            aside.path.to_str().ok_or_else(|| RepoError::Later("the data directory's name is no text".to_owned()))?;
        odb.add_disk_alternate(path).map_err(|error| broken(&error))?;
        let mut seen = HashSet::new();
        let mut open: Vec<(git2::Oid, ObjectType)> = Vec::new();
        for want in wants {
            let oid = theirs(want)?;
            let (_, kind) = odb.read_header(oid).map_err(|_| RepoError::Missing(want.clone()))?;
            open.push((oid, kind));
        }
        while let Some((oid, kind)) = open.pop() {
            if !seen.insert(oid) || before.exists(oid) {
                continue;
            }
            let absent = |_| RepoError::Missing(ours(oid));
            if kind == ObjectType::Blob {
                odb.read_header(oid).ok().filter(|(_, is)| *is == kind).ok_or_else(|| RepoError::Missing(ours(oid)))?;
            } else if kind == ObjectType::Tree {
                let tree = git.find_tree(oid).map_err(absent)?;
                let below = tree.iter().filter(|entry| entry.filemode_raw() & 0o170_000 != 0o160_000);
                open.extend(below.map(|entry| (entry.id(), kind_of(entry.filemode_raw()))));
            } else if kind == ObjectType::Tag {
                let tag = git.find_tag(oid).map_err(absent)?;
                open.push((tag.target_id(), tag.target_type().unwrap_or(ObjectType::Commit)));
            } else {
                let commit = git.find_commit(oid).map_err(absent)?;
                open.push((commit.tree_id(), ObjectType::Tree));
                open.extend(commit.parent_ids().map(|parent| (parent, ObjectType::Commit)));
            }
        }
        Ok(())
    }

    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let old = entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age.as_secs() > 6 * 3600);
            if old && entry.file_name().to_string_lossy().starts_with("aside-") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

fn kind_of(mode: i32) -> ObjectType {
    if mode & 0o170_000 == 0o040_000 { ObjectType::Tree } else { ObjectType::Blob }
}

fn kept_as(name: &RefName) -> String {
    name.as_str().replacen("refs/", "refs/remote/", 1)
}

/// A name the disk cannot hold is not worth failing a fetch for: its objects are here all the same.
fn note(git: &Repository, kept: &str, oid: git2::Oid) {
    if let Err(error) = git.reference(kept, oid, true, "") {
        tracing::warn!(reference = kept, error = error.message(), "a reference of the remote is not kept");
    }
}

fn had(git: &Repository) -> Result<Vec<Oid>, git2::Error> {
    let mut haves = Vec::new();
    let mut walk = git.revwalk()?;
    walk.set_sorting(git2::Sort::TIME)?;
    for reference in git.references_glob("refs/remote/*")? {
        if let Some(oid) = reference?.target() {
            walk.push(oid)?;
            if haves.len() < HAVE_TIPS {
                haves.push(ours(oid));
            }
        }
    }
    for oid in walk.take(HAVE_COMMITS) {
        haves.push(ours(oid?));
    }
    haves.sort();
    haves.dedup();
    Ok(haves)
}

fn unique() -> String {
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn disk(error: &io::Error) -> RepoError {
    RepoError::Later(format!("the clone cannot be written: {error}"))
}

/// A directory for one pack, removed with everything in it unless kept.
struct Aside {
    path: PathBuf,
}

impl Aside {
    fn new(clone: &Path) -> io::Result<Self> {
        let this = Self { path: clone.join(format!("aside-{}", unique())) };
        fs::create_dir_all(this.pack())?;
        Ok(this)
    }

    fn pack(&self) -> PathBuf {
        self.path.join("pack")
    }

    /// Moves pack and index into place, the index last: it is what makes the pack visible.
    fn keep(&self, name: &str, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for end in ["pack", "idx"] {
            let file = format!("pack-{name}.{end}");
            fs::File::open(self.pack().join(&file))?.sync_all()?;
            fs::rename(self.pack().join(&file), to.join(&file))?;
        }
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "a directory put aside for a pack cannot be removed");
        }
    }
}
