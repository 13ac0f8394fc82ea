//! The database by itself: its schema, and a copy of it.

use std::path::Path;

use crate::adapters::store::{self, Copied, CopyError, OpenError, SchemaStep};
use crate::faces::config::Database;

/// The steps of the schema, and which of them the database has.
///
/// # Errors
/// When it cannot be opened, or a newer countersign has changed it.
pub async fn schema(database: &Database) -> Result<Vec<SchemaStep>, OpenError> {
    store::schema(database.address()).await
}

/// Brings the schema up to date, as the start of a server does; a file that is not there is made.
///
/// # Errors
/// When it cannot be opened, or a newer countersign has changed it.
pub async fn migrate(database: &Database) -> Result<(), OpenError> {
    store::open(database.address()).await.map(drop)
}

/// Copies the database into a new file, while a server may be at work on it.
///
/// # Errors
/// When it is no file of SQLite, or the copy cannot be made.
pub async fn back_up(database: &Database, to: &Path) -> Result<Copied, CopyError> {
    store::copy(database.address(), to).await
}
