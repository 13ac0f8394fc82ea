//! Environments: their secrets, written sealed, listed, never read back; their rules, answered once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use github_sim::{AppConfig, Level};
use serde_json::{Value, json};

use crate::world::{Client, World};

const AT: &str = "/repos/acme/app/environments/production/secrets";

/// Seals a value for the key an environment shows, as a caller would.
fn sealed(key: &Value, value: &str) -> Value {
    let bytes: [u8; 32] = STANDARD.decode(key["key"].as_str().unwrap()).unwrap().try_into().unwrap();
    let boxed = PublicKey::from(bytes).seal(&mut OsRng, value.as_bytes()).unwrap();
    json!({"encrypted_value": STANDARD.encode(boxed), "key_id": key["key_id"]})
}

/// An App that may do this with environments, and nothing else.
fn with(world: &World, name: &str, level: Level) -> Client {
    let app = world.sim.app(AppConfig::new(name, &[("environments", level)], &[]));
    Client::new(&world.sim, Some(app.install(&world.acme, &[&world.repo]).token().unwrap()))
}

#[tokio::test]
async fn a_secret_is_written_sealed_and_listed_without_its_value() {
    let world = World::new().await;
    let app = with(&world, "Keeper", Level::Write);
    assert_eq!(app.get(AT).await.status, 404, "there is no such environment");
    world.repo.set_secret("production", "OTHER", Some("by hand"));
    let key = app.get(&format!("{AT}/public-key")).await.body;
    let put = |name: &str, body: Value| {
        let (app, path) = (&app, format!("{AT}/{name}"));
        async move { app.send("PUT", &path, Some(body)).await.status }
    };
    assert_eq!(put("app_token", sealed(&key, "hunter2")).await, 201);
    assert_eq!(put("APP_TOKEN", sealed(&key, "hunter3")).await, 204);
    let listed = app.get(&format!("{AT}?per_page=100")).await.body;
    assert_eq!((listed["total_count"].as_u64(), listed["secrets"][0]["name"].as_str()), (Some(2), Some("APP_TOKEN")));
    assert!(!listed.to_string().contains("hunter"), "{listed}");
    assert_eq!(world.repo.secrets("production")["APP_TOKEN"].0, "hunter3");
    for (name, body) in [
        ("GITHUB_X", sealed(&key, "x")),
        ("1ST", sealed(&key, "x")),
        ("A-B", sealed(&key, "x")),
        ("A", json!({"encrypted_value": STANDARD.encode("no box"), "key_id": key["key_id"]})),
        ("A", sealed(&key, &"x".repeat(48 * 1024 + 1))),
    ] {
        assert_eq!(put(name, body).await, 422, "{name}");
    }
    world.repo.rotate_key("production");
    assert_eq!(put("A", sealed(&key, "x")).await, 422, "the key is an old one");
    let key = app.get(&format!("{AT}/public-key")).await.body;
    assert_eq!(put("A", sealed(&key, "x")).await, 201);
    assert_eq!(app.send("DELETE", &format!("{AT}/A"), None).await.status, 204);
    assert_eq!(app.send("DELETE", &format!("{AT}/A"), None).await.status, 404);
    let reader = with(&world, "Reader", Level::Read);
    assert_eq!(reader.get(&format!("{AT}/OTHER")).await.status, 200);
    assert_eq!(reader.send("PUT", &format!("{AT}/B"), Some(sealed(&key, "x"))).await.status, 403);
}

#[tokio::test]
async fn a_job_waits_for_the_rule_of_its_environment() {
    let world = World::new().await;
    let permissions = [("actions", Level::Read), ("deployments", Level::Write)];
    let app = world.sim.app(AppConfig::new("Gate", &permissions, &["deployment_protection_rule"]));
    let gate = Client::new(&world.sim, Some(app.install(&world.acme, &[&world.repo]).token().unwrap()));
    world.repo.gate("production", &app);
    let run = world.repo.start_job(&world.alice, ("deploy.yml", "main", "push"), "production").unwrap();
    let at = format!("/repos/acme/app/actions/runs/{run}");
    let asked = world.sim.deliveries().into_iter().find(|sent| sent.event == "deployment_protection_rule").unwrap();
    let asked: Value = serde_json::from_slice(&asked.body).unwrap();
    assert!(asked["deployment_callback_url"].as_str().unwrap().ends_with(&format!("{at}/deployment_protection_rule")));
    assert_eq!(asked["environment"], "production");
    assert_eq!(gate.get(&at).await.body["status"], "waiting");
    let waiting = gate.get("/repos/acme/app/actions/runs?status=waiting").await.body;
    assert_eq!((waiting["total_count"].as_u64(), waiting["workflow_runs"][0]["id"].as_u64()), (Some(1), Some(run)));
    let pending = gate.get(&format!("{at}/pending_deployments")).await.body;
    assert_eq!(pending[0]["environment"]["name"], "production");

    let path = format!("{at}/deployment_protection_rule");
    let say = |body: Value| {
        let (gate, path) = (&gate, path.clone());
        async move { gate.send("POST", &path, Some(body)).await.status }
    };
    let name = "environment_name";
    assert_eq!(say(json!({name: "production"})).await, 422, "neither a state nor a comment");
    assert_eq!(say(json!({name: "production", "state": "maybe"})).await, 422);
    assert_eq!(say(json!({name: "staging", "state": "approved"})).await, 422, "nothing waits for it");
    assert_eq!(say(json!({name: "production", "comment": "x".repeat(1_025)})).await, 422);
    for _ in 0..10 {
        assert_eq!(say(json!({name: "production", "comment": "Not yet."})).await, 204);
    }
    assert_eq!(say(json!({name: "production", "comment": "Not yet."})).await, 422, "too many reports");
    let other = world.sim.app(AppConfig::new("Other", &permissions, &[]));
    let other = Client::new(&world.sim, Some(other.install(&world.acme, &[&world.repo]).token().unwrap()));
    let yes = json!({name: "production", "state": "approved", "comment": "Covered."});
    assert_eq!(other.send("POST", &path, Some(yes.clone())).await.status, 422, "it is another App's rule");
    assert_eq!(say(yes.clone()).await, 204);
    assert_eq!(say(yes).await, 422, "it is answered");
    assert_eq!(gate.get(&at).await.body["status"], "in_progress");
    assert_eq!(gate.get(&format!("{at}/pending_deployments")).await.body, json!([]));

    world.repo.require_reviewer("production");
    world.repo.next_job(run, "production").unwrap();
    assert_eq!(say(json!({name: "production", "state": "approved"})).await, 204);
    assert_eq!(gate.get(&at).await.body["status"], "waiting", "a reviewer is missing");
    world.repo.review_jobs(run).unwrap();
    assert_eq!(gate.get(&at).await.body["status"], "in_progress");

    world.repo.next_job(run, "production").unwrap();
    assert_eq!(say(json!({name: "production", "state": "rejected", "comment": "No."})).await, 204);
    let ended = gate.get(&at).await.body;
    assert_eq!((ended["status"].as_str(), ended["conclusion"].as_str()), (Some("completed"), Some("failure")));
    assert_eq!(world.repo.gate_answers(run).iter().filter(|said| said.1.is_some()).count(), 3);
    let states: Vec<Value> = world.repo.deployments().iter().map(|one| one["statuses"][1]["state"].clone()).collect();
    assert_eq!(states, ["in_progress", "in_progress", "failure"]);
}
