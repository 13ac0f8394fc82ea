//! Heads that move: forward, back, away, and under two requests at once.

use github_sim::{DeliveryFault, Push, Verdict};

use super::PRODUCTION;
use crate::harness::{POLICY, Secrets, Tree, World, a_second_later};

#[tokio::test(flavor = "multi_thread")]
async fn r22_a_push_nobody_told_of_makes_an_approval_stale_all_the_same() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.sim.pause_deliveries();
    world.approve(&world.ann, pull);
    world.sim.delivery_fault(DeliveryFault::drop("push"));
    world.sim.delivery_fault(DeliveryFault::drop("pull_request"));
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.sim.resume_deliveries();
    world.until_uncounted(pull, "ann", "stale-approval");
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    assert!(!world.merged(pull));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 3));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_back_at_the_approved_commit_its_approvals_hold_again_and_for_nothing_in_between() {
    let policy = POLICY.replace("{paths: [secrets/production/]}", "{paths: [secrets/production/], binding: commit}");
    let world = World::with(&policy).await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    let approved = world.repo.tip("rita/db").unwrap();
    let other = || Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 3)).force();
    world.push(&world.rita, other());
    world.until_uncounted(pull, "ann", "stale-approval");
    world.repo.move_branch(&world.rita, "rita/db", &approved).unwrap();
    world.until_counted(pull, "production", &["ann"]);

    // there and back before anybody looks
    world.until_quiet();
    world.sim.pause_deliveries();
    let between = world.push(&world.rita, other().message("Again"));
    world.repo.move_branch(&world.rita, "rita/db", &approved).unwrap();
    world.sim.resume_deliveries_backwards();
    world.until_quiet();
    assert_eq!(world.counted(pull, "production"), ["ann"]);
    assert!(world.repo.checks(&between).is_empty(), "nothing is said of a head that was gone");
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_dates_that_a_commit_claims_change_nothing() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    let tree = Tree::clone(&world, &world.rita);
    for (version, date) in [(3, "2001-01-01T00:00:00Z"), (4, "2037-01-01T00:00:00Z")] {
        tree.git(&["fetch", "--quiet", "origin"]);
        tree.git(&["checkout", "--quiet", "--detach", "origin/rita/db"]);
        tree.write(PRODUCTION, &Secrets::sealed("production", version));
        let dated = format!(
            "alias.dated=!GIT_AUTHOR_DATE={date} GIT_COMMITTER_DATE={date} git commit --quiet --all --message Dated"
        );
        tree.git(&["-c", &dated, "dated"]);
        tree.git(&["push", "--quiet", "origin", "HEAD:refs/heads/rita/db"]);
        world.until_uncounted(pull, "ann", "stale-approval");
        world.approve(&world.ann, pull);
        world.until_counted(pull, "production", &["ann"]);
    }
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 4));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_a_branch_that_was_deleted_and_made_anew_brings_no_approvals_along() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.repo.delete_branch(&world.rita, "rita/db").unwrap();
    world.until_quiet();
    let push = Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 3));
    let again = world.change_of("rita/db", push);
    world.until_comment(again, "**0 of 2");
    world.approve(&world.bob, again);
    world.until_counted(again, "production", &["bob"]);
    world.until_quiet();
    assert!(!world.merged(again) && world.main_has("production", 1));
    a_second_later();
    world.approve(&world.cy, again);
    world.until_merged(again);
    assert!(world.main_has("production", 3));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r29_votes_never_cross_between_requests_with_one_head_and_a_veto_holds_both() {
    let world = World::new().await;
    let one = world.by_rita("rita/one", "production");
    let head = world.repo.tip("rita/one").unwrap();
    world.repo.move_branch(&world.rita, "rita/two", &head).unwrap();
    let two = world.pull_of("rita/two");
    assert_ne!(one, two);
    world.approve(&world.ann, one);
    world.approve(&world.bob, two);
    world.until_counted(one, "production", &["ann"]);
    world.until_counted(two, "production", &["bob"]);
    world.repo.review(&world.cy, two, Verdict::RequestChanges, None).unwrap();
    world.until_comment(two, "`rejected`");
    world.approve(&world.bob, one);
    world.until_comment(one, "has the same head");
    world.until_quiet();
    assert!(!world.merged(one) && !world.merged(two));
    a_second_later();
    world.approve(&world.cy, two);
    world.until("one of them is merged", |world| world.merged(one) || world.merged(two));
    assert!(world.main_has("production", 2));
    world.no_violations();
}
