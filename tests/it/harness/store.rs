//! Where the server of a world keeps its work: a file, or with `COUNTERSIGN_TEST_STORE=postgres` a database of its own.

use countersign_core::domain::{Span, Timestamp};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use super::World;
use crate::postgres::Cluster;

/// The store of one world.
pub(crate) enum Store {
    /// A file in the world's folder.
    Sqlite,
    /// A database, by its address.
    Postgres { url: String, cluster: &'static Cluster },
}

impl Store {
    /// What the whole suite is run on.
    pub(super) async fn chosen() -> Self {
        match std::env::var("COUNTERSIGN_TEST_STORE").as_deref() {
            Ok("postgres") => Self::postgres().await.expect("COUNTERSIGN_TEST_STORE=postgres needs a PostgreSQL"),
            Ok("" | "sqlite") | Err(_) => Self::Sqlite,
            Ok(other) => panic!("COUNTERSIGN_TEST_STORE is `{other}`; it is `sqlite` or `postgres`"),
        }
    }

    /// A database of its own, where there is a PostgreSQL.
    pub(crate) async fn postgres() -> Option<Self> {
        let cluster = Cluster::shared()?;
        Some(Self::Postgres { url: cluster.database().await, cluster })
    }

    /// Whether it is a file of this machine.
    pub(crate) fn is_a_file(&self) -> bool {
        matches!(self, Self::Sqlite)
    }

    /// What the server is told.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Sqlite => "sqlite:countersign.db",
            Self::Postgres { url, .. } => url,
        }
    }

    /// How much work is being done or due within three seconds, or failed and is tried again soon; 1 while nobody can say.
    pub(super) async fn busy(&self, world: &World) -> i64 {
        const BUSY: &str = "SELECT count(*) FROM work
            WHERE lease_until IS NOT NULL OR due_at - CASE WHEN attempts > 0 THEN 20 ELSE 3 END <= ";
        match self {
            Self::Sqlite => {
                let path = format!("sqlite:{}", world.path("countersign.db").display());
                let Ok(mut database) = SqliteConnection::connect(&path).await else { return 1 };
                let query = sqlx::AssertSqlSafe(format!("{BUSY} unixepoch()"));
                sqlx::query_scalar(query).fetch_one(&mut database).await.unwrap_or(1)
            }
            Self::Postgres { url, .. } => {
                let Ok(mut database) = PgConnection::connect(url).await else { return 1 };
                let query = sqlx::AssertSqlSafe(format!("{BUSY} extract(epoch FROM now())"));
                sqlx::query_scalar(query).fetch_one(&mut database).await.unwrap_or(1)
            }
        }
    }

    /// Nobody worked here for a while, as its memory tells: what a target's note says of time, and when work is due, was that much
    /// earlier. For a server that is not running.
    pub(super) async fn age(&self, world: &World, span: Span) {
        const NOTES: &str = "SELECT key, note FROM notes WHERE key LIKE 'run/%'";
        let dues = format!("UPDATE work SET due_at = due_at - {}", span.seconds());
        match self {
            Self::Sqlite => {
                let path = format!("sqlite:{}", world.path("countersign.db").display());
                let mut database = SqliteConnection::connect(&path).await.expect("a database");
                sqlx::query(sqlx::AssertSqlSafe(dues)).execute(&mut database).await.expect("changed");
                let notes: Vec<(String, String)> = sqlx::query_as(NOTES).fetch_all(&mut database).await.expect("notes");
                for (key, note) in notes {
                    let query = sqlx::query("UPDATE notes SET note = ? WHERE key = ?");
                    query.bind(earlier(&note, span)).bind(key).execute(&mut database).await.expect("changed");
                }
            }
            Self::Postgres { url, .. } => {
                let mut database = PgConnection::connect(url).await.expect("a database");
                sqlx::query(sqlx::AssertSqlSafe(dues)).execute(&mut database).await.expect("changed");
                let notes: Vec<(String, String)> = sqlx::query_as(NOTES).fetch_all(&mut database).await.expect("notes");
                for (key, note) in notes {
                    let query = sqlx::query("UPDATE notes SET note = $1 WHERE key = $2");
                    query.bind(earlier(&note, span)).bind(key).execute(&mut database).await.expect("changed");
                }
            }
        }
    }

    /// Empties it.
    pub(super) async fn lose(&self, world: &World) {
        match self {
            Self::Sqlite => {
                for end in ["", "-wal", "-shm", "-lock"] {
                    let _absent = std::fs::remove_file(world.path(&format!("countersign.db{end}")));
                }
            }
            Self::Postgres { url, cluster } => {
                let url = url::Url::parse(url).expect("an address");
                let name = url.path().trim_start_matches('/');
                cluster.run(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
                cluster.run(&format!("CREATE DATABASE {name} TEMPLATE template0")).await;
            }
        }
    }
}

/// The note of a run with its instants moved back.
fn earlier(note: &str, span: Span) -> String {
    let mut note: Value = serde_json::from_str(note).expect("JSON");
    for name in ["since", "due", "begun"] {
        if let Some(text) = note[name].as_str() {
            let then = Timestamp::parse(text).expect("an instant").seconds() - span.seconds().cast_signed();
            note[name] = Timestamp::from_seconds(then).to_string().into();
        }
    }
    note.to_string()
}
