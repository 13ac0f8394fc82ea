//! Two servers on one PostgreSQL: nothing is done twice, whoever hears of it, dies or sleeps; and a PostgreSQL that goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use github_sim::{Fault, Push, Verdict};

use crate::harness::{PATIENCE, POLICY, Secrets, World, at_once};

fn path(branch: &str) -> String {
    format!("secrets/production/{branch}.yaml")
}

async fn adopted() -> Option<World> {
    let mut world = World::on_postgres(POLICY).await?;
    world.start();
    world.start_replica();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    Some(world)
}

/// Waits longer than a lease lasts.
#[track_caller]
fn until_taken_over(world: &mut World, what: &str, mut holds: impl FnMut(&mut World) -> bool) {
    let begun = Instant::now();
    while !holds(world) {
        let log = world.replica_log();
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}\n{log}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Has a delivery go to one of the servers; it has arrived before the next may go elsewhere.
fn tell(world: &World, number: usize, what: impl FnOnce(&World)) {
    if number.is_multiple_of(2) {
        world.deliver_to_the_first()
    } else {
        world.deliver_to_the_second()
    }
    what(world);
    world.until_delivered();
}

/// Four changes are asked for, approved and merged; each server hears of half of it.
fn four_changes(world: &mut World, round: usize) {
    let branches: Vec<String> = (0..4).map(|number| format!("change-{round}-{number}")).collect();
    for (number, branch) in branches.iter().enumerate() {
        let push = Push::to(branch).from("main").file(&path(branch), Secrets::sealed("production", 1));
        tell(world, number, |world| drop(world.push(&world.rita, push)));
    }
    let pulls: Vec<u64> = branches.iter().map(|branch| world.pull_of(branch)).collect();
    // all at once, and every push takes its time: the ledger has two writers who know nothing of each other
    world.sim.fault(Fault::operation("git/receive-pack").times(12).delay(Duration::from_millis(400)));
    for user in [world.ann.clone(), world.bob.clone()] {
        for (number, pull) in pulls.iter().enumerate() {
            tell(world, number + 1, |world| world.approve(&user, *pull));
        }
    }
    for (branch, pull) in branches.iter().zip(&pulls) {
        until_taken_over(world, "it is merged", |world| world.comment(*pull).contains("**Merged for `production`**"));
        assert_eq!(world.on_main(&path(branch)), Some(Secrets::sealed("production", 1)));
    }
    world.sim.clear_faults();
}

/// How often one server wrote into the ledger before the other; nothing before both have decided something.
fn met(world: &World) -> usize {
    let (first, second) = (world.log(), world.replica_log());
    if !first.contains("\"decided\"") || !second.contains("\"decided\"") {
        return 0;
    }
    [first, second].iter().map(|log| log.matches("somebody else wrote into the ledger first").count()).sum()
}

async fn deliveries_to_either_server_are_worked_on_by_both_and_nothing_is_done_twice() {
    let Some(mut world) = adopted().await else { return };
    // until the two have met: who takes up what is for chance to say
    let mut rounds = 0;
    while rounds < 4 && met(&world) == 0 {
        four_changes(&mut world, rounds);
        rounds += 1;
    }
    world.end();
    assert_eq!(world.merges().len(), 4 * rounds);
    let lost = met(&world);
    println!("two servers: {} changes merged, {lost} times one wrote into the ledger before the other", 4 * rounds);
    assert!(lost > 0, "the ledger's compare-and-swap has decided between two processes");
}

async fn when_one_dies_in_the_middle_of_a_merge_the_other_finishes_it() {
    let Some(mut world) = World::on_postgres(POLICY).await else { return };
    world.crash_at(&["merge-moved"]);
    world.start();
    world.start_replica();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    // the first alone works, the second lives
    world.signal_the_second("STOP");
    world.approve(&world.bob, pull);
    until_taken_over(&mut world, "the first dies", World::first_is_dead);
    world.deliver_to_the_second();
    world.signal_the_second("CONT");
    until_taken_over(&mut world, "the comment says it is merged", |world| {
        world.comment(pull).contains("**Merged for `production`**")
    });
    assert!(world.main_has("production", 2));
    world.end();
    assert_eq!(world.merges().len(), 1);
    let heard = world.replica_log();
    assert!(heard.contains("recording a merge that stands on the base"), "the second found what the first had done");
}

async fn when_one_sleeps_in_the_middle_of_a_merge_the_other_does_it_and_the_sleeper_wakes_to_nothing() {
    let Some(mut world) = adopted().await else { return };
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    world.signal_the_second("STOP");
    // the last thing that is written before the merge; the answer is never read
    let (asleep, fall) = (Arc::new(AtomicBool::new(false)), world.sleeping_potion());
    let told = asleep.clone();
    world.sim.fault(Fault::operation("checks/update").then(move |_| {
        fall();
        told.store(true, Ordering::Relaxed);
    }));
    world.approve(&world.bob, pull);
    until_taken_over(&mut world, "the first falls asleep", |_| asleep.load(Ordering::Relaxed));
    let asleep = world.ledger_tip();
    world.deliver_to_the_second();
    world.signal_the_second("CONT");
    until_taken_over(&mut world, "the second merges", |world| {
        world.comment(pull).contains("**Merged for `production`**")
    });
    assert_ne!(world.ledger_tip(), asleep);
    world.signal_the_first("CONT");
    world.until("the first is told that it slept too long", |world| {
        let log = world.log();
        log.contains("another worker has taken over") || log.contains("the turn had been taken over")
    });
    assert!(world.main_has("production", 2));
    world.end();
    assert_eq!(world.merges().len(), 1);
}

#[test]
fn two_servers_on_one_database_do_everything_once() {
    at_once(&[
        ("either", || Box::pin(deliveries_to_either_server_are_worked_on_by_both_and_nothing_is_done_twice())),
        ("dead", || Box::pin(when_one_dies_in_the_middle_of_a_merge_the_other_finishes_it())),
        ("asleep", || {
            Box::pin(when_one_sleeps_in_the_middle_of_a_merge_the_other_does_it_and_the_sleeper_wakes_to_nothing())
        }),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_postgres_goes_away_says_so_and_goes_on_when_it_is_back() {
    let Some((mut world, cluster)) = World::on_a_postgres_of_its_own(POLICY).await else { return };
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    let ready = |world: &World| world.get(&format!("{}/readyz", world.public())).0;
    cluster.stop();
    world.repo.review(&world.bob, pull, Verdict::Approve, None).unwrap();
    world.until("it is not ready", |world| ready(world) == 503);
    world.until("the delivery is refused", |world| world.log().contains("delivery could not be stored"));
    assert!(!world.merged(pull));
    cluster.start();
    world.until("it is ready again", |world| ready(world) == 200);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    assert_eq!(world.merges().len(), 1);
    assert_eq!(world.counted(pull, "production"), ["ann", "bob"]);
    assert!(!world.log().contains("panicked"), "{}", world.log());
    world.no_violations();
}
