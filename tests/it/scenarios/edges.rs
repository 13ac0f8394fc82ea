//! Forks, deleted accounts, long lists, renamed repositories, a merge by hand, a new webhook secret.

use github_sim::{Push, Role, Verdict};

use crate::harness::{Secrets, WEBHOOK_SECRET, World, at_once};

const STAGING: &str = "secrets/staging/db.yaml";

async fn a_pull_request_from_a_fork() {
    let world = World::new().await;
    let stranger = world.sim.user("sam");
    world.repo.role(&stranger, Some(Role::Read));
    let fork = world.repo.fork(&stranger).unwrap();
    fork.role(&stranger, Some(Role::Admin));
    fork.push(&stranger, Push::to("mine").from("main").file(STAGING, Secrets::sealed("staging", 2))).unwrap();
    let pull = world.repo.open_pull(&stranger, "From outside", "sam:mine", "main").unwrap();
    world.until_check(pull, "action_required");
    // nobody tells who pushed to a fork: one more seat
    world.until_comment(pull, "**0 of 2 approvals for `staging`**");
    // by somebody without write: nobody is asked for anything before somebody with write says so
    world.until_comment(pull, "comments \\`/countersign recheck\\`");
    world.until_quiet();
    let asked = |world: &World| world.repo.pull_json(pull)["requested_reviewers"].as_array().map_or(0, Vec::len);
    assert_eq!(asked(&world), 0);
    world.repo.comment(&world.rita, pull, "/countersign recheck").unwrap();
    world.until("they are asked once somebody with write says so", |world| asked(world) > 0);
    world.until_quiet();
    assert!(!world.comment(pull).contains("comments \\`/countersign recheck\\`"), "{}", world.comment(pull));
    world.approve(&world.ann, pull);
    world.until_counted(pull, "staging", &["ann"]);
    assert!(!world.merged(pull));
    world.approve(&world.rita, pull);
    world.until_merged(pull);
    assert!(world.main_has("staging", 2));
    world.end();
}

async fn an_approver_whose_account_is_gone() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.sim.delete_user(&world.ann);
    world.approve(&world.bob, pull);
    world.until_comment(pull, "(`deleted-account`)");
    world.until_counted(pull, "production", &["bob"]);
    assert!(!world.merged(pull));
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
}

async fn a_veto_behind_a_hundred_remarks() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.sim.pause_deliveries();
    for _ in 0..137 {
        world.repo.review(&world.rita, pull, Verdict::Comment, None).unwrap();
    }
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.sim.resume_deliveries();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["ann", "bob"]);
    world.until_check(pull, "failure");
    world.until_quiet();
    assert!(!world.merged(pull));
    world.end();
}

async fn a_repository_that_gets_another_name() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_check(pull, "action_required");
    world.repo.role(&world.zoe, Some(Role::Admin));
    world.repo.rename(&world.zoe, "application").unwrap();
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    let push = Push::to("next").from("main").file(STAGING, Secrets::sealed("staging", 3));
    let next = world.change_of("next", push);
    world.approve(&world.ann, next);
    world.until_merged(next);
    world.end();
}

async fn a_merge_by_hand() {
    let world = World::new().await;
    let first = world.by_rita("first", "staging");
    let second = world.by_rita("second", "production");
    world.until_check(first, "action_required");
    world.until_check(second, "action_required");
    let approved = world.repo.file("main", STAGING);
    world.repo.merge(&world.zoe, first).unwrap();
    world.until("what nobody approved is put back", |world| world.repo.file("main", STAGING) == approved);
    world.approve(&world.ann, second);
    world.approve(&world.bob, second);
    world.until_merged(second);
    world.until_quiet();
    assert_eq!(world.merges().len(), 1, "nobody approved the first one, and the ledger says so");
    assert_eq!(world.repo.file("main", STAGING), approved);
    world.no_violations();
}

async fn another_webhook_secret() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.kill();
    world.set("COUNTERSIGN_WEBHOOK_SECRET", &format!("the-next-one-nobody-guesses {WEBHOOK_SECRET}"));
    world.start();
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.kill();
    world.set("COUNTERSIGN_WEBHOOK_SECRET", "the-next-one-nobody-guesses");
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "1s");
    world.start();
    // GitHub still signs with the old one: refused, and healed by the sweep
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until("the refusal is told", |world| world.log().contains("delivery refused"));
    world.no_violations();
}

#[test]
fn forks_ghosts_long_lists_new_names_and_merges_by_hand_change_no_rule() {
    at_once(&[
        ("a pull request from a fork", || Box::pin(a_pull_request_from_a_fork())),
        ("an approver whose account is gone", || Box::pin(an_approver_whose_account_is_gone())),
        ("a veto behind a hundred remarks", || Box::pin(a_veto_behind_a_hundred_remarks())),
    ]);
    at_once(&[
        ("a repository that gets another name", || Box::pin(a_repository_that_gets_another_name())),
        ("a merge by hand", || Box::pin(a_merge_by_hand())),
        ("another webhook secret", || Box::pin(another_webhook_secret())),
    ]);
}
