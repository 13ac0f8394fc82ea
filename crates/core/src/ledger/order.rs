//! An order to a job: bring one target to one approved generation, within a quarter of an hour.
//!
//! Everybody who reads the repository may read it. It holds no value and allows nothing that is not approved: whoever carries it out
//! asks the ledger once more. There is one text for an order, JSON that ends with the signature, so that a workflow can read its
//! fields; anything else is refused. It is signed under a payload type of its own, so it can never be taken for an entry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::envelope::pre_authentication_encoding;
use super::keys::{KeyClass, KeyFingerprint, SigningKey};
use super::state::{KeyStatus, LedgerState};
use crate::domain::{Environment, JobId, Oid, RepoId, RepoName, Sequence, Span, TargetName, Timestamp};

/// Payload type of orders.
const ORDER_TYPE: &str = "application/vnd.countersign.order+json";
/// The word in `type`.
const KIND: &str = "sync.ordered";
/// Longest text of an order, in bytes; GitHub takes 65,535 characters for all inputs.
const LONGEST: usize = 8 * 1024;
/// GitHub's clocks and ours differ.
const SKEW: Span = Span::from_seconds(60);

/// How long an order may be begun.
pub const ORDER_LASTS: Span = Span::from_seconds(15 * 60);

/// What a job is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobOrder {
    version: u8,
    #[serde(rename = "type")]
    kind: String,
    /// The delivery, and which order for it this is.
    pub id: JobId,
    /// The repository's number.
    pub repository_id: RepoId,
    /// Its name when the order was given.
    pub repository: RepoName,
    /// The environment.
    pub environment: Environment,
    /// The target.
    pub target: TargetName,
    /// The entry that approved the content.
    pub generation: Sequence,
    /// The tip of the environment's branch that was proven to hold it.
    pub commit: Oid,
    /// The entry that decided it.
    pub decision: String,
    /// When it was given.
    pub issued: Timestamp,
    /// When it may no longer be begun.
    pub expires: Timestamp,
    /// The server that gave it and hears how it ended.
    pub server: String,
    /// The key that signs it.
    pub key: KeyFingerprint,
}

/// An order and its signature, as the text has them.
#[derive(Serialize, Deserialize)]
struct Signed {
    #[serde(flatten)]
    order: serde_json::Map<String, serde_json::Value>,
    signature: String,
}

/// What an order is given about.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The delivery, and which order for it this is.
    pub id: JobId,
    /// The repository's name.
    pub repository: RepoName,
    /// The commit.
    pub commit: Oid,
    /// The entry that decided it.
    pub decision: Sequence,
    /// The server that hears how it ended.
    pub server: String,
}

/// Why an order is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderFault {
    /// No order at all, or not in its one spelling.
    #[error("this is no order")]
    Shape,
    /// The signature is not that of a server of this ledger over this text.
    #[error("the order is not signed by a server that the ledger of this repository names")]
    Signature,
    /// For another repository.
    #[error("the order is for {0}")]
    Elsewhere(String),
    /// Too late.
    #[error("the order expired at {0}")]
    Expired(Timestamp),
    /// From the future, or for longer than orders are given.
    #[error("the order is dated {0}")]
    Dated(Timestamp),
    /// Something newer is approved.
    #[error("the order is for {ordered}, and {newest} is what is approved now")]
    Superseded {
        /// What it is for.
        ordered: String,
        /// What is newest.
        newest: String,
    },
}

impl OrderFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape => "order-malformed",
            Self::Signature => "order-not-signed",
            Self::Elsewhere(_) => "order-elsewhere",
            Self::Expired(_) | Self::Dated(_) => "order-expired",
            Self::Superseded { .. } => "order-superseded",
        }
    }

    /// The next action, as the end of "help: …".
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Shape => "hand over the input `countersign` as it came: only the server starts this workflow",
            Self::Signature => "see who started this run; if it was the server, compare `trust` and its signing key",
            Self::Elsewhere(_) => "an order is good in one repository only; see who copied it",
            Self::Expired(_) => "nothing to do: the server gives a new order; run jobs within 15 minutes",
            Self::Dated(_) => "set the clocks of server and runner",
            Self::Superseded { .. } => "nothing to do: the newer one has an order of its own",
        }
    }
}

