//! The journal in PostgreSQL: for several servers on several machines. Each write is one transaction, on disk before it is answered.
//!
//! Connections that broke are made anew by whoever needs one next. It never waits for ever: for a connection and for a lock
//! [`PATIENCE`], for a statement twice that. Not through a pooler that gives each transaction another connection: it keeps a lock
//! in one (`alive.rs`).

use std::time::Duration;

use async_trait::async_trait;
use countersign_core::domain::{Digest, Oid, PrNumber, RefName, RepoId, Sequence, Span, Timestamp};
use countersign_core::facts::question::Movement;
use countersign_core::notify::Letter;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgPool};

use super::OpenError;
use super::fault::{Fault, during};
use crate::engine::ports::{
    Claim, GivenUp, Journal, JournalError, LetterFigures, Mark, NewDelivery, NoteKey, Outbox, Presence, QueueDepth,
    Recorded, RepoRef, Sighting, Subject, Waiting,
};
use alive::Alive;

mod address;
mod alive;
mod inbox;
mod letters;
mod notes;
mod sightings;
mod upkeep;
mod work;
mod written;

static SCHEMA: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a request waits for a connection, and a statement for a lock. GitHub waits 10 s for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections of one server: four turns, deliveries, leases that are kept, the pages.
const CONNECTIONS: u32 = 8;

/// What every connection is told. Durability is never weaker than a flush to the disk, whatever the database's default is.
const SESSION: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '30s';
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A journal in a PostgreSQL database.
pub struct PostgresJournal {
    pool: PgPool,
    _alive: Alive,
}

impl PostgresJournal {
    /// Opens `postgres://user:password@host/database` and brings its schema up to date. The database must be there.
    ///
    /// # Errors
    /// When the address is not understood, the server cannot be reached or refuses us, or the schema is of a later version.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let options = address::parse(url)?;
        let place = address::place(&options);
        let unreachable = |error: sqlx::Error| OpenError::unreachable(&place, &error);
        migrate(&options).await.map_err(|fault| match fault {
            Fault::Sql(error) => unreachable(error),
            fault @ (Fault::TooLarge | Fault::Unreadable(_) | Fault::Unwritable | Fault::Newer) => {
                OpenError::Database(during("bring the database up to date")(fault))
            }
        })?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::raw_sql(SESSION).execute(connection).await.map(drop) })
            })
            .connect_with(options.clone())
            .await
            .map_err(unreachable)?;
        let alive = Alive::enter(&options).await.map_err(during("free what a dead process held"))?;
        Ok(Self { pool, _alive: alive })
    }
}

/// Brings the schema up to date, one process at a time, on a connection of its own: it may take long.
async fn migrate(options: &PgConnectOptions) -> Result<(), Fault> {
    let connecting = tokio::time::timeout(2 * PATIENCE, options.connect());
    let mut connection = connecting.await.map_err(|_| Fault::Sql(sqlx::Error::PoolTimedOut))??;
    SCHEMA.run_direct(None, &mut connection, false).await.map_err(|error| {
        if let MigrateError::VersionMissing(_) = error {
            Fault::Newer
        } else if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
            Fault::Sql(error)
        } else {
            Fault::Sql(error.into())
        }
    })
}

#[async_trait]
impl Journal for PostgresJournal {
    async fn record(&self, delivery: &NewDelivery) -> Result<Recorded, JournalError> {
        inbox::record(&self.pool, delivery).await.map_err(during("store a delivery"))
    }

    async fn schedule(&self, subject: &Subject, due: Timestamp) -> Result<(), JournalError> {
        work::schedule(&self.pool, subject, due).await.map_err(during("schedule a subject"))
    }

    async fn claim(&self, owner: &str, now: Timestamp, lease: Span) -> Result<Option<Claim>, JournalError> {
        work::claim(&self.pool, owner, now, lease).await.map_err(during("claim a subject"))
    }

    async fn complete(&self, claim: &Claim, again: Option<Timestamp>) -> Result<bool, JournalError> {
        work::complete(&self.pool, claim, again).await.map_err(during("end a claim"))
    }

    async fn fail(&self, claim: &Claim, again: Timestamp, reason: &str) -> Result<bool, JournalError> {
        work::fail(&self.pool, claim, again, reason).await.map_err(during("end a failed claim"))
    }

    async fn renew(&self, claim: &Claim, now: Timestamp, lease: Span) -> Result<bool, JournalError> {
        work::renew(&self.pool, claim, now, lease).await.map_err(during("renew a claim"))
    }

