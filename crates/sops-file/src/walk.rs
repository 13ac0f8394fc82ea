//! The one walk over a document that decides, in file order, what each leaf's key path, additional data
//! and sealing are (SOPS reference 3, 5.2, 6.2).
//!
//! Never opens or seals anything itself.

use crate::envelope::TypeWord;
use crate::path::{KeyPath, Step};
use crate::selection::{Question, Selection};
use crate::tree::{Child, Comment, Document, Kind, Node, Scalar, Tree};

/// One leaf with all that its place implies.
pub(crate) struct Visit<'t, 'w> {
    pub(crate) document: usize,
    /// The path of a value; for a comment that of the container it is in.
    pub(crate) path: &'w [Step],
    /// Additional authenticated data (reference 3.1, 3.2).
    pub(crate) aad: &'w str,
    /// Whether the settings want it sealed.
    pub(crate) seals: bool,
    pub(crate) leaf: Leaf<'t>,
}

impl Visit<'_, '_> {
    pub(crate) fn key_path(&self) -> KeyPath {
        KeyPath::from(self.path)
    }
}

pub(crate) enum Leaf<'t> {
    Scalar(&'t Node, &'t Scalar),
    Comment(&'t Comment),
    /// A map or list without entries: never sealed, never hashed.
    Empty(&'t Node),
}

/// Calls `visit` for every leaf of every document, metadata excluded.
pub(crate) fn walk<'t, E>(
    tree: &'t Tree,
    selection: &Selection,
    visit: &mut dyn FnMut(Visit<'t, '_>) -> Result<(), E>,
) -> Result<(), E> {
    for (number, document) in tree.documents.iter().enumerate() {
        walk_document(document, number, selection, visit)?;
    }
    Ok(())
}

fn walk_document<'t, E>(
    document: &'t Document,
    number: usize,
    selection: &Selection,
    visit: &mut dyn FnMut(Visit<'t, '_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut walker = Walker {
        document: number,
        selection,
        steps: Vec::new(),
        keys: Vec::new(),
        aad: String::new(),
        comments: Vec::new(),
        visit,
    };
    walker.container(&document.root)
}

struct Walker<'t, 'f, E> {
    document: usize,
    selection: &'f Selection,
    steps: Vec<Step>,
    keys: Vec<&'t str>,
    aad: String,
    comments: Vec<Vec<&'t str>>,
    visit: &'f mut dyn FnMut(Visit<'t, '_>) -> Result<(), E>,
}

impl<'t, E> Walker<'t, '_, E> {
    fn container(&mut self, node: &'t Node) -> Result<(), E> {
        self.comments.push(Vec::new());
        let mut index = 0;
        for child in node.children() {
            match child {
                Child::Comment(comment) => {
                    self.note(&comment.text);
                    self.call(Leaf::Comment(comment), true)?;
                }
                Child::Entry(entry) if node.is_list() => {
                    let is_comment = is_comment_element(&entry.node);
                    self.steps.push(Step::Index(index));
                    self.node(&entry.node)?;
                    self.steps.pop();
                    index += usize::from(!is_comment);
                    self.clear();
                }
                Child::Entry(entry) => {
                    let length = self.aad.len();
                    self.steps.push(Step::Key(entry.key.clone()));
                    self.keys.push(&entry.key);
                    self.aad.push_str(&entry.key);
                    self.aad.push(':');
                    self.node(&entry.node)?;
                    self.aad.truncate(length);
                    self.keys.pop();
                    self.steps.pop();
                    self.clear();
                }
            }
        }
        self.comments.pop();
        Ok(())
    }

    fn node(&mut self, node: &'t Node) -> Result<(), E> {
        match &node.kind {
            Kind::Scalar(scalar) => self.call(Leaf::Scalar(node, scalar), false),
            Kind::Map(children, _) | Kind::List(children, _) => {
                if node.entries().next().is_none() {
                    self.call(Leaf::Empty(node), false)?;
                }
                if children.is_empty() { Ok(()) } else { self.container(node) }
            }
        }
    }

    fn note(&mut self, comment: &'t str) {
        if let Some(top) = self.comments.last_mut() {
            top.push(comment);
        }
    }

    fn clear(&mut self) {
        if let Some(top) = self.comments.last_mut() {
            top.clear();
        }
    }

    fn call(&mut self, leaf: Leaf<'t>, is_comment: bool) -> Result<(), E> {
        let question = Question { keys: &self.keys, comments: &self.comments, is_comment };
        let seals = self.selection.seals(&question);
        // A comment at the top level, and only that, has a lone colon (reference 3.2).
        let aad = if self.aad.is_empty() { ":" } else { &self.aad };
        (self.visit)(Visit { document: self.document, path: &self.steps, aad, seals, leaf })
    }
}

/// A sealed comment that stands as a list element does not count as a position (reference 10.6).
pub(crate) fn is_comment_element(node: &Node) -> bool {
    node.scalar()
        .and_then(|scalar| scalar.envelope.as_ref())
        .is_some_and(|envelope| *envelope.kind() == TypeWord::Comment)
}
