//! Where the server of a world keeps its work: a file, or with `COUNTERSIGN_TEST_STORE=postgres` a database of its own.

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
