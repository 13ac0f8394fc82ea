//! Chats and webhooks: shapes, limits, cards that are kept up to date, and what never leaves.

use serde_json::json;

use super::{asked, world};
use crate::harness::CANARY;

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_keeps_one_card_per_change_and_its_history_in_the_thread() {
    let (world, told) = world(
        "  - {on: ['change.*'], slack: {token_from: SLACK_TOKEN, channel: '#secrets', api_url_from: SLACK_API}}\n",
    )
    .await;
    told.chat.will([
        (429, json!({"ok": false, "error": "ratelimited"}), Some(1)),
        (200, json!({"ok": false, "error": "service_unavailable"}), None),
    ]);
    let pull = asked(&world);
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until("the card says that it is merged", |_| {
        told.chat
            .said("chat.update")
            .last()
            .is_some_and(|said| said.body["text"].as_str().is_some_and(|text| text.contains("is merged")))
    });
    world.until_quiet();
    let posted = told.chat.said("chat.postMessage");
    let (cards, lines): (Vec<_>, Vec<_>) = posted.iter().partition(|said| said.body["thread_ts"].is_null());
    assert_eq!(cards.len(), 1, "one card: {cards:?}");
    assert_eq!(cards[0].body["channel"], "#secrets");
    let updates = told.chat.said("chat.update");
    assert_eq!(updates.len(), lines.len(), "each event after the first: one update and one line");
    assert!(lines.len() >= 2, "{lines:?}");
    for said in lines {
        assert_eq!(said.body["channel"], "C1");
        assert_eq!(said.body["reply_broadcast"], false);
    }
    for said in &posted {
        assert_eq!(said.token, "Bearer xoxb-canary-token");
    }
    assert_eq!(told.chat.complaints(), [""; 0]);
    assert!(!world.log().contains("xoxb-canary"), "the token is in no log");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_no_name_of_a_key_and_no_secret_address_leaves_by_any_channel() {
    let routes = "  - {on: ['*'], email: {to: [approvers]}}
  - {on: ['*'], slack: {webhook_url_from: SLACK_URL}}
  - {on: ['*'], teams: {webhook_url_from: TEAMS_URL}}
  - {on: ['*'], webhook: {url_from: EVENTS_URL, secret_from: EVENTS_SECRET}}
";
    let (world, told) = world(routes).await;
    let pull = asked(&world);
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    let merged = |text: &str| text.contains("is merged");
    world.until("every channel says that it is merged", |_| {
        told.mail.subjects("bob@example.com").iter().any(|subject| merged(subject))
            && ["hook", "teams"]
                .iter()
                .all(|method| told.chat.said(method).iter().any(|said| merged(&said.body.to_string())))
            && told.events.arrived().iter().any(|event| event.body["type"] == "change.merged")
    });
    world.until_quiet();
    let mut all: Vec<String> = told.mail.taken().into_iter().map(|mail| mail.text).collect();
    all.extend(["hook", "teams"].iter().flat_map(|method| told.chat.said(method)).map(|said| said.body.to_string()));
    all.extend(told.events.arrived().into_iter().map(|event| event.body.to_string()));
    for text in &all {
        for hidden in [CANARY, "password", "canary-hook", "canary-teams", "secrets/production/db.yaml"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    let log = world.log();
    assert!(!log.contains(CANARY) && !log.contains("canary-hook") && !log.contains("canary-teams"), "{log}");
    assert_eq!(told.chat.complaints(), [""; 0]);
    let opened = told.events.arrived().into_iter().find(|event| event.body["type"] == "change.opened").expect("told");
    assert!(opened.signed && opened.id.starts_with("evt_"), "{opened:?}");
    assert_eq!(opened.body["data"]["counts"], json!({"added": 0, "changed": 1, "removed": 0}), "{}", opened.body);
    assert_eq!(opened.body["data"]["repository"], "acme/app");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_keys_are_shown_where_the_policy_says_so_and_an_approved_template_is_used() {
    let (world, told) =
        world("  - {on: [change.opened], show_keys: true, slack: {webhook_url_from: SLACK_URL}}\n").await;
    let template = "Our words: {{ headline }}\n{% for line in keys %}{{ line.key }} {% endfor %}";
    let push =
        github_sim::Push::to("zoe/words").from("main").file(".countersign/templates/notify/slack.mrkdwn", template);
    world.push(&world.rita, push);
    let pull = world.pull_of("zoe/words");
    world.approve(&world.zoe, pull);
    world.until_merged(pull);
    asked(&world);
    world.until("it is told in those words", |_| {
        told.chat.said("hook").iter().any(|said| {
            let text = said.body["blocks"].to_string().replace('\u{2060}', "");
            text.contains("Our words: Change #") && text.contains("db.password")
        })
    });
    assert_eq!(told.chat.complaints(), [""; 0]);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_again_until_its_receiver_takes_it_under_the_same_id() {
    let (world, told) =
        world("  - {on: [change.opened], webhook: {url_from: EVENTS_URL, secret_from: EVENTS_SECRET}}\n").await;
    told.events.will([crate::harness::Answer::Status(500), crate::harness::Answer::Garbage]);
    asked(&world);
    world.until("it is taken", |_| told.events.arrived().len() == 3 && told.events.answers_left() == 0);
    world.until_quiet();
    let ids: std::collections::BTreeSet<_> = told.events.arrived().into_iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    world.end();
}
