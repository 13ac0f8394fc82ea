//! An opened document as plain text (what `sops decrypt` prints) and single values of it.
//!
//! Never writes to a file; the texts are wiped when dropped.

use zeroize::Zeroizing;

use crate::convert::value_of;
use crate::error::SealError;
use crate::format::Format;
use crate::opened::{OpenedDocument, find};
use crate::path::KeyPath;
use crate::plain::Plain;
use crate::splice::{Patch, apply, line_end, line_start, next_line};
use crate::tree::{Child, Document, Entry, Node, child_end};
use crate::yaml::edit::{Home, replace_scalar, step};
use crate::yaml::scalar::single_line;
use crate::yaml::write::{self, Empty, Texts};
use crate::{dotenv, ini, json};

impl OpenedDocument {
    /// The whole document in the clear, in the layout of the sealed one, without its metadata.
    ///
    /// # Errors
    /// A binary document without its one value.
    pub fn to_plain(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match self.sealed.format {
            Format::Binary => {
                let path = KeyPath::root().key("data");
                Ok(self.get(&path).ok_or(SealError::NoSuchKey(path))?.bytes())
            }
            Format::Yaml | Format::Json | Format::Dotenv | Format::Ini => Ok(into_bytes(self.plain_text())),
        }
    }

    /// What `decrypt --extract` prints: a scalar without line break, a container as a document of its own.
    ///
    /// # Errors
    /// [`SealError::NoSuchKey`].
    pub fn extract(&self, path: &KeyPath) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let missing = || SealError::NoSuchKey(path.clone());
        let document = self.sealed.tree.documents.first().ok_or_else(missing)?;
        let node = find(&document.root, path.steps()).ok_or_else(missing)?;
        match node.scalar() {
            Some(scalar) => {
                let value = self.value_of(scalar);
                if self.sealed.format != Format::Yaml {
                    return Ok(into_bytes(Zeroizing::new(match value.as_text() {
                        Some(text) => text.to_owned(),
                        None => json::write::scalar(value),
                    })));
                }
                Ok(match value.as_text() {
                    Some(text) => Zeroizing::new(text.as_bytes().to_vec()),
                    None => into_bytes(Zeroizing::new(single_line(value))),
                })
            }
            None => Ok(into_bytes(Zeroizing::new(match self.sealed.format {
                Format::Json | Format::Binary => {
                    json::write::value(
                        &value_of(node, &|scalar| self.value_of(scalar).duplicate()),
                        "",
                        json::edit::unit(&self.sealed.text),
                    ) + "\n"
                }
                Format::Yaml | Format::Dotenv | Format::Ini => {
                    write::node_as_document(node, &self.texts(), step(&self.sealed.tree))
                }
            }))),
        }
    }

    fn texts(&self) -> Texts<'_> {
        Texts { opened: Some(self) }
    }

    fn plain_text(&self) -> Zeroizing<String> {
        let tree = &self.sealed.tree;
        if tree.needs_rewriting {
            return Zeroizing::new(write::tree(tree, &self.texts(), step(tree), Empty::Brackets));
        }
        let (mut patches, step) = (Vec::new(), step(tree));
        for document in &tree.documents {
            self.open_node(&document.root, step, &mut patches);
            remove_metadata(&self.sealed.text, document, &mut patches);
        }
        apply(&self.sealed.text, patches)
    }

    fn open_node(&self, node: &Node, step: usize, patches: &mut Vec<Patch>) {
        let (home, source) = (Home::of(node), &self.sealed.text);
        let comments = self.comment_elements(node);
        for child in node.children() {
            match child {
                Child::Comment(comment) => {
                    if let Some(text) = self.opened_leaf(comment.leaf).and_then(comment_text) {
                        patches.extend(self.sealed.tree.replace_comment(source, comment, text));
                    }
                }
                Child::Entry(entry) => match entry.node.scalar() {
                    Some(scalar) => {
                        if let Some((_, text)) = comments.iter().find(|(leaf, _)| *leaf == scalar.leaf) {
                            patches.push(Patch::new(entry.start..entry.node.span.end, text.clone()));
                        } else if let Some(value) = self.opened_leaf(scalar.leaf) {
                            patches.extend(replace_scalar(source, &entry.node, scalar, home, value, step));
                        }
                    }
                    None => self.open_node(&entry.node, step, patches),
                },
            }
        }
    }

    /// Sealed comments that stand as elements of a block list become comments again (reference 10.6).
    fn comment_elements(&self, list: &Node) -> Vec<(usize, String)> {
        if !list.is_list() || !matches!(Home::of(list), Home::Block { .. }) {
            return Vec::new();
        }
        let text = |entry: &Entry| {
            let scalar = entry.node.scalar()?;
            match self.opened_leaf(scalar.leaf)? {
                Plain::Comment(text) => Some((scalar.leaf, format!("#{}", text.replace('\n', " ")))),
                Plain::Null
                | Plain::Bool(_)
                | Plain::Int(_)
                | Plain::Float(_)
                | Plain::Time(_)
                | Plain::Text(_)
                | Plain::Bytes(_) => None,
            }
        };
        let mut comments: Vec<_> = list.entries().filter_map(text).collect();
        // A list of nothing but comments must stay a list.
        if comments.len() == list.entries().count()
            && let Some((_, last)) = comments.last_mut()
        {
            *last = format!("[] {last}");
        }
        comments
    }
}

fn comment_text(value: &Plain) -> Option<&str> {
    match value {
        Plain::Comment(text) | Plain::Text(text) => Some(text),
        Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) | Plain::Time(_) | Plain::Bytes(_) => None,
    }
}

fn remove_metadata(source: &str, document: &Document, patches: &mut Vec<Patch>) {
    let Some(sops) = &document.sops else { return };
    match Home::of(&document.root) {
        Home::Json => {
            let others: Vec<&Entry> = document.root.entries().collect();
            patches.extend(json::edit::remove(source, &document.root, sops, &others));
            return;
        }
        Home::Lines => {
            patches.extend(dotenv::metadata_spans(source).into_iter().map(|span| Patch::new(span, "")));
            return;
        }
        Home::Ini | Home::Metadata => {
            patches.push(ini::edit::remove_metadata(source, sops));
            return;
        }
        Home::Block { .. } | Home::Flow => {}
    }
    let start = line_start(source, sops.start);
    let last = sops.node.children().last().map_or(sops.node.span.end, child_end).max(sops.node.span.end);
    let end = next_line(source, line_end(source, last));
    let rest = if document.root.entries().next().is_none() { "{}\n" } else { "" };
    patches.push(Patch::new(start..end, rest));
}

fn into_bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}
