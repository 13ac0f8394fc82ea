//! What is asked for besides votes: a merge, a pause, the end of somebody's veto, another look.

use github_sim::Verdict;

use super::{approve, head, say, until_done, until_refused};
use crate::harness::{POLICY, World};

#[tokio::test(flavor = "multi_thread")]
async fn r58_merge_needs_write_and_waits_for_nothing_it_was_said_before() {
    let policy = POLICY.replace(
        "production: {paths: [secrets/production/]}",
        "production: {paths: [secrets/production/], merge: manual}",
    );
    let mut world = World::with(&policy).await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let early = say(&world, &world.rita, pull, "/countersign merge");
    until_refused(&world, pull, early, &["@rita not yet: `quorum-missing`", "ask 2 of ann, bob or cy"]);
    world.approve(&world.ann, pull);
    approve(&world, &world.bob, pull, &head(&world, pull));
    world.until_check(pull, "success");
    world.until_quiet();
    assert!(!world.merged(pull), "what was refused is not kept");
    let eve = world.sim.user("eve");
    world.acme.member(&eve, false);
    let reader = say(&world, &eve, pull, "/countersign merge");
    until_refused(&world, pull, reader, &["`merge` needs write on this repository; you have read"]);
    // the server dies with the command done and not noted: once is once
    world.kill();
    world.crash_at(&["command-done"]);
    world.start();
    let merge = say(&world, &world.rita, pull, "/countersign merge");
    world.until_revived("it is merged", |world| world.merged(pull));
    world.until_quiet_again();
    assert_eq!(world.deaths(), 1);
    until_done(&world, pull, merge);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_veto_is_waived_by_an_admin_without_part_in_the_change_and_by_nobody_else() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let veto = say(&world, &world.cy, pull, "/countersign reject");
    until_done(&world, pull, veto);
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_check(pull, "failure");
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let nobody = say(&world, &world.zoe, pull, "/cs waive @ann");
    until_refused(&world, pull, nobody, &["ann has not rejected this change"]);
    let rita = say(&world, &world.rita, pull, "/cs waive @cy");
    until_refused(&world, pull, rita, &["`waive` needs an approver of `admins`", "ask one of zoe, ann"]);
    world.until_quiet();
    assert_eq!(world.conclusion(pull), "failure");
    let waived = say(&world, &world.zoe, pull, "/countersign waive @cy");
    until_done(&world, pull, waived);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_that_is_taken_away_lets_the_veto_stand_again() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let waived = say(&world, &world.zoe, pull, "/countersign waive @cy");
    world.until_check(pull, "action_required");
    world.until_uncounted(pull, "cy", "waived");
    until_done(&world, pull, waived);
    world.repo.delete_comment(&world.rita, waived).unwrap();
    world.until_check(pull, "failure");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_change_waits_until_whoever_paused_it_or_an_approver_lets_it_go_on() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let other = world.by_rita("rita/staging", "staging");
    let eve = world.sim.user("eve");
    world.acme.member(&eve, false);
    let reader = say(&world, &eve, pull, "/cs pause");
    until_refused(&world, pull, reader, &["`pause` needs write"]);
    let nothing = say(&world, &world.ann, pull, "/cs unpause");
    until_refused(&world, pull, nothing, &["nothing is paused here"]);
    let paused = say(&world, &world.zoe, pull, "/countersign pause after the freeze");
    until_done(&world, pull, paused);
    world.until_comment(pull, "It is paused by zoe: after the freeze.");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_comment(pull, "**Approved for `production`** · paused by zoe: after the freeze");
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    let rita = say(&world, &world.rita, pull, "/cs unpause");
    until_refused(&world, pull, rita, &["zoe paused this change"]);
    let merge = say(&world, &world.rita, pull, "/cs merge");
    until_refused(&world, pull, merge, &["not yet: zoe paused this change"]);
    world.repo.delete_comment(&world.rita, paused).unwrap();
    world.until_quiet();
    world.until_quiet();
    assert!(!world.merged(pull), "whoever deletes a pause does not end it");
    let on = say(&world, &world.cy, pull, "/cs unpause");
    world.until_merged(pull);
    until_done(&world, pull, on);

    let paused = say(&world, &world.rita, other, "/cs pause");
    until_done(&world, other, paused);
    world.approve(&world.ann, other);
    world.until_comment(other, "**Approved for `staging`** · paused by rita");
    world.sim.advance(jiff::SignedDuration::from_secs(2));
    say(&world, &world.rita, other, "/cs unpause");
    world.until_merged(other);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn recheck_needs_write_and_looks_again() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let eve = world.sim.user("eve");
    world.acme.member(&eve, false);
    let reader = say(&world, &eve, pull, "/cs recheck");
    until_refused(&world, pull, reader, &["`recheck` needs write"]);
    let again = say(&world, &world.rita, pull, "/cs recheck");
    until_done(&world, pull, again);
    world.end();
}
