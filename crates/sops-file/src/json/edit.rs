//! Edits of JSON text in the file's own indent.
//!
//! Never touches an entry that is not named.

use super::write;
use crate::splice::{Patch, line_start, with_breaks};
use crate::tree::{Entry, Node};
use crate::value::Value;

/// One step of indent: what stands before the first key, else a tab.
pub(crate) fn unit(source: &str) -> &str {
    own_unit(source).unwrap_or("\t")
}

fn own_unit(source: &str) -> Option<&str> {
    let rest = source[source.find('{')? + 1..].trim_start_matches('\r').strip_prefix('\n')?;
    let indent = &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()];
    (!indent.is_empty()).then_some(indent)
}

/// The white space a line begins with, up to `at`.
fn indent_at(source: &str, at: usize) -> &str {
    let line = &source[line_start(source, at)..at];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Whether an entry begins its line.
fn begins_line(source: &str, entry: &Entry) -> bool {
    let line = line_start(source, entry.start);
    line > 0 && source[line..entry.start].trim().is_empty()
}

pub(crate) fn replace(source: &str, entry: &Entry, value: &Value) -> Vec<Patch> {
    let text = write::value(value, indent_at(source, entry.start), unit(source));
    vec![Patch::new(entry.node.span.clone(), with_breaks(source, text))]
}

fn entry(key: Option<&str>, value: &Value, indent: &str, unit: &str) -> String {
    let value = write::value(value, indent, unit);
    key.map_or(value.clone(), |key| format!("{}: {value}", write::text(key)))
}

/// Adds an entry behind the last one; `unit` is one step where the text has none of its own.
pub(crate) fn append_in(source: &str, root: &Node, (key, value): (&str, &Value), unit: &str) -> Vec<Patch> {
    let unit = own_unit(source).unwrap_or(unit);
    append_text(source, root, unit, &|indent| entry(Some(key), value, indent, unit))
}

/// Adds behind the last entry.
pub(crate) fn append(source: &str, container: &Node, key: Option<&str>, value: &Value) -> Vec<Patch> {
    let unit = unit(source);
    append_text(source, container, unit, &|indent| entry(key, value, indent, unit))
}

/// Adds an entry whose text depends on the indent of its line.
pub(crate) fn append_text(source: &str, container: &Node, unit: &str, text: &dyn Fn(&str) -> String) -> Vec<Patch> {
    match container.entries().last() {
        Some(last) => {
            let indent = indent_at(source, last.start);
            let lead = if begins_line(source, last) { format!(",\n{indent}") } else { ", ".to_owned() };
            vec![Patch::insert(last.node.span.end, with_breaks(source, format!("{lead}{}", text(indent))))]
        }
        None => {
            let outer = indent_at(source, container.span.start);
            let inner = format!("{outer}{unit}");
            let text = text(&inner);
            let text = with_breaks(source, format!("\n{inner}{text}\n{outer}"));
            vec![Patch::insert(container.span.start + 1, text)]
        }
    }
}

pub(crate) fn insert_before(source: &str, sops: &Entry, key: &str, value: &Value) -> Vec<Patch> {
    let indent = indent_at(source, sops.start);
    let text = entry(Some(key), value, indent, unit(source));
    vec![Patch::insert(sops.start, with_breaks(source, format!("{text},\n{indent}")))]
}

/// Removes an entry with its comma. `entries` are all entries of the container as the file has them.
pub(crate) fn remove(source: &str, container: &Node, removed: &Entry, others: &[&Entry]) -> Vec<Patch> {
    let next = others.iter().filter(|other| other.start > removed.start).map(|other| other.start).min();
    let before = others.iter().any(|other| other.start < removed.start);
    match next {
        Some(next) => vec![Patch::new(removed.start..next, "")],
        None if before => {
            let lead = source[..removed.start].trim_end_matches([' ', '\t', '\r', '\n', ',']);
            vec![Patch::new(lead.len()..removed.node.span.end, "")]
        }
        None => vec![Patch::new(container.span.start + 1..container.span.end - 1, "")],
    }
}
