//! The values of documents that somebody asked for, under the names they get outside.
//!
//! Two values never get the same name, and none is left out silently: what does not fit is refused by its key.

use std::collections::BTreeMap;

use sops_file::{KeyPath, Plain, Step, Value};
use zeroize::Zeroizing;

use super::document::Document;
use super::identities::Identity;
use super::many::found::{self, Found};
use super::many::{self, parallel};
use super::{key_path, open};
use crate::faces::cli::args::{Batch, Names};
use crate::faces::exit::{Exit, Report};

/// One value with its name.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Zeroizing<Vec<u8>>,
}

impl Variable {
    /// The value as text without NUL, which is all that shells and environments can hold.
    pub(super) fn text(&self) -> Result<&str, Report> {
        match std::str::from_utf8(&self.value) {
            Ok(text) if !text.contains('\0') => Ok(text),
            Ok(_) | Err(_) => Err(refused(&self.name, "holds bytes that are no text")),
        }
    }
}

/// How the keys on the way to a value make its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// `a_b_0`
    Underscore,
    /// `a.b[0]`
    Dot,
}

/// A value cannot go out under its name.
pub(super) fn refused(name: &str, what: &str) -> Report {
    Report::new(Exit::FAILED, format!("`{name}` {what}")).help("leave it out with `--only`, which names what is wanted")
}

/// What was asked for of all documents, as one map.
pub(super) struct Chosen {
    entries: Vec<(String, Value)>,
    /// Keys named one by one are taken from wherever they stand.
    flatten: bool,
    /// The document, when it is one.
    pub(super) only_document: Option<String>,
}

/// What was asked for of one document.
struct Asked {
    document: String,
    values: Vec<Value>,
    /// Of the keys that were named, those it has.
    holds: Vec<KeyPath>,
}

impl Asked {
    /// Opens the document; none when it lay in a directory and is no such thing.
    fn of(
        found: &Found,
        batch: &Batch,
        names: &Names,
        identity: &Identity,
        wanted: &[KeyPath],
    ) -> Result<Option<Self>, Report> {
        let document = Document::read(&found.path, batch.naming.input_type)?;
        let Some(sealed) = many::sealed(found, &document)? else { return Ok(None) };
        let opened = open(&document, &sealed, identity, names.ignore_mac)?;
        let holds = wanted.iter().filter(|path| opened.contains(path)).cloned().collect();
        let values = opened.to_values().into_iter();
        let values = values.filter_map(|value| pruned(value, &KeyPath::root(), wanted)).collect();
        Ok(Some(Self { document: document.name, values, holds }))
    }
}

impl Chosen {
    /// Opens the documents and takes what was asked for.
    pub(super) fn of(batch: &Batch, names: &Names) -> Result<Self, Report> {
        let wanted: Vec<KeyPath> = names.only.iter().map(|key| key_path(key, Exit::USAGE)).collect::<Result<_, _>>()?;
        let (found, identity) = (found::of_batch(batch)?, Identity::gather());
        let mut chosen =
            Self { entries: Vec::new(), flatten: names.flatten || !wanted.is_empty(), only_document: None };
        let mut outcomes = Vec::with_capacity(found.len());
        parallel::in_order(
            found.len(),
            |at| Asked::of(&found[at], batch, names, &identity, &wanted),
            |outcome| outcomes.push(outcome),
        );
        let (mut missing, mut documents) = (wanted.clone(), Vec::new());
        for outcome in outcomes {
            let Some(asked) = outcome? else { continue };
            missing.retain(|path| !asked.holds.contains(path));
            for value in asked.values {
                chosen.add(value, names, &asked.document)?;
            }
            documents.push(asked.document);
        }
        if let Some(path) = missing.first() {
            return Err(Report::new(Exit::FAILED, format!("there is no key `{path}`"))
                .help("`countersign list` names the keys of a document"));
        }
        chosen.only_document = documents.pop().filter(|_| documents.is_empty());
        Ok(chosen)
    }

    fn add(&mut self, value: Value, names: &Names, document: &str) -> Result<(), Report> {
        let Value::Map(entries) = value else { return Ok(()) };
        for (key, value) in entries {
            let key = format!("{}{key}", names.prefix);
            if self.entries.iter().any(|(known, _)| *known == key) {
                return Err(Report::new(Exit::FAILED, format!("`{key}` stands in `{document}` and before that"))
                    .help("name one document, or the keys that are wanted with `--only`"));
            }
            self.entries.push((key, value));
        }
        Ok(())
    }

    /// Everything with its structure.
    pub(super) fn into_value(self) -> Value {
        Value::Map(self.entries)
    }

