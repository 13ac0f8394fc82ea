//! The server dies at every numbered step of putting back, and of covering a merge by hand; the next start heals.

use std::time::Duration;

use super::{directly, held, put_backs, until_put_back};
use crate::harness::World;

/// Starts the server so that it dies at a point, and waits for its death.
#[track_caller]
fn dies_at(world: &mut World, point: &str, what: impl FnOnce(&World)) {
    world.kill();
    world.set("COUNTERSIGN_CRASH_AT", point);
    world.start();
    what(world);
    world.until("it dies", |world| world.log().contains("crashing as told"));
    std::thread::sleep(Duration::from_millis(100));
    world.kill();
    world.set("COUNTERSIGN_CRASH_AT", "");
    std::fs::write(world.path("server.log"), "").expect("emptied");
    world.start();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_back_that_died_at_any_step_is_finished_once() {
    let mut world = World::new().await;
    world.until_quiet();
    let points = ["judged", "written", "held", "moved", "requested"];
    for (round, point) in points.into_iter().enumerate() {
        let version = u32::try_from(round).expect("few") + 2;
        let mut pushed = String::new();
        dies_at(&mut world, &format!("put-back-{point}"), |world| {
            pushed = directly(world, &world.rita, "production", version);
        });
        let pull = until_put_back(&world, &pushed);
        world.until_check(pull, "action_required");
        assert!(world.main_has("production", 1), "{point}");
        world.until_quiet();
        assert_eq!(put_backs(&world).len(), round + 1, "one entry, {point}");
        let heads = (1..20).filter(|number| world.repo.pull_json(*number)["head"]["ref"] == held(&pushed));
        assert_eq!(heads.count(), 1, "one request, {point}");
    }
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_by_hand_is_recorded_once_wherever_the_server_died() {
    for point in ["foreign-found", "foreign-recorded"] {
        let mut world = World::new().await;
        let pull = world.by_rita("rita/staging", "staging");
        world.until_check(pull, "action_required");
        world.until_quiet();
        world.kill();
        world.approve(&world.ann, pull);
        world.repo.merge(&world.zoe, pull).unwrap();
        dies_at(&mut world, point, |_| {});
        world.until_comment(pull, "**Merged for `staging`**");
        assert!(world.main_has("staging", 2) && put_backs(&world).is_empty(), "{point}");
        world.end();
    }
}
