//! What somebody would try who wants a change merged that the policy does not allow.

use github_sim::{DeliveryFault, Fault, Push, Verdict};

use crate::harness::{POLICY, Secrets, World, a_second_later};

/// Half of the time a sweep takes to come is not waited for: two quiet spells are.
fn let_it_settle(world: &World) {
    world.until_quiet();
    world.until_quiet();
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_approvals_given_while_the_change_aimed_at_a_branch_nobody_governs_do_not_count_for_one_that_is() {
    let world = World::new().await;
    world.push(&world.zoe, Push::to("dev").from("main").file("notes.md", "x\n"));
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    world.repo.retarget(&world.rita, pull, "dev").unwrap();
    let_it_settle(&world);
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    let_it_settle(&world);
    world.repo.retarget(&world.rita, pull, "main").unwrap();
    world.until_comment(pull, "`other-base`");
    let_it_settle(&world);
    assert!(!world.merged(pull));
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until("it is merged", |world| world.merged(pull));
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_an_approval_by_comment_while_the_change_aimed_at_a_branch_nobody_governs_does_not_count() {
    let world = World::new().await;
    world.push(&world.zoe, Push::to("dev").from("main").file("notes.md", "x\n"));
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    world.repo.retarget(&world.rita, pull, "dev").unwrap();
    let_it_settle(&world);
    let approve = format!("/countersign approve {}", world.repo.pull_json(pull)["head"]["sha"].as_str().unwrap());
    for who in [&world.ann, &world.bob] {
        world.repo.comment(who, pull, &approve).unwrap();
    }
    let_it_settle(&world);
    a_second_later();
    world.repo.retarget(&world.rita, pull, "main").unwrap();
    world.until_comment(pull, "`other-base`");
    let_it_settle(&world);
    assert!(!world.merged(pull));
    a_second_later();
    for who in [&world.ann, &world.bob] {
        world.repo.comment(who, pull, &approve).unwrap();
    }
    world.until("it is merged", |world| world.merged(pull));
}

#[tokio::test(flavor = "multi_thread")]
async fn r50_a_veto_given_while_the_last_approval_is_looked_at_is_seen_before_the_merge() {
    let world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**1 of 2");
    world.until_quiet();
    let (repo, cy) = (world.repo.clone(), world.cy.clone());
    world.sim.fault(Fault::operation("teams/get-membership-for-user-in-org").times(1).then(move |_| {
        let _ = repo.review(&cy, pull, Verdict::RequestChanges, None);
    }));
    world.approve(&world.bob, pull);
    world.until_check(pull, "failure");
    let_it_settle(&world);
    assert!(!world.merged(pull));
    assert_eq!(world.conclusion(pull), "failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_closed_while_it_is_looked_at_is_not_merged() {
    let world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**1 of 2");
    world.until_quiet();
    let (repo, rita) = (world.repo.clone(), world.rita.clone());
    world.sim.fault(Fault::operation("teams/get-membership-for-user-in-org").times(1).then(move |_| {
        let _ = repo.set_open(&rita, pull, false);
    }));
    world.approve(&world.bob, pull);
    let_it_settle(&world);
    assert_eq!(
        world.repo.file("main", "secrets/production/db.yaml").as_deref(),
        Some(Secrets::sealed("production", 1).as_bytes())
    );
    assert!(!world.merged(pull));
}

#[tokio::test(flavor = "multi_thread")]
async fn r32_somebody_whose_push_was_not_delivered_is_found_by_the_gap_it_leaves() {
    let world = World::new().await;
    world.until_quiet(); // the ledger's own push must not be the one that is lost
    world.sim.delivery_fault(DeliveryFault::drop("push").times(1));
    let bob = format!("{}+bob@users.noreply.github.com", world.bob.id);
    let path = "secrets/production/db.yaml";
    let first = Push::to("x").from("main").file(path, Secrets::sealed("production", 2)).author("bob", &bob);
    world.push(&world.ann, first);
    world.push(&world.bob, Push::to("x").file("secrets/production/README.md", "rotated\n"));
    let pull = world.pull_of("x");
    world.approve(&world.ann, pull);
    // hers was the first push: the change is hers
    world.until_comment(pull, "**ann** asked for this change (`requester`)");
    world.approve(&world.cy, pull);
    // nobody is left: bob and ann made it
    world.until_comment(pull, "`unreachable`");
    let_it_settle(&world);
    assert!(!world.merged(pull));
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_dismissed_veto_of_somebody_without_a_say_does_not_hold_the_change_for_ever() {
    let world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    let veto = world.repo.review(&world.zoe, pull, Verdict::RequestChanges, None).unwrap();
    let_it_settle(&world);
    world.repo.dismiss(&world.rita, pull, veto).unwrap();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until("it is merged", |world| world.merged(pull));
}

#[tokio::test(flavor = "multi_thread")]
async fn r41_renaming_a_team_does_not_lift_the_veto_of_its_member() {
    let policy = POLICY.replace("users: [ann], teams", "users: [ann, zoe], teams");
    let mut world = World::with(&policy).await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.security.rename("sec");
    a_second_later();
    world.approve(&world.ann, pull);
    world.approve(&world.zoe, pull);
    let_it_settle(&world);
    assert!(!world.merged(pull));
    assert_ne!(world.conclusion(pull), "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn r29_another_change_with_the_same_head_does_not_turn_the_check_green() {
    let policy = POLICY
        .replace(
            "  staging: {paths: [secrets/staging/]}",
            "  staging: {paths: [secrets/staging/], branch: staging}\n  tools: {paths: [secrets/tools/]}",
        )
        .replace("environments: [staging]", "environments: [staging, tools]");
    let mut world = World::without_server(&policy).await;
    world.push(&world.zoe, Push::to("staging").from("main").file("notes.md", "x\n"));
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    let other = world.repo.open_pull(&world.rita, "Only for staging", "rita/db", "staging").unwrap();
    let_it_settle(&world);
    assert_eq!(world.conclusion(other), "action_required");
    assert_eq!(world.conclusion(pull), "action_required");
    world.no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_settings_of_its_own_do_not_let_a_document_hold_a_value_in_plain() {
    let world = World::new().await;
    let text = Secrets::sealed("production", 2);
    let bare = text
        .lines()
        .map(|line| match line.trim_start().starts_with("password:") {
            true => format!("{}password: hunter2", &line[..line.len() - line.trim_start().len()]),
            false => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
        .replace("unencrypted_suffix: _unencrypted", "unencrypted_regex: ^password$");
    assert!(bare.contains("unencrypted_regex") && bare.contains("hunter2"), "{bare}");
    world.push(&world.rita, Push::to("rita/db").from("main").file("secrets/production/db.yaml", bare + "\n"));
    let pull = world.pull_of("rita/db");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_comment(pull, "`exposed-key`");
    let_it_settle(&world);
    assert!(!world.merged(pull));
    assert!(!world.comment(pull).contains("hunter2"));
}
