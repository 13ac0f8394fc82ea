//! Drafts, bases, adopted and closed pull requests, changes of several environments or of none.

use github_sim::Push;

use crate::harness::{Secrets, World};

const PRODUCTION: &str = "secrets/production/db.yaml";
const STAGING: &str = "secrets/staging/db.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_two_environments_waits_for_both_and_a_draft_for_being_ready() {
    let world = World::new().await;
    let push = Push::to("rita/both").from("main");
    let push = push.file(PRODUCTION, Secrets::sealed("production", 2)).file(STAGING, Secrets::sealed("staging", 2));
    let pull = world.change_of("rita/both", push);
    world.until_comment(pull, "0 of 2 approvals for `production`");
    world.until_comment(pull, "0 of 1 approval for `staging`");
    world.repo.set_draft(&world.rita, pull, true).unwrap();
    world.approve(&world.bob, pull);
    world.approve(&world.cy, pull);
    world.until_counted(pull, "production", &["bob", "cy"]);
    assert!(!world.merged(pull));
    world.approve(&world.ann, pull);
    world.until_comment(pull, "a draft is not merged");
    assert!(!world.merged(pull));
    world.repo.set_draft(&world.rita, pull, false).unwrap();
    world.until_merged(pull);
    assert!(world.main_has("production", 2) && world.main_has("staging", 2));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_for_one_base_says_nothing_about_another() {
    let policy = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  trial: {paths: [secrets/production/], branch: dev}
policies:
  - {name: production, environments: [production], approvers: {users: [ann, bob, cy]}, required_approvals: 2}
  - {name: trial, environments: [trial], approvers: {users: [ann, bob, cy]}, required_approvals: 2}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";
    let mut world = World::without_server(policy).await;
    let main = world.repo.tip("main").unwrap();
    world.repo.move_branch(&world.zoe, "dev", &main).unwrap();
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    world.push(&world.rita, Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 2)));
    world.until("a pull request for each base", |world| world.repo.pull_json(2)["state"] == "open");
    let base = |number: u64| world.repo.pull_json(number)["base"]["ref"].clone();
    let (trial, twin) = if base(1) == "dev" { (1, 2) } else { (2, 1) };
    assert_eq!((base(trial), base(twin)), ("dev".into(), "main".into()));
    world.repo.set_open(&world.rita, twin, false).unwrap();
    world.approve(&world.ann, trial);
    world.until_counted(trial, "trial", &["ann"]);
    world.repo.retarget(&world.rita, trial, "main").unwrap();
    world.until_uncounted(trial, "ann", "other-base");
    world.approve(&world.bob, trial);
    world.until_counted(trial, "production", &["bob"]);
    assert!(!world.merged(trial));
    world.approve(&world.cy, trial);
    world.until_merged(trial);
    assert!(world.main_has("production", 2));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_own_pull_request_is_adopted_and_what_a_person_closed_stays_closed() {
    let world = World::new().await;
    world.sim.pause_deliveries();
    world.push(&world.rita, Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 2)));
    let pull = world.repo.open_pull(&world.rita, "My own words", "rita/db", "main").unwrap();
    world.sim.resume_deliveries();
    world.until_check(pull, "action_required");
    world.until_comment(pull, "**0 of 2");
    assert_eq!(world.repo.pull_json(pull)["title"], "My own words");

    world.repo.set_open(&world.rita, pull, false).unwrap();
    world.until_quiet();
    assert_eq!(world.repo.pull_json(pull)["state"], "closed");
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    let again = world.pull_of("rita/db");
    world.until_check(again, "action_required");
    world.approve(&world.ann, again);
    world.approve(&world.bob, again);
    world.until_merged(again);
    assert!(world.main_has("production", 3));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_touches_nothing_protected_is_green_and_left_alone() {
    let world = World::new().await;
    world.push(&world.rita, Push::to("rita/readme").from("main").file("README.md", "# other\n"));
    let pull = world.repo.open_pull(&world.rita, "Words", "rita/readme", "main").unwrap();
    world.until_check(pull, "success");
    world.approve(&world.ann, pull);
    world.until_quiet();
    assert!(!world.merged(pull));
    assert_eq!(world.comment(pull), "");
    assert!(world.repo.pull_json(2).is_null(), "nobody opened another one");
    // the branch begins to touch a protected file
    world.push(&world.rita, Push::to("rita/readme").file(STAGING, Secrets::sealed("staging", 2)));
    world.until_check(pull, "action_required");
    world.until_uncounted(pull, "ann", "stale-approval");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}
