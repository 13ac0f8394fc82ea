//! A document as it was read: its name for people, its format, its bytes, and where it is stored.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sops_file::{Format, MAX_BYTES};
use zeroize::Zeroizing;

use super::place::Place;
use super::store;
use crate::faces::cli::args::Naming;
use crate::faces::exit::{Exit, Report};

/// A document that was read; it may be a plain one.
pub(super) struct Document {
    /// As a person named it.
    pub(super) name: String,
    /// How it is written.
    pub(super) format: Format,
    /// Its bytes.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// The file it was read from; none for standard input or a commit.
    pub(super) file: Option<PathBuf>,
}

impl Document {
    /// The one document that is meant: a file (`-`: standard input), or that of the environment.
    pub(super) fn named(naming: &Naming, file: Option<&str>) -> Result<Self, Report> {
        match (&naming.environment, file) {
            (Some(environment), _) => {
                let path = Place::here()?.document(environment, naming.path.as_deref())?;
                Self::read(&path, naming.input_type)
            }
            (None, Some("-")) => Self::read_stdin(naming.input_type, None),
            (None, Some(file)) => Self::read(Path::new(file), naming.input_type),
            (None, None) => {
                Err(Report::usage("no document is named").help("name a file, or an environment with `-e ENV`"))
            }
        }
    }

    /// Reads a file, or standard input where the name is `-`.
    pub(super) fn read_any(path: &Path, format: Option<Format>) -> Result<Self, Report> {
        if path == Path::new("-") { Self::read_stdin(format, None) } else { Self::read(path, format) }
    }

    /// Reads a file.
    pub(super) fn read(path: &Path, format: Option<Format>) -> Result<Self, Report> {
        let name = path.display().to_string();
        let bytes = File::open(path).and_then(whole).map_err(|error| unread(path, &error))?;
        let format = format.unwrap_or_else(|| Format::of_path(&name));
        Ok(Self { name, format, bytes, file: Some(path.to_owned()) })
    }

    /// Reads standard input; `name` gives the format when none is named.
    pub(super) fn read_stdin(format: Option<Format>, name: Option<&str>) -> Result<Self, Report> {
        let Some(format) = format.or_else(|| name.map(Format::of_path)) else {
            return Err(Report::usage("the format of standard input is not known").help("add `--input-type yaml`"));
        };
        let bytes = limited(std::io::stdin().lock(), 0)
            .map_err(|error| Report::new(Exit::of_sops(2), "standard input cannot be read").cause(&error))?;
        Ok(Self { name: name.unwrap_or("standard input").to_owned(), format, bytes, file: None })
    }

    /// Stores other bytes in its file; see [`store::replace`].
    pub(super) fn replace(&self, bytes: &[u8], check: impl FnOnce(&[u8]) -> Result<(), Report>) -> Result<(), Report> {
        let file = self
            .file
            .as_deref()
            .ok_or_else(|| Report::usage(format!("{} cannot be changed in place", self.name)).help("name a file"))?;
        store::replace(file, bytes, Some(&self.bytes), check)
    }
}

fn unread(path: &Path, error: &std::io::Error) -> Report {
    let name = path.display();
    if error.kind() == ErrorKind::NotFound {
        return Report::new(Exit::NO_FILE, format!("there is no file `{name}`"))
            .help("name an existing document; `countersign encrypt` makes one of a plain file");
    }
    if path.is_dir() {
        return Report::new(Exit::NO_FILE, format!("`{name}` is a directory")).help("name a document in it");
    }
    Report::new(Exit::of_sops(2), format!("`{name}` cannot be read")).cause(error)
}

/// Reads a file into one piece of memory: nothing is left behind by growing.
fn whole(file: File) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let size = file.metadata().map_or(0, |metadata| metadata.len()).min(MAX_BYTES as u64);
    limited(file, usize::try_from(size).unwrap_or(0))
}

/// Reads to the end, or as far as it takes to see that it is too large. One byte more than there should be shows the end.
fn limited(from: impl Read, size: usize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
    from.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
