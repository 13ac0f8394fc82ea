//! Changes that wait to be asked for (`merge: manual`), and approvals that hold for what is changed (`binding: change`).

use github_sim::Push;

use crate::harness::{POLICY, Secrets, World};

const STAGING: &str = "secrets/staging/db.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_waits_to_be_asked_for_is_green_and_a_merge_by_hand_is_covered() {
    let policy = POLICY.replace("[secrets/staging/]}", "[secrets/staging/], merge: manual}");
    let world = World::with(&policy).await;
    let pull = world.by_rita("rita/db", "staging");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**Approved for `staging`** · merged when somebody asks for it");
    world.until_comment(pull, "/countersign merge");
    world.until_check(pull, "success");
    world.until_quiet();
    assert!(!world.merged(pull));
    // another environment does not wait
    let other = world.by_rita("rita/other", "production");
    world.approve(&world.ann, other);
    world.approve(&world.bob, other);
    world.until_merged(other);
    world.repo.merge(&world.zoe, pull).unwrap();
    world.until_comment(pull, "**Merged for `staging`**");
    assert!(world.main_has("staging", 2));
    world.end();
}

/// The line of one key, as it stands in a sealed document.
fn line<'a>(text: &'a str, key: &str) -> &'a str {
    text.lines().find(|line| line.trim_start().starts_with(&format!("{key}: ENC["))).expect("a sealed key")
}

#[tokio::test(flavor = "multi_thread")]
async fn under_change_two_people_change_different_keys_of_one_file_and_keep_their_approvals() {
    let world = World::with(
        "\
version: 1
environments:
  staging: {paths: [secrets/staging/], binding: change}
policies:
  - {name: staging, environments: [staging], approvers: {users: [ann, bob]}, required_approvals: 2}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
",
    )
    .await;
    let first = Secrets::sealed("staging", 1);
    let (password, user) = (Secrets::sealed("staging", 2), Secrets::changed(&first, "db.user", "other"));
    let kept = world.change_of("rita/password", Push::to("rita/password").from("main").file(STAGING, &password));
    world.approve(&world.ann, kept);
    world.until_counted(kept, "staging", &["ann"]);
    let pull = world.change_of("zoe/user", Push::to("zoe/user").from("main").file(STAGING, &user));
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_comment(kept, "`stale-base`");

    // both values in one file, each with the very token that was approved
    let both = user.replace(line(&user, "password"), line(&password, "password"));
    let rebased = |text: &str| Push::to("rita/password").from("main").file(STAGING, text).message("On top").force();
    let head = world.push(&world.rita, rebased(&both));
    world.until("the head is judged", |world| world.comment(kept).contains(&head));
    world.until_counted(kept, "staging", &["ann"]);
    // the same value sealed anew is another change
    let again = Secrets::changed(&user, "db.password", "another");
    let head = world.push(&world.rita, rebased(&again));
    world.until("the head is judged", |world| world.comment(kept).contains(&head));
    world.until_uncounted(kept, "ann", "stale-approval");
    world.push(&world.rita, rebased(&both).message("Back"));
    world.until_counted(kept, "staging", &["ann"]);
    world.approve(&world.bob, kept);
    world.until_merged(kept);
    assert_eq!(world.on_main(STAGING).as_deref(), Some(both.as_str()));
    world.end();
}
