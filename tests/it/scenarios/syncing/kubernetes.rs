//! Values reach a Secret of a cluster: applied as ours, over nobody else's keys, and never to be seen on the way.

use std::collections::BTreeMap;

use github_sim::Push;
use serde_json::Value;

use super::{PATH, dies_in_the_second, merged, policy, until_state};
use crate::harness::{Answer, CANARY, CLUSTER_TOKEN, Kubernetes, Secrets, World, at_once};

pub(super) const DELIVERED: &str = "| `production/k8s` | delivered |";

/// A world with a cluster whose namespace is granted; `swept`: every two seconds, so that it is never at rest.
async fn with_cluster(more: &str, swept: bool) -> (World, Kubernetes) {
    let cluster = Kubernetes::start().await;
    let mut world = World::without_server(&policy(&[&cluster.target(more)])).await;
    cluster.grant(&world, &["payments"]);
    if swept {
        world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    }
    (world, cluster)
}

fn password(version: u32) -> Option<String> {
    Some(format!("{CANARY}-{version}"))
}

pub(super) fn holding(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Waits until the comment says so, whatever it escapes.
pub(super) fn until_said(world: &World, pull: u64, words: &str) {
    world.until(&format!("a comment that says {words}"), |world| world.comment(pull).replace('\\', "").contains(words));
}

pub(super) fn sync_again(world: &World, pull: u64) {
    world.repo.comment(&world.rita, pull, "/cs sync k8s").expect("a comment");
}

/// The Secret is made, then changed; what others keep there stays, and no value is seen anywhere.
async fn values_arrive_beside_those_of_others() {
    let (mut world, cluster) = with_cluster("", false).await;
    world.set("COUNTERSIGN_LOG", "trace");
    world.start();
    until_state(&world, "k8s", "success");
    assert_eq!(cluster.value("db.password"), password(1));
    let hint = || cluster.annotation("countersign.dev/content");
    let first = hint();
    assert!(first.len() == 32 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    cluster.change("foreign", Some(&[0xff, 0xfe]));
    cluster.apply_by("helm", "chart", "1.2");
    let pull = merged(&world, 2);
    world.until("the new value is there", |_| cluster.value("db.password") == password(2));
    world.until_comment(pull, DELIVERED);
    let (decision, commit) = world.merges()[0].clone();
    world.until("it is noted there", |_| cluster.annotation("countersign.dev/commit") == commit.as_str());
    assert_eq!(cluster.annotation("countersign.dev/decision"), decision.label());
    assert_eq!(cluster.annotation("countersign.dev/target"), "acme/app production/k8s");
    world.until_quiet();
    let (two, odd) = (password(2).expect("a password"), String::from_utf8_lossy(&[0xff, 0xfe]).into_owned());
    let expected = holding(&[("chart", "1.2"), ("db.password", &two), ("db.user", "app"), ("foreign", &odd)]);
    assert_eq!((cluster.data(), cluster.applied(), cluster.faults()), (expected, (2, 0), Vec::new()));
    // a new generation of the same values is noted, and the values and what to restart on stay as they are
    let second = hint();
    assert_ne!(second, first);
    let noted = cluster.annotation("countersign.dev/generation");
    let other = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, other);
    world.until_merged(other);
    world.until_quiet();
    let now = cluster.annotation("countersign.dev/generation");
    assert_eq!((cluster.value("db.password"), cluster.applied().0), (password(2), if now == noted { 2 } else { 3 }));
    assert_eq!(hint(), second);
    // the values of before, sealed anew
    merged(&world, 1);
    world.until("the first value is back", |_| cluster.value("db.password") == password(1));
    assert_eq!(hint(), first);
    let shown = format!("{:?} {:?} {}", world.repo.comments(pull), world.repo.deployments(), world.log());
    assert!(shown.contains("production/k8s") && !shown.contains(CANARY) && !shown.contains(CLUSTER_TOKEN), "{shown}");
    world.end();
}

/// Keys that are there already are nobody's to take: said by name, nothing is written, until they are gone.
async fn keys_of_others_are_not_taken() {
    let (mut world, cluster) = with_cluster("", true).await;
    cluster.change("db.user", Some(b"somebody else's"));
    world.start();
    until_state(&world, "k8s", "error");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/k8s` | **blocked** · `target-keys-not-ours`");
    assert_eq!((cluster.applied(), cluster.data()), ((0, 0), holding(&[("db.user", "somebody else's")])));
    cluster.change("db.user", None);
    world.until("it goes on by itself", |_| cluster.value("db.password") == password(2));
    world.until_comment(pull, DELIVERED);
    // what is not there yet is never forced
    assert_eq!((cluster.applied().1, cluster.faults()), (0, Vec::new()));
    world.no_violations();
}

/// With `adopt` they are, by force, and no others.
async fn keys_of_others_are_taken_over_when_asked() {
    let (mut world, cluster) = with_cluster(", adopt: true", false).await;
    cluster.apply_by("helm", "db.user", "somebody else's");
    cluster.apply_by("flux", "other", "stays");
    world.start();
    until_state(&world, "k8s", "success");
    let one = password(1).expect("a password");
    let expected = holding(&[("db.password", &one), ("db.user", "app"), ("other", "stays")]);
    assert_eq!((cluster.data(), cluster.applied(), cluster.faults()), (expected, (1, 1), Vec::new()));
    world.end();
}

/// What somebody took over is said, and is theirs until a person decides; with `reapply` it is taken back.
async fn what_is_changed_there_is_told_or_taken_back(more: &str, reapply: bool) {
    let (mut world, cluster) = with_cluster(more, true).await;
    world.start();
    let pull = merged(&world, 2);
    world.until_comment(pull, DELIVERED);
    cluster.change("db.password", Some(b"by hand"));
    if !reapply {
        world.until_comment(pull, "`target-differs`");
        sync_again(&world, pull);
        world.until_comment(pull, "**blocked** · `target-keys-not-ours`");
        assert_eq!((cluster.value("db.password").as_deref(), cluster.applied().1), (Some("by hand"), 0));
        cluster.change("db.password", None);
    }
    world.until("it is as approved again", |_| cluster.value("db.password") == password(2));
    until_state(&world, "k8s", "success");
    world.until_comment(pull, DELIVERED);
    assert_eq!((cluster.applied().1, cluster.faults()), (usize::from(reapply), Vec::new()));
    world.no_violations();
}

/// A Secret that was deleted is made anew; a note that somebody changed is set right by the next delivery.
async fn what_is_deleted_there_is_made_anew() {
    let (mut world, cluster) = with_cluster(", on_drift: reapply", true).await;
    world.start();
    until_state(&world, "k8s", "success");
    cluster.delete();
    world.until("it is there again", |_| cluster.value("db.password") == password(1));
    until_state(&world, "k8s", "success");
    cluster.annotate("countersign.dev/commit", "0");
    let pull = merged(&world, 2);
    world.until_comment(pull, DELIVERED);
    assert_eq!((cluster.annotation("countersign.dev/commit").len(), cluster.faults()), (40, Vec::new()));
    world.no_violations();
}

/// Keys that are no longer approved stay; with `prune: owned` those that we wrote go, and no other.
///
/// `forgotten`: before that, the cluster forgets who holds what, of everybody or of us alone.
async fn keys_that_are_no_longer_approved(more: &str, stays: bool, forgotten: Option<bool>) {
    let (mut world, cluster) = with_cluster(more, false).await;
    cluster.change("db.foreign", Some(b"stays"));
    world.start();
    until_state(&world, "k8s", "success");
    world.until_quiet();
    if let Some(everybody) = forgotten {
        cluster.forget_holders(everybody);
    }
    for (branch, version) in [("rita/less", 1), ("rita/later", 2)] {
        let text = Secrets::without(&Secrets::sealed("production", version), "db.user");
        let pull = world.change_of(branch, Push::to(branch).from("main").file(PATH, text));
        world.approve(&world.ann, pull);
        world.until_merged(pull);
        world.until_comment(pull, DELIVERED);
    }
    let two = password(2).expect("a password");
    let mut expected = holding(&[("db.foreign", "stays"), ("db.password", &two)]);
    if stays {
        expected.insert("db.user".to_owned(), "app".to_owned());
    }
    assert_eq!((cluster.data(), cluster.applied().1, cluster.faults()), (expected, 0, Vec::new()));
    world.end();
}

/// Neither a Secret of another kind nor one that must not change is written, and nothing over its limit.
async fn a_secret_that_cannot_hold_them_is_left_alone() {
    let (mut world, cluster) = with_cluster("", true).await;
    cluster.make("kubernetes.io/tls", false);
    world.start();
    until_state(&world, "k8s", "failure");
    let pull = merged(&world, 2);
    until_said(&world, pull, "`delivery-refused`: the Secret `payments/app-secrets` has another type than `Opaque`");
    cluster.make("Opaque", true);
    let pull = merged(&world, 3);
    until_said(&world, pull, "the Secret `payments/app-secrets` is immutable");
    assert_eq!((cluster.applied(), cluster.data()), ((0, 0), BTreeMap::new()));
    cluster.make("Opaque", false);
    cluster.change("large", Some(&vec![b'x'; 1_048_576]));
    sync_again(&world, pull);
    until_said(&world, pull, "**blocked** · `target-too-small`");
    cluster.change("large", Some(&vec![b'x'; 1_048_000]));
    world.until("there is room", |_| cluster.value("db.password") == password(3));
    until_said(&world, pull, DELIVERED);
    assert_eq!(cluster.faults(), Vec::<String>::new());
    world.no_violations();
}

/// What is not granted is not asked; what the cluster does not allow is said with verb and resource.
async fn a_cluster_that_says_no_gets_nothing() {
    let (mut world, cluster) = with_cluster("", true).await;
    cluster.grant(&world, &[]);
    world.start();
    until_state(&world, "k8s", "error");
    let pull = merged(&world, 2);
    until_said(&world, pull, "**blocked** · `cluster-not-granted`: no cluster is granted to `production` of acme/app");
    world.kill();
    cluster.grant(&world, &["kube-system"]);
    world.start();
    until_said(&world, pull, "the namespace `payments` is not granted to `production` of acme/app");
    assert_eq!(cluster.applied(), (0, 0));
    world.kill();
    cluster.allow(&["patch", "create"]);
    cluster.grant(&world, &["payments"]);
    world.start();
    until_said(&world, pull, "does not allow `get` of the Secret `payments/app-secrets` (403)");
    for (verbs, told) in [
        (["get", "create"], "does not allow `patch` of the Secret `payments/app-secrets` (403)"),
        (["get", "patch"], "does not allow `create` of secrets in the namespace `payments` (403)"),
    ] {
        cluster.allow(&verbs);
        sync_again(&world, pull);
        until_said(&world, pull, told);
    }
    cluster.allow(&["get", "patch", "create"]);
    cluster.has_namespace(false);
    sync_again(&world, pull);
    until_said(&world, pull, "has no namespace `payments` (404)");
    cluster.has_namespace(true);
    cluster.will([Answer::Busy(429, 1), Answer::Status(503), Answer::Garbage]);
    sync_again(&world, pull);
    until_said(&world, pull, DELIVERED);
    assert_eq!(cluster.value("db.password"), password(2));
    // tokens of service accounts are replaced; a role without `create` suffices where the Secret is there
    cluster.allow(&["get", "patch"]);
    cluster.rotate(&world, "eyJ.the-next-token");
    // somebody was faster: what they wrote is not overwritten, and a person decides
    cluster.interfere();
    let pull = merged(&world, 3);
    until_said(&world, pull, "**failed** · `target-conflict`");
    assert_eq!((cluster.value("foreign").as_deref(), cluster.value("db.password")), (Some("newer"), password(2)));
    sync_again(&world, pull);
    until_said(&world, pull, DELIVERED);
    assert_eq!((cluster.value("foreign").as_deref(), cluster.value("db.password")), (Some("newer"), password(3)));
    assert_eq!(cluster.faults(), Vec::<String>::new());
    world.no_violations();
}

/// What the doctor says of a target: its findings as `code: words`, and what is fine.
pub(super) fn examined(world: &World, target: &str) -> (Vec<String>, String) {
    let output = world.with_settings("doctor").args(["--json", "--repo", "acme/app"]).output().expect("it runs");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let lines = found["findings"].as_array().expect("findings").iter().filter(|line| line["branch"].is_null());
    let said =
        |line: &Value| format!("{}: {}", line["code"].as_str().unwrap_or(""), line["words"].as_str().unwrap_or(""));
    let of_target = lines.map(said).filter(|line| line.contains(target));
    (of_target.collect(), found["fine"].to_string())
}

/// The doctor reads the target as a delivery would, and says what is missing before anything is delivered.
async fn the_doctor_looks_at_the_target() {
    let (mut world, cluster) = with_cluster("", false).await;
    world.start();
    until_state(&world, "k8s", "success");
    world.until_quiet();
    let fine = "the target `production/k8s` can be read";
    let (found, fine_lines) = examined(&world, "production/k8s");
    assert!(found.is_empty() && fine_lines.contains(fine), "{found:?} {fine_lines}");
    cluster.allow(&["patch"]);
    let (found, fine_lines) = examined(&world, "production/k8s");
    assert!(
        found[0].starts_with("delivery-refused: the target `production/k8s`: 127.0.0.1 does not allow `get`"),
        "{found:?}"
    );
    assert!(found.len() == 1 && !fine_lines.contains(fine), "{found:?} {fine_lines}");
    cluster.grant(&world, &[]);
    let (found, _) = examined(&world, "production/k8s");
    let told = "cluster-not-granted: the target `production/k8s`: no cluster is granted to `production` of acme/app";
    assert_eq!(found, [told]);
    assert_eq!((cluster.applied(), cluster.faults()), ((1, 0), Vec::new()), "it only reads");
    world.end();
}

/// A real API server, by its own address and under its own authority.
async fn values_reach_a_real_cluster() {
    let Some(cluster) = Kubernetes::start().await.directly() else { return };
    let mut world = World::without_server(&policy(&[&cluster.target("")])).await;
    cluster.grant(&world, &[&cluster.namespace]);
    world.start();
    until_state(&world, "k8s", "success");
    assert_eq!(cluster.value("db.password"), password(1));
    world.until_quiet();
    let good = std::fs::read_to_string(world.path("cluster.token")).expect("a token");
    cluster.rotate(&world, "eyJ.another-token");
    let pull = merged(&world, 2);
    until_said(&world, pull, "does not know the token (401)");
    cluster.rotate(&world, good.trim());
    sync_again(&world, pull);
    until_said(&world, pull, DELIVERED);
    assert_eq!(cluster.value("db.password"), password(2));
    world.end();
}

/// Killed at every step: applied once per generation all the same.
async fn values_are_applied_once_whatever_dies(point: &'static str) {
    let (mut world, cluster) = with_cluster("", false).await;
    cluster.change("foreign", Some(b"stays"));
    world.start();
    until_state(&world, "k8s", "success");
    let pull = dies_in_the_second(&mut world, point);
    world.until("the value is there", |_| cluster.value("db.password") == password(2));
    until_state(&world, "k8s", "success");
    world.until_comment(pull, DELIVERED);
    let seen = (cluster.applied(), cluster.value("foreign"), cluster.faults());
    assert_eq!(seen, ((2, 0), Some("stays".to_owned()), Vec::new()), "{point}");
    world.end();
}

#[test]
fn kubernetes() {
    at_once(&[
        ("beside", || Box::pin(values_arrive_beside_those_of_others())),
        ("foreign", || Box::pin(keys_of_others_are_not_taken())),
        ("adopt", || Box::pin(keys_of_others_are_taken_over_when_asked())),
        ("told", || Box::pin(what_is_changed_there_is_told_or_taken_back("", false))),
        ("taken back", || Box::pin(what_is_changed_there_is_told_or_taken_back(", on_drift: reapply", true))),
        ("deleted", || Box::pin(what_is_deleted_there_is_made_anew())),
        ("left", || Box::pin(keys_that_are_no_longer_approved("", true, None))),
        ("taken away", || Box::pin(keys_that_are_no_longer_approved(", prune: owned", false, None))),
        ("forgotten", || Box::pin(keys_that_are_no_longer_approved(", prune: owned", false, Some(true)))),
        ("ours forgotten", || Box::pin(keys_that_are_no_longer_approved(", prune: owned", false, Some(false)))),
        ("unfit", || Box::pin(a_secret_that_cannot_hold_them_is_left_alone())),
        ("doctor", || Box::pin(the_doctor_looks_at_the_target())),
        ("refused", || Box::pin(a_cluster_that_says_no_gets_nothing())),
        ("real", || Box::pin(values_reach_a_real_cluster())),
    ]);
}

#[test]
fn kubernetes_and_a_crash() {
    at_once(&[
        ("noted", || Box::pin(values_are_applied_once_whatever_dies("sync-noted"))),
        ("claimed", || Box::pin(values_are_applied_once_whatever_dies("sync-claimed"))),
        ("filled", || Box::pin(values_are_applied_once_whatever_dies("sync-filled"))),
        ("sent", || Box::pin(values_are_applied_once_whatever_dies("sync-sent"))),
        ("recorded", || Box::pin(values_are_applied_once_whatever_dies("sync-recorded"))),
    ]);
}
