//! A PostgreSQL for tests: a private cluster in a folder of its own, gone with the test process, or the one that
//! `COUNTERSIGN_TEST_POSTGRES_URL` names (databases called `countersign_test_…` are made there and left).
//!
//! Skipped, loudly, where neither is to be had; `COUNTERSIGN_TEST_REQUIRE_ALL=1` makes that a failure.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Starts the cluster, obeys `start` and `stop`, and takes everything away when its input ends: when the test process is gone.
const KEEPER: &str = r#"
set -eu
dir=$(mktemp -d /tmp/countersign-postgres.XXXXXX)
start() {
  "$1/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "-c listen_addresses= -c unix_socket_directories=$dir \
    -c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=32MB" start >/dev/null
}
stop() { "$1/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; }
trap 'stop "$1"; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
"$1/initdb" -D "$dir/data" -U countersign -A trust --no-sync -E UTF8 --locale=C >/dev/null
start "$1"
echo "$dir"
while read -r word; do "$word" "$1"; echo "$word"; done
"#;

/// A running PostgreSQL in which databases may be created.
pub(crate) struct Cluster {
    /// Address of a database, with `{}` for its name.
    address: String,
    keeper: Option<Mutex<Keeper>>,
}

struct Keeper {
    child: Child,
    told: BufReader<ChildStdout>,
}

impl Cluster {
    /// The one cluster of this test process; none where there is no PostgreSQL, which is said.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        let named = || std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
        SHARED.get_or_init(|| named().map(|url| Self::at(&url)).or_else(Self::private)).as_ref()
    }

    /// A cluster of one's own, that may be stopped and started.
    pub(crate) fn private() -> Option<Self> {
        let Some(programs) = programs() else {
            let required = std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
            assert!(!required, "there is no PostgreSQL here, and COUNTERSIGN_TEST_REQUIRE_ALL=1");
            eprintln!("SKIPPED: no PostgreSQL; install the package `postgresql` or set COUNTERSIGN_TEST_POSTGRES_URL");
            return None;
        };
        // PostgreSQL does not run as root; its package brings a user
        let root = Command::new("id").arg("-u").output().is_ok_and(|run| run.stdout == b"0\n");
        let mut command = Command::new(if root { "runuser" } else { "sh" });
        if root {
            command.args(["-u", "postgres", "--", "sh"]);
        }
        command.args(["-c", KEEPER, "sh"]).arg(programs).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let told = BufReader::new(child.stdout.take().expect("piped"));
        let mut keeper = Keeper { child, told };
        let dir = keeper.hear();
        assert!(!dir.is_empty(), "PostgreSQL does not start");
        Some(Self {
            address: format!("postgres://countersign@localhost/{{}}?host={dir}"),
            keeper: Some(Mutex::new(keeper)),
        })
    }

    fn at(url: &str) -> Self {
        let mut url = url::Url::parse(url).expect("COUNTERSIGN_TEST_POSTGRES_URL is an address");
        url.set_path("/{}");
        Self { address: url.as_str().replace("%7B%7D", "{}"), keeper: None }
    }

    /// Stops it as by a loss of power.
    pub(crate) fn stop(&self) {
        self.tell("stop");
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        self.tell("start");
    }

    fn tell(&self, word: &str) {
        let mut keeper = self.keeper.as_ref().expect("a cluster of our own").lock().expect("no test panics in here");
        writeln!(keeper.child.stdin.as_mut().expect("piped"), "{word}").expect("the keeper listens");
        assert_eq!(keeper.hear(), word);
    }

    /// Address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        self.address.replace("{}", database)
    }

    /// Makes an empty database; its address.
    pub(crate) async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign_test_{}_{number}", std::process::id());
        self.run(&format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        self.url(&name)
    }

    /// Runs statements as the one who may make databases.
    pub(crate) async fn run(&self, statement: &str) {
        let mut admin = PgConnection::connect(&self.url("postgres")).await.expect("PostgreSQL answers");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.expect(statement);
    }
}

impl Keeper {
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.told.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take().and_then(|keeper| keeper.into_inner().ok()) {
            let Keeper { mut child, .. } = keeper;
            drop(child.stdin.take());
            let _ended = child.wait();
        }
    }
}

/// Where `initdb` and `pg_ctl` are: on the PATH, or where Debian puts them (the newest).
fn programs() -> Option<PathBuf> {
    let has = |dir: &Path| ["initdb", "pg_ctl", "postgres"].iter().all(|program| dir.join(program).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let debian = versions.into_iter().rev().map(|version| version.join("bin"));
    std::env::split_paths(&path).chain(debian).find(|dir| has(dir))
}
