//! Changes to the metadata of a document, and how each store writes them with the fewest changed lines.
//!
//! Never judges them, and never touches a field that no change names: unknown ones keep their bytes.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::convert::value_of;
use crate::error::SealError;
use crate::flat;
use crate::format::Format;
use crate::ini;
use crate::opened::find;
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::sealed::{SealedDocument, read_tree};
use crate::setter::child;
use crate::splice::{Patch, apply, line_break, line_start, next_line};
use crate::tree::{Entry, Kind, Node, Tree};
use crate::value::Value;
use crate::yaml::edit::{Home, append, remove, replace_entry, replace_scalar, step};

/// One change; paths begin at the `sops` entry.
pub(crate) enum Change {
    /// Sets a field of a map, or adds it.
    Field { map: KeyPath, name: &'static str, value: Value },
    /// Adds an element behind the last of a list of a map, or makes the list.
    Element { map: KeyPath, list: &'static str, value: Value },
    /// Takes out a field or an element.
    Remove { at: KeyPath },
}

/// Applies the changes one after the other, in every document of the file.
pub(crate) fn change(sealed: &SealedDocument, changes: &[Change]) -> Result<Zeroizing<String>, SealError> {
    match sealed.format {
        Format::Dotenv | Format::Ini => flattened(sealed, changes),
        Format::Yaml | Format::Json | Format::Binary => {
            let Some((first, rest)) = changes.split_first() else { return Ok(Zeroizing::new(sealed.text.to_string())) };
            let mut text = one(&sealed.text, &sealed.tree, first)?;
            for change in rest {
                text = one(&text, &read_tree(&text, sealed.format)?, change)?;
            }
            Ok(text)
        }
    }
}

/// Applies one change to a text that was read.
fn one(text: &str, tree: &Tree, change: &Change) -> Result<Zeroizing<String>, SealError> {
    let step = step(tree);
    let entries = tree.documents.iter().filter_map(|document| document.sops.as_ref());
    let patches = entries.map(|sops| patches(text, &sops.node, change, step));
    let patches = patches.collect::<Option<Vec<_>>>().ok_or(MISSING)?;
    Ok(apply(text, patches.into_iter().flatten().collect()))
}

const MISSING: SealError = SealError::Metadata { what: "the documents of this file name different recipients" };

/// The patches of one change on a tree as it stands; `None` when it does not have the place.
pub(crate) fn patches(source: &str, sops: &Node, change: &Change, step: usize) -> Option<Vec<Patch>> {
    match change {
        Change::Field { map, name, value } => {
            let map = find(sops, map.steps())?;
            Some(match map.get(name) {
                Some(entry) => match (entry.node.scalar(), value) {
                    (Some(old), Value::Scalar(new)) => {
                        replace_scalar(source, &entry.node, old, Home::of(map), new, step)
                    }
                    (Some(_) | None, _) => replace_entry(source, map, entry, value, step),
                },
                None => append(source, map, Some(name), value, step),
            })
        }
        Change::Element { map, list, value } => {
            let map = find(sops, map.steps())?;
            let one = || Value::List(vec![value.duplicate()]);
            Some(match map.get(list) {
                Some(entry) if entry.node.entries().next().is_some() => append(source, &entry.node, None, value, step),
                Some(entry) => replace_entry(source, map, entry, &one(), step),
                None => append(source, map, Some(list), &one(), step),
            })
        }
        Change::Remove { at } => {
            let (last, above) = at.steps().split_last()?;
            let container = find(sops, above)?;
            Some(remove(source, container, child(container, last)?, None))
        }
    }
}

/// Changes flattened metadata: lines are replaced, removed and added, the others stay.
fn flattened(sealed: &SealedDocument, changes: &[Change]) -> Result<Zeroizing<String>, SealError> {
    let (text, format) = (&*sealed.text, sealed.format);
    let sops = sealed.tree.documents.first().and_then(|document| document.sops.as_ref());
    let sops = sops.ok_or(SealError::Metadata { what: "the metadata are missing" })?;
    let mut metadata = value_of(&sops.node, &|scalar| scalar.value.duplicate());
    for change in changes {
        metadata.change(change).ok_or(MISSING)?;
    }
    let wanted: BTreeMap<String, String> = flat::flatten(&metadata).into_iter().collect();
    let mut lines = BTreeMap::new();
    collect(&sops.node, String::new(), &mut lines);
    let mut patches = Vec::new();
    for (key, line) in &lines {
        match wanted.get(key) {
            Some(new) if *new == line.text => {}
            Some(new) => patches.push(Patch::new(line.node.span.clone(), spelled(text, format, line.node, new))),
            None => patches.push(Patch::new(line_start(text, line.start)..next_line(text, line.node.span.end), "")),
        }
    }
    for (key, new) in wanted.iter().filter(|(key, _)| !lines.contains_key(*key)) {
        patches.push(added(text, format, sops, &lines, (key, new)));
    }
    Ok(apply(text, patches))
}

/// A line of flattened metadata as it stands in the file.
struct Line<'t> {
    start: usize,
    node: &'t Node,
    text: String,
}

fn collect<'t>(node: &'t Node, path: String, lines: &mut BTreeMap<String, Line<'t>>) {
    for (index, entry) in node.entries().enumerate() {
        let key = match (&node.kind, path.as_str()) {
            (Kind::List(..), _) => format!("{path}__list_{index}"),
            (Kind::Map(..) | Kind::Scalar(_), "") => entry.key.clone(),
            (Kind::Map(..) | Kind::Scalar(_), _) => format!("{path}__map_{}", entry.key),
        };
        match entry.node.scalar() {
            Some(scalar) => {
                let text = flat::text(&scalar.value);
                lines.insert(key, Line { start: entry.start, node: &entry.node, text });
            }
            None => collect(&entry.node, key, lines),
        }
    }
}

