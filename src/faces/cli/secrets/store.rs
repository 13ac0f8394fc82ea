//! Writing a file so that at every moment it is either the old one or the new one, whole.
//!
//! The new bytes go to a temporary file in the same directory, are read back and checked, and take the old file's place and mode.
//! A file that changed since it was read is left alone. The new content is on the disk before it takes the place; that it took it may
//! be forgotten by a machine that loses power, and then the old file is there.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use crate::faces::exit::{Exit, Report};

/// Mode of new files with plain text.
const PRIVATE: u32 = 0o600;

/// Replaces a file, or makes it. `was`: what it held when it was read. `check` sees the bytes as they were read back from disk.
pub(super) fn replace(
    path: &Path,
    bytes: &[u8],
    was: Option<&[u8]>,
    check: impl FnOnce(&[u8]) -> Result<(), Report>,
) -> Result<(), Report> {
    write(path, bytes, was, check, 0o666)
}

/// Writes plain text: readable by its owner alone, unless it goes back to the file it came from, which keeps its mode.
pub(super) fn write_plain(path: &Path, bytes: &[u8], was: Option<&[u8]>) -> Result<(), Report> {
    write(path, bytes, was, |_| Ok(()), PRIVATE)
}

/// A pipe or a device has no content that could be replaced, and its place must never be taken; the streams of this process are files by another name at most.
fn is_stream(path: &Path) -> bool {
    path.starts_with("/dev") || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn unwritten(path: &Path, error: std::io::Error) -> Report {
    Report::new(Exit::of_sops(3), format!("`{}` cannot be written", path.display())).cause(error)
}

fn write(
    path: &Path,
    bytes: &[u8],
    was: Option<&[u8]>,
    check: impl FnOnce(&[u8]) -> Result<(), Report>,
    mode: u32,
) -> Result<(), Report> {
    let failed = |error: std::io::Error| unwritten(path, error);
    if is_stream(path) {
        check(bytes)?;
        return fs::OpenOptions::new().write(true).open(path).and_then(|mut to| to.write_all(bytes)).map_err(failed);
    }
    // A link stays a link: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut fresh = temporary(&target, mode).map_err(failed)?;
    fresh.write_all(bytes).map_err(failed)?;
    // Plain text beside its document can be written again; everything else takes the place of something.
    let takes_a_place = was.is_some() || mode != PRIVATE;
    if takes_a_place && let Ok(metadata) = fs::metadata(&target) {
        fresh.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
    }
    if takes_a_place {
        fresh.as_file().sync_all().map_err(failed)?;
    }
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
