//! Making objects: trees with some entries replaced, merge commits, ledger commits, packs to send.
//!
//! Equal input gives equal objects: no clock, no settings of the machine, no rename detection. Nothing here moves a reference.

use std::collections::BTreeMap;

use countersign_core::domain::{EntryMode, Oid, RepoPath, Timestamp, TreeEntry};
use countersign_core::facts::MergeBase;
use git2::{MergeOptions, ObjectType, Repository, Signature, Time};

use super::read::{self, Child, ENTRY_FILE, broken, children, commit, lookup, ours, theirs};
use crate::engine::ports::{Composition, MergeCommit, NewEntry, RepoError, UpdateCommit};

/// Author and committer of ledger commits.
const LEDGER_IDENTITY: (&str, &str) = ("countersign", "countersign@users.noreply.github.com");

/// Line that keeps CI from running on a ledger commit.
const SKIP_CI: &str = "[skip ci]";

/// Largest pack sent, in bytes; it is built in memory.
const PUSH_LIMIT: usize = 256 << 20;

/// Most tips of the remote left out of a pack by name.
const HIDDEN_TIPS: usize = 512;

/// What to place: path components left to go, and the entry (`None` removes).
type Edit<'a> = (&'a [u8], &'a RepoPath, Option<&'a TreeEntry>);

/// The merge commit of base tip and head (R51): `taken` entries placed whole, everything else by ordinary three-way merge.
pub(super) fn merge_commit(git: &Repository, merge: &MergeCommit) -> Result<Oid, RepoError> {
    let tree = merged_tree(git, merge, &merge.taken)?;
    written(git, merge, tree, [&merge.base_tip, &merge.head])
}

/// The same tree with some files made anew, as a commit on top of the head.
pub(super) fn update_commit(git: &Repository, update: &UpdateCommit) -> Result<Oid, RepoError> {
    let mut taken = update.merge.taken.clone();
    for (path, made) in &update.made {
        let blob = git.blob(&made.bytes).map_err(|error| broken(&error))?;
        taken.insert(path.clone(), Some(TreeEntry { mode: made.mode, oid: ours(blob) }));
    }
    let tree = merged_tree(git, &update.merge, &taken)?;
    written(git, &update.merge, tree, [&update.merge.head, &update.merge.base_tip])
}

fn merged_tree(
    git: &Repository,
    merge: &MergeCommit,
    taken: &BTreeMap<RepoPath, Option<TreeEntry>>,
) -> Result<git2::Oid, RepoError> {
    let (base_tip, head) = (commit(git, &merge.base_tip)?, commit(git, &merge.head)?);
    let base = match read::merge_base(git, &merge.base_tip, &merge.head)? {
        MergeBase::One(base) => commit(git, &base)?,
        MergeBase::None => return Err(RepoError::Later("base and head have no common history".to_owned())),
        MergeBase::Many => return Err(RepoError::Later("base and head have several merge bases".to_owned())),
    };
    let without: BTreeMap<_, _> = taken.keys().map(|path| (path.clone(), None)).collect();
    let strip = |of: &git2::Commit<'_>| place(git, of.tree_id(), &without).and_then(|tree| tree_of(git, tree));
    let mut index = git
        .merge_trees(
            &strip(&base)?,
            &strip(&base_tip)?,
            &strip(&head)?,
            Some(MergeOptions::new().find_renames(false).fail_on_conflict(false)),
        )
        .map_err(|error| broken(&error))?;
    if index.has_conflicts() {
        return Err(RepoError::Conflict(conflicts(&index)?));
    }
    let merged = index.write_tree_to(git).map_err(|error| broken(&error))?;
    place(git, merged, taken)
}

fn written(git: &Repository, merge: &MergeCommit, tree: git2::Oid, parents: [&Oid; 2]) -> Result<Oid, RepoError> {
    let (name, email) = &merge.identity;
    let [first, second] = parents;
    let (first, second) = (commit(git, first)?, commit(git, second)?);
    write_commit(git, (name, email), merge.at, &merge.message, &tree_of(git, tree)?, &[&first, &second])
}

