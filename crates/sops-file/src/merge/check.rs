//! What was written is compared with what was planned: every value, every comment, in every place.
//!
//! Never repairs anything.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::block::{Note, Parts, notes_and_blocks};
use super::metadata::Roles;
use super::plan::{Children, Piece, Plan};
use super::prints::note_text;
use super::{Conflict, ConflictKind, MergeError, Scope};
use crate::draft::read_back;
use crate::error::SealError;
use crate::opened::OpenedDocument;
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::tree::{Kind, Node};
use crate::walk::{Leaf, walk};

/// Values that a side has sealed and that the settings of the target want readable.
pub(super) fn bared(roles: &Roles<'_>, text: &str) -> Result<Vec<Conflict>, SealError> {
    let draft = read_back(text, roles.target.sealed.format)?;
    let mut found = Vec::new();
    walk(&draft.tree, &draft.selection(), &mut |visit| {
        if let Leaf::Scalar(_, scalar) = &visit.leaf
            && let Some(envelope) = scalar.envelope.as_ref().filter(|_| !visit.seals)
            && roles.target.key.open(envelope, visit.aad.as_bytes()).is_ok()
        {
            found.push(Conflict { document: visit.document, key: visit.key_path(), kind: ConflictKind::Bared });
        }
        Ok::<(), SealError>(())
    })?;
    Ok(found)
}

/// One thing a document holds.
#[derive(PartialEq, Eq)]
enum Item {
    Enter(bool),
    Leave,
    Key(String),
    Value(&'static str, Zeroizing<Vec<u8>>),
    Note(Zeroizing<Vec<u8>>),
}

fn value(plain: &Plain) -> Item {
    Item::Value(plain.kind_name(), plain.bytes())
}

fn notes(version: &OpenedDocument, notes: &[Note<'_>], items: &mut Vec<Item>) {
    items.extend(notes.iter().map(|note| Item::Note(note_text(version, note))));
}

fn found(version: &OpenedDocument, node: &Node, items: &mut Vec<Item>) {
    match &node.kind {
        Kind::Scalar(scalar) => items.push(value(version.value_of(scalar))),
        Kind::Map(..) | Kind::List(..) => {
            let (head, blocks, tail): Parts<'_> = notes_and_blocks(version, node);
            items.push(Item::Enter(node.is_map()));
            notes(version, &head, items);
            for block in &blocks {
                notes(version, &block.notes, items);
                items.push(Item::Key(block.key().to_owned()));
                found(version, &block.entry.node, items);
            }
            notes(version, &tail, items);
            items.push(Item::Leave);
        }
    }
}

fn planned(roles: &Roles<'_>, plan: &Plan<'_>, node: &Node, items: &mut Vec<Item>) {
    match plan {
        Plan::Keep => found(roles.target, node, items),
        Plan::Take(node) => found(roles.other, node, items),
        Plan::Children(children) => {
            items.push(Item::Enter(node.is_map()));
            planned_children(roles, children, items);
            items.push(Item::Leave);
        }
    }
}

fn planned_children(roles: &Roles<'_>, children: &Children<'_>, items: &mut Vec<Item>) {
    let side = |take: bool| if take { (roles.other, &children.other) } else { (roles.target, &children.target) };
    let (version, parts) = side(children.take_head);
    notes(version, &parts.0, items);
    for piece in &children.pieces {
        match piece {
            Piece::New { other } => {
                let block = &children.other.1[*other];
                notes(roles.other, &block.notes, items);
                items.push(Item::Key(block.key().to_owned()));
                found(roles.other, &block.entry.node, items);
            }
            Piece::Own { target, notes_of, plan } => {
                let block = &children.target.1[*target];
                match notes_of {
                    Some(other) => notes(roles.other, &children.other.1[*other].notes, items),
                    None => notes(roles.target, &block.notes, items),
                }
                items.push(Item::Key(block.key().to_owned()));
                planned(roles, plan, &block.entry.node, items);
            }
        }
    }
    let (version, parts) = side(children.take_tail);
    notes(version, &parts.2, items);
}

/// Whether the merged document holds exactly what was planned, and everything sealed that should be.
pub(super) fn is_as_planned(
    roles: &Roles<'_>,
    plans: &[Plan<'_>],
    merged: &OpenedDocument,
    scope: Scope,
) -> Result<(), MergeError> {
    let (target, written) = (&roles.target.sealed.tree.documents, &merged.sealed.tree.documents);
    let differ = MergeError::Seal(SealError::ReadBack("it is not what was to be merged"));
    if plans.len() != written.len() {
        return Err(differ);
    }
    for ((plan, target), written) in plans.iter().zip(target).zip(written) {
        let (mut wanted, mut got) = (Vec::new(), Vec::new());
        planned(roles, plan, &target.root, &mut wanted);
        found(merged, &written.root, &mut got);
        if wanted != got {
            return Err(differ);
        }
    }
    let settings = |version: &OpenedDocument| version.sealed.selection();
    let unchanged = settings(roles.base) == settings(roles.target) && settings(roles.base) == settings(roles.other);
    if unchanged || scope == Scope::ValuesOnly {
        let was_sealed = sealed_keys(&[roles.base, roles.target, roles.other]);
        if let Some((_, key)) = readable_keys(merged).into_iter().find(|key| was_sealed.contains(key)) {
            return Err(MergeError::Layout(key));
        }
    }
    Ok(())
}

type Place = (usize, KeyPath);

/// By map keys only: positions in lists mean something else in each version.
fn in_maps(path: &KeyPath) -> bool {
    path.steps().iter().all(|step| match step {
        Step::Key(_) => true,
        Step::Index(_) => false,
    })
}

fn sealed_keys(versions: &[&OpenedDocument]) -> BTreeSet<Place> {
    let leaves = versions.iter().flat_map(|version| version.sealed.leaves());
    let sealed = leaves.filter(|leaf| matches!(leaf.state, crate::LeafState::Sealed(_)) && in_maps(&leaf.path));
    sealed.map(|leaf| (leaf.document, leaf.path)).collect()
}

fn readable_keys(version: &OpenedDocument) -> Vec<Place> {
    let leaves = version.sealed.leaves().into_iter();
    let readable = leaves.filter(|leaf| matches!(leaf.state, crate::LeafState::Plain(_)));
    readable.map(|leaf| (leaf.document, leaf.path)).collect()
}
