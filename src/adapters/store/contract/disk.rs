//! What only a database file can promise: it survives the end of the process, orderly or not, and opens only what it should.

use std::path::Path;
use std::time::Duration;

use countersign_core::domain::{RepoId, Sequence};

use super::{
    REPO, SqliteJournal, Store, at, change, delivery, drain, installed, main_branch, must_claim, oid, open, push,
};
use crate::adapters::store::{OpenError, copy, schema};
use crate::engine::ports::{Journal, Recorded};

fn url_in(directory: &Path) -> String {
    format!("sqlite:{}", directory.join("countersign.db").display())
}

async fn fill(journal: &dyn Journal) {
    let mut first = delivery("d-1", 0);
    first.sightings = vec![push('0', 'a', 0, Some("d-1")), installed(7, "acme/app", Some(70))];
    first.look_at = vec![(change(1), at(0)), (change(2), at(9))];
    assert_eq!(journal.record(&first).await.unwrap(), Recorded::New);
    journal.remember_ledger(REPO, Sequence::new(5), &oid('a')).await.unwrap();
}

async fn expect_filled(journal: &dyn Journal) {
    assert_eq!(journal.record(&delivery("d-1", 1)).await.unwrap(), Recorded::Duplicate);
    assert_eq!(journal.movements(REPO, &main_branch()).await.unwrap().len(), 1);
    assert_eq!(journal.repositories().await.unwrap().len(), 1);
    assert_eq!(journal.ledger_head(REPO).await.unwrap(), Some((Sequence::new(5), oid('a'))));
}

#[tokio::test]
async fn a_restart_keeps_everything_but_leases_and_a_second_process_keeps_those() {
    let directory = tempfile::tempdir().unwrap();
    let url = url_in(directory.path());
    let first = open(&url).await.unwrap();
    fill(&*first).await;
    let before = must_claim(&*first, "a", 0).await;
    let beside = open(&url).await.unwrap();
    let other = must_claim(&*beside, "b", 9).await;
    assert_eq!(other.subject, change(2), "the first is still leased");
    assert!(beside.complete(&other, None).await.unwrap());
    drop((first, beside));

    let second = open(&url).await.unwrap();
    expect_filled(&*second).await;
    let after = must_claim(&*second, "c", 1).await;
    assert_eq!((&after.subject, after.attempts), (&before.subject, 1));
    assert!(after.fence > other.fence && other.fence > before.fence);
    assert!(!second.complete(&before, None).await.unwrap());
}

#[tokio::test]
async fn what_was_answered_is_on_disk_though_the_process_never_closed_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(&url_in(directory.path())).await.unwrap();
    fill(&*journal).await;
    let wreck = tempfile::tempdir().unwrap();
    for name in ["countersign.db", "countersign.db-wal"] {
        std::fs::copy(directory.path().join(name), wreck.path().join(name)).unwrap();
    }
    let found = open(&url_in(wreck.path())).await.unwrap();
    expect_filled(&*found).await;
    assert_eq!(drain(&*found, 9).await, [change(1), change(2)]);
}

#[tokio::test]
async fn a_delivery_cut_off_before_the_commit_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let url = url_in(directory.path());
    let journal = SqliteJournal::open(&url).await.unwrap();
    let mut cut = journal.writer().begin_with("BEGIN IMMEDIATE").await.unwrap();
    for statement in [
        "INSERT INTO deliveries (id, event, body_digest, arrived_at) VALUES ('d-1', 'push', '', 0)",
        "INSERT INTO work (subject, due_at, asked) VALUES ('installations', 0, 1)",
    ] {
        sqlx::query(statement).execute(&mut *cut).await.unwrap();
    }
    drop(cut);
    drop(journal);
    let journal = open(&url).await.unwrap();
    assert_eq!(drain(&*journal, 1_000).await, []);
    assert_eq!(journal.record(&delivery("d-1", 0)).await.unwrap(), Recorded::New);
}

