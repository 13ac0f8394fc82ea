//! What leaves for places other than GitHub: which secrets and hosts a repository was granted, and the message that goes there.
//!
//! Nothing here reads a file, resolves a name or decides who may deliver. No error repeats an address or a secret: an address
//! often is one.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use countersign_core::domain::{Alias, Environment, RepoName, Span};
use countersign_core::sync::SyncReason;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::cluster::{Cluster, NoCluster};
use super::operator::{Operator, OperatorReach};
use super::remote::{Reach, Remote};
use super::vessel::{Vessel, VesselReach};
use super::{Post, SendError};

/// What the settings of this process grant to repositories (`delivery.md`): nothing unless it is written there.
pub trait Grants: Send + Sync {
    /// The secret behind an alias, read now, so that it can be rotated without a restart.
    ///
    /// # Errors
    /// When it is not granted, or cannot be read.
    fn secret(&self, repo: &RepoName, alias: &Alias) -> Result<Granted, NotGranted>;

    /// The cluster of an environment, for one of its namespaces; its files are read now.
    ///
    /// # Errors
    /// When it is not granted, or a file cannot be read.
    fn cluster(&self, repo: &RepoName, environment: &Environment, namespace: &str) -> Result<Cluster, NoCluster>;
}

/// One grant as it is written: where the secret is, and where it may be used.
pub struct Grant {
    /// Where the secret is.
    pub place: Place,
    /// Hosts it may be sent to; as an address: hosts the address may name. Empty: none.
    pub hosts: Vec<HostPattern>,
    /// Whether addresses inside a private network are fine, and plain http with them.
    pub allow_private: bool,
}

/// Where a granted secret is.
pub enum Place {
    /// In a file, read at each use.
    File(PathBuf),
    /// In a variable of the environment, read at the start.
    Variable {
        /// Its name.
        name: String,
        /// What it held.
        value: SecretString,
    },
    /// Here.
    Here(SecretString),
}

/// A secret that was granted. It cannot be printed, copied or compared.
pub struct Granted {
    value: SecretString,
    hosts: Vec<HostPattern>,
    allow_private: bool,
}

impl Granted {
    /// Puts a grant together; for implementations of [`Grants`].
    #[must_use]
    pub fn new(value: SecretString, hosts: Vec<HostPattern>, allow_private: bool) -> Self {
        Self { value, hosts, allow_private }
    }

    /// The same grant for a text made from its own, such as a path below its address.
    #[must_use]
    pub fn map(self, make: impl FnOnce(&str) -> String) -> Self {
        Self { value: make(self.value.expose_secret()).into(), ..self }
    }

    /// The secret.
    #[must_use]
    pub fn value(&self) -> &SecretString {
        &self.value
    }

    /// Hosts it may be used with.
    #[must_use]
    pub fn hosts(&self) -> &[HostPattern] {
        &self.hosts
    }

    /// Whether addresses inside a private network are fine.
    #[must_use]
    pub fn allows_private(&self) -> bool {
        self.allow_private
    }
}

/// `hooks.example.com`, an address such as `10.0.0.7` or `::1`, or `*.example.com`: any name below it, not itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(String);

impl HostPattern {
    /// Parses a host, in any case, without scheme, port or path.
    ///
    /// # Errors
    /// When the text is no host, or `*` stands elsewhere than in front, or before a single label.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let lower = text.trim_end_matches('.').to_ascii_lowercase();
        let bare = lower.strip_prefix("*.").unwrap_or(&lower);
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        let name = bare.len() <= 253 && bare.split('.').all(label) && (bare.len() == lower.len() || bare.contains('.'));
        let address = lower.trim_start_matches('[').trim_end_matches(']').parse::<std::net::Ipv6Addr>();
        match address {
            Ok(address) => Ok(Self(address.to_string())),
            Err(_) if name => Ok(Self(lower)),
            Err(_) => Err(InvalidHost(text.chars().take(80).collect())),
        }
    }

    /// Whether a host, in lower case and an IPv6 address without brackets, falls under it.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => host == self.0,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a host, such as `hooks.example.com` or `*.example.com`")]
pub struct InvalidHost(String);

