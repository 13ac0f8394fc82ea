//! What comes back: a receiver that says how it ended, and an operator who delivers by hand.

use std::process::Output;

use countersign_core::delivery::SigningSecrets;
use countersign_core::domain::Timestamp;
use serde_json::{Value, json};

use super::{HOOK, SECRET, merged, receipts, until_state, world};
use crate::harness::{Answer, World, at_once};

/// Calls back about a delivery, signed some seconds later than now; the status of the answer.
async fn call(world: &World, id: &str, body: Value, later: i64) -> u16 {
    let (now, text) = (Timestamp::from_seconds(jiff::Timestamp::now().as_second() + later), body.to_string());
    let signature = SigningSecrets::parse(SECRET).expect("a secret").sign(id, now, text.as_bytes());
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/syncs/{id}/status", world.public()))
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", now.seconds())
        .header("webhook-signature", signature);
    request.body(text).send().await.expect("an answer").status().as_u16()
}

/// The receiver's word becomes the state of the deployment, a receipt, and a line of the comment.
async fn a_receiver_says_how_it_ended() {
    let (world, receiver) = world(&[HOOK]).await;
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    let pull = merged(&world, 2);
    world.until("it is delivered", |_| receiver.arrived().len() == 2);
    until_state(&world, "hook", "success");
    world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    let sent = receiver.arrived()[1].clone();
    let failed = json!({"state": "failed", "generation": sent.generation(), "message": "no room left"});
    assert_eq!(call(&world, &sent.id, failed.clone(), 0).await, 202);
    until_state(&world, "hook", "failure");
    world.until_comment(pull, "| `production/hook` | **failed** · `target-reported-failure`");
    // mended there, and asked for again
    world.repo.comment(&world.rita, pull, "/countersign sync hook").unwrap();
    world.until("it is delivered again", |_| receiver.arrived().len() == 3);
    assert_eq!(receiver.arrived()[2].id, sent.id);
    world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    // its older word is no answer to what was sent after it, so it says so anew
    assert_eq!(call(&world, &sent.id, json!({"state": "converged", "generation": sent.generation()}), 2).await, 202);
    world.until("it is in the ledger", |world| receipts(world).last().is_some_and(|last| last.contains("converged")));
    // and who speaks of a delivery that is over changes nothing
    let first = receiver.arrived()[0].clone();
    assert_eq!(call(&world, &first.id, json!({"state": "failed", "generation": first.generation()}), 5).await, 202);
    world.until_quiet();
    assert!(receipts(&world).last().unwrap().contains("converged"));
    world.end();
}

fn by_hand(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        world.with_settings("sync").args(["--repo", "acme/app"]).args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Without a server: what had failed is delivered, once; with an empty store, too, nothing is delivered a second time.
async fn an_operator_delivers_by_hand() {
    let (mut world, receiver) = world(&[HOOK]).await;
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    until_state(&world, "hook", "success");
    world.until_quiet();
    receiver.will([Answer::Status(400)]);
    let pull = merged(&world, 2);
    until_state(&world, "hook", "failure");
    world.until_comment(pull, "| `production/hook` | **failed**");
    world.until_quiet();
    world.kill();
    let (code, out, err) = by_hand(&world, &[]);
    assert_eq!(code, 0, "{out}{err}");
    let short = &world.repo.tip("main").unwrap()[..7];
    assert!(out.starts_with("✔ production/hook  L-") && out.contains(&format!(" at {short}  accepted")), "{out}");
    assert!(err.contains("production/hook: L-"), "progress: {err}");
    assert_eq!(receiver.arrived().len(), 3);
    until_state(&world, "hook", "success");
    let (code, out, err) = by_hand(&world, &["--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&told["targets"][0]["step"], &told["targets"][0]["state"]), (&json!("rest"), &json!("accepted")));
    world.set("COUNTERSIGN_DATABASE_URL", "sqlite:nowhere.db");
    let (code, out, err) = by_hand(&world, &["-e", "production"]);
    assert_eq!((code, out.contains("is there")), (0, true), "{out}{err}");
    assert!(!world.path("nowhere.db").exists(), "no store is left behind");
    assert_eq!(receiver.arrived().len(), 3, "the ledger says that it has it");
    let (code, _, err) = by_hand(&world, &["--target", "hok"]);
    assert!(code == 2 && err.contains("has no target `hok`"), "{code}: {err}");
    world.unset("COUNTERSIGN_DATABASE_URL");
    world.start();
    world.end();
}

#[test]
fn reports() {
    at_once(&[
        ("called back", || Box::pin(a_receiver_says_how_it_ended())),
        ("by hand", || Box::pin(an_operator_delivers_by_hand())),
    ]);
}
