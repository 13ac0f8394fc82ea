//! Values reach a GitHub environment in sealed boxes, under names that are ours, and can never be read back.

use github_sim::{Level, Push};
use jiff::SignedDuration;

use super::{policy, until_state};
use crate::harness::{CANARY, Secrets, World, at_once};

const APP: &str = "secrets/production/app.yaml";

/// A world whose policy names a GitHub environment, with values for it on main; the server was not started.
async fn with_environment(more: &str, keys: &str) -> World {
    let target = format!(
        "{{name: actions, run_in: server, github_environment: {{environment: production, keys: {keys}}}{more}}}"
    );
    let world = World::without_server(&policy(&[&target])).await;
    world.installation.set_permission("environments", Some(Level::Write));
    world.give_identities(&["production"]);
    world.push(&world.zoe, Push::to("main").file(APP, sealed(1)));
    world
}

fn sealed(version: u32) -> String {
    Secrets::of(&format!("APP_TOKEN: {CANARY}-{version}\nAPP_USER: app\n"))
}

/// A change of the token, approved and merged.
fn merged(world: &World, version: u32) -> u64 {
    let branch = format!("rita/t{version}");
    let main = world.on_main(APP).expect("it is there");
    let text = Secrets::set_in(&main, "APP_TOKEN", &format!("{CANARY}-{version}"));
    let pull = world.change_of(&branch, Push::to(&branch).from("main").file(APP, text));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    pull
}

/// Names and values that a job would see.
fn values(world: &World) -> Vec<(String, String)> {
    world.repo.secrets("production").into_iter().map(|(name, (value, _))| (name, value)).collect()
}

fn token(version: u32) -> String {
    format!("{CANARY}-{version}")
}

fn all(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().copied().map(own).collect()
}

/// Only what changed is written; what somebody else keeps there stays; nothing of it is written down here.
async fn secrets_arrive_beside_those_of_others() {
    let mut world = with_environment("", "['APP_*']").await;
    world.set("COUNTERSIGN_LOG", "trace");
    world.repo.set_secret("production", "OTHER", Some("stays"));
    world.start();
    until_state(&world, "actions", "success");
    assert_eq!(values(&world), all(&[("APP_TOKEN", &token(1)), ("APP_USER", "app"), ("OTHER", "stays")]));
    let user = world.repo.secrets("production")["APP_USER"].clone();
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/actions` | delivered |");
    assert_eq!(values(&world), all(&[("APP_TOKEN", &token(2)), ("APP_USER", "app"), ("OTHER", "stays")]));
    assert_eq!(world.repo.secrets("production")["APP_USER"], user, "what has its value is not written again");
    world.end();
    let shown = format!("{} {:?} {:?}", world.log(), world.repo.comments(pull), world.repo.deployments());
    assert!(shown.contains("production/actions") && !shown.contains(CANARY));
}

/// A name that is there already is nobody's to take, until it is gone.
async fn names_of_others_are_not_taken() {
    let mut world = with_environment("", "['APP_*']").await;
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    world.repo.set_secret("production", "APP_USER", Some("somebody else's"));
    world.start();
    until_state(&world, "actions", "error");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/actions` | **blocked** · `target-keys-not-ours`");
    assert_eq!(values(&world), all(&[("APP_USER", "somebody else's")]));
    world.repo.set_secret("production", "APP_USER", None);
    world.until_comment(pull, "| `production/actions` | delivered |");
    assert_eq!(values(&world), all(&[("APP_TOKEN", &token(2)), ("APP_USER", "app")]));
    world.no_violations();
}

/// The key of the environment is replaced between asking for it and writing: it is asked for again.
async fn a_key_that_is_replaced_is_asked_for_again() {
    let mut world = with_environment("", "['APP_*']").await;
    world.repo.rotate_key_once_read("production");
    world.start();
    until_state(&world, "actions", "success");
    assert_eq!(values(&world), all(&[("APP_TOKEN", &token(1)), ("APP_USER", "app")]));
    world.until_quiet();
}

