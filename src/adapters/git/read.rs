//! Reading history and trees of an open repository.
//!
//! Nothing here writes, asks the network, or fills a gap: what cannot be read is an error, never an empty answer (R41). Trees are
//! walked here rather than by libgit2's diff, so that no setting of the machine (rename limits, ignored submodules, letter case)
//! can hide a difference.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Delta, DeltaEntry, EntryMode, Oid, RepoPath, TreeEntry};
use countersign_core::facts::MergeBase;
use git2::{ErrorCode, ObjectType, Repository, Sort};

use crate::engine::ports::{CommitRead, RepoError};

/// Deepest directory followed; deeper trees are built by hand, to hurt.
const DEEPEST: usize = 512;

/// Most names looked at for one answer; a tree can name a few objects billions of times.
const MOST_NAMES: usize = 2_000_000;

/// Largest ledger entry read, in bytes.
const ENTRY_LIMIT: usize = 8 << 20;

/// File name of a ledger entry in its commit's tree.
pub(super) const ENTRY_FILE: &str = "entry.json";

/// Commits of a ledger, oldest first, each with its `entry.json`, if it has one.
pub type Chain = Vec<(Oid, Option<Vec<u8>>)>;

/// What lies at a name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Child {
    /// A directory.
    Tree(git2::Oid),
    /// Anything else.
    Leaf(TreeEntry),
}

/// libgit2's id as ours.
pub(super) fn ours(oid: git2::Oid) -> Oid {
    Oid::parse(&oid.to_string()).expect("libgit2 prints forty hex digits")
}

/// Our id as libgit2's; a SHA-256 id names nothing in a SHA-1 repository.
pub(super) fn theirs(oid: &Oid) -> Result<git2::Oid, RepoError> {
    let missing = || RepoError::Missing(oid.clone());
    if oid.as_str().len() == 40 { git2::Oid::from_str(oid.as_str()).map_err(|_| missing()) } else { Err(missing()) }
}

/// An error of libgit2 that says nothing about a certain object.
pub(super) fn broken(error: &git2::Error) -> RepoError {
    RepoError::Later(format!("the clone cannot be used: {}", error.message()))
}

/// An error of libgit2 while looking for an object.
pub(super) fn lookup(error: &git2::Error, oid: git2::Oid) -> RepoError {
    let absent = [ErrorCode::NotFound, ErrorCode::InvalidSpec].contains(&error.code());
    if absent { RepoError::Missing(ours(oid)) } else { broken(error) }
}

/// A commit that is here.
pub(super) fn commit<'a>(git: &'a Repository, oid: &Oid) -> Result<git2::Commit<'a>, RepoError> {
    let oid = theirs(oid)?;
    git.find_commit(oid).map_err(|error| lookup(&error, oid))
}

/// Merge base of two commits (R3).
pub(super) fn merge_base(git: &Repository, one: &Oid, other: &Oid) -> Result<MergeBase, RepoError> {
    let (one, other) = (commit(git, one)?.id(), commit(git, other)?.id());
    match git.merge_bases(one, other) {
        Ok(bases) => Ok(match &bases[..] {
            [] => MergeBase::None,
            [base] => MergeBase::One(ours(*base)),
            [_, _, ..] => MergeBase::Many,
        }),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(MergeBase::None),
        Err(error) => Err(broken(&error)),
    }
}

/// Whether `ancestor` is `head` or below it.
pub(super) fn reaches(git: &Repository, head: &Oid, ancestor: &Oid) -> Result<bool, RepoError> {
    let (head, ancestor) = (commit(git, head)?.id(), commit(git, ancestor)?.id());
    Ok(head == ancestor || git.graph_descendant_of(head, ancestor).map_err(|error| broken(&error))?)
}

/// Whole-tree difference of two commits (R4).
pub(super) fn delta(git: &Repository, from: &Oid, to: &Oid) -> Result<Delta, RepoError> {
    let (from, to) = (commit(git, from)?.tree_id(), commit(git, to)?.tree_id());
    let mut walk = Walk::new(git, MOST_NAMES);
    walk.compare(Some(from), Some(to))?;
    Ok(Delta::new(walk.found))
}

/// Every entry of a commit's tree.
pub(super) fn entries(git: &Repository, of: &Oid) -> Result<BTreeMap<RepoPath, TreeEntry>, RepoError> {
    let mut walk = Walk::new(git, MOST_NAMES);
    walk.compare(None, Some(commit(git, of)?.tree_id()))?;
    Ok(walk.found.into_iter().filter_map(|entry| Some((entry.path, entry.new?))).collect())
}

/// Bytes of a blob; `None` when larger than `limit`. The size is looked at before the bytes are.
pub(super) fn blob(git: &Repository, blob: &Oid, limit: usize) -> Result<Option<Vec<u8>>, RepoError> {
    let oid = theirs(blob)?;
    let odb = git.odb().map_err(|error| broken(&error))?;
    let (size, kind) = odb.read_header(oid).map_err(|error| lookup(&error, oid))?;
    if kind != ObjectType::Blob {
        return Err(RepoError::Missing(blob.clone()));
    }
    if size > limit {
        return Ok(None);
    }
    let object = odb.read(oid).map_err(|error| lookup(&error, oid))?;
    Ok(Some(object.data().to_vec()))
}

