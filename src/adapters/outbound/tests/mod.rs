//! The client against servers that fail in every way, and names that lie.
#![expect(clippy::unwrap_used, reason = "tests")]

mod failing;
mod kubernetes;
mod refusing;
mod remote;
mod stand_in;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use countersign_core::domain::Timestamp;

use super::resolve::{Resolve, SystemResolver};
use super::{Outgoing, Patience};
use crate::engine::ports::{
    Accepted, Clock, Granted, HostPattern, Outbound as _, OutboundError, OutboundKind, WebhookMessage,
};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &[u8] = br#"{"version":1,"type":"sync.requested"}"#;

/// The time of this machine: the library on the receiving side compares with it.
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(jiff::Timestamp::now().as_second())
    }
}

/// Says something else each time it is asked; the last answer stays.
struct Liar {
    answers: Mutex<VecDeque<Vec<SocketAddr>>>,
    asked: Arc<Mutex<usize>>,
}

#[async_trait]
impl Resolve for Liar {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        *self.asked.lock().unwrap() += 1;
        let mut answers = self.answers.lock().unwrap();
        let first = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        first.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn outgoing(resolver: Box<dyn Resolve>, whole: Duration) -> Outgoing {
    Outgoing { clock: Arc::new(Now), resolver, patience: Patience { connect: whole, whole } }
}

fn message(url: &str, hosts: &[&str], private: bool) -> WebhookMessage {
    let hosts: Vec<_> = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
    WebhookMessage {
        url: Granted::new(url.into(), hosts, private),
        secret: Granted::new(SECRET.into(), Vec::new(), false),
        id: "sync_7_12_production_hook_HOOK_SECRET".to_owned(),
        body: BODY.to_vec(),
    }
}

/// Longer than any machine takes for an exchange with itself.
const LONG: Duration = Duration::from_secs(60);

/// Sends to a local server that was granted.
async fn send(url: &str) -> Result<Accepted, OutboundError> {
    send_within(url, LONG).await
}

async fn send_within(url: &str, whole: Duration) -> Result<Accepted, OutboundError> {
    let outgoing = outgoing(Box::new(SystemResolver), whole);
    outgoing.webhook(&message(url, &["127.0.0.1", "localhost"], true)).await
}

fn retries(error: &OutboundError) -> bool {
    matches!(error.kind, OutboundKind::Retry { .. })
}