/// A commit on top of its parent, with some entries placed or removed.
pub(super) fn compose(git: &Repository, wanted: &Composition) -> Result<Oid, RepoError> {
    let parent = commit(git, &wanted.parent)?;
    let tree = tree_of(git, put(git, parent.tree_id(), &wanted.placed, InTheWay::Goes)?)?;
    let (author, committer) = (named(&wanted.author, wanted.at)?, named(&wanted.committer, wanted.at)?);
    let written = git.commit(None, &author, &committer, &wanted.message, &tree, &[&parent]);
    written.map(ours).map_err(|error| broken(&error))
}

fn named((name, email): &(String, String), at: Timestamp) -> Result<Signature<'static>, RepoError> {
    Signature::new(name, email, &Time::new(at.seconds(), 0)).map_err(|error| broken(&error))
}

/// One ledger commit per entry, on top of `tip`; the new tip.
pub(super) fn ledger_commits(git: &Repository, tip: Option<&Oid>, entries: &[NewEntry]) -> Result<Oid, RepoError> {
    let mut tip = tip.cloned();
    for entry in entries {
        let blob = git.blob(&entry.envelope).map_err(|error| broken(&error))?;
        let file = TreeEntry { mode: EntryMode::File, oid: ours(blob) };
        let tree =
            tree_of(git, tree_with(git, BTreeMap::from([(ENTRY_FILE.as_bytes().to_vec(), Child::Leaf(file))]))?)?;
        let parent = tip.as_ref().map(|tip| commit(git, tip)).transpose()?;
        let message = match entry.message.contains(SKIP_CI) {
            true => entry.message.clone(),
            false => format!("{}\n\n{SKIP_CI}\n", entry.message.trim_end()),
        };
        let parents: Vec<_> = parent.iter().collect();
        tip = Some(write_commit(git, LEDGER_IDENTITY, entry.at, &message, &tree, &parents)?);
    }
    tip.ok_or_else(|| RepoError::Later("there is no ledger entry to append".to_owned()))
}

/// A pack with everything below `new` that is not below one of `there` (tips the remote has).
pub(super) fn pack(git: &Repository, new: &Oid, there: &[Oid]) -> Result<Vec<u8>, RepoError> {
    let new = commit(git, new)?.id();
    let odb = git.odb().map_err(|error| broken(&error))?;
    let known = there
        .iter()
        .filter_map(|oid| theirs(oid).ok())
        .filter(|oid| odb.read_header(*oid).is_ok_and(|(_, kind)| kind == ObjectType::Commit));
    let mut bytes = Vec::new();
    let build = || {
        let mut walk = git.revwalk()?;
        walk.push(new)?;
        for oid in known.take(HIDDEN_TIPS) {
            walk.hide(oid)?;
        }
        let mut builder = git.packbuilder()?;
        builder.insert_walk(&mut walk)?;
        builder.foreach(|part| {
            bytes.extend_from_slice(part);
            bytes.len() <= PUSH_LIMIT
        })
    };
    build().map_err(|error: git2::Error| broken(&error))?;
    Ok(bytes)
}

/// What becomes of a file where a directory must be, and of a directory where a file must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InTheWay {
    /// It is a conflict.
    Stays,
    /// It makes room.
    Goes,
}

/// The tree with some paths replaced or removed. Where a file would have to be a directory as well, that is a conflict.
pub(super) fn place(
    git: &Repository,
    tree: git2::Oid,
    edits: &BTreeMap<RepoPath, Option<TreeEntry>>,
) -> Result<git2::Oid, RepoError> {
    put(git, tree, edits, InTheWay::Stays)
}

fn put(
    git: &Repository,
    tree: git2::Oid,
    edits: &BTreeMap<RepoPath, Option<TreeEntry>>,
    other: InTheWay,
) -> Result<git2::Oid, RepoError> {
    let edits: Vec<Edit<'_>> = edits.iter().map(|(path, entry)| (path.as_bytes(), path, entry.as_ref())).collect();
    match place_in(git, Some(tree), &edits, other)? {
        Some(tree) => Ok(tree),
        None => tree_with(git, BTreeMap::new()),
    }
}

