//! Clusters that are granted: to the server by its settings, one for each repository and environment, to a job by its step; with the
//! namespaces that may be written to.
//!
//! A policy names a namespace, never a cluster: where its address, its authority and its token are is for the grant to say.

use std::fmt;
use std::path::PathBuf;

use countersign_core::domain::{Environment, RepoName};
use countersign_core::policy::ServiceAddress;
use countersign_core::sync::{SyncReason, Trouble};
use url::{Host, Url};

use super::outbound::{Granted, HostPattern};

/// One cluster as the settings grant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterGrant {
    /// Address of its API server.
    pub server: ServiceAddress,
    /// The host of that address.
    pub host: HostPattern,
    /// File of the certificates that vouch for the server; none: those this machine trusts.
    pub authority: Option<PathBuf>,
    /// File of the token, read at each use: tokens of service accounts are replaced every hour.
    pub token: PathBuf,
    /// Namespaces that may be written to.
    pub namespaces: Vec<String>,
    /// Whether an address inside a private network is fine, and plain http with it.
    pub allow_private: bool,
}

/// A cluster that was granted, with what was read for this use. It holds a token and cannot be printed.
pub struct Cluster {
    /// Address of its API server.
    pub server: ServiceAddress,
    /// Certificates that vouch for the server, in PEM; none: those this machine trusts.
    pub authority: Option<Vec<u8>>,
    /// The token.
    pub token: Granted,
}

/// Reads the address of an API server, and its host; plain http only where a private address is fine. `None`: it is none.
#[must_use]
pub fn api_server(text: &str, allow_private: bool) -> Option<(ServiceAddress, HostPattern)> {
    let address = ServiceAddress::parse(text)?;
    let url = Url::parse(text).ok()?;
    if url.scheme() == "http" && !allow_private {
        return None;
    }
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    Some((address, HostPattern::parse(&host).ok()?))
}

/// Whether a text can be the name of a namespace; a pattern is none.
#[must_use]
pub fn is_namespace(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Why an environment has no cluster to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCluster {
    /// Repository.
    pub repo: RepoName,
    /// Environment.
    pub environment: Environment,
    /// Why.
    pub why: WhyNoCluster,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyNoCluster {
    /// Nobody wrote one into the settings.
    Unnamed,
    /// One is granted, without this namespace.
    Namespace(String),
    /// A file that it names cannot be used; which and why, without content.
    File(&'static str, String),
    /// The step of a job does not hold this variable.
    NotInStep(&'static str),
    /// The step grants a cluster without this namespace; the variable that names them.
    NotNamedInStep(&'static str, String),
    /// A variable of the step cannot be used.
    Variable(Box<Unusable>),
}

/// A variable of a step that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Which.
    pub name: &'static str,
    /// Why, without content.
    pub why: String,
    /// What to write there.
    pub help: &'static str,
}

impl fmt::Display for NoCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, environment, why } = self;
        match why {
            WhyNoCluster::Unnamed => write!(f, "no cluster is granted to `{environment}` of {repo}"),
            WhyNoCluster::Namespace(namespace) | WhyNoCluster::NotNamedInStep(_, namespace) => {
                write!(f, "the namespace `{namespace}` is not granted to `{environment}` of {repo}")
            }
            WhyNoCluster::File(field, why) => {
                write!(f, "the `{field}` of the cluster granted to `{environment}` of {repo} {why}")
            }
            WhyNoCluster::NotInStep(name) => {
                write!(f, "no cluster is granted to `{environment}` of {repo}: the step does not hold `{name}`")
            }
            WhyNoCluster::Variable(unusable) => {
                let Unusable { name, why, .. } = &**unusable;
                write!(f, "no cluster is granted to `{environment}` of {repo}: `{name}` of the step {why}")
            }
        }
    }
}

impl From<NoCluster> for Trouble {
    fn from(fault: NoCluster) -> Self {
        let place = format!("[repositories.\"{}\".environments.{}.kubernetes]", fault.repo, fault.environment);
        let help = match &fault.why {
            WhyNoCluster::Unnamed => {
                format!("the operator adds to the configuration file: {place} server, ca_file, token_file, namespaces")
            }
            WhyNoCluster::Namespace(namespace) => format!("the operator adds `{namespace}` to `namespaces` of {place}"),
            WhyNoCluster::File(field, _) => format!("let this process read the file that `{field}` of {place} names"),
            WhyNoCluster::NotInStep(name) => {
                format!("give the step of the action `env: {{{name}: …}}`: docs/syncs.md says what a step grants")
            }
            WhyNoCluster::NotNamedInStep(name, namespace) => {
                format!("add `{namespace}` to `{name}` in the `env` of the step, in the workflow on the default branch")
            }
            WhyNoCluster::Variable(unusable) => unusable.help.to_owned(),
        };
        Self { code: SyncReason::ClusterNotGranted.code().to_owned(), words: fault.to_string(), help }
    }
}
