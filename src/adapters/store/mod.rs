//! The durable memory behind [`Journal`]: inbox, work table, sightings, what we wrote, remembered ledger heads.
//!
//! SQLite for one server, PostgreSQL for several, plain memory for tests and short runs; all keep one contract (`contract.rs`). It
//! never decides, never asks the clock, and stores nothing beyond what the port hands it: no secret, no token, no delivery body that was understood.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_core::domain::{Span, Timestamp};
use sqlx::migrate::Migrator;
use thiserror::Error;

use self::fault::Fault;

use crate::engine::ports::{Journal, JournalError};

mod fault;
mod key;
mod memory;
mod postgres;
mod rows;
mod sqlite;
mod upkeep;

#[cfg(test)]
mod contract;

pub use memory::MemoryJournal;
pub use postgres::PostgresJournal;
pub use sqlite::SqliteJournal;
pub use upkeep::{Copied, CopyError, SchemaStep, copy, schema};

/// How long the id of a delivery is kept at least. GitHub can redeliver for 3 days; the promise is 7.
const DELIVERIES_KEPT: Span = Span::from_seconds(8 * 86_400);

/// How much of a reason for a failure is kept, in characters.
const REASON_KEPT: usize = 500;

/// Why a store cannot be opened. The URL itself is never repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A PostgreSQL address that is not understood, or has options we do not know.
    #[error(
        "the address of the database is not understood\nhelp: write `postgres://user:password@host/database`, and behind `?` only options of libpq such as `sslmode`"
    )]
    Address,
    /// PostgreSQL is not there, or does not let us in.
    #[error("cannot connect to PostgreSQL at {place}: {why}\nhelp: {help}")]
    Unreachable {
        /// Host, port and database; never a user or a password.
        place: String,
        /// What went wrong.
        why: String,
        /// The next action.
        help: &'static str,
    },
    /// Another scheme, or none.
    #[error(
        "the database URL names no store of this build\nhelp: use `sqlite:countersign.db`, or `postgres://user:password@host/database`"
    )]
    UnknownScheme,
    /// The options behind the path of the URL are not SQLite's.
    #[error("the options of the SQLite URL are not understood\nhelp: use `sqlite:<path>` without options")]
    Options,
    /// The database does not open, or is of a later version.
    #[error(
        "{0}\nhelp: see that the directory exists and can be written, and that no older countersign opens a newer database"
    )]
    Database(#[from] JournalError),
}

impl OpenError {
    /// What a failed connection means for the operator, by its SQLSTATE.
    fn unreachable(place: &str, error: &sqlx::Error) -> Self {
        const NOT_THERE: &str = "see that it runs there, and that this machine may reach it";
        let (why, help) = if let sqlx::Error::Database(error) = error {
            (error.message().to_owned(), help_for(error.code().as_deref()))
        } else if let sqlx::Error::Io(error) = error {
            (error.to_string(), NOT_THERE)
        } else if let sqlx::Error::Tls(error) = error {
            (
                format!("TLS: {error}"),
                "name its authority with `?sslrootcert=FILE`, or say with `?sslmode=` that less will do",
            )
        } else if let sqlx::Error::PoolTimedOut = error {
            ("it does not answer".to_owned(), NOT_THERE)
        } else {
            (error.to_string(), "the log of the database says more")
        };
        Self::Unreachable { place: place.to_owned(), why, help }
    }
}

/// The next action for a refusal of PostgreSQL (appendix "Error Codes" of its manual).
fn help_for(code: Option<&str>) -> &'static str {
    match code {
        Some("28P01" | "28000") => {
            "see user and password in `COUNTERSIGN_DATABASE_URL`, and what `pg_hba.conf` asks of this machine"
        }
        Some("3D000") => "create it first: `createdb -O <user> <database>`",
        Some("42501" | "3F000") => "make the user the owner of the database, or let it create tables in its schema",
        Some("53300") => "raise `max_connections`: a server needs up to 10",
        Some("57P03") => "it is starting or stopping; try again in a moment",
        Some(_) | None => "the log of the database says more",
    }
}

/// Opens the store a URL names and brings its schema up to date. A file of SQLite is created when it is not there.
///
/// `sqlite:countersign.db` is a path relative to the working directory, `sqlite:/var/lib/x.db` an absolute one;
/// `sqlite::memory:` is forgotten when the store is dropped. `postgres://user:password@host/database` is a database that is there.
///
/// # Errors
/// When the URL names no store of this build, or the database cannot be opened.
pub async fn open(url: &str) -> Result<Arc<dyn Journal>, OpenError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Arc::new(SqliteJournal::open(url).await?)),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(PostgresJournal::open(url).await?)),
        Some(_) | None => Err(OpenError::UnknownScheme),
    }
}

/// Whether the file of a `sqlite:` URL is there.
#[must_use]
pub fn exists(url: &str) -> bool {
    file_of(url).is_some_and(|file| file.is_file())
}

/// The file of a `sqlite:` URL, unless it names none.
fn file_of(url: &str) -> Option<PathBuf> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        return None;
    }
    let path = url.strip_prefix("sqlite:")?.trim_start_matches("//");
    Some(PathBuf::from(path.split('?').next().unwrap_or_default()))
}

/// The steps of a schema, given the numbers of those that a database has. One of a later version is refused.
fn steps(all: &Migrator, taken: &BTreeSet<i64>) -> Result<Vec<SchemaStep>, Fault> {
    if taken.iter().any(|number| all.iter().all(|step| step.version != *number)) {
        return Err(Fault::Newer);
    }
    let step =
        |number: i64, about: &str| SchemaStep { number, about: about.to_owned(), taken: taken.contains(&number) };
    Ok(all.iter().map(|one| step(one.version, &one.description)).collect())
}

/// Deliveries that arrived before this instant may be forgotten.
fn forget_before(now: Timestamp) -> Timestamp {
    let kept = i64::try_from(DELIVERIES_KEPT.seconds()).unwrap_or(i64::MAX);
    Timestamp::from_seconds(now.seconds().saturating_sub(kept))
}
