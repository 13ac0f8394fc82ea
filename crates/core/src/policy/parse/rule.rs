//! Reads `policies` and `admins`.
//!
//! Proves on paper that a quorum can be reached: with users alone, by counting distinct people. Teams are counted when a change
//! is judged.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Environment;
use crate::policy::diagnostic::{Code, Diagnostic, Place, shown};
use crate::policy::model::{AdminRule, Approvers, Enforcement, EnvironmentSelector, Group, PolicyRule};
use crate::policy::raw::{RawGroup, RawPolicy, RawRule, Selector};
use crate::policy::reach::empty_seats;
use crate::policy::read::{Faults, Field, List, Located, nearest};

use super::{MAX_GROUPS, MAX_POLICIES, bypass, capped, names, some_globs};

/// Most approvals, of one group and of all groups of a policy together.
const MAX_REQUIRED: u64 = 50;

pub(super) fn all(raw: &RawPolicy, known: Option<&BTreeSet<&str>>, faults: &mut Faults) -> Vec<PolicyRule> {
    let (Some(list), Some(key)) = (raw.policies.given(), raw.policies.key()) else { return Vec::new() };
    let count = capped(list.value.items.len(), MAX_POLICIES, "policies", key, faults);
    let mut names_seen = BTreeMap::new();
    list.value.items.iter().take(count).map(|raw| one(&raw.value, raw.place, known, &mut names_seen, faults)).collect()
}

fn one(
    raw: &RawRule,
    place: Place,
    known: Option<&BTreeSet<&str>>,
    names_seen: &mut BTreeMap<String, Place>,
    faults: &mut Faults,
) -> PolicyRule {
    let name = names::name(&raw.name, faults).unwrap_or(Located { value: String::new(), place });
    unique(&name, "policy", names_seen, faults);
    let environments = selector(&raw.environments, known, faults);
    let secret_paths = raw
        .secret_paths
        .given()
        .map(|_| some_globs(&raw.secret_paths, "secret_paths", "leave it out to cover the whole environment", faults));
    let before = faults.count();
    let groups = groups(raw, &name, faults);
    if faults.count() == before {
        reachable(raw, &name, &groups, faults);
    }
    let bypass = bypass::one(raw, faults);
    PolicyRule {
        place: name.place,
        name: name.value,
        description: raw.description.given().map(|text| text.value.clone()),
        environments,
        secret_paths,
        groups,
        self_approval: raw.self_approval.given().is_some_and(|switch| switch.value),
        enforcement: raw.enforcement.given().map_or(Enforcement::Hard, |word| word.value),
        bypass,
    }
}

fn unique(name: &Located<String>, what: &str, seen: &mut BTreeMap<String, Place>, faults: &mut Faults) {
    if name.value.is_empty() {
        return;
    }
    match seen.get(&name.value) {
        Some(earlier) => faults.push(
            Diagnostic::error(Code::Repeated, format!("a second {what} is named `{}`", shown(&name.value)))
                .at(name.place)
                .label(format!("already used in line {}", earlier.line))
                .help("give each its own name: decisions and people refer to it"),
        ),
        None => {
            seen.insert(name.value.clone(), name.place);
        }
    }
}

pub(super) fn selector(
    field: &Field<Selector>,
    known: Option<&BTreeSet<&str>>,
    faults: &mut Faults,
) -> EnvironmentSelector {
    let (Some(selector), Some(key)) = (field.given(), field.key()) else {
        return EnvironmentSelector::Named(Vec::new());
    };
    let list = match &selector.value {
        Selector::All => return EnvironmentSelector::All,
        Selector::Named(list) => list,
    };
    if list.items.is_empty() && !list.broken {
        faults.push(
            Diagnostic::error(Code::Empty, "the policy applies to no environment")
                .at(key)
                .help("name environments, or write `\"*\"` for all"),
        );
    }
    let mut found = Vec::new();
    for item in selector.value.named() {
        let Some(name) = reference(item, known, faults) else { continue };
        if found.contains(&name) {
            faults.push(
                Diagnostic::error(Code::Repeated, format!("`{name}` is listed twice"))
                    .at(item.place)
                    .help("leave the second out"),
            );
        } else {
            found.push(name);
        }
    }
    EnvironmentSelector::Named(found)
}

