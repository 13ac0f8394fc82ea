//! The program: a seed in, a world out.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use github_sim::{Seed, Sim, SimConfig};
use serde_json::Value;

use crate::world::run_git;

const SEED: &str = r#"{
  "users": [{"login": "alice", "token": "ghp_alice"}, {"login": "bob"}],
  "orgs": [{"login": "acme", "owners": ["bob"], "teams": [{"name": "security", "members": ["bob"]}]}],
  "repos": [{
    "name": "acme/app", "roles": {"alice": "write"}, "teams": {"security": "read"},
    "files": {"README.md": "hello\n"}
  }],
  "apps": [{
    "name": "gate", "permissions": {"contents": "write"}, "events": ["push"],
    "private_key_file": "KEY", "installations": [{"account": "acme", "repos": ["acme/app"]}]
  }]
}"#;

#[tokio::test]
async fn the_program_serves_a_seed_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (seed, key) = (dir.path().join("seed.json"), dir.path().join("gate.pem"));
    std::fs::write(&seed, SEED.replace("KEY", key.to_str().unwrap())).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_github-sim"))
        .args(["serve", "--seed", seed.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    let url = url.strip_prefix("listening on http://").unwrap().to_owned();
    let made: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(made["users"]["alice"]["token"], "ghp_alice");
    assert!(made["apps"]["gate"]["installations"][0].is_u64());
    assert!(std::fs::read_to_string(&key).unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let address = format!("http://alice:ghp_alice@{url}/acme/app.git");
    let (ok, text) = run_git(dir.path(), &["clone", "-q", &address, "app"]).await;
    assert!(ok, "{text}");
    assert_eq!(std::fs::read_to_string(dir.path().join("app/README.md")).unwrap(), "hello\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_seed_that_uses_what_it_does_not_make_is_refused_by_name() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let seed: Seed = serde_json::from_str(r#"{"orgs": [{"login": "acme", "owners": ["eve"]}]}"#).unwrap();
    let error = sim.plant(&seed).unwrap_err().to_string();
    assert!(error.contains("the user `eve`"), "{error}");
    assert!(serde_json::from_str::<Seed>(r#"{"people": []}"#).is_err());
}
