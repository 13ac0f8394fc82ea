//! The adapter against a small server on loopback that can fail in every way GitHub does.

#![expect(clippy::unwrap_used, reason = "tests")]

mod app;
mod change;
mod effects;
mod network;
mod reads;
mod server;
mod tokens;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use countersign_core::domain::{InstallationId, Login, Oid, PrNumber, RefName, RepoId, RepoName, Timestamp};
use secrecy::SecretString;

use self::server::{Answer, Seen, Server};
use super::transport::Patience;
use super::{Credentials, GitHub, GitHubConfig};
use crate::engine::ports::{Clock, Forge as _, ForgeErrorKind, Freshness, RepoRef};

/// A clock that stands still until it is moved.
struct Stopped(AtomicI64);

impl Stopped {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_800_000_000)))
    }

    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

fn key() -> SecretString {
    static KEY: OnceLock<String> = OnceLock::new();
    let pem = KEY.get_or_init(|| {
        use aws_lc_rs::encoding::AsDer as _;
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der = base64::engine::general_purpose::STANDARD.encode(pair.as_der().unwrap().as_ref());
        let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    });
    SecretString::from(pem.clone())
}

const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(2), read: Duration::from_millis(600), whole: Duration::from_millis(900) };

fn github_at(api_url: String, clock: &Arc<Stopped>) -> GitHub {
    let config = GitHubConfig { api_url, credentials: Credentials::App { id: 77, private_key: key() } };
    let clock: Arc<dyn Clock> = Arc::<Stopped>::clone(clock);
    GitHub::with_patience(&config, clock, PATIENCE, Duration::from_millis(5)).unwrap()
}

/// A server that answers by `answers` (its own defaults where that gives nothing), and the adapter on it.
async fn github(answers: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static) -> (GitHub, Server, Arc<Stopped>) {
    let server = Server::start("", answers).await;
    let clock = Stopped::new();
    (github_at(server.url(), &clock), server, clock)
}

fn repo() -> RepoRef {
    repo_in(5)
}

fn repo_in(installation: u64) -> RepoRef {
    RepoRef {
        id: RepoId::new(1),
        name: RepoName::parse("acme/app").unwrap(),
        installation: InstallationId::new(installation),
    }
}

fn branch(name: &str) -> RefName {
    RefName::branch(name).unwrap()
}

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn oid(digit: char) -> Oid {
    Oid::parse(&digit.to_string().repeat(40)).unwrap()
}

const CHANGE: PrNumber = PrNumber::new(7);

/// A pull request of `acme/app` as REST shows it.
fn pull(number: u64) -> serde_json::Value {
    let repository = serde_json::json!({ "id": 1, "full_name": "acme/app" });
    serde_json::json!({
        "number": number, "html_url": format!("https://github.com/acme/app/pull/{number}"), "title": "t", "body": null,
        "state": "open", "merged": false, "draft": false, "user": { "id": 11, "login": "ann", "type": "User" },
        "head": { "ref": "feature/x", "sha": "a".repeat(40), "repo": repository },
        "base": { "ref": "main", "sha": "b".repeat(40), "repo": repository },
        "requested_reviewers": [], "requested_teams": [], "updated_at": "2027-01-15T08:00:00Z", "merge_commit_sha": null,
    })
}
