//! Documents as plain values, and plain values as the text of any store: what `--output-type` and `export` need.
//!
//! Never drops a value silently: what a store cannot hold is refused by its key. Comments are left out.

use zeroize::Zeroizing;

use crate::error::SealError;
use crate::format::Format;
use crate::opened::{OpenedDocument, find};
use crate::path::KeyPath;
use crate::plain::Plain;
use crate::sealed::{read_tree, text_of};
use crate::tree::{Kind, Layout, Node, Scalar};
use crate::value::Value;
use crate::yaml::scalar::single_line;
use crate::yaml::write::{self, Indent};
use crate::{dotenv, ini, json};

/// Indent of YAML that is written anew, as sops does.
const STEP: usize = 4;

impl OpenedDocument {
    /// The values of each document in file order, with their types and structure.
    #[must_use]
    pub fn to_values(&self) -> Vec<Value> {
        let documents = &self.sealed.tree.documents;
        documents.iter().map(|document| whole(&document.root, &|scalar| self.value_of(scalar).duplicate())).collect()
    }

    /// The whole document in the clear, written in another format. The bytes of a binary document are its value.
    ///
    /// # Errors
    /// [`SealError::CannotHold`] names the first key that the format cannot hold.
    pub fn to_plain_as(&self, format: Format) -> Result<Zeroizing<Vec<u8>>, SealError> {
        written(&self.to_values(), format)
    }

    /// One part of the first document, written in another format; a text as it is.
    ///
    /// # Errors
    /// [`SealError::NoSuchKey`], or [`SealError::CannotHold`].
    pub fn extract_as(&self, path: &KeyPath, format: Format) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let missing = || SealError::NoSuchKey(path.clone());
        let document = self.sealed.tree.documents.first().ok_or_else(missing)?;
        let node = find(&document.root, path.steps()).ok_or_else(missing)?;
        match value_of(node, &|scalar| self.value_of(scalar).duplicate()) {
            Value::Scalar(plain) => Ok(match plain {
                Plain::Text(_) | Plain::Bytes(_) | Plain::Comment(_) => plain.bytes(),
                Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) | Plain::Time(_) => {
                    bytes_of(scalar_line(&plain, format))
                }
            }),
            container @ (Value::Map(_) | Value::List(_)) => written(&[container], format),
        }
    }
}

/// A plain document of one format in another one.
///
/// # Errors
/// [`SealError::Parse`] when it cannot be read, [`SealError::CannotHold`] when the format cannot hold it.
pub fn plain(bytes: &[u8], from: Format, to: Format) -> Result<Zeroizing<Vec<u8>>, SealError> {
    if from == Format::Binary {
        let data = match std::str::from_utf8(bytes) {
            Ok(text) => Plain::text(text),
            Err(_) => Plain::Bytes(Zeroizing::new(bytes.to_vec())),
        };
        return written(&[Value::Map(vec![("data".to_owned(), Value::Scalar(data))])], to);
    }
    let tree = read_tree(text_of(bytes)?, from)?;
    if tree.documents.iter().any(|document| document.sops.is_some()) {
        return Err(SealError::AlreadySealed);
    }
    let values: Vec<_> =
        tree.documents.iter().map(|document| whole(&document.root, &|scalar| scalar.value.duplicate())).collect();
    written(&values, to)
}

/// Documents as text of a format; only YAML holds several.
///
/// # Errors
/// [`SealError::CannotHold`].
pub fn written(documents: &[Value], format: Format) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let refused = |key: &str, what| SealError::CannotHold { format, key: key.to_owned(), what };
    if format == Format::Yaml {
        let texts: Vec<_> = documents.iter().map(yaml).collect();
        return Ok(bytes_of(texts.join("---\n")));
    }
    let [only] = documents else { return Err(refused("", "it holds one document, not several")) };
    match (format, only) {
        (Format::Json, _) => Ok(bytes_of(json::write::value(only, "", "\t") + "\n")),
        (Format::Dotenv, Value::Map(entries)) => {
            let line = |(key, value): &(String, Value)| match value {
                Value::Scalar(_) if dotenv::is_key(key) => Ok(format!("{key}={}\n", dotenv::value(value))),
                Value::Scalar(_) => Err(refused(key, "the key has characters that it cannot hold")),
                Value::Map(_) | Value::List(_) => Err(refused(key, "it has values below it")),
            };
            Ok(bytes_of(entries.iter().map(line).collect::<Result<String, _>>()?))
        }
        (Format::Binary, Value::Map(entries)) => match entries.as_slice() {
            [(key, Value::Scalar(value))] if key == "data" => Ok(value.bytes()),
            _ => Err(refused("data", "a binary document is one value under that key")),
        },
        (Format::Ini, Value::Map(sections)) => ini_text(sections).map_err(|(key, what)| refused(key, what)),
        (Format::Dotenv | Format::Binary | Format::Ini | Format::Yaml, _) => {
            Err(refused("", "it holds keys with values"))
        }
    }
}

