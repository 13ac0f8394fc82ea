//! Approved content leaves: to whom, how often, in which order, and what people see of it.

mod branch;
mod cluster_jobs;
mod commands;
mod delivering;
mod dying;
mod environments;
mod external;
mod failing;
mod gitops;
mod jobs;
mod kubernetes;
mod late;
mod ordered;
mod reporting;
mod vault;

use countersign_core::ledger::LedgerLine;
use github_sim::{Push, Repo};
use serde_json::{Value, json};

use crate::harness::{Receiver, SECRET, Secrets, World};

const PATH: &str = "secrets/production/db.yaml";

/// A webhook, as most plays have one.
const HOOK: &str = "{name: hook, webhook: {url_from: HOOK_URL, secret_from: HOOK_SECRET}}";

/// The usual policy where one approval suffices, with targets for production.
fn policy(syncs: &[&str]) -> String {
    format!(
        "\
version: 1
environments:
  production:
    paths: [secrets/production/]
    syncs: [{}]
  staging: {{paths: [secrets/staging/]}}
policies:
  - name: production
    environments: '*'
    approvers: {{users: [ann, bob]}}
admins: {{approvers: {{users: [zoe, ann]}}}}
",
        syncs.join(", ")
    )
}

/// A world whose policy names these targets, with a receiver behind the aliases of the webhook.
async fn world(syncs: &[&str]) -> (World, Receiver) {
    let receiver = Receiver::start().await;
    let mut world = World::without_server(&policy(syncs)).await;
    grant(&world, &receiver.url, true);
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    (world, receiver)
}

/// What the server's own settings grant.
fn grant(world: &World, url: &str, private: bool) {
    let text = format!(
        "[repositories.\"acme/app\".secrets]\n\
         HOOK_URL = {{value = \"{url}\", hosts = [\"127.0.0.1\"], allow_private = {private}}}\n\
         HOOK_SECRET = {{value = \"{SECRET}\", hosts = [\"127.0.0.1\"]}}\n"
    );
    std::fs::write(world.path("countersign.toml"), text).expect("written");
}

/// A change of production, approved and merged.
fn merged(world: &World, version: u32) -> u64 {
    let branch = format!("rita/v{version}");
    let pull =
        world.change_of(&branch, Push::to(&branch).from("main").file(PATH, Secrets::sealed("production", version)));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    pull
}

/// Only the App may move these branches.
fn guard(world: &World, branches: &str) -> u64 {
    let bypass = json!([{"actor_id": world.app.id, "actor_type": "Integration", "bypass_mode": "always"}]);
    ruleset(&world.repo, branches, bypass)
}

fn ruleset(repo: &Repo, branches: &str, bypass: Value) -> u64 {
    let body = json!({
        "name": "targets", "target": "branch", "enforcement": "active", "bypass_actors": bypass,
        "conditions": {"ref_name": {"include": [format!("refs/heads/{branches}")], "exclude": []}},
        "rules": [{"type": "update"}],
    });
    repo.ruleset(body).expect("a ruleset")
}

/// State of the newest status of the deployment of a target, newest deployment first; empty without one.
fn states(world: &World, target: &str) -> Vec<String> {
    let task = format!("countersign:{target}");
    let ours = world.repo.deployments().into_iter().rev().filter(|found| found["task"] == task);
    ours.map(|found| {
        let last = found["statuses"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
        last["state"].as_str().unwrap_or_default().to_owned()
    })
    .collect()
}

/// What the ledger says of deliveries, in a few words each.
#[track_caller]
fn receipts(world: &World) -> Vec<String> {
    let ledger = world.ledger();
    assert!(ledger.is_valid(), "{:#?}", ledger.problems());
    let lines = LedgerLine::all(&ledger).into_iter().filter(|line| line.kind == "sync");
    lines.map(|line| line.summary).collect()
}

/// Waits until the newest deployment of a target stands so.
#[track_caller]
fn until_state(world: &World, target: &str, state: &str) {
    world.until(&format!("the deployment of {target} is {state}; {:?}", states(world, target)), |world| {
        states(world, target).first().map(String::as_str) == Some(state)
    });
}

/// Once at rest, the server dies at a step of the next delivery and starts again; the request that was merged by then.
fn dies_in_the_second(world: &mut World, point: &str) -> u64 {
    let pull = will_die_in_the_second(world, point);
    starts_when_dead(world, pull);
    pull
}

/// Once at rest, the server starts anew, to die at a step of the next delivery; the request that is delivered.
fn will_die_in_the_second(world: &mut World, point: &str) -> u64 {
    world.until_quiet();
    world.kill();
    world.set("COUNTERSIGN_CRASH_AT", point);
    world.start();
    let pull = world.by_rita("rita/v2", "production");
    world.approve(&world.ann, pull);
    pull
}

/// Waits until the server is dead, and starts it to live.
fn starts_when_dead(world: &mut World, pull: u64) {
    world.until("the server is dead", |world| !world.is_alive());
    world.kill();
    world.unset("COUNTERSIGN_CRASH_AT");
    world.start();
    world.until_merged(pull);
}
