//! What is not sent at all.

use super::stand_in::Receiver;
use super::*;
use crate::engine::ports::Block;

/// What is wrong, before anything was sent.
async fn refused(resolver: Box<dyn Resolve>, message: &WebhookMessage) -> (Option<Block>, String) {
    let error = outgoing(resolver, LONG).webhook(message).await.err().unwrap();
    let text = error.to_string();
    assert!(!text.contains("canary") && !text.contains("hidden"), "{text}");
    match error.kind {
        OutboundKind::Blocked(block) => (Some(block), text),
        OutboundKind::Retry { .. } | OutboundKind::Busy | OutboundKind::Conflict | OutboundKind::Permanent => {
            (None, text)
        }
    }
}

fn liar(answers: &[&[&str]]) -> (Box<dyn Resolve>, Arc<Mutex<usize>>) {
    let address = |text: &&str| text.parse().unwrap();
    let answers = answers.iter().map(|answer| answer.iter().map(address).collect()).collect();
    let asked: Arc<Mutex<usize>> = Arc::default();
    (Box::new(Liar { answers: Mutex::new(answers), asked: asked.clone() }), asked)
}

#[tokio::test]
async fn an_address_is_https_unless_a_private_one_was_granted() {
    for url in [
        "http://hooks.example.com/canary",
        "ftp://hooks.example.com/canary",
        "file:///etc/canary",
        "hooks.example.com/canary",
        "canary",
        "https://",
        "https:///canary",
        "javascript:canary",
        "unix:/run/canary",
        "https://hooks.example.com:99999/canary",
    ] {
        let (block, text) = refused(liar(&[]).0, &message(url, &["hooks.example.com"], false)).await;
        assert!(block.is_some_and(|block| matches!(block, Block::Address | Block::Host)), "{url}: {text}");
    }
    let (block, text) =
        refused(liar(&[]).0, &message("http://hooks.example.com/canary", &["hooks.example.com"], false)).await;
    assert_eq!(block, Some(Block::Address));
    assert!(text.contains("`https://`"), "{text}");
}

#[tokio::test]
async fn a_host_the_grant_does_not_name_gets_nothing() {
    let cases: &[(&str, &[&str], bool)] = &[
        ("https://hooks.example.com/canary", &[], false),
        ("https://hidden.example.org/canary", &["hooks.example.com"], false),
        ("https://hooks.example.com.hidden.net/canary", &["hooks.example.com", "*.example.com"], false),
        ("https://example.com@hidden.net/canary", &["example.com"], false),
        ("https://hiddenexample.com/canary", &["*.example.com"], false),
        ("https://example.com/canary", &["*.example.com"], false),
        ("https://10.0.0.7/canary", &["10.0.0.8"], false),
        ("https://hooks.example.com/canary", &["hooks.example.com"], true),
        ("https://HOOKS.Example.COM./canary", &["hooks.example.com"], true),
        ("https://a.b.example.com/canary", &["*.example.com"], true),
    ];
    for (url, hosts, named) in cases {
        let (block, text) = refused(liar(&[]).0, &message(url, hosts, false)).await;
        assert_eq!(block == Some(Block::Host), !named, "{url}: {text}");
    }
    let mut message = message("https://hooks.example.com/canary", &["hooks.example.com"], false);
    message.secret = Granted::new(SECRET.into(), vec![HostPattern::parse("other.example.com").unwrap()], false);
    assert_eq!(refused(liar(&[]).0, &message).await.0, Some(Block::Host), "a secret that names hosts is for them only");
}

#[tokio::test]
async fn a_secret_that_is_none_signs_nothing() {
    for secret in ["canary", "whsec_c2hvcnQ=", "whsec_"] {
        let mut message = message("https://hooks.example.com/canary", &["hooks.example.com"], false);
        message.secret = Granted::new(secret.into(), Vec::new(), false);
        assert_eq!(refused(liar(&[]).0, &message).await.0, Some(Block::Secret), "{secret}");
    }
}

#[tokio::test]
async fn an_address_inside_is_refused_unless_it_was_granted() {
    let receiver = Receiver::status("200 OK").await;
    let hosts = ["127.0.0.1", "0.0.0.0", "::1", "localhost", "inside.example.com", "169.254.169.254"];
    let https = |host: &str| format!("https://{host}:{}/canary", receiver.address.port());
    // forms of 127.0.0.1 that programs understand
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "localhost", "LOCALHOST."] {
        let (block, text) = refused(Box::new(SystemResolver), &message(&https(host), &hosts, false)).await;
        assert_eq!(block, Some(Block::Private), "{host}: {text}");
        assert!(text.contains("allow_private = true"), "{text}");
    }
    let mapped = message(&https("[::ffff:127.0.0.1]"), &["::ffff:7f00:1"], false);
    assert_eq!(refused(Box::new(SystemResolver), &mapped).await.0, Some(Block::Private));
    for private in [false, true] {
        let (block, text) =
            refused(Box::new(SystemResolver), &message(&https("169.254.169.254"), &hosts, private)).await;
        assert_eq!(block, Some(Block::Private), "{text}");
        assert!(text.contains("whatever is granted"), "{text}");
        assert_eq!(
            refused(Box::new(SystemResolver), &message(&https("0.0.0.0"), &hosts, private)).await.0,
            Some(Block::Private)
        );
    }
    assert!(receiver.seen().is_empty(), "nothing was sent");
    assert_eq!(send(&receiver.url()).await, Ok(Accepted { status: 200 }));
}

#[tokio::test]
async fn one_wrong_address_among_right_ones_is_enough() {
    let (resolver, _) = liar(&[&["93.184.216.34:443", "[::ffff:10.0.0.1]:443"]]);
    let (block, text) =
        refused(resolver, &message("https://inside.example.com/canary", &["inside.example.com"], false)).await;
    assert_eq!(block, Some(Block::Private), "{text}");
    assert!(text.starts_with("inside.example.com is at a private address\n"), "{text}");
    let (resolver, _) = liar(&[&[]]);
    let (block, text) =
        refused(resolver, &message("https://inside.example.com/canary", &["inside.example.com"], false)).await;
    assert_eq!((block, text.starts_with("inside.example.com cannot be resolved\n")), (None, true), "{text}");
}

#[tokio::test]
async fn a_name_is_asked_once_and_the_checked_address_is_the_one_connected_to() {
    let (good, bad) = (Receiver::status("200 OK").await, Receiver::status("200 OK").await);
    let (resolver, asked) = liar(&[&[&good.address.to_string()], &[&bad.address.to_string()]]);
    let outgoing = outgoing(resolver, LONG);
    let url = format!("http://rebinding.example.com:{}/canary", good.address.port());
    let message = message(&url, &["*.example.com"], true);
    assert_eq!(outgoing.webhook(&message).await, Ok(Accepted { status: 200 }));
    assert_eq!((*asked.lock().unwrap(), good.seen().len(), bad.seen().len()), (1, 1, 0));
    assert!(good.seen()[0].contains("host: rebinding.example.com"), "{}", good.seen()[0]);
}

#[tokio::test]
async fn a_resolver_that_does_not_answer_is_not_waited_for() {
    struct Silent;
    #[async_trait]
    impl Resolve for Silent {
        async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            std::future::pending().await
        }
    }
    let message = message("https://hooks.example.com/", &["hooks.example.com"], false);
    let error = outgoing(Box::new(Silent), Duration::from_millis(400)).webhook(&message).await.err().unwrap();
    assert!(retries(&error) && error.what == "the target did not answer in time", "{error}");
}
