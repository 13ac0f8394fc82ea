//! Notes: what a kind of turn remembers under a key of its own.

use countersign_core::domain::RepoId;
use sqlx::{PgPool, Row};

use crate::adapters::store::fault::{Fault, into_column};
use crate::adapters::store::key;
use crate::engine::ports::NoteKey;

/// A note.
pub(super) async fn note(pool: &PgPool, repo: RepoId, key: &NoteKey) -> Result<Option<String>, Fault> {
    let row = sqlx::query("SELECT note FROM notes WHERE repo = $1 AND key = $2")
        .bind(into_column(repo.get())?)
        .bind(key::write_note(key))
        .fetch_optional(pool)
        .await?;
    Ok(row.map(|row| row.try_get("note")).transpose()?)
}

/// Every note about runs of targets and requests for them.
pub(super) async fn sync_notes(pool: &PgPool, repo: RepoId) -> Result<Vec<(NoteKey, String)>, Fault> {
    let rows = sqlx::query("SELECT key, note FROM notes WHERE repo = $1 AND (key LIKE $2 OR key LIKE $3) ORDER BY key")
        .bind(into_column(repo.get())?)
        .bind(format!("{}%", key::SYNC_NOTES[0]))
        .bind(format!("{}%", key::SYNC_NOTES[1]))
        .fetch_all(pool)
        .await?;
    let mut notes = Vec::new();
    for row in rows {
        // a key of a later version is none of ours
        if let Some(key) = key::read_note(row.try_get::<String, _>("key")?.as_str()) {
            notes.push((key, row.try_get("note")?));
        }
    }
    Ok(notes)
}

/// Keeps a note.
pub(super) async fn keep(pool: &PgPool, repo: RepoId, key: &NoteKey, text: &str) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO notes (repo, key, note) VALUES ($1, $2, $3)
         ON CONFLICT (repo, key) DO UPDATE SET note = excluded.note",
    )
    .bind(into_column(repo.get())?)
    .bind(key::write_note(key))
    .bind(text)
    .execute(pool)
    .await?;
    Ok(())
}
