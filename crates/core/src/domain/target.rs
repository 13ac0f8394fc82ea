//! The nouns of delivery: targets, what became of a run, its receipt.
//!
//! A receipt says what left and how it ended; it holds names, commits and numbers of GitHub, never an address or a value. When a
//! target gets something is decided elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::{DeploymentId, InvalidId, Oid, RunId, Sequence};
use super::path::Environment;
use super::sync::TargetName;

/// One target of one environment; printed as `production/hook`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetId {
    /// The environment.
    pub environment: Environment,
    /// The target's name in it.
    pub target: TargetName,
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.environment, self.target)
    }
}

impl FromStr for TargetId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fault = || InvalidId::new(text, "a target as `environment/name`");
        let (environment, target) = text.split_once('/').ok_or_else(fault)?;
        Ok(Self { environment: Environment::parse(environment)?, target: TargetName::parse(target)? })
    }
}

/// How a target is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// A branch that only ever holds approved commits.
    Branch,
    /// A workflow, or a repository event.
    Dispatch,
    /// A webhook with a Standard Webhooks signature.
    Webhook,
    /// A receiver of Flux.
    Flux,
    /// An application of Argo CD.
    #[serde(rename = "argocd")]
    ArgoCd,
    /// The secrets of a GitHub environment.
    GithubEnvironment,
    /// A secret of Vault's or OpenBao's key-value store.
    Vault,
    /// A Secret of a Kubernetes cluster.
    Kubernetes,
    /// ExternalSecrets of a Kubernetes cluster.
    #[serde(rename = "external_secrets")]
    ExternalSecrets,
}

impl TargetKind {
    /// The word as written in the policy file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Dispatch => "dispatch",
            Self::Webhook => "webhook",
            Self::Flux => "flux",
            Self::ArgoCd => "argocd",
            Self::GithubEnvironment => "github_environment",
            Self::Vault => "vault",
            Self::Kubernetes => "kubernetes",
            Self::ExternalSecrets => "external_secrets",
        }
    }
}

/// Where a run of a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Waits for its turn, or for its next attempt.
    Queued,
    /// The target took the request; whether it arrived is looked at.
    Triggered,
    /// The target proved that it runs the approved content.
    Converged,
    /// The target took it, but cannot be looked at.
    Accepted,
    /// Attempts used up, or a permanent answer: only a person starts it again.
    Failed,
    /// Our side is not set up for it: tried again by every sweep.
    Blocked,
    /// A newer generation took over.
    Superseded,
    /// Had converged, and no longer does.
    Drifted,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Triggered,
        Self::Converged,
        Self::Accepted,
        Self::Failed,
        Self::Blocked,
        Self::Superseded,
        Self::Drifted,
    ];

    /// The word, as in a receipt and in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Triggered => "triggered",
            Self::Converged => "converged",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Superseded => "superseded",
            Self::Drifted => "drifted",
        }
    }

    /// Whether the target has what it was to get.
    #[must_use]
    pub fn is_delivered(self) -> bool {
        match self {
            Self::Converged | Self::Accepted => true,
            Self::Queued | Self::Triggered | Self::Failed | Self::Blocked | Self::Superseded | Self::Drifted => false,
        }
    }
}

/// How a run ended, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncReceipt {
    /// Which environment.
    pub environment: Environment,
    /// Which of its targets.
    pub target: TargetName,
    /// How it is reached.
    pub kind: TargetKind,
    /// The entry that approved what was delivered.
    pub generation: Sequence,
    /// The commit that was delivered.
    pub commit: Oid,
    /// How it ended: `converged`, `accepted`, `failed` or `drifted`.
    pub state: RunState,
    /// Why it failed or drifted: a stable code.
    pub reason: Option<String>,
    /// What it can be found by.
    pub evidence: Evidence,
}

impl SyncReceipt {
    /// Which target.
    #[must_use]
    pub fn id(&self) -> TargetId {
        TargetId { environment: self.environment.clone(), target: self.target.clone() }
    }
}

/// What a delivery can be found by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The GitHub Deployment that records it.
    pub deployment: Option<DeploymentId>,
    /// `webhook-id` of the message, or the id sent with a dispatch.
    pub message: Option<String>,
    /// The workflow run that was started.
    pub run: Option<RunId>,
    /// How often it was tried.
    pub attempts: u32,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_target_prints_as_it_is_parsed() {
        let id: TargetId = "production/hook".parse().unwrap();
        assert_eq!(id.to_string(), "production/hook");
        for text in ["production", "production/", "/hook", "production/Hook", "a/b/c"] {
            assert!(text.parse::<TargetId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_kind_and_a_state_are_called_as_they_are_written() {
        use TargetKind::{ArgoCd, Branch, Dispatch, ExternalSecrets, Flux, Kubernetes, Webhook};
        for kind in [Branch, Dispatch, Webhook, Flux, ArgoCd, Kubernetes, ExternalSecrets] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for state in RunState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
    }

    #[test]
    fn a_receipt_reads_back_as_itself() {
        let receipt = SyncReceipt {
            environment: Environment::parse("production").unwrap(),
            target: TargetName::parse("hook").unwrap(),
            kind: TargetKind::Webhook,
            generation: Sequence::new(12),
            commit: Oid::parse(&"ab".repeat(20)).unwrap(),
            state: RunState::Accepted,
            reason: None,
            evidence: Evidence { message: Some("cs_1".to_owned()), attempts: 1, ..Evidence::default() },
        };
        let json = serde_json::to_value(&receipt).unwrap();
        assert_eq!(json["state"], "accepted");
        assert_eq!(serde_json::from_value::<SyncReceipt>(json).unwrap(), receipt);
    }
}
