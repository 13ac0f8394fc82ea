//! Changes that are refused whoever approves them.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use github_sim::Push;

use crate::harness::{POLICY, Secrets, Tree, World, a_second_later, at_once};

const PRODUCTION: &str = "secrets/production/db.yaml";
const PLAIN: &str = "db:\n  password: plain-canary-55\n";

/// Waits until a change is refused for a reason, and stays so when people approve it.
#[track_caller]
fn refused(world: &World, pull: u64, code: &str) {
    world.until_check(pull, "failure");
    world.until_comment(pull, &format!("`{code}`"));
    assert!(!world.comment(pull).contains("plain-canary"), "no value is shown");
    assert!(!world.merged(pull));
}

async fn files_that_are_not_sealed() {
    let world = World::new().await;
    let push = Push::to("plain").from("main").file("secrets/production/new.yaml", PLAIN);
    let plain = world.change_of("plain", push);
    refused(&world, plain, "plaintext");
    for user in [&world.ann, &world.bob] {
        world.approve(user, plain);
    }
    world.until_counted(plain, "production", &["ann", "bob"]);
    refused(&world, plain, "plaintext");
    // sealing it afterwards does not take it out of the history
    world.push(&world.rita, Push::to("plain").file("secrets/production/new.yaml", Secrets::sealed("production", 1)));
    refused(&world, plain, "plaintext-in-history");

    let push =
        Push::to("broken").from("main").file(PRODUCTION, "db: ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\n");
    let broken = world.change_of("broken", push);
    world.until_check(broken, "failure");
    world.end();
}

async fn things_that_are_no_files() {
    let world = World::new().await;
    let tree = Tree::clone(&world, &world.rita);
    let link = tree.path().join("secrets/production/link.yaml");
    symlink("../staging/db.yaml", &link).unwrap();
    tree.push("link");
    refused(&world, world.pull_of("link"), "not-a-file");

    tree.git(&["reset", "--quiet", "--hard", "origin/main"]);
    let file = tree.path().join(PRODUCTION);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    tree.push("executable");
    refused(&world, world.pull_of("executable"), "executable");

    tree.git(&["reset", "--quiet", "--hard", "origin/main"]);
    tree.write("secrets/production/DB.yaml", &Secrets::sealed("production", 1));
    tree.push("clash");
    refused(&world, world.pull_of("clash"), "path-clash");
    world.end();
}

async fn changes_of_control_and_secrets_at_once() {
    let world = World::new().await;
    let push = Push::to("both").from("main").file(PRODUCTION, Secrets::sealed("production", 2));
    let both = world.change_of(
        "both",
        push.file(".countersign/policy.yaml", POLICY.replace("required_approvals: 2", "required_approvals: 1")),
    );
    refused(&world, both, "split-this");
    let push = Push::to("stranger").from("main").file(PRODUCTION, Secrets::for_a_stranger("production"));
    let stranger = world.change_of("stranger", push);
    refused(&world, stranger, "recipients-differ");
    world.end();
}

async fn readers_nobody_knows() {
    let people =
        format!("{POLICY}people:\n  rita: {{email: rita@acme.example, recipients: [{}]}}\n", Secrets::recipient());
    let world = World::with(&people).await;
    let push = Push::to("known").from("main").file("secrets/staging/other.yaml", Secrets::sealed("staging", 1));
    let known = world.change_of("known", push);
    let push = Push::to("unknown").from("main").file("secrets/staging/new.yaml", Secrets::for_a_stranger("staging"));
    let unknown = world.change_of("unknown", push);
    refused(&world, unknown, "unknown-recipient");
    world.approve(&world.ann, known);
    world.until_merged(known);
    world.end();
}

