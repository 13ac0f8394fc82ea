//! Deliveries that are forged, broken, repeated, out of order or lost.

use std::time::Duration;

use github_sim::{DeliveryFault, Push, Verdict};

use crate::harness::{Post, Secrets, World, a_second_later, signature};

const PRODUCTION: &str = "secrets/production/db.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_not_github_s_is_refused_and_asks_nothing_of_github() {
    let world = World::new().await;
    world.until_quiet();
    let mark = world.sim.mark();
    let body = br#"{"zen":"Keep it logically awesome.","hook_id":1}"#;
    let good = || Post::signed("00000000-0000-4000-8000-000000000001", "ping", body);
    let huge = vec![b' '; 25 * 1024 * 1024 + 1];
    let cases: Vec<(&str, Post<'_>, u16)> = vec![
        ("unsigned", Post { signature: None, ..good() }, 401),
        ("another secret", Post { signature: Some(signature("guessed", body)), ..good() }, 401),
        ("an empty secret", Post { signature: Some(signature("", body)), ..good() }, 401),
        ("truncated", Post { body: body[..20].to_vec(), ..good() }, 401),
        (
            "the old algorithm",
            Post { signature: Some("sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned()), ..good() },
            401,
        ),
        ("no signature at all", Post { signature: Some(String::new()), ..good() }, 401),
        ("oversized", Post::signed("00000000-0000-4000-8000-000000000002", "push", huge), 413),
        ("a form", Post { media: "application/x-www-form-urlencoded", ..good() }, 415),
        ("a text", Post { media: "text/plain", ..good() }, 415),
        (
            "not JSON, signed",
            Post::signed("00000000-0000-4000-8000-000000000003", "push", b"payload=1".as_slice()),
            415,
        ),
        (
            "JSON of another shape",
            Post::signed("00000000-0000-4000-8000-000000000004", "push", b"{\"ref\":7}".as_slice()),
            202,
        ),
        (
            "an unknown event",
            Post::signed("00000000-0000-4000-8000-000000000005", "sponsorship", b"{\"action\":\"created\"}".as_slice()),
            202,
        ),
        ("a ping", good(), 202),
        ("the same again", good(), 202),
    ];
    for (what, post, expected) in cases {
        let (status, answer) = world.post(post);
        assert_eq!(status, expected, "{what}: {answer}");
        let says = if status == 202 { &answer["status"] } else { &answer["help"] };
        assert!(says.is_string(), "{what}: {answer}");
    }
    world.until_quiet();
    assert_eq!(world.sim.since(mark).entries().len(), 0, "{:#?}", world.sim.since(mark).by_operation());
    let (_, metrics) = world.get(&format!("{}/metrics", world.admin()));
    assert!(metrics.contains("countersign_deliveries_total"), "{metrics}");
    // nothing of this stopped the work
    let pull = world.by_rita("rita/db", "staging");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_comes_twice_is_one_and_an_old_one_changes_nothing() {
    let world = World::new().await;
    world.sim.delivery_fault(DeliveryFault::duplicate("*").times(10_000));
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    let sent = world.sim.deliveries();
    let review = sent.iter().rfind(|delivery| delivery.event == "pull_request_review").expect("a review was delivered");
    let mark = world.sim.mark();
    let (status, answer) = world.post(Post::signed(&review.guid, &review.event, review.body.clone()));
    assert_eq!((status, answer["status"].as_str()), (202, Some("duplicate")));
    world.until_quiet();
    assert_eq!(world.sim.since(mark).entries().len(), 0, "{:#?}", world.sim.since(mark).by_operation());

    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    world.until_quiet();
    // a year later somebody replays everything under other ids: live state is read, nothing is written
    let mark = world.sim.mark();
    for (number, delivery) in world.sim.deliveries().iter().enumerate() {
        let id = format!("00000000-0000-4000-9000-{number:012}");
        assert_eq!(world.post(Post::signed(&id, &delivery.event, delivery.body.clone())).0, 202);
    }
    world.until_quiet();
    assert_eq!(world.sim.since(mark).writes(), 0, "{:#?}", world.sim.since(mark).by_operation());
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_deliveries_does_not_matter() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.sim.pause_deliveries();
    world.approve(&world.ann, pull);
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.approve(&world.bob, pull);
    world.sim.resume_deliveries_backwards();
    world.until_counted(pull, "production", &["bob"]);
    world.until_uncounted(pull, "ann", "stale-approval");
    assert!(!world.merged(pull));

    // the review is delivered long after the push that follows it; nobody looks before both were made
    world.until_quiet();
    world.sim.pause_deliveries();
    world.sim.delivery_fault(DeliveryFault::delay("pull_request_review", Duration::from_millis(1_500)));
    world.approve(&world.cy, pull);
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 4)));
    world.sim.resume_deliveries();
    world.until_uncounted(pull, "cy", "stale-approval");
    world.until_uncounted(pull, "bob", "stale-approval");
    assert!(!world.merged(pull));
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 4));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_delivery_lost_the_sweep_does_the_same_work() {
    let mut world = World::without_server(crate::harness::POLICY).await;
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "1s");
    world.sim.delivery_fault(DeliveryFault::drop("*").times(100_000));
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.until("the new head is judged", |world| world.check(pull).is_some());
    a_second_later();
    world.approve(&world.cy, pull);
    world.until_counted(pull, "production", &["cy"]);
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    assert!(world.main_has("production", 3));
    assert!(world.sim.deliveries().iter().all(|delivery| delivery.status_code.is_none()), "none arrived");
    world.no_violations();
    assert_eq!(world.merges().len(), 1);
}
