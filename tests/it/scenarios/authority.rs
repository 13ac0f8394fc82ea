//! Who may approve at this moment, and who may end a veto.

use github_sim::{DeliveryFault, Membership, Push, Role, Verdict};

use crate::harness::{Secrets, World};

#[tokio::test(flavor = "multi_thread")]
async fn only_writers_whom_the_policy_names_are_counted() {
    let policy = crate::harness::POLICY.replace("users: [ann], teams", "users: [ann, eva], teams");
    let mut world = World::without_server(&policy).await;
    let [dee, eva, max, kid] = ["dee", "eva", "max", "kid"].map(|name| world.sim.user(name));
    for (user, role) in [(&dee, Role::Write), (&eva, Role::Read), (&max, Role::Write), (&kid, Role::Write)] {
        world.repo.role(user, Some(role));
    }
    world.security.member(&dee, Membership::Pending);
    world.acme.team("night").below(&world.security).member(&kid, Membership::Active);
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let pull = world.by_rita("rita/db", "production");
    for user in [&dee, &eva, &max] {
        world.approve(user, pull);
    }
    world.until_uncounted(pull, "dee", "not-an-approver");
    world.until_uncounted(pull, "eva", "no-write-permission");
    world.until_uncounted(pull, "max", "not-an-approver");
    assert_eq!(world.counted(pull, "production"), [""; 0]);
    // members of a child team are members, as GitHub has it
    world.approve(&kid, pull);
    world.until_counted(pull, "production", &["kid"]);
    // the pending member accepts
    world.security.member(&dee, Membership::Active);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_left_the_team_between_vote_and_merge_is_not_counted() {
    let world = World::new().await;
    world.repo.role(&world.bob, Some(Role::Write));
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    world.sim.delivery_fault(DeliveryFault::drop("membership").times(9));
    world.security.remove(&world.bob);
    world.approve(&world.ann, pull);
    world.until_uncounted(pull, "bob", "not-an-approver");
    world.until_counted(pull, "production", &["ann"]);
    assert!(!world.merged(pull));
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_veto_is_ended_by_its_author_or_an_admin_and_an_approval_by_whoever_may_dismiss() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let veto = world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.repo.dismiss(&world.rita, pull, veto).unwrap();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["ann", "bob"]);
    world.until_comment(pull, "`rejected`");
    assert!(!world.merged(pull) && world.conclusion(pull) == "failure");

    let path = "secrets/production/other.yaml";
    let push = Push::to("rita/other").from("main").file(path, Secrets::sealed("production", 1));
    let other = world.change_of("rita/other", push);
    let veto = world.repo.review(&world.cy, other, Verdict::RequestChanges, None).unwrap();
    let vote = world.repo.review(&world.ann, other, Verdict::Approve, None).unwrap();
    world.until_check(other, "failure");
    world.repo.dismiss(&world.zoe, other, veto).unwrap();
    world.until_check(other, "action_required");
    world.until_counted(other, "production", &["ann"]);
    world.repo.dismiss(&world.rita, other, vote).unwrap();
    world.until_uncounted(other, "ann", "dismissed");
    world.approve(&world.bob, other);
    world.until_counted(other, "production", &["bob"]);
    world.approve(&world.cy, other);
    world.until_merged(other);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_now_belongs_to_somebody_else_counts_for_nobody() {
    let mut world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let mut ann = world.ann.clone();
    world.sim.rename_user(&mut ann, "anna");
    let stranger = world.sim.user("ann");
    world.repo.role(&stranger, Some(Role::Write));
    world.approve(&stranger, pull);
    world.until_uncounted(pull, "ann", "identity-changed");
    world.ann = ann;
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "anna", "identity-changed");
    world.until_counted(pull, "production", &["bob"]);
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
}
