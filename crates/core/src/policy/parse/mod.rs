//! From the file as typed to the policy as meant.
//!
//! Judges names, numbers, patterns and references, and refuses by name what a later release will do. All faults are collected;
//! a fault in one place never hides or invents one in another. Nothing is guessed: a text with any fault is no policy.

mod environment;
mod bypass;
mod cluster;
mod gitops;
mod later;
mod machines;
mod names;
mod notifications;
mod people;
mod rule;
mod syncs;
mod vessels;

use std::collections::BTreeSet;

use crate::domain::Digest;

use super::diagnostic::{Code, Diagnostic, Place};
use super::glob::{Glob, Globs};
use super::matching::Index;
use super::model::{Group, Policy};
use super::raw::RawPolicy;
use super::read::{Faults, Field, FromNode as _, List};
use super::tree;

/// Most policies in one file.
const MAX_POLICIES: usize = 500;
/// Most environments in one file.
const MAX_ENVIRONMENTS: usize = 500;
/// Most patterns in one list.
const MAX_GLOBS: usize = 50;
/// Most groups of one policy.
const MAX_GROUPS: usize = 10;
/// Most accounts and teams of one list of approvers.
const MAX_APPROVERS: usize = 1_000;
/// Most targets of one environment.
const MAX_SYNCS: usize = 50;
/// Most people.
const MAX_PEOPLE: usize = 5_000;

/// Reads a policy text.
///
/// # Errors
/// Every fault of the text, in the order of the file; all of them are errors. After a fault in the YAML itself, only that one.
pub fn parse(text: &str) -> Result<Policy, Vec<Diagnostic>> {
    let root = tree::read(text).map_err(|fault| vec![*fault])?;
    let mut faults = Faults::default();
    let policy = RawPolicy::from_node(&root, &mut faults)
        .and_then(|raw| understand(&raw, Digest::of(text.as_bytes()), &mut faults));
    match policy {
        Some(policy) if faults.is_empty() => Ok(policy),
        Some(_) | None => Err(faults.into_sorted()),
    }
}

fn understand(raw: &RawPolicy, digest: Digest, faults: &mut Faults) -> Option<Policy> {
    if let Some(version) = raw.version.given().filter(|version| version.value != 1) {
        faults.push(
            Diagnostic::error(Code::Version, format!("version {} of the policy file is not known", version.value))
                .at(version.place)
                .help("this release reads `version: 1`"),
        );
    }
    let environments = environment::all(raw, faults);
    syncs::judge(&environments, faults);
    let known = environment::known_names(raw);
    let policies = rule::all(raw, known.as_ref(), faults);
    let admins = rule::admins(raw, &policies, faults);
    let control = globs(&raw.control, "control", faults);
    let people = people::all(raw, faults);
    let approvers: Vec<&Group> =
        policies.iter().flat_map(|rule| &rule.groups).chain(admins.as_ref().map(|rule| &rule.group)).collect();
    let machines = machines::all(raw, known.as_ref(), &approvers, faults);
    let notifications = notifications::all(raw, known.as_ref(), faults);
    later::refuse(raw, faults);
    let index = Index::new(&control, &environments, &policies);
    let (admins, admins_place) = (admins?, raw.admins.key());
    Some(Policy {
        digest,
        environments,
        policies,
        admins,
        admins_place,
        control,
        people,
        machines,
        notifications,
        index,
    })
}

/// Reports a list that is too long, and tells how many items to look at.
fn capped(length: usize, max: usize, what: &str, place: Place, faults: &mut Faults) -> usize {
    if length > max {
        faults.push(
            Diagnostic::error(Code::Limit, format!("{length} {what}, at most {max} are read"))
                .at(place)
                .help(format!("use fewer {what}: the limit keeps every decision fast")),
        );
    }
    length.min(max)
}

/// Reads a list of patterns; an absent list is empty.
fn globs(field: &Field<List<String>>, name: &str, faults: &mut Faults) -> Globs {
    let (Some(list), Some(key)) = (field.given(), field.key()) else { return Globs::default() };
    let count = capped(list.value.items.len(), MAX_GLOBS, "patterns", key, faults);
    let mut globs = Vec::with_capacity(count);
    let mut seen = BTreeSet::new();
    for item in list.value.items.iter().take(count) {
        match Glob::parse(&item.value) {
            Ok(glob) if seen.insert(glob.as_str().to_owned()) => globs.push(glob),
            Ok(_) => faults.push(
                Diagnostic::error(Code::Repeated, format!("the pattern is given twice in `{name}`"))
                    .at(item.place)
                    .help("leave one of the two out"),
            ),
            Err(fault) => faults.push(
                Diagnostic::error(Code::BadGlob, format!("the pattern {}", fault.what)).at(item.place).help(fault.help),
            ),
        }
    }
    Globs::new(globs)
}

/// As [`globs`], for a list that must hold something.
fn some_globs(field: &Field<List<String>>, name: &str, help: &str, faults: &mut Faults) -> Globs {
    if let (Some(list), Some(key)) = (field.given(), field.key())
        && list.value.items.is_empty()
        && !list.value.broken
    {
        faults.push(Diagnostic::error(Code::Empty, format!("`{name}` is empty")).at(key).help(help));
    }
    globs(field, name, faults)
}
