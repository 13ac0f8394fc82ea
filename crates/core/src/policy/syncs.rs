//! Targets as meant: what gets the approved content of an environment, in which order, and what happens when it differs.
//!
//! A target names aliases, never a value; what an alias stands for is known to whoever grants it.

use crate::domain::{Alias, RefName, TargetKind, TargetName};

use super::diagnostic::Place;
use super::machines::{self, KeyPattern};
use super::raw::{OnDrift, Prune};

/// 1 MiB.
const MIB: usize = 1024 * 1024;

/// One target of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRule {
    pub(super) name: TargetName,
    pub(super) place: Place,
    pub(super) target: Target,
    pub(super) after: Vec<TargetName>,
    pub(super) runs_in: RunsIn,
    pub(super) on_drift: OnDrift,
    pub(super) prune: Prune,
    pub(super) adopt: bool,
}

impl SyncRule {
    /// Its name, unique in the environment.
    #[must_use]
    pub fn name(&self) -> &TargetName {
        &self.name
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The targets of the same environment that come first.
    #[must_use]
    pub fn after(&self) -> &[TargetName] {
        &self.after
    }

    /// Who delivers.
    #[must_use]
    pub fn runs_in(&self) -> &RunsIn {
        &self.runs_in
    }

    /// What happens when it differs from what is approved.
    #[must_use]
    pub fn on_drift(&self) -> OnDrift {
        self.on_drift
    }

    /// What happens to keys we wrote that are no longer approved.
    #[must_use]
    pub fn prune(&self) -> Prune {
        self.prune
    }

    /// Whether keys that are there already, and not ours, are taken over.
    #[must_use]
    pub fn adopt(&self) -> bool {
        self.adopt
    }
}

/// Who delivers to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunsIn {
    /// The server itself.
    Server,
    /// A job that the server starts, and that reports to it.
    Runner {
        /// Its workflow, on the default branch: the file below `.github/workflows/`.
        workflow: String,
    },
}

/// Which secret of a key-value store, and which keys of the environment go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultRule {
    /// The mount.
    pub mount: String,
    /// The path below the mount.
    pub path: String,
    /// The namespace.
    pub namespace: Option<String>,
    /// The keys; none: all.
    pub keys: Vec<KeyPattern>,
}

/// Which Secret of a cluster, and which keys of the environment go there. Which cluster that is, is for the grants to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesRule {
    /// The namespace.
    pub namespace: String,
    /// The name of the Secret.
    pub secret: String,
    /// The keys; none: all.
    pub keys: Vec<KeyPattern>,
}

/// Which ExternalSecrets of a cluster are told to read. Which cluster that is, is for the grants to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalSecretsRule {
    /// The namespace.
    pub namespace: String,
    /// Their names, one at least.
    pub names: Vec<String>,
}

/// How much a target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Most keys, those of others included.
    pub keys: usize,
    /// Largest value, in bytes.
    pub bytes: usize,
    /// All values together, those of others included, in bytes.
    pub whole: usize,
}

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A branch that only ever holds approved commits.
    Branch {
        /// Which.
        reference: RefName,
    },
    /// A workflow (`actions/create-workflow-dispatch`).
    Workflow {
        /// Its file below `.github/workflows/`.
        file: String,
        /// The branch it is taken from; `None`: the default branch.
        branch: Option<RefName>,
    },
    /// A repository event (`repos/create-dispatch-event`).
    Event {
        /// Its type.
        event: String,
    },
    /// A webhook with a Standard Webhooks signature.
    Webhook {
        /// Alias of the address.
        url: Alias,
        /// Alias of the signing secret.
        secret: Alias,
    },
    /// A receiver of Flux, of the type `generic-hmac`.
    Flux {
        /// Alias of the receiver's address.
        url: Alias,
        /// Alias of the receiver's token.
        token: Alias,
        /// The commit statuses that tell that Flux got there.
        verify: Option<StatusPattern>,
    },
    /// An application of Argo CD.
    ArgoCd {
        /// Address of the server.
        address: ServiceAddress,
        /// The application.
        application: String,
        /// Alias of the token.
        token: Alias,
    },
    /// The secrets of a GitHub environment of the same repository.
    GithubEnvironment {
        /// Its name on GitHub.
        environment: String,
        /// The keys; none: all.
        keys: Vec<KeyPattern>,
    },
    /// A secret of Vault's key-value store, version 2.
    Vault {
        /// Address of the server.
        address: ServiceAddress,
        /// Alias of the token.
        token: Alias,
        /// Which secret, and which keys.
        rule: VaultRule,
    },
    /// A Secret of the cluster that is granted to the environment.
    Kubernetes {
        /// Which Secret, and which keys.
        rule: KubernetesRule,
    },
    /// ExternalSecrets of the cluster that is granted to the environment.
    ExternalSecrets {
        /// Which.
        rule: ExternalSecretsRule,
    },
}

