//! Reads the targets that hold values: which secret, and which keys go there.

use std::collections::BTreeMap;

use crate::domain::Environment;
use crate::policy::diagnostic::{Code, Diagnostic, shown};
use crate::policy::machines::KeyPattern;
use crate::policy::model::EnvironmentRule;
use crate::policy::raw::{RawGithubEnvironment, RawKubernetes, RawVault};
use crate::policy::read::{Faults, Field, List};
use crate::policy::syncs::{KubernetesRule, Target, VaultRule};

use super::gitops::address;
use super::syncs::alias;

pub(super) fn github_environment(raw: &RawGithubEnvironment, faults: &mut Faults) -> Option<Target> {
    let name = raw.environment.given().and_then(|text| {
        let length = text.value.chars().count();
        let fine = (1..=255).contains(&length) && !text.value.chars().any(|c| c.is_control() || c == '/');
        if !fine {
            faults.push(
                Diagnostic::error(Code::Malformed, format!("`{}` is no environment of GitHub", shown(&text.value)))
                    .at(text.place)
                    .help("write the name it has in the settings of the repository"),
            );
        }
        fine.then(|| text.value.clone())
    });
    let keys = keys(&raw.keys, faults);
    Some(Target::GithubEnvironment { environment: name?, keys: keys? })
}

pub(super) fn vault(raw: &RawVault, faults: &mut Faults) -> Option<Target> {
    let address = address(&raw.address, "address", faults);
    let (mount, path) = (place(&raw.mount, "mount", faults), place(&raw.path, "path", faults));
    let namespace = match raw.namespace.given() {
        Some(_) => Some(place(&raw.namespace, "namespace", faults)?),
        None => None,
    };
    let (keys, token) = (keys(&raw.keys, faults), alias(&raw.token_from, "token_from", faults));
    let rule = VaultRule { mount: mount?, path: path?, namespace, keys: keys? };
    Some(Target::Vault { address: address?, token: token?, rule })
}

pub(super) fn kubernetes(raw: &RawKubernetes, faults: &mut Faults) -> Option<Target> {
    let namespace = cluster_name(
        &raw.namespace,
        ("namespace", is_label, "`a-z`, `0-9` and `-`, not at either end, at most 63 characters"),
        faults,
    );
    let secret = cluster_name(
        &raw.secret,
        (
            "Secret's name",
            is_subdomain,
            "`a-z`, `0-9` and `-`, not at either end, with `.` between such parts, at most 253 characters",
        ),
        faults,
    );
    let keys = keys(&raw.keys, faults);
    Some(Target::Kubernetes { rule: KubernetesRule { namespace: namespace?, secret: secret?, keys: keys? } })
}

/// A name as Kubernetes takes it.
fn cluster_name(
    field: &Field<String>,
    (what, is_one, shape): (&str, fn(&str) -> bool, &str),
    faults: &mut Faults,
) -> Option<String> {
    let text = field.given()?;
    let fine = is_one(&text.value);
    if !fine {
        faults.push(
            Diagnostic::error(Code::Malformed, format!("`{}` is no {what} in Kubernetes", shown(&text.value)))
                .at(text.place)
                .help(format!("use {shape}")),
        );
    }
    fine.then(|| text.value.clone())
}

/// A label of DNS (RFC 1123).
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

/// Labels with dots between them. Kubernetes bounds the whole, not the label.
fn is_subdomain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-');
    text.len() <= 253 && text.split('.').all(label)
}

/// A place inside a server: names with slashes between them.
fn place(field: &Field<String>, name: &str, faults: &mut Faults) -> Option<String> {
    let text = field.given()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    let fine = text.value.len() <= 500 && text.value.split('/').all(part);
    if !fine {
        faults.push(
            Diagnostic::error(Code::Malformed, format!("`{name}` is no place in the store: `{}`", shown(&text.value)))
                .at(text.place)
                .help("write names of letters, digits, `-`, `_` and `.`, with `/` between them and at no end"),
        );
    }
    fine.then(|| text.value.clone())
}

/// Patterns for keys; none: all of them. `"**"` says the same.
fn keys(field: &Field<List<String>>, faults: &mut Faults) -> Option<Vec<KeyPattern>> {
    let Some(list) = field.given() else { return Some(Vec::new()) };
    let mut patterns = Vec::new();
    for item in &list.value.items {
        match KeyPattern::parse(&item.value) {
            Some(pattern) => patterns.push(pattern),
            None => faults.push(
                Diagnostic::error(Code::BadGlob, "this is no pattern for keys")
                    .at(item.place)
                    .help("write the key with `.` between its parts, and `*` for any characters of one part"),
            ),
        }
    }
    let all = list.value.items.iter().any(|item| item.value == "**");
    if patterns.len() != list.value.items.len() || list.value.broken {
        return None;
    }
    if patterns.is_empty() {
        faults.push(
            Diagnostic::error(Code::Empty, "`keys` names no key")
                .at(field.key().unwrap_or_default())
                .help("leave it out for all keys"),
        );
        return None;
    }
    Some(if all { Vec::new() } else { patterns })
}

/// Two targets must not write to one place: each would hold the keys of the other for somebody else's.
pub(super) fn judge(environments: &[EnvironmentRule], faults: &mut Faults) {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let all = environments.iter().flat_map(|rule| rule.syncs().iter().map(move |sync| (rule.name(), sync)));
    for (environment, sync) in all {
        let Some(place) = place_of(environment, sync.target()) else { continue };
        if let Some(line) = taken.insert(place, sync.place().line) {
            faults.push(
                Diagnostic::error(Code::Repeated, format!("`{}` writes where another target writes", sync.name()))
                    .at(sync.place())
                    .label(format!("first in line {line}"))
                    .help("make one target of the two, or give each a place of its own"),
            );
        }
    }
}

/// What two targets must not share.
fn place_of(environment: &Environment, target: &Target) -> Option<String> {
    match target {
        Target::GithubEnvironment { environment, .. } => Some(format!("github {}", environment.to_lowercase())),
        Target::Vault { address, rule, .. } => {
            let namespace = rule.namespace.as_deref().unwrap_or_default();
            Some(format!("{} {namespace} {}/{}", address.as_str(), rule.mount, rule.path))
        }
        // one cluster per environment
        Target::Kubernetes { rule } => Some(format!("kubernetes {} {}/{}", environment, rule.namespace, rule.secret)),
        Target::Branch { .. }
        | Target::Workflow { .. }
        | Target::Event { .. }
        | Target::Webhook { .. }
        | Target::Flux { .. }
        | Target::ArgoCd { .. } => None,
    }
}
