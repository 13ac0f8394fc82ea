//! The working tree as git sees it: what differs from a commit, and the bytes it would commit.
//!
//! Objects are written; the index is not even refreshed.

use std::path::{Path, PathBuf};

use countersign_core::domain::Oid;

use super::git::Git;
use crate::faces::exit::{Exit, Report};

/// A file that differs: its modes and its name from the root.
pub(in crate::faces::cli) struct Raw {
    pub(in crate::faces::cli) was: String,
    pub(in crate::faces::cli) is: String,
    pub(in crate::faces::cli) name: String,
}

/// A working tree.
pub(in crate::faces::cli) struct Tree {
    root: PathBuf,
    git: Git,
}

/// Where the work tree of a folder begins.
pub(in crate::faces::cli) fn work_tree(folder: &Path) -> Result<PathBuf, Report> {
    let folder = folder.display().to_string();
    let outside = |report: Report| report.help("run this inside a clone");
    let top = Git::plain().text("this is no work tree of git", &["-C", &folder, "rev-parse", "--show-toplevel"], b"");
    let top = PathBuf::from(top.map_err(outside)?);
    top.canonicalize().map_err(|error| Report::failed("the work tree cannot be read", &error))
}

impl Tree {
    pub(in crate::faces::cli) fn at(root: PathBuf) -> Self {
        Self { root, git: Git::plain() }
    }

    pub(in crate::faces::cli) fn root(&self) -> &Path {
        &self.root
    }

    fn run(&self, arguments: &[&str]) -> Result<std::process::Output, Report> {
        let root = self.root.display().to_string();
        self.git.run(&[&["--no-optional-locks", "-C", &root], arguments].concat(), b"")
    }

    fn bytes_of(&self, arguments: &[&str]) -> Result<Vec<u8>, Report> {
        let output = self.run(arguments)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(super::git::said(Report::new(Exit::FAILED, "git does not say what changed"), &output))
    }

    fn names(bytes: &[u8]) -> Result<Vec<String>, Report> {
        let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        names
            .map(|name| {
                String::from_utf8(name.to_vec()).map_err(|_| {
                    let shown = String::from_utf8_lossy(name).into_owned();
                    Report::usage(format!("`{shown}` has a name that is no text")).help("rename the file")
                })
            })
            .collect()
    }

    /// The last commit that is here and in another one's past.
    pub(in crate::faces::cli) fn parted(&self, other: &Oid) -> Option<Oid> {
        let output = self.run(&["merge-base", "HEAD", other.as_str()]).ok().filter(|output| output.status.success())?;
        Oid::parse(String::from_utf8_lossy(&output.stdout).trim()).ok()
    }

    /// Files git knows that differ from a commit.
    pub(in crate::faces::cli) fn differences(&self, commit: &Oid) -> Result<Vec<Raw>, Report> {
        let arguments =
            ["diff", "--raw", "-z", "--no-renames", "--no-relative", "--no-ext-diff", commit.as_str(), "--"];
        let words = Self::names(&self.bytes_of(&arguments)?)?;
        let raw = words.chunks_exact(2).filter_map(|pair| {
            let mut modes = pair[0].trim_start_matches(':').split(' ');
            let (was, is) = (modes.next()?.to_owned(), modes.next()?.to_owned());
            Some(Raw { was, is, name: pair[1].clone() })
        });
        Ok(raw.collect())
    }

    /// Files git does not know and would not ignore.
    pub(in crate::faces::cli) fn untracked(&self) -> Result<Vec<String>, Report> {
        Self::names(&self.bytes_of(&["ls-files", "-z", "--others", "--exclude-standard"])?)
    }

    /// Why a new file is no ordinary one.
    pub(in crate::faces::cli) fn oddity(&self, name: &str) -> Option<&'static str> {
        let Ok(metadata) = self.root.join(name).symlink_metadata() else { return Some("cannot be read") };
        #[cfg(unix)]
        let is_executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0;
        #[cfg(not(unix))]
        let is_executable = false;
        if !metadata.is_file() {
            return Some("is no ordinary file");
        }
        is_executable.then_some("is executable")
    }

    /// The bytes git would commit for a file.
    pub(in crate::faces::cli) fn bytes(&self, name: &str) -> Result<Vec<u8>, Report> {
        let written = self.bytes_of(&["hash-object", "-w", "--", name])?;
        self.bytes_of(&["cat-file", "blob", String::from_utf8_lossy(&written).trim()])
    }

    /// A file as a commit has it.
    pub(in crate::faces::cli) fn at_commit(&self, commit: &Oid, name: &str) -> Option<Vec<u8>> {
        let blob = self.blob(commit, name).ok().flatten()?;
        self.bytes_of(&["cat-file", "blob", &blob]).ok()
    }

    /// The id of a file's bytes in a commit.
    pub(in crate::faces::cli) fn blob(&self, commit: &Oid, name: &str) -> Result<Option<String>, Report> {
        let listed = self.bytes_of(&["--literal-pathspecs", "ls-tree", "-z", commit.as_str(), "--", name])?;
        let text = String::from_utf8_lossy(&listed).into_owned();
        let head = text.split('\t').next().unwrap_or_default();
        Ok(head.split(' ').nth(2).filter(|_| head.contains(" blob ")).map(str::to_owned))
    }

    /// Whether these bytes are that object.
    pub(in crate::faces::cli) fn is_blob(&self, id: &str, bytes: &[u8]) -> Result<bool, Report> {
        let made = self.git.text("a file cannot be read", &["hash-object", "--stdin"], bytes)?;
        Ok(made == id)
    }

    /// The name from the root of a path as a person here writes it; it need not be there any more.
    pub(in crate::faces::cli) fn name_of(&self, path: &Path) -> Result<String, Report> {
        let outside =
            || Report::usage(format!("`{}` is outside of this work tree", path.display())).help("name a file in it");
        let whole = std::path::absolute(path).map_err(|_| outside())?;
        // what is gone has no real path; the folder above it may have one
        let known = whole.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
        let (above, real) = known.ok_or_else(outside)?;
        let rest = whole.strip_prefix(above).map_err(|_| outside())?;
        let name = real.join(rest);
        let name = name.strip_prefix(&self.root).map_err(|_| outside())?;
        Ok(name.to_string_lossy().replace('\\', "/").trim_end_matches('/').to_owned())
    }
}