impl JobOrder {
    /// Gives an order at an instant, signed; its text.
    #[must_use]
    pub fn give(ordered: Ordered, now: Timestamp, key: &SigningKey) -> String {
        let Ordered { id, repository, commit, decision, server } = ordered;
        let order = Self {
            version: 1,
            kind: KIND.to_owned(),
            repository_id: id.repo,
            environment: id.environment.clone(),
            target: id.target.clone(),
            generation: id.generation,
            id,
            repository,
            commit,
            decision: decision.label(),
            issued: now,
            expires: now.plus(ORDER_LASTS),
            server,
            key: key.fingerprint(),
        };
        let signature = key.sign(&pre_authentication_encoding(ORDER_TYPE, order.bytes().as_bytes()));
        order.with(&STANDARD.encode(signature))
    }

    /// Reads the one text an order has, and believes it only when a server signed it whose key the ledger names and nobody took
    /// back.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(text: &str, ledger: &LedgerState) -> Result<Self, OrderFault> {
        if text.len() > LONGEST {
            return Err(OrderFault::Shape);
        }
        let signed: Signed = serde_json::from_str(text).map_err(|_| OrderFault::Shape)?;
        let order: Self = serde_json::from_value(signed.order.into()).map_err(|_| OrderFault::Shape)?;
        if order.with(&signed.signature) != text || order.version != 1 || order.kind != KIND || !order.agrees() {
            return Err(OrderFault::Shape);
        }
        let signature = STANDARD.decode(&signed.signature).map_err(|_| OrderFault::Shape)?;
        let known = ledger.keys().get(&order.key);
        let may = known.filter(|key| key.status == KeyStatus::Active && key.class == KeyClass::Server);
        let message = pre_authentication_encoding(ORDER_TYPE, order.bytes().as_bytes());
        if may.is_some_and(|key| key.public.verifies(&message, &signature)) {
            Ok(order)
        } else {
            Err(OrderFault::Signature)
        }
    }

    /// Whether it may be begun here and now.
    ///
    /// # Errors
    /// When it is for another repository, or not of this quarter of an hour.
    pub fn may_begin(&self, (id, name): (RepoId, &RepoName), now: Timestamp) -> Result<(), OrderFault> {
        // a renamed repository keeps its number; the name is for people
        if self.repository_id != id {
            return Err(OrderFault::Elsewhere(format!("`{}` ({}), not `{name}`", self.repository, self.repository_id)));
        }
        if self.issued > now.plus(SKEW) || self.expires != self.issued.plus(ORDER_LASTS) {
            return Err(OrderFault::Dated(self.issued));
        }
        if now >= self.expires { Err(OrderFault::Expired(self.expires)) } else { Ok(()) }
    }

    /// Whether it is for what is approved now.
    ///
    /// # Errors
    /// When it is for anything else.
    pub fn is_newest(&self, approved: Sequence) -> Result<(), OrderFault> {
        if approved == self.generation {
            return Ok(());
        }
        Err(OrderFault::Superseded { ordered: self.generation.label(), newest: approved.label() })
    }

    /// What it says twice, it says the same.
    fn agrees(&self) -> bool {
        self.id.repo == self.repository_id
            && self.id.environment == self.environment
            && self.id.target == self.target
            && self.id.generation == self.generation
    }

    /// What is signed.
    fn bytes(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn with(&self, signature: &str) -> String {
        let body = self.bytes();
        let open = body.strip_suffix('}').unwrap_or_default();
        format!("{open},\"signature\":{}}}", serde_json::Value::from(signature))
    }
}