fn place_in(
    git: &Repository,
    tree: Option<git2::Oid>,
    edits: &[Edit<'_>],
    other: InTheWay,
) -> Result<Option<git2::Oid>, RepoError> {
    let mut here = tree.map_or_else(|| Ok(BTreeMap::new()), |tree| children(git, tree))?;
    let mut below: BTreeMap<&[u8], Vec<Edit<'_>>> = BTreeMap::new();
    let mut leaves = Vec::new();
    for (rest, path, entry) in edits {
        match rest.iter().position(|byte| *byte == b'/') {
            Some(slash) => below.entry(&rest[..slash]).or_default().push((&rest[slash + 1..], *path, *entry)),
            None => leaves.push((*rest, *path, *entry)),
        }
    }
    // Removals first, then what is below, then files: so a directory may become a file and a file a directory.
    for (name, _, _) in leaves.iter().filter(|(_, _, entry)| entry.is_none()) {
        if matches!(here.get(*name), Some(Child::Leaf(_))) {
            here.remove(*name);
        }
    }
    for (name, edits) in below {
        let subtree = match here.get(name) {
            Some(Child::Tree(subtree)) => Some(*subtree),
            Some(Child::Leaf(_)) => match edits.iter().find(|(_, _, entry)| entry.is_some()) {
                Some(_) if other == InTheWay::Goes => None,
                Some((_, path, _)) => return Err(RepoError::Conflict(vec![(*path).clone()])),
                None => continue,
            },
            None => None,
        };
        match place_in(git, subtree, &edits, other)? {
            Some(subtree) => here.insert(name.to_vec(), Child::Tree(subtree)),
            None => here.remove(name),
        };
    }
    for (name, path, entry) in leaves {
        let Some(entry) = entry else { continue };
        if other == InTheWay::Stays && matches!(here.get(name), Some(Child::Tree(_))) {
            return Err(RepoError::Conflict(vec![path.clone()]));
        }
        here.insert(name.to_vec(), Child::Leaf(entry.clone()));
    }
    if here.is_empty() { Ok(None) } else { tree_with(git, here).map(Some) }
}

/// Writes a tree. libgit2 refuses names such as `.git` and objects that are not here.
fn tree_with(git: &Repository, children: BTreeMap<Vec<u8>, Child>) -> Result<git2::Oid, RepoError> {
    let mut builder = git.treebuilder(None).map_err(|error| broken(&error))?;
    for (name, child) in children {
        let (oid, bits) = match &child {
            Child::Tree(tree) => (*tree, 0o040_000),
            Child::Leaf(leaf) => (theirs(&leaf.oid)?, leaf.mode.bits()),
        };
        let bits = i32::try_from(bits).expect("Git's modes are small");
        builder.insert(name, oid, bits).map_err(|error| lookup(&error, oid))?;
    }
    builder.write().map_err(|error| broken(&error))
}

fn tree_of(git: &Repository, tree: git2::Oid) -> Result<git2::Tree<'_>, RepoError> {
    git.find_tree(tree).map_err(|error| lookup(&error, tree))
}

fn conflicts(index: &git2::Index) -> Result<Vec<RepoPath>, RepoError> {
    let mut paths = Vec::new();
    for conflict in index.conflicts().map_err(|error| broken(&error))? {
        let conflict = conflict.map_err(|error| broken(&error))?;
        let side = conflict.our.or(conflict.their).or(conflict.ancestor);
        paths.extend(side.map(|side| RepoPath::from_bytes(side.path)));
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn write_commit(
    git: &Repository,
    (name, email): (&str, &str),
    at: Timestamp,
    message: &str,
    tree: &git2::Tree<'_>,
    parents: &[&git2::Commit<'_>],
) -> Result<Oid, RepoError> {
    let write = || {
        let who = Signature::new(name, email, &Time::new(at.seconds(), 0))?;
        git.commit(None, &who, &who, message, tree, parents)
    };
    write().map(ours).map_err(|error| broken(&error))
}