#[tokio::test]
async fn a_delivery_that_cannot_be_stored_whole_is_not_stored_at_all() {
    let store = Store::sqlite_file().await;
    let mut whole = delivery("d-1", 0);
    whole.look_at = vec![(change(1), at(0))];
    let mut broken = whole.clone();
    broken.sightings = vec![push('0', 'a', 0, None), installed(u64::MAX, "acme/app", Some(1))];
    let error = store.record(&broken).await.unwrap_err();
    assert_eq!(error.to_string(), "the store cannot store a delivery: a number is larger than a column can hold");
    assert_eq!(store.movements(REPO, &main_branch()).await.unwrap(), []);
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.record(&whole).await.unwrap(), Recorded::New);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_a_delivery_whole_or_not_at_all() {
    let store = Store::sqlite_file().await;
    for round in 0..60_u64 {
        let mut cut = delivery(&format!("d-{round}"), 0);
        cut.look_at = vec![(change(round), at(0))];
        let patience = Duration::from_micros(round * 40);
        drop(tokio::time::timeout(patience, store.record(&cut)).await);
        let work = drain(&*store, 0).await;
        cut.look_at.clear();
        let stored = store.record(&cut).await.unwrap() == Recorded::Duplicate;
        assert_eq!(work, if stored { vec![change(round)] } else { vec![] }, "round {round}");
    }
}

#[tokio::test]
async fn work_of_a_kind_of_another_version_does_not_stop_the_rest() {
    let journal = SqliteJournal::open("sqlite::memory:").await.unwrap();
    let foreign = "INSERT INTO work (subject, due_at, asked) VALUES ('target/7/aws', 0, 1)";
    sqlx::query(foreign).execute(journal.writer()).await.unwrap();
    journal.schedule(&change(1), at(0)).await.unwrap();
    assert_eq!(drain(&journal, 0).await, [change(1)]);
    assert_eq!(journal.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn commits_are_synchronous_and_readers_cannot_write() {
    let store = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&url_in(store.path())).await.unwrap();
    let mut told = Vec::new();
    for pragma in ["PRAGMA synchronous", "PRAGMA foreign_keys", "PRAGMA busy_timeout"] {
        told.push(sqlx::query_scalar::<_, i64>(pragma).fetch_one(journal.writer()).await.unwrap());
    }
    assert_eq!(told, [2, 1, 5_000], "full, on, in milliseconds");
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(journal.writer()).await.unwrap();
    assert_eq!(mode, "wal");
    assert!(sqlx::query("DELETE FROM ledger_heads").execute(journal.reader()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_start_on_a_new_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let url = url_in(directory.path());
            tokio::spawn(async move { open(&url).await.map(drop) })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let url = url_in(directory.path());
    let journal = SqliteJournal::open(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    sqlx::query(newer).execute(journal.writer()).await.unwrap();
    drop(journal);
    for refusal in [open(&url).await.map(drop).unwrap_err(), schema(&url).await.map(drop).unwrap_err()] {
        let refusal = refusal.to_string();
        assert!(refusal.contains("a newer countersign has changed it"), "{refusal}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do_and_never_repeats_the_url() {
    let refused = |url: &'static str| async move { open(url).await.map(drop).unwrap_err() };
    assert_eq!(refused("mysql://ann:hunter2@db/app").await, OpenError::UnknownScheme);
    assert_eq!(refused("countersign.db").await, OpenError::UnknownScheme);
    assert_eq!(refused("sqlite:x.db?hunter2=1").await, OpenError::Options);
    assert!(matches!(refused("sqlite:/nowhere/hunter2/x.db").await, OpenError::Database(_)));
    for url in ["mysql://hunter2", "sqlite:x.db?hunter2=1", "sqlite:/nowhere/hunter2/x"] {
        let text = refused(url).await.to_string();
        assert!(text.contains("\nhelp: ") && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn two_databases_in_memory_are_two() {
    let (one, other) = (open("sqlite::memory:").await.unwrap(), open("sqlite::memory:").await.unwrap());
    one.remember_ledger(REPO, Sequence::new(1), &oid('a')).await.unwrap();
    assert_eq!(other.ledger_head(REPO).await.unwrap(), None);
    assert_eq!(one.ledger_head(RepoId::new(9)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_of_one_moment_while_others_write() {
    let directory = tempfile::tempdir().unwrap();
    let url = url_in(directory.path());
    let journal = SqliteJournal::open(&url).await.unwrap();
    fill(&journal).await;
    // a write that is under way is not waited for, and not copied
    let mut write = journal.writer().begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("DELETE FROM ledger_heads").execute(&mut *write).await.unwrap();
    let place = directory.path().join("copy.db");
    let copied = copy(&url, &place).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!((copied.ledgers, copied.bytes), (1, place.metadata().unwrap().len()));
    assert_eq!(journal.ledger_head(REPO).await.unwrap(), None);
    expect_filled(&*open(&format!("sqlite:{}", place.display())).await.unwrap()).await;
}
