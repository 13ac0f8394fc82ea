//! Values reach a key-value store: once, only over keys that are ours, and never to be seen on the way.

use std::path::Path;
use std::process::Command;

use countersign_core::ledger::SigningKey;
use github_sim::Push;
use serde_json::{Value, json};

use super::{PATH, dies_in_the_second, merged, policy, until_state};
use crate::harness::{Answer, CANARY, Secrets, Tree, Vault, World, at_once};

async fn with_vault(more: &str, identity: bool) -> (World, Vault) {
    let vault = Vault::start().await;
    let world = World::without_server(&policy(&[&vault.target(more)])).await;
    vault.grant(&world, identity);
    (world, vault)
}

/// The same, swept every two seconds: such a server is never at rest, and `World::end` would wait for ever.
async fn with_swept_vault(more: &str, identity: bool) -> (World, Vault) {
    let (mut world, vault) = with_vault(more, identity).await;
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    (world, vault)
}

fn password(version: u32) -> Option<String> {
    Some(format!("{CANARY}-{version}"))
}

/// Keys that are chosen, as they are approved; what somebody else keeps there stays as it is, and nothing is written twice.
async fn values_arrive_beside_those_of_others() {
    let (mut world, vault) = with_vault("", true).await;
    world.set("COUNTERSIGN_LOG", "trace");
    vault.change("foreign", Some(json!({"nested": [1, 2.5, null]})));
    world.start();
    until_state(&world, "vault", "success");
    assert_eq!(vault.value("db.password"), password(1));
    let pull = merged(&world, 2);
    world.until("the new value is there", |_| vault.value("db.password") == password(2));
    until_state(&world, "vault", "success");
    world.until_comment(pull, "| `production/vault` | delivered |");
    let (decision, commit) = world.merges()[0].clone();
    world.until("it is noted there", |_| vault.custom("countersign_commit") == commit.as_str());
    assert_eq!(vault.custom("countersign_decision"), decision.label());
    assert_eq!(vault.custom("countersign_target"), "acme/app production/vault");
    world.until_quiet();
    let expected = json!({"foreign": {"nested": [1, 2.5, null]}, "db.user": "app", "db.password": password(2)});
    assert_eq!((vault.data(), vault.written(), vault.faults()), (expected, 2, Vec::new()));
    // a new generation of the same values is noted, and nothing is written
    let other = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, other);
    world.until_merged(other);
    world.until_quiet();
    assert_eq!(vault.written(), 2);
    let shown = format!("{:?} {:?}", world.repo.comments(pull), world.repo.deployments());
    assert!(shown.contains("production/vault") && !shown.contains(CANARY), "{shown}");
    world.end();
    let dir = world.path("app.pem").parent().expect("a folder").to_owned();
    let found = holding(&dir, &[CANARY, "hvs.vault-token"]);
    assert_eq!(found, ["countersign.toml"], "the settings hold the token; nothing else was written down");
}

