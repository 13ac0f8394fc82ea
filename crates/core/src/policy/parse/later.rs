//! Refuses, by name, what a later release will do.
//!
//! Nothing that is written is silently ignored: a field without effect would look like protection.

use crate::policy::diagnostic::{Code, Diagnostic, Place};
use crate::policy::raw::{Prune, RawEnvironment, RawPolicy, RawSync, RunIn};
use crate::policy::read::{Faults, Field, List};

pub(super) fn refuse(raw: &RawPolicy, faults: &mut Faults) {
    let environments = raw.environments.given().map(|table| table.value.entries.as_slice()).unwrap_or_default();
    for (_, environment) in environments {
        self::environment(&environment.value, faults);
    }
    list(
        &raw.access,
        "access",
        "leave it out: a new reader needs a change of `.sops.yaml`, approved by `admins`",
        faults,
    );
}

fn environment(raw: &RawEnvironment, faults: &mut Faults) {
    word(&raw.value_checks, true, "value_checks: true", "leave it out: values are not looked at", faults);
    for sync in raw.syncs.given().map(|list| list.value.items.as_slice()).unwrap_or_default() {
        self::sync(&sync.value, faults);
    }
}

fn sync(raw: &RawSync, faults: &mut Faults) {
    let values = raw.vault.key().or(raw.github_environment.key()).or(raw.kubernetes.key());
    if values.is_none() {
        let help = "leave it out: the server delivers what needs no values";
        word(&raw.run_in, RunIn::Runner, "run_in: runner", help, faults);
        field(&raw.runner, "runner", help, faults);
        let help = "leave it out: these targets hold no keys of ours";
        word(&raw.prune, Prune::Owned, "prune: owned", help, faults);
        word(&raw.adopt, true, "adopt: true", help, faults);
    }
}

fn not_supported(what: &str, place: Place, help: &str) -> Diagnostic {
    Diagnostic::error(Code::NotSupported, format!("`{what}` is not supported yet")).at(place).help(help)
}

fn field<T>(field: &Field<T>, what: &str, help: &str, faults: &mut Faults) {
    if let Some(key) = field.key() {
        faults.push(not_supported(what, key, help));
    }
}

fn word<T: PartialEq>(field: &Field<T>, refused: T, what: &str, help: &str, faults: &mut Faults) {
    if let Some(value) = field.given().filter(|value| value.value == refused) {
        faults.push(not_supported(what, value.place, help));
    }
}

fn list<T>(field: &Field<List<T>>, what: &str, help: &str, faults: &mut Faults) {
    if let (Some(list), Some(key)) = (field.given(), field.key())
        && (!list.value.items.is_empty() || list.value.broken)
    {
        faults.push(not_supported(what, key, help));
    }
}
