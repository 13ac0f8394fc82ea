//! The policy file as typed: every field there is, also those of later releases.
//!
//! These shapes say what may be written, not what it means; the JSON Schema comes from them. Names, patterns and numbers are
//! judged in `super::parse`, never here.

mod bypass;
mod later;
mod notifications;
mod syncs;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub(super) use self::bypass::RawBypass;
use self::later::RawAccess;
pub(super) use self::later::RawMachine;
pub(super) use self::notifications::{RawEmail, RawNotification, RawSlack};
pub use self::syncs::{OnDrift, Prune};
pub(super) use self::syncs::{
    RawArgo, RawDispatch, RawExternalSecrets, RawFlux, RawGithubEnvironment, RawKubernetes, RawSync, RawVault,
    RawWebhook, RunIn,
};
use super::read::{Faults, FromNode, List, Located, Table, shape, unknown_word, words};
use super::tree::{Kind, Node};

shape! {
    /// Who may change which protected files, and what happens then.
    #[schemars(rename = "Policy")]
    pub(super) struct RawPolicy {
        required {
            /// Version of this file format: 1.
            #[schemars(range(min = 1, max = 1))]
            version: u64,
            /// The environments by name: which paths they protect.
            environments: Table<RawEnvironment>,
            /// The list of policies: whose approvals a change needs. Every matching one must be satisfied.
            policies: List<RawRule>,
        }
        optional {
            /// The people who decide about this file and other control paths (default: all approvers, with the highest count).
            admins: RawAdmins,
            /// The list of further control paths, as patterns from the root (default: none).
            #[schemars(length(max = 50))]
            control: List<String>,
            /// The list of rules for temporary access. Not supported yet.
            access: List<RawAccess>,
            /// The list of bots whose value changes need no person.
            machines: List<RawMachine>,
            /// The people by login: how to reach them, and which recipients are theirs.
            people: Table<RawPerson>,
            /// The list of where events are told (default: nowhere but on GitHub).
            #[schemars(length(max = 50))]
            notifications: List<RawNotification>,
        }
    }
}

shape! {
    /// What one environment protects.
    #[schemars(rename = "Environment")]
    pub(super) struct RawEnvironment {
        required {
            /// The list of protected paths, as patterns from the root; `dir/` means everything below it.
            #[schemars(length(min = 1, max = 50))]
            paths: List<String>,
        }
        optional {
            /// The list of patterns of files that need approvals, but no sealing (default: kustomization.yaml, README.md and .gitkeep anywhere).
            #[schemars(length(max = 50))]
            plain: List<String>,
            /// The branch it governs (default: the default branch).
            branch: String,
            /// What the rules do: `enforce` (default) or `observe`.
            mode: Mode,
            /// How a satisfied change is merged: `auto` (default) or `manual`.
            merge: MergeMode,
            /// What an approval holds for: `delta` (default), `commit` or `change`.
            binding: RawBinding,
            /// What happens to a direct push: `put_back` (default) or `quarantine` (not supported yet).
            direct_push: DirectPush,
            /// The time after which an approval no longer counts (default: none).
            #[schemars(regex(pattern = r"^[0-9]+[smhd]$"))]
            approval_ttl: String,
            /// The time after which an idle change request is closed (default: none).
            #[schemars(regex(pattern = r"^[0-9]+[smhd]$"))]
            expires: String,
            /// The switch for approvals by comment, beside those by review (default: on).
            comment_votes: bool,
            /// The switch for looking at values. `true` is not supported yet.
            value_checks: bool,
            /// The list of targets that get the approved content (default: none).
            #[schemars(length(max = 50))]
            syncs: List<RawSync>,
        }
    }
}

words! {
    /// What the rules of an environment do.
    pub enum Mode {
        /// Changes wait for their approvals.
        Enforce = "enforce",
        /// Verdicts are shown, nothing is held up, merged or put back.
        Observe = "observe",
    }
}

words! {
    /// How a satisfied change is merged.
    pub enum MergeMode {
        /// At once.
        Auto = "auto",
        /// When somebody with write asks for it (`/countersign merge`).
        Manual = "manual",
    }
}

