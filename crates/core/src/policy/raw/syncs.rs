//! Shapes of the targets that get the approved content.
//!
//! Targets of later releases are typed here too, so that typing mistakes are found; which of them are served is judged in
//! `crate::policy::parse`.

use crate::policy::read::{List, shape, words};

shape! {
    /// One target that gets the approved content.
    #[schemars(rename = "Sync")]
    pub(in crate::policy) struct RawSync {
        required {
            /// The name of the target, unique in its environment.
            #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
            name: String,
        }
        optional {
            /// A branch that only ever holds approved commits.
            branch: RawBranchTarget,
            /// A receiver of Flux.
            flux: RawFlux,
            /// An application of Argo CD.
            argocd: RawArgo,
            /// A workflow, or a repository event.
            dispatch: RawDispatch,
            /// The secrets of a GitHub environment.
            github_environment: RawGithubEnvironment,
            /// A Secret of the Kubernetes cluster that is granted to the environment.
            kubernetes: RawKubernetes,
            /// ExternalSecrets of the same cluster, which read values from elsewhere.
            external_secrets: RawExternalSecrets,
            /// A secret of Vault's key-value store, version 2.
            vault: RawVault,
            /// A webhook with Standard Webhooks signatures.
            webhook: RawWebhook,
            /// The list of targets that come first.
            after: List<String>,
            /// The place it runs: `runner` (default where values are delivered) or `server` (default elsewhere, and the only one there).
            run_in: RunIn,
            /// The job that delivers, where `run_in` is `runner`.
            runner: RawRunner,
            /// What happens to keys that are no longer in the documents: `never` (default) or `owned`.
            prune: Prune,
            /// The switch for taking over keys that are already there (default false).
            adopt: bool,
            /// What happens when the target differs from what is approved: `report`, or `reapply` (default for a branch).
            on_drift: OnDrift,
        }
    }
}

words! {
    /// Where a target is served.
    pub(in crate::policy) enum RunIn {
        /// By the server.
        Server = "server",
        /// By a workflow.
        Runner = "runner",
    }
}

words! {
    /// What happens to keys that are no longer in the documents.
    pub enum Prune {
        /// They stay.
        Never = "never",
        /// Those we wrote are removed.
        Owned = "owned",
    }
}

words! {
    /// What happens when a target differs from the approved content.
    pub enum OnDrift {
        /// It is told.
        Report = "report",
        /// The approved content is written again.
        Reapply = "reapply",
    }
}

shape! {
    /// The job that delivers.
    #[schemars(rename = "Runner")]
    pub(in crate::policy) struct RawRunner {
        required {}
        optional {
            /// The file name of its workflow on the default branch (default `countersign-sync.yml`).
            workflow: String,
        }
    }
}

shape! {
    /// A branch that only ever holds approved commits.
    #[schemars(rename = "BranchTarget")]
    pub(in crate::policy) struct RawBranchTarget {
        required {
            /// The branch.
            r#ref: String,
        }
        optional {}
    }
}

shape! {
    /// A workflow, or a repository event.
    #[schemars(rename = "Dispatch")]
    pub(in crate::policy) struct RawDispatch {
        required {}
        optional {
            /// The file name of the workflow.
            workflow: String,
            /// The branch the workflow is taken from.
            r#ref: String,
            /// The type of the repository event, instead of a workflow.
            event: String,
        }
    }
}

shape! {
    /// A webhook with Standard Webhooks signatures.
    #[schemars(rename = "Webhook")]
    pub(in crate::policy) struct RawWebhook {
        required {
            /// The alias of the address.
            url_from: String,
            /// The alias of the signing secret.
            secret_from: String,
        }
        optional {}
    }
}

shape! {
    /// Flux's receiver.
    #[schemars(rename = "Flux")]
    pub(in crate::policy) struct RawFlux {
        required {
            /// The alias of the receiver's address.
            url_from: String,
            /// The alias of the receiver's token.
            token_from: String,
        }
        optional {
            /// What tells that it arrived.
            verify: RawVerify,
        }
    }
}

shape! {
    /// What tells that a target runs the approved content.
    #[schemars(rename = "Verify")]
    pub(in crate::policy) struct RawVerify {
        required {
            /// The commit status to wait for, as a pattern.
            context: String,
        }
        optional {}
    }
}

shape! {
    /// Argo CD.
    #[schemars(rename = "ArgoCd")]
    pub(in crate::policy) struct RawArgo {
        required {
            /// The address of the API.
            url: String,
            /// The application.
            application: String,
            /// The alias of the token.
            token_from: String,
        }
        optional {}
    }
}

shape! {
    /// The secrets of a GitHub environment.
    #[schemars(rename = "GithubEnvironment")]
    pub(in crate::policy) struct RawGithubEnvironment {
        required {
            /// The name of the GitHub environment.
            environment: String,
        }
        optional {
            /// The list of keys, as patterns (default: all).
            keys: List<String>,
        }
    }
}

shape! {
    /// A secret of Vault's key-value store, version 2.
    #[schemars(rename = "Vault")]
    pub(in crate::policy) struct RawVault {
        required {
            /// The address.
            address: String,
            /// The mount.
            mount: String,
            /// The path below the mount.
            path: String,
            /// The alias of the token.
            token_from: String,
        }
        optional {
            /// The namespace.
            namespace: String,
            /// The list of keys, as patterns (default: all).
            keys: List<String>,
        }
    }
}

shape! {
    /// A Secret of a Kubernetes cluster.
    #[schemars(rename = "Kubernetes")]
    pub(in crate::policy) struct RawKubernetes {
        required {
            /// The namespace.
            namespace: String,
            /// The name of the Secret.
            secret: String,
        }
        optional {
            /// The list of keys, as patterns (default: all).
            keys: List<String>,
        }
    }
}

shape! {
    /// ExternalSecrets of a Kubernetes cluster.
    #[schemars(rename = "ExternalSecrets")]
    pub(in crate::policy) struct RawExternalSecrets {
        required {
            /// The namespace.
            namespace: String,
            /// The list of their names.
            names: List<String>,
        }
        optional {}
    }
}
