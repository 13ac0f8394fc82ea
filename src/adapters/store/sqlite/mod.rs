//! The journal in one SQLite file: write-ahead log, every commit on disk before it is answered, one writer and a few readers.
//!
//! Each write is one immediate transaction, so several processes may share the file. It never retries by itself: when the
//! file is locked for longer than [`PATIENCE`], the caller hears of it.

use std::fs::File;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use countersign_core::domain::{Digest, Oid, PrNumber, RefName, RepoId, Sequence, Span, Timestamp};
use countersign_core::facts::question::Movement;
use countersign_core::notify::Letter;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::fault::{Fault, during};
use super::{OpenError, file_of};
use crate::engine::ports::{
    Claim, GivenUp, Journal, JournalError, LetterFigures, Mark, NewDelivery, NoteKey, Outbox, Presence, QueueDepth,
    Recorded, RepoRef, Sighting, Subject, Waiting,
};

mod inbox;
mod letters;
mod notes;
mod sightings;
mod upkeep;
mod work;
mod written;

static SCHEMA: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a write waits for another process. GitHub waits 10 s for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that only read.
const READERS: u32 = 3;

/// A journal in a SQLite database.
pub struct SqliteJournal {
    writer: SqlitePool,
    reader: SqlitePool,
    /// Held as long as we live, by the first process on the file.
    first: Option<File>,
}

impl SqliteJournal {
    /// Opens `sqlite:<path>` or `sqlite::memory:`, creates what is missing, brings the schema up to date.
    ///
    /// # Errors
    /// When the URL's options are not SQLite's, the file cannot be opened, or its schema is of a later version.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| OpenError::Options)?
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .synchronous(SqliteSynchronous::Full);
        let journal =
            if file_of(url).is_none() { Self::in_memory(options).await } else { Self::in_file(options).await };
        let journal = journal.map_err(during("open the database"))?;
        journal.migrate().await.map_err(during("bring the database up to date"))?;
        if journal.first.is_some() {
            work::free(&journal.writer).await.map_err(during("free what a dead process held"))?;
        }
        Ok(journal)
    }

    async fn in_file(options: SqliteConnectOptions) -> Result<Self, Fault> {
        let options = options.journal_mode(SqliteJournalMode::Wal);
        let first = lock_beside(options.get_filename());
        let writer = first_connection(&options).await?;
        let reader = pool(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self { writer, reader, first })
    }

    /// The database lives in its only connection, which must therefore never be closed.
    async fn in_memory(options: SqliteConnectOptions) -> Result<Self, Fault> {
        let only = pool(1).min_connections(1).idle_timeout(None).max_lifetime(None).connect_with(options).await?;
        Ok(Self { writer: only.clone(), reader: only, first: None })
    }

    /// Under a write lock, so that two processes may start at once.
    async fn migrate(&self) -> Result<(), Fault> {
        let mut lock = begin(&self.writer).await?;
        // Not `run`: through its `Acquire` the future could not be sent to another thread.
        SCHEMA.run_direct(None, &mut *lock, false).await.map_err(|error| {
            let newer = matches!(error, MigrateError::VersionMissing(_));
            if newer { Fault::Newer } else { Fault::Sql(error.into()) }
        })?;
        Ok(lock.commit().await?)
    }
}

