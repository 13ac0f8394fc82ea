//! Reads the targets that hold values: which secret, and which keys go there.

use std::collections::BTreeMap;

use crate::domain::Environment;
use crate::policy::diagnostic::{Code, Diagnostic, shown};
use crate::policy::machines::KeyPattern;
use crate::policy::model::EnvironmentRule;
use crate::policy::raw::{RawGithubEnvironment, RawKubernetes, RawVault};
use crate::policy::read::{Faults, Field, List};
use crate::policy::syncs::{KubernetesRule, Target, VaultRule};

use super::cluster;
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
    let namespace = raw.namespace.given().and_then(|text| cluster::namespace(text, faults));
    let secret = raw.secret.given().and_then(|text| cluster::name(text, "Secret's name", faults));
    let keys = keys(&raw.keys, faults);
    Some(Target::Kubernetes { rule: KubernetesRule { namespace: namespace?, secret: secret?, keys: keys? } })
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
        let first = places_of(environment, sync.target())
            .into_iter()
            .filter_map(|place| taken.insert(place, sync.place().line));
        if let Some(line) = first.min() {
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
fn places_of(environment: &Environment, target: &Target) -> Vec<String> {
    match target {
        Target::GithubEnvironment { environment, .. } => vec![format!("github {}", environment.to_lowercase())],
        Target::Vault { address, rule, .. } => {
            let namespace = rule.namespace.as_deref().unwrap_or_default();
            vec![format!("{} {namespace} {}/{}", address.as_str(), rule.mount, rule.path)]
        }
        // one cluster per environment
        Target::Kubernetes { rule } => vec![format!("kubernetes {} {}/{}", environment, rule.namespace, rule.secret)],
        Target::ExternalSecrets { rule } => {
            rule.names.iter().map(|name| format!("external {} {}/{name}", environment, rule.namespace)).collect()
        }
        Target::Branch { .. }
        | Target::Workflow { .. }
        | Target::Event { .. }
        | Target::Webhook { .. }
        | Target::Flux { .. }
        | Target::ArgoCd { .. } => Vec::new(),
    }
}
