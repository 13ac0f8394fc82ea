//! Works out where a `set` goes: which token, entry or container of the text it replaces or adds.
//!
//! Never sees what is to be sealed: stand-ins keep its place, so that no format can bend it on the way.

use crate::error::SealError;
use crate::ini;
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::splice::Patch;
use crate::tree::{Document, Entry, Kind, Layout, Node};
use crate::value::Value;
use crate::walk::is_comment_element;
use crate::yaml::edit::{Home, append, append_before, insert_before, replace_entry, replace_scalar};

/// A value in which every scalar that may have to be sealed is replaced by a text that all formats hold unchanged.
pub(crate) struct StandIn<'v> {
    pub(crate) value: Value,
    meant: Vec<&'v Plain>,
}

const MARK: &str = "value-to-be-sealed-";

impl<'v> StandIn<'v> {
    pub(crate) fn of(value: &'v Value) -> Self {
        let mut meant = Vec::new();
        let value = stand_in(value, &mut meant);
        Self { value, meant }
    }

    /// The scalar that this one stands in for.
    pub(crate) fn meant_by(&self, scalar: &Plain) -> Option<&'v Plain> {
        let number = scalar.as_text()?.strip_prefix(MARK)?;
        self.meant.get(number.parse::<usize>().ok()?).copied()
    }
}

fn stand_in<'v>(value: &'v Value, meant: &mut Vec<&'v Plain>) -> Value {
    match value {
        Value::Scalar(plain) if plain.is_empty() => Value::Scalar(plain.duplicate()),
        Value::Scalar(plain) => {
            meant.push(plain);
            Value::text(format!("{MARK}{}", meant.len() - 1))
        }
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), stand_in(value, meant))).collect())
        }
        Value::List(elements) => Value::List(elements.iter().map(|value| stand_in(value, meant)).collect()),
    }
}

pub(crate) fn child<'t>(container: &'t Node, step: &Step) -> Option<&'t Entry> {
    match step {
        Step::Key(key) => container.get(key),
        Step::Index(index) if container.is_list() => {
            container.entries().filter(|entry| !is_comment_element(&entry.node)).nth(*index)
        }
        Step::Index(_) => None,
    }
}

/// The path under which a value that was set really stands: a position past the end of a list is its last.
pub(crate) fn changed_path(root: &Node, path: &KeyPath) -> KeyPath {
    let (mut node, mut steps) = (Some(root), Vec::new());
    for step in path.steps() {
        let real = match (step, node) {
            (Step::Index(index), Some(list)) => {
                let count = list.entries().filter(|entry| !is_comment_element(&entry.node)).count();
                Step::Index((*index).min(count.saturating_sub(1)))
            }
            (step, _) => step.clone(),
        };
        node = node.and_then(|node| child(node, &real)).map(|entry| &entry.node);
        steps.push(real);
    }
    steps.into_iter().collect()
}

/// Works out the patches of one `set`, still in the clear.
pub(crate) struct Setter<'d> {
    pub(crate) source: &'d str,
    pub(crate) document: &'d Document,
    pub(crate) step: usize,
}

impl Setter<'_> {
    pub(crate) fn patches(&self, path: &KeyPath, value: &Value) -> Result<Vec<Patch>, SealError> {
        let wrong = || SealError::WrongContainer(path.clone());
        if self.document.root.layout() == Some(Layout::Sections) {
            return ini::edit::set(self.source, self.document, path, value).ok_or_else(wrong);
        }
        let (mut container, mut above) = (&self.document.root, None);
        for (depth, step) in path.steps().iter().enumerate() {
            let rest = &path.steps()[depth + 1..];
            match (&container.kind, step) {
                (Kind::Map(..), Step::Key(_)) | (Kind::List(..), Step::Index(_)) => {}
                (Kind::Map(..) | Kind::List(..) | Kind::Scalar(_), _) => return Err(wrong()),
            }
            match child(container, step) {
                Some(entry) if rest.is_empty() => return Ok(self.replace(container, entry, value)),
                // Null and the empty text give way to a container.
                Some(entry) if entry.node.scalar().is_some_and(|scalar| scalar.value.is_empty()) => {
                    return Ok(replace_entry(self.source, container, entry, &wrapped(rest, value), self.step));
                }
                Some(entry) => {
                    above = Some((container, entry));
                    container = &entry.node;
                }
                None => return Ok(self.add(container, above, step, &wrapped(rest, value))),
            }
        }
        Err(wrong())
    }

    fn replace(&self, container: &Node, entry: &Entry, value: &Value) -> Vec<Patch> {
        match (entry.node.scalar(), value) {
            (Some(old), Value::Scalar(new)) => {
                let home = Home::of(container);
                replace_scalar(self.source, &entry.node, old, home, new, self.step)
            }
            (Some(_) | None, Value::Scalar(_) | Value::Map(_) | Value::List(_)) => {
                replace_entry(self.source, container, entry, value, self.step)
            }
        }
    }

    fn add(&self, container: &Node, above: Option<(&Node, &Entry)>, step: &Step, value: &Value) -> Vec<Patch> {
        let key = match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        };
        if container.entries().next().is_some() {
            return append_before(self.source, container, self.document.end, key, value, self.step);
        }
        match (above, key, &self.document.sops) {
            // An empty container is written anew together with its key.
            (Some((outer, entry)), key, _) => {
                let filled = match key {
                    Some(key) => Value::Map(vec![(key.to_owned(), value.duplicate())]),
                    None => Value::List(vec![value.duplicate()]),
                };
                replace_entry(self.source, outer, entry, &filled, self.step)
            }
            (None, Some(key), Some(sops)) => insert_before(self.source, container, sops, key, value, self.step),
            (None, _, _) => append(self.source, container, key, value, self.step),
        }
    }
}

/// The value inside the containers that the remaining steps name.
fn wrapped(steps: &[Step], value: &Value) -> Value {
    match steps.split_first() {
        None => value.duplicate(),
        Some((Step::Key(key), rest)) => Value::Map(vec![(key.clone(), wrapped(rest, value))]),
        Some((Step::Index(_), rest)) => Value::List(vec![wrapped(rest, value)]),
    }
}
