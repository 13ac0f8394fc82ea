//! One document as lines that git can compare (`diff --textconv FILE`): a line for each key, reader and setting.
//!
//! Needs no identity and shows no value, not even one in the clear: what stands under a key is told apart by a digest of the bytes in
//! the file, which say no more than the file itself. Time and MAC are left out, because they change with everything.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use sops_file::{CommentLine, KeyPath, Leaf, LeafState, ParseError, SealedDocument};

use crate::faces::cli::secrets::document::Document;
use crate::faces::cli::secrets::unreadable;
use crate::faces::exit::{Report, printable};

/// Hex digits of a digest: enough to tell two values apart.
const DIGITS: usize = 12;

/// The lines of a document. What is not sealed is one line, so that git never shows it.
pub(super) fn lines(document: &Document) -> Result<String, Report> {
    let sealed = match SealedDocument::parse(&document.bytes, document.format) {
        Ok(sealed) => sealed,
        Err(ParseError::NotSealed) => {
            let (digest, size) = (digest(&document.bytes), document.bytes.len());
            return Ok(format!("NOT SEALED: {size} bytes in the clear · {digest}\n"));
        }
        Err(fault) => return Err(unreadable(document, &fault)),
    };
    let mut text = String::new();
    for leaf in sealed.leaves() {
        line(&mut text, leaf.document, &leaf.path, &value(&leaf));
    }
    for comment in comments(&sealed, &document.bytes) {
        line(&mut text, comment.0, &comment.1, &comment.2);
    }
    let metadata = sealed.metadata();
    let several = metadata.groups().len() > 1;
    for (number, group) in metadata.groups().iter().enumerate() {
        let place = if several { format!(" of key group {}", number + 1) } else { String::new() };
        for reader in group {
            let _ = writeln!(text, "reader{place}: {}", printable(&reader.label()));
        }
    }
    if several {
        let _ = writeln!(text, "key groups needed: {}", metadata.threshold());
    }
    if let Some((name, value)) = metadata.selection().map(sops_file::Selection::setting) {
        let _ = writeln!(text, "setting {name}: {}", printable(value));
    }
    if metadata.mac_only_encrypted() {
        text.push_str("setting mac_only_encrypted: true\n");
    }
    Ok(text)
}

fn line(text: &mut String, document: usize, path: &KeyPath, what: &str) {
    let place = if document > 0 { format!("document {}: ", document + 1) } else { String::new() };
    let key = if path.is_root() { String::new() } else { format!("{}: ", printable(&path.to_string())) };
    let _ = writeln!(text, "{place}{key}{what}");
}

fn value(leaf: &Leaf<'_>) -> String {
    let digest = digest(leaf.token().as_bytes());
    match &leaf.state {
        LeafState::Sealed(envelope) => format!("sealed {} · {digest}", envelope.kind()),
        LeafState::Damaged => format!("damaged · {digest}"),
        LeafState::Plain(kind) if leaf.should_be_sealed => format!("IN THE CLEAR {kind} · {digest}"),
        LeafState::Plain(kind) => format!("plain {kind} · {digest}"),
        LeafState::Empty(kind) => format!("empty {kind}"),
    }
}

/// Comments by the line they stand on; what they say is not looked at.
fn comments(sealed: &SealedDocument, bytes: &[u8]) -> Vec<(usize, KeyPath, String)> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let of = |comment: CommentLine| {
        let line = lines.get(comment.place.line.saturating_sub(1)).copied().unwrap_or_default();
        let from = line.get(comment.place.column.saturating_sub(1)..).unwrap_or(line);
        let state = match comment.state {
            LeafState::Sealed(_) => "sealed comment",
            LeafState::Damaged => "damaged comment",
            LeafState::Plain(_) => "plain comment",
            LeafState::Empty(_) => "empty comment",
        };
        (comment.document, comment.container, format!("{state} · {}", digest(from)))
    };
    sealed.comments().into_iter().map(of).collect()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes)).chars().take(DIGITS).collect()
}
