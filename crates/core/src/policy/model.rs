//! A policy as meant: every name is one, every reference resolves, every quorum can be reached on paper.
//!
//! A [`Policy`] comes from [`super::parse`] only. Nothing here looks up who people are: names become ids when a text becomes
//! effective, and the ledger keeps them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Digest, Environment, Login, RefName, Span, TargetId, TeamSlug};

use super::bypass::BypassRule;
use super::diagnostic::Place;
use super::glob::Globs;
use super::machines::Machine;
use super::matching::Index;
pub use super::raw::{DirectPush, Enforcement, MergeMode, Mode, OnDrift};
use super::routes::Route;
use super::syncs::SyncRule;

/// One text of `.countersign/policy.yaml`, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(super) digest: Digest,
    pub(super) environments: Vec<EnvironmentRule>,
    pub(super) policies: Vec<PolicyRule>,
    pub(super) admins: AdminRule,
    /// Where the admins are written; `None` when they are derived.
    pub(super) admins_place: Option<Place>,
    pub(super) control: Globs,
    pub(super) people: Vec<Person>,
    pub(super) machines: Vec<Machine>,
    pub(super) notifications: Vec<Route>,
    pub(super) index: Index,
}

/// What an approval holds for (`changes.md` 3, R22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// The commit it was given for, and its difference to the base.
    Commit,
    /// The difference to the base: survives a rebase, nothing else.
    Delta,
    /// The changed values: survives changes of other keys of the same file.
    Change,
}

impl Binding {
    /// The word as written in the policy file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Delta => "delta",
            Self::Change => "change",
        }
    }
}

/// What one environment protects, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentRule {
    pub(super) name: Environment,
    pub(super) place: Place,
    pub(super) paths: Globs,
    pub(super) plain: Globs,
    pub(super) branch: Option<RefName>,
    pub(super) binding: Binding,
    pub(super) mode: Mode,
    pub(super) merge: MergeMode,
    pub(super) comment_votes: bool,
    pub(super) direct_push: DirectPush,
    pub(super) approval_ttl: Option<Span>,
    pub(super) expires: Option<Span>,
    pub(super) syncs: Vec<SyncRule>,
}

impl EnvironmentRule {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Environment {
        &self.name
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What it protects.
    #[must_use]
    pub fn paths(&self) -> &Globs {
        &self.paths
    }

    /// Which of the protected files need no sealing.
    #[must_use]
    pub fn plain(&self) -> &Globs {
        &self.plain
    }

    /// The branch, when one is written.
    #[must_use]
    pub fn branch(&self) -> Option<&RefName> {
        self.branch.as_ref()
    }

    /// The branch it governs.
    #[must_use]
    pub fn branch_or<'a>(&'a self, default_branch: &'a RefName) -> &'a RefName {
        self.branch.as_ref().unwrap_or(default_branch)
    }

    /// What an approval holds for.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// What the rules do.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How a satisfied change is merged.
    #[must_use]
    pub fn merge(&self) -> MergeMode {
        self.merge
    }

    /// Whether comments approve as well as reviews (R10).
    #[must_use]
    pub fn comment_votes(&self) -> bool {
        self.comment_votes
    }

    /// The time after which an approval no longer counts (R30).
    #[must_use]
    pub fn approval_ttl(&self) -> Option<Span> {
        self.approval_ttl
    }

    /// The time after which an idle change request is closed.
    #[must_use]
    pub fn expires(&self) -> Option<Span> {
        self.expires
    }

    /// What happens to a direct push.
    #[must_use]
    pub fn direct_push(&self) -> DirectPush {
        self.direct_push
    }

    /// The targets that get its approved content, in the order of the file.
    #[must_use]
    pub fn syncs(&self) -> &[SyncRule] {
        &self.syncs
    }
}

/// The environments a policy applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentSelector {
    /// All of them (`"*"`).
    All,
    /// These.
    Named(Vec<Environment>),
}

impl EnvironmentSelector {
    /// Whether the environment is one of them.
    #[must_use]
    pub fn holds(&self, environment: &Environment) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(environment),
        }
    }
}

/// Accounts and teams; at least one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvers {
    /// Accounts, each once.
    pub users: Vec<Login>,
    /// Teams, each once.
    pub teams: Vec<TeamSlug>,
}

/// People of whom a number must approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name; the policy's own where the file has no groups.
    pub name: String,
    /// Who may approve for it.
    pub approvers: Approvers,
    /// How many approvals it needs, 1 to 50.
    pub required: u8,
}

/// Whose approvals a change needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRule {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) description: Option<String>,
    pub(super) environments: EnvironmentSelector,
    pub(super) secret_paths: Option<Globs>,
    pub(super) groups: Vec<Group>,
    pub(super) self_approval: bool,
    pub(super) enforcement: Enforcement,
    pub(super) bypass: Option<BypassRule>,
}

