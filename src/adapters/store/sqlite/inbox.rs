//! What arrives: a delivery with its sightings and its work, all or nothing. Never looks into a body.

use sqlx::{SqliteConnection, SqlitePool};

use super::{begin, work};
use crate::adapters::store::fault::{Fault, into_column, into_json};
use crate::adapters::store::forget_before;
use crate::engine::ports::{NewDelivery, Recorded, Sighting};

/// Stores a delivery, unless its id is there; forgets those that are old enough.
pub(super) async fn record(writer: &SqlitePool, delivery: &NewDelivery) -> Result<Recorded, Fault> {
    let mut tx = begin(writer).await?;
    sqlx::query("DELETE FROM deliveries WHERE arrived_at < ?")
        .bind(forget_before(delivery.at).seconds())
        .execute(&mut *tx)
        .await?;
    let inserted = sqlx::query(
        "INSERT INTO deliveries (id, event, body_digest, arrived_at, unparsable) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(delivery.id.as_str())
    .bind(&delivery.event)
    .bind(delivery.body.to_string())
    .bind(delivery.at.seconds())
    .bind(delivery.unparsable.as_deref())
    .execute(&mut *tx)
    .await?;
    let recorded = if inserted.rows_affected() == 0 {
        Recorded::Duplicate
    } else {
        for sighting in &delivery.sightings {
            keep(&mut tx, sighting).await?;
        }
        for (subject, due) in &delivery.look_at {
            work::ask(&mut tx, subject, *due).await?;
        }
        Recorded::New
    };
    tx.commit().await?;
    Ok(recorded)
}

/// Keeps one sighting.
pub(super) async fn sight(writer: &SqlitePool, sighting: &Sighting) -> Result<(), Fault> {
    let mut tx = begin(writer).await?;
    keep(&mut tx, sighting).await?;
    Ok(tx.commit().await?)
}

async fn keep(tx: &mut SqliteConnection, sighting: &Sighting) -> Result<(), Fault> {
    let query = match sighting {
        Sighting::Push { repo, reference, movement } => sqlx::query(
            "INSERT INTO pushes (repo, reference, before_oid, after_oid, actor, at, delivery)
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
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
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
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
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(into_column(repo.get())?)
        .bind(into_column(change.get())?)
        .bind(into_column(comment.get())?)
        .bind(into_json(told)?)
        .bind(by.as_ref().map(into_json).transpose()?)
        .bind(at.seconds())
        .bind(delivery.as_ref().map(|id| id.as_str())),
        Sighting::Installed { repo, name, installation: Some(installation) } => sqlx::query(
            "INSERT INTO repositories (repo, name, installation) VALUES (?, ?, ?)
             ON CONFLICT (repo) DO UPDATE SET name = excluded.name, installation = excluded.installation",
        )
        .bind(into_column(repo.get())?)
        .bind(name.to_string())
        .bind(into_column(installation.get())?),
        Sighting::Installed { repo, name: _, installation: None } => {
            sqlx::query("DELETE FROM repositories WHERE repo = ?").bind(into_column(repo.get())?)
        }
    };
    query.execute(tx).await?;
    Ok(())
}
