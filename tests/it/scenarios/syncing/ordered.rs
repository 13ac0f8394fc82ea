//! Values that a job delivers: the server gives an order and holds no key; the job believes the ledger, and the server the job that
//! it started.

use github_sim::{Level, Push};
use serde_json::{Value, json};

use super::{merged, policy, receipts, until_state};
use crate::harness::{
    CANARY, Front, SYNC_TEXT, SYNC_WORKFLOW, Secrets, Stepped, VAULT_TOKEN, Vault, World, at_once, order_says,
};

/// A world whose policy lets a job fill a store; the server runs, holds no identity and no token, and has given the first order.
pub(super) async fn with_jobs(more: &str) -> (World, Vault, Front) {
    let (mut world, vault, front) = before_the_start(more).await;
    started(&mut world, &front);
    (world, vault, front)
}

async fn before_the_start(more: &str) -> (World, Vault, Front) {
    let (vault, front) = (Vault::start().await, Front::start().await);
    let mut world = World::without_server(&policy(&[&vault.target_in("", more)])).await;
    world.push(&world.zoe, Push::to("main").file(&format!(".github/workflows/{SYNC_WORKFLOW}"), SYNC_TEXT));
    world.set("COUNTERSIGN_PUBLIC_URL", &front.url);
    (world, vault, front)
}

pub(super) fn started(world: &mut World, front: &Front) {
    world.start();
    front.lead_to(world);
}

pub(super) fn password(version: u32) -> Option<String> {
    Some(format!("{CANARY}-{version}"))
}

#[track_caller]
pub(super) fn fine(stepped: &Stepped) {
    assert_eq!(stepped.code, Some(0), "{stepped:#?}");
}

#[track_caller]
pub(super) fn refused(stepped: &Stepped, code: &str) {
    assert_ne!(stepped.code, Some(0), "{stepped:#?}");
    assert_eq!(stepped.outputs.get("reason-code").map(String::as_str), Some(code), "{stepped:#?}");
}

/// The whole way, twice: what the first job wrote is ours for the second, and what others keep there stays. Neither value nor token
/// is ever at the server.
async fn a_job_delivers_and_says_so() {
    let (world, vault, _front) = with_jobs("").await;
    vault.change("foreign", Some("stays".into()));
    let (run, order) = world.until_ordered(1);
    let says = order_says(&order);
    assert_eq!((&says["repository"], &says["target"]), (&json!("acme/app"), &json!("vault")));
    assert_eq!(says["repository_id"], json!(world.repo.id));
    assert_eq!((vault.written(), order.contains(CANARY)), (0, false));
    fine(&world.run_job(run, &world.sync_step(run, &order)));
    until_state(&world, "vault", "success");
    assert_eq!(vault.value("db.password"), password(1));
    let pull = merged(&world, 2);
    let stepped = world.play_job(2);
    fine(&stepped);
    assert!(stepped.outputs["result"].contains("converged"), "{stepped:#?}");
    world.until_comment(pull, "| `production/vault` | delivered |");
    let expected = json!({"foreign": "stays", "db.user": "app", "db.password": format!("{CANARY}-2")});
    assert_eq!((vault.data(), vault.written(), vault.faults()), (expected, 2, Vec::new()));
    assert!(receipts(&world).iter().all(|line| line.contains("converged")), "{:?}", receipts(&world));
    world.end();
    assert_eq!(world.ordered().len(), 2, "one order for each generation");
    let log = world.log();
    assert!(!log.contains(CANARY) && !log.contains(VAULT_TOKEN), "the server never had them");
}

