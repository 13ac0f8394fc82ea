//! Bare repositories on disk: create one, copy one for a fork.

use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryInitOptions};

use crate::error::{Outcome, Refusal};
use crate::git::broken;

/// Makes an empty bare repository with the settings GitHub's have.
pub(crate) fn create(root: &Path, id: u64, default_branch: &str) -> Outcome<PathBuf> {
    let dir = root.join(format!("{id}.git"));
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head(default_branch);
    let repo = Repository::init_opts(&dir, &options).map_err(broken)?;
    let mut config = repo.config().map_err(broken)?;
    for (key, value) in [
        ("http.receivepack", "true"),
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("uploadpack.allowFilter", "true"),
        ("receive.hideRefs", "refs/pull"),
        ("receive.autogc", "false"),
        ("gc.auto", "0"),
        ("core.logAllRefUpdates", "false"),
    ] {
        config.set_str(key, value).map_err(broken)?;
    }
    let hooks = root.join("hooks");
    config.set_str("core.hooksPath", &hooks.to_string_lossy()).map_err(broken)?;
    Ok(dir)
}

/// Copies objects, branches and tags of a repository into another, and lets the source read the
/// copy's objects from now on, as GitHub's fork network does.
pub(crate) fn fork(from: &Path, to: &Path) -> Outcome<()> {
    let io = |error: std::io::Error| Refusal::new(500, format!("object store: {error}"));
    copy_dir(&from.join("objects"), &to.join("objects")).map_err(io)?;
    let source = Repository::open_bare(from).map_err(broken)?;
    let copy = Repository::open_bare(to).map_err(broken)?;
    for (name, tip) in crate::git::refs(&source, "refs/")? {
        if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") {
            copy.reference(&name, tip, true, "").map_err(broken)?;
        }
    }
    let alternates = from.join("objects/info/alternates");
    let mut text = std::fs::read_to_string(&alternates).unwrap_or_default();
    text.push_str(&format!("{}\n", to.join("objects").to_string_lossy()));
    std::fs::create_dir_all(from.join("objects/info")).map_err(io)?;
    std::fs::write(&alternates, text).map_err(io)
}

fn copy_dir(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if entry.file_name() != "alternates" {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
