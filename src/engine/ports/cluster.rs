//! Clusters that the settings grant: one for each repository and environment, with the namespaces that may be written to.
//!
//! A policy names a namespace, never a cluster: where its address, its authority and its token are is the operator's to say.

use std::fmt;
use std::path::PathBuf;

use countersign_core::domain::{Environment, RepoName};
use countersign_core::policy::ServiceAddress;
use countersign_core::sync::{SyncReason, Trouble};

use super::outbound::{Granted, HostPattern};

/// One cluster as it is granted.
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
}

impl fmt::Display for NoCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, environment, why } = self;
        match why {
            WhyNoCluster::Unnamed => write!(f, "no cluster is granted to `{environment}` of {repo}"),
            WhyNoCluster::Namespace(namespace) => {
                write!(f, "the namespace `{namespace}` is not granted to `{environment}` of {repo}")
            }
            WhyNoCluster::File(field, why) => {
                write!(f, "the `{field}` of the cluster granted to `{environment}` of {repo} {why}")
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
        };
        Self { code: SyncReason::ClusterNotGranted.code().to_owned(), words: fault.to_string(), help }
    }
}