/// An order of a generation that is over is not carried out, and neither is one that was carried out, or changed on the way.
async fn an_old_order_is_worth_nothing() {
    let (world, vault, _front) = with_jobs("").await;
    let (first, old) = world.until_ordered(1);
    let pull = merged(&world, 2);
    let (second, new) = world.until_ordered(2);
    refused(&world.run_job(first, &world.sync_step(first, &old)), "order-superseded");
    assert_eq!(vault.written(), 0, "never old over new");
    let step = world.sync_step(second, &new);
    let changed = new.replace("\"environment\":\"production\"", "\"environment\":\"staging\"");
    for (text, code) in
        [(changed, "order-malformed"), (format!("{new} "), "order-malformed"), ("{}".into(), "order-malformed")]
    {
        let stepped = world.sync_step(second, &text).run(&std::env::temp_dir(), &[CANARY]);
        refused(&stepped, code);
    }
    // signed by a key that the ledger does not name
    let other = new.replace("\"decision\":\"L-", "\"decision\":\"L-9");
    refused(&world.sync_step(second, &other).run(&std::env::temp_dir(), &[CANARY]), "order-not-signed");
    fine(&world.run_job(second, &step));
    world.until_comment(pull, "| `production/vault` | delivered |");
    let written = vault.written();
    // somebody starts the workflow by hand, with an order from the log
    let inputs = json!({"countersign": new});
    let third = world.repo.start_workflow(&world.rita, (SYNC_WORKFLOW, "main"), &inputs).expect("a run");
    refused(&world.run_job(third, &world.sync_step(third, &new)), "order-refused");
    assert_eq!((vault.written(), vault.faults()), (written, Vec::new()));
    world.end();
}

/// A job without a pin, or of another branch or event, opens nothing.
async fn a_job_that_should_have_no_keys_uses_none() {
    let (world, vault, _front) = with_jobs("").await;
    let (run, order) = world.until_ordered(1);
    let tried = |name: &str, value: &str| {
        world.sync_step(run, &order).set(name, value).run(&std::env::temp_dir(), &[CANARY, VAULT_TOKEN])
    };
    refused(&tried("COUNTERSIGN_TRUST", ""), "order-without-trust");
    refused(&tried("GITHUB_REF", "refs/heads/rita"), "order-on-this-event");
    refused(&tried("GITHUB_EVENT_NAME", "push"), "order-on-this-event");
    let stepped = tried("ACTIONS_ID_TOKEN_REQUEST_URL", "");
    assert!(stepped.log.contains("id-token: write"), "{stepped:#?}");
    assert_eq!(vault.written(), 0);
    fine(&world.run_job(run, &world.sync_step(run, &order)));
    until_state(&world, "vault", "success");
    world.end();
}

