//! Recipients, settings and the data key of two sides: which side's text is written into, and what contradicts.
//!
//! Never adds a recipient that neither side has, and never keeps one that a side took out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Conflict, ConflictKind, MergeError, Scope};
use crate::access::RecipientEdit;
use crate::cipher::DataKey;
use crate::error::SealError;
use crate::metadata::{KeyKind, Metadata, Recipient};
use crate::opened::{OpenOptions, OpenedDocument, open_with};
use crate::path::KeyPath;
use crate::plain::Plain;
use crate::seal::seal_value;
use crate::splice::apply;
use crate::walk::{Leaf, walk};
use crate::yaml::edit::{replace_scalar, step};
use crate::yaml::homes::Homes;

/// Who is who: what `other` changed is written into the text of `target`.
#[derive(Clone, Copy)]
pub(super) struct Roles<'t> {
    pub(super) base: &'t OpenedDocument,
    pub(super) target: &'t OpenedDocument,
    pub(super) other: &'t OpenedDocument,
}

type Name = (usize, KeyKind, String);

fn names(metadata: &Metadata) -> BTreeSet<Name> {
    let groups = metadata.groups().iter().enumerate();
    let named = |(group, recipients): (usize, &Vec<Recipient>)| -> Vec<Name> {
        recipients.iter().map(|recipient| (group, recipient.kind(), recipient.name().to_owned())).collect()
    };
    groups.flat_map(named).collect()
}

/// Who can open it, and how many groups it takes.
fn readers(version: &OpenedDocument) -> (BTreeSet<Name>, usize) {
    let metadata = version.sealed.metadata();
    (names(metadata), metadata.threshold())
}

fn settings(version: &OpenedDocument) -> (crate::Selection, bool) {
    let metadata = version.sealed.metadata();
    (version.sealed.selection(), metadata.mac_only_encrypted())
}

/// Whether unknown fields differ, or what else is said about a recipient that both have.
fn rest_differs(one: &OpenedDocument, other: &OpenedDocument) -> bool {
    let unknown = |version: &OpenedDocument| -> BTreeSet<(String, [u8; 32])> {
        version.sealed.metadata().unknown().iter().cloned().collect()
    };
    let details = |version: &OpenedDocument| {
        let mut details = BTreeMap::<String, Vec<[u8; 32]>>::new();
        for recipient in version.sealed.metadata().recipients() {
            details.entry(recipient.label()).or_default().push(recipient.details);
        }
        details
    };
    let theirs = details(other);
    let differ = |(label, own): (&String, &Vec<[u8; 32]>)| theirs.get(label).is_some_and(|other| other != own);
    unknown(one) != unknown(other) || details(one).iter().any(differ)
}

fn stanzas(version: &OpenedDocument) -> BTreeSet<(String, String)> {
    let recipients = version.sealed.metadata().recipients();
    recipients.map(|recipient| (recipient.label(), recipient.stanza().to_owned())).collect()
}

fn rotated(base: &OpenedDocument, side: &OpenedDocument) -> bool {
    !base.has_same_data_key(side)
}

/// How much a side's text must be the one that is written into: its metadata are kept as they are.
pub(super) fn weight(base: &OpenedDocument, side: &OpenedDocument) -> u8 {
    let changed = readers(base) != readers(side) || settings(base) != settings(side) || rest_differs(base, side);
    2 * u8::from(rotated(base, side)) + u8::from(changed)
}

/// What the metadata of both sides contradict each other in, or, in the narrow scope, say differently than the base.
pub(super) fn conflicts(
    base: &OpenedDocument,
    ours: &OpenedDocument,
    theirs: &OpenedDocument,
    scope: Scope,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    let mut note = |kind| found.push(Conflict { document: 0, key: KeyPath::root(), kind });
    if scope == Scope::ValuesOnly {
        for side in [ours, theirs] {
            let kept_stanzas = rotated(base, side) || stanzas(base) == stanzas(side);
            let differs = [
                (rotated(base, side), ConflictKind::DataKey),
                (readers(base) != readers(side) || !kept_stanzas, ConflictKind::Recipients),
                (settings(base) != settings(side), ConflictKind::Settings),
                (rest_differs(base, side), ConflictKind::Metadata),
            ];
            differs.into_iter().filter(|(differs, _)| *differs).for_each(|(_, kind)| note(kind));
        }
        return found;
    }
    if rotated(base, ours) && rotated(base, theirs) && !ours.has_same_data_key(theirs) {
        note(ConflictKind::DataKey);
    }
    let swap = weight(base, theirs) > weight(base, ours);
    let (target, other) = if swap { (theirs, ours) } else { (ours, theirs) };
    if settings(other) != settings(base) && settings(other) != settings(target) {
        note(ConflictKind::Settings);
    }
    if rest_differs(base, other) && rest_differs(target, other) {
        note(ConflictKind::Metadata);
    }
    if readers(other) != readers(base) && readers(other) != readers(target) {
        let shared = [base, target, other].map(|version| version.sealed.metadata().groups().len());
        let added = readers(other).0.into_iter().filter(|name| !readers(base).0.contains(name));
        if shared.iter().any(|groups| *groups > 1) || added.into_iter().any(|(_, kind, _)| kind != KeyKind::Age) {
            note(ConflictKind::Recipients);
        }
    }
    found
}

