//! Deliveries: signature, log, redelivery, dials.

use github_sim::{DeliveryFault, Push, Verdict};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::world::{SECRET, World};

#[tokio::test]
async fn a_delivery_is_signed_over_its_bytes_and_names_its_hook() {
    let world = World::new().await;
    let pull = world.pull();
    world.repo.review(&world.bob, pull, Verdict::Approve, None).unwrap();
    world.sim.settle().await;
    let received = world.received.lock().unwrap();
    for (headers, body) in received.iter() {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body);
        let wanted = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        assert_eq!(headers["x-hub-signature-256"], wanted);
        assert!(headers["user-agent"].to_str().unwrap().starts_with("GitHub-Hookshot/"));
        let target = headers["x-github-hook-installation-target-id"].to_str().unwrap();
        assert_eq!(target, world.app.id.to_string());
        let body: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(body["installation"]["id"], world.installation.id);
        assert_eq!(body["repository"]["full_name"], "acme/app");
        assert_eq!(body["organization"]["login"], "acme");
    }
    let last: Value = serde_json::from_slice(&received.last().unwrap().1).unwrap();
    assert_eq!(last["review"]["state"], "approved", "lower case in payloads");
    assert_eq!(last["sender"]["login"], "bob");
}

#[tokio::test]
async fn a_failed_delivery_is_listed_read_and_sent_again_with_the_same_guid() {
    let world = World::new().await;
    world.sim.set_webhook_url(&world.app, Some("http://127.0.0.1:9/nobody"));
    world.repo.push(&world.alice, Push::to("main").file("x", "x")).unwrap();
    world.sim.settle().await;
    let jwt = world.by_jwt(-60, 540);
    let failed = jwt.get("/app/hook/deliveries?status=failure").await;
    let failed = failed.body.as_array().unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["event"], "push");
    let id = failed[0]["id"].as_u64().unwrap();
    let detail = jwt.get(&format!("/app/hook/deliveries/{id}")).await;
    assert_eq!(detail.body["request"]["payload"]["ref"], "refs/heads/main");
    let again = format!("/app/hook/deliveries/{id}/attempts");
    assert_eq!(jwt.post(&again, serde_json::json!({})).await.status, 202);
    world.sim.settle().await;
    let all = world.sim.deliveries();
    let pushes: Vec<_> = all.iter().rev().take(2).collect();
    assert_eq!(pushes[0].guid, pushes[1].guid);
    assert!(pushes[0].redelivery);
}

#[tokio::test]
async fn deliveries_are_lost_doubled_and_turned_round_on_demand() {
    let world = World::new().await;
    world.sim.delivery_fault(DeliveryFault::drop("create"));
    world.sim.delivery_fault(DeliveryFault::duplicate("pull_request"));
    let pull = world.pull();
    world.sim.settle().await;
    assert_eq!(world.events(), ["push", "pull_request.opened", "pull_request.opened"]);
    world.received.lock().unwrap().clear();
    world.sim.pause_deliveries();
    world.repo.comment(&world.bob, pull, "one").unwrap();
    world.repo.review(&world.bob, pull, Verdict::Approve, None).unwrap();
    world.sim.settle().await;
    assert!(world.events().is_empty());
    world.sim.resume_deliveries_backwards();
    world.sim.settle().await;
    assert_eq!(world.events(), ["pull_request_review.submitted", "issue_comment.created"]);
}
