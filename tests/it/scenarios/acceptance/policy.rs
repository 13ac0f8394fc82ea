//! Policies that change while changes wait, and names that only look like the governed branch.

use github_sim::Push;

use super::PRODUCTION;
use crate::harness::{POLICY, Secrets, Tree, World};

#[tokio::test(flavor = "multi_thread")]
async fn r48_a_stricter_policy_reaches_every_change_that_waits() {
    let world = World::new().await;
    let waiting: Vec<u64> = (0..3)
        .map(|number| {
            let path = format!("secrets/staging/{number}.yaml");
            let branch = format!("rita/{number}");
            let push = Push::to(&branch).from("main").file(&path, Secrets::sealed("staging", 1));
            let pull = world.change_of(&branch, push);
            world.repo.set_draft(&world.rita, pull, true).unwrap();
            world.approve(&world.ann, pull);
            world.until_comment(pull, "a draft is not merged");
            pull
        })
        .collect();
    let stricter = POLICY.replace("users: [ann, rita]}\n", "users: [ann, rita, bob]}\n    required_approvals: 2\n");
    assert_ne!(stricter, POLICY);
    let control = world
        .change_of("zoe/stricter", Push::to("zoe/stricter").from("main").file(".countersign/policy.yaml", &stricter));
    world.approve(&world.zoe, control);
    world.approve(&world.ann, control);
    world.until_merged(control);
    for pull in &waiting {
        world.until_comment(*pull, "**1 of 2 approvals for `staging`**");
        world.repo.set_draft(&world.rita, *pull, false).unwrap();
    }
    world.until_quiet();
    assert!(waiting.iter().all(|pull| !world.merged(*pull)));
    world.repo.team_role(&world.security, Some(github_sim::Role::Write));
    world.approve(&world.bob, waiting[0]);
    world.until_merged(waiting[0]);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r44_a_tag_called_like_the_branch_governs_nothing() {
    let world = World::new().await;
    let tree = Tree::clone(&world, &world.rita);
    tree.write(".countersign/policy.yaml", &POLICY.replace("required_approvals: 2", "required_approvals: 1"));
    tree.git(&["commit", "--quiet", "--all", "--message", "Lax"]);
    tree.git(&["push", "--quiet", "origin", "HEAD:refs/tags/main"]);
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**1 of 2 approvals for `production`**");
    world.until_quiet();
    assert!(!world.merged(pull));
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_a_branch_that_takes_the_place_of_the_governed_one_gets_nothing_merged_unseen() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    let main = world.repo.tip("main").unwrap();
    world.repo.move_branch(&world.zoe, "trunk", &main).unwrap();
    world.repo.retarget(&world.zoe, pull, "trunk").unwrap();
    world.approve(&world.bob, pull);
    world.until_quiet();
    assert!(!world.merged(pull));
    assert_ne!(world.conclusion(pull), "success");
    assert_eq!(world.repo.file("trunk", PRODUCTION), Some(Secrets::sealed("production", 1).into_bytes()));
    world.no_violations();
}
