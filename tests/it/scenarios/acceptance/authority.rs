//! Teams that change their names, and a forge that does not say who is in them.

use github_sim::{Fault, Membership, Role};
use serde_json::json;

use crate::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn r39_a_team_is_its_number_and_neither_its_name_nor_whoever_takes_it() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.security.rename("sec");
    let mallory = world.sim.user("mallory");
    world.acme.member(&mallory, false);
    world.repo.role(&mallory, Some(Role::Write));
    let taken = world.acme.team("security");
    taken.member(&mallory, Membership::Active);
    world.repo.team_role(&taken, Some(Role::Write));
    world.until_quiet();
    world.approve(&mallory, pull);
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "mallory", "not-an-approver");
    world.until_counted(pull, "production", &["bob"]);
    assert!(!world.merged(pull));
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r41_where_the_forge_does_not_say_who_is_in_a_team_nothing_is_merged_and_nobody_is_told_no() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    let membership = || Fault::operation("teams/get-membership-for-user-in-org").times(10_000);
    let team = || Fault::operation("teams/get-by-name").times(10_000);
    let not_found = json!({"message": "Not Found"});
    let forbidden = json!({"message": "Resource not accessible by integration"});
    world.sim.fault(membership().answer(404, not_found.clone()));
    world.sim.fault(team().answer(404, not_found));
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "bob", "membership-unknown");
    assert!(!world.merged(pull));
    for status in [403, 502] {
        world.sim.clear_faults();
        world.sim.fault(membership().answer(status, forbidden.clone()));
        world.repo.comment(&world.rita, pull, "now?").unwrap();
        world.until("it was asked again", |world| world.sim.faults_left() > 0);
        world.until_comment(pull, "`membership-unknown`");
        assert!(!world.merged(pull), "{status}");
        assert_ne!(world.conclusion(pull), "success", "{status}");
    }
    world.sim.clear_faults();
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r40_a_stranger_to_a_public_repository_counts_for_nothing() {
    let world = World::new().await;
    world.repo.set_private(false);
    let pull = world.by_rita("rita/db", "production");
    let sam = world.sim.user("sam");
    world.approve(&sam, pull);
    world.repo.review(&sam, pull, github_sim::Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "action_required");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    assert!(!world.merged(pull));
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}
