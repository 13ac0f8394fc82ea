//! The pre-commit hook: what is governed and not sealed is not committed.
//!
//! A hook that is there is never touched, and a folder of hooks outside the clone never written to.

use std::fs;
use std::path::{Path, PathBuf};

use super::{State, Step, git};
use crate::faces::exit::Report;

/// What the hook runs.
const COMMAND: &str = "countersign check --staged";

const SCRIPT: &str = "#!/bin/sh\n# Governed files are committed sealed, or not at all. Written by `countersign init --git`.\nexec countersign check --staged\n";

/// Writes the hook, unless there is one.
pub(super) fn write(root: &Path) -> Result<Step, Report> {
    let path = root.join(git(root, &["rev-parse", "--git-path", "hooks/pre-commit"])?);
    let what = "pre-commit hook".to_owned();
    let left = |note: String| Ok(Step { what: what.clone(), state: State::Left, note: Some(note) });
    if let Ok(known) = fs::read_to_string(&path) {
        if known.contains(COMMAND) {
            return Ok(Step { what, state: State::Kept, note: None });
        }
        return left(format!("there is one already; add `{COMMAND} || exit 1` to `{}`", path.display()));
    }
    let inside = |folder: &str| git(root, &["rev-parse", folder]).map(|path| root.join(path));
    let own = [inside("--git-common-dir")?, root.to_owned()];
    if !own.iter().any(|folder| is_below(&path, folder)) {
        return left(format!(
            "hooks of this clone stand outside it; add `{COMMAND} || exit 1` to `{}`",
            path.display()
        ));
    }
    let failed = |error: std::io::Error| Report::failed(format!("`{}` cannot be written", path.display()), &error);
    fs::create_dir_all(path.parent().unwrap_or(root)).map_err(failed)?;
    fs::write(&path, SCRIPT).map_err(failed)?;
    executable(&path).map_err(failed)?;
    Ok(Step { what, state: State::Done, note: None })
}

/// Whether a path, there already or not, lies in a folder.
pub(super) fn is_below(path: &Path, folder: &Path) -> bool {
    let known = |path: &Path| path.canonicalize().ok();
    let nearest: Option<PathBuf> = path.ancestors().find_map(known);
    matches!((nearest, known(folder)), (Some(path), Some(folder)) if path.starts_with(&folder))
}

#[cfg(unix)]
fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
