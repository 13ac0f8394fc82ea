//! Dials on requests.

use std::time::Duration;

use github_sim::{Fault, Push};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_request_fails_after_its_effect() {
    let world = World::new().await;
    world.repo.push(&world.alice, Push::to("topic").file("a", "a")).unwrap();
    world.sim.fault(Fault::operation("pulls/create").fail_after(502));
    let new = json!({"title": "x", "head": "topic", "base": "main"});
    let app = world.as_app();
    assert_eq!(app.post("/repos/acme/app/pulls", new.clone()).await.status, 502);
    let list = app.get("/repos/acme/app/pulls?head=acme:topic").await;
    assert_eq!(list.body.as_array().unwrap().len(), 1, "it happened all the same");
    assert_eq!(world.sim.faults_left(), 0);
}

#[tokio::test]
async fn a_request_fails_before_its_effect_the_nth_time() {
    let world = World::new().await;
    let pull = world.pull();
    let rule = Fault::path("POST", "/repos/*/*/issues/*/comments").skip(1).times(2).fail(503);
    world.sim.fault(rule);
    let app = world.as_app();
    let mut statuses = Vec::new();
    for n in 0..4 {
        let path = format!("/repos/acme/app/issues/{pull}/comments");
        statuses.push(app.post(&path, json!({"body": format!("{n}")})).await.status);
    }
    assert_eq!(statuses, [201, 503, 503, 201]);
    assert_eq!(world.repo.comments(pull).len(), 2);
}

#[tokio::test]
async fn the_head_moves_right_after_it_was_read() {
    let world = World::new().await;
    let pull = world.pull();
    let (repo, alice) = (world.repo.clone(), world.alice.clone());
    world.sim.fault(Fault::operation("pulls/get").skip(1).then(move |_| {
        repo.push(&alice, Push::to("topic").file("b", "b")).unwrap();
    }));
    let app = world.as_app();
    let path = format!("/repos/acme/app/pulls/{pull}");
    let mut heads = Vec::new();
    for _ in 0..3 {
        heads.push(app.get(&path).await.body["head"]["sha"].clone());
    }
    assert_eq!(heads[0], heads[1]);
    assert_ne!(heads[1], heads[2]);
}

#[tokio::test]
async fn limits_and_hangs_are_answered_as_github_does() {
    let world = World::new().await;
    let app = world.as_app();
    world.sim.fault(Fault::operation("repos/get").secondary_limit(Some(7)));
    world.sim.fault(Fault::operation("repos/get").skip(1).rate_limited(30));
    world.sim.fault(Fault::operation("repos/get").skip(2).hang());
    let first = app.get("/repos/acme/app").await;
    assert_eq!((first.status, first.headers["retry-after"].to_str().unwrap()), (403, "7"));
    let second = app.get("/repos/acme/app").await;
    assert_eq!(second.headers["x-ratelimit-remaining"], "0");
    let hung = tokio::time::timeout(Duration::from_millis(200), app.get("/repos/acme/app")).await;
    assert!(hung.is_err());
}

#[tokio::test]
async fn a_connection_breaks_after_the_effect() {
    let world = World::new().await;
    let pull = world.pull();
    world.sim.fault(Fault::operation("issues/create-comment").cut());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(format!("{}/repos/acme/app/issues/{pull}/comments", world.sim.url()))
        .header("user-agent", "test")
        .bearer_auth(world.installation.token().unwrap())
        .body(r#"{"body": "once"}"#)
        .send()
        .await;
    let body = match answer {
        Ok(answer) => answer.bytes().await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(body.is_err());
    assert_eq!(world.repo.comments(pull).len(), 1);
    world.sim.fault(Fault::operation("repos/get").page(502));
    let page = world.as_app().get("/repos/acme/app").await;
    assert!(page.body.as_str().unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn an_answer_is_altered_and_a_redirect_leads_elsewhere() {
    let world = World::new().await;
    let pull = world.pull();
    world.repo.comment(&world.bob, pull, "one").unwrap();
    let ghost = Fault::operation("issues/list-comments")
        .alter(|body| body[0]["user"] = serde_json::Value::Null)
        .header("link", "<http://evil.example/next>; rel=\"next\"");
    world.sim.fault(ghost);
    let app = world.as_app();
    let path = format!("/repos/acme/app/issues/{pull}/comments");
    let answer = app.get(&path).await;
    assert!(answer.body[0]["user"].is_null());
    assert!(answer.headers["link"].to_str().unwrap().contains("evil"));
    assert_eq!(app.get(&path).await.body[0]["user"]["login"], "bob");

    world.sim.fault(Fault::operation("git/info-refs").fail(302).header("location", "http://evil.example/"));
    let url = format!("{}/acme/app.git/info/refs?service=git-upload-pack", world.sim.url());
    let answer = app.get(&url).await;
    assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (302, "http://evil.example/"));
}

#[tokio::test]
async fn a_delivery_of_ones_own_making_arrives_signed() {
    let world = World::new().await;
    world.app.deliver("no_such_event", b"[1, 2]");
    world.sim.settle().await;
    let received = world.received.lock().unwrap();
    assert_eq!(received[0].0["x-github-event"], "no_such_event");
    assert_eq!(&received[0].1[..], b"[1, 2]");
    assert!(received[0].0.contains_key("x-hub-signature-256"));
}
