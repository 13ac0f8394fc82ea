//! A Secret of a cluster: what an answer means, who vouches for it, and what is never repeated.

use countersign_core::policy::{KubernetesRule, ServiceAddress};

use super::stand_in::{Receiver, Then};
use super::*;
use crate::engine::ports::{Block, Cluster, Held, VesselReach};

fn reach(address: &str, hosts: &[&str], authority: Option<&str>) -> VesselReach {
    let hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
    let cluster = Cluster {
        server: ServiceAddress::parse(address).unwrap(),
        authority: authority.map(|text| text.as_bytes().to_vec()),
        token: Granted::new("canary-token".into(), hosts, true),
    };
    let rule = KubernetesRule { namespace: "payments".to_owned(), secret: "app".to_owned(), keys: Vec::new() };
    VesselReach::Kubernetes { cluster, rule }
}

async fn read(reach: VesselReach) -> Result<Held, OutboundError> {
    let outgoing = outgoing(Box::new(SystemResolver), Duration::from_millis(1_500));
    let outcome = outgoing.vessel(reach).read().await;
    if let Err(fault) = &outcome {
        let text = fault.to_string();
        assert!(!text.contains("canary") && text.contains("\nhelp: "), "{text}");
    }
    outcome
}

fn says(status: &str, body: &str) -> Then {
    Then::Say(format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test]
async fn an_answer_is_read_for_its_kind() {
    let secret = |more: &str| {
        format!(
            r#"{{"kind":"Secret","metadata":{{"resourceVersion":"7"}},"type":"Opaque","data":{{"a":"Yg=="}}{more}}}"#
        )
    };
    let gone = r#"{"kind":"Status","reason":"NotFound","message":"canary","details":{"kind":"secrets"}}"#;
    let going = r#"{"kind":"Secret","metadata":{"resourceVersion":"7","deletionTimestamp":"2026-11-26T08:00:00Z"},"type":"Opaque"}"#;
    let forbidden = r#"{"kind":"Status","message":"canary cannot get resource \"secrets\""}"#;
    let after = OutboundKind::Retry { after: Some(countersign_core::domain::Span::from_seconds(7)) };
    let again = OutboundKind::Retry { after: None };
    let permanent = Some(OutboundKind::Permanent);
    for (status, body, kind, told) in [
        ("200 OK", secret(""), None, ""),
        ("200 OK", secret(r#","immutable":false"#), None, ""),
        ("404 Not Found", gone.to_owned(), None, ""),
        ("200 OK", secret(r#","immutable":true"#), permanent, "is immutable"),
        ("200 OK", secret("").replace("Opaque", "kubernetes.io/tls"), permanent, "has another type than `Opaque`"),
        ("200 OK", secret("").replace("Yg==", "%canary"), permanent, "cannot be read"),
        ("200 OK", secret("").replace("Secret", "ConfigMap"), permanent, "is something else"),
        ("200 OK", going.to_owned(), Some(OutboundKind::Busy), "is being deleted"),
        ("200 OK", "<html>canary</html>".to_owned(), Some(again), "something else than JSON"),
        ("401 Unauthorized", "{}".to_owned(), permanent, "does not know the token (401)"),
        ("403 Forbidden", forbidden.to_owned(), permanent, "does not allow `get` of the Secret `payments/app` (403)"),
        ("403 Forbidden", "canary".to_owned(), permanent, "a quota, or a rule of the cluster"),
        ("404 Not Found", "404 canary not found".to_owned(), permanent, "is no API server of Kubernetes (404)"),
        ("410 Gone", String::new(), permanent, "answered 410"),
        ("429 Too Many Requests\r\nretry-after: 7", String::new(), Some(after), "answered 429"),
        ("503 Service Unavailable", "canary".to_owned(), Some(again), "answered 503"),
        ("302 Found\r\nlocation: /canary", String::new(), permanent, "redirects"),
    ] {
        let receiver = Receiver::start(says(status, &body)).await;
        let outcome = read(reach(&format!("http://{}/k", receiver.address), &["127.0.0.1"], None)).await;
        let fault = outcome.err();
        assert_eq!(fault.as_ref().map(|fault| fault.kind), kind, "{status} {body}: {fault:?}");
        assert!(fault.as_ref().is_none_or(|fault| fault.what.contains(told)), "{status} {body}: {fault:?}");
        let seen = receiver.seen();
        assert_eq!(seen.len(), 1, "{status}");
        assert!(seen[0].starts_with("GET /k/api/v1/namespaces/payments/secrets/app HTTP/1.1\r\n"), "{}", seen[0]);
        assert!(seen[0].to_lowercase().contains("authorization: bearer canary-token\r\n"), "{}", seen[0]);
    }
}

#[tokio::test]
async fn the_token_goes_to_the_host_of_its_cluster_under_its_authority_alone() {
    let receiver = Receiver::status("200 OK").await;
    let url = format!("http://{}", receiver.address);
    for (reach, block) in [
        (reach(&url, &["10.0.0.1"], None), Block::Host),
        (reach(&url, &["127.0.0.1"], Some("canary, no certificate")), Block::Cluster),
        (reach(&url, &["127.0.0.1"], Some("")), Block::Cluster),
        (
            reach(&url, &["127.0.0.1"], Some("-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n")),
            Block::Cluster,
        ),
    ] {
        assert_eq!(read(reach).await.err().unwrap().kind, OutboundKind::Blocked(block));
    }
    assert!(receiver.seen().is_empty());
}

/// A certificate or key of the test authority, by its file's name.
fn pem(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/harness/tls").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A server that speaks TLS with this certificate, and has no Secret.
async fn over_tls(certificate: &str) -> SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let chain = CertificateDer::from_pem_slice(pem(certificate).as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem("server.key").as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let read = stream.read(&mut chunk).await.unwrap();
                request.extend_from_slice(&chunk[..read]);
            }
            let body = r#"{"kind":"Status","details":{"kind":"secrets"}}"#;
            let head = format!("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn only_the_granted_authority_vouches_for_a_cluster() {
    let (right, other, whole) = (pem("authority.pem"), pem("stranger.pem"), Duration::from_secs(60));
    for (certificate, authority, trusted) in [
        ("here.pem", Some(&right), true),
        ("here.pem", Some(&(other.clone() + &right)), true),
        ("here.pem", Some(&other), false),
        ("here.pem", None, false),
        ("elsewhere.pem", Some(&right), false),
    ] {
        let url = format!("https://{}", over_tls(certificate).await);
        let outgoing = outgoing(Box::new(SystemResolver), whole);
        let outcome = outgoing.vessel(reach(&url, &["127.0.0.1"], authority.map(String::as_str))).read().await;
        let fault = outcome.err();
        assert_eq!(fault.is_none(), trusted, "{certificate}: {fault:?}");
        let told = |fault: OutboundError| fault.what == "127.0.0.1 cannot be trusted: TLS failed";
        assert!(fault.is_none_or(told), "{certificate}");
    }
}
