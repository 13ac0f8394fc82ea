//! The durable memory behind [`Journal`]: inbox, work table, sightings, what we wrote, remembered ledger heads.
//!
//! SQLite for a server, plain memory for tests and short runs; both keep one contract (`contract.rs`). It never decides, never
//! asks the clock, and stores nothing beyond what the port hands it: no secret, no token, no delivery body that was understood.

use std::sync::Arc;

use countersign_core::domain::{Span, Timestamp};
use thiserror::Error;

use crate::engine::ports::{Journal, JournalError};

mod key;
mod memory;
mod sqlite;

#[cfg(test)]
mod contract;

pub use memory::MemoryJournal;
pub use sqlite::SqliteJournal;

/// How long the id of a delivery is kept at least. GitHub can redeliver for 3 days; the promise is 7.
const DELIVERIES_KEPT: Span = Span::from_seconds(8 * 86_400);

/// How much of a reason for a failure is kept, in characters.
const REASON_KEPT: usize = 500;

/// Why a store cannot be opened. The URL itself is never repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A PostgreSQL URL.
    #[error("this build stores in SQLite only\nhelp: use `sqlite:countersign.db`, or another path after `sqlite:`")]
    Postgres,
    /// Another scheme, or none.
    #[error(
        "the database URL names no store of this build\nhelp: use `sqlite:countersign.db`, or another path after `sqlite:`"
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

/// Opens the store a URL names, creates it when it is not there, and brings its schema up to date.
///
/// `sqlite:countersign.db` is a path relative to the working directory, `sqlite:/var/lib/x.db` an absolute one;
/// `sqlite::memory:` is forgotten when the store is dropped.
///
/// # Errors
/// When the URL names no store of this build, or the database cannot be opened.
pub async fn open(url: &str) -> Result<Arc<dyn Journal>, OpenError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Arc::new(SqliteJournal::open(url).await?)),
        Some(("postgres" | "postgresql", _)) => Err(OpenError::Postgres),
        Some(_) | None => Err(OpenError::UnknownScheme),
    }
}

/// Deliveries that arrived before this instant may be forgotten.
fn forget_before(now: Timestamp) -> Timestamp {
    let kept = i64::try_from(DELIVERIES_KEPT.seconds()).unwrap_or(i64::MAX);
    Timestamp::from_seconds(now.seconds().saturating_sub(kept))
}
