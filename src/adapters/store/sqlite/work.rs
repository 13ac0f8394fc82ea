//! The work table: who wants which subject looked at, and who is looking. It never knows why.
//!
//! A claim holds while its row names its owner and its fence. Requests made during a lease wait in `later_at`, because the look
//! being taken may have read its facts already; they become the due time when the lease is given back.

use countersign_core::domain::{Span, Timestamp};
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::begin;
use crate::adapters::store::fault::{Fault, from_column, into_column};
use crate::adapters::store::{REASON_KEPT, key};
use crate::engine::ports::{Claim, QueueDepth, Subject};

const TABLE: &str = "work";

/// Asks for a look at a subject.
pub(super) async fn schedule(writer: &SqlitePool, subject: &Subject, due: Timestamp) -> Result<(), Fault> {
    let mut tx = begin(writer).await?;
    ask(&mut tx, subject, due).await?;
    Ok(tx.commit().await?)
}

/// Asks for a look at a subject, inside a transaction.
pub(super) async fn ask(tx: &mut SqliteConnection, subject: &Subject, due: Timestamp) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO work (subject, due_at, asked) VALUES (?, ?, 1)
         ON CONFLICT (subject) DO UPDATE SET
             asked = asked + 1,
             due_at = iif(lease_until IS NULL, min(due_at, excluded.due_at), due_at),
             later_at = iif(lease_until IS NULL, NULL, min(ifnull(later_at, excluded.due_at), excluded.due_at))",
    )
    .bind(key::write(subject))
    .bind(due.seconds())
    .execute(tx)
    .await?;
    Ok(())
}

/// Leases the subject that has been due longest.
pub(super) async fn claim(
    writer: &SqlitePool,
    owner: &str,
    now: Timestamp,
    lease: Span,
) -> Result<Option<Claim>, Fault> {
    let mut tx = begin(writer).await?;
    let Some((text, subject)) = longest_due(&mut tx, now).await? else {
        tx.commit().await?;
        return Ok(None);
    };
    let fence: i64 = sqlx::query_scalar("UPDATE fence SET last = last + 1 RETURNING last").fetch_one(&mut *tx).await?;
    let row = sqlx::query(
        "UPDATE work SET
             attempts = attempts + (lease_until IS NOT NULL),
             last_error = iif(lease_until IS NULL, last_error, 'the lease ran out'),
             lease_owner = ?, lease_until = ?, fence = ?, later_at = NULL
         WHERE subject = ? RETURNING attempts, asked",
    )
    .bind(owner)
    .bind(now.plus(lease).seconds())
    .bind(fence)
    .bind(text)
    .fetch_one(&mut *tx)
    .await?;
    let claim = Claim {
        subject,
        owner: owner.to_owned(),
        fence: from_column(fence, "fence")?,
        attempts: row.try_get("attempts")?,
        asked: from_column(row.try_get("asked")?, TABLE)?,
    };
    tx.commit().await?;
    Ok(Some(claim))
}

/// Ends every lease: their owners are dead. As after a lease that ran out, the attempt counts; a fence given out stays given out.
pub(super) async fn free(writer: &SqlitePool) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE work SET
             due_at = min(due_at, ifnull(later_at, due_at)), later_at = NULL,
             attempts = attempts + 1, last_error = 'the process ended',
             lease_owner = NULL, lease_until = NULL
         WHERE lease_until IS NOT NULL",
    )
    .execute(writer)
    .await?;
    Ok(())
}

/// The free subject that has been due longest. A subject only another version understands is dropped: a sweep would find it
/// again, and it must not stop the others.
async fn longest_due(tx: &mut SqliteConnection, now: Timestamp) -> Result<Option<(String, Subject)>, Fault> {
    loop {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT subject FROM work WHERE due_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)
             ORDER BY due_at, subject LIMIT 1",
        )
        .bind(now.seconds())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(text) = found else { return Ok(None) };
        if let Some(subject) = key::read(&text) {
            return Ok(Some((text, subject)));
        }
        tracing::warn!(subject = text, "dropped work of a kind this version does not know");
        sqlx::query("DELETE FROM work WHERE subject = ?").bind(text).execute(&mut *tx).await?;
    }
}

