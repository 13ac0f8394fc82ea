//! What arrives: a delivery with its sightings and its work, all or nothing. Never looks into a body.

use sqlx::{PgConnection, PgPool};

use super::work;
use crate::adapters::store::fault::{Fault, into_column, into_json};
use crate::adapters::store::{forget_before, key};
use crate::engine::ports::{NewDelivery, Recorded, Sighting};

/// How often a transaction is begun again that PostgreSQL ended because two waited for each other.
const TRIES: u32 = 4;

/// Stores a delivery, unless its id is there; forgets those that are old enough.
pub(super) async fn record(pool: &PgPool, delivery: &NewDelivery) -> Result<Recorded, Fault> {
    for _ in 1..TRIES {
        match try_record(pool, delivery).await {
            Err(fault) if deadlocked(&fault) => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
    try_record(pool, delivery).await
}

/// Whether nothing was done because two transactions waited for each other (40P01), or could not follow one another (40001).
fn deadlocked(fault: &Fault) -> bool {
    let Fault::Sql(sqlx::Error::Database(error)) = fault else { return false };
    matches!(error.code().as_deref(), Some("40P01" | "40001"))
}

async fn try_record(pool: &PgPool, delivery: &NewDelivery) -> Result<Recorded, Fault> {
    let mut tx = pool.begin().await?;
    // what another delivery forgets at this moment needs nobody else
    sqlx::query(
        "DELETE FROM deliveries WHERE id IN
             (SELECT id FROM deliveries WHERE arrived_at < $1 AND id <> $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(forget_before(delivery.at).seconds())
    .bind(delivery.id.as_str())
    .execute(&mut *tx)
    .await?;
    let inserted = sqlx::query(
        "INSERT INTO deliveries AS known (id, event, body_digest, arrived_at, unparsable) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET event = excluded.event, body_digest = excluded.body_digest,
             arrived_at = excluded.arrived_at, unparsable = excluded.unparsable
         WHERE known.arrived_at < $6",
    )
    .bind(delivery.id.as_str())
    .bind(&delivery.event)
    .bind(delivery.body.to_string())
    .bind(delivery.at.seconds())
    .bind(delivery.unparsable.as_deref())
    .bind(forget_before(delivery.at).seconds())
    .execute(&mut *tx)
    .await?;
    let recorded = if inserted.rows_affected() == 0 {
        Recorded::Duplicate
    } else {
        // in one order, whoever tells and asks: then two deliveries never wait for each other's rows
        let mut sightings: Vec<_> = delivery.sightings.iter().collect();
        sightings.sort_by_key(|sighting| match sighting {
            Sighting::Installed { repo, .. } => repo.get(),
            // rows of their own, kept in order of arrival
            Sighting::Push { .. } | Sighting::Review { .. } | Sighting::Comment { .. } => 0,
        });
        for sighting in sightings {
            keep(&mut tx, sighting).await?;
        }
        let mut asked: Vec<_> = delivery.look_at.iter().collect();
        asked.sort_by_key(|(subject, _)| key::write(subject));
        for (subject, due) in asked {
            work::ask(&mut tx, subject, *due).await?;
        }
        Recorded::New
    };
    tx.commit().await?;
    Ok(recorded)
}

/// Keeps one sighting.
pub(super) async fn sight(pool: &PgPool, sighting: &Sighting) -> Result<(), Fault> {
    keep(&mut *pool.acquire().await?, sighting).await
}

async fn keep(tx: &mut PgConnection, sighting: &Sighting) -> Result<(), Fault> {
    let query = match sighting {
        Sighting::Push { repo, reference, movement } => sqlx::query(
            "INSERT INTO pushes (repo, reference, before_oid, after_oid, actor, at, delivery)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(into_column(repo.get())?)
        .bind(reference.as_str())
        .bind(movement.before.as_str())
        .bind(movement.after.as_str())
        .bind(movement.actor.as_ref().map(into_json).transpose()?)
        .bind(movement.at.seconds())
        .bind(movement.delivery.as_ref().map(|id| id.as_str())),
        Sighting::Review { repo, change, review, kind, commit, base, by, at, delivery } => sqlx::query(
            "INSERT INTO reviews (repo, change, review, kind, commit_oid, base, sender, at, delivery)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(into_column(repo.get())?)
        .bind(into_column(change.get())?)
        .bind(into_column(review.get())?)
        .bind(into_json(kind)?)
        .bind(commit.as_ref().map(|oid| oid.as_str()))
        .bind(base.as_ref().map(|base| base.as_str()))
        .bind(by.as_ref().map(into_json).transpose()?)
        .bind(at.seconds())
        .bind(delivery.as_ref().map(|id| id.as_str())),
        Sighting::Comment { repo, change, comment, told, by, at, delivery } => sqlx::query(
            "INSERT INTO comments (repo, change, comment, told, sender, at, delivery)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(into_column(repo.get())?)
        .bind(into_column(change.get())?)
        .bind(into_column(comment.get())?)
        .bind(into_json(told)?)
        .bind(by.as_ref().map(into_json).transpose()?)
        .bind(at.seconds())
        .bind(delivery.as_ref().map(|id| id.as_str())),
        Sighting::Installed { repo, name, installation: Some(installation) } => sqlx::query(
            "INSERT INTO repositories (repo, name, installation) VALUES ($1, $2, $3)
             ON CONFLICT (repo) DO UPDATE SET name = excluded.name, installation = excluded.installation",
        )
        .bind(into_column(repo.get())?)
        .bind(name.to_string())
        .bind(into_column(installation.get())?),
        Sighting::Installed { repo, name: _, installation: None } => {
            sqlx::query("DELETE FROM repositories WHERE repo = $1").bind(into_column(repo.get())?)
        }
    };
    query.execute(tx).await?;
    Ok(())
}
