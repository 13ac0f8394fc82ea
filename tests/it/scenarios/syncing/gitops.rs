//! Places that follow Git by themselves: told once per generation, looked at until they are there.

use super::{merged, policy, receipts, starts_when_dead, until_state, will_die_in_the_second};
use crate::harness::{ARGO_TOKEN, Answer, Argo, FLUX_TOKEN, Flux, World, at_once};

const FLUX: &str =
    "{name: cluster, flux: {url_from: FLUX_URL, token_from: FLUX_TOKEN, verify: {context: 'kustomization/*'}}}";
const UNVERIFIED: &str = "{name: cluster, flux: {url_from: FLUX_URL, token_from: FLUX_TOKEN}}";
/// What Flux calls its status.
const CONTEXT: &str = "kustomization/app/0c9c2e41";

async fn with_flux(target: &str) -> (World, Flux) {
    let flux = Flux::start().await;
    let world = World::without_server(&policy(&[target])).await;
    let text = format!(
        "[repositories.\"acme/app\".secrets]\n\
         FLUX_URL = {{value = \"{}\", hosts = [\"127.0.0.1\"], allow_private = true}}\n\
         FLUX_TOKEN = {{value = \"{FLUX_TOKEN}\", hosts = [\"127.0.0.1\"]}}\n",
        flux.url
    );
    std::fs::write(world.path("countersign.toml"), text).expect("written");
    (world, flux)
}

async fn with_argo(automatic: bool, more: &str) -> (World, Argo) {
    let argo = Argo::start(automatic).await;
    let target =
        format!("{{name: argo, argocd: {{url: '{}', application: payments, token_from: ARGO_TOKEN}}{more}}}", argo.url);
    let world = World::without_server(&policy(&[&target])).await;
    let text = format!(
        "[repositories.\"acme/app\".secrets]\n\
         ARGO_TOKEN = {{value = \"{ARGO_TOKEN}\", hosts = [\"127.0.0.1\"], allow_private = true}}\n"
    );
    std::fs::write(world.path("countersign.toml"), text).expect("written");
    argo.follow(&world.repo);
    (world, argo)
}

/// Flux sets its status with the token of some account that may write.
fn says(world: &World, state: &str) {
    let tip = world.repo.tip("main").expect("a tip");
    world.repo.set_status(&world.zoe, &tip, CONTEXT, state).expect("a status");
}

/// Asked once, and delivered when its commit status says so; a failure is told meanwhile, and mends itself.
async fn flux_is_there_when_its_status_says_so() {
    let (mut world, flux) = with_flux(FLUX).await;
    world.start();
    until_state(&world, "cluster", "in_progress");
    says(&world, "success");
    until_state(&world, "cluster", "success");
    let pull = merged(&world, 2);
    world.until("it is asked again", |_| flux.asked().len() == 2);
    until_state(&world, "cluster", "in_progress");
    // somebody else's status is not Flux's
    let tip = world.repo.tip("main").expect("a tip");
    world.repo.set_status(&world.zoe, &tip, "ci/test", "success").expect("a status");
    says(&world, "failure");
    world.until_comment(pull, "`target-unwell`");
    says(&world, "success");
    until_state(&world, "cluster", "success");
    world.until_comment(pull, "| `production/cluster` | delivered |");
    world.until_quiet();
    let asked = flux.asked();
    assert_eq!((asked.len(), flux.refused()), (2, 0), "{asked:#?}");
    assert_eq!((asked[1]["commit"].as_str(), asked[1]["target"].as_str()), (Some(tip.as_str()), Some("cluster")));
    let receipts = receipts(&world);
    assert!(receipts.iter().any(|line| line.starts_with("production/cluster converged: ")), "{receipts:#?}");
    world.end();
}

