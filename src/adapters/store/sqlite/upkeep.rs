//! A database that is looked at or copied, and not worked on.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr as _;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{PATIENCE, SCHEMA, SqliteJournal};
use crate::adapters::store::fault::{Fault, during, from_column};
use crate::adapters::store::upkeep::{CopyError, SchemaStep};
use crate::adapters::store::{OpenError, exists, steps};

impl SqliteJournal {
    /// The steps of the schema, and which of them the database has. A file that is not there has none, and is not made.
    pub(in crate::adapters::store) async fn schema(url: &str) -> Result<Vec<SchemaStep>, OpenError> {
        let taken = if exists(url) { taken(&mut opened(url).await?).await } else { Ok(BTreeSet::new()) };
        let known = taken.and_then(|taken| steps(&SCHEMA, &taken));
        known.map_err(|fault| OpenError::Database(during("read which schema the database has")(fault)))
    }

    /// Writes the database as it is now into an empty file, and reads that again. How many ledgers it remembers.
    pub(in crate::adapters::store) async fn copy(url: &str, to: &Path) -> Result<u64, CopyError> {
        let fault =
            |fault: sqlx::Error| CopyError::Open(OpenError::Database(during("copy the database")(fault.into())));
        let name = to.to_str().ok_or_else(|| {
            CopyError::Unwritable(to.to_owned(), std::io::Error::other("its name is not readable as text"))
        })?;
        let mut connection = opened(url).await?;
        sqlx::query("VACUUM INTO ?").bind(name).execute(&mut connection).await.map_err(fault)?;
        connection.close().await.map_err(fault)?;

        let options = SqliteConnectOptions::new().filename(to).read_only(true);
        let mut copy = options.connect().await.map_err(fault)?;
        let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut copy).await.map_err(fault)?;
        if sound != "ok" {
            return Err(CopyError::Damaged(sound));
        }
        let ledgers: i64 =
            sqlx::query_scalar("SELECT count(*) FROM ledger_heads").fetch_one(&mut copy).await.map_err(fault)?;
        copy.close().await.map_err(fault)?;
        from_column(ledgers, "ledger_heads").map_err(|fault| OpenError::Database(during("read the copy")(fault)).into())
    }
}

/// A connection to a database that is there.
async fn opened(url: &str) -> Result<SqliteConnection, OpenError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|_| OpenError::Options)?
        .create_if_missing(false)
        .busy_timeout(PATIENCE);
    options.connect().await.map_err(|fault| OpenError::Database(during("open the database")(fault.into())))
}

/// The numbers of the steps that were taken.
async fn taken(connection: &mut SqliteConnection) -> Result<BTreeSet<i64>, Fault> {
    let begun = "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    if !sqlx::query_scalar::<_, bool>(begun).fetch_one(&mut *connection).await? {
        return Ok(BTreeSet::new());
    }
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(connection).await?;
    Ok(numbers.into_iter().collect())
}
