//! `get`: prints one value, and nothing else.

use serde_json::json;

use super::identities::Identity;
use super::{document::Document, key_path, no_such_key, open, operands, parse, unsealed};
use crate::faces::cli::args::GetArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// Prints a value as it is. A person on a terminal gets a line break after it.
pub(in crate::faces::cli) fn run(args: GetArgs, json: bool) -> Outcome {
    let (document, key) = operands::document_and_key(&args.naming, &args.operands)?;
    let path = key_path(&key, Exit::USAGE)?;
    let sealed = parse(&document)?;
    let opened = open(&document, &sealed, &Identity::gather(), args.ignore_mac)?;
    if !opened.contains(&path) {
        return Err(no_such_key(&document, &sealed, &path));
    }
    if json {
        let value = opened.get(&path).ok_or_else(|| container(&document, &path))?;
        let value = super::diff::values::of(value);
        return output::json(&json!({"version": 1, "file": document.name, "key": path, "value": value}));
    }
    let bytes = opened.extract(&path).map_err(|fault| unsealed(&document, &fault))?;
    let is_text = opened.get(&path).is_some_and(|value| value.as_text().is_some());
    // A number is one line of a document; only its text is the value.
    let value = if is_text { &bytes[..] } else { bytes.strip_suffix(b"\n").unwrap_or(&bytes) };
    output::raw(value)?;
    if output::on_terminal() && !value.ends_with(b"\n") {
        output::raw(b"\n")?;
    }
    Ok(Exit::FINE)
}

fn container(document: &Document, path: &sops_file::KeyPath) -> Report {
    Report::usage(format!("`{path}` of `{}` holds further keys, not one value", document.name))
        .help("name a key below it, or leave `--json` out to print it as a document")
}
