//! What arrives from outside: deliveries of GitHub, envelopes and statements of a ledger.
//!
//! The first line of the input names the event, the rest is the body.
#![no_main]

use std::sync::LazyLock;

use countersign_core::delivery::{Content, Headers, Unverified, WebhookSecrets};
use countersign_core::ledger::{Envelope, Statement};
use countersign_fuzz::{MAX, says_nothing, with_canary};

static SECRETS: LazyLock<WebhookSecrets> =
    LazyLock::new(|| WebhookSecrets::parse("a secret that is long enough for a test").expect("a secret"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.len() > MAX {
        return;
    }
    ledger(data);
    let split = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (event, body) = (&data[..split], data.get(split + 1..).unwrap_or_default());
    let Ok(event) = std::str::from_utf8(event) else { return };
    delivery(event, body, false);
    delivery(event, &with_canary(body), true);
});

fn delivery(event: &str, body: &[u8], is_marked: bool) {
    let signature = SECRETS.sign(body);
    let headers = Headers {
        id: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        event: Some(event),
        signature: Some(&signature),
        sha1: false,
    };
    let Ok(delivery) = Unverified::new(headers, body).verify(&SECRETS) else { return };
    if let Content::Unparsable(fault) = delivery.content()
        && is_marked
    {
        says_nothing(&[&format!("{fault:?}")]);
    }
    let wrong = Headers { signature: Some("sha256=00"), ..headers };
    assert!(Unverified::new(wrong, body).verify(&SECRETS).is_err(), "a wrong signature opens nothing");
}

fn ledger(data: &[u8]) {
    if let Ok(envelope) = Envelope::parse(data) {
        assert!(envelope.to_bytes() == data, "an envelope has one text");
        statement(envelope.payload());
    }
    statement(data);
}

fn statement(payload: &[u8]) {
    if let Ok(statement) = Statement::parse(payload) {
        assert!(statement.to_bytes().is_ok_and(|bytes| bytes == payload), "a statement has one text");
    }
}