/// The other side under the data key of the target; none when it has that key already.
pub(super) fn under_key_of(
    target: &OpenedDocument,
    other: &OpenedDocument,
) -> Result<Option<OpenedDocument>, MergeError> {
    if target.has_same_data_key(other) {
        return Ok(None);
    }
    let sealed = &other.sealed;
    let (homes, step, source) = (Homes::of(&sealed.tree), step(&sealed.tree), &sealed.text);
    let mut patches = Vec::new();
    walk(&sealed.tree, &sealed.selection(), &mut |visit| {
        match &visit.leaf {
            Leaf::Empty(_) => {}
            Leaf::Scalar(node, scalar) => {
                if let Some(value) = other.opened_leaf(scalar.leaf) {
                    let token = Plain::text(seal_value(&target.key, value, visit.aad)?);
                    patches.extend(replace_scalar(source, node, scalar, homes.at(scalar.leaf), &token, step));
                }
            }
            Leaf::Comment(comment) => {
                if let Some(value) = other.opened_leaf(comment.leaf) {
                    let token = seal_value(&target.key, value, visit.aad)?;
                    patches.extend(sealed.tree.replace_comment(source, comment, &token));
                }
            }
        }
        Ok::<(), SealError>(())
    })?;
    let text = apply(source, patches);
    let again = crate::draft::read_back(&text, sealed.format)?;
    // Its own MAC is under its own key: it was checked when the version was opened.
    let opened = open_with(&again, key_of(target)?, OpenOptions { ignore_mac: true });
    let opened = opened.map_err(|_| SealError::ReadBack("it does not open under the other key"))?;
    Ok(Some(opened))
}

fn key_of(version: &OpenedDocument) -> Result<DataKey, SealError> {
    DataKey::from_bytes(version.key.expose()).ok_or(SealError::ReadBack("its key is damaged"))
}

/// A second opened document of the same text, to be changed.
pub(super) fn copy(version: &OpenedDocument) -> Result<OpenedDocument, SealError> {
    let opened = open_with(&version.sealed, key_of(version)?, OpenOptions::default());
    let opened = opened.map_err(|_| SealError::ReadBack("it does not open"))?;
    Ok(OpenedDocument { shares: version.shares.clone(), ..opened })
}

/// Brings into the metadata of the target what only the other side changed.
pub(super) fn join(roles: &Roles<'_>, merged: &mut OpenedDocument) -> Result<(), SealError> {
    let [base, target, other] = [roles.base, roles.target, roles.other].map(|version| readers(version).0);
    if other != base && other != target {
        let label = |(_, kind, name): &Name| match kind {
            KeyKind::Age => name.clone(),
            kind @ (KeyKind::Pgp
            | KeyKind::Kms
            | KeyKind::GcpKms
            | KeyKind::Hckms
            | KeyKind::AzureKv
            | KeyKind::HcVault) => format!("{}:{name}", kind.name()),
        };
        let add = other.difference(&base).filter(|name| !target.contains(*name)).map(label).collect();
        let gone: Vec<String> = base.difference(&other).filter(|name| target.contains(*name)).map(label).collect();
        let must_rotate =
            !gone.is_empty() || (base.difference(&target).next().is_some() && !rotated(roles.base, roles.target));
        merged.edit_recipients(&RecipientEdit { add, remove: gone })?;
        // Whoever was taken out knows the data key (reference 23.5).
        if must_rotate {
            merged.rotate()?;
        }
    }
    let [base, target, other] =
        [roles.base, roles.target, roles.other].map(|version| version.sealed.metadata().version().map(str::to_owned));
    match other {
        Some(other) if Some(&other) != base.as_ref() && newer(&other, target.as_deref()) => merged.set_version(&other),
        Some(_) | None => Ok(()),
    }
}

fn newer(version: &str, than: Option<&str>) -> bool {
    let numbers = |text: &str| -> Vec<u64> { text.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    than.is_none_or(|than| numbers(version) > numbers(than))
}
