//! ExternalSecrets are told to read once per generation, and believed by the cluster's own clock.

use super::kubernetes::examined;
use super::{dies_in_the_second, merged, policy, receipts, until_state};
use crate::harness::{Answer, CLUSTER_TOKEN, Does, External, World, at_once};

const TARGET: &str = "{name: eso, external_secrets: {namespace: payments, names: [app-secrets, db]}}";
const DELIVERED: &str = "| `production/eso` | delivered |";

/// A world with two ExternalSecrets in a cluster; `swept`: every two seconds, so that it is never at rest.
async fn with_operator(swept: bool) -> (World, External) {
    let external = External::start(&["app-secrets", "db"]).await;
    let mut world = World::without_server(&policy(&[TARGET])).await;
    external.grant(&world, &["payments"]);
    if swept {
        world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    }
    (world, external)
}

/// Waits until the comment says so, whatever it escapes.
fn until_said(world: &World, pull: u64, words: &str) {
    world.until(&format!("a comment that says {words}"), |world| world.comment(pull).replace('\\', "").contains(words));
}

fn sync_again(world: &World, pull: u64) {
    world.repo.comment(&world.rita, pull, "/cs sync eso").expect("a comment");
}

/// How often each was told.
fn told(external: &External) -> (usize, usize) {
    (external.told("app-secrets").len(), external.told("db").len())
}

/// Told once, and there when both have read since; two merges in a row are two tellings.
async fn each_generation_is_told_once() {
    let (mut world, external) = with_operator(false).await;
    world.set("COUNTERSIGN_LOG", "trace");
    world.start();
    // in the very second in which it was told
    until_state(&world, "eso", "success");
    external.does(Does::Sleep);
    let pull = merged(&world, 2);
    world.until("it is told", |_| told(&external) == (2, 2));
    until_state(&world, "eso", "in_progress");
    let (decision, commit) = world.merges()[0].clone();
    assert_eq!(external.annotation("db", "countersign.dev/commit"), commit.as_str());
    assert_eq!(external.annotation("db", "countersign.dev/decision"), decision.label());
    assert_eq!(external.annotation("db", "countersign.dev/target"), "acme/app production/eso");
    external.does(Does::Read);
    world.until_comment(pull, DELIVERED);
    let pull = merged(&world, 3);
    world.until_comment(pull, DELIVERED);
    world.until_quiet();
    let all = external.told("app-secrets");
    let new: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!((told(&external), new.len(), external.faults()), ((3, 3), 3, Vec::new()), "{all:?}");
    let receipts = receipts(&world);
    assert!(receipts.iter().any(|line| line.starts_with("production/eso converged: ")), "{receipts:#?}");
    let shown = format!("{:?} {:?} {}", world.repo.comments(pull), world.repo.deployments(), world.log());
    assert!(!shown.contains(CLUSTER_TOKEN), "{shown}");
    world.end();
}

