//! Digests of what nodes of an opened document hold: equal for equal content, wherever and however it is written.
//!
//! Never leaves this module tree; made for one merge and dropped with it.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::block::{Note, notes_and_blocks};
use crate::opened::OpenedDocument;
use crate::tree::{Kind, Node};

pub(super) type Print = [u8; 32];

/// The content of a node: values with their types, keys, order, comments. Whether a value is sealed is not part of it.
pub(super) fn node(version: &OpenedDocument, node: &Node) -> Print {
    let mut hash = Sha256::new();
    absorb(version, node, &mut hash);
    hash.finalize().into()
}

fn absorb(version: &OpenedDocument, node: &Node, hash: &mut Sha256) {
    match &node.kind {
        Kind::Scalar(scalar) => {
            let value = version.value_of(scalar);
            frame(hash, value.kind_name().as_bytes());
            frame(hash, &value.bytes());
        }
        Kind::Map(..) | Kind::List(..) => {
            let (head, blocks, tail) = notes_and_blocks(version, node);
            hash.update(if node.is_map() { "{" } else { "[" });
            absorb_notes(version, &head, hash);
            for block in &blocks {
                hash.update("=");
                frame(hash, block.key().as_bytes());
                absorb_notes(version, &block.notes, hash);
                absorb(version, &block.entry.node, hash);
            }
            absorb_notes(version, &tail, hash);
            hash.update("]");
        }
    }
}

fn frame(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn absorb_notes(version: &OpenedDocument, notes: &[Note<'_>], hash: &mut Sha256) {
    for note in notes {
        hash.update("#");
        frame(hash, &note_text(version, note));
    }
}

/// What comments say, one after the other.
pub(super) fn notes(version: &OpenedDocument, notes: &[Note<'_>]) -> Print {
    let mut hash = Sha256::new();
    absorb_notes(version, notes, &mut hash);
    hash.finalize().into()
}

/// What a comment says.
pub(super) fn note_text(version: &OpenedDocument, note: &Note<'_>) -> Zeroizing<Vec<u8>> {
    match note {
        Note::Line(comment) => match version.opened_leaf(comment.leaf) {
            Some(value) => value.bytes(),
            None => Zeroizing::new(comment.text.as_bytes().to_vec()),
        },
        Note::Element(entry) => match entry.node.scalar() {
            Some(scalar) => version.value_of(scalar).bytes(),
            None => Zeroizing::new(Vec::new()),
        },
    }
}
