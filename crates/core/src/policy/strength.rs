//! Whether a new policy text asks for as much as the old one.
//!
//! "At least as strong" means: whatever the new text lets through, the old one would have let through too. Only what can be seen
//! from the texts counts as proof; a team's members are not known here, so a team and its members are different people. When in
//! doubt the answer is weaker, never stronger.

use serde::Serialize;

use crate::domain::{Environment, Login};

use super::glob::{Glob, Globs};
use super::model::{AdminRule, Approvers, EnvironmentRule, Group, MergeMode, Mode, Policy, PolicyRule};

/// How a new policy compares with the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// It asks for more, and for nothing less.
    Stronger,
    /// It asks for the same.
    Equal,
    /// It asks for less, and for nothing more.
    Weaker,
    /// It asks for more here and for less there.
    Incomparable,
}

/// One thing that one text asks for and the other does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A protected environment, on that branch.
    Environment(Environment),
    /// A protected path of an environment.
    Path(Environment, String),
    /// Sealing of files that the other text lets be plain.
    Sealing(Environment, String),
    /// Approvals bound to the commit, or to the whole difference.
    Binding(Environment),
    /// Rules that are enforced.
    Enforced(Environment),
    /// A merge that waits for somebody.
    Manual(Environment),
    /// An end of approvals with time.
    Lifetime(Environment),
    /// Reviews alone as approvals.
    ReviewsAlone(Environment),
    /// A person's approval of what this bot changes.
    Machine(String),
    /// One vote for two accounts of one person.
    SamePerson(String),
    /// A policy's approvals, in an environment.
    Approvals(Environment, String),
    /// A standstill: paths that no policy let be changed, until this policy of the other text.
    Standstill(Environment, String),
    /// The approvals of `admins`.
    Admins,
    /// A control path.
    Control(String),
    /// The environment's own approvers, where the other text lets `admins` decide.
    OwnApprovers(String),
    /// A set of readers without this person's recipients.
    Readers(String),
}

impl Difference {
    /// What the text with less of it no longer asks for, as a sentence without a full stop.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Environment(name) => format!("environment `{name}` is not protected on that branch"),
            Self::Path(name, path) => format!("`{path}` is not protected by environment `{name}`"),
            Self::Sealing(name, path) => format!("files matching `{path}` need not be sealed in environment `{name}`"),
            Self::Binding(name) => format!("approvals in environment `{name}` hold for more than one commit"),
            Self::Enforced(name) => format!("the rules of environment `{name}` are only observed"),
            Self::Manual(name) => format!("changes of environment `{name}` merge without waiting for anybody"),
            Self::Lifetime(name) => format!("approvals in environment `{name}` hold for longer"),
            Self::ReviewsAlone(name) => format!("comments approve changes of environment `{name}` as well as reviews"),
            Self::Machine(login) => format!("bot `{login}` may change values without a person's approval"),
            Self::SamePerson(login) => format!("`{login}` and another account of the same person count as two"),
            Self::Approvals(name, rule) => {
                format!("nothing asks for the approvals of policy `{rule}` in environment `{name}`")
            }
            Self::Standstill(name, rule) => {
                format!("policy `{rule}` lets paths of environment `{name}` be changed that could not be")
            }
            Self::Admins => "control changes need fewer approvals, or other people may give them".to_owned(),
            Self::Control(path) => format!("`{path}` is not a control path"),
            Self::OwnApprovers(path) => format!("`admins` decide about `{path}`, not the approvers of its environment"),
            Self::Readers(person) => format!("`{person}` has a recipient that sealed files may be read with"),
        }
    }

    /// What the text with more of it asks for anew, as a sentence without a full stop.
    #[must_use]
    pub fn gained(&self) -> String {
        match self {
            Self::Environment(name) => format!("environment `{name}` is protected on that branch"),
            Self::Path(name, path) => format!("`{path}` is protected by environment `{name}`"),
            Self::Sealing(name, path) => format!("files matching `{path}` must be sealed in environment `{name}`"),
            Self::Binding(name) => format!("approvals in environment `{name}` end sooner when the change moves"),
            Self::Enforced(name) => format!("the rules of environment `{name}` are enforced"),
            Self::Manual(name) => format!("changes of environment `{name}` wait for somebody to merge them"),
            Self::Lifetime(name) => format!("approvals in environment `{name}` expire sooner"),
            Self::ReviewsAlone(name) => format!("only reviews approve changes of environment `{name}`"),
            Self::Machine(login) => format!("bot `{login}` needs a person's approval for more than before"),
            Self::SamePerson(login) => format!("`{login}` and another account are one person"),
            Self::Approvals(name, rule) => format!("policy `{rule}` asks for approvals in environment `{name}`"),
            Self::Standstill(name, rule) => {
                format!("paths of environment `{name}` that policy `{rule}` let be changed can no longer be")
            }
            Self::Admins => "control changes need more approvals, or fewer people may give them".to_owned(),
            Self::Control(path) => format!("`{path}` is a control path"),
            Self::OwnApprovers(path) => format!("the approvers of its environment decide about `{path}`, not `admins`"),
            Self::Readers(person) => format!("a recipient of `{person}` may no longer be used"),
        }
    }

    /// The environment it is about, if it is about one.
    #[must_use]
    pub fn environment(&self) -> Option<&Environment> {
        match self {
            Self::Environment(name)
            | Self::Path(name, _)
            | Self::Sealing(name, _)
            | Self::Binding(name)
            | Self::Enforced(name)
            | Self::Manual(name)
            | Self::Lifetime(name)
            | Self::ReviewsAlone(name)
            | Self::Approvals(name, _)
            | Self::Standstill(name, _) => Some(name),
            Self::Machine(_)
            | Self::SamePerson(_)
            | Self::Admins
            | Self::Control(_)
            | Self::OwnApprovers(_)
            | Self::Readers(_) => None,
        }
    }

    /// The policy it is about, if it is about one.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        match self {
            Self::Approvals(_, rule) | Self::Standstill(_, rule) => Some(rule),
            Self::Environment(_)
            | Self::Path(..)
            | Self::Sealing(..)
            | Self::Binding(_)
            | Self::Enforced(_)
            | Self::Manual(_)
            | Self::Lifetime(_)
            | Self::ReviewsAlone(_)
            | Self::Machine(_)
            | Self::SamePerson(_)
            | Self::Admins
            | Self::Control(_)
            | Self::OwnApprovers(_)
            | Self::Readers(_) => None,
        }
    }
}