/// Files below a directory that hold one of these texts.
fn holding(dir: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holding(&path, texts));
        } else {
            let bytes = std::fs::read(&path).expect("read");
            if texts.iter().any(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes())) {
                found.push(path.file_name().expect("a name").to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// What the plan says of the target, from a fresh clone.
fn planned(world: &World) -> Value {
    let pem = std::fs::read_to_string(world.path("signing.pem")).expect("the key");
    let pin = SigningKey::from_pem(&pem).expect("a key").fingerprint().to_string();
    let tree = Tree::clone(world, &world.zoe);
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(["sync", "--plan", "--json", "--trust", &pin])
        .current_dir(tree.path())
        .env_remove("COUNTERSIGN_TRUST");
    let output = command.output().expect("countersign runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["verified"], true, "{told}");
    told["targets"][0].clone()
}

/// The plan names what would happen to each key, without an identity.
async fn a_plan_names_the_keys() {
    let (mut world, vault) = with_vault(", prune: owned", true).await;
    vault.will([Answer::Status(403)]);
    world.start();
    until_state(&world, "vault", "failure");
    world.until_quiet();
    let action = |key: &str, action: &str| json!({"key": key, "action": action});
    assert_eq!(planned(&world)["changes"], json!([action("db.password", "add"), action("db.user", "add")]));
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/vault` | delivered |");
    world.until_quiet();
    assert_eq!(planned(&world)["changes"], json!([action("db.password", "same"), action("db.user", "same")]));
    vault.will([Answer::Status(403)]);
    let text = Secrets::set_in(&Secrets::without(&Secrets::sealed("production", 2), "db.user"), "db.password", "new");
    let pull = world.change_of("rita/less", Push::to("rita/less").from("main").file(PATH, text));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**failed** · `delivery-refused`");
    world.until_quiet();
    let plan = planned(&world);
    assert_eq!(plan["changes"], json!([action("db.password", "change"), action("db.user", "remove")]));
    assert_eq!((plan["kind"].as_str(), plan["refused"].clone()), (Some("vault"), json!([])));
    world.end();
}

/// Keys that are there already are nobody's to take: said by name, nothing is written, until they are gone.
async fn keys_of_others_are_not_taken() {
    let (mut world, vault) = with_swept_vault("", true).await;
    vault.change("db.user", Some("somebody else's".into()));
    world.start();
    until_state(&world, "vault", "error");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/vault` | **blocked** · `target-keys-not-ours`");
    assert_eq!((vault.written(), vault.data()), (0, json!({"db.user": "somebody else's"})));
    vault.change("db.user", None);
    world.until("it goes on by itself", |_| vault.value("db.password") == password(2));
    world.until_comment(pull, "| `production/vault` | delivered |");
    assert_eq!(vault.faults(), Vec::<String>::new());
    world.no_violations();
}

/// With `adopt` they are.
async fn keys_of_others_are_taken_over_when_asked() {
    let (mut world, vault) = with_vault(", adopt: true", true).await;
    vault.change("db.user", Some("somebody else's".into()));
    vault.change("other", Some("stays".into()));
    world.start();
    until_state(&world, "vault", "success");
    assert_eq!(vault.data(), json!({"db.user": "app", "db.password": password(1), "other": "stays"}));
    world.end();
}

/// A value that somebody changed there is said, or set back.
async fn what_is_changed_there_is_told_or_set_back(more: &str, reapply: bool) {
    let (mut world, vault) = with_swept_vault(more, true).await;
    world.start();
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/vault` | delivered |");
    vault.change("db.password", Some("by hand".into()));
    if !reapply {
        world.until_comment(pull, "`target-differs`");
        assert_eq!(vault.value("db.password").as_deref(), Some("by hand"));
        world.repo.comment(&world.rita, pull, "/cs sync vault").expect("a comment");
    }
    world.until("it is set back", |_| vault.value("db.password") == password(2));
    until_state(&world, "vault", "success");
    world.until_comment(pull, "| `production/vault` | delivered |");
    world.no_violations();
}

/// What was deleted or destroyed there is written anew, above the versions that are gone.
async fn what_is_deleted_there_is_written_again() {
    let (mut world, vault) = with_swept_vault(", on_drift: reapply", true).await;
    world.start();
    until_state(&world, "vault", "success");
    vault.delete();
    world.until("it is there again", |_| vault.value("db.password") == password(1));
    until_state(&world, "vault", "success");
    vault.destroy();
    world.until("it is there once more", |_| vault.value("db.password") == password(1));
    assert_eq!((vault.written(), vault.faults()), (3, Vec::new()));
    world.no_violations();
}

/// Keys that are no longer approved stay; with `prune: owned` those that we wrote go, and no other.
async fn keys_that_are_no_longer_approved(more: &str, stays: bool) {
    let (mut world, vault) = with_vault(more, true).await;
    vault.change("db.foreign", Some("stays".into()));
    world.start();
    until_state(&world, "vault", "success");
    world.until_quiet();
    let text = Secrets::without(&Secrets::sealed("production", 1), "db.user");
    let pull = world.change_of("rita/less", Push::to("rita/less").from("main").file(PATH, text));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "| `production/vault` | delivered |");
    let mut expected = json!({"db.foreign": "stays", "db.password": password(1)});
    if stays {
        expected["db.user"] = "app".into();
    }
    assert_eq!((vault.data(), vault.faults()), (expected, Vec::new()));
    world.end();
}

/// A mount without versions cannot say whether somebody else wrote: it is refused.
async fn a_mount_of_version_1_is_refused() {
    let (mut world, vault) = with_vault("", true).await;
    vault.is_old(true);
    world.start();
    until_state(&world, "vault", "failure");
    assert_eq!(vault.written(), 0, "no value is left where nobody looks for it");
    vault.is_old(false);
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/vault` | delivered |");
    assert_eq!(vault.value("db.password"), password(2));
    world.end();
}

/// Without an identity nothing is opened; a standby, a slow server and a broken one are tried again; a refusal waits for a person.
async fn a_server_that_says_no_gets_nothing() {
    let (mut world, vault) = with_swept_vault("", false).await;
    world.start();
    until_state(&world, "vault", "error");
    assert_eq!(vault.written(), 0);
    world.kill();
    vault.grant(&world, true);
    vault.will([Answer::Status(473), Answer::Busy(503, 1), Answer::Garbage, Answer::Status(429)]);
    world.start();
    until_state(&world, "vault", "success");
    for (version, answer) in [(2, Answer::Status(403)), (3, Answer::Redirect)] {
        vault.will([answer]);
        let pull = merged(&world, version);
        world.until_comment(pull, "| `production/vault` | **failed** · `delivery-refused`");
        assert_eq!(vault.value("db.password"), password(version - 1));
        world.repo.comment(&world.rita, pull, "/cs sync vault").expect("a comment");
        world.until("it is written after all", |_| vault.value("db.password") == password(version));
        world.until_comment(pull, "| `production/vault` | delivered |");
    }
    // somebody was faster: what they wrote is not overwritten, and a person decides
    vault.interfere();
    let pull = merged(&world, 4);
    world.until_comment(pull, "| `production/vault` | **failed** · `target-conflict`");
    assert_eq!((vault.value("foreign").as_deref(), vault.value("db.password")), (Some("newer"), password(3)));
    world.repo.comment(&world.rita, pull, "/cs sync vault").expect("a comment");
    world.until_comment(pull, "| `production/vault` | delivered |");
    assert_eq!((vault.value("foreign").as_deref(), vault.value("db.password")), (Some("newer"), password(4)));
    assert_eq!(vault.faults(), Vec::<String>::new());
    world.no_violations();
}

/// Killed at every step: one version per generation all the same.
async fn values_are_written_once_whatever_dies(point: &'static str) {
    let (mut world, vault) = with_vault("", true).await;
    vault.change("foreign", Some("stays".into()));
    world.start();
    until_state(&world, "vault", "success");
    let pull = dies_in_the_second(&mut world, point);
    world.until("the value is there", |_| vault.value("db.password") == password(2));
    until_state(&world, "vault", "success");
    world.until_comment(pull, "| `production/vault` | delivered |");
    assert_eq!((vault.written(), vault.value("foreign").as_deref()), (2, Some("stays")), "{point}");
    world.end();
}

#[test]
fn vault() {
    at_once(&[
        ("beside", || Box::pin(values_arrive_beside_those_of_others())),
        ("plan", || Box::pin(a_plan_names_the_keys())),
        ("foreign", || Box::pin(keys_of_others_are_not_taken())),
        ("adopt", || Box::pin(keys_of_others_are_taken_over_when_asked())),
        ("told", || Box::pin(what_is_changed_there_is_told_or_set_back("", false))),
        ("set back", || Box::pin(what_is_changed_there_is_told_or_set_back(", on_drift: reapply", true))),
        ("deleted", || Box::pin(what_is_deleted_there_is_written_again())),
        ("left", || Box::pin(keys_that_are_no_longer_approved("", true))),
        ("taken away", || Box::pin(keys_that_are_no_longer_approved(", prune: owned", false))),
        ("version 1", || Box::pin(a_mount_of_version_1_is_refused())),
        ("refused", || Box::pin(a_server_that_says_no_gets_nothing())),
    ]);
}

#[test]
fn vault_and_a_crash() {
    at_once(&[
        ("noted", || Box::pin(values_are_written_once_whatever_dies("sync-noted"))),
        ("claimed", || Box::pin(values_are_written_once_whatever_dies("sync-claimed"))),
        ("filled", || Box::pin(values_are_written_once_whatever_dies("sync-filled"))),
        ("sent", || Box::pin(values_are_written_once_whatever_dies("sync-sent"))),
        ("recorded", || Box::pin(values_are_written_once_whatever_dies("sync-recorded"))),
    ]);
}