/// What a receiver can answer: tried again, or final with its remedy. Without `verify` it is accepted.
async fn flux_says_no_in_every_way() {
    let (mut world, flux) = with_flux(UNVERIFIED).await;
    flux.will([Answer::Status(404), Answer::Status(500), Answer::Busy(503, 1), Answer::Garbage]);
    world.start();
    until_state(&world, "cluster", "success");
    assert_eq!(flux.asked().len(), 5);
    for (version, answer) in [(2, Answer::Status(400)), (3, Answer::Redirect)] {
        let before = flux.asked().len();
        flux.will([answer]);
        let pull = merged(&world, version);
        world.until_comment(pull, "| `production/cluster` | **failed** · `delivery-refused`");
        world.until_quiet();
        assert_eq!(flux.asked().len(), before + 1, "{answer:?} is not tried again");
        world.repo.comment(&world.rita, pull, "/cs sync cluster").expect("a comment");
        world.until_comment(pull, "| `production/cluster` | accepted, not verified |");
    }
    assert_eq!(flux.refused(), 0);
    world.end();
}

/// Synced to exactly the approved commit, and looked at until cluster and health agree. A sync that failed waits for a person.
async fn argo_is_synced_to_the_approved_commit() {
    let (mut world, argo) = with_argo(false, "").await;
    world.start();
    world.until("the adoption is synced", |_| argo.is_running());
    argo.arrive();
    until_state(&world, "argo", "success");
    let pull = merged(&world, 2);
    let tip = world.repo.tip("main").expect("a tip");
    world.until("the merge is synced", |_| argo.synced().len() == 2);
    until_state(&world, "argo", "in_progress");
    argo.fail();
    world.until_comment(pull, "| `production/argo` | **failed** · `target-reported-failure`");
    world.until_quiet();
    assert_eq!(argo.synced().len(), 2);
    world.repo.comment(&world.rita, pull, "/cs sync argo").expect("a comment");
    world.until("it is synced again", |_| argo.synced().len() == 3);
    argo.health("Degraded");
    argo.arrive();
    world.until_comment(pull, "`target-unwell`");
    argo.health("Healthy");
    until_state(&world, "argo", "success");
    world.until_comment(pull, "| `production/argo` | delivered |");
    world.until_quiet();
    let synced = argo.synced();
    assert_eq!(synced.len(), 3, "{synced:#?}");
    assert!(synced[1..].iter().all(|one| one["revision"] == tip.as_str()), "{synced:#?}");
    assert_eq!(synced[2]["infos"], serde_json::json!([{"name": "countersign", "value": world.merges()[0].0.label()}]));
    assert!(argo.refreshed() >= 3);
    assert_eq!(argo.faults(), Vec::<String>::new());
    world.end();
}

/// Changed by hand: said, and not undone; with `reapply` it is synced again to what is approved.
async fn argo_that_strays_is_told_or_set_back(more: &str, reapply: bool) {
    let (mut world, argo) = with_argo(false, more).await;
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    world.start();
    world.until("the adoption is synced", |_| argo.is_running());
    argo.arrive();
    until_state(&world, "argo", "success");
    let pull = merged(&world, 2);
    world.until("the merge is synced", |_| argo.synced().len() == 2);
    argo.arrive();
    until_state(&world, "argo", "success");
    argo.stray();
    if reapply {
        world.until("it is synced once more", |_| argo.synced().len() == 3);
    } else {
        world.until_comment(pull, "`target-differs`");
        until_state(&world, "argo", "failure");
        assert_eq!(argo.synced().len(), 2, "what differs is only said");
        world.repo.comment(&world.rita, pull, "/cs sync argo").expect("a comment");
        world.until("a person asks for it again", |_| argo.synced().len() == 3);
    }
    argo.arrive();
    until_state(&world, "argo", "success");
    world.until_comment(pull, "| `production/argo` | delivered |");
    assert_eq!(argo.faults(), Vec::<String>::new());
    // a server that sweeps all the time is never without work
    world.no_violations();
}

