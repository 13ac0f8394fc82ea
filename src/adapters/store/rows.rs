//! What a row of either database says, as the engine knows it. Asks neither of them.

use countersign_core::domain::{CommentId, InstallationId, PrNumber, RepoId, ReviewId, Timestamp};
use countersign_core::facts::question::Movement;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::fault::{Fault, from_column, from_json, parsed};
use crate::engine::ports::{RepoRef, Sighting};

/// A row, read by column.
pub(super) trait Columns {
    /// A text.
    fn text(&self, column: &str) -> Result<&str, Fault>;
    /// A text, if there is one.
    fn some_text(&self, column: &str) -> Result<Option<&str>, Fault>;
    /// A number.
    fn number(&self, column: &str) -> Result<i64, Fault>;
}

macro_rules! columns {
    ($row:ty) => {
        impl Columns for $row {
            fn text(&self, column: &str) -> Result<&str, Fault> {
                Ok(self.try_get(column)?)
            }

            fn some_text(&self, column: &str) -> Result<Option<&str>, Fault> {
                Ok(self.try_get(column)?)
            }

            fn number(&self, column: &str) -> Result<i64, Fault> {
                Ok(self.try_get(column)?)
            }
        }
    };
}

columns!(SqliteRow);
columns!(PgRow);

/// A row of `pushes`.
pub(super) fn movement(row: &impl Columns) -> Result<Movement, Fault> {
    const TABLE: &str = "pushes";
    Ok(Movement {
        before: parsed(row.text("before_oid")?, TABLE)?,
        after: parsed(row.text("after_oid")?, TABLE)?,
        actor: row.some_text("actor")?.map(|json| from_json(json, TABLE)).transpose()?,
        at: Timestamp::from_seconds(row.number("at")?),
        delivery: row.some_text("delivery")?.map(|id| parsed(id, TABLE)).transpose()?,
    })
}

/// A row of `reviews`, of this pull request.
pub(super) fn review(repo: RepoId, change: PrNumber, row: &impl Columns) -> Result<Sighting, Fault> {
    const TABLE: &str = "reviews";
    Ok(Sighting::Review {
        repo,
        change,
        review: ReviewId::new(from_column(row.number("review")?, TABLE)?),
        kind: from_json(row.text("kind")?, TABLE)?,
        commit: row.some_text("commit_oid")?.map(|oid| parsed(oid, TABLE)).transpose()?,
        base: row.some_text("base")?.map(|name| parsed(name, TABLE)).transpose()?,
        by: row.some_text("sender")?.map(|json| from_json(json, TABLE)).transpose()?,
        at: Timestamp::from_seconds(row.number("at")?),
        delivery: row.some_text("delivery")?.map(|id| parsed(id, TABLE)).transpose()?,
    })
}

/// A row of `comments`, of this pull request.
pub(super) fn comment(repo: RepoId, change: PrNumber, row: &impl Columns) -> Result<Sighting, Fault> {
    const TABLE: &str = "comments";
    Ok(Sighting::Comment {
        repo,
        change,
        comment: CommentId::new(from_column(row.number("comment")?, TABLE)?),
        told: from_json(row.text("told")?, TABLE)?,
        by: row.some_text("sender")?.map(|json| from_json(json, TABLE)).transpose()?,
        at: Timestamp::from_seconds(row.number("at")?),
        delivery: row.some_text("delivery")?.map(|id| parsed(id, TABLE)).transpose()?,
    })
}

/// A row of `repositories`.
pub(super) fn repository(row: &impl Columns) -> Result<RepoRef, Fault> {
    const TABLE: &str = "repositories";
    Ok(RepoRef {
        id: RepoId::new(from_column(row.number("repo")?, TABLE)?),
        name: parsed(row.text("name")?, TABLE)?,
        installation: InstallationId::new(from_column(row.number("installation")?, TABLE)?),
    })
}
