//! Reviews given late, for something else, while nobody listened, or taken back.

use github_sim::{DeliveryFault, Push, Verdict};

use super::PRODUCTION;
use crate::harness::{Secrets, World, a_second_later};

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_veto_given_and_dismissed_while_nobody_listened_stands_all_the_same() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.kill();
    world.sim.delivery_fault(DeliveryFault::drop("pull_request_review").times(2));
    let veto = world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.repo.dismiss(&world.rita, pull, veto).unwrap();
    world.start();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["ann", "bob"]);
    world.until_comment(pull, "`rejected`");
    world.until_quiet();
    assert!(!world.merged(pull) && world.conclusion(pull) == "failure");
    a_second_later();
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_veto_that_its_author_dismissed_while_nobody_listened_is_over() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.kill();
    world.sim.delivery_fault(DeliveryFault::drop("pull_request_review").times(2));
    let veto = world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.repo.role(&world.cy, Some(github_sim::Role::Write));
    world.repo.dismiss(&world.cy, pull, veto).unwrap();
    world.start();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_an_approval_nobody_told_of_counts_only_for_the_base_it_was_given_for() {
    let world = World::new().await;
    world.push(&world.zoe, Push::to("dev").from("main").file("notes.md", "x\n"));
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.repo.retarget(&world.rita, pull, "dev").unwrap();
    world.until_quiet();
    world.sim.delivery_fault(DeliveryFault::drop("pull_request_review").times(2));
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.repo.retarget(&world.rita, pull, "main").unwrap();
    world.until_uncounted(pull, "ann", "other-base");
    world.until_uncounted(pull, "bob", "other-base");
    world.until_quiet();
    assert!(!world.merged(pull) && world.main_has("production", 1));
    a_second_later();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_a_review_sent_for_an_older_commit_counts_for_that_commit_alone() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let first = world.repo.tip("rita/db").unwrap();
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.repo.review(&world.ann, pull, Verdict::Approve, Some(&first)).unwrap();
    world.repo.review(&world.bob, pull, Verdict::Approve, Some(&first)).unwrap();
    world.until_uncounted(pull, "ann", "stale-approval");
    world.until_uncounted(pull, "bob", "stale-approval");
    assert!(!world.merged(pull));
    // the branch goes back: now it is what they approved
    world.repo.move_branch(&world.rita, "rita/db", &first).unwrap();
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_dismissal_ends_its_own_review_revives_none_and_forbids_none_to_come() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    a_second_later();
    let second = world.repo.review(&world.ann, pull, Verdict::Approve, None).unwrap();
    world.until_quiet();
    world.repo.dismiss(&world.zoe, pull, second).unwrap();
    world.until_uncounted(pull, "ann", "dismissed");
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    world.until_quiet();
    assert!(!world.merged(pull), "the first approval does not come back");
    a_second_later();
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r30_an_approval_is_as_old_as_the_clock_of_github_says() {
    let policy = crate::harness::POLICY
        .replace("{paths: [secrets/production/]}", "{paths: [secrets/production/], approval_ttl: 7d}");
    let world = World::with(&policy).await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    // our own clock is eight days slow
    let later = jiff::Zoned::now().checked_add(jiff::SignedDuration::from_hours(8 * 24)).unwrap();
    let date = jiff::fmt::rfc2822::to_string(&later.with_time_zone(jiff::tz::TimeZone::UTC)).unwrap();
    world.sim.fault(github_sim::Fault::operation("graphql/query").times(1_000).header("date", &date));
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "ann", "expired");
    world.until_quiet();
    assert!(!world.merged(pull));
    world.no_violations();
}
