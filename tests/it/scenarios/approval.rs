//! From a push to an honest merge.

use github_sim::{Push, Verdict};

use crate::harness::{Secrets, World, a_second_later};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_a_change_request_two_people_approve_and_exactly_that_is_merged() {
    let world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    world.until_comment(pull, "**0 of 2 approvals for `production`**");

    world.approve(&world.rita, pull);
    world.until_comment(pull, "`requester`");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**1 of 2 approvals");
    assert!(!world.merged(pull));
    world.approve(&world.bob, pull);
    world.until("it is merged", |world| world.merged(pull));
    world.until_comment(pull, "**Merged for `production`**");

    let path = "secrets/production/db.yaml";
    assert_eq!(world.repo.file("main", path).as_deref(), Some(Secrets::sealed("production", 2).as_bytes()));
    assert_eq!(world.conclusion(pull), "success");
    world.no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_after_an_approval_reopens_the_question() {
    let world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**1 of 2");
    world.push(&world.rita, Push::to("rita/db").file("secrets/production/db.yaml", Secrets::sealed("production", 3)));
    world.until_comment(pull, "`stale-approval`");
    world.approve(&world.bob, pull);
    world.until_comment(pull, "**1 of 2");
    assert!(!world.merged(pull));
    world.approve(&world.ann, pull);
    world.until("it is merged", |world| world.merged(pull));
    world.no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_blocks_until_its_author_approves() {
    let world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until("both are counted", |world| world.comment(pull).contains("ann") && world.comment(pull).contains("bob"));
    assert!(!world.merged(pull));
    assert_eq!(world.conclusion(pull), "failure");
    a_second_later();
    world.approve(&world.cy, pull);
    world.until("it is merged", |world| world.merged(pull));
}
