//! What ends with time, by GitHub's clock: approvals and idle change requests. Times are longer than any machine takes for the play.

use github_sim::Role;
use jiff::SignedDuration;

use crate::harness::{POLICY, World};

/// GitHub's clock goes on while the server's does not, and the server is made to look again.
fn later(world: &World, seconds: i64) {
    world.sim.advance(SignedDuration::from_secs(seconds));
    world.repo.role(&world.cy, Some(Role::Read));
    world.repo.role(&world.cy, Some(Role::Write));
}

#[tokio::test(flavor = "multi_thread")]
async fn r30_an_approval_ends_with_its_age_by_githubs_clock() {
    let world =
        World::with(&POLICY.replace("[secrets/production/]}", "[secrets/production/], approval_ttl: 20m}")).await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    later(&world, 1_201);
    world.until_uncounted(pull, "ann", "expired");
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    assert!(!world.merged(pull));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_change_request_is_closed_with_a_word_and_goes_on_when_it_is_opened_again() {
    let world = World::with(&POLICY.replace("[secrets/production/]}", "[secrets/production/], expires: 20m}")).await;
    let pull = world.by_rita("rita/db", "production");
    let other = world.by_rita("rita/other", "staging");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_check(other, "action_required");
    world.until_quiet();
    later(&world, 1_201);
    world.until("the idle one is closed", |world| world.repo.pull_json(pull)["state"] == "closed");
    let said: Vec<String> = world.repo.comments(pull).into_iter().map(|(_, body)| body).collect();
    let closing: Vec<_> =
        said.iter().filter(|body| body.contains("**Closed: nothing has happened here since ")).collect();
    assert!(closing.len() == 1 && closing[0].contains("`production` after 20m"), "{said:#?}");
    world.until_quiet();
    assert_eq!(world.repo.pull_json(other)["state"], "open", "its environment says nothing of the kind");
    assert!(world.repo.pull_json(3).is_null(), "nobody opened another one for the branch");

    world.repo.set_open(&world.rita, pull, true).unwrap();
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    assert_eq!(world.repo.pull_json(pull)["state"], "open");
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}
