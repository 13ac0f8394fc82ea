//! Git objects and references of the bare repositories.
//!
//! Reads and writes objects and moves references; knows nothing of rules, pull requests or people.

use std::path::Path;

use git2::{Delta, DiffFindOptions, DiffOptions, ObjectType, Oid, Repository, Signature, Time};
use jiff::Timestamp;

use crate::error::{Outcome, Refusal};

/// Forty zeros: "no object" in a push.
pub(crate) const ZERO: &str = "0000000000000000000000000000000000000000";

/// An unexpected failure of the object store.
pub(crate) fn broken(error: git2::Error) -> Refusal {
    Refusal::new(500, format!("object store: {}", error.message()))
}

/// Opens a bare repository.
pub(crate) fn open(dir: &Path) -> Outcome<Repository> {
    Repository::open_bare(dir).map_err(broken)
}

/// Reads a full object id.
pub(crate) fn oid(text: &str) -> Option<Oid> {
    if text.len() != 40 {
        return None;
    }
    Oid::from_str(text).ok()
}

/// What a reference points at, peeled to nothing.
pub(crate) fn tip(repo: &Repository, refname: &str) -> Option<Oid> {
    repo.find_reference(refname).ok()?.target()
}

/// Whether `old` is `new` or one of its ancestors.
pub(crate) fn is_ancestor(repo: &Repository, old: Oid, new: Oid) -> bool {
    old == new || repo.graph_descendant_of(new, old).unwrap_or(false)
}

/// Resolves a branch, tag, full reference name or object id to a commit.
pub(crate) fn commit_at(repo: &Repository, name: &str) -> Option<Oid> {
    let candidates =
        [format!("refs/heads/{name}"), format!("refs/tags/{name}"), name.to_owned(), format!("refs/{name}")];
    for candidate in &candidates {
        if let Ok(found) = repo.find_reference(candidate)
            && let Ok(commit) = found.peel_to_commit()
        {
            return Some(commit.id());
        }
    }
    let object = if name.len() >= 7 && name.chars().all(|c| c.is_ascii_hexdigit()) {
        repo.find_object_by_prefix(name, None).ok()?
    } else {
        repo.revparse_single(name).ok()?
    };
    object.peel_to_commit().ok().map(|commit| commit.id())
}

/// Moves, makes or deletes a reference if it still points where the caller saw it.
/// Returns false when it moved meanwhile.
pub(crate) fn swap(repo: &Repository, refname: &str, before: Option<Oid>, after: Option<Oid>) -> Outcome<bool> {
    if tip(repo, refname) != before {
        return Ok(false);
    }
    match (before, after) {
        (None, None) => Ok(true),
        (_, None) => {
            let mut found = repo.find_reference(refname).map_err(broken)?;
            found.delete().map_err(broken)?;
            Ok(true)
        }
        (None, Some(to)) => Ok(repo.reference(refname, to, false, "").is_ok()),
        (Some(from), Some(to)) => Ok(repo.reference_matching(refname, to, true, from, "").is_ok()),
    }
}

/// One changed file between two trees.
#[derive(Debug, Clone)]
pub(crate) struct FileChange {
    pub(crate) path: String,
    pub(crate) previous: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) sha: String,
    pub(crate) additions: usize,
    pub(crate) deletions: usize,
    pub(crate) patch: Option<String>,
}

/// Files that differ between two commits' trees, with renames found as GitHub does.
pub(crate) fn changes(repo: &Repository, from: Option<Oid>, to: Oid, with_patch: bool) -> Outcome<Vec<FileChange>> {
    let tree_of = |id: Oid| repo.find_commit(id).and_then(|commit| commit.tree());
    let old = from.map(tree_of).transpose().map_err(broken)?;
    let new = tree_of(to).map_err(broken)?;
    let mut options = DiffOptions::new();
    options.context_lines(3);
    let mut diff = repo.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options)).map_err(broken)?;
    diff.find_similar(Some(DiffFindOptions::new().renames(true))).map_err(broken)?;
    let mut found = Vec::new();
    for index in 0..diff.deltas().len() {
        found.extend(change_at(&diff, index, with_patch)?);
    }
    Ok(found)
}

fn change_at(diff: &git2::Diff<'_>, index: usize, with_patch: bool) -> Outcome<Option<FileChange>> {
    let Some(delta) = diff.get_delta(index) else {
        return Ok(None);
    };
    let name =
        |file: git2::DiffFile<'_>| file.path().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let status = match delta.status() {
        Delta::Added => "added",
        Delta::Deleted => "removed",
        Delta::Renamed => "renamed",
        Delta::Copied => "copied",
        Delta::Typechange => "changed",
        Delta::Modified
        | Delta::Unmodified
        | Delta::Ignored
        | Delta::Untracked
        | Delta::Unreadable
        | Delta::Conflicted => "modified",
    };
    let mut change = FileChange {
        path: name(delta.new_file()),
        previous: (status == "renamed").then(|| name(delta.old_file())),
        status,
        sha: if status == "removed" { delta.old_file().id().to_string() } else { delta.new_file().id().to_string() },
        additions: 0,
        deletions: 0,
        patch: None,
    };
    if let Some(mut patch) = git2::Patch::from_diff(diff, index).map_err(broken)? {
        let (_, additions, deletions) = patch.line_stats().map_err(broken)?;
        change.additions = additions;
        change.deletions = deletions;
        if with_patch && patch.num_hunks() > 0 {
            let text = patch.to_buf().map_err(broken)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            change.patch = text.find("\n@@").map(|at| text[at + 1..].trim_end_matches('\n').to_owned());
        }
    }
    Ok(Some(change))
}