/// Opens the file. Changing it to a write-ahead log does not wait for another process that is doing the same, so we do.
async fn first_connection(options: &SqliteConnectOptions) -> Result<SqlitePool, Fault> {
    let begun = Instant::now();
    loop {
        match pool(1).connect_with(options.clone()).await {
            Err(sqlx::Error::Database(error)) if is_busy(&*error) && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// `SQLITE_BUSY` and its extended codes, which hold it in their last byte.
fn is_busy(error: &dyn DatabaseError) -> bool {
    error.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// A lock beside the database that the system takes back from a process that dies. Who gets it is alone on the file, so the leases
/// in it are of the dead; where it cannot be had they run out by themselves.
fn lock_beside(database: &Path) -> Option<File> {
    let mut path = database.as_os_str().to_owned();
    path.push("-lock");
    let file = File::options().create(true).append(true).open(path).ok()?;
    file.try_lock().is_ok().then_some(file)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE)
}

/// Begins a transaction that holds the write lock from its first moment, so that what it read is still so when it writes.
async fn begin(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>, Fault> {
    Ok(writer.begin_with("BEGIN IMMEDIATE").await?)
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn record(&self, delivery: &NewDelivery) -> Result<Recorded, JournalError> {
        inbox::record(&self.writer, delivery).await.map_err(during("store a delivery"))
    }

    async fn schedule(&self, subject: &Subject, due: Timestamp) -> Result<(), JournalError> {
        work::schedule(&self.writer, subject, due).await.map_err(during("schedule a subject"))
    }

    async fn claim(&self, owner: &str, now: Timestamp, lease: Span) -> Result<Option<Claim>, JournalError> {
        work::claim(&self.writer, owner, now, lease).await.map_err(during("claim a subject"))
    }

    async fn complete(&self, claim: &Claim, again: Option<Timestamp>) -> Result<bool, JournalError> {
        work::complete(&self.writer, claim, again).await.map_err(during("end a claim"))
    }

    async fn fail(&self, claim: &Claim, again: Timestamp, reason: &str) -> Result<bool, JournalError> {
        work::fail(&self.writer, claim, again, reason).await.map_err(during("end a failed claim"))
    }

    async fn renew(&self, claim: &Claim, now: Timestamp, lease: Span) -> Result<bool, JournalError> {
        work::renew(&self.writer, claim, now, lease).await.map_err(during("renew a claim"))
    }

    async fn depth(&self, now: Timestamp) -> Result<QueueDepth, JournalError> {
        work::depth(&self.reader, now).await.map_err(during("measure the queue"))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, JournalError> {
        work::next_due(&self.reader).await.map_err(during("find the next due subject"))
    }

    async fn sight(&self, sighting: &Sighting) -> Result<(), JournalError> {
        inbox::sight(&self.writer, sighting).await.map_err(during("keep a sighting"))
    }

    async fn movements(&self, repo: RepoId, reference: &RefName) -> Result<Vec<Movement>, JournalError> {
        sightings::movements(&self.reader, repo, reference).await.map_err(during("list the moves of a reference"))
    }

    async fn reviews(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        sightings::reviews(&self.reader, repo, change).await.map_err(during("list the reviews of a pull request"))
    }

    async fn comments(&self, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, JournalError> {
        sightings::comments(&self.reader, repo, change).await.map_err(during("list the comments of a pull request"))
    }

    async fn repositories(&self) -> Result<Vec<RepoRef>, JournalError> {
        sightings::repositories(&self.reader).await.map_err(during("list the repositories"))
    }

    async fn presence(&self, repo: RepoId, change: PrNumber) -> Result<Option<Presence>, JournalError> {
        written::presence(&self.reader, repo, change).await.map_err(during("recall what was written"))
    }

    async fn remember(&self, repo: RepoId, change: PrNumber, presence: &Presence) -> Result<(), JournalError> {
        written::remember(&self.writer, repo, change, presence).await.map_err(during("remember what was written"))
    }

    async fn note(&self, repo: RepoId, key: &NoteKey) -> Result<Option<String>, JournalError> {
        notes::note(&self.reader, repo, key).await.map_err(during("read a note"))
    }

    async fn sync_notes(&self, repo: RepoId) -> Result<Vec<(NoteKey, String)>, JournalError> {
        notes::sync_notes(&self.reader, repo).await.map_err(during("read the notes of targets"))
    }

    async fn keep_note(&self, repo: RepoId, key: &NoteKey, text: &str) -> Result<(), JournalError> {
        notes::keep(&self.writer, repo, key, text).await.map_err(during("keep a note"))
    }

    async fn ledger_head(&self, repo: RepoId) -> Result<Option<(Sequence, Oid)>, JournalError> {
        written::ledger_head(&self.reader, repo).await.map_err(during("recall the ledger head"))
    }

    async fn remember_ledger(&self, repo: RepoId, sequence: Sequence, commit: &Oid) -> Result<(), JournalError> {
        written::remember_ledger(&self.writer, repo, sequence, commit).await.map_err(during("remember the ledger head"))
    }
}

#[async_trait]
impl Outbox for SqliteJournal {
    async fn is_told(&self, repo: RepoId, key: &str) -> Result<bool, JournalError> {
        letters::is_told(&self.reader, repo, key).await.map_err(during("recall what was told"))
    }

    async fn tell(&self, repo: RepoId, key: &str, letters: &[Letter], now: Timestamp) -> Result<bool, JournalError> {
        letters::tell(&self.writer, repo, key, letters, now).await.map_err(during("keep letters"))
    }

    async fn next_letter(&self, repo: RepoId, destination: Digest) -> Result<Option<Waiting>, JournalError> {
        letters::next(&self.reader, repo, destination).await.map_err(during("find the next letter"))
    }

    async fn mark_letter(&self, repo: RepoId, letter: Digest, mark: &Mark) -> Result<(), JournalError> {
        letters::mark(&self.writer, repo, letter, mark).await.map_err(during("mark a letter"))
    }

    async fn first_sent(
        &self,
        repo: RepoId,
        destination: Digest,
        thread: &str,
    ) -> Result<Option<Digest>, JournalError> {
        letters::first_sent(&self.reader, repo, destination, thread).await.map_err(during("find the first letter"))
    }

    async fn letters(&self) -> Result<LetterFigures, JournalError> {
        letters::figures(&self.reader).await.map_err(during("count letters"))
    }

    async fn given_up(&self, most: u32) -> Result<Vec<GivenUp>, JournalError> {
        letters::given_up(&self.reader, most).await.map_err(during("list letters that were given up"))
    }

    async fn forget_letters(&self, before: Timestamp) -> Result<u64, JournalError> {
        letters::forget(&self.writer, before).await.map_err(during("throw old letters away"))
    }
}

#[cfg(test)]
impl SqliteJournal {
    /// The writing connection, for tests that look at rows or stop halfway.
    pub(super) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// A reading connection, for tests of what it refuses.
    pub(super) fn reader(&self) -> &SqlitePool {
        &self.reader
    }
}
