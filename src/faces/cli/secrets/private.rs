//! A private directory for plain text that must exist as a file for a while.
//!
//! It is in memory where the system offers that, readable by its owner alone, and gone with everything in it when it is dropped.

use std::path::PathBuf;

use tempfile::{Builder, TempDir};

use crate::faces::exit::{Exit, Report};

/// The directory.
pub(super) struct Private {
    directory: TempDir,
}

impl Private {
    /// Makes one.
    pub(super) fn new() -> Result<Self, Report> {
        let failed =
            |error| Report::new(Exit::of_sops(3), "no private directory can be made for the plain text").cause(error);
        let mut last = None;
        for base in bases() {
            match builder().tempdir_in(base) {
                Ok(directory) => return Ok(Self { directory }),
                Err(error) => last = Some(error),
            }
        }
        Err(failed(last.unwrap_or_else(|| std::io::Error::other("there is no directory for temporary files"))))
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// In memory if possible: the directory of the user, then that of the system.
fn bases() -> Vec<PathBuf> {
    let mut bases: Vec<PathBuf> = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).into_iter().collect();
    if cfg!(target_os = "linux") {
        bases.push(PathBuf::from("/dev/shm"));
    }
    bases.push(std::env::temp_dir());
    bases.retain(|base| base.is_absolute() && base.is_dir());
    bases
}

#[cfg(unix)]
fn builder() -> Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut builder = Builder::new();
    builder.prefix("countersign-").permissions(std::fs::Permissions::from_mode(0o700));
    builder
}

#[cfg(not(unix))]
fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix("countersign-");
    builder
}
