//! What deliveries told, read back. Writing them is `inbox`'s.

use countersign_core::domain::{PrNumber, RefName, RepoId};
use countersign_core::facts::question::Movement;
use sqlx::PgPool;

use crate::adapters::store::fault::{Fault, into_column};
use crate::adapters::store::rows;
use crate::engine::ports::{RepoRef, Sighting};

/// Moves of a reference, newest first; of one second, the last to arrive first.
pub(super) async fn movements(pool: &PgPool, repo: RepoId, reference: &RefName) -> Result<Vec<Movement>, Fault> {
    let rows = sqlx::query(
        "SELECT before_oid, after_oid, actor, at, delivery FROM pushes WHERE repo = $1 AND reference = $2
         ORDER BY at DESC, arrival DESC",
    )
    .bind(into_column(repo.get())?)
    .bind(reference.as_str())
    .fetch_all(pool)
    .await?;
    rows.iter().map(rows::movement).collect()
}

/// Sightings of reviews of a pull request, in order of arrival.
pub(super) async fn reviews(pool: &PgPool, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, Fault> {
    let rows = sqlx::query(
        "SELECT review, kind, commit_oid, base, sender, at, delivery FROM reviews WHERE repo = $1 AND change = $2
         ORDER BY arrival",
    )
    .bind(into_column(repo.get())?)
    .bind(into_column(change.get())?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| rows::review(repo, change, row)).collect()
}

/// Sightings of comments under a pull request, in order of arrival.
pub(super) async fn comments(pool: &PgPool, repo: RepoId, change: PrNumber) -> Result<Vec<Sighting>, Fault> {
    let rows = sqlx::query(
        "SELECT comment, told, sender, at, delivery FROM comments WHERE repo = $1 AND change = $2 ORDER BY arrival",
    )
    .bind(into_column(repo.get())?)
    .bind(into_column(change.get())?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| rows::comment(repo, change, row)).collect()
}

/// Repositories that can be reached, by number.
pub(super) async fn repositories(pool: &PgPool) -> Result<Vec<RepoRef>, Fault> {
    let rows = sqlx::query("SELECT repo, name, installation FROM repositories ORDER BY repo").fetch_all(pool).await?;
    rows.iter().map(rows::repository).collect()
}
