//! A plan as changes to the text of the target: what stays keeps its bytes, what comes from the other side brings its own.
//!
//! Never seals and never decides; what it cannot write it refuses, and what it wrote is checked by others.

use zeroize::Zeroizing;

use super::MergeError;
use super::block::Block;
use super::metadata::Roles;
use super::plan::{Children, Piece, Plan};
use super::{brackets, lines};
use crate::convert::value_of;
use crate::path::KeyPath;
use crate::plain::Plain;
use crate::splice::{Patch, apply, with_breaks};
use crate::tree::{Entry, Layout, Node, Scalar, Tree};
use crate::value::Value;
use crate::yaml::edit::{Home, entry_end, replace_entry, replace_scalar, step};

/// One side's text and tree.
#[derive(Clone, Copy)]
pub(super) struct Side<'t> {
    pub(super) source: &'t str,
    pub(super) tree: &'t Tree,
}

/// The text of the target with everything that the plans take from the other side.
pub(super) fn text(roles: &Roles<'_>, plans: &[Plan<'_>]) -> Result<Zeroizing<String>, MergeError> {
    let side = |version: &'_ crate::OpenedDocument| -> (std::sync::Arc<str>, std::sync::Arc<Tree>) {
        (version.sealed.text.clone(), version.sealed.tree.clone())
    };
    let (target, other) = (side(roles.target), side(roles.other));
    let mut writer = Writer {
        target: Side { source: &target.0, tree: &target.1 },
        other: Side { source: &other.0, tree: &other.1 },
        patches: Vec::new(),
    };
    for (plan, document) in plans.iter().zip(&target.1.documents) {
        match plan {
            Plan::Keep => {}
            Plan::Take(_) => return Err(MergeError::Layout(KeyPath::root())),
            Plan::Children(children) => writer.children(&document.root, document.sops.as_ref(), children)?,
        }
    }
    Ok(apply(&target.0, writer.patches))
}

pub(super) struct Writer<'t> {
    pub(super) target: Side<'t>,
    pub(super) other: Side<'t>,
    pub(super) patches: Vec<Patch>,
}

impl Writer<'_> {
    /// `sops` is the metadata entry when the container is the root of a document.
    fn children(&mut self, container: &Node, sops: Option<&Entry>, children: &Children<'_>) -> Result<(), MergeError> {
        if children.reordered || children.take_head {
            return Err(MergeError::Layout(children.path.clone()));
        }
        match container.layout() {
            Some(Layout::Json | Layout::Flow) => brackets::write(self, container, sops, children),
            Some(Layout::Block { .. } | Layout::Lines | Layout::Sections | Layout::Section) => {
                lines::write(self, container, sops, children)
            }
            Some(Layout::Metadata) | None => Err(MergeError::Layout(children.path.clone())),
        }
    }

    /// What becomes of the value of an entry of the target.
    pub(super) fn value(
        &mut self,
        container: &Node,
        entry: &Entry,
        plan: &Plan<'_>,
        path: &KeyPath,
    ) -> Result<(), MergeError> {
        match plan {
            Plan::Keep => Ok(()),
            Plan::Children(children) => self.fill(container, entry, children),
            Plan::Take(node) => match (entry.node.scalar(), node.scalar()) {
                (Some(old), Some(new)) => {
                    let (source, step) = (self.target.source, step(self.target.tree));
                    let token = token(new);
                    let home = Home::of(container);
                    self.patches.extend(replace_scalar(source, &entry.node, old, home, &token, step));
                    Ok(())
                }
                (Some(_) | None, _) => self.take(container, entry, node, path),
            },
        }
    }

    /// The children of a container that may have none in the target.
    fn fill(&mut self, container: &Node, entry: &Entry, children: &Children<'_>) -> Result<(), MergeError> {
        if entry.node.entries().next().is_some() {
            return self.children(&entry.node, None, children);
        }
        let mut entries = Vec::new();
        for piece in &children.pieces {
            match piece {
                Piece::New { other } => entries.push(&children.other.1[*other]),
                Piece::Own { .. } => return Err(MergeError::Layout(children.path.clone())),
            }
        }
        let raw = |block: &&Block<'_>| (block.key().to_owned(), raw_value(&block.entry.node));
        let entries: Vec<(String, Value)> = entries.iter().map(raw).collect();
        let value = if entry.node.is_list() {
            Value::List(entries.into_iter().map(|(_, value)| value).collect())
        } else {
            Value::Map(entries)
        };
        let (source, step) = (self.target.source, step(self.target.tree));
        self.patches.extend(replace_entry(source, container, entry, &value, step));
        Ok(())
    }

    /// Another kind of value in the place of one of the target.
    fn take(&mut self, container: &Node, entry: &Entry, node: &Node, path: &KeyPath) -> Result<(), MergeError> {
        let (source, step) = (self.target.source, step(self.target.tree));
        match Home::of(container) {
            Home::Block { .. } | Home::Flow | Home::Json => {
                self.patches.extend(replace_entry(source, container, entry, &raw_value(node), step));
                Ok(())
            }
            Home::Lines | Home::Ini | Home::Metadata => Err(MergeError::Layout(path.clone())),
        }
    }

    /// The text of a scalar block of the other side with the value that the target has.
    pub(super) fn other_with_value_of(
        &self,
        container: &Node,
        block: &Block<'_>,
        value: &Scalar,
        path: &KeyPath,
    ) -> Result<String, MergeError> {
        let Some(old) = block.entry.node.scalar() else {
            return Err(MergeError::Layout(path.clone()));
        };
        let (source, step) = (self.other.source, step(self.other.tree));
        let home = Home::of(container);
        let text = apply(source, replace_scalar(source, &block.entry.node, old, home, &token(value), step));
        let end = block.lines.end + text.len() - source.len();
        Ok(text[block.lines.start..end].to_owned())
    }

    /// Text of the other side with the line breaks of the target.
    pub(super) fn broken(&self, text: &str) -> String {
        with_breaks(self.target.source, text.replace("\r\n", "\n"))
    }
}

/// What stands in the file: the envelope of a sealed value, or the value itself.
pub(super) fn token(scalar: &Scalar) -> Plain {
    scalar.value.duplicate()
}

/// A node with its sealed texts; comments are left out.
pub(super) fn raw_value(node: &Node) -> Value {
    value_of(node, &token)
}

/// Where the text of an entry ends.
pub(super) fn text_end(block: &Block<'_>) -> usize {
    entry_end(block.entry)
}