/// Commits of `head` that `base` lacks, through all parents, newest first; all of them when `base` is null.
pub(super) fn commits(git: &Repository, base: &Oid, head: &Oid) -> Result<Vec<CommitRead>, RepoError> {
    let base = if base.is_null() { None } else { Some(commit(git, base)?.id()) };
    let head = commit(git, head)?.id();
    let walk = || {
        let mut walk = git.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(head)?;
        if let Some(base) = base {
            walk.hide(base)?;
        }
        walk.collect::<Result<Vec<_>, git2::Error>>()
    };
    let oids = walk().map_err(|error| broken(&error))?;
    oids.into_iter().map(|oid| Ok(as_read(&commit(git, &ours(oid))?))).collect()
}

fn as_read(commit: &git2::Commit<'_>) -> CommitRead {
    let email = |of: git2::Signature<'_>| String::from_utf8_lossy(of.email_bytes()).to_lowercase();
    CommitRead {
        oid: ours(commit.id()),
        parents: commit.parent_ids().map(ours).collect(),
        author_name: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
        author_email: email(commit.author()),
        committer_email: email(commit.committer()),
        message: String::from_utf8_lossy(commit.message_raw_bytes()).into_owned(),
    }
}

/// The ledger, oldest first, through first parents, above `above`. When `above` is not on the way the whole ledger is given: its
/// entries name their predecessors, so a rewritten one shows.
pub(super) fn chain(git: &Repository, tip: &Oid, above: Option<&Oid>) -> Result<Chain, RepoError> {
    let mut found = Vec::new();
    let mut next = Some(tip.clone());
    while let Some(oid) = next.filter(|oid| Some(oid) != above) {
        let commit = commit(git, &oid)?;
        found.push((oid, entry_file(git, &commit)?));
        next = commit.parent_ids().next().map(ours);
    }
    found.reverse();
    Ok(found)
}

fn entry_file(git: &Repository, commit: &git2::Commit<'_>) -> Result<Option<Vec<u8>>, RepoError> {
    match children(git, commit.tree_id())?.get(ENTRY_FILE.as_bytes()) {
        Some(Child::Leaf(TreeEntry { mode: EntryMode::File, oid })) => blob(git, oid, ENTRY_LIMIT),
        Some(Child::Leaf(_) | Child::Tree(_)) | None => Ok(None),
    }
}

/// A directory by name. One that names something twice, or something impossible, is refused: one of the two would be hidden.
pub(super) fn children(git: &Repository, tree: git2::Oid) -> Result<BTreeMap<Vec<u8>, Child>, RepoError> {
    let malformed = || RepoError::Later(format!("tree {tree} is malformed"));
    let found = git.find_tree(tree).map_err(|error| lookup(&error, tree))?;
    let mut children = BTreeMap::new();
    for entry in found.iter() {
        let name = entry.name_bytes().to_vec();
        if name.is_empty() || name.contains(&b'/') {
            return Err(malformed());
        }
        let bits = entry.filemode_raw();
        let leaf = |mode| Child::Leaf(TreeEntry { mode, oid: ours(entry.id()) });
        let child = match bits & 0o170_000 {
            0o040_000 => Child::Tree(entry.id()),
            0o100_000 if bits & 0o100 != 0 => leaf(EntryMode::Executable),
            0o100_000 => leaf(EntryMode::File),
            0o120_000 => leaf(EntryMode::Link),
            0o160_000 => leaf(EntryMode::Submodule),
            _ => return Err(malformed()),
        };
        if children.insert(name, child).is_some() {
            return Err(malformed());
        }
    }
    Ok(children)
}

/// Two trees walked side by side; equal subtrees are not entered.
pub(super) struct Walk<'a> {
    git: &'a Repository,
    path: Vec<u8>,
    depth: usize,
    names_left: usize,
    found: Vec<DeltaEntry>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(git: &'a Repository, names: usize) -> Self {
        Self { git, path: Vec::new(), depth: 0, names_left: names, found: Vec::new() }
    }

    pub(super) fn compare(&mut self, old: Option<git2::Oid>, new: Option<git2::Oid>) -> Result<(), RepoError> {
        if old == new {
            return Ok(());
        }
        let exhausting = || RepoError::Later("the tree is too deep or names too many paths".to_owned());
        if self.depth > DEEPEST {
            return Err(exhausting());
        }
        let side = |tree: Option<git2::Oid>| tree.map_or_else(|| Ok(BTreeMap::new()), |tree| children(self.git, tree));
        let (mut old, mut new) = (side(old)?, side(new)?);
        let names: BTreeSet<Vec<u8>> = old.keys().chain(new.keys()).cloned().collect();
        self.names_left = self.names_left.checked_sub(names.len()).ok_or_else(exhausting)?;
        for name in names {
            let (old, new) = (old.remove(&name), new.remove(&name));
            if old == new {
                continue;
            }
            let length = self.path.len();
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(&name);
            self.one(old, new)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn one(&mut self, old: Option<Child>, new: Option<Child>) -> Result<(), RepoError> {
        let split = |child| match child {
            Some(Child::Tree(tree)) => (Some(tree), None),
            Some(Child::Leaf(leaf)) => (None, Some(leaf)),
            None => (None, None),
        };
        let ((old_tree, old), (new_tree, new)) = (split(old), split(new));
        if old.is_some() || new.is_some() {
            self.found.push(DeltaEntry { path: RepoPath::from_bytes(self.path.clone()), old, new });
        }
        self.depth += 1;
        let below = self.compare(old_tree, new_tree);
        self.depth -= 1;
        below
    }
}
