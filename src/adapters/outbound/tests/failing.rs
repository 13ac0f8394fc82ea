//! What receivers do wrong, and what we make of it.

use std::time::Duration;

use countersign_core::domain::Span;
use http::HeaderMap;

use super::stand_in::{Receiver, Then};
use super::*;

#[tokio::test]
async fn the_reference_library_finds_the_signature_right() {
    let receiver = Receiver::status("202 Accepted").await;
    assert_eq!(send(&receiver.url()).await, Ok(Accepted { status: 202 }));
    let seen = receiver.seen();
    let (head, body) = seen[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hooks/canary?token=canary HTTP/1.1\r\n"), "{head}");
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
    webhook.verify(body.as_bytes(), &headers).unwrap();
    assert!(webhook.verify(b"{}", &headers).is_err());
    assert_eq!(headers["webhook-id"], "sync_7_12_production_hook_HOOK_SECRET");
    assert_eq!(body.as_bytes(), BODY);
    assert_eq!(headers["content-type"], "application/json");
    let names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    assert!(!names.iter().any(|name| name == "authorization" || name == "cookie" || name == "referer"), "{names:?}");
}

#[tokio::test]
async fn during_a_rotation_both_secrets_sign() {
    let receiver = Receiver::status("200 OK").await;
    let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let mut message = message(&receiver.url(), &["127.0.0.1"], true);
    message.secret = Granted::new(format!("{other} {SECRET}").into(), Vec::new(), false);
    outgoing(Box::new(SystemResolver), LONG).webhook(&message).await.unwrap();
    let request = &receiver.seen()[0];
    let line = request.lines().find(|line| line.starts_with("webhook-signature: ")).unwrap();
    assert_eq!(line.matches("v1,").count(), 2, "{line}");
}

#[tokio::test]
async fn every_failure_says_what_happened_and_what_to_do() {
    let cases = [
        ("500 Internal Server Error", true, "127.0.0.1 answered 500"),
        ("401 Unauthorized", false, "127.0.0.1 answered 401"),
        ("404 Not Found", false, "127.0.0.1 answered 404"),
        ("410 Gone", false, "127.0.0.1 answered 410"),
        ("302 Found\r\nlocation: http://127.0.0.1:1/canary", false, "127.0.0.1 redirects (302)"),
        ("308 Permanent Redirect\r\nlocation: /canary", false, "127.0.0.1 redirects (308)"),
    ];
    for (line, again, what) in cases {
        let receiver = Receiver::status(line).await;
        let error = send(&receiver.url()).await.err().unwrap();
        assert_eq!((retries(&error), error.what.as_str()), (again, what), "{line}");
        assert_eq!(receiver.seen().len(), 1, "{line}: one attempt, nothing followed");
        assert!(!error.to_string().contains("canary") && error.to_string().contains("\nhelp: "), "{error}");
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let date = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90))
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    for (after, most, least) in [("30", 30, 30), (date.as_str(), 90, 10)] {
        let receiver = Receiver::status(&format!("429 Too Many Requests\r\nretry-after: {after}")).await;
        let error = send(&receiver.url()).await.err().unwrap();
        let OutboundKind::Retry { after: Some(after) } = error.kind else { panic!("{error:?}") };
        assert!(after <= Span::from_seconds(most) && after >= Span::from_seconds(least), "{after:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n".to_owned();
    let receiver = Receiver::start(Then::Babble(head)).await;
    assert_eq!(send(&receiver.url()).await, Ok(Accepted { status: 200 }));
}

#[tokio::test]
async fn what_is_no_answer_is_tried_again() {
    let garbage = "SSH-2.0-OpenSSH_9.9 canary\r\n".to_owned();
    let many = (0..200).map(|number| format!("x-canary-{number}: y\r\n")).collect::<String>();
    let cases = [
        (Then::Say(garbage.clone()), "broke off, or does not speak HTTP"),
        (Then::Babble(garbage), "broke off, or does not speak HTTP"),
        (Then::Babble("HTTP/1.1 200 OK\r\nx-canary: ".to_owned()), "broke off, or does not speak HTTP"),
        (Then::Say(format!("HTTP/1.1 200 OK\r\n{many}\r\n")), "broke off, or does not speak HTTP"),
        (Then::Hang, "broke off, or does not speak HTTP"),
        (Then::Nothing, "did not answer in time"),
    ];
    for (then, what) in cases {
        let patience = if matches!(then, Then::Nothing) { Duration::from_millis(400) } else { LONG };
        let receiver = Receiver::start(then).await;
        let error = send_within(&receiver.url(), patience).await.err().unwrap();
        assert_eq!(error.kind, OutboundKind::Retry { after: None }, "{error}");
        assert!(error.what.contains(what), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_and_no_tls_are_told_apart() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = send(&format!("http://{free}/canary")).await.err().unwrap();
    assert_eq!((retries(&error), error.what.as_str()), (true, "127.0.0.1 refuses connections"));
    let plain = Receiver::status("200 OK").await;
    let error = send(&plain.url().replace("http://", "https://")).await.err().unwrap();
    assert_eq!((retries(&error), error.what.as_str()), (true, "127.0.0.1 cannot be trusted: TLS failed"));
    let error = send("http://canary.invalid/").await.err().unwrap();
    assert_eq!(error.kind, OutboundKind::Blocked(crate::engine::ports::Block::Host), "{error}");
}
