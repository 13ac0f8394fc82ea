//! What we wrote and how far we saw: presence on pull requests, remembered ledger heads. Never goes back in a ledger.

use countersign_core::domain::{Oid, PrNumber, RepoId, Sequence};
use sqlx::{PgPool, Row};

use crate::adapters::store::fault::{Fault, from_column, from_json, into_column, into_json, parsed};
use crate::engine::ports::Presence;

/// What we last wrote on a pull request.
pub(super) async fn presence(pool: &PgPool, repo: RepoId, change: PrNumber) -> Result<Option<Presence>, Fault> {
    let row = sqlx::query("SELECT presence FROM presences WHERE repo = $1 AND change = $2")
        .bind(into_column(repo.get())?)
        .bind(into_column(change.get())?)
        .fetch_optional(pool)
        .await?;
    row.map(|row| from_json(row.try_get("presence")?, "presences")).transpose()
}

/// Remembers what we wrote.
pub(super) async fn remember(pool: &PgPool, repo: RepoId, change: PrNumber, presence: &Presence) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO presences (repo, change, presence) VALUES ($1, $2, $3)
         ON CONFLICT (repo, change) DO UPDATE SET presence = excluded.presence",
    )
    .bind(into_column(repo.get())?)
    .bind(into_column(change.get())?)
    .bind(into_json(presence)?)
    .execute(pool)
    .await?;
    Ok(())
}

/// The newest ledger head this server has seen.
pub(super) async fn ledger_head(pool: &PgPool, repo: RepoId) -> Result<Option<(Sequence, Oid)>, Fault> {
    const TABLE: &str = "ledger_heads";
    let row = sqlx::query("SELECT sequence, commit_oid FROM ledger_heads WHERE repo = $1")
        .bind(into_column(repo.get())?)
        .fetch_optional(pool)
        .await?;
    row.map(|row| {
        let sequence = Sequence::new(from_column(row.try_get("sequence")?, TABLE)?);
        Ok((sequence, parsed(row.try_get("commit_oid")?, TABLE)?))
    })
    .transpose()
}

/// Remembers a ledger head, if it is higher than the remembered one.
pub(super) async fn remember_ledger(
    pool: &PgPool,
    repo: RepoId,
    sequence: Sequence,
    commit: &Oid,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO ledger_heads (repo, sequence, commit_oid) VALUES ($1, $2, $3)
         ON CONFLICT (repo) DO UPDATE SET sequence = excluded.sequence, commit_oid = excluded.commit_oid
         WHERE excluded.sequence > ledger_heads.sequence",
    )
    .bind(into_column(repo.get())?)
    .bind(into_column(sequence.get())?)
    .bind(commit.as_str())
    .execute(pool)
    .await?;
    Ok(())
}
