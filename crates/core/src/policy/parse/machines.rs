//! Reads `machines`.
//!
//! Refuses accounts that everybody's workflow can act as, and bots that a policy also names as people.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Login, UserId};
use crate::policy::diagnostic::{Code, Diagnostic, shown};
use crate::policy::machines::{KeyPattern, Machine};
use crate::policy::model::Group;
use crate::policy::raw::{RawMachine, RawPolicy};
use crate::policy::read::{Faults, Located};

use super::{capped, rule};

/// Most bots.
const MAX_MACHINES: usize = 100;
/// Most patterns of one bot.
const MAX_KEYS: usize = 50;
/// `github-actions[bot]`: every workflow of every repository acts with it.
const EVERYBODYS: (u64, &str) = (41_898_282, "github-actions[bot]");

pub(super) fn all(
    raw: &RawPolicy,
    known: Option<&BTreeSet<&str>>,
    approvers: &[&Group],
    faults: &mut Faults,
) -> Vec<Machine> {
    let (Some(list), Some(key)) = (raw.machines.given(), raw.machines.key()) else { return Vec::new() };
    let count = capped(list.value.items.len(), MAX_MACHINES, "machines", key, faults);
    let mut seen = BTreeMap::new();
    let mut machines = Vec::new();
    for item in list.value.items.iter().take(count) {
        if let Some(id) = item.value.id.given()
            && let Some(earlier) = seen.insert(id.value, id.place)
        {
            faults.push(
                Diagnostic::error(Code::Repeated, format!("account {} is listed twice", id.value))
                    .at(id.place)
                    .label(format!("already in line {}", earlier.line))
                    .help("say it in one entry"),
            );
        }
        machines.extend(one(item, known, approvers, faults));
    }
    machines
}

fn one(
    item: &Located<RawMachine>,
    known: Option<&BTreeSet<&str>>,
    approvers: &[&Group],
    faults: &mut Faults,
) -> Option<Machine> {
    let raw = &item.value;
    let environments = rule::selector(&raw.environments, known, faults);
    let keys = keys(raw, faults);
    let (id, name) = (raw.id.given()?, raw.login.given()?);
    let Ok(login) = Login::parse(&name.value) else {
        faults.push(
            Diagnostic::error(Code::Malformed, format!("`{}` is not a GitHub login", shown(&name.value)))
                .at(name.place)
                .help("write it as GitHub shows it, as `rotator[bot]`"),
        );
        return None;
    };
    if id.value == EVERYBODYS.0 || login.as_str().eq_ignore_ascii_case(EVERYBODYS.1) {
        faults.push(
            Diagnostic::error(
                Code::Conflict,
                format!("`{}` is no bot of yours: every workflow acts with it", EVERYBODYS.1),
            )
            .at(name.place)
            .help("use a GitHub App of your own"),
        );
        return None;
    }
    if approvers.iter().any(|group| group.approvers.users.iter().any(|user| user.same_as(&login))) {
        faults.push(
            Diagnostic::error(Code::Conflict, format!("`{login}` is listed as an approver too"))
                .at(name.place)
                .help("a bot needs no approval for its own changes, and gives none to others"),
        );
        return None;
    }
    Some(Machine { id: UserId::new(id.value), login, environments, keys })
}

fn keys(raw: &RawMachine, faults: &mut Faults) -> Vec<KeyPattern> {
    let (Some(list), Some(key)) = (raw.keys.given(), raw.keys.key()) else { return Vec::new() };
    if list.value.items.is_empty() && !list.value.broken {
        faults.push(
            Diagnostic::error(Code::Empty, "`keys` is empty: the bot may change nothing")
                .at(key)
                .help("name the keys, as `[\"TLS_*\"]`"),
        );
    }
    let count = capped(list.value.items.len(), MAX_KEYS, "patterns", key, faults);
    let mut keys = Vec::new();
    for item in list.value.items.iter().take(count) {
        match KeyPattern::parse(&item.value) {
            Some(pattern) => keys.push(pattern),
            None => faults.push(
                Diagnostic::error(Code::BadGlob, "this is not a pattern for keys")
                    .at(item.place)
                    .help("write a key with `*` or `?` in it, at most 200 characters"),
            ),
        }
    }
    keys
}
