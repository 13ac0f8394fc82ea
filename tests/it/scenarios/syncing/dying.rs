//! The process is killed around a delivery, at every step; the next one goes on where it was.

use super::{HOOK, dies_in_the_second, guard, until_state, world};
use crate::harness::at_once;

const POINTS: &[&str] = &["sync-due", "sync-noted", "sync-sent", "sync-ended", "sync-recorded", "sync-shown"];

/// Dies at one step of the second delivery, and starts again.
async fn killed_at(point: &'static str) {
    let branch = "{name: branch, branch: {ref: env/production}}";
    let (mut world, receiver) = world(&[HOOK, branch]).await;
    guard(&world, "env/*");
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    let pull = dies_in_the_second(&mut world, point);
    until_state(&world, "hook", "success");
    until_state(&world, "branch", "success");
    world.until("the branch is there", |world| world.repo.tip("env/production") == world.repo.tip("main"));
    world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    world.until_quiet();
    let arrived = receiver.arrived();
    let ids: std::collections::BTreeSet<_> = arrived.iter().map(|one| one.id.clone()).collect();
    assert_eq!(ids.len(), 2, "a repeated message carries the same id: {arrived:#?}");
    let repeats = usize::from(matches!(point, "sync-sent"));
    assert!(arrived.len() <= 2 + repeats, "{point}: {arrived:#?}");
    let tasks: Vec<_> = world.repo.deployments().iter().map(|one| one["task"].clone()).collect();
    assert_eq!(tasks.len(), 4, "one deployment per target and generation: {tasks:?}");
    world.end();
}

#[test]
fn a_crash_around_a_delivery_is_healed() {
    at_once(&[
        ("due", || Box::pin(killed_at(POINTS[0]))),
        ("noted", || Box::pin(killed_at(POINTS[1]))),
        ("sent", || Box::pin(killed_at(POINTS[2]))),
    ]);
    at_once(&[
        ("ended", || Box::pin(killed_at(POINTS[3]))),
        ("recorded", || Box::pin(killed_at(POINTS[4]))),
        ("shown", || Box::pin(killed_at(POINTS[5]))),
    ]);
}
