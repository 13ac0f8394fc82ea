//! Edits of YAML text: one token, one entry, nothing else (SOPS reference 16.4).
//!
//! Never seals and never re-emits a container that it does not replace.

use super::scalar::{self, Written};
use super::write::{self, Indent};
use crate::plain::Plain;
use crate::splice::{Patch, line_break, line_end, line_start, next_line, with_breaks};
use crate::tree::{Child, Entry, Kind, Layout, Node, Scalar, Tree, child_end};
use crate::value::Value;
use crate::{dotenv, ini, json};

/// Where a node stands: in which column the entries of its container begin, or inside brackets.
#[derive(Clone, Copy)]
pub(crate) enum Home {
    Block { column: usize, in_list: bool },
    Flow,
    Json,
    Lines,
    Ini,
    Metadata,
}

impl Home {
    pub(crate) fn of(container: &Node) -> Self {
        match container.layout() {
            Some(Layout::Block { column }) => Self::Block { column, in_list: container.is_list() },
            Some(Layout::Flow) | None => Self::Flow,
            Some(Layout::Json) => Self::Json,
            Some(Layout::Lines) => Self::Lines,
            Some(Layout::Sections | Layout::Section) => Self::Ini,
            Some(Layout::Metadata) => Self::Metadata,
        }
    }
}

/// The indent of the first map inside a map, else 4 as sops has it.
pub(crate) fn step(tree: &Tree) -> usize {
    let roots = tree
        .documents
        .iter()
        .flat_map(|document| std::iter::once(&document.root).chain(document.sops.as_ref().map(|sops| &sops.node)));
    roots.filter_map(first_step).find(|step| (2..=9).contains(step)).unwrap_or(4)
}

fn first_step(node: &Node) -> Option<usize> {
    let Some(Layout::Block { column }) = node.layout() else {
        return None;
    };
    node.entries().find_map(|entry| match entry.node.layout() {
        Some(Layout::Block { column: below }) if node.is_map() && below > column => Some(below - column),
        Some(_) => first_step(&entry.node),
        None => None,
    })
}

/// Replaces the token of a scalar. A comment behind it stays.
pub(crate) fn replace_scalar(
    source: &str,
    node: &Node,
    old: &Scalar,
    home: Home,
    value: &Plain,
    step: usize,
) -> Vec<Patch> {
    let written = match home {
        Home::Block { column, in_list } => {
            scalar::block_style(value, Some(Indent { column, step }.block_place(in_list)))
        }
        Home::Flow => Written::Line(scalar::flow_style(value)),
        Home::Json => Written::Line(json::write::scalar(value)),
        Home::Lines => Written::Line(dotenv::scalar(value)),
        Home::Ini => return vec![ini::edit::value_patch(source, node, &ini::write::scalar(value))],
        Home::Metadata => Written::Line(ini::write::metadata(&crate::flat::text(value), &source[node.span.clone()])),
    };
    let (text, lines) = match written {
        Written::Line(text) => (text, String::new()),
        Written::Block { header, lines } => (header, lines),
    };
    // A literal block is layout: whoever reads it takes either break.
    let lines = with_breaks(source, lines);
    let span = node.span.clone();
    let text = match home {
        Home::Block { .. } | Home::Flow => format!("{}{text}", lead(source, &span, home)),
        Home::Json | Home::Lines | Home::Ini | Home::Metadata => text,
    };
    match old.header {
        Some(header) => {
            let end = header + source[header..].find([' ', '\t', '\r', '\n']).unwrap_or(source.len() - header);
            let line = line_end(source, end);
            let mut body_end = span.end.max(line);
            if source[header..end].contains('+') {
                // The empty lines behind it belong to the value.
                let rest = &source[body_end..];
                let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
                body_end += rest[..blank].rfind('\n').unwrap_or(0);
            }
            vec![Patch::new(span.start..end, text), Patch::new(line..body_end, lines)]
        }
        None if lines.is_empty() => vec![Patch::new(span, text)],
        None => {
            let line = line_end(source, span.end);
            vec![Patch::new(span, text), Patch::insert(line, lines)]
        }
    }
}