/// An environment that must be one of the file.
fn reference(item: &Located<String>, known: Option<&BTreeSet<&str>>, faults: &mut Faults) -> Option<Environment> {
    let known = known.filter(|known| !known.is_empty())?;
    if known.contains(item.value.as_str()) {
        return Environment::parse(&item.value).ok();
    }
    let fault =
        Diagnostic::error(Code::UnknownEnvironment, format!("there is no environment `{}`", shown(&item.value)))
            .at(item.place);
    let list: Vec<String> = known.iter().take(10).map(|name| format!("`{}`", shown(name))).collect();
    faults.push(match nearest(&item.value, known.iter().copied()) {
        _ if item.value == "*" => fault.help("for all environments write `environments: \"*\"`, without brackets"),
        Some(name) => {
            fault.label(format!("did you mean `{}`?", shown(name))).help("the name must stand under `environments`")
        }
        None => fault.help(format!("the environments are {}", list.join(", "))),
    });
    None
}

fn groups(raw: &RawRule, name: &Located<String>, faults: &mut Faults) -> Vec<Group> {
    let Some(key) = raw.groups.key() else {
        if raw.groups.is_absent() && raw.approvers.is_absent() {
            faults.push(
                Diagnostic::error(Code::MissingField, format!("policy `{}` names no approvers", shown(&name.value)))
                    .at(name.place)
                    .help("add `approvers` with `users` or `teams`, or `groups`"),
            );
        }
        let required = required(&raw.required_approvals, faults);
        let approvers = names::approvers(&raw.approvers, faults);
        return vec![Group { name: name.value.clone(), approvers, required }];
    };
    for (other, field) in [(raw.approvers.key(), "approvers"), (raw.required_approvals.key(), "required_approvals")] {
        if let Some(place) = other {
            faults.push(
                Diagnostic::error(Code::Conflict, format!("`{field}` and `groups` exclude each other"))
                    .at(place)
                    .label(format!("`groups` is in line {}", key.line))
                    .help("say it in a group: each has its own `approvers` and `required_approvals`"),
            );
        }
    }
    let items = raw.groups.given().map(|list| &list.value);
    let (count, empty) = items.map_or((0, false), |list| (list.items.len(), list.items.is_empty() && !list.broken));
    if empty {
        faults.push(
            Diagnostic::error(Code::Empty, "`groups` is empty: nobody may approve")
                .at(key)
                .help("name at least one group, or use `approvers`"),
        );
    }
    let count = capped(count, MAX_GROUPS, "groups", key, faults);
    let mut seen = BTreeMap::new();
    let list = items.map(|list: &List<RawGroup>| list.items.as_slice()).unwrap_or_default();
    list.iter().take(count).map(|raw| group(raw, &mut seen, faults)).collect()
}

fn group(raw: &Located<RawGroup>, seen: &mut BTreeMap<String, Place>, faults: &mut Faults) -> Group {
    let name = names::name(&raw.value.name, faults).unwrap_or(Located { value: String::new(), place: raw.place });
    unique(&name, "group", seen, faults);
    let approvers = names::approvers(&raw.value.approvers, faults);
    Group { name: name.value, approvers, required: required(&raw.value.required_approvals, faults) }
}

/// Reads a number of approvals (default 1).
fn required(field: &Field<u64>, faults: &mut Faults) -> u8 {
    let Some(number) = field.given() else { return 1 };
    match u8::try_from(number.value) {
        Ok(required) if (1..=MAX_REQUIRED).contains(&number.value) => required,
        Ok(_) | Err(_) => {
            let help = if number.value == 0 {
                "at least one approval: a policy that needs none protects nothing"
            } else {
                "at most 50 approvals"
            };
            let message = format!("`required_approvals` is {}, it must be 1 to {MAX_REQUIRED}", number.value);
            faults.push(Diagnostic::error(Code::OutOfRange, message).at(number.place).help(help));
            1
        }
    }
}