/// The comparison of two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The verdict.
    pub strength: Strength,
    /// What the old text asks for and the new one does not.
    pub losses: Vec<Difference>,
    /// What the new text asks for and the old one did not.
    pub gains: Vec<Difference>,
}

/// Compares a new policy with the old one.
#[must_use]
pub fn compare(old: &Policy, new: &Policy) -> Comparison {
    let (losses, gains) = (missing(old, new), missing(new, old));
    let strength = match (losses.is_empty(), gains.is_empty()) {
        (true, true) => Strength::Equal,
        (true, false) => Strength::Stronger,
        (false, true) => Strength::Weaker,
        (false, false) => Strength::Incomparable,
    };
    Comparison { strength, losses, gains }
}

/// What `first` asks for and `second` does not, as far as can be seen.
fn missing(first: &Policy, second: &Policy) -> Vec<Difference> {
    let mut found = Vec::new();
    for environment in &first.environments {
        match second.environment(&environment.name).filter(|other| other.branch == environment.branch) {
            None => found.push(Difference::Environment(environment.name.clone())),
            Some(other) => {
                found.extend(environment_missing(environment, other));
                found.extend(approvals_missing(first, second, environment));
            }
        }
    }
    if !admins_hold(&first.admins, &second.admins) {
        found.push(Difference::Admins);
    }
    let uncovered = first.control.iter().filter(|glob| !any_includes(&second.control, glob));
    found.extend(uncovered.map(|glob| Difference::Control(glob.as_str().to_owned())));
    found.extend(taken_by_admins(first, second));
    found.extend(new_readers(first, second));
    let freed = second.machines.iter().filter(|machine| !first.machines.iter().any(|own| own.allows_all_of(machine)));
    found.extend(freed.map(|machine| Difference::Machine(machine.login.to_string())));
    let links = second.same_people();
    let joined = |(one, other): &(&Login, &Login)| {
        links.iter().any(|(a, b)| (a.same_as(one) && b.same_as(other)) || (a.same_as(other) && b.same_as(one)))
    };
    let parted = first.same_people().into_iter().filter(|link| !joined(link));
    found.extend(parted.map(|(one, _)| Difference::SamePerson(one.to_string())));
    found.sort();
    found.dedup();
    found
}

fn any_includes(globs: &Globs, inner: &Glob) -> bool {
    globs.iter().any(|outer| outer.includes(inner))
}

