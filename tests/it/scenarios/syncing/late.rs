//! Orders and time: what nobody begins within a quarter of an hour is over, for the server as for a job.

use countersign_core::domain::{JobId, Oid, RepoName, Sequence, Span, Timestamp};
use countersign_core::ledger::{JobOrder, Ordered, SigningKey};
use serde_json::Value;

use super::ordered::{fine, password, refused, with_jobs};
use super::until_state;
use crate::harness::{CANARY, at_once, order_says};

/// A minute more than an order lasts.
const LATE: u64 = 16 * 60;

/// Nobody begins: another order follows, and the first one is heard no more.
async fn an_order_that_nobody_begins_is_followed_by_another() {
    let (mut world, vault, front) = with_jobs("").await;
    let (first, old) = world.until_ordered(1);
    until_state(&world, "vault", "in_progress");
    world.kill();
    world.let_pass(Span::from_seconds(LATE));
    world.start();
    front.lead_to(&world);
    let (second, new) = world.until_ordered(2);
    assert!(world.log().contains("runner-not-begun"), "it is said why");
    assert_ne!(order_says(&old)["id"], order_says(&new)["id"]);
    refused(&world.run_job(first, &world.sync_step(first, &old)), "order-refused");
    assert_eq!(vault.written(), 0, "only the newest order is carried out");
    fine(&world.run_job(second, &world.sync_step(second, &new)));
    until_state(&world, "vault", "success");
    assert_eq!((vault.value("db.password"), vault.written(), vault.faults()), (password(1), 1, Vec::new()));
    world.end();
    assert_eq!(world.ordered().len(), 2);
}

/// A job is handed an order that is genuine in all but its time: it opens nothing and asks nobody.
async fn a_job_refuses_an_order_that_is_over() {
    let (world, vault, _front) = with_jobs("").await;
    let (run, order) = world.until_ordered(1);
    let says = order_says(&order);
    let text = |name: &str| says[name].as_str().unwrap().to_owned();
    let ordered = Ordered {
        id: serde_json::from_value::<JobId>(says["id"].clone()).unwrap(),
        repository: RepoName::parse(&text("repository")).unwrap(),
        commit: Oid::parse(&text("commit")).unwrap(),
        decision: Sequence::new(text("decision").trim_start_matches("L-").parse().unwrap()),
        server: text("server"),
    };
    let key = SigningKey::from_pem(&std::fs::read_to_string(world.path("signing.pem")).unwrap()).unwrap();
    let issued = Timestamp::parse(&text("issued")).unwrap();
    let given = |at: Timestamp| JobOrder::give(ordered.clone(), at, &key);
    assert_eq!(given(issued), order, "it is what the server itself signs");
    let now = Timestamp::from_seconds(jiff::Timestamp::now().as_second());
    let (past, future) = (now.seconds() - LATE.cast_signed(), now.seconds() + LATE.cast_signed());
    for at in [past, future] {
        let late = given(Timestamp::from_seconds(at));
        let stepped = world.sync_step(run, &late).run(&std::env::temp_dir(), &[CANARY]);
        refused(&stepped, "order-expired");
        assert!(!stepped.outputs.contains_key("result"), "{stepped:#?}");
    }
    assert_eq!((vault.written(), vault.data()), (0, Value::Object(serde_json::Map::new())));
    assert!(!world.log().contains("a job began"), "nobody was asked");
    fine(&world.run_job(run, &world.sync_step(run, &order)));
    until_state(&world, "vault", "success");
    world.end();
}

#[test]
fn orders_and_time() {
    at_once(&[
        ("not begun", || Box::pin(an_order_that_nobody_begins_is_followed_by_another())),
        ("expired", || Box::pin(a_job_refuses_an_order_that_is_over())),
    ]);
}
