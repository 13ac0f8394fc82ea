//! Letters: kept with their notice, taken one after the other per destination, marked as they are sent.

use countersign_core::domain::{Digest, RepoId, Timestamp};
use countersign_core::notify::Letter;
use sqlx::Row as _;
use sqlx::SqlitePool;

use super::begin;
use super::work;
use crate::adapters::store::REASON_KEPT;
use crate::adapters::store::fault::{Fault, from_column, from_json, into_column, into_json};
use crate::engine::ports::{GivenUp, LetterFigures, Mark, Subject, Waiting};

const TABLE: &str = "letters";

/// Whether a notice was told.
pub(super) async fn is_told(reader: &SqlitePool, repo: RepoId, key: &str) -> Result<bool, Fault> {
    let found = sqlx::query("SELECT 1 FROM told WHERE repo = $1 AND key = $2")
        .bind(into_column(repo.get())?)
        .bind(key)
        .fetch_optional(reader)
        .await?;
    Ok(found.is_some())
}

/// Keeps the letters of a notice that was not told yet.
pub(super) async fn tell(
    writer: &SqlitePool,
    repo: RepoId,
    key: &str,
    letters: &[Letter],
    now: Timestamp,
) -> Result<bool, Fault> {
    let mut tx = begin(writer).await?;
    let told = sqlx::query("INSERT INTO told (repo, key, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(into_column(repo.get())?)
        .bind(key)
        .bind(now.seconds())
        .execute(&mut *tx)
        .await?;
    if told.rows_affected() == 0 {
        return Ok(false);
    }
    for letter in letters {
        let destination = letter.destination.digest();
        sqlx::query(
            "INSERT INTO letters (repo, id, destination, thread, letter, state, due_at)
             VALUES ($1, $2, $3, $4, $5, 'waiting', $6) ON CONFLICT DO NOTHING",
        )
        .bind(into_column(repo.get())?)
        .bind(letter.id.to_string())
        .bind(destination.to_string())
        .bind(&letter.thread)
        .bind(into_json(letter)?)
        .bind(now.seconds())
        .execute(&mut *tx)
        .await?;
    }
    // in one order, so that two who tell at once never wait for each other
    let mut destinations: Vec<Digest> = letters.iter().map(|letter| letter.destination.digest()).collect();
    destinations.sort_by_key(ToString::to_string);
    destinations.dedup();
    for destination in destinations {
        work::ask(&mut tx, &Subject::Letters(repo, destination), now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// The oldest letter to a destination that is neither sent nor given up.
pub(super) async fn next(reader: &SqlitePool, repo: RepoId, destination: Digest) -> Result<Option<Waiting>, Fault> {
    let row = sqlx::query(
        "SELECT letter, state, attempts, due_at FROM letters
         WHERE repo = $1 AND destination = $2 AND state IN ('waiting', 'begun') ORDER BY arrival LIMIT 1",
    )
    .bind(into_column(repo.get())?)
    .bind(destination.to_string())
    .fetch_optional(reader)
    .await?;
    row.map(|row| {
        Ok(Waiting {
            letter: from_json(row.try_get("letter")?, TABLE)?,
            begun: row.try_get::<String, _>("state")? == "begun",
            attempts: u32::try_from(row.try_get::<i32, _>("attempts")?).map_err(|_| Fault::Unreadable(TABLE))?,
            due: Timestamp::from_seconds(row.try_get("due_at")?),
        })
    })
    .transpose()
}

/// Notes how the sending of a letter stands.
pub(super) async fn mark(writer: &SqlitePool, repo: RepoId, letter: Digest, mark: &Mark) -> Result<(), Fault> {
    let (state, counts, due, ended, reason) = match mark {
        Mark::Begun => ("begun", 1, None, None, None),
        Mark::Later { due, reason } => ("waiting", 0, Some(*due), None, Some(reason)),
        Mark::Sent => ("sent", 0, None, None, None),
        Mark::GivenUp { at, reason } => ("given-up", 0, None, Some(*at), Some(reason)),
    };
    sqlx::query(
        "UPDATE letters SET state = $1, attempts = attempts + $2, due_at = coalesce($3, due_at), ended_at = $4, reason = $5
         WHERE repo = $6 AND id = $7",
    )
    .bind(state)
    .bind(counts)
    .bind(due.map(Timestamp::seconds))
    .bind(ended.map(Timestamp::seconds))
    .bind(reason.map(|reason| reason.chars().take(REASON_KEPT).collect::<String>()))
    .bind(into_column(repo.get())?)
    .bind(letter.to_string())
    .execute(writer)
    .await?;
    Ok(())
}

/// The first letter of a thread that was sent to a destination.
pub(super) async fn first_sent(
    reader: &SqlitePool,
    repo: RepoId,
    destination: Digest,
    thread: &str,
) -> Result<Option<Digest>, Fault> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT id FROM letters WHERE repo = $1 AND destination = $2 AND thread = $3 AND state = 'sent'
         ORDER BY arrival LIMIT 1",
    )
    .bind(into_column(repo.get())?)
    .bind(destination.to_string())
    .bind(thread)
    .fetch_optional(reader)
    .await?;
    found.map(|id| Digest::parse(&id).map_err(|_| Fault::Unreadable(TABLE))).transpose()
}

/// How many letters wait, and how many were given up.
pub(super) async fn figures(reader: &SqlitePool) -> Result<LetterFigures, Fault> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE state IN ('waiting', 'begun')) AS waiting,
                count(*) FILTER (WHERE state = 'given-up') AS given_up
         FROM letters WHERE state <> 'sent'",
    )
    .fetch_one(reader)
    .await?;
    Ok(LetterFigures {
        waiting: from_column(row.try_get("waiting")?, TABLE)?,
        given_up: from_column(row.try_get("given_up")?, TABLE)?,
    })
}

/// Letters that were given up, newest first.
pub(super) async fn given_up(reader: &SqlitePool, most: u32) -> Result<Vec<GivenUp>, Fault> {
    let rows = sqlx::query(
        "SELECT repo, letter, ended_at, reason FROM letters WHERE state = 'given-up' ORDER BY ended_at DESC, arrival DESC LIMIT $1",
    )
    .bind(i64::from(most))
    .fetch_all(reader)
    .await?;
    let one = |row: &sqlx::sqlite::SqliteRow| {
        Ok(GivenUp {
            repo: RepoId::new(from_column(row.try_get("repo")?, TABLE)?),
            letter: from_json(row.try_get("letter")?, TABLE)?,
            at: Timestamp::from_seconds(row.try_get::<Option<i64>, _>("ended_at")?.unwrap_or_default()),
            reason: row.try_get::<Option<String>, _>("reason")?.unwrap_or_default(),
        })
    };
    rows.iter().map(one).collect()
}

/// Throws away letters that are over and were last due before then.
pub(super) async fn forget(writer: &SqlitePool, before: Timestamp) -> Result<u64, Fault> {
    let gone = sqlx::query("DELETE FROM letters WHERE state IN ('sent', 'given-up') AND due_at < $1")
        .bind(before.seconds())
        .execute(writer)
        .await?;
    Ok(gone.rows_affected())
}