/// What a value that is not there yet needs before it: a space behind its colon or dash, and in `{key}` the colon as well.
fn lead(source: &str, span: &std::ops::Range<usize>, home: Home) -> &'static str {
    match home {
        _ if !span.is_empty() => "",
        _ if source[..span.start].ends_with([':', '-']) => " ",
        Home::Flow => ": ",
        Home::Block { .. } | Home::Json | Home::Lines | Home::Ini | Home::Metadata => "",
    }
}

/// Replaces an entry's value by any value, writing the entry anew.
pub(crate) fn replace_entry(source: &str, container: &Node, entry: &Entry, value: &Value, step: usize) -> Vec<Patch> {
    match Home::of(container) {
        Home::Block { column, in_list } => {
            let key = (!in_list).then_some(entry.key.as_str());
            // A comment between the key and the old value, or behind it, goes above the key: it may be what has the
            // value sealed.
            let (mut end, mut above) = (entry_end(entry), String::new());
            for child in container.children() {
                let Child::Comment(comment) = child else { continue };
                let behind =
                    source.get(end..comment.span.start).is_some_and(|space| space.trim_matches([' ', '\t']).is_empty());
                if behind || (entry.start..end).contains(&comment.span.start) {
                    end = end.max(comment.span.end);
                    above += &format!("{}\n{}", &source[comment.span.clone()], " ".repeat(column));
                }
            }
            let text = above + &write::entry(key, value, Indent { column, step });
            vec![Patch::new(entry.start..end, with_breaks(source, text))]
        }
        Home::Flow => {
            let span = entry.node.span.clone();
            let text = format!("{}{}", lead(source, &span, Home::Flow), write::flow(value));
            vec![Patch::new(span, text)]
        }
        Home::Json => json::edit::replace(source, entry, value),
        Home::Lines => vec![Patch::new(entry.node.span.clone(), dotenv::value(value))],
        Home::Ini | Home::Metadata => Vec::new(),
    }
}

/// Where the value of an entry ends, with all that is below it.
pub(crate) fn entry_end(entry: &Entry) -> usize {
    let below = entry.node.children().last().map_or(0, child_end);
    below.max(entry.node.span.end).max(entry.start)
}

/// Adds an entry behind the last child of a container that has children.
pub(crate) fn append(source: &str, container: &Node, key: Option<&str>, value: &Value, step: usize) -> Vec<Patch> {
    append_before(source, container, usize::MAX, key, value, step)
}

/// The same in a document whose text ends at `end`: a comment of it may stand behind that, in the next document.
pub(crate) fn append_before(
    source: &str,
    container: &Node,
    end: usize,
    key: Option<&str>,
    value: &Value,
    step: usize,
) -> Vec<Patch> {
    match Home::of(container) {
        Home::Block { column, .. } => {
            let mut ends = container.children().iter().rev().map(child_end);
            let last = ends.find(|last| *last <= end).unwrap_or(container.span.end);
            let text = with_breaks(source, write::entry(key, value, Indent { column, step }));
            let (indent, newline) = (" ".repeat(column), line_break(source));
            vec![Patch::insert(line_end(source, last), format!("{newline}{indent}{text}"))]
        }
        Home::Flow => {
            let key = key.map(|key| format!("{}: ", scalar::double_quoted(key))).unwrap_or_default();
            let text = format!("{key}{}", write::flow(value));
            vec![match container.entries().last() {
                Some(last) => Patch::insert(entry_end(last), format!("{}{text}", flow_break(source, last.start))),
                None => Patch::insert(container.span.end.saturating_sub(1), text),
            }]
        }
        Home::Json => json::edit::append(source, container, key, value),
        Home::Lines => {
            let line = format!("{}={}", key.unwrap_or_default(), dotenv::value(value));
            match container.children().last().map(child_end) {
                Some(last) => vec![Patch::insert(line_end(source, last), format!("{}{line}", line_break(source)))],
                None => vec![Patch::insert(0, format!("{line}{}", line_break(source)))],
            }
        }
        Home::Metadata => match (key, value) {
            (Some(key), Value::Scalar(plain)) => {
                vec![ini::edit::append_metadata(source, container, key, &crate::flat::text(plain))]
            }
            (Some(_) | None, _) => Vec::new(),
        },
        Home::Ini => Vec::new(),
    }
}