impl PolicyRule {
    /// Its name, unique in the policy file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is written.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// A sentence for people.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The environments it applies to.
    #[must_use]
    pub fn environments(&self) -> &EnvironmentSelector {
        &self.environments
    }

    /// The groups that must all be filled, by distinct people (R43). At least one.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Whether the requester's own approval counts. Already false where one approval suffices (R36 as decided).
    #[must_use]
    pub fn self_approval(&self) -> bool {
        self.self_approval && self.required() > 1
    }

    /// Whether it can be bypassed.
    #[must_use]
    pub fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// Who may bypass it; `None` for a hard policy.
    #[must_use]
    pub fn bypass(&self) -> Option<&BypassRule> {
        self.bypass.as_ref().filter(|_| self.enforcement == Enforcement::Soft)
    }

    /// Approvals of all groups together, 1 to 50.
    #[must_use]
    pub fn required(&self) -> u8 {
        self.groups.iter().map(|group| group.required).fold(0, u8::saturating_add)
    }
}

/// Who decides about control paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminRule {
    /// The people, and the number as written (or derived).
    pub group: Group,
    /// The number that holds: at least what the strictest hard policy needs.
    pub effective_required: u8,
    /// Whether the file has no `admins`, so that they are all approvers together.
    pub derived: bool,
}

/// One entry of `people`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub(super) login: Login,
    pub(super) email: Option<String>,
    pub(super) recipients: Vec<String>,
    pub(super) same_person: Option<Login>,
}

impl Person {
    /// Login as written.
    #[must_use]
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Address for mail.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

impl Policy {
    /// Digest of the text it was read from.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The environments, in the order of the file.
    #[must_use]
    pub fn environments(&self) -> &[EnvironmentRule] {
        &self.environments
    }

    /// One environment.
    #[must_use]
    pub fn environment(&self, name: &Environment) -> Option<&EnvironmentRule> {
        self.environments.iter().find(|rule| rule.name == *name)
    }

    /// One target of one environment.
    #[must_use]
    pub fn sync(&self, id: &TargetId) -> Option<&SyncRule> {
        self.environment(&id.environment)?.syncs.iter().find(|sync| *sync.name() == id.target)
    }

    /// Every target of every environment, in the order of the file.
    pub fn syncs(&self) -> impl Iterator<Item = (TargetId, &SyncRule)> {
        self.environments.iter().flat_map(|rule| {
            rule.syncs
                .iter()
                .map(|sync| (TargetId { environment: rule.name.clone(), target: sync.name().clone() }, sync))
        })
    }

    /// The policies, in the order of the file.
    #[must_use]
    pub fn policies(&self) -> &[PolicyRule] {
        &self.policies
    }

    /// Who decides about control paths.
    #[must_use]
    pub fn admins(&self) -> AdminRule {
        self.admins.clone()
    }

    /// As [`Policy::admins`], borrowed.
    #[must_use]
    pub fn admin_rule(&self) -> &AdminRule {
        &self.admins
    }

    /// The entries of `people`, in the order of the file.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Bots whose value changes need no person.
    #[must_use]
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// Where events are told, in the order of the file.
    #[must_use]
    pub fn notifications(&self) -> &[Route] {
        &self.notifications
    }

    /// Accounts that are one person (`same_person`, R21), in pairs.
    #[must_use]
    pub fn same_people(&self) -> Vec<(&Login, &Login)> {
        self.people.iter().filter_map(|person| Some((&person.login, person.same_person.as_ref()?))).collect()
    }

    /// Every login that must be resolved to an id, in the first spelling of the file.
    #[must_use]
    pub fn all_users(&self) -> BTreeSet<Login> {
        let mut users: BTreeMap<String, Login> = BTreeMap::new();
        let linked = self.same_people().into_iter().flat_map(|(one, other)| [one, other]);
        for login in self.every_list().flat_map(|people| &people.users).chain(linked) {
            users.entry(login.as_str().to_ascii_lowercase()).or_insert_with(|| login.clone());
        }
        users.into_values().collect()
    }

    /// Every team that must be resolved to an id.
    #[must_use]
    pub fn all_teams(&self) -> BTreeSet<TeamSlug> {
        self.every_list().flat_map(|people| people.teams.iter().cloned()).collect()
    }

    /// Whose each recipient of `people` is: recipient → login as written.
    #[must_use]
    pub fn recipients_of_people(&self) -> BTreeMap<String, String> {
        self.people
            .iter()
            .flat_map(|person| person.recipients.iter().map(|one| (one.clone(), person.login.as_str().to_owned())))
            .collect()
    }

    /// Every list of people the file holds: approvers, admins, and who may bypass.
    pub fn every_list(&self) -> impl Iterator<Item = &Approvers> {
        let groups = self.policies.iter().flat_map(|rule| &rule.groups).chain([&self.admins.group]);
        let bypass = self.policies.iter().filter_map(|rule| rule.bypass.as_ref()).map(|bypass| &bypass.people);
        groups.map(|group| &group.approvers).chain(bypass)
    }
}