fn spelled(source: &str, format: Format, old: &Node, new: &str) -> String {
    match format {
        Format::Ini => ini::write::metadata(new, &source[old.span.clone()]),
        Format::Yaml | Format::Json | Format::Dotenv | Format::Binary => new.replace('\n', "\\n"),
    }
}

/// A new line behind the one whose key comes before it.
fn added(
    source: &str,
    format: Format,
    sops: &Entry,
    lines: &BTreeMap<String, Line<'_>>,
    (key, value): (&str, &str),
) -> Patch {
    let newline = line_break(source);
    let value = value.replace('\n', "\\n");
    let line = match format {
        Format::Ini => format!("{}{value}", ini::edit::lead(source, &sops.node, key)),
        Format::Yaml | Format::Json | Format::Dotenv | Format::Binary => format!("sops_{key}={value}"),
    };
    match lines.range(..key.to_owned()).next_back() {
        Some((_, before)) => {
            let at = next_line(source, before.node.span.end);
            if source[..at].ends_with('\n') {
                Patch::insert(at, format!("{line}{newline}"))
            } else {
                Patch::insert(at, format!("{newline}{line}"))
            }
        }
        None => {
            let first = lines.values().map(|line| line.start).min().unwrap_or(sops.start);
            Patch::insert(line_start(source, first), format!("{line}{newline}"))
        }
    }
}

impl Value {
    fn at(&mut self, steps: &[Step]) -> Option<&mut Self> {
        let Some((step, rest)) = steps.split_first() else { return Some(self) };
        let next = match (self, step) {
            (Self::Map(entries), Step::Key(key)) => {
                entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            (Self::List(elements), Step::Index(index)) => elements.get_mut(*index),
            (Self::Scalar(_) | Self::Map(_) | Self::List(_), _) => None,
        };
        next?.at(rest)
    }

    fn field(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Map(entries) = self else { return None };
        if !entries.iter().any(|(key, _)| key == name) {
            entries.push((name.to_owned(), Self::Scalar(Plain::Null)));
        }
        entries.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn change(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::Field { map, name, value } => *self.at(map.steps())?.field(name)? = value.duplicate(),
            Change::Element { map, list, value } => match self.at(map.steps())?.field(list)? {
                Self::List(elements) => elements.push(value.duplicate()),
                other @ (Self::Scalar(_) | Self::Map(_)) => *other = Self::List(vec![value.duplicate()]),
            },
            Change::Remove { at } => {
                let (last, above) = at.steps().split_last()?;
                match (self.at(above)?, last) {
                    (Self::Map(entries), Step::Key(key)) => entries.retain(|(name, _)| name != key),
                    (Self::List(elements), Step::Index(index)) if *index < elements.len() => {
                        elements.remove(*index);
                    }
                    (Self::Scalar(_) | Self::Map(_) | Self::List(_), _) => return None,
                }
            }
        }
        Some(())
    }
}

/// Whether every further document of a file carries the metadata of the first one, or none (reference 7.5).
pub(crate) fn copies_agree(tree: &Tree) -> bool {
    let mut digests = tree
        .documents
        .iter()
        .filter_map(|document| document.sops.as_ref())
        .map(|sops| crate::metadata::digest(&sops.node));
    let first = digests.next();
    digests.all(|other| Some(other) == first)
}