/// Written by somebody else since: it cannot be read, so that is all there is to see; it is said, or set back.
async fn what_is_written_by_others_is_told_or_set_back(more: &str, reapply: bool) {
    let mut world = with_environment(more, "['APP_*']").await;
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    world.start();
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/actions` | delivered |");
    world.sim.advance(SignedDuration::from_secs(5));
    world.repo.set_secret("production", "APP_TOKEN", Some("by hand"));
    if !reapply {
        world.until_comment(pull, "`target-differs`");
        assert_eq!(values(&world)[0].1, "by hand");
        world.repo.comment(&world.rita, pull, "/cs sync actions").expect("a comment");
    }
    world.until("it is set back", |world| values(world)[0].1 == token(2));
    world.until_comment(pull, "| `production/actions` | delivered |");
    world.no_violations();
}

/// Keys that can be no names of secrets, and an App without the permission: said, and nothing is written.
async fn what_cannot_be_written_is_said() {
    let mut world = with_environment("", "['**']").await;
    world.start();
    until_state(&world, "actions", "error");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/actions` | **blocked** · `target-key-name`");
    assert_eq!(values(&world), Vec::new());
    let mut world = with_environment("", "['APP_*']").await;
    world.installation.set_permission("environments", None);
    world.start();
    until_state(&world, "actions", "error");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/actions` | **blocked** · `app-not-permitted`");
    assert_eq!(values(&world), Vec::new());
}

/// Killed before the first secret and after the last: ours all the same.
async fn secrets_are_ours_whatever_dies(point: &'static str) {
    let mut world = with_environment("", "['APP_*']").await;
    world.set("COUNTERSIGN_CRASH_AT", point);
    world.start();
    world.until("the server is dead", |world| !world.is_alive());
    world.kill();
    world.unset("COUNTERSIGN_CRASH_AT");
    world.start();
    until_state(&world, "actions", "success");
    assert_eq!(values(&world), all(&[("APP_TOKEN", &token(1)), ("APP_USER", "app")]), "{point}");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/actions` | delivered |");
    assert_eq!(values(&world)[0].1, token(2));
    world.end();
}

/// With `adopt` a name of somebody else becomes ours, and with `prune: owned` it goes when it is no longer approved; no other does.
async fn names_are_taken_over_and_removed_when_asked() {
    let mut world = with_environment(", prune: owned, adopt: true", "['APP_*']").await;
    for (name, value) in [("APP_USER", "somebody else's"), ("APP_OLD", "nobody approves it"), ("OTHER", "stays")] {
        world.repo.set_secret("production", name, Some(value));
    }
    world.start();
    until_state(&world, "actions", "success");
    let beside = [("APP_OLD", "nobody approves it"), ("OTHER", "stays")];
    let expected = [beside[0], ("APP_TOKEN", &token(1)), ("APP_USER", "app"), beside[1]].map(own);
    assert_eq!(values(&world), expected);
    let text = Secrets::without(&world.on_main(APP).expect("it is there"), "APP_USER");
    let pull = world.change_of("rita/less", Push::to("rita/less").from("main").file(APP, text));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "| `production/actions` | delivered |");
    assert_eq!(values(&world), [beside[0], ("APP_TOKEN", &token(1)), beside[1]].map(own));
    world.end();
}

fn own((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Which names are ours is in the database alone: without it they are somebody else's, until one delivery takes them over.
async fn without_the_database_no_name_is_ours(more: &str, adopt: bool) {
    let mut world = with_environment(more, "['APP_*']").await;
    world.start();
    until_state(&world, "actions", "success");
    world.until_quiet();
    world.kill();
    world.lose_the_database();
    world.start();
    let pull = merged(&world, 2);
    if adopt {
        world.until_comment(pull, "| `production/actions` | delivered |");
        assert_eq!(values(&world), all(&[("APP_TOKEN", &token(2)), ("APP_USER", "app")]));
    } else {
        world.until_comment(pull, "| `production/actions` | **blocked** · `target-keys-not-ours`");
        assert_eq!(values(&world), all(&[("APP_TOKEN", &token(1)), ("APP_USER", "app")]));
    }
    world.end();
}

#[test]
fn environments() {
    at_once(&[
        ("beside", || Box::pin(secrets_arrive_beside_those_of_others())),
        ("foreign", || Box::pin(names_of_others_are_not_taken())),
        ("replaced", || Box::pin(a_key_that_is_replaced_is_asked_for_again())),
        ("told", || Box::pin(what_is_written_by_others_is_told_or_set_back("", false))),
        ("set back", || Box::pin(what_is_written_by_others_is_told_or_set_back(", on_drift: reapply", true))),
        ("refused", || Box::pin(what_cannot_be_written_is_said())),
        ("taken over", || Box::pin(names_are_taken_over_and_removed_when_asked())),
        ("forgotten", || Box::pin(without_the_database_no_name_is_ours("", false))),
        ("forgotten and taken over", || Box::pin(without_the_database_no_name_is_ours(", adopt: true", true))),
        ("claimed", || Box::pin(secrets_are_ours_whatever_dies("sync-claimed"))),
        ("filled", || Box::pin(secrets_are_ours_whatever_dies("sync-filled"))),
    ]);
}
