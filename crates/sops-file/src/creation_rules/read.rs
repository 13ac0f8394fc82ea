//! The fields of a rule, out of the nodes of the configuration.
//!
//! Never guesses: what is not understood is refused or left to be told.

use super::{CreationRule, Indents, RuleKey, RulesError};
use crate::go_regex;
use crate::metadata::KeyKind;
use crate::plain::Plain;
use crate::selection::{SETTINGS, Selection};
use crate::tree::{Entry, Node};

fn text(node: &Node) -> Option<String> {
    let value = &node.scalar()?.value;
    match value {
        Plain::Null => None,
        Plain::Bool(_)
        | Plain::Int(_)
        | Plain::Float(_)
        | Plain::Time(_)
        | Plain::Text(_)
        | Plain::Bytes(_)
        | Plain::Comment(_) => String::from_utf8(value.bytes().to_vec()).ok().filter(|text| !text.is_empty()),
    }
}

fn field(node: &Node, name: &str) -> Option<String> {
    text(&node.get(name)?.node)
}

/// A comma list, or a YAML list of comma lists (since 3.11.0).
fn words(node: &Node) -> Vec<String> {
    let split = |text: String| {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    match text(node) {
        Some(text) => split(text),
        None => node.entries().filter_map(|entry| text(&entry.node)).flat_map(split).collect(),
    }
}

pub(super) fn read_rule(node: &Node) -> Result<CreationRule, RulesError> {
    let place = node.place;
    let wrong = |what| RulesError::Rule { place, what };
    let path_regex = field(node, "path_regex")
        .map(|pattern| go_regex::compile(&pattern).ok_or(wrong("`path_regex` is a broken regular expression")))
        .transpose()?;
    let mut selection = None;
    for setting in SETTINGS {
        let Some(value) = field(node, setting) else { continue };
        let read = Selection::new(setting, &value).and_then(Result::ok);
        let read =
            read.ok_or(wrong("a selection setting holds a broken regular expression: nothing would be sealed"))?;
        if selection.replace(read).is_some() {
            return Err(wrong("more than one selection setting in a rule"));
        }
    }
    let threshold = field(node, "shamir_threshold").map(|text| text.parse()).transpose();
    Ok(CreationRule {
        path_regex,
        place,
        groups: read_groups(node),
        shamir_threshold: threshold.map_err(|_| wrong("`shamir_threshold` is not a number"))?.unwrap_or(0),
        selection,
        mac_only_encrypted: field(node, "mac_only_encrypted").is_some_and(|word| word == "True"),
    })
}

fn read_groups(rule: &Node) -> Vec<Vec<RuleKey>> {
    let groups: Vec<_> = rule
        .get("key_groups")
        .map(|list| list.node.entries().map(|entry| distinct(group_keys(&entry.node))).collect())
        .unwrap_or_default();
    if groups.is_empty() { vec![flat_keys(rule)] } else { groups }
}

fn distinct(keys: Vec<RuleKey>) -> Vec<RuleKey> {
    let mut seen = std::collections::BTreeSet::new();
    keys.into_iter().filter(|key| seen.insert(key.clone())).collect()
}

fn flat_keys(rule: &Node) -> Vec<RuleKey> {
    let kinds = [
        ("age", KeyKind::Age),
        ("pgp", KeyKind::Pgp),
        ("kms", KeyKind::Kms),
        ("gcp_kms", KeyKind::GcpKms),
        ("hckms", KeyKind::Hckms),
        ("azure_keyvault", KeyKind::AzureKv),
        ("hc_vault_transit_uri", KeyKind::HcVault),
    ];
    let keys = |(name, kind): (&str, KeyKind)| {
        let words = rule.get(name).map(|entry| words(&entry.node)).unwrap_or_default();
        words.into_iter().map(move |name| RuleKey { kind, name }).collect::<Vec<_>>()
    };
    kinds.into_iter().flat_map(keys).collect()
}

fn group_keys(group: &Node) -> Vec<RuleKey> {
    let named = |entry: &Entry, fields: &[&str]| {
        let parts: Vec<_> = fields.iter().filter_map(|name| field(&entry.node, name)).collect();
        if parts.is_empty() { text(&entry.node) } else { Some(parts.join("/")) }
    };
    let kinds: [(&str, KeyKind, &[&str]); 7] = [
        ("age", KeyKind::Age, &[]),
        ("pgp", KeyKind::Pgp, &[]),
        ("kms", KeyKind::Kms, &["arn", "role"]),
        ("gcp_kms", KeyKind::GcpKms, &["resource_id"]),
        ("hckms", KeyKind::Hckms, &["key_id"]),
        ("azure_keyvault", KeyKind::AzureKv, &["vaultUrl", "key", "version"]),
        ("hc_vault", KeyKind::HcVault, &[]),
    ];
    let merged = group.get("merge").into_iter().flat_map(|list| list.node.entries());
    let mut keys: Vec<RuleKey> = merged.flat_map(|entry| group_keys(&entry.node)).collect();
    for (list, kind, fields) in kinds {
        let entries = group.get(list).into_iter().flat_map(|list| list.node.entries());
        for entry in entries {
            let names = named(entry, fields).unwrap_or_default();
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            keys.extend(names.map(|name| RuleKey { kind, name: name.to_owned() }));
        }
    }
    keys
}

impl Indents {
    /// A negative number, which stands for a tab, counts as none.
    pub(super) fn read(stores: &Node) -> Self {
        let of = |store: &str| field(&stores.get(store)?.node, "indent")?.parse().ok();
        Self { yaml: of("yaml"), json: of("json"), binary: of("json_binary") }
    }
}