/// Sections as the library of sops writes them, keys aligned; a fault is a key and a sentence.
fn ini_text(sections: &[(String, Value)]) -> Result<Zeroizing<Vec<u8>>, (&str, &'static str)> {
    let mut text = Zeroizing::new(String::new());
    for (name, section) in sections {
        let Value::Map(entries) = section else { return Err((name, "its values stand in sections")) };
        if name == "DEFAULT" && entries.is_empty() {
            continue;
        }
        if name.is_empty() || name.contains([']', '\n', '\r']) {
            return Err((name, "it is no name of a section"));
        }
        if !text.is_empty() {
            text.push('\n');
        }
        if name != "DEFAULT" {
            text.push_str(&format!("[{name}]\n"));
        }
        let spelt = |(key, value): &'_ (String, Value)| ini::write::key(key).map(|spelt| (spelt, value_line(value)));
        let lines: Option<Vec<_>> = entries.iter().map(spelt).collect();
        let lines = lines.ok_or((name.as_str(), "a key in it has characters that it cannot hold"))?;
        let width = lines.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
        for (key, value) in lines {
            let value = value.ok_or((name.as_str(), "a key in it has values below it"))?;
            text.push_str(&format!("{key:<width$} = {value}\n"));
        }
    }
    Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
}

fn value_line(value: &Value) -> Option<String> {
    match value {
        Value::Scalar(plain) => Some(ini::write::scalar(plain)),
        Value::Map(_) | Value::List(_) => None,
    }
}

fn yaml(value: &Value) -> String {
    let indent = Indent { column: 0, step: STEP };
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            entries.iter().map(|(key, value)| write::entry(Some(key), value, indent) + "\n").collect()
        }
        Value::List(elements) if !elements.is_empty() => {
            elements.iter().map(|value| write::entry(None, value, indent) + "\n").collect()
        }
        Value::Map(_) => "{}\n".to_owned(),
        Value::List(_) => "[]\n".to_owned(),
        Value::Scalar(plain) => single_line(plain),
    }
}

fn scalar_line(plain: &Plain, format: Format) -> String {
    match format {
        Format::Yaml => single_line(plain),
        Format::Json | Format::Binary => json::write::scalar(plain) + "\n",
        Format::Dotenv | Format::Ini => dotenv::scalar(plain),
    }
}

/// A whole document. That of INI always has its section of keys before any section, as sops reads it.
fn whole(root: &Node, scalar: &dyn Fn(&Scalar) -> Plain) -> Value {
    match value_of(root, scalar) {
        Value::Map(mut entries) if root.layout() == Some(Layout::Sections) => {
            if root.get(ini::DEFAULT).is_none() {
                entries.insert(0, (ini::DEFAULT.to_owned(), Value::Map(Vec::new())));
            }
            Value::Map(entries)
        }
        value @ (Value::Scalar(_) | Value::Map(_) | Value::List(_)) => value,
    }
}

/// A node as a value; comments among the elements of a list are none.
/// What a node stands for; comments are left out.
pub(crate) fn value_of(node: &Node, opened: &dyn Fn(&Scalar) -> Plain) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) => Value::Scalar(opened(scalar)),
        Kind::Map(..) => {
            Value::Map(node.entries().map(|entry| (entry.key.clone(), value_of(&entry.node, opened))).collect())
        }
        Kind::List(..) => {
            let elements = node.entries().map(|entry| value_of(&entry.node, opened));
            Value::List(elements.filter(|value| !matches!(value, Value::Scalar(Plain::Comment(_)))).collect())
        }
    }
}

fn bytes_of(text: String) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.into_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::plain;
    use crate::Format;

    fn convert(text: &str, from: Format, to: Format) -> Result<String, String> {
        let bytes = plain(text.as_bytes(), from, to).map_err(|fault| fault.to_string())?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn every_format_becomes_every_other_one_it_can() {
        let yaml = "# note\na: x\nn:\n    b: 1\n    l: [true, null]\ne: {}\n";
        let json = "{\n\t\"a\": \"x\",\n\t\"n\": {\n\t\t\"b\": 1,\n\t\t\"l\": [\n\t\t\ttrue,\n\t\t\tnull\n\t\t]\n\t},\n\t\"e\": {}\n}\n";
        assert_eq!(convert(yaml, Format::Yaml, Format::Json).unwrap(), json);
        let again = "a: x\n\"n\":\n    b: 1\n    l:\n        - true\n        - null\ne: {}\n";
        assert_eq!(convert(json, Format::Json, Format::Yaml).unwrap(), again);
        assert_eq!(
            convert("A=1\nB=two\\nlines\n", Format::Dotenv, Format::Json).unwrap(),
            "{\n\t\"A\": \"1\",\n\t\"B\": \"two\\nlines\"\n}\n"
        );
        assert_eq!(
            convert("a: x\nb: \"two\\nlines\"\n", Format::Yaml, Format::Dotenv).unwrap(),
            "a=x\nb=two\\nlines\n"
        );
        let ini = "[db]\nport      = 1\nuser name = x\n";
        assert_eq!(convert("db: {port: 1, user name: x}\n", Format::Yaml, Format::Ini).unwrap(), ini);
        assert_eq!(
            convert(ini, Format::Ini, Format::Yaml).unwrap(),
            "DEFAULT: {}\ndb:\n    port: \"1\"\n    user name: x\n"
        );
        assert_eq!(convert("raw", Format::Binary, Format::Yaml).unwrap(), "data: raw\n");
    }

    #[test]
    fn what_a_format_cannot_hold_is_refused_by_its_key() {
        let fault = convert("a: x\nn: {b: secret}\n", Format::Yaml, Format::Dotenv).unwrap_err();
        assert!(fault.contains("`n`") && !fault.contains("secret"), "{fault}");
        assert!(convert("a: x\n---\nb: y\n", Format::Yaml, Format::Json).is_err());
        assert!(convert("a: x\n", Format::Yaml, Format::Binary).is_err());
    }
}