    async fn depth(&self, now: Timestamp) -> Result<QueueDepth, JournalError> {
        work::depth(&self.pool, now).await.map_err(during("measure the queue"))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, JournalError> {
        work::next_due(&self.pool).await.map_err(during("find the next due subject"))
    }

    async fn sight(&self, sighting: &Sighting) -> Result<(), JournalError> {
        inbox::sight(&self.pool, sighting).await.map_err(during("keep a sighting"))
    }

    async fn movements(&self, repo: RepoId, reference: &RefName) -> Result<Vec<Movement>, JournalError> {
        sightings::movements(&self.pool, repo, reference).await.map_err(during("list the moves of a reference"))
    }

    async fn reviews(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        sightings::reviews(&self.pool, repo, change).await.map_err(during("list the reviews of a pull request"))
    }

    async fn comments(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        sightings::comments(&self.pool, repo, change).await.map_err(during("list the comments of a pull request"))
    }

    async fn repositories(&self) -> Result<Vec<RepoRef>, JournalError> {
        sightings::repositories(&self.pool).await.map_err(during("list the repositories"))
    }

    async fn presence(&self, repo: RepoId, change: PrNumber) -> Result<Option<Presence>, JournalError> {
        written::presence(&self.pool, repo, change).await.map_err(during("recall what was written"))
    }

    async fn remember(&self, repo: RepoId, change: PrNumber, presence: &Presence) -> Result<(), JournalError> {
        written::remember(&self.pool, repo, change, presence).await.map_err(during("remember what was written"))
    }

    async fn note(&self, repo: RepoId, key: &NoteKey) -> Result<Option<String>, JournalError> {
        notes::note(&self.pool, repo, key).await.map_err(during("read a note"))
    }

    async fn sync_notes(&self, repo: RepoId) -> Result<Vec<(NoteKey, String)>, JournalError> {
        notes::sync_notes(&self.pool, repo).await.map_err(during("read the notes of targets"))
    }

    async fn keep_note(&self, repo: RepoId, key: &NoteKey, text: &str) -> Result<(), JournalError> {
        notes::keep(&self.pool, repo, key, text).await.map_err(during("keep a note"))
    }

    async fn ledger_head(&self, repo: RepoId) -> Result<Option<(Sequence, Oid)>, JournalError> {
        written::ledger_head(&self.pool, repo).await.map_err(during("recall the ledger head"))
    }

    async fn remember_ledger(&self, repo: RepoId, sequence: Sequence, commit: &Oid) -> Result<(), JournalError> {
        written::remember_ledger(&self.pool, repo, sequence, commit).await.map_err(during("remember the ledger head"))
    }
}

#[async_trait]
impl Outbox for PostgresJournal {
    async fn is_told(&self, repo: RepoId, key: &str) -> Result<bool, JournalError> {
        letters::is_told(&self.pool, repo, key).await.map_err(during("recall what was told"))
    }

    async fn tell(&self, repo: RepoId, key: &str, letters: &[Letter], now: Timestamp) -> Result<bool, JournalError> {
        letters::tell(&self.pool, repo, key, letters, now).await.map_err(during("keep letters"))
    }

    async fn next_letter(&self, repo: RepoId, destination: Digest) -> Result<Option<Waiting>, JournalError> {
        letters::next(&self.pool, repo, destination).await.map_err(during("find the next letter"))
    }

    async fn mark_letter(&self, repo: RepoId, letter: Digest, mark: &Mark) -> Result<(), JournalError> {
        letters::mark(&self.pool, repo, letter, mark).await.map_err(during("mark a letter"))
    }

    async fn first_sent(
        &self,
        repo: RepoId,
        destination: Digest,
        thread: &str,
    ) -> Result<Option<Digest>, JournalError> {
        letters::first_sent(&self.pool, repo, destination, thread).await.map_err(during("find the first letter"))
    }

    async fn letters(&self) -> Result<LetterFigures, JournalError> {
        letters::figures(&self.pool).await.map_err(during("count letters"))
    }

    async fn given_up(&self, most: u32) -> Result<Vec<GivenUp>, JournalError> {
        letters::given_up(&self.pool, most).await.map_err(during("list letters that were given up"))
    }

    async fn forget_letters(&self, before: Timestamp) -> Result<u64, JournalError> {
        letters::forget(&self.pool, before).await.map_err(during("throw old letters away"))
    }
}

#[cfg(test)]
impl PostgresJournal {
    /// The connections, for tests that look at rows or stop halfway.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }
}
