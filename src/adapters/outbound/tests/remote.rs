//! Places that follow Git: what is sent, what their answers mean, and what is never sent or repeated.

use countersign_core::domain::Oid;
use countersign_core::policy::ServiceAddress;
use countersign_core::sync::{Application, Health, Operation};

use super::stand_in::{Receiver, Then};
use super::*;
use crate::engine::ports::{Block, Reach, Telling};

const TOKEN: &str = "canary-token";

fn granted(value: &str, hosts: &[&str], private: bool) -> Granted {
    Granted::new(value.into(), hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(), private)
}

fn argo(address: &str, hosts: &[&str], private: bool) -> Reach {
    let address = ServiceAddress::parse(address).unwrap();
    Reach::ArgoCd { address, application: "payments".to_owned(), token: granted(TOKEN, hosts, private) }
}

fn here(receiver: &Receiver) -> Reach {
    argo(&format!("http://{}/cd", receiver.address), &["127.0.0.1"], true)
}

fn telling() -> Telling {
    let commit = Oid::parse(&"ab".repeat(20)).unwrap();
    Telling { commit, order: "{\"version\":1}".to_owned(), decision: "L-12".to_owned() }
}

async fn tell(reach: Reach) -> Result<(), OutboundError> {
    let outgoing = outgoing(Box::new(SystemResolver), Duration::from_millis(1_500));
    let outcome = outgoing.remote(reach).tell(&telling()).await;
    if let Err(fault) = &outcome {
        let text = fault.to_string();
        assert!(!text.contains("canary") && text.contains("\nhelp: "), "{text}");
    }
    outcome
}

async fn look(reach: Reach) -> Result<Option<Application>, OutboundError> {
    outgoing(Box::new(SystemResolver), Duration::from_millis(1_500)).remote(reach).look().await
}

