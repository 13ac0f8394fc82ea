//! What only a database server promises: it outlives processes, serves several of them, goes away and comes back.

use std::time::{Duration, Instant};

use countersign_core::domain::Sequence;

use super::postgres::Cluster;
use super::{
    LEASE, PostgresJournal, REPO, at, change, delivery, drain, installed, main_branch, must_claim, oid, open, push,
};
use crate::adapters::store::{OpenError, schema};
use crate::engine::ports::{Claim, Journal, Recorded};

/// Waits until an opening of the database frees what was leased: PostgreSQL needs a moment to see that a process has gone.
async fn opened_alone(url: &str, owner: &str, seconds: i64) -> (PostgresJournal, Claim) {
    let begun = Instant::now();
    loop {
        let journal = PostgresJournal::open(url).await.unwrap();
        if let Some(claim) = journal.claim(owner, at(seconds), LEASE).await.unwrap() {
            return (journal, claim);
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "the lease is never freed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_everything_but_leases_and_a_second_process_keeps_those() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database().await;
    let first = PostgresJournal::open(&url).await.unwrap();
    let mut told = delivery("d-1", 0);
    told.sightings = vec![push('0', 'a', 0, Some("d-1")), installed(7, "acme/app", Some(70))];
    told.look_at = vec![(change(1), at(0)), (change(2), at(9))];
    assert_eq!(first.record(&told).await.unwrap(), Recorded::New);
    first.remember_ledger(REPO, Sequence::new(5), &oid('a')).await.unwrap();
    let before = must_claim(&first, "a", 0).await;
    let beside = PostgresJournal::open(&url).await.unwrap();
    let other = must_claim(&beside, "b", 9).await;
    assert_eq!(other.subject, change(2), "the first is still leased");
    assert!(beside.complete(&other, None).await.unwrap());
    drop((first, beside));

    let (second, after) = opened_alone(&url, "c", 1).await;
    assert_eq!(second.record(&delivery("d-1", 1)).await.unwrap(), Recorded::Duplicate);
    assert_eq!(second.movements(REPO, &main_branch()).await.unwrap().len(), 1);
    assert_eq!(second.repositories().await.unwrap().len(), 1);
    assert_eq!(second.ledger_head(REPO).await.unwrap(), Some((Sequence::new(5), oid('a'))));
    assert_eq!((&after.subject, after.attempts), (&before.subject, 1));
    assert!(after.fence > other.fence && other.fence > before.fence);
    assert!(!second.complete(&before, None).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_being_written_makes_nobody_wait() {
    let Some(cluster) = Cluster::shared() else { return };
    let journal = PostgresJournal::open(&cluster.database().await).await.unwrap();
    journal.schedule(&change(1), at(0)).await.unwrap();
    journal.schedule(&change(2), at(1)).await.unwrap();
    let mut slow = journal.pool().begin().await.unwrap();
    sqlx::query("SELECT subject FROM work WHERE subject = 'change/7/1' FOR UPDATE").execute(&mut *slow).await.unwrap();
    assert_eq!(must_claim(&journal, "a", 5).await.subject, change(2));
    assert_eq!(journal.claim("a", at(5), LEASE).await.unwrap(), None);
    slow.rollback().await.unwrap();
    assert_eq!(must_claim(&journal, "a", 5).await.subject, change(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deliveries_that_name_the_same_subjects_in_any_order_never_stop_each_other() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database().await;
    let mut servers = Vec::new();
    for server in 0..4_u64 {
        let journal = PostgresJournal::open(&url).await.unwrap();
        servers.push(tokio::spawn(async move {
            for round in 0..30_u64 {
                let mut told = delivery(&format!("d-{server}-{round}"), 0);
                let turned = |number: u64| if server % 2 == 0 { number } else { 9 - number };
                told.look_at = (0..10).map(|number| (change(turned(number)), at(0))).collect();
                told.sightings =
                    (0..10).map(|number| installed(turned(number) + 1, "acme/app", Some(server))).collect();
                assert_eq!(journal.record(&told).await.unwrap(), Recorded::New);
            }
            journal
        }));
    }
    let mut journals = Vec::new();
    for server in servers {
        journals.push(server.await.unwrap());
    }
    assert_eq!(must_claim(&journals[0], "a", 0).await.asked, 120);
    assert_eq!(journals[0].repositories().await.unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_cut_off_before_the_commit_leaves_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let journal = PostgresJournal::open(&cluster.database().await).await.unwrap();
    let mut cut = journal.pool().begin().await.unwrap();
    for statement in [
        "INSERT INTO deliveries (id, event, body_digest, arrived_at) VALUES ('d-1', 'push', '', 0)",
        "INSERT INTO work (subject, due_at, asked) VALUES ('installations', 0, 1)",
    ] {
        sqlx::query(statement).execute(&mut *cut).await.unwrap();
    }
    drop(cut);
    assert_eq!(drain(&journal, 1_000).await, []);
    let mut broken = delivery("d-1", 0);
    broken.sightings = vec![push('0', 'a', 0, None), installed(u64::MAX, "acme/app", Some(1))];
    assert!(journal.record(&broken).await.unwrap_err().to_string().contains("larger than a column can hold"));
    assert_eq!(journal.movements(REPO, &main_branch()).await.unwrap(), []);
    assert_eq!(journal.record(&delivery("d-1", 0)).await.unwrap(), Recorded::New);
    let nul = journal.claim("a", at(0), LEASE).await.unwrap();
    assert_eq!(nul, None);
    journal.schedule(&change(1), at(0)).await.unwrap();
    let claim = must_claim(&journal, "a", 0).await;
    assert!(journal.fail(&claim, at(0), "half\0way").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_kind_of_another_version_does_not_stop_the_rest() {
    let Some(cluster) = Cluster::shared() else { return };
    let journal = PostgresJournal::open(&cluster.database().await).await.unwrap();
    let foreign = "INSERT INTO work (subject, due_at, asked) VALUES ('nobody/7/knows', 0, 1)";
    sqlx::query(foreign).execute(journal.pool()).await.unwrap();
    journal.schedule(&change(1), at(0)).await.unwrap();
    assert_eq!(drain(&journal, 0).await, [change(1)]);
    assert_eq!(journal.next_due().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_start_on_a_new_database_at_once_and_a_newer_one_is_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database().await;
    let starts: Vec<_> = (0..6)
        .map(|_| {
            tokio::spawn({
                let url = url.clone();
                async move { open(&url).await }
            })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    let journal = PostgresJournal::open(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'later', TRUE, '\\x00', 0)";
    sqlx::query(newer).execute(journal.pool()).await.unwrap();
    let refusal = open(&url).await.map(drop).unwrap_err().to_string();
    assert!(refusal.contains("a newer countersign has changed it\nhelp: "), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_is_bounded_and_durable_whatever_the_database_says() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database().await;
    let journal = PostgresJournal::open(&url).await.unwrap();
    for statement in ["synchronous_commit = off", "default_transaction_isolation = 'serializable'"] {
        let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(journal.pool()).await.unwrap();
        let statement = sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} SET {statement}"));
        sqlx::raw_sql(statement).execute(journal.pool()).await.unwrap();
    }
    drop(journal);
    let journal = PostgresJournal::open(&url).await.unwrap();
    let shown = [
        ("synchronous_commit", "on"),
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("application_name", "countersign"),
    ];
    for (name, expected) in shown {
        let query = sqlx::query_scalar::<_, String>("SELECT current_setting($1)").bind(name);
        assert_eq!(query.fetch_one(journal.pool()).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_is_told_and_used_again_when_it_is_back() {
    let Some(cluster) = Cluster::private() else { return };
    let url = cluster.database().await;
    let journal = PostgresJournal::open(&url).await.unwrap();
    journal.schedule(&change(1), at(0)).await.unwrap();
    cluster.stop();
    let told = journal.schedule(&change(2), at(0)).await.unwrap_err().to_string();
    assert!(told.starts_with("the store cannot schedule a subject: "), "{told}");
    let refused = open(&url).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Unreachable { .. }), "{refused}");
    cluster.start();
    journal.schedule(&change(2), at(1)).await.unwrap();
    assert_eq!(drain(&journal, 5).await, [change(1), change(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_says_where_why_and_what_to_do_and_never_the_password() {
    let Some(cluster) = Cluster::shared() else { return };
    let nobody = "postgres://ann:hunter2@127.0.0.1:1/app".to_owned();
    let absent = cluster.url("absent").replace("countersign@", "countersign:hunter2@");
    let cases = [
        (nobody, "cannot connect to PostgreSQL at 127.0.0.1:1, database `app`: "),
        (absent, "database \"absent\" does not exist\nhelp: create it first: "),
        ("postgres://db/app?hunter2=1".to_owned(), "the address of the database is not understood\nhelp: "),
    ];
    for (url, expected) in cases {
        let text = open(&url).await.map(drop).unwrap_err().to_string();
        assert!(text.contains(expected) && text.contains("\nhelp: ") && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_looked_at_without_being_changed() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database().await;
    for _ in 0..2 {
        let steps = schema(&url).await.unwrap();
        assert!(!steps.is_empty() && steps.iter().all(|step| !step.taken), "{steps:?}");
    }
    drop(open(&url).await.unwrap());
    let steps = schema(&url).await.unwrap();
    assert!(steps.iter().all(|step| step.taken), "{steps:?}");
}
