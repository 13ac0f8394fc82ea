//! Who else is on the database: every living process holds a lock that PostgreSQL takes back from one that dies.
//!
//! Who finds nobody frees what the dead had leased. Where somebody else lives, their leases run out by themselves. A process whose
//! connection breaks takes its lock again as soon as it can.

use std::time::Duration;

use countersign_core::domain::Span;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::task::JoinHandle;

use super::work;
use crate::adapters::store::fault::Fault;

/// Advisory lock of all processes on one database; the number spells `csign`.
const LOCK: i64 = 0x63_73_69_67_6e;

/// How long a new process waits for the end of one that was just killed: PostgreSQL notices within milliseconds.
const PARTING: [Duration; 5] = [Duration::from_millis(100); 5];

/// How often the connection that holds the lock is tried.
const WATCH: Span = Span::from_seconds(2);

/// The lock, held until this is dropped.
pub(super) struct Alive(JoinHandle<()>);

impl Alive {
    /// Takes the lock; frees what dead processes had leased, if nobody else is there.
    pub(super) async fn enter(options: &PgConnectOptions) -> Result<Self, Fault> {
        let mut connection = options.connect().await?;
        if alone(&mut connection).await? {
            work::free(&mut connection).await?;
            share(&mut connection).await?;
            sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK).execute(&mut connection).await?;
        } else {
            share(&mut connection).await?;
        }
        Ok(Self(tokio::spawn(stay(connection, options.clone()))))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tries to take the lock for ourselves.
async fn alone(connection: &mut PgConnection) -> Result<bool, Fault> {
    for pause in PARTING {
        let query = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK);
        if query.fetch_one(&mut *connection).await? {
            return Ok(true);
        }
        tokio::time::sleep(pause).await;
    }
    Ok(false)
}

async fn share(connection: &mut PgConnection) -> Result<(), Fault> {
    sqlx::query("SELECT pg_advisory_lock_shared($1)").bind(LOCK).execute(connection).await?;
    Ok(())
}

/// Keeps the lock for as long as we live.
async fn stay(mut connection: PgConnection, options: PgConnectOptions) {
    loop {
        tokio::time::sleep(Duration::from_secs(WATCH.seconds())).await;
        if sqlx::query("SELECT 1").execute(&mut connection).await.is_ok() {
            continue;
        }
        match options.connect().await {
            Ok(mut fresh) => {
                if share(&mut fresh).await.is_ok() {
                    tracing::info!("connected to the database again");
                    connection = fresh;
                }
            }
            Err(_) => tracing::warn!("the database cannot be reached; trying again"),
        }
    }
}