    /// Everything as one list. Values below other keys are refused by name unless they were asked for.
    pub(super) fn into_list(self, joint: Joint) -> Result<Vec<Variable>, Report> {
        let (mut list, mut known) = (Vec::new(), BTreeMap::new());
        let flatten = self.flatten || joint == Joint::Dot;
        for (key, value) in &self.entries {
            if !flatten && let Value::Map(_) | Value::List(_) = value {
                return Err(Report::new(
                    Exit::FAILED,
                    format!("`{key}` has values below it, and a variable is one value"),
                )
                .help("`--flatten` takes those below it as well; `--only` names what is wanted"));
            }
            leaves(value, &KeyPath::root().key(key), &mut |path, plain| {
                let name = name(path, joint);
                if let Some(other) = known.insert(name.clone(), path.clone()) {
                    return Err(refused(&name, &format!("would be the name of both `{other}` and `{path}`")));
                }
                list.push(Variable { name, value: text_of(plain) });
                Ok(())
            })?;
        }
        Ok(list)
    }
}

/// A value as programs outside spell it.
pub(super) fn text_of(plain: &Plain) -> Zeroizing<Vec<u8>> {
    match plain {
        Plain::Bool(value) => Zeroizing::new(value.to_string().into_bytes()),
        Plain::Null
        | Plain::Int(_)
        | Plain::Float(_)
        | Plain::Time(_)
        | Plain::Text(_)
        | Plain::Bytes(_)
        | Plain::Comment(_) => plain.bytes(),
    }
}

fn name(path: &KeyPath, joint: Joint) -> String {
    let mut name = String::new();
    for (at, step) in path.steps().iter().enumerate() {
        let join = match joint {
            _ if at == 0 => "",
            Joint::Underscore => "_",
            Joint::Dot => ".",
        };
        match (step, joint) {
            (Step::Key(key), Joint::Underscore | Joint::Dot) => name += &format!("{join}{key}"),
            (Step::Index(index), Joint::Underscore) => name += &format!("_{index}"),
            (Step::Index(index), Joint::Dot) => name += &format!("[{index}]"),
        }
    }
    name
}

/// What is wanted of a value; everything when nothing is named.
fn pruned(value: Value, at: &KeyPath, wanted: &[KeyPath]) -> Option<Value> {
    if wanted.is_empty() || wanted.iter().any(|path| path.covers(at)) {
        return Some(value);
    }
    if !wanted.iter().any(|path| at.covers(path)) {
        return None;
    }
    match value {
        Value::Scalar(_) => None,
        Value::Map(entries) => {
            let below = |(key, value): (String, Value)| Some((key.clone(), pruned(value, &at.key(&key), wanted)?));
            Some(Value::Map(entries.into_iter().filter_map(below).collect()))
        }
        Value::List(elements) => {
            let below = |(index, value): (usize, Value)| pruned(value, &at.index(index), wanted);
            Some(Value::List(elements.into_iter().enumerate().filter_map(below).collect()))
        }
    }
}

fn leaves(
    value: &Value,
    at: &KeyPath,
    each: &mut dyn FnMut(&KeyPath, &Plain) -> Result<(), Report>,
) -> Result<(), Report> {
    match value {
        Value::Scalar(plain) => each(at, plain),
        Value::Map(entries) => entries.iter().try_for_each(|(key, value)| leaves(value, &at.key(key), each)),
        Value::List(elements) => {
            elements.iter().enumerate().try_for_each(|(index, value)| leaves(value, &at.index(index), each))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Joint, name, pruned};
    use sops_file::{KeyPath, Value};

    #[test]
    fn names_are_made_of_the_keys_on_the_way() {
        let path: KeyPath = "db.hosts[1].name".parse().expect("a path");
        assert_eq!(name(&path, Joint::Underscore), "db_hosts_1_name");
        assert_eq!(name(&path, Joint::Dot), "db.hosts[1].name");
    }

    #[test]
    fn only_what_was_named_is_left() {
        let document = || Value::from_json(r#"{"a": {"b": "1", "c": "2"}, "d": "3"}"#).expect("JSON");
        let wanted = |text: &str| vec![text.parse::<KeyPath>().expect("a path")];
        let kept = |text: &str| match pruned(document(), &KeyPath::root(), &wanted(text)) {
            Some(Value::Map(entries)) => entries.into_iter().map(|(key, _)| key).collect(),
            Some(Value::Scalar(_) | Value::List(_)) | None => Vec::new(),
        };
        assert_eq!(kept("a.b"), ["a"]);
        assert_eq!(kept("d"), ["d"]);
        assert!(kept("x").is_empty());
    }
}
