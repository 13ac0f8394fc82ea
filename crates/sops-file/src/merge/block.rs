//! The children of a container as a merge sees them: entries, each with the comments that belong to it.
//!
//! Never decides anything.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::opened::OpenedDocument;
use crate::splice::{line_end, line_start};
use crate::tree::{Child, Comment, Entry, Layout, Node};
use crate::walk::is_comment_element;
use crate::yaml::edit::entry_end;

/// A comment.
#[derive(Clone, Copy)]
pub(super) enum Note<'t> {
    /// A line, or the end of one.
    Line(&'t Comment),
    /// A sealed one that stands as a list element (reference 10.6).
    Element(&'t Entry),
}

impl Note<'_> {
    pub(super) fn span(&self) -> Range<usize> {
        match self {
            Self::Line(comment) => comment.span.clone(),
            Self::Element(entry) => entry.start..entry_end(entry),
        }
    }

    /// Where the first and the last piece of it stand.
    fn whole(&self) -> Range<usize> {
        let own = self.span();
        match self {
            Self::Line(comment) => {
                let pieces = || comment.rest.iter().chain([&comment.span]).filter(|piece| !piece.is_empty());
                let start = pieces().map(|piece| piece.start).min().unwrap_or(own.start);
                start..pieces().map(|piece| piece.end).max().unwrap_or(own.end)
            }
            Self::Element(_) => own,
        }
    }
}

/// An entry and what belongs to it.
pub(super) struct Block<'t> {
    pub(super) entry: &'t Entry,
    /// The comments above it and behind it.
    pub(super) notes: Vec<Note<'t>>,
    /// Which of several of one key, from 0.
    pub(super) nth: usize,
    /// Its lines, from the first comment above it to the end of its last line; the first line may begin earlier.
    pub(super) lines: Range<usize>,
    /// The lines of the comments above it.
    pub(super) above: Range<usize>,
    /// It begins in a line that something else began: a dash, another bracket.
    pub(super) shares_line: bool,
}

impl Block<'_> {
    pub(super) fn key(&self) -> &str {
        &self.entry.key
    }

    pub(super) fn id(&self) -> (&str, usize) {
        (&self.entry.key, self.nth)
    }
}

/// Comments of the container itself, its entries, and the comments behind the last of them.
pub(super) type Parts<'t> = (Vec<Note<'t>>, Vec<Block<'t>>, Vec<Note<'t>>);

pub(super) fn notes_and_blocks<'t>(version: &'t OpenedDocument, container: &'t Node) -> Parts<'t> {
    let source = &version.sealed.text;
    match container.layout() {
        Some(Layout::Section) => section(source, container),
        Some(
            Layout::Block { .. } | Layout::Flow | Layout::Json | Layout::Lines | Layout::Sections | Layout::Metadata,
        )
        | None => ordered(source, container),
    }
}

/// Comments stand above what they belong to, or behind it in its line.
fn ordered<'t>(source: &str, container: &'t Node) -> Parts<'t> {
    let (mut blocks, mut above): (Vec<Block<'t>>, Vec<Note<'t>>) = (Vec::new(), Vec::new());
    let mut seen = BTreeMap::new();
    for child in container.children() {
        let note = match child {
            Child::Comment(comment) => Note::Line(comment),
            Child::Entry(entry) if container.is_list() && is_comment_element(&entry.node) => Note::Element(entry),
            Child::Entry(entry) => {
                let notes = std::mem::take(&mut above);
                blocks.push(block(source, container, entry, notes, times(&mut seen, container, entry)));
                continue;
            }
        };
        match blocks.last_mut().filter(|last| above.is_empty() && is_beside(source, last.entry, note.span().start)) {
            Some(last) => last.notes.push(note),
            None => above.push(note),
        }
    }
    (Vec::new(), blocks, above)
}

fn is_beside(source: &str, entry: &Entry, at: usize) -> bool {
    let end = entry_end(entry);
    end <= at && !source[end..at].contains('\n')
}

/// How often the key of an entry came before in its map.
fn times<'t>(seen: &mut BTreeMap<&'t str, usize>, container: &Node, entry: &'t Entry) -> usize {
    if !container.is_map() {
        return 0;
    }
    let count = seen.entry(entry.key.as_str()).or_default();
    *count += 1;
    *count - 1
}

fn block<'t>(source: &str, container: &Node, entry: &'t Entry, notes: Vec<Note<'t>>, nth: usize) -> Block<'t> {
    if container.layout() == Some(Layout::Sections) {
        let head = entry.node.children().iter().map_while(|child| match child {
            Child::Comment(comment) => Some(Note::Line(comment)),
            Child::Entry(_) => None,
        });
        let start =
            head.map(|note| line_start(source, note.whole().start)).fold(line_start(source, entry.start), usize::min);
        let end = entry.node.span.end.max(start);
        return Block { entry, notes, nth, lines: start..end, above: start..start, shares_line: false };
    }
    let first = notes.first().map_or(entry.start, |note| note.span().start.min(entry.start));
    let line = line_start(source, first);
    let shares_line = !source[line..first].trim().is_empty();
    let start = if shares_line { first } else { line };
    let own = if notes.is_empty() || shares_line { start } else { line_start(source, entry.start) };
    let end = line_end(source, entry_end(entry));
    Block { entry, notes, nth, lines: start..end, above: start..own.max(start), shares_line }
}

/// In an INI section a comment follows its key in the tree, wherever it stands in the text.
fn section<'t>(source: &str, container: &'t Node) -> Parts<'t> {
    let (mut head, mut blocks, mut tail): Parts<'t> = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = BTreeMap::new();
    for child in container.children() {
        match child {
            Child::Entry(entry) => {
                let nth = times(&mut seen, container, entry);
                blocks.push(block(source, container, entry, Vec::new(), nth));
            }
            Child::Comment(comment) => {
                let note = Note::Line(comment);
                let whole = note.whole();
                match blocks.last_mut() {
                    None => head.push(note),
                    Some(last) if whole.start < last.lines.end && last.notes.is_empty() => {
                        last.lines.start = last.lines.start.min(line_start(source, whole.start));
                        last.notes.push(note);
                    }
                    Some(_) => tail.push(note),
                }
            }
        }
    }
    (head, blocks, tail)
}
