//! A sealed document, read without any key: its metadata, its leaves, its comments.
//!
//! Never decrypts; what it says about integrity is therefore nothing.

use std::fmt;
use std::sync::Arc;

use crate::MAX_BYTES;
use crate::envelope::{Envelope, TypeWord};
use crate::error::{ParseError, Place};
use crate::format::Format;
use crate::metadata::Metadata;
use crate::path::{KeyPath, Step};
use crate::selection::Selection;
use crate::tree::{Scalar, Tree};
use crate::walk::{Leaf as Visited, walk};
use crate::{dotenv, ini, json, yaml};

/// A document with `sops` metadata. Its values are sealed, or in the clear because the settings say so.
/// Cheap to clone.
#[derive(Clone)]
pub struct SealedDocument {
    pub(crate) text: Arc<str>,
    pub(crate) format: Format,
    pub(crate) tree: Arc<Tree>,
    pub(crate) metadata: Metadata,
}

/// What stands at the end of a key path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeafState {
    /// A sealed value.
    Sealed(Envelope),
    /// Begins like a sealed value, but is damaged.
    Damaged,
    /// In the clear; the word says of which type (`text`, `integer`, …).
    Plain(&'static str),
    /// Null, the empty text, an empty map or an empty list: these are never sealed.
    Empty(&'static str),
}

/// One value of a sealed document, in file order.
pub struct Leaf<'d> {
    /// Which YAML document, from 0.
    pub document: usize,
    /// The key path inside that document.
    pub path: KeyPath,
    /// Where it stands.
    pub place: Place,
    /// Sealed or not.
    pub state: LeafState,
    /// Whether the settings want it sealed ([`Leaf::is_exposed`]).
    pub should_be_sealed: bool,
    /// Whether the settings select its key; empty values stay as they are even then.
    pub selected: bool,
    token: &'d str,
}

impl<'d> Leaf<'d> {
    /// Whether it stands in the clear although the settings want it sealed: a leak.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.should_be_sealed && matches!(self.state, LeafState::Plain(_))
    }

    /// The bytes of the value as they stand in the file, quotes and tag included.
    #[must_use]
    pub fn token(&self) -> &'d str {
        self.token
    }
}

/// One comment line of a sealed document, in file order.
pub struct CommentLine {
    /// Which YAML document, from 0.
    pub document: usize,
    /// The container it stands in.
    pub container: KeyPath,
    /// Where it stands.
    pub place: Place,
    /// Sealed or not.
    pub state: LeafState,
    /// Whether the settings want it sealed.
    pub should_be_sealed: bool,
}

impl SealedDocument {
    /// Reads a sealed document. No key is needed, nothing is opened.
    ///
    /// ```
    /// use sops_file::{Format, ParseError, SealedDocument};
    ///
    /// let plain = SealedDocument::parse(b"a: 1\n", Format::Yaml);
    /// assert_eq!(plain.unwrap_err(), ParseError::NotSealed);
    /// ```
    ///
    /// # Errors
    /// [`ParseError::NotSealed`] for a sound document without metadata; anything else means it is broken.
    pub fn parse(bytes: &[u8], format: Format) -> Result<Self, ParseError> {
        let text = text_of(bytes)?;
        let tree = read_tree(text, format)?;
        let Some(first) = tree.documents.first() else {
            return Err(ParseError::NotSealed);
        };
        let metadata = match &first.sops {
            Some(sops) => Metadata::read(sops)?,
            None if tree.documents.iter().any(|document| document.sops.is_some()) => {
                return Err(ParseError::Metadata { what: "the first document has none" });
            }
            None => return Err(ParseError::NotSealed),
        };
        Ok(Self { text: text.into(), format, tree: Arc::new(tree), metadata })
    }

    /// The store it is written in.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Recipients, settings, time and MAC.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The bytes it was read from.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// What stands behind the last document and is not read; only JSON has such text.
    pub(crate) fn tail(&self) -> &str {
        match (self.format, self.tree.documents.last()) {
            (Format::Json | Format::Binary, Some(last)) => &self.text[last.end..],
            (Format::Yaml | Format::Json | Format::Dotenv | Format::Ini | Format::Binary, _) => "",
        }
    }

    pub(crate) fn selection(&self) -> Selection {
        match self.format {
            Format::Binary => Selection::everything(),
            Format::Yaml | Format::Json | Format::Dotenv | Format::Ini => self.metadata.effective_selection(),
        }
    }