/// What the operator could not read has failed, in its words without their effect; mended, it is looked at and not told again.
async fn an_operator_that_cannot_read_is_told_of() {
    let (mut world, external) = with_operator(true).await;
    world.start();
    until_state(&world, "eso", "success");
    external.does(Does::Fail("could not get\nsecret data | <img src=x> @acme/security"));
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/eso` | **failed** · `target-reported-failure`");
    until_said(&world, pull, "SecretSyncedError: could not get secret data | &lt;img src=x&gt; &#64;acme/security");
    // another generation, while it is still so
    external.does(Does::Sleep);
    let pull = merged(&world, 3);
    until_said(&world, pull, "`target-unwell`");
    external.does(Does::Read);
    world.until_comment(pull, DELIVERED);
    external.does(Does::Fail("could not get secret data"));
    let pull = merged(&world, 1);
    world.until_comment(pull, "**failed** · `target-reported-failure`");
    external.does(Does::Read);
    sync_again(&world, pull);
    world.until_comment(pull, DELIVERED);
    assert_eq!((told(&external), external.faults()), ((4, 4), Vec::new()));
    world.no_violations();
}

/// One that reads once and never again is not told, and neither is the other; mended, it goes on by itself.
async fn what_never_reads_again_is_said_and_not_told() {
    let (mut world, external) = with_operator(true).await;
    external.make("db", "0s", None);
    world.start();
    until_state(&world, "eso", "error");
    let pull = merged(&world, 2);
    until_said(
        &world,
        pull,
        "**blocked** · `target-never-reads`: the target reads once and never again, whatever it is told: `db`",
    );
    let (found, _) = examined(&world, "production/eso");
    let expected = "target-never-reads: the target `production/eso`: the target reads once and never again, whatever it is told: `db`";
    assert_eq!(found, [expected]);
    external.make("db", "1h0m0s", Some("CreatedOnce"));
    let pull = merged(&world, 3);
    until_said(&world, pull, "**blocked** · `target-never-reads`");
    assert_eq!(told(&external), (0, 0));
    external.make("db", "0s", Some("OnChange"));
    world.until_comment(pull, DELIVERED);
    let (found, fine) = examined(&world, "production/eso");
    assert!(found.is_empty() && fine.contains("the target `production/eso` can be read"), "{found:?} {fine}");
    assert_eq!((told(&external), external.faults()), ((1, 1), Vec::new()));
    world.no_violations();
}

/// What is not granted is not asked; what the cluster does not have or allow is said with its name.
async fn a_cluster_that_says_no_is_told_nothing() {
    let (mut world, external) = with_operator(true).await;
    external.grant(&world, &["kube-system"]);
    world.start();
    until_state(&world, "eso", "error");
    let pull = merged(&world, 2);
    until_said(&world, pull, "**blocked** · `cluster-not-granted`: the namespace `payments` is not granted");
    world.kill();
    external.serves(&[]);
    external.grant(&world, &["payments"]);
    world.start();
    until_said(&world, pull, "has no API `external-secrets.io` (404)");
    external.serves(&["v1alpha1"]);
    sync_again(&world, pull);
    until_said(&world, pull, "serves neither `v1` nor `v1beta1` of `external-secrets.io`");
    external.serves(&["v1beta1", "v1alpha1"]);
    external.delete("db");
    sync_again(&world, pull);
    until_said(&world, pull, "has no ExternalSecret `payments/db` (404)");
    external.make("db", "1h0m0s", None);
    for (verbs, verb) in [(["patch"], "get"), (["get"], "patch")] {
        external.allow(&verbs);
        sync_again(&world, pull);
        until_said(&world, pull, &format!("does not allow `{verb}` of the ExternalSecret `payments/"));
    }
    assert_eq!(told(&external), (0, 0));
    external.allow(&["get", "patch"]);
    // the first is told, the second not at first: it is told alone. Somebody writes at the same time: it is read anew.
    external.interfere();
    external.will([None, Some(Answer::Busy(429, 1)), None, Some(Answer::Garbage)]);
    sync_again(&world, pull);
    world.until_comment(pull, DELIVERED);
    assert_eq!((told(&external), external.faults()), ((1, 1), Vec::new()));
    world.no_violations();
}

/// Killed at every step: told once per generation all the same.
async fn each_is_told_once_whatever_dies(point: &'static str) {
    let (mut world, external) = with_operator(false).await;
    world.start();
    until_state(&world, "eso", "success");
    let pull = dies_in_the_second(&mut world, point);
    world.until("it is told", |_| told(&external) == (2, 2));
    until_state(&world, "eso", "success");
    world.until_comment(pull, DELIVERED);
    world.until_quiet();
    assert_eq!((told(&external), external.faults()), ((2, 2), Vec::new()), "{point}");
    world.end();
}

#[test]
fn external_secrets() {
    at_once(&[
        ("told", || Box::pin(each_generation_is_told_once())),
        ("failed", || Box::pin(an_operator_that_cannot_read_is_told_of())),
        ("never", || Box::pin(what_never_reads_again_is_said_and_not_told())),
        ("refused", || Box::pin(a_cluster_that_says_no_is_told_nothing())),
    ]);
}

#[test]
fn external_secrets_and_a_crash() {
    at_once(&[
        ("noted", || Box::pin(each_is_told_once_whatever_dies("sync-noted"))),
        ("sent", || Box::pin(each_is_told_once_whatever_dies("sync-sent"))),
        ("ended", || Box::pin(each_is_told_once_whatever_dies("sync-ended"))),
        ("recorded", || Box::pin(each_is_told_once_whatever_dies("sync-recorded"))),
    ]);
}
