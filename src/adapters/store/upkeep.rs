//! What an operator does with a database besides running a server on it: look at its schema, copy it while it is in use.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{OpenError, PostgresJournal, SqliteJournal};

/// One step of the schema, in the order in which they are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaStep {
    /// Its number.
    pub number: i64,
    /// What it is about.
    pub about: String,
    /// Whether the database has it.
    pub taken: bool,
}

/// A copy of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its size.
    pub bytes: u64,
    /// How many repositories it remembers the newest ledger entry of.
    pub ledgers: u64,
}

/// Why a database was not copied. The place that was named is as it was.
#[derive(Debug, Error)]
pub enum CopyError {
    /// It is on a server, or in memory.
    #[error(
        "only a file of SQLite is copied\nhelp: of PostgreSQL its own tools make a copy while it is in use: `pg_dump --format=custom --file=FILE`"
    )]
    NoFile,
    /// The file is not there.
    #[error(
        "there is no database at `{0}`\nhelp: see `countersign config` for the one the server uses; a path in it is relative to where the server runs"
    )]
    Absent(PathBuf),
    /// Something has the name of the copy already.
    #[error("`{0}` exists\nhelp: name a file that does not; nothing is written over")]
    Exists(PathBuf),
    /// The database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copy cannot be written.
    #[error("`{0}` cannot be written: {1}\nhelp: name a place you may write to, with room for a second database")]
    Unwritable(PathBuf, io::Error),
    /// It was written and is not sound.
    #[error(
        "the copy is not sound: {0}\nhelp: the database is damaged; keep it, and see docs/operations.md for what the loss of one means"
    )]
    Damaged(String),
}

/// The steps of the schema, and which of them a database has. Changes nothing, and makes no file.
///
/// # Errors
/// When the URL names no store of this build, the database cannot be opened, or a newer countersign has changed it.
pub async fn schema(url: &str) -> Result<Vec<SchemaStep>, OpenError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => SqliteJournal::schema(url).await,
        Some(("postgres" | "postgresql", _)) => PostgresJournal::schema(url).await,
        Some(_) | None => Err(OpenError::UnknownScheme),
    }
}

/// Copies a database of SQLite into a new file, as it was at one moment, while a server may be at work on it. The copy has its name
/// only when it is whole and on disk; it is readable by its owner alone.
///
/// # Errors
/// When there is no such file, or the copy cannot be made.
pub async fn copy(url: &str, to: &Path) -> Result<Copied, CopyError> {
    let from = super::file_of(url).ok_or(CopyError::NoFile)?;
    if !from.is_file() {
        return Err(CopyError::Absent(from));
    }
    // what is written is never followed or replaced, whatever it is
    if to.symlink_metadata().is_ok() {
        return Err(CopyError::Exists(to.to_owned()));
    }
    let unwritable = |error: io::Error| CopyError::Unwritable(to.to_owned(), error);
    let folder = match to.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    let part = tempfile::Builder::new().prefix(".countersign-backup-").tempfile_in(folder).map_err(unwritable)?;
    let ledgers = SqliteJournal::copy(url, part.path()).await?;
    part.as_file().sync_all().map_err(unwritable)?;
    let bytes = part.as_file().metadata().map_err(unwritable)?.len();
    part.persist_noclobber(to).map_err(|fault| {
        let exists = fault.error.kind() == io::ErrorKind::AlreadyExists;
        if exists { CopyError::Exists(to.to_owned()) } else { unwritable(fault.error) }
    })?;
    // so that its name outlives a loss of power too
    #[cfg(unix)]
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
    Ok(Copied { bytes, ledgers })
}
