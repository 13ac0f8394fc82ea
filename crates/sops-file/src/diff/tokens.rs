//! What changed between two versions of a document as pairs of digests of the texts in the file: equal for two changes that put the
//! same tokens in the place of the same tokens, whatever else the versions hold.
//!
//! Leaves out the MAC and the date, nothing else. Needs no key, holds no token.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::shape::{self, DocumentShape, Fingerprint, Shape};
use crate::metadata::Metadata;
use crate::path::KeyPath;
use crate::sealed::SealedDocument;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenChange {
    /// What: a key of a document, the comments or the order of a container, a recipient, a setting.
    pub what: String,
    /// Digest of its text before; none when it was not there.
    pub old: Option<[u8; 32]>,
    /// Digest of its text now; none when it is gone.
    pub new: Option<[u8; 32]>,
}

/// Everything that differs, in order.
#[must_use]
pub fn tokens(old: &SealedDocument, new: &SealedDocument) -> Vec<TokenChange> {
    let (before, after) = (texts(old), texts(new));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let mut changes: Vec<TokenChange> = differing
        .map(|name| TokenChange { what: name.clone(), old: before.get(name).copied(), new: after.get(name).copied() })
        .collect();
    changes.extend(orders(&shape::keyless(old), &shape::keyless(new)));
    changes.sort();
    changes
}

fn print(text: impl AsRef<[u8]>) -> Fingerprint {
    Sha256::digest(text).into()
}

/// Every text of a document by what it is.
fn texts(document: &SealedDocument) -> BTreeMap<String, Fingerprint> {
    let mut texts = BTreeMap::new();
    let shape = shape::keyless(document);
    texts.insert("documents".to_owned(), print(shape.roots.len().to_string()));
    for (number, root) in shape.roots.iter().enumerate() {
        leaves(root, number, &KeyPath::root(), &mut texts);
    }
    for ((number, place), comments) in &shape.comments {
        let mut hash = Sha256::new();
        for comment in comments {
            hash.update([u8::from(comment.sealed)]);
            hash.update(comment.content);
        }
        texts.insert(format!("{number} comments {place}"), hash.finalize().into());
    }
    settings(document.metadata(), &mut texts);
    texts
}

fn leaves(shape: &Shape, number: usize, path: &KeyPath, texts: &mut BTreeMap<String, Fingerprint>) {
    match shape {
        Shape::Map(entries) => {
            texts.insert(format!("{number} map {path}"), print("map"));
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            for (key, below) in entries {
                // a key that is repeated is another thing each time
                let times = seen.entry(key).or_default();
                let at = path.key(key);
                let at = if *times > 0 { at.index(*times) } else { at };
                *times += 1;
                leaves(below, number, &at, texts);
            }
        }
        Shape::List(elements) => {
            texts.insert(format!("{number} list {path}"), print(elements.len().to_string()));
            for (index, below) in elements.iter().enumerate() {
                leaves(below, number, &path.index(index), texts);
            }
        }
        Shape::Leaf(leaf) => {
            let mut hash = Sha256::new();
            hash.update(leaf.kind);
            hash.update([0]);
            hash.update(leaf.token);
            texts.insert(format!("{number} key {path}"), hash.finalize().into());
        }
    }
}

fn settings(metadata: &Metadata, texts: &mut BTreeMap<String, Fingerprint>) {
    for (group, recipients) in metadata.groups().iter().enumerate() {
        for recipient in recipients {
            texts.insert(format!("recipient {group} {}", recipient.label()), print(recipient.stanza()));
        }
    }
    let selection = metadata.effective_selection();
    let (setting, text) = selection.setting();
    texts.insert(format!("setting {setting}"), print(text));
    texts.insert("setting mac_only_encrypted".to_owned(), print(metadata.mac_only_encrypted().to_string()));
    texts.insert("setting shamir_threshold".to_owned(), print(metadata.shamir_threshold().to_string()));
    texts.insert("setting version".to_owned(), print(metadata.version().unwrap_or_default()));
    for (name, digest) in metadata.unknown() {
        texts.insert(format!("field {name}"), *digest);
    }
}

/// Containers whose kept keys stand in another order: the new order is a change of its own.
fn orders(old: &DocumentShape, new: &DocumentShape) -> Vec<TokenChange> {
    let mut changes = Vec::new();
    for (number, (old, new)) in old.roots.iter().zip(&new.roots).enumerate() {
        order(old, new, &format!("{number} order "), &KeyPath::root(), &mut changes);
    }
    changes
}

fn order(old: &Shape, new: &Shape, what: &str, path: &KeyPath, changes: &mut Vec<TokenChange>) {
    let (Shape::Map(old), Shape::Map(new)) = (old, new) else {
        if let (Shape::List(old), Shape::List(new)) = (old, new) {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                order(old, new, what, &path.index(index), changes);
            }
        }
        return;
    };
    let keys = |own: &[(String, Shape)], other: &[(String, Shape)]| -> Vec<String> {
        own.iter().map(|(key, _)| key.clone()).filter(|key| other.iter().any(|(known, _)| known == key)).collect()
    };
    let (before, after) = (keys(old, new), keys(new, old));
    if before != after {
        let digest = |keys: Vec<String>| Some(print(keys.join("\0")));
        changes.push(TokenChange { what: format!("{what}{path}"), old: digest(before), new: digest(after) });
    }
    for (key, below) in new {
        if let Some((_, known)) = old.iter().find(|(known, _)| known == key) {
            order(known, below, what, &path.key(key), changes);
        }
    }
}
