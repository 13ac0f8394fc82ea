//! Requests that are closed and opened again, and forks that are gone.

use github_sim::{Fault, Push, Role, Verdict};
use serde_json::Value;

use super::STAGING;
use crate::harness::{Secrets, World, a_second_later};

#[tokio::test(flavor = "multi_thread")]
async fn r24_r59_closing_and_opening_again_keeps_votes_and_vetoes() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.repo.set_open(&world.rita, pull, false).unwrap();
    world.approve(&world.bob, pull);
    world.until_quiet();
    assert!(!world.merged(pull));
    world.repo.set_open(&world.rita, pull, true).unwrap();
    world.until_counted(pull, "production", &["ann", "bob"]);
    world.until_comment(pull, "`rejected`");
    world.until_quiet();
    assert!(!world.merged(pull));
    a_second_later();
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r59_a_change_whose_fork_is_gone_is_judged_and_merged_from_what_github_keeps() {
    let world = World::new().await;
    let stranger = world.sim.user("sam");
    world.repo.role(&stranger, Some(Role::Read));
    let fork = world.repo.fork(&stranger).unwrap();
    fork.role(&stranger, Some(Role::Admin));
    fork.push(&stranger, Push::to("mine").from("main").file(STAGING, Secrets::sealed("staging", 2))).unwrap();
    let gone = |answer: &mut Value| {
        if answer["data"]["repository"]["pullRequest"]["headRepository"].is_object() {
            answer["data"]["repository"]["pullRequest"]["headRepository"] = Value::Null;
        }
    };
    world.sim.fault(Fault::operation("graphql/query").times(1_000).alter(gone));
    let pull = world.repo.open_pull(&stranger, "From outside", "sam:mine", "main").unwrap();
    world.until_comment(pull, "**0 of 2 approvals for `staging`**");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "staging", &["ann"]);
    assert!(!world.merged(pull));
    world.approve(&world.rita, pull);
    world.until_merged(pull);
    assert!(world.main_has("staging", 2));
    world.end();
}
