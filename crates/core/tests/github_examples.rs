//! Every example payload GitHub's community publishes (npm package `@octokit/webhooks-examples`) is read or cleanly ignored.
//!
//! `COUNTERSIGN_WEBHOOK_EXAMPLES` names the package's `api.github.com/index.json`. Without it the test says loudly that it was
//! skipped, and fails when `COUNTERSIGN_TEST_REQUIRE_ALL=1`.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;

use countersign_core::delivery::{Content, Headers, Unverified, WebhookSecrets};
use countersign_core::event::{Event, EventName};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Examples {
    name: String,
    examples: Vec<Value>,
}

/// Events of which at least one example must be understood, not ignored. (All comments among the examples stand under issues.)
const ACTED_ON: &[&str] = &[
    "push",
    "pull_request",
    "pull_request_review",
    "check_run",
    "check_suite",
    "merge_group",
    "installation",
    "installation_repositories",
    "repository",
    "membership",
    "team",
    "team_add",
    "member",
    "organization",
    "branch_protection_rule",
    "ping",
];

#[test]
fn every_published_example_is_read_or_cleanly_ignored() {
    let Some(path) = std::env::var_os("COUNTERSIGN_WEBHOOK_EXAMPLES") else {
        let required = std::env::var_os("COUNTERSIGN_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "COUNTERSIGN_WEBHOOK_EXAMPLES is not set and COUNTERSIGN_TEST_REQUIRE_ALL=1");
        eprintln!(
            "SKIPPED: COUNTERSIGN_WEBHOOK_EXAMPLES does not name api.github.com/index.json of @octokit/webhooks-examples"
        );
        return;
    };
    let list: Vec<Examples> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let secrets = WebhookSecrets::parse("canary").unwrap();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for Examples { name, examples } in &list {
        for (number, example) in examples.iter().enumerate() {
            let body = serde_json::to_vec(example).unwrap();
            let signature = secrets.sign(&body);
            let headers = Headers { id: Some("d-1"), event: Some(name), signature: Some(&signature), sha1: false };
            let delivery = Unverified::new(headers, &body).verify(&secrets).unwrap();
            let count = counts.entry(name.clone()).or_default();
            match delivery.content() {
                Content::Understood(event) => match *event {
                    Event::Ignored(ignored) => {
                        assert_eq!(ignored.event, EventName::parse(name).unwrap());
                        count.1 += 1;
                    }
                    _ => count.0 += 1,
                },
                Content::Unparsable(why) => panic!("{name}[{number}] ({:?}): {why}", example.get("action")),
            }
        }
    }
    for (name, (read, ignored)) in &counts {
        eprintln!("{name}: {read} read, {ignored} ignored");
        let expected = ACTED_ON.contains(&name.as_str());
        assert_eq!(*read > 0, expected, "{name}: {read} read, {ignored} ignored");
    }
    let (read, ignored) = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    eprintln!("{} events, {read} examples read, {ignored} ignored", counts.len());
    assert!(counts.len() >= 50 && read >= 60, "the examples are not all there");
}
