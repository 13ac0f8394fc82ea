//! An App that lacks a permission: what it says, that nothing is lost, and that it heals when the permission is granted.

use std::time::Duration;

use github_sim::{Level, Push};

use crate::harness::{Secrets, World, at_once};

/// Takes a permission away from a running server's App, or leaves it less of it.
async fn with_only(permission: &str, level: Option<Level>) -> World {
    let world = World::new().await;
    world.until_quiet();
    world.installation.set_permission(permission, level);
    world
}

/// Grants it, after so long that the server tries a new token, and has somebody move the pull request.
fn grant(world: &World, permission: &str, level: Level, pull: u64) {
    std::thread::sleep(Duration::from_secs(12)); // a token that was forbidden something is kept for ten seconds at least
    world.installation.set_permission(permission, Some(level));
    world.repo.comment(&world.rita, pull, "granted").unwrap();
}

async fn members_cannot_be_read() {
    let world = with_only("members", None).await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "bob", "membership-unknown");
    world.until_comment(pull, "GitHub did not say whether somebody may approve");
    world.until_check(pull, "in_progress");
    assert!(!world.merged(pull));
    grant(&world, "members", Level::Read, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    world.end();
}

async fn checks_cannot_be_written() {
    let world = with_only("checks", None).await;
    let pull = world.by_rita("rita/db", "production");
    world.until_comment(pull, "**0 of 2 approvals");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    assert!(world.check(pull).is_none());
    world.until("the log names the permission", |world| world.log().contains("checks=write"));
    grant(&world, "checks", Level::Write, pull);
    world.until_check(pull, "action_required");
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}

async fn checks_cannot_be_written_and_it_is_approved() {
    let world = with_only("checks", None).await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_comment(pull, "**0 of 1 approval");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `staging`**");
    assert!(world.main_has("staging", 2) && world.check(pull).is_none());
}

async fn pull_requests_cannot_be_written() {
    let world = with_only("pull_requests", Some(Level::Read)).await;
    world.push(
        &world.rita,
        Push::to("rita/db").from("main").file("secrets/staging/db.yaml", Secrets::sealed("staging", 2)),
    );
    world.until("the log names the permission", |world| world.log().contains("pull_requests=write"));
    assert!(world.repo.pull_json(1).is_null());
    std::thread::sleep(Duration::from_secs(12)); // as in `grant`
    world.installation.set_permission("pull_requests", Some(Level::Write));
    world.push(&world.zoe, Push::to("main").file("README.md", "granted\n"));
    let pull = world.pull_of("rita/db");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}

#[test]
fn a_missing_permission_is_named_loses_nothing_and_heals_when_it_is_granted() {
    at_once(&[
        ("members cannot be read", || Box::pin(members_cannot_be_read())),
        ("checks cannot be written", || Box::pin(checks_cannot_be_written())),
        ("checks cannot be written, approved", || Box::pin(checks_cannot_be_written_and_it_is_approved())),
        ("pull requests cannot be written", || Box::pin(pull_requests_cannot_be_written())),
    ]);
}
