//! `list`: the keys of documents with what stands there, read without any identity. Values are never looked at.

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;
use sops_file::{Leaf, LeafState, SealedDocument};

use super::document::Document;
use super::many::{self, found};
use crate::faces::cli::args::ListArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, colour, printable};

/// One key.
#[derive(Serialize)]
struct Row {
    key: String,
    state: &'static str,
    #[serde(rename = "type")]
    kind: String,
    /// It should be sealed and is not.
    leak: bool,
    #[serde(skip_serializing_if = "is_first")]
    document: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_first(document: &usize) -> bool {
    *document == 0
}

impl Row {
    fn of(leaf: &Leaf<'_>) -> Self {
        let (state, kind) = match &leaf.state {
            LeafState::Sealed(envelope) => ("sealed", word(&envelope.kind().to_string())),
            LeafState::Damaged => ("damaged", String::new()),
            LeafState::Plain(kind) => ("plain", (*kind).to_owned()),
            LeafState::Empty(kind) => ("empty", (*kind).to_owned()),
        };
        let plain = match leaf.state {
            LeafState::Plain(_) => true,
            LeafState::Sealed(_) | LeafState::Damaged | LeafState::Empty(_) => false,
        };
        Self { key: leaf.path.to_string(), state, kind, leak: plain && leaf.should_be_sealed, document: leaf.document }
    }
}

/// The type word of an envelope as people say it, the same words as for plain values.
fn word(kind: &str) -> String {
    let word = match kind {
        "str" => "text",
        "int" => "integer",
        "float" => "number",
        "bool" => "boolean",
        other => other,
    };
    word.to_owned()
}

/// Lists the keys of every document named.
pub(in crate::faces::cli) fn run(args: ListArgs, json: bool) -> Outcome {
    let found = found::documents(&args.naming, &args.files)?;
    let (mut files, mut exit) = (Vec::new(), Exit::FINE);
    for one in &found {
        let read = Document::read_any(&one.path, args.naming.input_type)
            .and_then(|document| Ok(many::sealed(one, &document)?.map(|sealed| (document, sealed))));
        match read {
            Ok(Some((document, sealed))) => {
                let rows: Vec<_> = sealed.leaves().iter().map(Row::of).collect();
                files.push((document, sealed, rows));
            }
            Ok(None) => {}
            // One bad file must not hide the others that were found with it.
            Err(report) if found.len() > 1 => {
                report.print(json);
                exit = report.exit();
            }
            Err(report) => return Err(report),
        }
    }
    if json {
        let file = |(document, sealed, rows): &(Document, SealedDocument, Vec<Row>)| {
            let readers: Vec<_> = sealed.metadata().recipients().map(sops_file::Recipient::label).collect();
            json!({
                "path": document.name, "format": document.format.name(), "keys": rows, "recipients": readers,
                "last_modified": sealed.metadata().lastmodified(),
            })
        };
        output::json(&json!({"version": 1, "files": files.iter().map(file).collect::<Vec<_>>()}))?;
        return Ok(exit);
    }
    let mut text = String::new();
    for (number, (document, sealed, rows)) in files.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        if found.len() > 1 || output::on_terminal() {
            text += &heading(document, sealed, rows.len());
        }
        text += &table(rows);
    }
    output::say(&text)?;
    Ok(exit)
}

fn heading(document: &Document, sealed: &SealedDocument, keys: usize) -> String {
    let bold = Style::new().bold();
    let readers = sealed.metadata().recipients().count();
    let (keys, readers) = (output::count(keys, "key"), output::count(readers, "reader"));
    let changed = printable(sealed.metadata().lastmodified());
    format!("{bold}{}{bold:#} · {keys} · {readers} · last changed {changed}\n", printable(&document.name))
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.key.chars().count()).max().unwrap_or(0).min(60);
    let (red, yellow) = (colour(AnsiColor::Red), colour(AnsiColor::Yellow));
    let mut text = String::new();
    for row in rows {
        let key = output::pad(&printable(&row.key), width);
        let state = output::pad(row.state, 7);
        let remark = match row.state {
            "damaged" => format!("  {red}damaged: it will not open{red:#}"),
            _ if row.leak => format!("  {yellow}in the clear, and should be sealed{yellow:#}"),
            _ => String::new(),
        };
        text += format!("{key}  {state}  {}{remark}", row.kind).trim_end();
        text.push('\n');
    }
    text
}
