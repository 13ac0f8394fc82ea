//! A branch that only ever holds approved commits.

use github_sim::Push;
use serde_json::json;

use super::{guard, merged, receipts, ruleset, until_state, world};
use crate::harness::{Secrets, at_once};

const BRANCH: &str = "{name: branch, branch: {ref: env/production}}";

/// Without a rule that keeps others off it, the branch is no proof of anything: it is not even made.
async fn an_unprotected_branch_is_no_target() {
    let (world, _) = world(&[BRANCH]).await;
    until_state(&world, "branch", "error");
    assert_eq!(world.repo.tip("env/production"), None);
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/branch` | **blocked** · `target-unprotected`");
    // a rule that the App itself may not pass is none either
    ruleset(&world.repo, "env/production", json!([]));
    world.repo.comment(&world.ann, pull, "/countersign sync").unwrap();
    world.until_comment(pull, "| `production/branch` | **blocked** · `target-refused`");
    assert_eq!(world.repo.tip("env/production"), None);
    world.end();
}

/// It follows ordinary commits too, and never a commit that one environment of the branch does not cover.
async fn it_follows_the_source_as_long_as_all_of_it_is_approved() {
    let (world, _) = world(&[BRANCH]).await;
    guard(&world, "env/*");
    merged(&world, 2);
    let at = |world: &crate::harness::World, branch: &str| world.repo.tip(branch);
    world.until("it is there", |world| at(world, "env/production") == at(world, "main"));
    until_state(&world, "branch", "success");
    world.until_quiet();
    let deployments = world.repo.deployments().len();
    world.push(&world.zoe, Push::to("main").file("README.md", "ordinary\n"));
    world.until("it follows", |world| at(world, "env/production") == at(world, "main"));
    world.until_quiet();
    assert_eq!(world.repo.deployments().len(), deployments, "an ordinary commit is no new generation");
    let pull = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until("it follows what another environment approved", |world| {
        at(world, "env/production") == at(world, "main")
    });
    world.until_quiet();
    let receipts = receipts(&world);
    assert!(
        !receipts.iter().any(|line| line.contains("drifted")),
        "what we moved ourselves is no drift: {receipts:#?}"
    );
    world.end();
}

/// Somebody moved it all the same: it is set back to what is approved, and no pull request is opened for what they put there.
async fn a_branch_that_was_moved_is_set_back() {
    let (world, _) = world(&[BRANCH]).await;
    let rule = guard(&world, "env/*");
    merged(&world, 2);
    let approved = world.repo.tip("main").unwrap();
    world.until("it is there", |world| world.repo.tip("env/production").as_ref() == Some(&approved));
    world.until_quiet();
    let pulls = world.api("/repos/acme/app/pulls?state=all").as_array().unwrap().len();
    world.sim.pause_deliveries();
    world.repo.drop_ruleset(rule).expect("the rule is taken away for a moment");
    let foreign = Push::to("env/production").file(super::PATH, Secrets::sealed("production", 9));
    world.push(&world.zoe, foreign);
    guard(&world, "env/*");
    world.sim.resume_deliveries();
    world.until("it is set back", |world| world.repo.tip("env/production").as_ref() == Some(&approved));
    until_state(&world, "branch", "success");
    world.until_quiet();
    assert_eq!(world.api("/repos/acme/app/pulls?state=all").as_array().unwrap().len(), pulls);
    let receipts = receipts(&world);
    assert!(receipts.iter().any(|line| line.contains("drifted") && line.contains("target-moved")), "{receipts:#?}");
    world.end();
}

#[test]
fn branch_targets() {
    at_once(&[
        ("unprotected", || Box::pin(an_unprotected_branch_is_no_target())),
        ("follows", || Box::pin(it_follows_the_source_as_long_as_all_of_it_is_approved())),
        ("moved", || Box::pin(a_branch_that_was_moved_is_set_back())),
    ]);
}