/// What separates entries in brackets: a comma, and a new line where the entry at `start` has one of its own.
fn flow_break(source: &str, start: usize) -> String {
    let indent = &source[line_start(source, start)..start];
    let own_line = start > indent.len() && indent.trim_matches([' ', '\t']).is_empty();
    if own_line { format!(",{}{indent}", line_break(source)) } else { ", ".to_owned() }
}

/// Adds the first entry of a document that has only its metadata.
pub(crate) fn insert_before(
    source: &str,
    root: &Node,
    sops: &Entry,
    key: &str,
    value: &Value,
    step: usize,
) -> Vec<Patch> {
    match Home::of(root) {
        Home::Json => return json::edit::insert_before(source, sops, key, value),
        Home::Lines => return append(source, root, Some(key), value, step),
        Home::Flow => {
            let text = format!("{}: {}", scalar::double_quoted(key), write::flow(value));
            return vec![Patch::insert(sops.start, text + &flow_break(source, sops.start))];
        }
        Home::Block { .. } | Home::Ini | Home::Metadata => {}
    }
    let line = line_start(source, sops.start);
    let column = sops.start - line;
    let text = with_breaks(source, write::entry(Some(key), value, Indent { column, step }));
    let newline = line_break(source);
    vec![Patch::insert(line, format!("{}{text}{newline}", " ".repeat(column)))]
}

/// Removes an entry of a container that keeps others.
fn remove_one(source: &str, container: &Node, entry: &Entry, sops: Option<&Entry>) -> Patch {
    let end = entry_end(entry);
    match Home::of(container) {
        Home::Block { .. } => {
            let line = line_start(source, entry.start);
            if source[line..entry.start].trim().is_empty() {
                return Patch::new(line..next_line(source, end), "");
            }
            // It shares its line with the dash of an outer list: what follows moves up.
            let next = container.children().iter().find_map(|child| match child {
                Child::Comment(comment) if comment.span.start > end && line_start(source, comment.span.start) > end => {
                    Some(comment.span.start)
                }
                Child::Entry(other) if other.start > entry.start => Some(other.start),
                Child::Comment(_) | Child::Entry(_) => None,
            });
            Patch::new(entry.start..next.unwrap_or(end), "")
        }
        Home::Flow => {
            let others = container.entries().chain(sops).filter(|other| other.start > entry.start);
            match others.min_by_key(|other| other.start) {
                Some(next) => Patch::new(entry.start..next.start, ""),
                None => {
                    let before = source[..entry.start].trim_end_matches([' ', '\t', '\r', '\n', ',']);
                    Patch::new(before.len()..end, "")
                }
            }
        }
        Home::Json | Home::Lines | Home::Ini | Home::Metadata => {
            Patch::new(line_start(source, entry.start)..next_line(source, end), "")
        }
    }
}

/// Removes an entry. A container that becomes empty is written as `{}` or `[]`, without the comments in it.
/// For the root of a document `sops` is its metadata entry.
pub(crate) fn remove(source: &str, container: &Node, entry: &Entry, sops: Option<&Entry>) -> Vec<Patch> {
    if matches!(Home::of(container), Home::Ini) {
        return ini::edit::remove(source, container, entry);
    }
    if matches!(Home::of(container), Home::Json) {
        let others: Vec<&Entry> = container.entries().chain(sops).filter(|other| other.start != entry.start).collect();
        return json::edit::remove(source, container, entry, &others);
    }
    if sops.is_some() || container.entries().count() > 1 {
        return vec![remove_one(source, container, entry, sops)];
    }
    let empty = match &container.kind {
        Kind::List(..) => "[]",
        Kind::Map(..) | Kind::Scalar(_) => "{}",
    };
    let first = container.children().first().map_or(entry.start, |child| match child {
        Child::Comment(comment) => comment.span.start,
        Child::Entry(entry) => entry.start,
    });
    let start = first.min(entry.start).min(container.span.start);
    let end = container.children().last().map_or(entry_end(entry), child_end).max(container.span.end);
    let lead = source[..start].trim_end_matches([' ', '\t', '\r', '\n']);
    let has_lead = lead.ends_with([':', '-']) && container.layout() != Some(Layout::Flow);
    if has_lead { vec![Patch::new(lead.len()..end, format!(" {empty}"))] } else { vec![Patch::new(start..end, empty)] }
}
