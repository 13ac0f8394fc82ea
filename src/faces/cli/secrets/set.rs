//! `set`: stores one value in a sealed document.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sops_file::{KeyPath, OpenedDocument, Value};

use super::document::Document;
use super::identities::Identity;
use super::value::{self, Source};
use super::{key_path, nothing_to_do, open, operands, parse, store_changed, unsealed};
use crate::faces::cli::args::{SetArgs, ValueKind};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// Stores a value. Everything that can fail without it fails before it is asked for.
pub(in crate::faces::cli) fn run(args: SetArgs, json: bool) -> Outcome {
    let (document, key, value) = take_apart(&args)?;
    let source = source(&args, value.as_ref())?;
    // As sops has it, what these two flags bring is JSON.
    let kind = if args.value_stdin || args.value_file { ValueKind::Json } else { args.kind };
    let path = key_path(&key, Exit::USAGE)?;
    let sealed = parse(&document)?;
    let identity = Identity::gather();
    let mut opened = open(&document, &sealed, &identity, args.ignore_mac)?;
    let value = value::read(source, kind, &path)?;
    let had = kind_before(&document, &opened, &path, &value)?;
    if !opened.set(&path, &value).map_err(|fault| unsealed(&document, &fault))? {
        return nothing_to_do(&format!("`{path}` of {} holds that value already", document.name), args.idempotent);
    }
    store_changed(&document, &sealed, opened, &identity, |again| holds(again, &path, &value))?;
    if let (Some(old), Value::Scalar(new)) = (had, &value)
        && old != new.kind_name()
    {
        let help = "if that was not meant, set it again with `--type json`";
        output::warn(format!("`{path}` was {old} before and is {} now", new.kind_name()), help);
    }
    if json {
        return output::json(&json!({"version": 1, "file": document.name, "key": path, "change": verb(had)}));
    }
    output::tell(format!("{} {path} in {}", verb(had), document.name));
    Ok(Exit::FINE)
}

fn verb(had: Option<&str>) -> &'static str {
    if had.is_some() { "changed" } else { "added" }
}

fn take_apart(args: &SetArgs) -> Result<(Document, String, Option<SecretString>), Report> {
    let text = |secret: &SecretString| secret.expose_secret().to_owned();
    match (args.operands.as_slice(), args.naming.environment.is_some()) {
        ([file, key, rest @ ..], false) => {
            Ok((Document::named(&args.naming, Some(file.expose_secret()))?, text(key), rest.first().cloned()))
        }
        ([key, rest @ ..], true) if rest.len() <= 1 => {
            Ok((Document::named(&args.naming, None)?, text(key), rest.first().cloned()))
        }
        (_, true) => Err(operands::two_documents()),
        (_, false) => Err(operands::no_key()),
    }
}

fn source<'a>(args: &'a SetArgs, value: Option<&'a SecretString>) -> Result<Source<'a>, Report> {
    let is_dash = value.is_some_and(|value| value.expose_secret() == "-");
    let stdin = args.stdin || args.value_stdin;
    match (value, stdin, args.file.as_deref()) {
        (Some(path), false, None) if args.value_file => Ok(Source::File(Path::new(path.expose_secret()))),
        (None, false, None) => Ok(Source::Prompt),
        (None, true, None) => Ok(Source::Stdin),
        (Some(_), _, None) if is_dash => Ok(Source::Stdin),
        (None, false, Some(path)) => Ok(Source::File(path)),
        (Some(value), false, None) => Ok(Source::Argument(value)),
        (Some(_) | None, _, _) => Err(Report::usage("the value is given twice")
            .help("give it once: `-`, `--stdin`, `--file PATH`, or nothing to be asked")),
    }
}

/// The type of the value there, if there is one. Whole branches are not overwritten by one value.
fn kind_before(
    document: &Document,
    opened: &OpenedDocument,
    path: &KeyPath,
    value: &Value,
) -> Result<Option<&'static str>, Report> {
    let before = opened.get(path).map(sops_file::Plain::kind_name);
    let scalar = match value {
        Value::Scalar(_) => true,
        Value::Map(_) | Value::List(_) => false,
    };
    if before.is_none() && scalar && opened.contains(path) {
        return Err(Report::new(
            Exit::FAILED,
            format!("`{path}` of `{}` holds further keys; one value would replace them all", document.name),
        )
        .help("name a key below it, or `countersign unset` it first"));
    }
    Ok(before)
}

fn holds(again: &OpenedDocument, path: &KeyPath, value: &Value) -> bool {
    match value {
        Value::Scalar(new) => again.get(path).is_none_or(|stored| stored.is_same(new)),
        Value::Map(_) | Value::List(_) => true,
    }
}