/// Reports a quorum that the people listed can never reach (R43).
fn reachable(raw: &RawRule, name: &Located<String>, groups: &[Group], faults: &mut Faults) {
    let total: u64 = groups.iter().map(|group| u64::from(group.required)).sum();
    let place = raw.required_approvals.given().map(|number| number.place).or(raw.groups.key()).unwrap_or(name.place);
    if total > MAX_REQUIRED {
        let message = format!("the groups of policy `{}` need {total} approvals together", name.value);
        faults.push(Diagnostic::error(Code::OutOfRange, message).at(place).help("at most 50 approvals in one policy"));
        return;
    }
    let empty = empty_seats(groups);
    if empty == 0 {
        return;
    }
    let message = match groups {
        [group] => format!(
            "policy `{}` needs {} approvals, but only {} can give one",
            name.value,
            group.required,
            people(group.approvers.users.len())
        ),
        _ => format!(
            "the groups of policy `{}` can never be filled: each approval needs another person, and {empty} would be missing",
            name.value
        ),
    };
    faults.push(
        Diagnostic::error(Code::Unreachable, message)
            .at(place)
            .help("list more people or a team, or ask for fewer approvals"),
    );
}

fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// Who decides about control paths: as written, or all approvers with the highest count.
pub(super) fn admins(raw: &RawPolicy, policies: &[PolicyRule], faults: &mut Faults) -> Option<AdminRule> {
    let strictest = policies
        .iter()
        .filter(|rule| rule.enforcement == Enforcement::Hard)
        .max_by_key(|rule| (rule.required(), std::cmp::Reverse(rule.place)));
    let hard = strictest.map_or(1, PolicyRule::required);
    let before = faults.count();
    let Some(written) = raw.admins.given() else {
        if policies.is_empty() && raw.admins.is_absent() && raw.policies.given().is_some_and(|list| !list.value.broken)
        {
            faults.push(
                Diagnostic::error(Code::Unreachable, "nobody could ever change this policy")
                    .help("add `admins`, or a policy whose approvers then decide"),
            );
        }
        return (faults.count() == before).then(|| derived(policies, hard));
    };
    let approvers = names::approvers(&written.value.approvers, faults);
    let required = required(&written.value.required_approvals, faults);
    let effective_required = required.max(hard);
    let listed = approvers.users.len();
    if faults.count() == before && approvers.teams.is_empty() && listed < usize::from(effective_required) {
        let because = match strictest {
            Some(rule) if required < hard => format!(" (as many as policy `{}`)", shown(&rule.name)),
            Some(_) | None => String::new(),
        };
        let listed = people(listed);
        let message =
            format!("control changes need {effective_required} approvals{because}, but `admins` lists {listed}");
        faults.push(
            Diagnostic::error(Code::Unreachable, message)
                .at(raw.admins.key().unwrap_or_default())
                .help("list more people or a team under `admins`"),
        );
    }
    let group = Group { name: "admins".to_owned(), approvers, required };
    Some(AdminRule { group, effective_required, derived: false })
}

fn derived(policies: &[PolicyRule], hard: u8) -> AdminRule {
    let mut approvers = Approvers::default();
    let mut users = BTreeSet::new();
    for group in policies.iter().flat_map(|rule| &rule.groups) {
        for login in &group.approvers.users {
            if users.insert(login.as_str().to_ascii_lowercase()) {
                approvers.users.push(login.clone());
            }
        }
        for team in &group.approvers.teams {
            if !approvers.teams.contains(team) {
                approvers.teams.push(team.clone());
            }
        }
    }
    let required = policies.iter().map(PolicyRule::required).max().unwrap_or(1);
    let group = Group { name: "admins".to_owned(), approvers, required };
    AdminRule { group, effective_required: required.max(hard), derived: true }
}