fn environment_missing(first: &EnvironmentRule, second: &EnvironmentRule) -> Vec<Difference> {
    let name = &first.name;
    let mut found = Vec::new();
    for path in first.paths.iter().filter(|path| !any_includes(&second.paths, path)) {
        found.push(Difference::Path(name.clone(), path.as_str().to_owned()));
    }
    for plain in second.plain.iter().filter(|plain| !any_includes(&first.plain, plain)) {
        found.push(Difference::Sealing(name.clone(), plain.as_str().to_owned()));
    }
    let mut lost = |lost: bool, difference: Difference| found.extend(lost.then_some(difference));
    // the order of the variants is from strict to wide
    lost(second.binding > first.binding, Difference::Binding(name.clone()));
    lost((first.mode, second.mode) == (Mode::Enforce, Mode::Observe), Difference::Enforced(name.clone()));
    lost((first.merge, second.merge) == (MergeMode::Manual, MergeMode::Auto), Difference::Manual(name.clone()));
    let longer = match (first.approval_ttl, second.approval_ttl) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => after > before,
    };
    lost(longer, Difference::Lifetime(name.clone()));
    lost(!first.comment_votes && second.comment_votes, Difference::ReviewsAlone(name.clone()));
    found
}

fn approvals_missing(first: &Policy, second: &Policy, environment: &EnvironmentRule) -> Vec<Difference> {
    let name = &environment.name;
    let rules = |policy: &'_ Policy| -> Vec<PolicyRule> {
        policy.policies.iter().filter(|rule| rule.environments.holds(name)).cloned().collect()
    };
    let (own, others) = (rules(first), rules(second));
    let mut found = Vec::new();
    for rule in &own {
        let kept = others.iter().any(|other| spans(other, rule, environment) && asks_as_much(other, rule));
        if !kept {
            found.push(Difference::Approvals(name.clone(), rule.name.clone()));
        }
    }
    for other in &others {
        if !own.iter().any(|rule| spans(rule, other, environment)) {
            found.push(Difference::Standstill(name.clone(), other.name.clone()));
        }
    }
    found
}

/// Whether satisfying `rule` satisfies `other` wherever that applies in the environment.
pub(super) fn implies(rule: &PolicyRule, other: &PolicyRule, environment: &EnvironmentRule) -> bool {
    spans(rule, other, environment) && asks_as_much(rule, other)
}

/// Whether `outer` applies wherever `inner` does in the environment.
fn spans(outer: &PolicyRule, inner: &PolicyRule, environment: &EnvironmentRule) -> bool {
    let Some(outer) = &outer.secret_paths else { return true };
    let inner = inner.secret_paths.as_ref().unwrap_or(&environment.paths);
    inner.iter().all(|path| any_includes(outer, path))
}

/// Whether approvals that satisfy `rule` satisfy `less` too: each group of `less` has a group of `rule` of its own that is as
/// large, from the same people or fewer.
fn asks_as_much(rule: &PolicyRule, less: &PolicyRule) -> bool {
    let bypass = match (rule.bypass(), less.bypass()) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(own), Some(other)) => !own.is_as_strict_as(other),
    };
    let own_vote = rule.self_approval() && !less.self_approval();
    if bypass || own_vote {
        return false;
    }
    let mut taken = vec![None; rule.groups.len()];
    (0..less.groups.len())
        .all(|index| assign(index, &less.groups, &rule.groups, &mut taken, &mut vec![false; rule.groups.len()]))
}

fn assign(index: usize, less: &[Group], groups: &[Group], taken: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for at in 0..groups.len() {
        let fits = groups[at].required >= less[index].required && within(&groups[at].approvers, &less[index].approvers);
        if !fits || std::mem::replace(&mut tried[at], true) {
            continue;
        }
        let free = match taken[at] {
            None => true,
            Some(other) => assign(other, less, groups, taken, tried),
        };
        if free {
            taken[at] = Some(index);
            return true;
        }
    }
    false
}

/// Whether everybody named in `inner` is named in `outer`.
fn within(inner: &Approvers, outer: &Approvers) -> bool {
    inner.users.iter().all(|login| outer.users.iter().any(|other| other.same_as(login)))
        && inner.teams.iter().all(|team| outer.teams.contains(team))
}

fn admins_hold(first: &AdminRule, second: &AdminRule) -> bool {
    second.effective_required >= first.effective_required && within(&second.group.approvers, &first.group.approvers)
}

/// Control paths of `second` that take paths away from the approvers of an environment of `first`.
fn taken_by_admins<'p>(first: &'p Policy, second: &'p Policy) -> impl Iterator<Item = Difference> + 'p {
    let governed = |glob: &&Glob| {
        first.environments.iter().any(|environment| environment.paths.iter().any(|path| !path.is_apart_from(glob)))
    };
    let further = second.control.iter().filter(|glob| !any_includes(&first.control, glob));
    further.filter(governed).map(|glob| Difference::OwnApprovers(glob.as_str().to_owned()))
}

fn new_readers<'p>(first: &'p Policy, second: &'p Policy) -> impl Iterator<Item = Difference> + 'p {
    let known = first.recipients_of_people();
    second
        .recipients_of_people()
        .into_iter()
        .filter(move |(recipient, person)| known.get(recipient) != Some(person))
        .map(|(_, person)| Difference::Readers(person))
}
