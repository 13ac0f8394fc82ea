//! The comparison of two metadata parts: recipients, settings, data key, and what looks odd.
//!
//! Never judges whether a change is allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::{DataKeyChange, OtherChange, Pair, RecipientChange, SettingChange};
use sha2::{Digest as _, Sha256};

use crate::metadata::Metadata;
use crate::sealed::{LeafState, SealedDocument};
use crate::selection::{SETTINGS, Selection};
use crate::tree::{Child, Node};

/// Same, if any recipient has the same stanza; changed, if nothing sealed is the same either.
pub(super) fn data_key(old: Option<&SealedDocument>, new: Option<&SealedDocument>) -> DataKeyChange {
    let (Some(old), Some(new)) = (old, new) else {
        return DataKeyChange::Unknown;
    };
    let stanzas: BTreeSet<&str> = old.metadata().recipients().map(|recipient| recipient.stanza()).collect();
    if new
        .metadata()
        .recipients()
        .any(|recipient| !recipient.stanza().is_empty() && stanzas.contains(recipient.stanza()))
    {
        return DataKeyChange::Same;
    }
    let tokens: BTreeMap<_, _> = sealed_tokens(old).collect();
    let mut compared = 0;
    for (place, token) in sealed_tokens(new) {
        if let Some(before) = tokens.get(&place) {
            if *before == token {
                return DataKeyChange::Unknown;
            }
            compared += 1;
        }
    }
    if compared > 0 { DataKeyChange::Changed } else { DataKeyChange::Unknown }
}

fn sealed_tokens(document: &SealedDocument) -> impl Iterator<Item = ((usize, crate::KeyPath), String)> {
    document.leaves().into_iter().filter_map(|leaf| match leaf.state {
        LeafState::Sealed(envelope) => Some(((leaf.document, leaf.path), envelope.to_string())),
        LeafState::Damaged | LeafState::Plain(_) | LeafState::Empty(_) => None,
    })
}

pub(super) fn recipients(documents: Pair<'_, SealedDocument>) -> RecipientChange {
    let labels = |document: Option<&SealedDocument>| -> Vec<String> {
        document
            .map(|document| document.metadata().recipients().map(crate::Recipient::label).collect())
            .unwrap_or_default()
    };
    let (old, new) = (labels(documents.0), labels(documents.1));
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        let mut seen = BTreeSet::new();
        these.iter().filter(|label| !those.contains(label) && seen.insert(*label)).cloned().collect()
    };
    RecipientChange { added: only(&new, &old), removed: only(&old, &new) }
}

pub(super) fn settings(documents: Pair<'_, SealedDocument>) -> Vec<SettingChange> {
    let (Some(old), Some(new)) = documents else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    let (before, after) = (old.metadata().effective_selection(), new.metadata().effective_selection());
    let text = |selection: &Selection, name: &str| {
        let (setting, text) = selection.setting();
        (setting == name).then(|| text.to_owned())
    };
    for name in SETTINGS {
        let (old, new) = (text(&before, name), text(&after, name));
        if old != new {
            changes.push(SettingChange { name: name.to_owned(), old, new });
        }
    }
    let (old, new) = (old.metadata().mac_only_encrypted(), new.metadata().mac_only_encrypted());
    if old != new {
        let text = |value: bool| Some(value.to_string());
        changes.push(SettingChange { name: "mac_only_encrypted".to_owned(), old: text(old), new: text(new) });
    }
    changes
}

/// What is neither a key nor a recipient nor a setting. Time and MAC are named only when they look odd, stanzas only
/// when no change of the data key explains them.
pub(super) fn other(
    documents: Pair<'_, SealedDocument>,
    sealed: SealedAgain,
    data_key: DataKeyChange,
) -> Vec<OtherChange> {
    let (Some(old), Some(new)) = documents else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    let mut note = |what: &str, old: Option<String>, new: Option<String>| {
        if old != new {
            changes.push(OtherChange { what: what.to_owned(), old, new });
        }
    };
    let count = |document: &SealedDocument| Some(document.tree.documents.len().to_string());
    note("documents", count(old), count(new));
    copies(old, new, &mut note);
    let tail = |document: &SealedDocument| (!document.tail().trim().is_empty()).then(|| digest_word(document.tail()));
    note("text behind the document", tail(old), tail(new));
    let remarks = |document: &SealedDocument| remarks(document).map(|text| digest_word(&text));
    note("comments in the metadata", remarks(old), remarks(new));
    let (before, after) = (old.metadata(), new.metadata());
    note("version", before.version().map(str::to_owned), after.version().map(str::to_owned));
    note("key groups", groups(before), groups(after));
    let threshold = |metadata: &Metadata| Some(metadata.shamir_threshold()).filter(|t| *t > 0).map(|t| t.to_string());
    note("shamir_threshold", threshold(before), threshold(after));
    if data_key != DataKeyChange::Changed {
        stanzas(before, after, &mut note);
    }
    entries(before, after, &mut note);
    let quotes =
        |metadata: &Metadata| Some(if metadata.time_is_text() { "in quotes" } else { "without quotes" }.to_owned());
    note("spelling of lastmodified", quotes(before), quotes(after));
    time_and_mac(before, after, sealed, &mut note);
    let unknown = |metadata: &Metadata| -> BTreeMap<String, [u8; 32]> { metadata.unknown().iter().cloned().collect() };
    let (before, after) = (unknown(before), unknown(after));
    for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        if before.get(name) != after.get(name) {
            let there = |map: &BTreeMap<String, [u8; 32]>, word: &str| map.contains_key(name).then(|| word.to_owned());
            note(
                &format!("metadata field `{name}`"),
                there(&before, "present"),
                there(&after, "present, new or changed"),
            );
        }
    }
    changes
}

