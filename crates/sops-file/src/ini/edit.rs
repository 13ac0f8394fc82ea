//! Edits of INI text: keys and sections come and go with their lines and their comments.
//!
//! Never seals; never touches a line that is not named.

use super::DEFAULT;
use super::{value, write};
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::splice::{Patch, line_break, line_end, line_start, next_line};
use crate::tree::{Child, Comment, Document, Entry, Node};
use crate::value::Value;

/// Sets a key of a section, or all keys of a section. `None` when the path or the value does not fit.
pub(crate) fn set(source: &str, document: &Document, path: &KeyPath, value: &Value) -> Option<Vec<Patch>> {
    let (section, keys) = wanted(path, value)?;
    let found = document.root.get(section);
    // Keys before any section have no header to stand behind.
    let found = found.filter(|found| section != DEFAULT || found.node.entries().next().is_some());
    let Some(found) = found else {
        return new_section(source, document, section, &keys);
    };
    let mut patches = Vec::new();
    let mut added = String::new();
    for (key, value) in &keys {
        match found.node.get(key) {
            Some(entry) => patches.push(value_patch(source, &entry.node, &write::scalar(value))),
            None => added.push_str(&line(source, &found.node, key, value)?),
        }
    }
    let is_whole = path.steps().len() == 1;
    if !added.is_empty() {
        // Behind the header when keys go: their lines cannot be built on.
        let first = found.node.entries().next().map_or(found.start, |entry| entry.start);
        patches.push(match (is_whole, section) {
            (false, _) => Patch::insert(end_of_keys(source, &found.node), in_lines(source, &added)),
            (true, DEFAULT) => Patch::insert(line_start(source, first), added.replace('\n', line_break(source))),
            (true, _) => Patch::insert(line_end(source, found.start), in_lines(source, &added)),
        });
    }
    if is_whole {
        let gone = found.node.entries().filter(|entry| keys.iter().all(|(key, _)| *key != entry.key));
        patches.extend(gone.flat_map(|entry| remove_key(source, &found.node, entry)));
    }
    Some(patches)
}

