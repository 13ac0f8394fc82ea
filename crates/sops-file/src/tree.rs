//! The document model all formats share: ordered, with duplicates and comments, each node tied to the
//! bytes it came from (SOPS reference 1).
//!
//! Never holds a copy of the file and never changes: an edit replaces bytes of the source and reads again.

use std::ops::Range;

use crate::envelope::Envelope;
use crate::error::{ParseError, Place};
use crate::ini;
use crate::plain::Plain;
use crate::splice::{Patch, line_break};

/// All documents of a file; only YAML has more than one.
pub(crate) struct Tree {
    pub(crate) documents: Vec<Document>,
    /// Scalars and comments are numbered `0..leaves` in file order over all documents.
    pub(crate) leaves: usize,
    /// Anchors, aliases or another shape that cannot be edited in place.
    pub(crate) needs_rewriting: bool,
}

/// One document: the entries of its top-level map, and its metadata entry taken out of them.
pub(crate) struct Document {
    pub(crate) root: Node,
    /// The `sops` entry, if the document has one.
    pub(crate) sops: Option<Entry>,
    /// Where the document's text ends: before the next document, its end marker, or the end of the file.
    pub(crate) end: usize,
}

/// What stands in a container.
pub(crate) enum Child {
    Comment(Comment),
    Entry(Entry),
}

/// A keyed value of a map, or an element of a list.
pub(crate) struct Entry {
    /// Empty for list elements.
    pub(crate) key: String,
    /// Begins at the key, its tag, or the dash.
    pub(crate) start: usize,
    pub(crate) node: Node,
}

pub(crate) struct Node {
    /// The token of a scalar with its tag and block header; for containers from the first child to the last.
    pub(crate) span: Range<usize>,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Map(Vec<Child>, Layout),
    List(Vec<Child>, Layout),
    Scalar(Scalar),
}

/// How a container is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One entry per line; entries begin in this column, counted from 0.
    Block { column: usize },
    /// In brackets, inside YAML.
    Flow,
    /// In brackets, in a JSON file.
    Json,
    /// One `KEY=value` per line.
    Lines,
    /// The sections of an INI document.
    Sections,
    /// The keys of an INI section.
    Section,
    /// The flattened metadata of an INI document.
    Metadata,
}

pub(crate) struct Scalar {
    pub(crate) leaf: usize,
    pub(crate) value: Plain,
    /// The text as an envelope, if it is one.
    pub(crate) envelope: Option<Envelope>,
    /// Where the `|` or `>` of a block scalar stands.
    pub(crate) header: Option<usize>,
}

impl Tree {
    /// Puts another text into a comment.
    pub(crate) fn replace_comment(&self, source: &str, comment: &Comment, text: &str) -> Vec<Patch> {
        let root = self.documents.first().map(|document| &document.root);
        if root.and_then(Node::layout) == Some(Layout::Sections) {
            return ini::write::replace_comment(source, comment, text, line_break(source));
        }
        let indent = " ".repeat(comment.place.column.saturating_sub(1));
        let text = text.replace('\n', &format!("\n{indent}#"));
        vec![Patch::new(comment.span.clone(), format!("#{text}"))]
    }
}

impl Scalar {
    pub(crate) fn new(value: Plain, header: Option<usize>) -> Self {
        let envelope = value.as_text().and_then(|text| Envelope::parse(text).ok());
        Self { leaf: 0, value, envelope, header }
    }
}

/// One comment line. The text excludes the marker.
pub(crate) struct Comment {
    pub(crate) leaf: usize,
    pub(crate) text: zeroize::Zeroizing<String>,
    pub(crate) envelope: Option<Envelope>,
    /// From the marker to the end of the line.
    pub(crate) span: Range<usize>,
    /// Further pieces of the same comment; only INI has them.
    pub(crate) rest: Vec<Range<usize>>,
    pub(crate) place: Place,
}

impl Node {
    /// The children of a container, or none.
    pub(crate) fn children(&self) -> &[Child] {
        match &self.kind {
            Kind::Map(children, _) | Kind::List(children, _) => children,
            Kind::Scalar(_) => &[],
        }
    }

    pub(crate) fn layout(&self) -> Option<Layout> {
        match &self.kind {
            Kind::Map(_, layout) | Kind::List(_, layout) => Some(*layout),
            Kind::Scalar(_) => None,
        }
    }

    /// The entries of a container without its comments.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.children().iter().filter_map(|child| match child {
            Child::Entry(entry) => Some(entry),
            Child::Comment(_) => None,
        })
    }

    /// The first entry of a map under this key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(..) => self.entries().find(|entry| entry.key == key),
            Kind::List(..) | Kind::Scalar(_) => None,
        }
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::Map(..) | Kind::List(..) => None,
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        match &self.kind {
            Kind::List(..) => true,
            Kind::Map(..) | Kind::Scalar(_) => false,
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        match &self.kind {
            Kind::Map(..) => true,
            Kind::List(..) | Kind::Scalar(_) => false,
        }
    }
}

/// Takes the `sops` entry out of a document. A second one is refused, as sops does.
pub(crate) fn take_metadata(root: &mut Node) -> Result<Option<Entry>, ParseError> {
    let Kind::Map(children, _) = &mut root.kind else { return Ok(None) };
    let mut sops = None;
    let is_metadata = |child: &mut Child| matches!(child, Child::Entry(entry) if entry.key == "sops");
    for child in children.extract_if(.., is_metadata) {
        if let Child::Entry(entry) = child {
            let place = entry.node.place;
            if sops.replace(entry).is_some() {
                return Err(ParseError::at(place, "a second key `sops`"));
            }
        }
    }
    Ok(sops)
}

/// Where the text of a child ends, with everything below it.
pub(crate) fn child_end(child: &Child) -> usize {
    match child {
        Child::Comment(comment) => comment.span.end,
        Child::Entry(entry) => entry.node.children().last().map_or(0, child_end).max(entry.node.span.end),
    }
}

/// Numbers scalars and comments in file order.
pub(crate) fn number_leaves(tree: &mut Tree) {
    let mut next = 0;
    for document in &mut tree.documents {
        number(&mut document.root, &mut next);
    }
    tree.leaves = next;
}

fn number(node: &mut Node, next: &mut usize) {
    match &mut node.kind {
        Kind::Scalar(scalar) => {
            scalar.leaf = *next;
            *next += 1;
        }
        Kind::Map(children, _) | Kind::List(children, _) => {
            for child in children {
                match child {
                    Child::Comment(comment) => {
                        comment.leaf = *next;
                        *next += 1;
                    }
                    Child::Entry(entry) => number(&mut entry.node, next),
                }
            }
        }
    }
}