type Note<'n> = &'n mut dyn FnMut(&str, Option<String>, Option<String>);

fn groups(metadata: &Metadata) -> Option<String> {
    if metadata.is_flat() {
        return None;
    }
    let group = |recipients: &Vec<crate::Recipient>| {
        recipients.iter().map(crate::Recipient::label).collect::<Vec<_>>().join(" ")
    };
    Some(metadata.groups().iter().map(group).collect::<Vec<_>>().join(" | "))
}

/// Public text in as many words as tell two of them apart.
fn digest_word(text: &str) -> String {
    let digest = Sha256::digest(text);
    format!(
        "{} characters (fingerprint {:02x}{:02x}{:02x}{:02x})",
        text.chars().count(),
        digest[0],
        digest[1],
        digest[2],
        digest[3]
    )
}

/// The comments that stand inside the metadata of all documents.
fn remarks(document: &SealedDocument) -> Option<String> {
    let mut text = String::new();
    for sops in document.tree.documents.iter().filter_map(|document| document.sops.as_ref()) {
        gather(&sops.node, &mut text);
    }
    (!text.is_empty()).then_some(text)
}

fn gather(node: &Node, text: &mut String) {
    for child in node.children() {
        match child {
            Child::Comment(comment) => {
                text.push('#');
                text.push_str(&comment.text);
            }
            Child::Entry(entry) => gather(&entry.node, text),
        }
    }
}

/// Only the first document's metadata count; those of the others should be copies (reference 7.5).
fn copies(old: &SealedDocument, new: &SealedDocument, note: Note<'_>) {
    let state = |document: &SealedDocument, number: usize| {
        let digest = |number: usize| {
            let part = document.tree.documents.get(number)?;
            Some(part.sops.as_ref().map(|sops| crate::metadata::digest(&sops.node)))
        };
        Some(match (digest(0)?, digest(number)?) {
            (_, None) => "missing".to_owned(),
            (first, own) if first == own => "a copy of the first".to_owned(),
            (_, Some(own)) => {
                format!("other than the first (fingerprint {:02x}{:02x}{:02x}{:02x})", own[0], own[1], own[2], own[3])
            }
        })
    };
    for number in 1..old.tree.documents.len().min(new.tree.documents.len()) {
        note(&format!("metadata of document {}", number + 1), state(old, number), state(new, number));
    }
}

/// A recipient that stays but whose stanza was replaced, where no change of the data key explains it.
fn stanzas(old: &Metadata, new: &Metadata, note: Note<'_>) {
    // A recipient may stand in several key groups, with a stanza in each.
    let listed = |metadata: &Metadata| {
        let mut stanzas = BTreeMap::<String, Vec<String>>::new();
        for recipient in metadata.recipients() {
            stanzas.entry(recipient.label()).or_default().push(recipient.stanza().to_owned());
        }
        stanzas
    };
    let after = listed(new);
    for (label, old) in listed(old) {
        let Some(new) = after.get(&label) else { continue };
        let reordered = old.len() == new.len() && old != *new;
        if reordered || new.iter().any(|stanza| !old.contains(stanza)) {
            let text = |word: &str| Some(word.to_owned());
            note(&format!("sealed data key of {label}"), text("as it was"), text("replaced"));
        }
    }
}

/// How often a recipient is listed, and what else its entry says.
fn entries(old: &Metadata, new: &Metadata, note: Note<'_>) {
    let listed = |metadata: &Metadata| {
        let mut entries = BTreeMap::<String, Vec<[u8; 32]>>::new();
        for recipient in metadata.recipients() {
            entries.entry(recipient.label()).or_default().push(recipient.details);
        }
        entries
    };
    let (before, after) = (listed(old), listed(new));
    for (label, old) in &before {
        let Some(new) = after.get(label) else { continue };
        let count = |entries: &Vec<[u8; 32]>| Some(entries.len().to_string());
        note(&format!("entries of {label}"), count(old), count(new));
        if old.len() == new.len() && old != new {
            let text = |word: &str| Some(word.to_owned());
            note(&format!("details of {label}"), text("as they were"), text("changed"));
        }
    }
}

/// What a new MAC would be made for.
#[derive(Clone, Copy)]
pub(super) struct SealedAgain {
    pub(super) keys: bool,
    pub(super) anything: bool,
}

fn time_and_mac(old: &Metadata, new: &Metadata, sealed: SealedAgain, note: Note<'_>) {
    let describe = |metadata: &Metadata| match metadata.mac() {
        None => "missing",
        Some(mac) if crate::Envelope::parse(mac).is_err() => "damaged",
        Some(_) => "present",
    };
    let (same_time, same_mac) = (old.lastmodified() == new.lastmodified(), old.mac() == new.mac());
    let text = |word: &str| Some(word.to_owned());
    if describe(old) != describe(new) {
        note("mac", text(describe(old)), text(describe(new)));
    } else if !same_mac && same_time && !sealed.anything {
        note("mac", text("present"), text("replaced, though nothing else changed"));
    } else if same_mac && sealed.keys {
        note("mac", text("present"), text("not renewed, though keys changed"));
    }
    let backwards = new.mac_aad() < old.mac_aad() && new.mac_aad().ends_with('Z') && old.mac_aad().ends_with('Z');
    if !same_time && (!sealed.anything || same_mac || backwards) {
        note("lastmodified", text(old.lastmodified()), text(new.lastmodified()));
    }
}
