//! Writing a file so that at every moment it is either the old one or the new one, whole.
//!
//! The new bytes go to a temporary file in the same directory, are read back and checked, and take the old file's place and mode.
//! A file that changed since it was read is left alone.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use crate::faces::exit::{Exit, Report};

/// Replaces a file, or makes it. `was`: what it held when it was read. `check` sees the bytes as they were read back from disk.
pub(super) fn replace(
    path: &Path,
    bytes: &[u8],
    was: Option<&[u8]>,
    check: impl FnOnce(&[u8]) -> Result<(), Report>,
) -> Result<(), Report> {
    write(path, bytes, was, check, 0o666)
}

/// Writes plain text: a new file is readable by its owner alone.
pub(super) fn write_plain(path: &Path, bytes: &[u8], was: Option<&[u8]>) -> Result<(), Report> {
    write(path, bytes, was, |_| Ok(()), 0o600)
}

fn write(
    path: &Path,
    bytes: &[u8],
    was: Option<&[u8]>,
    check: impl FnOnce(&[u8]) -> Result<(), Report>,
    mode: u32,
) -> Result<(), Report> {
    let failed = |error: std::io::Error| {
        Report::new(Exit::of_sops(3), format!("`{}` cannot be written", path.display())).cause(error)
    };
    // A link stays a link: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut fresh = temporary(&target, mode).map_err(failed)?;
    fresh.write_all(bytes).map_err(failed)?;
    if let Ok(metadata) = fs::metadata(&target) {
        fresh.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
    }
    fresh.as_file().sync_all().map_err(failed)?;
    let written = read(fresh.path()).map_err(failed)?;
    if *written != bytes {
        let what = format!("what was written for `{}` reads back differently; the file is unchanged", path.display());
        return Err(Report::new(Exit::of_sops(3), what).help("check the disk"));
    }
    check(&written)?;
    if let Some(was) = was {
        let now = read(&target).map_err(failed)?;
        if *now != was {
            let what = format!("`{}` was changed by somebody else meanwhile; it is left as it is", path.display());
            return Err(Report::new(Exit::FAILED, what).help("run the command again"));
        }
    }
    fresh.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

fn directory(target: &Path) -> PathBuf {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(unix)]
fn temporary(target: &Path, mode: u32) -> std::io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    Builder::new().prefix(".countersign-").permissions(fs::Permissions::from_mode(mode)).tempfile_in(directory(target))
}

#[cfg(not(unix))]
fn temporary(target: &Path, _mode: u32) -> std::io::Result<NamedTempFile> {
    Builder::new().prefix(".countersign-").tempfile_in(directory(target))
}

fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes new names durable where directories can be synced; elsewhere nothing is lost but that. Each directory is synced once.
pub(super) fn settle<'a>(files: impl Iterator<Item = &'a Path>) {
    let targets = files.map(|file| fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()));
    let directories: BTreeSet<PathBuf> = targets.map(|target| directory(&target)).collect();
    for directory in directories {
        if let Ok(directory) = File::open(directory) {
            let _ = directory.sync_all();
        }
    }
}
