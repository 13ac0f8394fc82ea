//! What every store must do, written once and run over each: the work table, the inbox, several owners at once. A store of
//! another kind joins by one more line in [`over_every_store`]. What only a file can promise is in `disk.rs`, what only a server in
//! `server.rs`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use countersign_core::domain::{
    Account, AccountKind, DeliveryId, Digest, InstallationId, Login, Oid, PrNumber, RefName, RepoId, RepoName, Span,
    Timestamp, UserId,
};
use countersign_core::facts::question::Movement;

use super::{MemoryJournal, PostgresJournal, SqliteJournal, open};
use crate::engine::ports::{Claim, Journal, NewDelivery, Sighting, Subject};

mod crowd;
mod disk;
mod inbox;
mod letters;
mod model;
mod notes;
#[path = "../../../tests/support/postgres.rs"]
mod postgres;
mod server;
mod work;

/// Runs each named test, an `async fn(Store)` of the calling module, over every store.
macro_rules! over_every_store {
    ($($(#[$meta:meta])* $test:ident),+ $(,)?) => {
        over_every_store!(@store memory, $($test),+);
        over_every_store!(@store sqlite_memory, $($test),+);
        over_every_store!(@store sqlite_file, $($test),+);
        over_every_store!(@server postgres, $($test),+);
    };
    (@server $store:ident, $($test:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    if let Some(store) = crate::adapters::store::contract::Store::$store().await {
                        super::$test(store).await;
                    }
                }
            )+
        }
    };
    (@store $store:ident, $($test:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(crate::adapters::store::contract::Store::$store().await).await;
                }
            )+
        }
    };
}
use over_every_store;

/// An empty store, and the directory it lives in.
struct Store {
    journal: Arc<dyn Journal>,
    url: Option<String>,
    _directory: Option<tempfile::TempDir>,
}

impl Store {
    async fn memory() -> Self {
        Self { journal: Arc::new(MemoryJournal::default()), url: None, _directory: None }
    }

    async fn sqlite_memory() -> Self {
        Self { journal: open("sqlite::memory:").await.unwrap(), url: None, _directory: None }
    }

    async fn sqlite_file() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("countersign.db").display());
        Self { journal: open(&url).await.unwrap(), url: Some(url), _directory: Some(directory) }
    }

    /// A database of its own in PostgreSQL, where there is one.
    async fn postgres() -> Option<Self> {
        let url = postgres::Cluster::shared()?.database().await;
        Some(Self { journal: open(&url).await.unwrap(), url: Some(url), _directory: None })
    }

    /// The same store as another process would hold it: an opening of its own where that is possible.
    async fn another(&self) -> Arc<dyn Journal> {
        match &self.url {
            Some(url) => open(url).await.unwrap(),
            None => self.journal.clone(),
        }
    }
}

impl std::ops::Deref for Store {
    type Target = dyn Journal;

    fn deref(&self) -> &Self::Target {
        &*self.journal
    }
}

const REPO: RepoId = RepoId::new(7);
const LEASE: Span = Span::from_seconds(60);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn change(number: u64) -> Subject {
    Subject::Change(REPO, PrNumber::new(number))
}

fn main_branch() -> RefName {
    RefName::branch("main").unwrap()
}

fn oid(digit: char) -> Oid {
    Oid::parse(&digit.to_string().repeat(40)).unwrap()
}

fn mina() -> Account {
    Account { id: UserId::new(3), login: Login::parse("mina").unwrap(), kind: AccountKind::User }
}

fn delivery(id: &str, seconds: i64) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::parse(id).unwrap(),
        event: "push".to_owned(),
        body: Digest::of(id.as_bytes()),
        at: at(seconds),
        unparsable: None,
        sightings: Vec::new(),
        look_at: Vec::new(),
    }
}

fn push(before: char, after: char, seconds: i64, delivery: Option<&str>) -> Sighting {
    let movement = Movement {
        before: oid(before),
        after: oid(after),
        actor: Some(mina()),
        at: at(seconds),
        delivery: delivery.map(|id| DeliveryId::parse(id).unwrap()),
    };
    Sighting::Push { repo: REPO, reference: main_branch(), movement }
}

fn installed(repo: u64, name: &str, installation: Option<u64>) -> Sighting {
    Sighting::Installed {
        repo: RepoId::new(repo),
        name: RepoName::parse(name).unwrap(),
        installation: installation.map(InstallationId::new),
    }
}

/// Claims what must be there.
async fn must_claim(journal: &dyn Journal, owner: &str, seconds: i64) -> Claim {
    journal.claim(owner, at(seconds), LEASE).await.unwrap().unwrap()
}

/// Subject and due time in the order in which one owner gets them, taking everything.
async fn drain(journal: &dyn Journal, seconds: i64) -> Vec<Subject> {
    let mut taken = Vec::new();
    while let Some(claim) = journal.claim("drain", at(seconds), LEASE).await.unwrap() {
        assert!(journal.complete(&claim, None).await.unwrap());
        taken.push(claim.subject);
    }
    taken
}