    /// Every value in file order, metadata and comments left out.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf<'_>> {
        let mut leaves = Vec::new();
        self.visit(&mut |visit, state| {
            let node = match visit.leaf {
                Visited::Scalar(node, _) | Visited::Empty(node) => node,
                Visited::Comment(_) => return,
            };
            if is_comment_element(visit.path, &state) {
                return;
            }
            leaves.push(Leaf {
                document: visit.document,
                path: visit.key_path(),
                place: node.place,
                token: &self.text[node.span.clone()],
                should_be_sealed: visit.seals && !matches!(state, LeafState::Empty(_)),
                selected: visit.seals,
                state,
            });
        });
        leaves
    }

    /// Every comment in file order, sealed ones that stand as list elements included.
    #[must_use]
    pub fn comments(&self) -> Vec<CommentLine> {
        let mut lines = Vec::new();
        self.visit(&mut |visit, state| {
            let path = visit.key_path();
            let (container, place) = match visit.leaf {
                Visited::Comment(comment) => (path, comment.place),
                Visited::Scalar(node, _) if is_comment_element(visit.path, &state) => {
                    let steps = &path.steps()[..path.steps().len() - 1];
                    (KeyPath::from(steps), node.place)
                }
                Visited::Scalar(..) | Visited::Empty(_) => return,
            };
            lines.push(CommentLine {
                document: visit.document,
                container,
                place,
                state,
                should_be_sealed: visit.seals,
            });
        });
        lines
    }

    /// The first value at `path` in the first document that has it.
    #[must_use]
    pub fn leaf(&self, path: &KeyPath) -> Option<Leaf<'_>> {
        self.leaves().into_iter().find(|leaf| leaf.path == *path)
    }

    fn visit<'d>(&'d self, each: &mut dyn FnMut(crate::walk::Visit<'d, '_>, LeafState)) {
        let outcome: Result<(), std::convert::Infallible> = walk(&self.tree, &self.selection(), &mut |visit| {
            let state = match &visit.leaf {
                Visited::Scalar(_, scalar) => scalar_state(scalar),
                Visited::Comment(comment) => match &comment.envelope {
                    Some(envelope) => LeafState::Sealed(envelope.clone()),
                    None if Envelope::looks_like(&comment.text) => LeafState::Damaged,
                    None if comment.text.is_empty() => LeafState::Empty("comment"),
                    None => LeafState::Plain("comment"),
                },
                Visited::Empty(node) => LeafState::Empty(if node.is_list() { "list" } else { "map" }),
            };
            each(visit, state);
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
}

impl fmt::Debug for SealedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedDocument")
            .field("format", &self.format)
            .field("documents", &self.tree.documents.len())
            .finish_non_exhaustive()
    }
}

pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, ParseError> {
    if bytes.len() > MAX_BYTES {
        return Err(ParseError::TooLarge);
    }
    std::str::from_utf8(bytes).map_err(|fault| ParseError::NotText { offset: fault.valid_up_to() })
}

/// Reads a document of any supported format into the common model.
pub(crate) fn read_tree(text: &str, format: Format) -> Result<Tree, ParseError> {
    match format {
        Format::Yaml => yaml::parse(text),
        Format::Json | Format::Binary => json::parse(text),
        Format::Dotenv => dotenv::parse(text),
        Format::Ini => ini::parse(text),
    }
}

/// A sealed comment among the elements of a list (reference 10.6).
fn is_comment_element(path: &[Step], state: &LeafState) -> bool {
    let sealed_comment = match state {
        LeafState::Sealed(envelope) => *envelope.kind() == TypeWord::Comment,
        LeafState::Damaged | LeafState::Plain(_) | LeafState::Empty(_) => false,
    };
    sealed_comment && matches!(path.last(), Some(Step::Index(_)))
}

fn scalar_state(scalar: &Scalar) -> LeafState {
    if let Some(envelope) = &scalar.envelope {
        return LeafState::Sealed(envelope.clone());
    }
    let value = &scalar.value;
    if value.as_text().is_some_and(Envelope::looks_like) {
        LeafState::Damaged
    } else if value.is_empty() {
        LeafState::Empty(value.kind_name())
    } else {
        LeafState::Plain(value.kind_name())
    }
}
