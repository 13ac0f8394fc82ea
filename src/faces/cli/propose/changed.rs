//! What the working tree holds that the base does not: since the two parted, committed here or not.
//!
//! Only objects are written. Bytes are those that git would commit.

use std::path::{Path, PathBuf};

use countersign_core::domain::{Oid, RepoPath};

use super::root;
use crate::faces::cli::proposal::Tree;
use crate::faces::exit::{Exit, Report};

/// One file that differs.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) path: RepoPath,
    /// Its bytes; none when it is gone.
    pub(super) bytes: Option<Vec<u8>>,
    name: String,
    /// It was there when the two parted.
    was: bool,
    /// It is there now, and no ordinary file as it was.
    odd: Option<&'static str>,
    is_gone: bool,
}

impl Change {
    pub(super) fn word(&self) -> &'static str {
        match (self.was, self.is_gone) {
            (_, true) => "removed",
            (true, false) => "changed",
            (false, false) => "added",
        }
    }

    pub(super) fn verb(&self) -> &'static str {
        match (self.was, self.is_gone) {
            (_, true) => "Remove",
            (true, false) => "Change",
            (false, false) => "Add",
        }
    }
}

pub(super) struct Changes {
    tree: Tree,
    /// The commit in which base and working tree parted.
    parted: Oid,
    tip: Oid,
    list: Vec<Change>,
}

impl Changes {
    /// Everything that differs.
    pub(super) fn between(tip: &Oid, base: &str) -> Result<Self, Report> {
        let tree = Tree::at(root()?);
        let parted = tree.parted(tip).ok_or_else(|| {
            Report::new(Exit::REFUSED, format!("the commits here have nothing in common with `{base}`"))
                .help("fetch it and begin there: `git switch -c mine origin/BASE`, or name another base with `--base`")
        })?;
        let mut list: Vec<Change> = Vec::new();
        for raw in tree.differences(&parted)? {
            let odd = match (raw.was.as_str(), raw.is.as_str()) {
                (_, "000000" | "100644") | ("100755", "100755") => None,
                (_, "100755") => Some("is executable now"),
                (_, "120000") => Some("is a link"),
                (_, "160000") => Some("is a submodule"),
                _ => Some("is no ordinary file"),
            };
            list.push(Change {
                path: RepoPath::new(&raw.name),
                bytes: None,
                was: raw.was != "000000",
                is_gone: raw.is == "000000",
                odd,
                name: raw.name,
            });
        }
        for name in tree.untracked()? {
            let odd = tree.oddity(&name);
            list.push(Change { path: RepoPath::new(&name), bytes: None, was: false, is_gone: false, odd, name });
        }
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { tree, parted, tip: tip.clone(), list })
    }

    pub(super) fn all(&self) -> &[Change] {
        &self.list
    }

    /// Those at, or below, paths as a person in this folder writes them.
    pub(super) fn below(&self, paths: &[PathBuf]) -> Result<Vec<&Change>, Report> {
        let mut chosen: Vec<&Change> = Vec::new();
        for path in paths {
            let name = self.tree.name_of(path)?;
            let fits = |change: &&Change| {
                name.is_empty() || change.name == name || change.name.starts_with(&format!("{name}/"))
            };
            let found: Vec<&Change> = self.list.iter().filter(fits).collect();
            if found.is_empty() {
                return Err(Report::new(
                    Exit::NOT_MODIFIED,
                    format!("nothing to propose: `{}` is unchanged", path.display()),
                )
                .help("name what changed; `git status` lists it"));
            }
            chosen.extend(found);
        }
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        chosen.dedup_by(|a, b| a.name == b.name);
        Ok(chosen)
    }

    /// The change with its bytes, as git would commit them.
    pub(super) fn with_bytes(&self, change: &Change) -> Result<Change, Report> {
        if let Some(odd) = change.odd {
            return Err(Report::usage(format!("`{}` {odd}, which is not proposed this way", change.path))
                .help("commit it yourself and push the branch: a pull request is opened for it as well"));
        }
        let bytes = if change.is_gone { None } else { Some(self.tree.bytes(&change.name)?) };
        Ok(Change { bytes, ..change.clone() })
    }

    /// Refuses what somebody else changed on the base meanwhile: it would be undone.
    pub(super) fn refuse_overtaken(&self, chosen: &[Change], base: &str) -> Result<(), Report> {
        for change in chosen {
            let (then, now) = (self.tree.blob(&self.parted, &change.name)?, self.tree.blob(&self.tip, &change.name)?);
            let is_the_same = now.is_some() == change.bytes.is_some()
                && match (&now, &change.bytes) {
                    (Some(now), Some(bytes)) => self.tree.is_blob(now, bytes)?,
                    _ => true,
                };
            if then != now && !is_the_same {
                return Err(Report::new(
                    Exit::REFUSED,
                    format!(
                        "`{}` was changed on `{base}` since you began: proposing yours would undo that",
                        change.path
                    ),
                )
                .help(
                    "commit yours, then `git pull --rebase`; with `countersign init --git` it is merged key by key",
                ));
            }
        }
        Ok(())
    }

    /// A file as it stands in the working tree.
    pub(super) fn here(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.root().join(name)).ok()
    }

    /// A file as the base has it.
    pub(super) fn there(&self, name: &str) -> Option<Vec<u8>> {
        self.tree.at_commit(&self.tip, name)
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }
}