/// With its own automatic sync it is only refreshed.
async fn argo_that_syncs_by_itself_is_refreshed() {
    let (mut world, argo) = with_argo(true, "").await;
    world.start();
    world.until("the adoption is told", |_| argo.refreshed() == 1);
    argo.arrive();
    until_state(&world, "argo", "success");
    let pull = merged(&world, 2);
    world.until("the merge is told", |_| argo.refreshed() == 2);
    until_state(&world, "argo", "in_progress");
    argo.arrive();
    world.until_comment(pull, "| `production/argo` | delivered |");
    assert_eq!((argo.synced(), argo.faults()), (Vec::new(), Vec::new()));
    world.end();
}

/// Busy with somebody else's operation, a page for people, no answer: tried again, or final with its remedy.
async fn argo_says_no_in_every_way() {
    let (mut world, argo) = with_argo(false, "").await;
    argo.occupy();
    world.start();
    until_state(&world, "argo", "queued");
    argo.will([Answer::Page, Answer::Status(500), Answer::Garbage]);
    argo.fail();
    world.until("it is synced once the way is free", |_| argo.synced().len() == 1);
    argo.arrive();
    until_state(&world, "argo", "success");
    for (version, answer) in [(2, Answer::Status(401)), (3, Answer::Status(403)), (4, Answer::Redirect)] {
        let before = argo.synced().len();
        argo.will([answer]);
        let pull = merged(&world, version);
        world.until_comment(pull, "| `production/argo` | **failed** · `delivery-refused`");
        world.until_quiet();
        assert_eq!(argo.synced().len(), before, "{answer:?} is not tried again");
        world.repo.comment(&world.rita, pull, "/cs sync argo").expect("a comment");
        world.until("it is synced after all", |_| argo.synced().len() == before + 1);
        argo.arrive();
        until_state(&world, "argo", "success");
    }
    assert_eq!(argo.faults(), Vec::<String>::new());
    world.end();
}

/// Killed around the second delivery: the same end, and one sync per generation all the same.
async fn argo_is_synced_once_whatever_dies(point: &'static str) {
    let (mut world, argo) = with_argo(false, "").await;
    world.start();
    world.until("the adoption is synced", |_| argo.is_running());
    argo.arrive();
    until_state(&world, "argo", "success");
    let pull = will_die_in_the_second(&mut world, point);
    // the later steps come once it has arrived
    world.until("it is synced, or the server is dead", |world| argo.synced().len() == 2 || !world.is_alive());
    if argo.is_running() {
        argo.arrive();
    }
    starts_when_dead(&mut world, pull);
    world.until("it is synced", |_| argo.synced().len() == 2);
    if argo.is_running() {
        argo.arrive();
    }
    until_state(&world, "argo", "success");
    world.until_comment(pull, "| `production/argo` | delivered |");
    world.until_quiet();
    assert_eq!((argo.synced().len(), argo.faults()), (2, Vec::new()), "{point}");
    world.end();
}

#[test]
fn flux() {
    at_once(&[
        ("verified", || Box::pin(flux_is_there_when_its_status_says_so())),
        ("refused", || Box::pin(flux_says_no_in_every_way())),
    ]);
}

#[test]
fn argo() {
    at_once(&[
        ("synced", || Box::pin(argo_is_synced_to_the_approved_commit())),
        ("automatic", || Box::pin(argo_that_syncs_by_itself_is_refreshed())),
        ("refused", || Box::pin(argo_says_no_in_every_way())),
        ("told", || Box::pin(argo_that_strays_is_told_or_set_back("", false))),
        ("set back", || Box::pin(argo_that_strays_is_told_or_set_back(", on_drift: reapply", true))),
    ]);
}

#[test]
fn argo_and_a_crash() {
    at_once(&[
        ("due", || Box::pin(argo_is_synced_once_whatever_dies("sync-due"))),
        ("noted", || Box::pin(argo_is_synced_once_whatever_dies("sync-noted"))),
        ("sent", || Box::pin(argo_is_synced_once_whatever_dies("sync-sent"))),
        ("recorded", || Box::pin(argo_is_synced_once_whatever_dies("sync-recorded"))),
    ]);
}
