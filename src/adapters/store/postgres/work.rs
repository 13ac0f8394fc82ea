//! The work table: who wants which subject looked at, and who is looking. It never knows why.
//!
//! A claim holds while its row names its owner and its fence. Who claims passes over rows that another transaction holds, so that
//! nobody waits for anybody. Requests made during a lease wait in `later_at`, because the look being taken may have read its facts
//! already; they become the due time when the lease is given back.

use countersign_core::domain::{Span, Timestamp};
use sqlx::{PgConnection, PgPool, Row};

use crate::adapters::store::fault::{Fault, from_column, into_column};
use crate::adapters::store::{REASON_KEPT, key};
use crate::engine::ports::{Claim, QueueDepth, Subject};

const TABLE: &str = "work";

/// Asks for a look at a subject.
pub(super) async fn schedule(pool: &PgPool, subject: &Subject, due: Timestamp) -> Result<(), Fault> {
    ask(&mut *pool.acquire().await?, subject, due).await
}

/// Asks for a look at a subject, perhaps inside a transaction.
pub(super) async fn ask(tx: &mut PgConnection, subject: &Subject, due: Timestamp) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO work AS known (subject, due_at, asked) VALUES ($1, $2, 1)
         ON CONFLICT (subject) DO UPDATE SET
             asked = known.asked + 1,
             due_at = CASE WHEN known.lease_until IS NULL
                 THEN least(known.due_at, excluded.due_at) ELSE known.due_at END,
             later_at = CASE WHEN known.lease_until IS NULL
                 THEN NULL ELSE least(known.later_at, excluded.due_at) END",
    )
    .bind(key::write(subject))
    .bind(due.seconds())
    .execute(tx)
    .await?;
    Ok(())
}

/// Leases the subject that has been due longest, of those nobody is writing to.
pub(super) async fn claim(pool: &PgPool, owner: &str, now: Timestamp, lease: Span) -> Result<Option<Claim>, Fault> {
    let mut tx = pool.begin().await?;
    let Some((text, subject)) = longest_due(&mut tx, now).await? else {
        tx.commit().await?;
        return Ok(None);
    };
    let row = sqlx::query(
        "UPDATE work SET
             attempts = attempts + CASE WHEN lease_until IS NULL THEN 0 ELSE 1 END,
             last_error = CASE WHEN lease_until IS NULL THEN last_error ELSE 'the lease ran out' END,
             lease_owner = $1, lease_until = $2, fence = nextval('fence'), later_at = NULL
         WHERE subject = $3 RETURNING fence, attempts, asked",
    )
    .bind(owner)
    .bind(now.plus(lease).seconds())
    .bind(text)
    .fetch_one(&mut *tx)
    .await?;
    let claim = Claim {
        subject,
        owner: owner.to_owned(),
        fence: from_column(row.try_get("fence")?, TABLE)?,
        attempts: count(row.try_get("attempts")?)?,
        asked: from_column(row.try_get("asked")?, TABLE)?,
    };
    tx.commit().await?;
    Ok(Some(claim))
}

/// Ends every lease: their owners are dead. As after a lease that ran out, the attempt counts; a fence given out stays given out.
pub(super) async fn free(connection: &mut PgConnection) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE work SET
             due_at = least(due_at, later_at), later_at = NULL,
             attempts = attempts + 1, last_error = 'the process ended',
             lease_owner = NULL, lease_until = NULL
         WHERE lease_until IS NOT NULL",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The free subject that has been due longest, locked until the transaction ends. A subject only another version understands is
/// dropped: a sweep would find it again, and it must not stop the others.
async fn longest_due(tx: &mut PgConnection, now: Timestamp) -> Result<Option<(String, Subject)>, Fault> {
    loop {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT subject FROM work WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
             ORDER BY due_at, subject LIMIT 1 FOR UPDATE SKIP LOCKED",
        )
        .bind(now.seconds())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(text) = found else { return Ok(None) };
        if let Some(subject) = key::read(&text) {
            return Ok(Some((text, subject)));
        }
        tracing::warn!(subject = text, "dropped work of a kind this version does not know");
        sqlx::query("DELETE FROM work WHERE subject = $1").bind(text).execute(&mut *tx).await?;
    }
}