/// The section and the keys with their values that a `set` names.
fn wanted<'v>(path: &'v KeyPath, value: &'v Value) -> Option<(&'v str, Vec<(&'v str, &'v Plain)>)> {
    match (path.steps(), value) {
        ([Step::Key(section), Step::Key(key)], Value::Scalar(value)) if is_section(section) => {
            Some((section, vec![(key, value)]))
        }
        ([Step::Key(section)], Value::Map(entries)) if is_section(section) => {
            let keys = entries.iter().map(|(key, value)| match value {
                Value::Scalar(value) => Some((key.as_str(), value)),
                Value::Map(_) | Value::List(_) => None,
            });
            Some((section, keys.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn is_section(name: &str) -> bool {
    !name.is_empty() && name != "sops" && !name.contains(['\n', '\r', ']']) && name.trim() == name
}

/// Replaces a value, or puts one where there is none.
pub(crate) fn value_patch(source: &str, node: &Node, text: &str) -> Patch {
    let span = node.span.clone();
    let behind = source[span.end..].chars().next();
    let glued = span.is_empty() && behind.is_some_and(|c| matches!(c, '#' | ';'));
    Patch::new(span, if glued { format!("{text} ") } else { text.to_owned() })
}

/// A new line in the style of the last key of its section, without a line break.
fn line(source: &str, section: &Node, key: &str, value: &Plain) -> Option<String> {
    let (key, value) = (write::key(key)?, write::scalar(value));
    Some(format!("{}{value}\n", lead(source, section, &key)))
}

/// `key =` spaced and aligned as its neighbours are.
pub(crate) fn lead(source: &str, section: &Node, key: &str) -> String {
    let Some(last) = section.entries().last() else {
        return format!("{key} = ");
    };
    let indent = source[line_start(source, last.start)..last.start].trim_start_matches('\u{feff}');
    let Ok((_, behind)) = value::key(source, last.start) else {
        return format!("{key} = ");
    };
    let (head, delimiter) = source[last.start..behind].split_at(behind - 1 - last.start);
    let spaced = head.trim_end().len() < head.len();
    // Other white space than this, a lone carriage return for one, is not a habit to keep.
    let space = source.get(behind..last.node.span.start).filter(|space| space.trim_matches([' ', '\t']).is_empty());
    let behind = if last.node.span.is_empty() && spaced { " " } else { space.unwrap_or(" ") };
    let width = head.chars().count().saturating_sub(1);
    let key = if spaced { format!("{key:<width$} ") } else { key.to_owned() };
    format!("{indent}{key}{delimiter}{behind}")
}

/// Behind the last line of keys, or behind the header.
fn end_of_keys(source: &str, section: &Node) -> usize {
    let last = section.entries().map(|entry| entry.node.span.end).max().unwrap_or(section.span.start);
    line_end(source, last)
}

/// Lines that are inserted behind a line, or at the beginning of the text.
fn in_lines(source: &str, lines: &str) -> String {
    let newline = line_break(source);
    lines.lines().fold(String::new(), |text, line| text + newline + line)
}

fn new_section(source: &str, document: &Document, name: &str, keys: &[(&str, &Plain)]) -> Option<Vec<Patch>> {
    let newline = line_break(source);
    let lines: Option<Vec<String>> =
        keys.iter().map(|(key, value)| Some(format!("{} = {}", write::key(key)?, write::scalar(value)))).collect();
    let lines: String = lines?.iter().map(|line| format!("{line}{newline}")).collect();
    if name == DEFAULT {
        let at = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        return Some(vec![Patch::insert(at, format!("{lines}{newline}"))]);
    }
    let at = document.sops.as_ref().map_or(source.len(), |sops| line_start(source, sops.start));
    // Comments that stand above the metadata belong to the section before.
    let last = document.root.entries().rfind(|section| section.start < at);
    let trailing = last.map(|section| section.node.children().iter().rev().map_while(as_comment)).into_iter().flatten();
    let ends = last.map_or(0, |section| end_of_keys(source, &section.node));
    let at = trailing
        .map(|comment| line_start(source, comment.span.start))
        .filter(|start| *start > ends)
        .fold(at, usize::min);
    Some(vec![Patch::insert(at, format!("[{name}]{newline}{lines}{newline}"))])
}

fn as_comment(child: &Child) -> Option<&Comment> {
    match child {
        Child::Comment(comment) => Some(comment),
        Child::Entry(_) => None,
    }
}

/// Adds a line behind the last one of the metadata.
pub(crate) fn append_metadata(source: &str, metadata: &Node, key: &str, text: &str) -> Patch {
    let end = source[..metadata.span.end].trim_end().len();
    let line = format!("{}{}", lead(source, metadata, key), write::metadata(text, ""));
    Patch::insert(end, format!("{}{line}", line_break(source)))
}

/// The metadata of another version, or new ones, behind everything else.
pub(crate) fn append_section(source: &str, at: usize, section: &str) -> Patch {
    let newline = line_break(source);
    let before = &source[..at];
    let lead = match before.trim_start_matches('\u{feff}') {
        "" => String::new(),
        text if text.ends_with(&format!("{newline}{newline}")) => String::new(),
        text if text.ends_with('\n') => newline.to_owned(),
        _ => format!("{newline}{newline}"),
    };
    Patch::insert(at, format!("{lead}{}{newline}", section.trim_end()))
}

/// Takes the metadata out, with the empty line before them.
pub(crate) fn remove_metadata(source: &str, sops: &Entry) -> Patch {
    let line = line_start(source, sops.start);
    let before = source[..line].trim_end_matches(['\r', '\n']).len();
    let start = if before == 0 || source[..before].ends_with('\u{feff}') { before } else { next_line(source, before) };
    Patch::new(start.min(line)..sops.node.span.end.max(line), "")
}

/// Removes a key or a whole section.
pub(crate) fn remove(source: &str, container: &Node, entry: &Entry) -> Vec<Patch> {
    if entry.node.scalar().is_some() {
        return remove_key(source, container, entry);
    }
    let comments = comments_of_section(&entry.node).map(|comment| line_start(source, comment.span.start));
    let start = comments.fold(line_start(source, entry.start), usize::min);
    vec![Patch::new(start..entry.node.span.end.max(start), "")]
}

/// The comments before the first key: those of the section itself.
fn comments_of_section(section: &Node) -> impl Iterator<Item = &Comment> {
    section.children().iter().map_while(as_comment)
}

/// The line or lines of a key with the comment that belongs to it.
fn remove_key(source: &str, section: &Node, entry: &Entry) -> Vec<Patch> {
    let mut patches = vec![Patch::new(line_start(source, entry.start)..next_line(source, entry.node.span.end), "")];
    let mut behind = section
        .children()
        .iter()
        .skip_while(|child| !matches!(child, Child::Entry(other) if other.start == entry.start));
    behind.next();
    // The last section holds the comments at its end, too: only what stands above the key goes with it.
    let own = behind.next().and_then(as_comment).filter(|comment| comment.span.start < entry.start);
    if let Some(comment) = own {
        let pieces = std::iter::once(&comment.span).chain(&comment.rest).filter(|piece| piece.start < entry.start);
        patches.extend(pieces.map(|piece| Patch::new(write::whole(source, piece.clone()), "")));
    }
    patches
}