/// Commits reachable from `to` and not from `from`, newest first, at most `limit`.
pub(crate) fn between(repo: &Repository, from: Option<Oid>, to: Oid, limit: usize) -> Outcome<Vec<Oid>> {
    let mut walk = repo.revwalk().map_err(broken)?;
    walk.set_sorting(git2::Sort::TOPOLOGICAL).map_err(broken)?;
    walk.push(to).map_err(broken)?;
    if let Some(from) = from {
        walk.hide(from).map_err(broken)?;
    }
    walk.take(limit).collect::<Result<Vec<_>, _>>().map_err(broken)
}

/// Name and mail of an author or committer, and when.
#[derive(Debug, Clone)]
pub(crate) struct Ident {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) at: Timestamp,
}

impl Ident {
    pub(crate) fn signature(&self) -> Outcome<Signature<'static>> {
        let time = Time::new(self.at.as_second(), 0);
        Signature::new(&self.name, &self.email, &time).map_err(broken)
    }
}

/// GitHub's own identity, committer of what its web interface and merges write.
pub(crate) fn web_flow(at: Timestamp) -> Ident {
    Ident { name: "GitHub".to_owned(), email: "noreply@github.com".to_owned(), at }
}

/// Merges two commits in memory; None on a conflict.
pub(crate) fn merged_tree(repo: &Repository, ours: Oid, theirs: Oid) -> Outcome<Option<Oid>> {
    let ours = repo.find_commit(ours).map_err(broken)?;
    let theirs = repo.find_commit(theirs).map_err(broken)?;
    let mut index = match repo.merge_commits(&ours, &theirs, None) {
        Ok(index) => index,
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    if index.has_conflicts() {
        return Ok(None);
    }
    index.write_tree_to(repo).map(Some).map_err(broken)
}

/// Writes a commit object.
pub(crate) fn write_commit(
    repo: &Repository,
    author: &Ident,
    committer: &Ident,
    message: &str,
    tree: Oid,
    parents: &[Oid],
) -> Outcome<Oid> {
    let tree = repo.find_tree(tree).map_err(broken)?;
    let parents: Vec<git2::Commit<'_>> =
        parents.iter().map(|id| repo.find_commit(*id)).collect::<Result<_, _>>().map_err(broken)?;
    let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
    repo.commit(None, &author.signature()?, &committer.signature()?, message, &tree, &parents).map_err(broken)
}

/// A file to write (`Some`) or to delete (`None`) at a path.
pub(crate) type Edit = (String, Option<Vec<u8>>);

/// The tree of `base` with some files written or deleted.
pub(crate) fn edited_tree(repo: &Repository, base: Option<Oid>, edits: &[Edit]) -> Outcome<Oid> {
    let mut update = git2::build::TreeUpdateBuilder::new();
    let base_tree = match base {
        Some(commit) => repo.find_commit(commit).and_then(|c| c.tree()),
        None => repo.treebuilder(None).and_then(|builder| builder.write()).and_then(|id| repo.find_tree(id)),
    }
    .map_err(broken)?;
    for (path, content) in edits {
        match content {
            Some(bytes) => {
                let blob = repo.blob(bytes).map_err(broken)?;
                let mode = base_tree
                    .get_path(Path::new(path))
                    .ok()
                    .filter(|entry| entry.filemode() == 0o100_755)
                    .map_or(git2::FileMode::Blob, |_| git2::FileMode::BlobExecutable);
                update.upsert(path, blob, mode);
            }
            None => {
                update.remove(path);
            }
        }
    }
    update.create_updated(repo, &base_tree).map_err(broken)
}

/// Object at `path` in the tree of a commit: id, mode, kind.
pub(crate) fn entry_at(repo: &Repository, commit: Oid, path: &str) -> Option<(Oid, i32, ObjectType)> {
    let tree = repo.find_commit(commit).ok()?.tree().ok()?;
    if path.is_empty() {
        return Some((tree.id(), 0o040_000, ObjectType::Tree));
    }
    let entry = tree.get_path(Path::new(path)).ok()?;
    Some((entry.id(), entry.filemode(), entry.kind()?))
}

/// References below a prefix with what they point at, in order of name.
pub(crate) fn refs(repo: &Repository, prefix: &str) -> Outcome<Vec<(String, Oid)>> {
    let mut found = Vec::new();
    for reference in repo.references().map_err(broken)? {
        let reference = reference.map_err(broken)?;
        if let (Ok(name), Some(target)) = (reference.name(), reference.target())
            && name.starts_with(prefix)
        {
            found.push((name.to_owned(), target));
        }
    }
    found.sort();
    Ok(found)
}