/// A word about an order, with a token; the status of the answer, and its text.
async fn word(front: &Front, id: &str, token: &str, word: &Value) -> (u16, String) {
    let request = reqwest::Client::new().post(format!("{}/api/v1/syncs/{id}/status", front.url));
    let answer = request.bearer_auth(token).json(word).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// A token of a run for an audience.
async fn token(world: &World, run: u64, audience: &str) -> String {
    let (address, secret) = world.repo.id_token_request(run);
    let request = reqwest::Client::new().get(format!("{address}&audience={audience}")).bearer_auth(secret);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    answer["value"].as_str().expect("a token").to_owned()
}

/// Only the job that was started is heard, about its own order.
async fn a_stranger_is_not_heard() {
    let (world, vault, front) = with_jobs("").await;
    let (run, order) = world.until_ordered(1);
    until_state(&world, "vault", "in_progress");
    let says = order_says(&order);
    let (id, generation) = (says["id"].as_str().expect("an id").to_owned(), says["generation"].clone());
    let done = json!({"state": "converged", "generation": generation});
    let ours = token(&world, run, &front.url).await;
    let text = format!("# rita's own\n{SYNC_TEXT}");
    let own = Push::to("rita/own").from("main").file(&format!(".github/workflows/{SYNC_WORKFLOW}"), text);
    world.push(&world.rita, own);
    let start =
        |file: &str, branch: &str| world.repo.start_workflow(&world.rita, (file, branch), &json!({})).expect("a run");
    let strangers = [
        ("no token at all", "nonsense".to_owned()),
        ("for somebody else", token(&world, run, "https://elsewhere.example").await),
        ("signed by nobody", format!("{}AAAA", &ours[..ours.len() - 4])),
        ("another workflow", token(&world, start("other.yml", "main"), &front.url).await),
        ("another branch", token(&world, start(SYNC_WORKFLOW, "rita/own"), &front.url).await),
        ("another run", token(&world, start(SYNC_WORKFLOW, "main"), &front.url).await),
    ];
    for (what, token) in strangers {
        let (status, text) = word(&front, &id, &token, &done).await;
        assert_eq!(status, 401, "{what}: {text}");
        assert!(text.contains("\"help\""), "{text}");
    }
    let wrong = [
        ("another generation", id.clone(), json!({"state": "converged", "generation": 4_000}), 409),
        ("another attempt", format!("{}2", &id[..id.len() - 1]), done.clone(), 409),
        ("an end without a beginning", id.clone(), done.clone(), 409),
        ("another state", id.clone(), json!({"state": "accepted", "generation": generation}), 400),
        ("another repository", id.replace("job_", "job_9"), done.clone(), 401),
    ];
    for (what, id, said, status) in wrong {
        let (found, text) = word(&front, &id, &ours, &said).await;
        assert_eq!(found, status, "{what}: {text}");
    }
    assert_eq!(world.repo.workflow_runs().len(), 4);
    assert_eq!(vault.written(), 0);
    fine(&world.run_job(run, &world.sync_step(run, &order)));
    until_state(&world, "vault", "success");
    world.end();
}

/// Keys of others are not taken by a job either; it says so, and waits for a person.
async fn a_job_takes_no_keys_of_others() {
    let (world, vault, _front) = with_jobs("").await;
    fine(&world.play_job(1));
    until_state(&world, "vault", "success");
    vault.change("db.user", None);
    let pull = merged(&world, 2);
    fine(&world.play_job(2));
    world.until_comment(pull, "| `production/vault` | delivered |");
    let (world, vault, _front) = with_jobs("").await;
    vault.change("db.user", Some("somebody else's".into()));
    let stepped = world.play_job(1);
    refused(&stepped, "target-keys-not-ours");
    until_state(&world, "vault", "failure");
    assert_eq!((vault.written(), vault.data()), (0, json!({"db.user": "somebody else's"})));
    world.until_quiet();
    assert_eq!(world.ordered().len(), 1, "no job is started again for it");
    vault.change("db.user", None);
    let pull = merged(&world, 2);
    fine(&world.play_job(2));
    world.until_comment(pull, "| `production/vault` | delivered |");
    world.end();
}

/// The job dies: the next order is carried out by another, and every value is written once.
async fn a_job_that_dies_is_followed_by_another(point: &'static str, before: usize) {
    let (world, vault, _front) = with_jobs("").await;
    let (run, order) = world.until_ordered(1);
    let step = world.sync_step(run, &order).set("COUNTERSIGN_CRASH_AT", point);
    let died = world.run_job(run, &step);
    assert!(died.code.is_none_or(|code| code >= 128), "{died:#?}");
    assert_eq!(vault.written(), before, "{point}");
    fine(&world.play_job(2));
    until_state(&world, "vault", "success");
    assert_eq!((vault.value("db.password"), vault.written(), vault.faults()), (password(1), 1, Vec::new()), "{point}");
    let ids: Vec<_> = world.ordered().iter().map(|(_, order)| order_says(order)["id"].clone()).collect();
    assert_ne!(ids[0], ids[1], "the first order is over");
    world.end();
}

/// The server dies after it started the job: it finds it again and starts no second one.
async fn a_server_that_dies_finds_its_job(point: &'static str) {
    let (mut world, vault, front) = before_the_start("").await;
    world.set("COUNTERSIGN_CRASH_AT", point);
    world.start();
    world.until("the server is dead", |world| !world.is_alive());
    world.kill();
    world.unset("COUNTERSIGN_CRASH_AT");
    started(&mut world, &front);
    fine(&world.play_job(1));
    until_state(&world, "vault", "success");
    assert_eq!((vault.value("db.password"), vault.written()), (password(1), 1), "{point}");
    world.end();
}

/// Secrets of a GitHub environment, by a job that was handed a token that may write them; the server sees who writes there later.
async fn a_job_fills_a_github_environment() {
    let front = Front::start().await;
    let target = "{name: actions, github_environment: {environment: production, keys: ['APP_*']}}";
    let mut world = World::without_server(&policy(&[target])).await;
    world.installation.set_permission("environments", Some(Level::Write));
    let sealed = Secrets::of(&format!("APP_TOKEN: {CANARY}-1\nAPP_USER: app\n"));
    let workflow = format!(".github/workflows/{SYNC_WORKFLOW}");
    world.push(&world.zoe, Push::to("main").file(&workflow, SYNC_TEXT).file("secrets/production/app.yaml", sealed));
    world.repo.set_secret("production", "OTHER", Some("stays"));
    world.set("COUNTERSIGN_PUBLIC_URL", &front.url);
    started(&mut world, &front);
    fine(&world.play_job(1));
    until_state(&world, "actions", "success");
    let values = |world: &World| -> Vec<(String, String)> {
        world.repo.secrets("production").into_iter().map(|(name, (value, _))| (name, value)).collect()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let first = format!("{CANARY}-1");
    assert_eq!(values(&world), [pair("APP_TOKEN", &first), pair("APP_USER", "app"), pair("OTHER", "stays")]);
    let main = world.on_main("secrets/production/app.yaml").expect("it is there");
    let (branch, text) = ("rita/token", Secrets::set_in(&main, "APP_TOKEN", "new"));
    let push = Push::to(branch).from("main").file("secrets/production/app.yaml", text);
    let pull = world.change_of(branch, push);
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    fine(&world.play_job(2));
    world.until_comment(pull, "| `production/actions` | delivered |");
    assert_eq!(values(&world), [pair("APP_TOKEN", "new"), pair("APP_USER", "app"), pair("OTHER", "stays")]);
    world.end();
}

/// Without an address there is nobody to report to, and nothing is started.
async fn without_an_address_nothing_is_started() {
    let vault = Vault::start().await;
    let mut world = World::without_server(&policy(&[&vault.target_in("run_in: runner, ", "")])).await;
    world.start();
    until_state(&world, "vault", "error");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/vault` | **blocked** · `runner-without-address`");
    assert_eq!((world.repo.workflow_runs().len(), vault.written()), (0, 0));
    world.end();
}

#[test]
fn jobs_that_deliver() {
    at_once(&[
        ("delivers", || Box::pin(a_job_delivers_and_says_so())),
        ("old orders", || Box::pin(an_old_order_is_worth_nothing())),
        ("no keys", || Box::pin(a_job_that_should_have_no_keys_uses_none())),
        ("strangers", || Box::pin(a_stranger_is_not_heard())),
        ("keys of others", || Box::pin(a_job_takes_no_keys_of_others())),
        ("environment", || Box::pin(a_job_fills_a_github_environment())),
        ("no address", || Box::pin(without_an_address_nothing_is_started())),
    ]);
}

#[test]
fn jobs_that_deliver_and_a_crash() {
    at_once(&[
        ("job claimed", || Box::pin(a_job_that_dies_is_followed_by_another("sync-claimed", 0))),
        ("job filled", || Box::pin(a_job_that_dies_is_followed_by_another("sync-filled", 1))),
        ("server noted", || Box::pin(a_server_that_dies_finds_its_job("sync-noted"))),
        ("server sent", || Box::pin(a_server_that_dies_finds_its_job("sync-sent"))),
        ("server ended", || Box::pin(a_server_that_dies_finds_its_job("sync-ended"))),
    ]);
}