/// Why a repository does not have a secret: reason `secret-not-granted`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{alias}` is not granted to {repo}: {why}\nhelp: {}", self.help())]
pub struct NotGranted {
    /// Repository.
    pub repo: RepoName,
    /// Alias.
    pub alias: Alias,
    /// Why.
    pub why: WhyNot,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WhyNot {
    /// Nobody wrote it into the settings.
    #[error("the settings of this server do not name it")]
    Unnamed,
    /// The file cannot be read; why, without content.
    #[error("its file cannot be read ({0})")]
    Unreadable(String),
    /// The step of a job does not have it.
    #[error("the environment of this step does not hold it")]
    NotInStep,
    /// The step of a job does not say where it may go.
    #[error("the environment of this step does not say to which hosts it may go")]
    NoHosts,
    /// The file holds nothing, or far too much.
    #[error("its file is {0}")]
    Unfit(&'static str),
}

impl NotGranted {
    /// Code of the reason.
    pub const CODE: &'static str = "secret-not-granted";

    /// The next action, as the end of "help: …".
    #[must_use]
    pub fn help(&self) -> String {
        let Self { repo, alias, why } = self;
        match why {
            WhyNot::Unnamed => format!(
                "the operator adds to the configuration file: [repositories.\"{repo}\".secrets] {alias} = {{file = \"…\", hosts = [\"…\"]}}"
            ),
            WhyNot::NotInStep => {
                format!("give the step of the action `env: {{{alias}: ${{{{ secrets.{alias} }}}}}}`")
            }
            WhyNot::NoHosts => format!("give the step of the action `env: {{{alias}_HOSTS: vault.example.com}}`"),
            WhyNot::Unreadable(_) => {
                format!("let this process read the file that [repositories.\"{repo}\".secrets] names for {alias}")
            }
            WhyNot::Unfit(_) => {
                format!("put the secret into the file that [repositories.\"{repo}\".secrets] names for {alias}")
            }
        }
    }
}

/// The way out. One attempt per call; when to try again is the caller's decision.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Sends one signed webhook (Standard Webhooks).
    async fn webhook(&self, message: &WebhookMessage) -> Result<Accepted, OutboundError>;

    /// A place that follows Git by itself.
    fn remote(&self, reach: Reach) -> Box<dyn Remote + '_>;

    /// Posts JSON to a service; the beginning of what it answers, where that is JSON.
    async fn post(&self, post: &Post) -> Result<Option<serde_json::Value>, SendError>;

    /// An operator that reads values by itself.
    fn operator(&self, reach: OperatorReach) -> Box<dyn Operator + '_>;

    /// A place that holds values.
    fn vessel(&self, reach: VesselReach) -> Box<dyn Vessel + '_>;
}

/// A webhook to send. It holds secrets and cannot be printed.
pub struct WebhookMessage {
    /// The address, and which hosts it may name.
    pub url: Granted,
    /// One or more signing secrets, separated by white space.
    pub secret: Granted,
    /// `webhook-id`: the same for every attempt. A [`SyncId`](countersign_core::domain::SyncId), or the digest of a letter.
    pub id: String,
    /// The body, JSON.
    pub body: Vec<u8>,
}

/// The receiver took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its status, 200 to 299.
    pub status: u16,
}

/// Why it was not taken. The message has no part of the address but the host, and nothing the receiver said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}\nhelp: {help}")]
pub struct OutboundError {
    /// What may be done next.
    pub kind: OutboundKind,
    /// A lower-case sentence of what is wrong.
    pub what: String,
    /// The next action.
    pub help: String,
}

/// What may be done after an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboundKind {
    /// Try again, not before the receiver's `Retry-After`.
    Retry {
        /// What it asked for, at most a day.
        after: Option<Span>,
    },
    /// It does something else just now: try again.
    Busy,
    /// Somebody else wrote meanwhile: a person decides.
    Conflict,
    /// The receiver says no; another attempt would hear the same.
    Permanent,
    /// Our side does not allow it: nothing was sent.
    Blocked(Block),
}

/// What our side does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// The granted text is no address we send to.
    Address,
    /// The grant does not name the host.
    Host,
    /// The name stands for an address inside a private network, and the grant does not allow that.
    Private,
    /// The granted text is no signing secret.
    Secret,
    /// The granted cluster cannot be used as it is granted.
    Cluster,
    /// The App lacks a permission.
    Permission,
}

impl Block {
    /// Code of the reason.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Address => "target-address-invalid",
            Self::Host => "target-host-not-granted",
            Self::Private => "target-address-private",
            Self::Secret => "target-secret-invalid",
            Self::Cluster => SyncReason::ClusterNotGranted.code(),
            Self::Permission => SyncReason::NotPermitted.code(),
        }
    }
}
