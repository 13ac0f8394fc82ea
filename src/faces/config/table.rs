//! The configuration file: TOML, flat but for what repositories are given, the same names in lower case.
//!
//! Unknown names are refused with the nearest known one. A fault names line and column, never the text: it may hold a secret.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use toml::{Table, Value};

use super::key::nearest;
use super::{ClusterMap, ConfigFile, Fault, Faults, GrantMap, IdentityMap, Key, grants};

/// Values and names of files with values, per setting.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) values: BTreeMap<Key, SecretString>,
    pub(super) files: BTreeMap<Key, String>,
    pub(super) grants: GrantMap,
    pub(super) identities: IdentityMap,
    pub(super) clusters: ClusterMap,
}

/// Reads the file, noting everything that is wrong.
pub(super) fn entries(file: &ConfigFile, variables: &BTreeMap<String, String>, faults: &mut Faults) -> Entries {
    let mut entries = Entries::default();
    let text = file.text.expose_secret();
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            faults.push(Fault::new(
                format!("`{}` is not valid TOML{}", file.path.display(), place(text, &error)),
                "write one `name = \"value\"` per line",
            ));
            return entries;
        }
    };
    for (name, value) in &table {
        if name == "repositories" {
            (entries.grants, entries.identities, entries.clusters) = grants::read(value, file, variables, faults);
        } else if let Err(fault) = entry(&mut entries, file, name, value) {
            faults.push(fault);
        }
    }
    entries
}

fn entry(entries: &mut Entries, file: &ConfigFile, name: &str, value: &Value) -> Result<(), Fault> {
    let place = file.path.display();
    if let Some(key) = Key::named(name) {
        let text = text_of(value).ok_or_else(|| wrong_type(name, file))?;
        entries.values.insert(key, text);
        return Ok(());
    }
    if let Some(key) = name.strip_suffix("_file").and_then(Key::named).filter(|key| key.is_secret()) {
        let path = value.as_str().ok_or_else(|| wrong_type(name, file))?;
        entries.files.insert(key, path.to_owned());
        return Ok(());
    }
    let help = match nearest(name) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "remove it; `countersign config` lists every name".to_owned(),
    };
    Err(Fault::new(format!("`{place}` has an unknown name `{}`", cut(name)), help))
}

fn wrong_type(name: &str, file: &ConfigFile) -> Fault {
    Fault::new(format!("`{name}` in `{}` is not a text", file.path.display()), "put the value in quotes")
}

/// Texts and whole numbers as they are; a list of texts as its members.
fn text_of(value: &Value) -> Option<SecretString> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Integer(number) => Some(number.to_string().into()),
        Value::Array(list) => {
            let members: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            Some(members?.join(" ").into())
        }
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return String::new() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(" (line {line}, column {column})")
}

/// A name short enough to print.
pub(super) fn cut(name: &str) -> String {
    name.chars().take(60).collect()
}
