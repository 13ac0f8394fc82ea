//! Merges by hand: covered only by what people have approved by now.

use countersign_core::ledger::{Entry, MergeMethod};
use github_sim::Push;
use serde_json::json;

use super::{PRODUCTION, STAGING, checked_out, held, put_backs, until_put_back};
use crate::harness::{Secrets, World, at_once};

/// How the merges in the ledger were made.
fn methods(world: &World) -> Vec<MergeMethod> {
    let ledger = world.ledger().rechecked(countersign_core::ledger::rerun);
    assert!(ledger.is_valid(), "{:#?}", ledger.problems());
    let merges = ledger.entries().iter().filter_map(|entry| match &entry.entry {
        Entry::Merge(merge) => Some(merge.method),
        Entry::Adopted(_)
        | Entry::Policy(_)
        | Entry::Key(_)
        | Entry::Push(_)
        | Entry::Vote(_)
        | Entry::Decision(_)
        | Entry::PutBack(_)
        | Entry::Bypass(_)
        | Entry::Ratification(_)
        | Entry::Revocation(_)
        | Entry::Sync(_) => None,
    });
    merges.collect()
}

/// A change that is approved while the server is not there, then merged by hand.
async fn merged_by_hand_when_approved() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/staging", "staging");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.kill();
    world.approve(&world.ann, pull);
    let commit = world.repo.merge(&world.zoe, pull).unwrap();
    world.start();
    world.until_comment(pull, "**Merged for `staging`**");
    assert_eq!(methods(&world), [MergeMethod::Foreign]);
    assert_eq!(world.merges()[0].1, commit);
    assert!(put_backs(&world).is_empty() && world.main_has("staging", 2));
    // what comes next starts from there
    let push = Push::to("next").from("main").file(STAGING, Secrets::sealed("staging", 3));
    let next = world.change_of("next", push);
    world.approve(&world.ann, next);
    world.until_merged(next);
    world.end();
}

async fn merged_by_hand_without_approval() {
    let world = World::new().await;
    let pull = world.by_rita("rita/production", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    let commit = world.repo.merge(&world.zoe, pull).unwrap();
    let waiting = until_put_back(&world, &commit);
    assert!(world.main_has("production", 1));
    assert!(methods(&world).is_empty());
    // who merged it asked for it, and who wrote it wrote it
    let entry = put_backs(&world).remove(0);
    assert_eq!(entry.sender.answer().unwrap().login.as_str(), "zoe");
    for user in [&world.ann, &world.bob] {
        world.approve(user, waiting);
    }
    world.until_merged(waiting);
    assert!(world.main_has("production", 2));
    world.until_quiet();
    world.no_violations();
}

async fn squashed_by_hand_when_approved() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/staging", "staging");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.kill();
    world.approve(&world.ann, pull);
    let path = format!("/repos/{}/pulls/{pull}/merge", world.repo.full_name());
    world.put(&world.zoe, &path, &json!({"merge_method": "squash"}));
    world.start();
    world.until_comment(pull, "**Merged for `staging`**");
    assert_eq!(methods(&world), [MergeMethod::Foreign]);
    assert!(world.main_has("staging", 2));
    world.end();
}

async fn pushed_to_main_under_the_name_of_a_request() {
    // the head of an approved request is pushed to main: GitHub calls it merged, and it is
    let mut world = World::new().await;
    let pull = world.by_rita("rita/staging", "staging");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.kill();
    world.approve(&world.ann, pull);
    let tree = checked_out(&world, &world.zoe);
    tree.git(&["push", "--quiet", "origin", "origin/rita/staging:main"]);
    world.start();
    world.until("it is settled", |world| world.main_has("staging", 2) && !methods(world).is_empty());
    world.end();
}

async fn merged_by_hand_with_more_than_was_approved() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/staging", "staging");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.kill();
    world.approve(&world.ann, pull);
    // an evil merge: the approved head, and something of one's own
    let tree = checked_out(&world, &world.zoe);
    tree.git(&["merge", "--quiet", "--no-ff", "--no-commit", "origin/rita/staging"]);
    tree.write(PRODUCTION, &Secrets::sealed("production", 6));
    tree.git(&["add", "--all"]);
    tree.git(&["commit", "--quiet", "--message", "Merge pull request #1"]);
    tree.git(&["push", "--quiet", "origin", "main"]);
    let pushed = tree.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.start();
    let waiting = world.pull_of(&held(&pushed));
    world.until("main is as approved", |world| world.main_has("production", 1) && world.main_has("staging", 1));
    assert!(methods(&world).is_empty());
    world.until_check(waiting, "action_required");
    world.until_quiet();
    world.no_violations();
}

#[test]
fn a_merge_by_hand_is_covered_only_by_approvals_that_stand_now() {
    at_once(&[
        ("merged by hand when approved", || Box::pin(merged_by_hand_when_approved())),
        ("merged by hand without approval", || Box::pin(merged_by_hand_without_approval())),
        ("squashed by hand when approved", || Box::pin(squashed_by_hand_when_approved())),
        ("pushed under the name of a request", || Box::pin(pushed_to_main_under_the_name_of_a_request())),
        ("with more than was approved", || Box::pin(merged_by_hand_with_more_than_was_approved())),
    ]);
}
