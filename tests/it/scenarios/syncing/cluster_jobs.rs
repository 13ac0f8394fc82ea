//! Values that a job applies to a Secret of a cluster: the step names the cluster and its namespaces, the server remembers which keys
//! are ours.

use github_sim::Push;
use serde_json::json;

use super::kubernetes::{DELIVERED, holding, sync_again, until_said};
use super::ordered::{fine, password, refused, started};
use super::{merged, policy, until_state};
use crate::harness::{
    CANARY, CLUSTER_TOKEN, Front, Kubernetes, SYNC_TEXT, SYNC_WORKFLOW, Step, Stepped, World, at_once, order_says,
};

/// A world whose policy lets a job fill a Secret; the server runs, holds no identity and no cluster, and has given the first order.
async fn with_jobs() -> (World, Kubernetes, Front) {
    let (mut world, cluster, front) = before_the_start("").await;
    started(&mut world, &front);
    (world, cluster, front)
}

async fn before_the_start(more: &str) -> (World, Kubernetes, Front) {
    let (cluster, front) = (Kubernetes::start().await, Front::start().await);
    let mut world = World::without_server(&policy(&[&cluster.target_in("", more)])).await;
    world.push(&world.zoe, Push::to("main").file(&format!(".github/workflows/{SYNC_WORKFLOW}"), SYNC_TEXT));
    world.set("COUNTERSIGN_PUBLIC_URL", &front.url);
    (world, cluster, front)
}

/// Runs the newest job, once so many were ordered, with what `changed` makes of its step.
#[track_caller]
fn play(world: &World, cluster: &Kubernetes, count: usize, changed: impl FnOnce(Step) -> Step) -> Stepped {
    let (run, order) = world.until_ordered(count);
    world.run_job(run, &changed(cluster.granted_to(world.sync_step(run, &order))))
}

/// The whole way, twice: the second job knows what the first one wrote, what others keep there stays, and the token of a file is
/// masked before a word is said.
async fn a_job_fills_a_secret() {
    const NEXT: &str = "eyJ.the-next-token";
    let (world, cluster, _front) = with_jobs().await;
    cluster.change("foreign", Some(b"stays"));
    cluster.apply_by("helm", "chart", "1.2");
    let stepped = play(&world, &cluster, 1, |step| step);
    fine(&stepped);
    assert!(stepped.masks.iter().any(|mask| mask == CLUSTER_TOKEN) && stepped.before_the_masks == 0, "{stepped:#?}");
    until_state(&world, "k8s", "success");
    assert_eq!(cluster.value("db.password"), password(1));
    cluster.rotate(&world, NEXT);
    let pull = merged(&world, 2);
    let file = world.path("cluster.token").display().to_string();
    let of_file =
        |step: Step| step.set("COUNTERSIGN_KUBERNETES_TOKEN", "").set("COUNTERSIGN_KUBERNETES_TOKEN_FILE", &file);
    let stepped = play(&world, &cluster, 2, of_file);
    fine(&stepped);
    assert!(stepped.masks.iter().any(|mask| mask == NEXT) && stepped.before_the_masks == 0, "{stepped:#?}");
    assert!(!stepped.log.contains(NEXT) && stepped.outputs["result"].contains("converged"), "{stepped:#?}");
    world.until_comment(pull, DELIVERED);
    let (decision, commit) = world.merges()[0].clone();
    assert_eq!(cluster.annotation("countersign.dev/commit"), commit.as_str());
    assert_eq!(cluster.annotation("countersign.dev/decision"), decision.label());
    let two = password(2).expect("a password");
    let expected = holding(&[("chart", "1.2"), ("db.password", &two), ("db.user", "app"), ("foreign", "stays")]);
    assert_eq!((cluster.data(), cluster.applied(), cluster.faults()), (expected, (2, 0), Vec::new()));
    world.end();
    assert_eq!(world.ordered().len(), 2, "one order for each generation");
    let log = world.log();
    assert!(![CANARY, CLUSTER_TOKEN, NEXT].iter().any(|secret| log.contains(secret)), "the server never had them");
}

