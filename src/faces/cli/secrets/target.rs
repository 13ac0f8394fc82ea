//! Where a whole document goes: back to its file, to another one, below a directory, to standard output.
//!
//! Never overwrites one document with another of a batch: several go in place, or below a directory under their own names.

use std::path::{Path, PathBuf};

use super::many::found::{Found, Origin};
use crate::faces::cli::args::Target;
use crate::faces::exit::{Exit, Report};

/// Where documents go.
pub(super) enum Place {
    /// One, to standard output.
    Stdout,
    /// Each to the file it was read from.
    Back,
    /// One, to this file.
    File(PathBuf),
    /// Each below this directory, under its own name.
    Below(PathBuf),
}

impl Place {
    /// What the flags mean for these documents.
    pub(super) fn of(target: &Target, found: &[Found]) -> Result<Self, Report> {
        let several = match found {
            [one] => one.origin == Origin::Directory,
            _ => true,
        };
        match (&target.output, target.in_place) {
            (Some(_), true) => {
                Err(Report::new(Exit::CONTRADICTION, "`--in-place` and `--output` contradict each other")
                    .help("give one of them"))
            }
            (None, true) => Ok(Self::Back),
            (Some(path), false) if several || path.is_dir() => Ok(Self::Below(path.clone())),
            (Some(path), false) => Ok(Self::File(path.clone())),
            (None, false) if several => Err(Report::usage("several documents do not go to standard output")
                .help("`-i` writes each back to its file; `-o DIRECTORY` writes them there")),
            (None, false) => Ok(Self::Stdout),
        }
    }

    /// The file a document goes to; none for standard output. Directories on the way are made.
    pub(super) fn file(&self, found: &Found) -> Result<Option<PathBuf>, Report> {
        match self {
            Self::Stdout => Ok(None),
            Self::Back => Ok(Some(found.path.clone())),
            Self::File(path) => Ok(Some(path.clone())),
            Self::Below(directory) => {
                let own = match &found.below {
                    Some(below) => found.path.strip_prefix(below).unwrap_or(&found.path),
                    None => found.path.file_name().map_or(found.path.as_path(), Path::new),
                };
                let path = directory.join(own);
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent).map_err(|error| {
                        Report::new(Exit::of_sops(3), format!("`{}` cannot be made", parent.display())).cause(error)
                    })?;
                }
                Ok(Some(path))
            }
        }
    }
}

/// Whether two names mean the same file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
