//! The commit of a proposal, made beside the working tree: what stands on the base, with some files different.
//!
//! Only objects are written. A commit nobody refers to is garbage that git clears away by itself.

use std::collections::BTreeMap;

use countersign_core::domain::{Oid, RepoPath};

use super::git::Git;
use crate::faces::exit::{Exit, Report};

/// Files that differ from the base: their bytes, or that they are gone.
pub(in crate::faces::cli) type Files = BTreeMap<RepoPath, Option<Vec<u8>>>;

/// Makes the commit. `None`: the base holds all of it already.
pub(super) fn make(git: &Git, base: &Oid, files: &Files, message: &str) -> Result<Option<Oid>, Report> {
    let folder = tempfile::tempdir().map_err(|error| Report::failed("no temporary folder can be made", &error))?;
    let git = git.with_index(&folder.path().join("index"));
    let what = "the commit cannot be made";
    git.text(what, &["read-tree", base.as_str()], b"")?;
    let mut info = Vec::new();
    for (path, bytes) in files {
        let name = path.as_str().filter(|name| !name.contains('\n')).ok_or_else(|| {
            Report::usage(format!("`{path}` has a name that cannot be proposed")).help("rename the file")
        })?;
        let Some(bytes) = bytes else {
            info.extend_from_slice(format!("0 {}\t{name}\0", "0".repeat(base.as_str().len())).as_bytes());
            continue;
        };
        let blob = git.oid(what, &["hash-object", "-w", "--stdin"], bytes)?;
        info.extend_from_slice(format!("{} {blob}\t{name}\0", mode(&git, name)?).as_bytes());
    }
    git.text(what, &["update-index", "-z", "--index-info"], &info)?;
    let tree = git.text(what, &["write-tree"], b"")?;
    if tree == tree_of(&git, base)? {
        return Ok(None);
    }
    let sign = git.run(&["config", "--type=bool", "--get", "commit.gpgsign"], b"")?;
    let sign: &[&str] = if sign.stdout.starts_with(b"true") { &["-S"] } else { &[] };
    let arguments = [&["commit-tree"], sign, &["-p", base.as_str(), "-F", "-", &tree]].concat();
    git.oid("the commit cannot be made", &arguments, message.as_bytes())
        .map(Some)
        .map_err(|report| report.help("git has to know who you are: `git config user.name` and `user.email`"))
}

/// Mode of a file on the base; a new one is an ordinary file.
fn mode(git: &Git, name: &str) -> Result<String, Report> {
    let listed =
        git.text("the base cannot be read", &["ls-files", "-s", "-z", "--", &format!(":(literal,top){name}")], b"")?;
    match listed.split(' ').next().unwrap_or_default() {
        "" => Ok("100644".to_owned()),
        mode @ ("100644" | "100755") => Ok(mode.to_owned()),
        _ => Err(Report::new(Exit::FAILED, format!("`{name}` is a link or a submodule on the base"))
            .help("replace it by a file in a pull request of its own")),
    }
}

/// Tree of a commit.
pub(super) fn tree_of(git: &Git, commit: &Oid) -> Result<String, Report> {
    git.text("a commit cannot be read", &["rev-parse", "--verify", &format!("{commit}^{{tree}}")], b"")
}
