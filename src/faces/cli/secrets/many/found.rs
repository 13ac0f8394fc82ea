//! Which documents are meant: files by name, those in directories, those of an environment.
//!
//! Only names are looked at here; whether a file found in a directory is a document is seen when it is read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::faces::cli::args::{Batch, Naming};
use crate::faces::cli::secrets::place::{Place, SKIPPED};
use crate::faces::exit::{Exit, Report};

/// How a document came to be among those that are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::faces::cli::secrets) enum Origin {
    /// A person named it.
    Named,
    /// The policy says that it belongs to the environment.
    Governed,
    /// It lies in a directory that was named; it may be anything.
    Directory,
}

/// One file to be looked at.
pub(in crate::faces::cli::secrets) struct Found {
    pub(in crate::faces::cli::secrets) path: PathBuf,
    pub(in crate::faces::cli::secrets) origin: Origin,
    /// The directory it was found below, if it was.
    pub(in crate::faces::cli::secrets) below: Option<PathBuf>,
}

impl Found {
    /// Standard input, where a document is asked for.
    pub(in crate::faces::cli::secrets) fn stdin() -> Self {
        Self { path: PathBuf::from("standard input"), origin: Origin::Named, below: None }
    }
}

/// Every document of a batch, each once, those of a directory in path order.
pub(in crate::faces::cli::secrets) fn of_batch(batch: &Batch) -> Result<Vec<Found>, Report> {
    documents(&batch.naming, &batch.files)
}

/// Every document that is meant.
pub(in crate::faces::cli::secrets) fn documents(naming: &Naming, files: &[String]) -> Result<Vec<Found>, Report> {
    if let Some(environment) = &naming.environment {
        let place = Place::here()?;
        let (paths, origin) = match &naming.path {
            Some(path) => (vec![place.document(environment, Some(path))?], Origin::Named),
            None => (place.documents(environment)?, Origin::Governed),
        };
        return Ok(paths.into_iter().map(|path| Found { path, origin, below: None }).collect());
    }
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for file in files {
        let path = Path::new(file);
        if path.is_dir() {
            let mut inside = Vec::new();
            walk(path, &mut inside);
            if inside.is_empty() {
                return Err(Report::new(Exit::NO_FILE, format!("there is no file in `{file}`"))
                    .help("name documents, or directories with documents"));
            }
            let below = || Some(path.to_owned());
            found.extend(inside.into_iter().filter(|path| is_new(path, &mut seen)).map(|path| Found {
                path,
                origin: Origin::Directory,
                below: below(),
            }));
        } else if is_new(path, &mut seen) {
            found.push(Found { path: path.to_owned(), origin: Origin::Named, below: None });
        }
    }
    Ok(found)
}

/// Two workers must never hold the same file. Links to one file are one file.
fn is_new(path: &Path, seen: &mut BTreeSet<PathBuf>) -> bool {
    seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}

/// Files below a directory in path order; links in it are not followed, and configurations are no documents.
fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(directory).into_iter().flatten().flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (name, Ok(kind)) = (entry.file_name(), entry.file_type()) else { continue };
        if kind.is_dir() {
            if !SKIPPED.iter().any(|skipped| name == *skipped) {
                walk(&entry.path(), found);
            }
        } else if kind.is_file() && name != ".sops.yaml" && name != ".sops.yml" {
            found.push(entry.path());
        }
    }
}
