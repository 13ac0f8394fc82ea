//! The receiver that docs/webhooks.md shows, run as it stands there: what it takes, what it refuses, what it does twice.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use countersign_core::delivery::SigningSecrets;
use countersign_core::domain::Timestamp;
use serde_json::{Value, json};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

struct Receiver {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Receiver {
    /// The program of the page; `None` where there is no Python to run it.
    fn start() -> Option<Self> {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/webhooks.md")).expect("the page");
        let program = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
        let started = Command::new("python3")
            .args(["-c", program])
            .env("HOOK_SECRET", SECRET)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = started else {
            let required = std::env::var_os("COUNTERSIGN_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
            assert!(!required, "python3 cannot be run");
            return None;
        };
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("a line").expect("text");
        let port = first.strip_prefix("listening on ").expect("its port").to_owned();
        Some(Self { child, lines, url: format!("http://127.0.0.1:{port}/") })
    }

    fn send(&self, id: &str, body: &Value, age: i64, secret: &str) -> u16 {
        let now = Timestamp::from_seconds(jiff::Timestamp::now().as_second() - age);
        let text = body.to_string();
        let signature = SigningSecrets::parse(secret).expect("a secret").sign(id, now, text.as_bytes());
        let request = reqwest::blocking::Client::new()
            .post(&self.url)
            .header("webhook-id", id)
            .header("webhook-timestamp", now.seconds())
            .header("webhook-signature", signature);
        request.body(text).send().expect("an answer").status().as_u16()
    }
}

fn order(environment: &str, commit: &str, generation: u64) -> Value {
    json!({
        "version": 1, "type": "sync.requested", "repository": "acme/app", "environment": environment, "commit": commit,
        "generation": generation, "decision": format!("L-{generation}"),
    })
}

#[test]
fn the_receiver_of_the_documentation_deploys_what_is_ours_once_and_never_goes_back() {
    let Some(mut receiver) = Receiver::start() else { return };
    let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    assert_eq!(receiver.send("sync_7_12", &order("production", "aaa", 12), 0, SECRET), 202);
    assert_eq!(receiver.send("sync_7_12", &order("production", "aaa", 12), 0, SECRET), 202, "again");
    assert_eq!(receiver.send("sync_7_11", &order("production", "old", 11), 0, SECRET), 202, "older");
    assert_eq!(receiver.send("sync_7_13", &order("production", "forged", 13), 0, other), 401);
    assert_eq!(receiver.send("sync_7_14", &order("production", "stale", 14), 400, SECRET), 401);
    let both = format!("{other} {SECRET}");
    assert_eq!(
        receiver.send("sync_7_11_staging", &order("staging", "bbb", 11), 0, &both),
        202,
        "while a secret changes"
    );
    let deployed: Vec<String> = receiver.lines.by_ref().take(2).map(|line| line.expect("text")).collect();
    assert_eq!(deployed, ["deploy production aaa", "deploy staging bbb"]);
}