/// Ends a claim.
pub(super) async fn complete(pool: &PgPool, claim: &Claim, again: Option<Timestamp>) -> Result<bool, Fault> {
    let mut tx = pool.begin().await?;
    let Some(held) = held(&mut tx, claim).await? else { return Ok(false) };
    match [held.later, again].into_iter().flatten().min() {
        Some(due) => release(&mut tx, claim, due, 0, None).await?,
        None => {
            let subject = key::write(&claim.subject);
            sqlx::query("DELETE FROM work WHERE subject = $1").bind(subject).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(true)
}

/// Ends a claim that failed.
pub(super) async fn fail(pool: &PgPool, claim: &Claim, again: Timestamp, reason: &str) -> Result<bool, Fault> {
    let mut tx = pool.begin().await?;
    let Some(held) = held(&mut tx, claim).await? else { return Ok(false) };
    let due = held.later.map_or(again, |later| later.min(again));
    // the one character a text of PostgreSQL cannot hold
    let reason: String = reason.chars().filter(|c| *c != '\0').take(REASON_KEPT).collect();
    release(&mut tx, claim, due, i64::from(held.attempts) + 1, Some(&reason)).await?;
    tx.commit().await?;
    Ok(true)
}

/// Extends a claim that still holds.
pub(super) async fn renew(pool: &PgPool, claim: &Claim, now: Timestamp, lease: Span) -> Result<bool, Fault> {
    let renewed = sqlx::query(
        "UPDATE work SET lease_until = greatest(lease_until, $1)
         WHERE subject = $2 AND fence = $3 AND lease_owner = $4 AND lease_until > $5",
    )
    .bind(now.plus(lease).seconds())
    .bind(key::write(&claim.subject))
    .bind(into_column(claim.fence)?)
    .bind(&claim.owner)
    .bind(now.seconds())
    .execute(pool)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

struct Held {
    later: Option<Timestamp>,
    attempts: u32,
}

/// The row of a claim, locked, if it has not been taken over or ended.
async fn held(tx: &mut PgConnection, claim: &Claim) -> Result<Option<Held>, Fault> {
    let row = sqlx::query(
        "SELECT later_at, attempts FROM work WHERE subject = $1 AND fence = $2 AND lease_owner = $3 FOR UPDATE",
    )
    .bind(key::write(&claim.subject))
    .bind(into_column(claim.fence)?)
    .bind(&claim.owner)
    .fetch_optional(tx)
    .await?;
    row.map(|row| {
        let later: Option<i64> = row.try_get("later_at")?;
        Ok(Held { later: later.map(Timestamp::from_seconds), attempts: count(row.try_get("attempts")?)? })
    })
    .transpose()
}

fn count(number: i64) -> Result<u32, Fault> {
    u32::try_from(number).map_err(|_| Fault::Unreadable(TABLE))
}

async fn release(
    tx: &mut PgConnection,
    claim: &Claim,
    due: Timestamp,
    attempts: i64,
    reason: Option<&str>,
) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE work SET due_at = $1, later_at = NULL, lease_owner = NULL, lease_until = NULL,
             attempts = $2, last_error = $3
         WHERE subject = $4",
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
pub(super) async fn depth(pool: &PgPool, now: Timestamp) -> Result<QueueDepth, Fault> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE due_at <= $1 OR lease_until > $1) AS due,
                min(due_at) FILTER (WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)) AS oldest
         FROM work",
    )
    .bind(now.seconds())
    .fetch_one(pool)
    .await?;
    let oldest: Option<i64> = row.try_get("oldest")?;
    Ok(QueueDepth {
        due: from_column(row.try_get("due")?, TABLE)?,
        oldest_seconds: oldest.map_or(0, |due| now.since(Timestamp::from_seconds(due)).seconds()),
    })
}

/// When the next subject can be claimed: its due time, or the end of its lease.
pub(super) async fn next_due(pool: &PgPool) -> Result<Option<Timestamp>, Fault> {
    let due: Option<i64> =
        sqlx::query_scalar("SELECT min(greatest(due_at, lease_until)) FROM work").fetch_one(pool).await?;
    Ok(due.map(Timestamp::from_seconds))
}