/// Ends a claim.
pub(super) async fn complete(writer: &SqlitePool, claim: &Claim, again: Option<Timestamp>) -> Result<bool, Fault> {
    let mut tx = begin(writer).await?;
    let Some(held) = held(&mut tx, claim).await? else { return Ok(false) };
    match [held.later, again].into_iter().flatten().min() {
        Some(due) => release(&mut tx, claim, due, 0, None).await?,
        None => {
            let subject = key::write(&claim.subject);
            sqlx::query("DELETE FROM work WHERE subject = ?").bind(subject).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(true)
}

/// Ends a claim that failed.
pub(super) async fn fail(writer: &SqlitePool, claim: &Claim, again: Timestamp, reason: &str) -> Result<bool, Fault> {
    let mut tx = begin(writer).await?;
    let Some(held) = held(&mut tx, claim).await? else { return Ok(false) };
    let due = held.later.map_or(again, |later| later.min(again));
    let reason: String = reason.chars().take(REASON_KEPT).collect();
    release(&mut tx, claim, due, held.attempts.saturating_add(1), Some(&reason)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Extends a claim that still holds.
pub(super) async fn renew(writer: &SqlitePool, claim: &Claim, now: Timestamp, lease: Span) -> Result<bool, Fault> {
    let renewed = sqlx::query(
        "UPDATE work SET lease_until = max(lease_until, ?)
         WHERE subject = ? AND fence = ? AND lease_owner = ? AND lease_until > ?",
    )
    .bind(now.plus(lease).seconds())
    .bind(key::write(&claim.subject))
    .bind(into_column(claim.fence)?)
    .bind(&claim.owner)
    .bind(now.seconds())
    .execute(writer)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

struct Held {
    later: Option<Timestamp>,
    attempts: u32,
}

/// The row of a claim, if it has not been taken over or ended.
async fn held(tx: &mut SqliteConnection, claim: &Claim) -> Result<Option<Held>, Fault> {
    let row = sqlx::query("SELECT later_at, attempts FROM work WHERE subject = ? AND fence = ? AND lease_owner = ?")
        .bind(key::write(&claim.subject))
        .bind(into_column(claim.fence)?)
        .bind(&claim.owner)
        .fetch_optional(tx)
        .await?;
    row.map(|row| {
        let later: Option<i64> = row.try_get("later_at")?;
        Ok(Held { later: later.map(Timestamp::from_seconds), attempts: row.try_get("attempts")? })
    })
    .transpose()
}

async fn release(
    tx: &mut SqliteConnection,
    claim: &Claim,
    due: Timestamp,
    attempts: u32,
    reason: Option<&str>,
) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE work SET due_at = ?, later_at = NULL, lease_owner = NULL, lease_until = NULL,
             attempts = ?, last_error = ?
         WHERE subject = ?",
    )
    .bind(due.seconds())
    .bind(attempts)
    .bind(reason)
    .bind(key::write(&claim.subject))
    .execute(tx)
    .await?;
    Ok(())
}

/// Queue figures.
pub(super) async fn depth(reader: &SqlitePool, now: Timestamp) -> Result<QueueDepth, Fault> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE due_at <= ?1 OR lease_until > ?1) AS due,
                min(due_at) FILTER (WHERE due_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)) AS oldest
         FROM work",
    )
    .bind(now.seconds())
    .fetch_one(reader)
    .await?;
    let oldest: Option<i64> = row.try_get("oldest")?;
    Ok(QueueDepth {
        due: from_column(row.try_get("due")?, TABLE)?,
        oldest_seconds: oldest.map_or(0, |due| now.since(Timestamp::from_seconds(due)).seconds()),
    })
}

/// When the next subject can be claimed: its due time, or the end of its lease.
pub(super) async fn next_due(reader: &SqlitePool) -> Result<Option<Timestamp>, Fault> {
    let due: Option<i64> =
        sqlx::query_scalar("SELECT min(max(due_at, ifnull(lease_until, due_at))) FROM work").fetch_one(reader).await?;
    Ok(due.map(Timestamp::from_seconds))
}
