//! What deliveries told, read back. Writing them is `inbox`'s.

use countersign_core::domain::{InstallationId, PrNumber, RefName, RepoId, ReviewId, Timestamp};
use countersign_core::facts::question::Movement;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};

use crate::adapters::store::fault::{Fault, from_column, from_json, into_column, parsed};
use crate::engine::ports::{RepoRef, Sighting};

/// Moves of a reference, newest first; of one second, the last to arrive first.
pub(super) async fn movements(reader: &SqlitePool, repo: RepoId, reference: &RefName) -> Result<Vec<Movement>, Fault> {
    let rows = sqlx::query(
        "SELECT before_oid, after_oid, actor, at, delivery FROM pushes WHERE repo = ? AND reference = ?
         ORDER BY at DESC, arrival DESC",
    )
    .bind(into_column(repo.get())?)
    .bind(reference.as_str())
    .fetch_all(reader)
    .await?;
    rows.iter().map(movement).collect()
}

fn movement(row: &SqliteRow) -> Result<Movement, Fault> {
    const TABLE: &str = "pushes";
    let actor: Option<&str> = row.try_get("actor")?;
    let delivery: Option<&str> = row.try_get("delivery")?;
    Ok(Movement {
        before: parsed(row.try_get("before_oid")?, TABLE)?,
        after: parsed(row.try_get("after_oid")?, TABLE)?,
        actor: actor.map(|json| from_json(json, TABLE)).transpose()?,
        at: Timestamp::from_seconds(row.try_get("at")?),
        delivery: delivery.map(|id| parsed(id, TABLE)).transpose()?,
    })
}

/// Sightings of reviews of a pull request, in order of arrival.
pub(super) async fn reviews(reader: &SqlitePool, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, Fault> {
    let rows = sqlx::query(
        "SELECT review, kind, commit_oid, base, sender, at, delivery FROM reviews WHERE repo = ? AND change = ?
         ORDER BY arrival",
    )
    .bind(into_column(repo.get())?)
    .bind(into_column(change.get())?)
    .fetch_all(reader)
    .await?;
    rows.iter().map(|row| review(repo, change, row)).collect()
}

fn review(repo: RepoId, change: PrNumber, row: &SqliteRow) -> Result<Sighting, Fault> {
    const TABLE: &str = "reviews";
    let commit: Option<&str> = row.try_get("commit_oid")?;
    let base: Option<&str> = row.try_get("base")?;
    let sender: Option<&str> = row.try_get("sender")?;
    let delivery: Option<&str> = row.try_get("delivery")?;
    Ok(Sighting::Review {
        repo,
        change,
        review: ReviewId::new(from_column(row.try_get("review")?, TABLE)?),
        kind: from_json(row.try_get("kind")?, TABLE)?,
        commit: commit.map(|oid| parsed(oid, TABLE)).transpose()?,
        base: base.map(|name| parsed(name, TABLE)).transpose()?,
        by: sender.map(|json| from_json(json, TABLE)).transpose()?,
        at: Timestamp::from_seconds(row.try_get("at")?),
        delivery: delivery.map(|id| parsed(id, TABLE)).transpose()?,
    })
}

/// Repositories that can be reached, by number.
pub(super) async fn repositories(reader: &SqlitePool) -> Result<Vec<RepoRef>, Fault> {
    const TABLE: &str = "repositories";
    let rows = sqlx::query("SELECT repo, name, installation FROM repositories ORDER BY repo").fetch_all(reader).await?;
    let read = |row: &SqliteRow| {
        Ok(RepoRef {
            id: RepoId::new(from_column(row.try_get("repo")?, TABLE)?),
            name: parsed(row.try_get("name")?, TABLE)?,
            installation: InstallationId::new(from_column(row.try_get("installation")?, TABLE)?),
        })
    };
    rows.iter().map(read).collect()
}
