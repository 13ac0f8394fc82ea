//! Secrets of environments: written sealed, listed, never read back.

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
