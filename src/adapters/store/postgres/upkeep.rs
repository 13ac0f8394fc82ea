//! A database that is looked at, and not worked on.

use std::collections::BTreeSet;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnection;

use super::{PATIENCE, PostgresJournal, SCHEMA, address};
use crate::adapters::store::fault::{Fault, during};
use crate::adapters::store::upkeep::SchemaStep;
use crate::adapters::store::{OpenError, steps};

impl PostgresJournal {
    /// The steps of the schema, and which of them the database has.
    pub(in crate::adapters::store) async fn schema(url: &str) -> Result<Vec<SchemaStep>, OpenError> {
        let options = address::parse(url)?;
        let place = address::place(&options);
        let unreachable = |error: sqlx::Error| OpenError::unreachable(&place, &error);
        let connecting = tokio::time::timeout(2 * PATIENCE, options.connect());
        let connected = connecting.await.map_err(|_| sqlx::Error::PoolTimedOut).and_then(|connected| connected);
        let mut connection = connected.map_err(unreachable)?;
        let taken = taken(&mut connection).await;
        let known = taken.and_then(|taken| steps(&SCHEMA, &taken));
        known.map_err(|fault| OpenError::Database(during("read which schema the database has")(fault)))
    }
}

/// The numbers of the steps that were taken.
async fn taken(connection: &mut PgConnection) -> Result<BTreeSet<i64>, Fault> {
    let begun = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(begun).fetch_one(&mut *connection).await? {
        return Ok(BTreeSet::new());
    }
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(connection).await?;
    Ok(numbers.into_iter().collect())
}
