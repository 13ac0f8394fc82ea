//! A document reduced to what may be compared: containers, and digests in place of values.
//!
//! Never leaves this module tree and never holds a value; digests are made per comparison and dropped with it.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::envelope::Envelope;
use crate::opened::OpenedDocument;
use crate::path::KeyPath;
use crate::plain::Plain;
use crate::sealed::SealedDocument;
use crate::tree::{Child, Comment, Kind, Node, Scalar};
use crate::walk::is_comment_element;

pub(super) type Fingerprint = [u8; 32];

#[derive(Default)]
pub(super) struct DocumentShape {
    pub(super) roots: Vec<Shape>,
    /// Comments by document and container.
    pub(super) comments: BTreeMap<(usize, KeyPath), Vec<CommentShape>>,
}

pub(super) struct CommentShape {
    pub(super) content: Fingerprint,
    pub(super) sealed: bool,
}

pub(super) enum Shape {
    Map(Vec<(String, Shape)>),
    List(Vec<Shape>),
    Leaf(LeafShape),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Sealed,
    Plain,
    /// Null or the empty text.
    Empty,
}

pub(super) struct LeafShape {
    pub(super) state: State,
    pub(super) kind: &'static str,
    /// Equal when the values are (as far as can be known).
    pub(super) content: Fingerprint,
    /// Equal when the text in the file is.
    pub(super) token: Fingerprint,
}

impl Shape {
    /// Equal for subtrees with equal content.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        self.absorb(&mut hash);
        hash.finalize().into()
    }

    fn absorb(&self, hash: &mut Sha256) {
        match self {
            Self::Map(entries) => {
                hash.update("{");
                hash.update((entries.len() as u64).to_be_bytes());
                for (key, shape) in entries {
                    hash.update((key.len() as u64).to_be_bytes());
                    hash.update(key);
                    shape.absorb(hash);
                }
            }
            Self::List(elements) => {
                hash.update("[");
                hash.update((elements.len() as u64).to_be_bytes());
                for shape in elements {
                    shape.absorb(hash);
                }
            }
            Self::Leaf(leaf) => {
                hash.update(match leaf.state {
                    State::Sealed => "s",
                    State::Plain => "p",
                    State::Empty => "e",
                });
                hash.update(leaf.content);
            }
        }
    }
}

pub(super) fn keyless(document: &SealedDocument) -> DocumentShape {
    build(document, &|leaf_value| match leaf_value {
        Value::Scalar(scalar) => match &scalar.envelope {
            Some(envelope) => {
                let token = envelope_print(envelope);
                LeafShape { state: State::Sealed, kind: envelope_kind(envelope), content: token, token }
            }
            None => plain_leaf(&scalar.value),
        },
        Value::Comment(comment) => comment_leaf(comment),
    })
}

pub(super) fn opened(document: &OpenedDocument) -> DocumentShape {
    build(document.sealed(), &|leaf_value| match leaf_value {
        Value::Scalar(scalar) => match (document.opened_leaf(scalar.leaf), &scalar.envelope) {
            (Some(value), Some(envelope)) => LeafShape {
                state: State::Sealed,
                kind: value.kind_name(),
                content: value_print(value),
                token: envelope_print(envelope),
            },
            (Some(_) | None, _) => plain_leaf(&scalar.value),
        },
        Value::Comment(comment) => match document.opened_leaf(comment.leaf) {
            Some(value) => LeafShape { content: value_print(value), ..comment_leaf(comment) },
            None => comment_leaf(comment),
        },
    })
}

enum Value<'t> {
    Scalar(&'t Scalar),
    Comment(&'t Comment),
}

type MakeLeaf<'f> = &'f dyn Fn(Value<'_>) -> LeafShape;

fn build(document: &SealedDocument, leaf: MakeLeaf<'_>) -> DocumentShape {
    let mut shape = DocumentShape::default();
    for (number, part) in document.tree.documents.iter().enumerate() {
        let root = node(&part.root, number, &KeyPath::root(), leaf, &mut shape.comments);
        shape.roots.push(root);
    }
    shape
}

fn node(
    at: &Node,
    document: usize,
    path: &KeyPath,
    leaf: MakeLeaf<'_>,
    comments: &mut BTreeMap<(usize, KeyPath), Vec<CommentShape>>,
) -> Shape {
    if let Kind::Scalar(scalar) = &at.kind {
        return Shape::Leaf(leaf(Value::Scalar(scalar)));
    }
    let (mut entries, mut elements) = (Vec::new(), Vec::new());
    let mut note = |shape: LeafShape| {
        let comment = CommentShape { content: shape.content, sealed: shape.state == State::Sealed };
        comments.entry((document, path.clone())).or_default().push(comment);
    };
    let mut below = Vec::new();
    for child in at.children() {
        match child {
            Child::Comment(comment) => note(leaf(Value::Comment(comment))),
            Child::Entry(entry) => match entry.node.scalar() {
                Some(scalar) if at.is_list() && is_comment_element(&entry.node) => note(leaf(Value::Scalar(scalar))),
                Some(_) | None => below.push(entry),
            },
        }
    }
    for (index, entry) in below.into_iter().enumerate() {
        if at.is_list() {
            elements.push(node(&entry.node, document, &path.index(index), leaf, comments));
        } else {
            let shape = node(&entry.node, document, &path.key(&entry.key), leaf, comments);
            entries.push((entry.key.clone(), shape));
        }
    }
    if at.is_list() { Shape::List(elements) } else { Shape::Map(entries) }
}

fn plain_leaf(value: &Plain) -> LeafShape {
    let state = if value.as_text().is_some_and(Envelope::looks_like) {
        State::Sealed
    } else if value.is_empty() {
        State::Empty
    } else {
        State::Plain
    };
    let content = value_print(value);
    LeafShape { state, kind: value.kind_name(), content, token: content }
}

fn comment_leaf(comment: &Comment) -> LeafShape {
    let (state, content) = match &comment.envelope {
        Some(envelope) => (State::Sealed, envelope_print(envelope)),
        None => (State::Plain, Sha256::digest(comment.text.as_str()).into()),
    };
    LeafShape { state, kind: "comment", content, token: content }
}

fn value_print(value: &Plain) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(value.kind_name());
    hash.update([0]);
    hash.update(&*value.bytes());
    hash.finalize().into()
}

fn envelope_print(envelope: &Envelope) -> Fingerprint {
    Sha256::digest(envelope.to_string()).into()
}

/// The names that [`Plain::kind_name`] uses, for a type word.
fn envelope_kind(envelope: &Envelope) -> &'static str {
    use crate::envelope::TypeWord;
    match envelope.kind() {
        TypeWord::Str => "text",
        TypeWord::Int => "integer",
        TypeWord::Float => "number",
        TypeWord::Bool => "boolean",
        TypeWord::Time => "time",
        TypeWord::Comment => "comment",
        TypeWord::Bytes => "bytes",
        TypeWord::Other(_) => "unknown",
    }
}