#[test]
fn what_is_not_sealed_no_file_mixed_or_for_strangers_is_refused() {
    at_once(&[
        ("files that are not sealed", || Box::pin(files_that_are_not_sealed())),
        ("things that are no files", || Box::pin(things_that_are_no_files())),
        ("control and secrets at once", || Box::pin(changes_of_control_and_secrets_at_once())),
        ("readers nobody knows", || Box::pin(readers_nobody_knows())),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_change_needs_the_admins_and_governs_what_comes_after() {
    let world = World::new().await;
    world.push(&world.zoe, Push::to("main").file("config/app.yaml", Secrets::sealed("config", 1)));
    let wider = POLICY.replace("staging: {paths: [secrets/staging/]}", "staging: {paths: [secrets/staging/, config/]}");
    let pull = world.change_of("wider", Push::to("wider").from("main").file(".countersign/policy.yaml", &wider));
    world.until_comment(pull, "0 of 2 approvals for `control`");
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "bob", "not-an-approver");
    world.approve(&world.zoe, pull);
    world.until_counted(pull, "admins", &["zoe"]);
    assert!(!world.merged(pull));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `control`**");
    // what the new policy governs is a change request now
    let next = world
        .change_of("config", Push::to("config").from("main").file("config/app.yaml", Secrets::sealed("config", 2)));
    world.until_comment(next, "0 of 1 approval for `staging`");
    a_second_later();
    world.approve(&world.ann, next);
    world.until_merged(next);
    assert_eq!(world.on_main("config/app.yaml"), Some(Secrets::sealed("config", 2)));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_would_leave_no_valid_policy_is_refused() {
    let world = World::new().await;
    let policy = ".countersign/policy.yaml";
    let broken = world.change_of("broken", Push::to("broken").from("main").file(policy, "version: 1\npolicies: [7]\n"));
    refused(&world, broken, "policy-broken");
    for user in [&world.ann, &world.zoe] {
        world.approve(user, broken);
    }
    let gone = world.change_of("gone", Push::to("gone").from("main").delete(policy));
    refused(&world, gone, "policy-broken");
    world.until_counted(broken, "admins", &["ann", "zoe"]);
    refused(&world, broken, "policy-broken");
    assert_eq!(world.on_main(policy).as_deref(), Some(POLICY));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_push_blocks_every_merge_until_the_base_is_as_approved() {
    // left where it is: what is put back, `putback` tells
    let left = "{paths: [secrets/production/], direct_push: quarantine}";
    let world = World::with(&POLICY.replace("{paths: [secrets/production/]}", left)).await;
    let pull = world.by_rita("rita/staging", "staging");
    world.until_check(pull, "action_required");
    world.push(&world.zoe, Push::to("main").file(PRODUCTION, Secrets::sealed("production", 9)));
    refused(&world, pull, "base-uncovered");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "staging", &["ann"]);
    refused(&world, pull, "base-uncovered");
    world.push(&world.zoe, Push::to("main").file(PRODUCTION, Secrets::sealed("production", 1)));
    world.until_merged(pull);
    assert!(world.main_has("production", 1) && world.main_has("staging", 2));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_moved_in_the_same_file_makes_a_change_stale_and_elsewhere_does_not() {
    let world = World::new().await;
    let first = world.by_rita("first", "staging");
    let push = Push::to("second").from("main").file("secrets/staging/db.yaml", Secrets::sealed("staging", 3));
    let second = world.change_of("second", push);
    let push = Push::to("third").from("main").file("secrets/staging/other.yaml", Secrets::sealed("staging", 1));
    let third = world.change_of("third", push);
    world.approve(&world.ann, first);
    world.until_merged(first);
    world.until_comment(second, "`stale-base`");
    world.approve(&world.ann, second);
    world.approve(&world.ann, third);
    world.until_merged(third);
    world.until_counted(second, "staging", &["ann"]);
    refused(&world, second, "stale-base");
    let update = Push::to("second").from("main").file("secrets/staging/db.yaml", Secrets::sealed("staging", 3)).force();
    world.push(&world.rita, update);
    world.until_uncounted(second, "ann", "stale-approval");
    world.approve(&world.ann, second);
    world.until_merged(second);
    assert!(world.main_has("staging", 3));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_copied_from_another_environment_needs_those_who_approve_there_as_well() {
    let world = World::new().await;
    let first = world.by_rita("rita/db", "production");
    world.approve(&world.ann, first);
    world.approve(&world.bob, first);
    world.until_merged(first);
    // what production held before: nobody sees it on the branch any more, the ledger knows it was approved
    let old = Push::to("copied").from("main").file("secrets/staging/db.yaml", Secrets::sealed("production", 1));
    let copied = world.change_of("copied", old);
    world.until_comment(copied, "**sealed values copied into `secrets/staging/db.yaml`**");
    world.approve(&world.ann, copied);
    world.until_counted(copied, "staging", &["ann"]);
    world.until_counted(copied, "production", &["ann"]);
    assert_eq!(world.conclusion(copied), "action_required", "enough for staging, not for production");
    assert!(!world.merged(copied));
    world.approve(&world.bob, copied);
    world.until_merged(copied);
    world.end();
}
