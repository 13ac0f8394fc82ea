//! A server that is killed, loses its database, or is asked to stop; a ledger that somebody tampers with.

use std::time::Duration;

use countersign_core::ledger::{Entry, Envelope, SigningKey};
use github_sim::Push;

use crate::harness::{Secrets, Tree, World, at_once};

/// A generator of numbers that is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Kills the server some time into whatever it is doing, and starts it again.
fn crash(world: &mut World, dice: &mut Dice) {
    std::thread::sleep(Duration::from_millis(dice.roll(450)));
    world.kill();
    world.start();
}

/// How many random kills the suite does; `COUNTERSIGN_TEST_CRASH_ROUNDS` says otherwise.
const ROUNDS: u64 = 36;

fn rounds() -> u64 {
    let named = std::env::var("COUNTERSIGN_TEST_CRASH_ROUNDS").ok();
    named.map_or(ROUNDS, |text| text.parse().expect("a number"))
}

/// Three changes go from push to merge, and a direct push is put back and approved, while the server is killed again and again.
async fn crashes(seed: u64) {
    // two worlds share the rounds; ten kills have a place of their own
    let each = (rounds() / 2).saturating_sub(10).div_ceil(4);
    let mut world = World::new().await;
    let mut dice = Dice(seed);
    let branches = ["one", "two", "three"];
    let path = |branch: &str| format!("secrets/production/{branch}.yaml");
    for branch in branches {
        let push = Push::to(branch).from("main").file(&path(branch), Secrets::sealed("production", 1));
        world.push(&world.rita, push);
        crash(&mut world, &mut dice);
    }
    let pulls = branches.map(|branch| world.pull_of(branch));
    for pull in pulls {
        world.approve(&world.ann, pull);
        crash(&mut world, &mut dice);
    }
    for pull in pulls {
        world.approve(&world.bob, pull);
        for _ in 0..each {
            crash(&mut world, &mut dice);
        }
    }
    // past everybody, in the middle of it all
    let pushed = world.push(&world.zoe, Push::to("main").file(&path("four"), Secrets::sealed("production", 1)));
    for _ in 0..each {
        crash(&mut world, &mut dice);
    }
    let held = world.pull_of(&format!("countersign/held/{pushed}"));
    for user in [world.ann.clone(), world.bob.clone()] {
        crash(&mut world, &mut dice);
        world.approve(&user, held);
        crash(&mut world, &mut dice);
    }
    let all = branches.into_iter().zip(pulls).chain([("four", held)]);
    for (branch, pull) in all {
        world.until_merged(pull);
        world.until_comment(pull, "**Merged for `production`**");
        assert_eq!(world.on_main(&path(branch)), Some(Secrets::sealed("production", 1)), "seed {seed}");
    }
    world.end();
    assert_eq!(world.merges().len(), 4, "seed {seed}");
    let ledger = world.ledger();
    let votes = ledger.entries().iter().filter(|entry| matches!(entry.entry, Entry::Vote(_))).count();
    assert_eq!(votes, 8, "no approval is lost or told twice, seed {seed}");
    let kept = ledger.entries().iter().filter(|entry| matches!(entry.entry, Entry::PutBack(_))).count();
    assert_eq!(kept, 1, "the direct push was put back once, seed {seed}");
    println!("seed {seed}: {} kills, 4 merges, 8 votes, 1 direct push put back", 10 + 4 * each);
}

