//! Reads names of things in a cluster of Kubernetes, and the ExternalSecrets that are told to read.

use crate::policy::diagnostic::{Code, Diagnostic, shown};
use crate::policy::raw::RawExternalSecrets;
use crate::policy::read::{Faults, Located};
use crate::policy::syncs::{ExternalSecretsRule, Target};

use super::capped;

/// Most ExternalSecrets of a target: each is asked for with every look.
const MAX_NAMES: usize = 20;

pub(super) fn external_secrets(raw: &RawExternalSecrets, faults: &mut Faults) -> Option<Target> {
    let namespace = raw.namespace.given().and_then(|text| self::namespace(text, faults));
    let (list, key) = (raw.names.given()?, raw.names.key().unwrap_or_default());
    let items = &list.value.items;
    let count = capped(items.len(), MAX_NAMES, "names", key, faults);
    let mut names: Vec<String> = Vec::new();
    for item in &items[..count] {
        match name(item, "ExternalSecret's name", faults) {
            Some(name) if names.contains(&name) => faults.push(
                Diagnostic::error(Code::Repeated, format!("`{name}` is listed twice"))
                    .at(item.place)
                    .help("leave one of the two out"),
            ),
            Some(name) => names.push(name),
            None => {}
        }
    }
    if items.is_empty() && !list.value.broken {
        faults.push(
            Diagnostic::error(Code::Empty, "`names` names no ExternalSecret")
                .at(key)
                .help("write the names that `kubectl get externalsecrets` shows"),
        );
    }
    let whole = !names.is_empty() && names.len() == items.len() && !list.value.broken;
    whole.then_some(Target::ExternalSecrets { rule: ExternalSecretsRule { namespace: namespace?, names } })
}

/// A namespace: a label of DNS (RFC 1123).
pub(super) fn namespace(text: &Located<String>, faults: &mut Faults) -> Option<String> {
    let is_label = (1..=63).contains(&text.value.len()) && is_part(&text.value);
    let shape = "`a-z`, `0-9` and `-`, not at either end, at most 63 characters";
    checked(text, (is_label, "namespace", shape), faults)
}

/// A name: labels with dots between them. Kubernetes bounds the whole, not the label.
pub(super) fn name(text: &Located<String>, what: &str, faults: &mut Faults) -> Option<String> {
    let is_subdomain = text.value.len() <= 253 && text.value.split('.').all(is_part);
    let shape = "`a-z`, `0-9` and `-`, not at either end, with `.` between such parts, at most 253 characters";
    checked(text, (is_subdomain, what, shape), faults)
}

fn checked(text: &Located<String>, (fine, what, shape): (bool, &str, &str), faults: &mut Faults) -> Option<String> {
    if !fine {
        faults.push(
            Diagnostic::error(Code::Malformed, format!("`{}` is no {what} in Kubernetes", shown(&text.value)))
                .at(text.place)
                .help(format!("use {shape}")),
        );
    }
    fine.then(|| text.value.clone())
}

fn is_part(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}
