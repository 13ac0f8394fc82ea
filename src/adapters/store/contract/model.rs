//! Random histories of the work table: SQLite and PostgreSQL answer each step as the plain-memory store does.

use countersign_core::domain::Span;
use proptest::prelude::*;

use super::postgres::Cluster;
use super::{MemoryJournal, PostgresJournal, SqliteJournal, at, change};
use crate::engine::ports::{Claim, Journal};

#[derive(Debug, Clone)]
enum Step {
    Schedule { number: u64, due: i64 },
    Claim { owner: &'static str, lease: u64 },
    Complete { claim: usize, again: Option<i64> },
    Fail { claim: usize, again: i64 },
    Renew { claim: usize, lease: u64 },
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let owner = prop_oneof![Just("a"), Just("b")];
    prop_oneof![
        (0..3_u64, 0..20_i64).prop_map(|(number, due)| Step::Schedule { number, due }),
        (owner, 1..10_u64).prop_map(|(owner, lease)| Step::Claim { owner, lease }),
        (0..6_usize, prop::option::of(0..20_i64)).prop_map(|(claim, again)| Step::Complete { claim, again }),
        (0..6_usize, 0..20_i64).prop_map(|(claim, again)| Step::Fail { claim, again }),
        (0..6_usize, 1..10_u64).prop_map(|(claim, lease)| Step::Renew { claim, lease }),
        (1..8_i64).prop_map(Step::Wait),
    ]
}

/// Carries out one step and prints everything that can be seen of it.
async fn take(journal: &dyn Journal, step: &Step, now: &mut i64, claims: &mut Vec<Claim>) -> String {
    let chosen = |claim: usize| claims.iter().rev().nth(claim);
    let outcome = match *step {
        Step::Schedule { number, due } => {
            format!("{:?}", journal.schedule(&change(number), at(*now + due)).await)
        }
        Step::Claim { owner, lease } => {
            let claimed = journal.claim(owner, at(*now), Span::from_seconds(lease)).await;
            claims.extend(claimed.clone().unwrap());
            format!("{claimed:?}")
        }
        Step::Complete { claim, again } => match chosen(claim) {
            Some(claim) => format!("{:?}", journal.complete(claim, again.map(|due| at(*now + due))).await),
            None => String::new(),
        },
        Step::Fail { claim, again } => match chosen(claim) {
            Some(claim) => format!("{:?}", journal.fail(claim, at(*now + again), "why").await),
            None => String::new(),
        },
        Step::Renew { claim, lease } => match chosen(claim) {
            Some(claim) => format!("{:?}", journal.renew(claim, at(*now), Span::from_seconds(lease)).await),
            None => String::new(),
        },
        Step::Wait(seconds) => {
            *now += seconds;
            String::new()
        }
    };
    format!("{outcome} {:?} {:?}", journal.depth(at(*now)).await, journal.next_due().await)
}

async fn history(journal: &dyn Journal, steps: &[Step]) -> Vec<String> {
    let (mut now, mut claims, mut seen) = (0, Vec::new(), Vec::new());
    for step in steps {
        seen.push(take(journal, step, &mut now, &mut claims).await);
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_tells_the_history_that_memory_tells(steps in prop::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (memory, sqlite) = runtime.block_on(async {
            let sqlite = SqliteJournal::open("sqlite::memory:").await.unwrap();
            (history(&MemoryJournal::default(), &steps).await, history(&sqlite, &steps).await)
        });
        for (index, (expected, got)) in memory.iter().zip(&sqlite).enumerate() {
            prop_assert_eq!(got, expected, "step {}: {:?}", index, &steps[index]);
        }
    }
}

#[test]
fn postgres_tells_the_history_that_memory_tells() {
    let Some(cluster) = Cluster::shared() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let postgres = runtime.block_on(async { PostgresJournal::open(&cluster.database().await).await.unwrap() });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 48, ..ProptestConfig::default() });
    let histories = prop::collection::vec(step(), 1..50);
    let outcome = runner.run(&histories, |steps| {
        let (memory, postgres) = runtime.block_on(async {
            let anew = "TRUNCATE work; ALTER SEQUENCE fence RESTART";
            sqlx::raw_sql(anew).execute(postgres.pool()).await.unwrap();
            (history(&MemoryJournal::default(), &steps).await, history(&postgres, &steps).await)
        });
        for (index, (expected, got)) in memory.iter().zip(&postgres).enumerate() {
            prop_assert_eq!(got, expected, "step {}: {:?}", index, &steps[index]);
        }
        Ok(())
    });
    outcome.unwrap();
}
