//! GitHub that fails, lies about failing, or asks to wait.

use std::time::Duration;

use github_sim::Fault;

use crate::harness::{World, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_succeeded_and_looked_like_a_failure_is_not_repeated() {
    let world = World::new().await;
    world.until_quiet();
    for operation in [
        "pulls/create",
        "checks/create",
        "issues/create-comment",
        "checks/update",
        "issues/update-comment",
        "pulls/request-reviewers",
    ] {
        world.sim.fault(Fault::operation(operation).fail_after(502));
    }
    // the first push is the ledger's
    world.sim.fault(Fault::operation("git/receive-pack").times(2).fail_after(500));
    let pull = world.by_rita("rita/db", "production");
    world.until_comment(pull, "**0 of 2");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    for operation in ["checks/update", "issues/update-comment"] {
        world.sim.fault(Fault::operation(operation).cut());
    }
    world.sim.fault(Fault::operation("git/receive-pack").times(2).cut());
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    assert!(world.repo.pull_json(2).is_null(), "one pull request was opened");
    assert!(world.main_has("production", 2));
    assert_eq!(world.sim.faults_left(), 0, "every fault happened");
    world.end();
}

async fn reads_and_writes_fail() {
    let world = World::new().await;
    world.until_quiet();
    for operation in ["git/info-refs", "git/upload-pack", "pulls/create", "checks/create", "issues/create-comment"] {
        world.sim.fault(Fault::operation(operation).fail(502));
    }
    world.sim.fault(Fault::operation("graphql/query").page(503));
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.sim.fault(Fault::operation("git/receive-pack").fail(503));
    world.sim.fault(Fault::operation("repos/get-collaborator-permission-level").fail(500));
    world.sim.fault(Fault::operation("teams/get-membership-for-user-in-org").cut());
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    assert!(world.main_has("production", 2));
    assert_eq!(world.sim.faults_left(), 0, "every fault happened");
    world.end();
}

async fn answers_do_not_come() {
    let world = World::new().await;
    world.until_quiet();
    world.sim.fault(Fault::operation("graphql/query").hang());
    let pull = world.by_rita("rita/db", "staging");
    world.sim.fault(Fault::operation("checks/update").delay(Duration::from_secs(3)));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `staging`**");
    world.end();
}

#[test]
fn a_github_that_fails_or_is_silent_for_a_while_is_asked_again() {
    at_once(&[
        ("reads and writes fail", || Box::pin(reads_and_writes_fail())),
        ("answers do not come", || Box::pin(answers_do_not_come())),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_waited_for_and_nothing_is_asked_meanwhile() {
    let world = World::new().await;
    world.until_quiet();
    world.sim.fault(Fault::operation("pulls/create").secondary_limit(Some(3)));
    let mark = world.sim.mark();
    let begun = std::time::Instant::now();
    let pull = world.by_rita("rita/db", "staging");
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    let during = world.sim.since(mark);
    let refused = during.entries().iter().position(|entry| entry.status == 403).expect("it was refused");
    let next =
        during.entries().iter().skip(refused + 1).find(|entry| entry.actor == "installation").expect("it went on");
    assert!(next.at.as_second() - during.entries()[refused].at.as_second() >= 2, "{next:#?}");
    world.until_check(pull, "action_required");

    world.sim.fault(Fault::operation("graphql/query").rate_limited(2));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}
