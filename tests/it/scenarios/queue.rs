//! Merge queues: a group is judged on its own head, for every change in it (R60, scenario 136).

use countersign_core::ledger::Entry;
use github_sim::{Fault, Push, Verdict};
use serde_json::Value;

use crate::harness::{POLICY, Secrets, World};

/// Nothing is merged by us: the queue is what people use here.
fn by_queue() -> String {
    POLICY.replace("/]}\n", "/], merge: manual}\n")
}

/// Conclusion and title of the check on a commit.
fn shown(world: &World, commit: &str) -> String {
    let checks = world.repo.checks(commit);
    let ours: Vec<_> = checks.iter().filter(|check| check["name"] == "countersign").collect();
    assert!(ours.len() <= 1, "one check: {ours:#?}");
    let word = |check: &serde_json::Value| check["conclusion"].as_str().unwrap_or("open").to_owned();
    ours.first()
        .map(|check| format!("{} {}", word(check), check["output"]["title"].as_str().unwrap_or_default()))
        .unwrap_or_default()
}

#[track_caller]
fn until_shown(world: &World, commit: &str, text: &str) {
    world.until(&format!("{text}; it is {}", shown(world, commit)), |world| shown(world, commit) == text);
}

#[tokio::test(flavor = "multi_thread")]
async fn r60_a_group_is_green_only_when_every_change_in_it_is_approved_and_lands_as_approved() {
    let world = World::with(&by_queue()).await;
    let production = world.by_rita("rita/production", "production");
    let staging = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, production);
    world.approve(&world.bob, production);
    world.until_comment(production, "merged when somebody asks for it");

    let group = world.repo.queue(&world.zoe, &[production, staging]).unwrap();
    let head = world.repo.tip(&group).unwrap();
    until_shown(&world, &head, &format!("failure Refused: #{staging} may not be merged"));
    world.approve(&world.ann, staging);
    until_shown(&world, &head, &format!("success Approved: #{production}, #{staging}"));
    // a veto that comes while it waits
    let veto = world.repo.review(&world.cy, production, Verdict::RequestChanges, None).unwrap();
    until_shown(&world, &head, &format!("failure Refused: #{production} may not be merged"));
    world.repo.dismiss(&world.cy, production, veto).unwrap();
    until_shown(&world, &head, &format!("success Approved: #{production}, #{staging}"));

    world.repo.land(&world.zoe, &group, &[production, staging]).unwrap();
    for pull in [production, staging] {
        world.until_comment(pull, "**Merged for ");
    }
    assert!(world.main_has("production", 2) && world.main_has("staging", 2));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r60_a_group_that_holds_more_than_its_changes_is_refused_and_one_without_secrets_is_not() {
    let world = World::with(&by_queue()).await;
    let pull = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "merged when somebody asks for it");
    let group = world.repo.queue(&world.zoe, &[pull]).unwrap();
    let head = world.repo.tip(&group).unwrap();
    until_shown(&world, &head, &format!("success Approved: #{pull}"));
    // somebody writes into the group
    let more = Push::to(&group).file("secrets/production/db.yaml", Secrets::sealed("production", 2));
    let head = world.push(&world.zoe, more);
    until_shown(&world, &head, "failure Refused: the group holds protected content of no open pull request");

    world.push(&world.rita, Push::to("rita/readme").from("main").file("README.md", "# other\n"));
    let words = world.repo.open_pull(&world.rita, "Words", "rita/readme", "main").unwrap();
    world.until_check(words, "success");
    let group = world.repo.queue(&world.zoe, &[words]).unwrap();
    let head = world.repo.tip(&group).unwrap();
    until_shown(&world, &head, "success nothing protected changes");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r60_a_group_that_landed_before_its_requests_are_called_merged_is_not_put_back() {
    let world = World::with(&by_queue()).await;
    let pull = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "merged when somebody asks for it");
    let group = world.repo.queue(&world.zoe, &[pull]).unwrap();
    let head = world.repo.tip(&group).unwrap();
    until_shown(&world, &head, &format!("success Approved: #{pull}"));
    world.until_quiet();
    // the first two looks come too early
    let early = |answer: &mut Value| {
        for request in answer.as_array_mut().into_iter().flatten() {
            (request["state"], request["merged_at"]) = ("open".into(), Value::Null);
        }
    };
    world.sim.fault(Fault::operation("repos/list-pull-requests-associated-with-commit").times(2).alter(early));
    world.repo.land(&world.zoe, &group, &[pull]).unwrap();
    world.until_comment(pull, "**Merged for ");
    assert_eq!(world.sim.faults_left(), 0, "both looks were taken");
    assert!(world.main_has("staging", 2));
    assert!(world.ledger().entries().iter().all(|entry| !matches!(entry.entry, Entry::PutBack(_))));
    world.end();
}