fn says(status: &str, body: &str) -> Then {
    Then::Say(format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test]
async fn flux_gets_the_order_signed_with_its_token() {
    let receiver = Receiver::status("200 OK").await;
    let reach =
        Reach::Flux { url: granted(&receiver.url(), &["127.0.0.1"], true), token: granted("canary-token", &[], false) };
    tell(reach).await.unwrap();
    let seen = receiver.seen();
    let (head, body) = seen[0].split_once("\r\n\r\n").unwrap();
    // HMAC-SHA-256 of the body with the key `canary-token`, by another program
    let expected = "x-signature: sha256=cda1984a7470d0cca3a70f7296f0e94fcdd4e755e7774073ffc163818d711bbc";
    assert!(head.to_lowercase().lines().any(|line| line == expected), "{head}");
    assert_eq!(body, "{\"version\":1}");
    assert!(
        head.starts_with("POST /hooks/canary?token=canary HTTP/1.1\r\n") && !head.contains("canary-token"),
        "{head}"
    );
}

#[tokio::test]
async fn the_token_of_argo_goes_to_the_hosts_of_its_grant_alone() {
    let receiver = Receiver::status("200 OK").await;
    let url = format!("http://{}", receiver.address);
    for (reach, block) in [
        (argo(&url, &["argo.example"], true), Block::Host),
        (argo(&url, &[], true), Block::Host),
        (argo(&url, &["127.0.0.1"], false), Block::Address),
        (argo("https://127.0.0.1:1", &["127.0.0.1"], false), Block::Private),
    ] {
        assert_eq!(tell(reach).await.unwrap_err().kind, OutboundKind::Blocked(block));
    }
    assert!(receiver.seen().is_empty());
    let several = Reach::ArgoCd {
        address: ServiceAddress::parse(&url).unwrap(),
        application: "payments".to_owned(),
        token: granted("two\nlines", &["127.0.0.1"], true),
    };
    assert_eq!(tell(several).await.unwrap_err().kind, OutboundKind::Blocked(Block::Secret));
}

#[tokio::test]
async fn an_answer_of_argo_is_read_for_its_kind() {
    let busy = r#"{"error":"canary","code":9,"message":"another operation is already in progress"}"#;
    let window = r#"{"error":"canary","code":7,"message":"Cannot sync: Blocked by sync window"}"#;
    let several = r#"{"spec":{"sources":[{},{}]},"status":{"sync":{"status":"OutOfSync"}}}"#;
    let working = r#"{"spec":{},"operation":{"sync":{"revision":"cd"}}}"#;
    let again = OutboundKind::Retry { after: None };
    for (status, body, kind) in [
        ("400 Bad Request", busy, OutboundKind::Busy),
        ("403 Forbidden", window, OutboundKind::Busy),
        ("400 Bad Request", "canary", OutboundKind::Permanent),
        ("401 Unauthorized", "canary", OutboundKind::Permanent),
        ("403 Forbidden", "{}", OutboundKind::Permanent),
        ("404 Not Found", "{}", OutboundKind::Permanent),
        ("500 Internal Server Error", "canary", again),
        (
            "429 Too Many Requests\r\nretry-after: 7",
            "",
            OutboundKind::Retry { after: Some(countersign_core::domain::Span::from_seconds(7)) },
        ),
        ("302 Found\r\nlocation: /canary", "", OutboundKind::Permanent),
        ("200 OK", "<html>canary</html>", again),
        ("200 OK", r#"{"metadata":{}}"#, again),
        ("200 OK", several, OutboundKind::Permanent),
        ("200 OK", working, OutboundKind::Busy),
    ] {
        let receiver = Receiver::start(says(status, body)).await;
        let fault = tell(here(&receiver)).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{status} {body}: {fault}");
        let seen = receiver.seen();
        assert_eq!(seen.len(), 1, "{status}");
        assert!(seen[0].starts_with("GET /cd/api/v1/applications/payments?refresh=hard HTTP/1.1\r\n"), "{}", seen[0]);
        assert!(seen[0].to_lowercase().contains("authorization: bearer canary-token\r\n"), "{}", seen[0]);
    }
}

#[tokio::test]
async fn one_that_never_ends_or_never_answers_is_left() {
    let start = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned();
    for then in [Then::Babble(start), Then::Nothing, Then::Hang] {
        let receiver = Receiver::start(then).await;
        assert!(retries(&tell(here(&receiver)).await.unwrap_err()));
    }
}

#[tokio::test]
async fn an_application_is_read_as_it_stands() {
    let cases = [
        (r#"{"spec":{}}"#, (vec![], None, Health::Open, Operation::Quiet)),
        (
            r#"{"spec":{},"status":{"sync":{"status":"Synced","revision":"ab"},"health":{"status":"Healthy"},"operationState":{"phase":"Succeeded"}}}"#,
            (vec!["ab"], Some(true), Health::Healthy, Operation::Quiet),
        ),
        (
            r#"{"spec":{},"status":{"sync":{"status":"OutOfSync","revisions":["ab","cd"]},"health":{"status":"Degraded"},"operationState":{"phase":"Running"}}}"#,
            (vec!["ab", "cd"], Some(false), Health::Degraded, Operation::Running),
        ),
        (
            r#"{"spec":{},"status":{"health":{"status":"Missing"},"operationState":{"phase":"Error","operation":{"sync":{"revision":"ef"}}}}}"#,
            (vec![], None, Health::Missing, Operation::Failed(Some("ef".to_owned()))),
        ),
    ];
    for (body, (revisions, in_step, health, operation)) in cases {
        let receiver = Receiver::start(says("200 OK", body)).await;
        let revisions = revisions.into_iter().map(str::to_owned).collect();
        let expected = Application { revisions, in_step, health, operation };
        assert_eq!(look(here(&receiver)).await.unwrap(), Some(expected), "{body}");
        assert!(receiver.seen()[0].starts_with("GET /cd/api/v1/applications/payments HTTP/1.1\r\n"));
    }
}