#[test]
fn a_server_killed_at_any_moment_merges_once_and_forgets_nothing() {
    at_once(&[("one", || Box::pin(crashes(11))), ("another", || Box::pin(crashes(12)))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_database_goes_on_from_the_ledger() {
    let mut world = World::new().await;
    let done = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, done);
    let open = world.by_rita("rita/production", "production");
    world.approve(&world.bob, open);
    world.until_merged(done);
    world.until_counted(open, "production", &["bob"]);
    world.until_quiet();
    let tip = world.ledger_tip();
    world.kill();
    world.lose_the_database();
    let (mark, decided) = (world.sim.mark(), |world: &World| world.log().matches("\"decided\"").count());
    let before = decided(&world);
    world.start();
    world.until("the change is looked at again", |world| {
        decided(world) > before && world.sim.since(mark).git_calls() > 0
    });
    world.until_quiet();
    assert_eq!(world.ledger_tip(), tip, "the ledger knows it all");
    assert_eq!(world.counted(open, "production"), ["bob"]);
    world.approve(&world.cy, open);
    world.until_merged(open);
    world.end();
    assert_eq!(world.merges().len(), 2);
}

/// The database of a world is a file here, whatever the suite is run on: a server's own tools copy the other kind.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_the_server_works_takes_the_place_of_a_lost_database() {
    let mut world = World::new().await;
    if !world.store.is_a_file() {
        return;
    }
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    let copied = world.with_settings("backup").arg("copy.db").output().expect("it runs");
    let told = String::from_utf8_lossy(&copied.stderr).into_owned();
    assert!(copied.status.success() && told.contains("copied to copy.db: 1 ledger head"), "{told}");

    world.kill();
    world.lose_the_database();
    std::fs::rename(world.path("copy.db"), world.path("countersign.db")).unwrap();
    let schema = world.with_settings("migrate").arg("--dry-run").output().expect("it runs");
    assert!(schema.status.success(), "{}", String::from_utf8_lossy(&schema.stderr));
    world.start();
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
    assert_eq!(world.merges().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asked_to_stop_finishes_what_it_does() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    assert_eq!(world.terminate(), Some(0), "{}", world.log());
    assert!(!world.log().contains("panicked"));
    world.start();
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    world.end();
    assert_eq!(world.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_deleted_or_cut_is_put_back_and_never_begun_anew() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    let tip = world.ledger_tip().unwrap();
    let tree = Tree::clone(&world, &world.zoe);
    let first = tree.git(&["rev-list", "--max-parents=0", "origin/countersign/ledger"]);
    world.repo.delete_branch(&world.zoe, "countersign/ledger").unwrap();
    world.until("the ledger is back", |world| world.ledger_tip().as_deref() == Some(&tip));
    world.repo.move_branch(&world.zoe, "countersign/ledger", first.trim()).unwrap();
    world.until("the ledger is whole", |world| world.ledger_tip().as_deref() == Some(&tip));
    world.until("it is told", |world| world.log().matches("ledger.tampered").count() >= 2);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_copy_of_the_ledger_nothing_is_decided() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    let open = world.by_rita("rita/production", "production");
    world.until_check(open, "action_required");
    world.until_quiet();
    world.kill();
    world.lose_the_database();
    std::fs::remove_dir_all(world.path("countersign-data")).unwrap();
    let tip = world.ledger_tip().unwrap();
    world.repo.delete_branch(&world.zoe, "countersign/ledger").unwrap();
    world.start();
    for user in [&world.ann, &world.bob] {
        world.approve(user, open);
    }
    world.until_check(open, "failure");
    let title = world.check(open).unwrap()["output"]["title"].clone();
    assert_eq!(title, "Blocked: ledger-missing");
    world.until_quiet();
    assert!(!world.merged(open) && world.ledger_tip().is_none());
    // somebody has a copy
    world.repo.move_branch(&world.zoe, "countersign/ledger", &tip).unwrap();
    world.until_merged(open);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_entry_on_top_of_the_ledger_is_junk_and_stops_nobody() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    let tree = Tree::clone(&world, &world.zoe);
    let last = Envelope::parse(&tree.show("origin/countersign/ledger:entry.json").unwrap()).unwrap();
    let forged = Envelope::sign(last.payload().to_vec(), &SigningKey::from_randomness(&[7; 32]));
    for junk in [forged.to_bytes(), b"{}".to_vec()] {
        world.push(&world.zoe, Push::to("countersign/ledger").file("entry.json", junk));
        world.until_quiet();
        let report = world.ledger();
        assert!(report.is_valid(), "{:#?}", report.problems());
        assert_eq!(report.problems()[0].code.as_str(), "ledger-junk");
    }
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}