words! {
    /// What an approval holds for, as typed.
    #[schemars(rename = "Binding")]
    pub(super) enum RawBinding {
        /// The commit it was given for.
        Commit = "commit",
        /// The difference to the base.
        Delta = "delta",
        /// The changed values.
        Change = "change",
    }
}

words! {
    /// What happens to a push to a governed branch that no decision covers.
    pub enum DirectPush {
        /// The branch is set to what was approved; the change waits in a change request.
        PutBack = "put_back",
        /// The branch stays, nothing is delivered from it. Refused by this release.
        Quarantine = "quarantine",
    }
}

words! {
    /// Whether a policy can be bypassed.
    pub enum Enforcement {
        /// Never.
        Hard = "hard",
        /// By the people of `bypass`, loudly.
        Soft = "soft",
    }
}

shape! {
    /// Whose approvals a change needs.
    #[schemars(rename = "Rule")]
    pub(super) struct RawRule {
        required {
            /// The name of the policy: `a-z`, `0-9`, `-`, at most 64 characters, unique.
            #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
            name: String,
            /// The list of environments it applies to, or `"*"` for all.
            environments: Selector,
        }
        optional {
            /// A sentence for people.
            description: String,
            /// The list of patterns it applies to (default: the whole environment).
            #[schemars(length(min = 1, max = 50))]
            secret_paths: List<String>,
            /// The people who may approve.
            approvers: RawApprovers,
            /// The number of approvals that are needed, 1 to 50 (default 1).
            #[schemars(range(min = 1, max = 50))]
            required_approvals: u64,
            /// The list of groups that must all be filled, by distinct people; instead of `approvers` and `required_approvals`.
            #[schemars(length(min = 1, max = 10))]
            groups: List<RawGroup>,
            /// The switch that lets the requester's own approval count, where more than one is needed (default false).
            self_approval: bool,
            /// The strictness: `hard` (default) or `soft`.
            enforcement: Enforcement,
            /// The people who may bypass a soft policy, and what that costs.
            bypass: RawBypass,
        }
    }
}

shape! {
    /// Accounts and teams; a member of any of them is one of these people.
    #[schemars(rename = "Approvers")]
    pub(super) struct RawApprovers {
        required {}
        optional {
            /// The list of logins.
            users: List<String>,
            /// The list of teams, as `org/team-slug`.
            teams: List<String>,
        }
    }
}

shape! {
    /// One group of a policy.
    #[schemars(rename = "Group")]
    pub(super) struct RawGroup {
        required {
            /// The name of the group: `a-z`, `0-9`, `-`, at most 64 characters, unique in its policy.
            #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
            name: String,
            /// The people who may approve for the group.
            approvers: RawApprovers,
        }
        optional {
            /// The number of approvals of the group, 1 to 50 (default 1).
            #[schemars(range(min = 1, max = 50))]
            required_approvals: u64,
        }
    }
}

shape! {
    /// Who decides about control paths.
    #[schemars(rename = "Admins")]
    pub(super) struct RawAdmins {
        required {
            /// The people who may approve a change of control paths.
            approvers: RawApprovers,
        }
        optional {
            /// The number of approvals, 1 to 50 (default 1); never fewer than the strictest hard policy needs.
            #[schemars(range(min = 1, max = 50))]
            required_approvals: u64,
        }
    }
}

shape! {
    /// One person.
    #[schemars(rename = "Person")]
    pub(super) struct RawPerson {
        required {}
        optional {
            /// The address for mail.
            email: String,
            /// The list of age recipients of this person.
            recipients: List<String>,
            /// The login of the same person's other account: the two are one person, with one vote.
            same_person: String,
        }
    }
}

/// `"*"`, or a list of environments.
#[derive(Debug)]
pub(super) enum Selector {
    All,
    Named(List<String>),
}

impl FromNode for Selector {
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, .. } if text == "*" => Some(Self::All),
            Kind::Scalar { text, .. } if !node.is_null() => {
                unknown_word(text, node.place, &["[one, two]", "\"*\""], faults);
                None
            }
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => List::from_node(node, faults).map(Self::Named),
        }
    }
}

impl Selector {
    /// The names, when they are written out.
    pub(super) fn named(&self) -> &[Located<String>] {
        match self {
            Self::All => &[],
            Self::Named(list) => &list.items,
        }
    }
}

impl JsonSchema for Selector {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Selector".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"const": "*"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}]})
    }
}