/// What the step does not grant is not asked: the target says which variable it is, and a person starts the next job.
async fn a_step_that_grants_no_such_place_writes_nothing() {
    let (world, cluster, _front) = with_jobs().await;
    let (run, order) = world.until_ordered(1);
    refused(&world.run_job(run, &world.sync_step(run, &order)), "cluster-not-granted");
    until_state(&world, "k8s", "failure");
    let pull = merged(&world, 2);
    let hidden = cluster.url.replace("http://", "https://");
    let pem = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----";
    let missing = "`cluster-not-granted`: no cluster is granted to `production` of acme/app: ";
    let cases: [(&str, &str, &str, String); 5] = [
        ("TOKEN", "", "cluster-not-granted", format!("{missing}the step does not hold `COUNTERSIGN_KUBERNETES_TOKEN`")),
        (
            "NAMESPACES",
            "web",
            "cluster-not-granted",
            "`cluster-not-granted`: the namespace `payments` is not granted to `production` of acme/app".to_owned(),
        ),
        (
            "PRIVATE",
            "",
            "cluster-not-granted",
            format!("{missing}`COUNTERSIGN_KUBERNETES_SERVER` of the step is no address"),
        ),
        (
            "CA",
            pem,
            "cluster-not-granted",
            "`cluster-not-granted`: the granted authority of the cluster holds".to_owned(),
        ),
        ("SERVER", &hidden, "target-address-private", "`target-address-private`: 127.0.0.1 is at".to_owned()),
    ];
    for (count, (name, value, code, told)) in (2..).zip(&cases) {
        let changed = |step: Step| {
            // an address that is not public, over https, without the word that allows it
            let step = if *name == "SERVER" { step.set("COUNTERSIGN_KUBERNETES_PRIVATE", "") } else { step };
            step.set(&format!("COUNTERSIGN_KUBERNETES_{name}"), value)
        };
        refused(&play(&world, &cluster, count, changed), code);
        until_said(&world, pull, &format!("| `production/k8s` | **failed** · {told}"));
        assert_eq!((cluster.applied(), cluster.faults()), ((0, 0), Vec::new()), "{name}");
        sync_again(&world, pull);
    }
    fine(&play(&world, &cluster, 7, |step| step));
    world.until_comment(pull, DELIVERED);
    assert_eq!((cluster.value("db.password"), cluster.applied()), (password(2), (1, 0)));
    world.end();
}

/// The job dies around its write: another goes on where it was, and every value is applied once.
async fn a_job_that_dies_is_followed_by_another(point: &'static str, before: usize) {
    let (world, cluster, _front) = with_jobs().await;
    let died = play(&world, &cluster, 1, |step| step.set("COUNTERSIGN_CRASH_AT", point));
    assert!(died.code.is_none_or(|code| code >= 128), "{died:#?}");
    assert_eq!(cluster.applied(), (before, 0), "{point}");
    fine(&play(&world, &cluster, 2, |step| step));
    until_state(&world, "k8s", "success");
    let seen = (cluster.value("db.password"), cluster.applied(), cluster.faults());
    assert_eq!(seen, (password(1), (1, 0), Vec::new()), "{point}");
    let ids: Vec<_> = world.ordered().iter().map(|(_, order)| order_says(order)["id"].clone()).collect();
    assert_ne!(ids[0], ids[1], "the first order is over");
    world.end();
}

/// An order of a generation that is over writes nothing, whichever job comes first.
async fn an_old_order_is_not_carried_out() {
    let (world, cluster, _front) = with_jobs().await;
    let (first, old) = world.until_ordered(1);
    let pull = merged(&world, 2);
    let (second, new) = world.until_ordered(2);
    let step = |run: u64, order: &str| cluster.granted_to(world.sync_step(run, order));
    refused(&world.run_job(first, &step(first, &old)), "order-superseded");
    assert_eq!(cluster.applied(), (0, 0), "never old over new");
    let pinless = step(second, &new).set("COUNTERSIGN_TRUST", "").run(&std::env::temp_dir(), &[CANARY, CLUSTER_TOKEN]);
    refused(&pinless, "order-without-trust");
    fine(&world.run_job(second, &step(second, &new)));
    world.until_comment(pull, DELIVERED);
    let third = world.repo.start_workflow(&world.rita, (SYNC_WORKFLOW, "main"), &json!({"countersign": new}));
    let third = third.expect("a run");
    refused(&world.run_job(third, &step(third, &new)), "order-refused");
    assert_eq!((cluster.applied(), cluster.faults()), ((1, 0), Vec::new()));
    world.end();
}

/// A server that is granted the cluster sees what somebody changed there; what they took over is theirs for the next job, too.
async fn a_server_that_may_look_sees_what_was_changed() {
    let (mut world, cluster, front) = before_the_start("").await;
    cluster.grant_place(&world, &["payments"]);
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    started(&mut world, &front);
    fine(&play(&world, &cluster, 1, |step| step));
    until_state(&world, "k8s", "success");
    let pull = merged(&world, 2);
    fine(&play(&world, &cluster, 2, |step| step));
    world.until_comment(pull, DELIVERED);
    cluster.change("db.password", Some(b"by hand"));
    world.until_comment(pull, "`target-differs`");
    sync_again(&world, pull);
    refused(&play(&world, &cluster, 3, |step| step), "target-keys-not-ours");
    world.until_comment(pull, "`target-keys-not-ours`");
    assert_eq!((cluster.value("db.password").as_deref(), cluster.applied()), (Some("by hand"), (2, 0)));
    assert_eq!(cluster.faults(), Vec::<String>::new());
    world.no_violations();
}

#[test]
fn jobs_that_deliver_to_a_cluster() {
    at_once(&[
        ("fills", || Box::pin(a_job_fills_a_secret())),
        ("not granted", || Box::pin(a_step_that_grants_no_such_place_writes_nothing())),
        ("claimed", || Box::pin(a_job_that_dies_is_followed_by_another("sync-claimed", 0))),
        ("filled", || Box::pin(a_job_that_dies_is_followed_by_another("sync-filled", 1))),
        ("old orders", || Box::pin(an_old_order_is_not_carried_out())),
        ("seen", || Box::pin(a_server_that_may_look_sees_what_was_changed())),
    ]);
}