/// A pattern for the contexts of commit statuses: `*` any characters, `/` and `.` too; `?` one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusPattern(String);

impl StatusPattern {
    /// Reads a pattern; `None` when it is empty, longer than 200 characters or holds a control character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fine = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fine.then(|| Self(text.to_owned()))
    }

    /// Whether a status of this context is meant.
    #[must_use]
    pub fn matches(&self, context: &str) -> bool {
        machines::part_matches(&self.0, context)
    }
}

/// The address of a server's interface, as a policy file may name it: no user, no query, nothing that could be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress(String);

impl ServiceAddress {
    /// Reads an address; `None` when it is none. Whether anything is sent there is for the grants to say.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]".contains(&byte);
        let fine = text.len() <= 500 && rest.bytes().all(plain) && !rest.starts_with('/') && !rest.is_empty();
        let climbs = rest.split('/').any(|part| part == ".." || part == ".");
        (fine && !climbs).then(|| Self(text.trim_end_matches('/').to_owned()))
    }

    /// Without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Target {
    /// How it is reached.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Branch { .. } => TargetKind::Branch,
            Self::Workflow { .. } | Self::Event { .. } => TargetKind::Dispatch,
            Self::Webhook { .. } => TargetKind::Webhook,
            Self::Flux { .. } => TargetKind::Flux,
            Self::ArgoCd { .. } => TargetKind::ArgoCd,
            Self::GithubEnvironment { .. } => TargetKind::GithubEnvironment,
            Self::Vault { .. } => TargetKind::Vault,
            Self::Kubernetes { .. } => TargetKind::Kubernetes,
            Self::ExternalSecrets { .. } => TargetKind::ExternalSecrets,
        }
    }

    /// Which keys of the environment go to a target that holds values, none: all; `None`: it holds none.
    fn keys(&self) -> Option<&[KeyPattern]> {
        match self {
            Self::GithubEnvironment { keys, .. } => Some(keys),
            Self::Vault { rule, .. } => Some(&rule.keys),
            Self::Kubernetes { rule } => Some(&rule.keys),
            Self::Branch { .. }
            | Self::Workflow { .. }
            | Self::Event { .. }
            | Self::Webhook { .. }
            | Self::Flux { .. }
            | Self::ArgoCd { .. }
            | Self::ExternalSecrets { .. } => None,
        }
    }

    /// Whether it is given values.
    #[must_use]
    pub fn holds_values(&self) -> bool {
        self.keys().is_some()
    }

    /// Whether it is given the value of this key.
    #[must_use]
    pub fn takes(&self, key: &str) -> bool {
        self.keys().is_some_and(|keys| keys.is_empty() || keys.iter().any(|pattern| pattern.matches(key)))
    }

    /// Whether it shows that its values changed, for those who restart on it.
    #[must_use]
    pub fn shows_content(&self) -> bool {
        self.kind() == TargetKind::Kubernetes
    }

    /// Whether a key can be the name of a value there.
    #[must_use]
    pub fn can_name(&self, key: &str) -> bool {
        match self {
            Self::GithubEnvironment { .. } => {
                let plain = key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
                plain
                    && !key.is_empty()
                    && !key.starts_with(|first: char| first.is_ascii_digit())
                    && !key.starts_with("GITHUB_")
            }
            Self::Kubernetes { .. } => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
                (1..=253).contains(&key.len()) && key.bytes().all(plain) && key != "." && !key.starts_with("..")
            }
            Self::Vault { .. }
            | Self::Branch { .. }
            | Self::Workflow { .. }
            | Self::Event { .. }
            | Self::Webhook { .. }
            | Self::Flux { .. }
            | Self::ArgoCd { .. }
            | Self::ExternalSecrets { .. } => true,
        }
    }

    /// How much it holds, where that is known.
    #[must_use]
    pub fn room(&self) -> Option<Room> {
        match self {
            Self::GithubEnvironment { .. } => Some(Room { keys: 100, bytes: 48 * 1024, whole: usize::MAX }),
            Self::Kubernetes { .. } => Some(Room { keys: usize::MAX, bytes: MIB, whole: MIB }),
            Self::Vault { .. }
            | Self::Branch { .. }
            | Self::Workflow { .. }
            | Self::Event { .. }
            | Self::Webhook { .. }
            | Self::Flux { .. }
            | Self::ArgoCd { .. }
            | Self::ExternalSecrets { .. } => None,
        }
    }
}
