//! What was merged, proven from a fresh clone by somebody who has nothing but the fingerprint of the root key.

use std::process::{Command, Output};

use countersign_core::ledger::SigningKey;
use serde_json::Value;

use crate::harness::{Tree, World};

fn countersign(tree: &Tree, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).current_dir(tree.path()).env_remove("COUNTERSIGN_TRUST");
    command.output().expect("countersign runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_clone_proves_who_approved_what_was_merged() {
    let world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");

    let pem = std::fs::read_to_string(world.path("signing.pem")).expect("the key");
    let pin = SigningKey::from_pem(&pem).expect("a key").fingerprint().to_string();
    let tree = Tree::clone(&world, &world.zoe);
    let verified = countersign(&tree, &["verify", "--trust", &pin]);
    let shown = text(&verified);
    assert_eq!(verified.status.code(), Some(0), "{shown}{}", String::from_utf8_lossy(&verified.stderr));
    assert!(shown.contains("✔ production  covered by L-"), "{shown}");
    assert!(shown.contains(" · approved by ann, bob\n"), "{shown}");
    assert!(shown.contains("✔ staging     covered by L-1 · as adopted\n"), "{shown}");
    assert!(shown.contains("✔ verified: "), "{shown}");

    let json: Value = serde_json::from_slice(&countersign(&tree, &["verify", "--json"]).stdout).expect("JSON");
    assert_eq!(json["trust"], "unpinned");
    assert_eq!(json["environments"][0]["approved_by"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["environments"][0]["current"], true);

    // what stood there before is an older approved state, and a commit nobody approved is none
    let before = text(&countersign(&tree, &["verify", "--trust", &pin, "-e", "production", "HEAD~1"]));
    assert!(before.contains("covered by L-1 · as adopted · an older state, approved then"), "{before}");
    assert!(before.contains("something newer has been approved since"), "{before}");
    tree.write("secrets/production/db.yaml", "db: {}\n");
    tree.git(&["commit", "-qam", "alone"]);
    let alone = countersign(&tree, &["verify", "--trust", &pin]);
    assert_eq!(alone.status.code(), Some(14));
    assert!(text(&alone).contains("✗ production  not approved: 1 path differs"), "{}", text(&alone));

    let lines = text(&countersign(&tree, &["ledger", "show"]));
    for kind in ["adopted", "policy", "decision", "merge"] {
        assert!(lines.lines().any(|line| line.contains(kind)), "{kind}: {lines}");
    }
}
