//! Random histories on the whole server, judged by the slow oracle of `crates/core/tests/oracle`: at no moment is anything merged
//! that it refuses, and in the end both agree.
//!
//! Many repositories live in one world, each of an organisation of its own; all take one step, then the server hears of it: late,
//! twice, in reverse, or not at all. `COUNTERSIGN_TEST_SERVER_HISTORIES` says how many histories (default 20),
//! `COUNTERSIGN_TEST_SERVER_SEED` where to begin. A disagreement prints its seed and what happened.

#[expect(dead_code, reason = "the core shuffles, too")]
#[path = "../../../../crates/core/tests/oracle/chance.rs"]
mod chance;
#[path = "../../../../crates/core/tests/oracle/oracle.rs"]
mod oracle;
mod play;
#[path = "../../../../crates/core/tests/oracle/rules.rs"]
mod rules;
#[expect(dead_code, reason = "what only the core's histories can do")]
#[path = "../../../../crates/core/tests/oracle/world.rs"]
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use github_sim::{DeliveryFault, Role};

use self::oracle::Outcome;
use self::play::Play;
use self::world::{NAMES, ROBOT};
use crate::harness::{POLICY, World, each_at_once};

/// Steps of a history after its first push.
const ROUNDS: i64 = 9;
/// Histories in one world.
const TOGETHER: u64 = 12;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How many histories ended in each way: a run that never allows anything proves nothing.
static ENDED: [AtomicUsize; 5] = [const { AtomicUsize::new(0) }; 5];

async fn together((first, count): (u64, u64)) {
    let mut world = World::without_server(POLICY).await;
    world.set("COUNTERSIGN_LOG", "warn");
    let keeper = world.sim.user("keeper");
    let people: Vec<_> = NAMES[..ROBOT].iter().map(|name| world.sim.user(name)).collect();
    let mut plays: Vec<Play> =
        (first..first + count).map(|seed| Play::begin(&world, seed, (&keeper, people.as_slice()))).collect();
    world.start();
    world.until("all are adopted", |_| plays.iter().all(Play::is_adopted));
    world.until_quiet();
    plays.iter_mut().for_each(Play::open);
    world.until("all have a request", |_| plays.iter().all(Play::is_open));
    for round in 1..=ROUNDS {
        // every second and third round are heard of together, the third before the second
        let (begins, ends) = (round % 3 != 0, round % 3 != 2);
        if begins {
            world.until_quiet();
            plays.iter_mut().for_each(Play::looked_at);
            world.sim.pause_deliveries();
        }
        sleep(Duration::from_millis(1_100)); // a step is a second of GitHub's time
        for play in &mut plays {
            play.step(&world.sim, round);
        }
        if ends {
            world.sim.delivery_fault(DeliveryFault::duplicate("*").times(u32::try_from(count).expect("few")));
            if begins { world.sim.resume_deliveries() } else { world.sim.resume_deliveries_backwards() }
        }
    }
    world.until_quiet();
    plays.iter_mut().for_each(Play::looked_at);
    plays.iter_mut().for_each(Play::last_step);
    // nothing is remembered for display, everything is looked at
    world.kill();
    world.start();
    world.until_quiet();
    for play in &mut plays {
        ENDED[play.ends() as usize].fetch_add(1, Ordering::Relaxed);
    }
    world.no_violations();
}

#[test]
fn at_no_moment_is_anything_merged_that_the_oracle_refuses_and_in_the_end_both_agree() {
    let (first, count) = (number("COUNTERSIGN_TEST_SERVER_SEED", 0), number("COUNTERSIGN_TEST_SERVER_HISTORIES", 20));
    let worlds: Vec<(u64, u64)> =
        (0..count.div_ceil(TOGETHER)).map(|at| (first + at * TOGETHER, TOGETHER.min(count - at * TOGETHER))).collect();
    let failed = each_at_once(&worlds, 3, together);
    let ended: Vec<usize> = ENDED.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    println!(
        "{count} histories of {ROUNDS} steps; they ended {ended:?} (nothing protected, merged, pending, in doubt, refused)"
    );
    assert!(failed.is_empty(), "in the worlds of the seeds (first, number) {failed:?}: see above");
    assert!(count < 20 || ended[Outcome::Allowed as usize] > 0, "nothing was ever merged: {ended:?}");
}

/// What everybody may do who may write.
fn role(writes: bool) -> Option<Role> {
    Some(if writes { Role::Write } else { Role::Read })
}
