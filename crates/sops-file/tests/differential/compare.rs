//! The same document through both programs and both ways, against what it is known to hold.
//!
//! Never repairs a difference: whatever is not equal is a failure.

use jiff::Timestamp;
use sops_file::{Format, LeafState, OpenOptions, OpenedDocument, SealOptions, SealedDocument, Selection, open, seal};

use crate::model::{Case, Node, Seen, float_text};
use crate::rng::Rng;
use crate::sops::{Sops, first, identities};

pub(crate) fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// Fails with both sides, where they first differ.
pub(crate) fn same(what: &str, found: &[Seen], wanted: &[Seen]) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    let at = found.iter().zip(wanted).position(|(a, b)| a != b).unwrap_or(found.len().min(wanted.len()));
    Err(format!("{what}: found {:?}, wanted {:?}", found.get(at), wanted.get(at)))
}

pub(crate) fn options(case: &Case) -> SealOptions {
    let selection = case.setting.map(|(name, value)| Selection::parse(name, value).unwrap());
    SealOptions { selection, mac_only_encrypted: case.mac_only_encrypted, ..SealOptions::to([first()]) }
}

/// Opens with our library; the MAC must be right and every comment open, unless sops moved it (see [`Sops::lenient`]).
pub(crate) fn open_ours(sealed: &[u8], format: Format, lenient: bool) -> Result<OpenedDocument, String> {
    let sealed = SealedDocument::parse(sealed, format).map_err(|fault| format!("ours cannot read it: {fault}"))?;
    let opened = open(&sealed, &identities(), OpenOptions::default())
        .map_err(|fault| format!("ours cannot open it: {fault}"))?;
    match opened.unopened_comments() {
        0 => Ok(opened),
        _ if lenient => Ok(opened),
        count => Err(format!("{count} comments did not open here")),
    }
}

pub(crate) fn seen_ours(opened: &OpenedDocument) -> Vec<Seen> {
    opened.values().into_iter().map(|(document, path, value)| Seen::opened(document, &path, value)).collect()
}

/// Everybody that a vector was ever sealed for.
pub(crate) fn all_identities() -> sops_file::Identities {
    sops_file::Identities::parse(&crate::sops::key_file()).unwrap()
}

/// Opens with the identities of the vectors.
pub(crate) fn open_with_all(
    sealed: &[u8],
    format: Format,
    identities: &sops_file::Identities,
) -> Result<OpenedDocument, String> {
    let sealed = SealedDocument::parse(sealed, format).map_err(|fault| format!("ours cannot read it: {fault}"))?;
    open(&sealed, identities, OpenOptions::default()).map_err(|fault| format!("ours cannot open it: {fault}"))
}

/// A plain text, as our library reads it.
pub(crate) fn read_plain(text: &[u8], format: Format) -> Result<Vec<Seen>, String> {
    let sealed = seal(text, format, &SealOptions::to([first()]), now())
        .map_err(|fault| format!("ours cannot read what was printed: {fault}"))?;
    Ok(seen_ours(&open_ours(&sealed, format, false)?))
}

/// Both programs on a sealed file: they must see what the case holds.
pub(crate) fn both_see(case: &Case, sealed: &[u8], sops: &mut Sops, rng: &mut Rng) -> Result<(), String> {
    let opened = open_ours(sealed, case.format, sops.lenient)?;
    if case.format == Format::Binary {
        let plain = opened.to_plain().map_err(|fault| fault.to_string())?;
        let theirs = sops.decrypt(sealed, case.format, false)?;
        return if plain.as_slice() == case.bytes && theirs == case.bytes {
            Ok(())
        } else {
            Err("bytes differ".into())
        };
    }
    let wanted = case.seen();
    same("ours, opened", &seen_ours(&opened), &wanted)?;
    if rng.chance(35) {
        let plain = opened.to_plain().map_err(|fault| fault.to_string())?;
        same("ours, printed", &read_plain(&plain, case.format)?, &wanted)?;
        // In an INI document the comment of a key goes with it.
        if !sops.lenient && case.format != Format::Ini {
            all_comments("ours", &String::from_utf8_lossy(&plain), case)?;
        }
    }
    let has_comments = !case.comments().is_empty();
    // An INI text in the clear does not always read back as itself.
    let breaks = breaks_printing(case) || case.format == Format::Ini;
    if breaks && !fits_json(case) {
        return sops.decrypt(sealed, case.format, false).map(|_| ());
    }
    if breaks || fits_json(case) && rng.chance(if has_comments { 25 } else { 60 }) {
        let json = sops.decrypt(sealed, case.format, true)?;
        let json = serde_json::from_slice(&json).map_err(|fault| format!("sops printed no JSON: {fault}"))?;
        let mut found = Vec::new();
        seen_json(&json, &sops_file::KeyPath::root(), &mut found);
        return same("theirs, as JSON", &found, &without_times(&wanted));
    }
    let printed = sops.decrypt(sealed, case.format, false)?;
    // Between documents sops loses a comment now and then.
    if case.documents.len() == 1 && !sops.lenient {
        all_comments("theirs", &String::from_utf8_lossy(&printed), case)?;
    }
    same("theirs, printed", &read_plain(&printed, case.format)?, &wanted)
}

/// Which values are sealed must not depend on who sealed them, nor how many comments are.
pub(crate) fn same_are_sealed(ours: &[u8], theirs: &[u8], case: &Case) -> Result<(), String> {
    let (ours, theirs) = (states(ours, case.format)?, states(theirs, case.format)?);
    if let Some(differs) = ours.0.iter().zip(&theirs.0).find(|(a, b)| a != b) {
        return Err(format!("sealed or not, ours and theirs: {differs:?}"));
    }
    // Here and there sops loses a comment at the edge of a document.
    let lost = theirs.1 + theirs.2 < ours.1 + ours.2;
    if ours.0.len() != theirs.0.len() || (!lost && (ours.1, ours.2) != (theirs.1, theirs.2)) {
        return Err(format!("comments sealed and not: {} {}, with sops {} {}", ours.1, ours.2, theirs.1, theirs.2));
    }
    Ok(())
}

/// Every value with its place and whether it is sealed, then how many comments are and are not.
type States = (Vec<(usize, String, bool)>, usize, usize);

fn states(bytes: &[u8], format: Format) -> Result<States, String> {
    let sealed = SealedDocument::parse(bytes, format).map_err(|fault| fault.to_string())?;
    let is_sealed = |state: &LeafState| matches!(state, LeafState::Sealed(_));
    let leaves = sealed.leaves();
    let mut values: Vec<_> =
        leaves.into_iter().map(|leaf| (leaf.document, leaf.path.to_string(), is_sealed(&leaf.state))).collect();
    values.sort();
    let comments = sealed.comments();
    let count = comments.iter().filter(|line| is_sealed(&line.state)).count();
    Ok((values, count, comments.len() - count))
}

fn all_comments(who: &str, printed: &str, case: &Case) -> Result<(), String> {
    let missing = case.comments().into_iter().find(|text| !printed.contains(text.trim()));
    missing.map_or(Ok(()), |text| Err(format!("{who} lost the comment {text:?}")))
}

fn has_float(node: &Node, fits: &dyn Fn(f64) -> bool) -> bool {
    match node {
        Node::Float(number) => fits(*number),
        Node::Map(_) | Node::List(_) => node.entries().any(|(_, below)| has_float(below, fits)),
        Node::Null | Node::Bool(_) | Node::Int(_) | Node::Time(_) | Node::Text(_) => false,
    }
}

fn fits_json(case: &Case) -> bool {
    case.documents.len() == 1 && !has_float(&case.documents[0], &|number| !number.is_finite())
}

/// sops prints a wrong indent digit for a text in a list that begins with a space or a break (see `docs/sops.md`).
fn breaks_printing(case: &Case) -> bool {
    fn inside(node: &Node, in_list: bool) -> bool {
        match node {
            Node::Text(text) => in_list && text.contains('\n') && text.starts_with([' ', '\n']),
            Node::Map(_) | Node::List(_) => {
                let below = in_list || matches!(node, Node::List(_));
                node.entries().any(|(_, node)| inside(node, below))
            }
            Node::Null | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Time(_) => false,
        }
    }
    case.format == Format::Yaml && case.documents.iter().any(|document| inside(document, false))
}

/// JSON has no times: they are texts there.
fn without_times(seen: &[Seen]) -> Vec<Seen> {
    let plain = |seen: &Seen| Seen {
        value: seen.value.strip_prefix("time ").map_or(seen.value.clone(), |text| format!("text {text}")),
        ..seen.clone()
    };
    seen.iter().map(plain).collect()
}

pub(crate) fn seen_json(json: &serde_json::Value, path: &sops_file::KeyPath, all: &mut Vec<Seen>) {
    use serde_json::Value as Json;
    let mut push = |value: String| all.push(Seen { document: 0, path: path.to_string(), value });
    match json {
        Json::Null => push("null \"\"".to_owned()),
        Json::Bool(true) => push("boolean \"True\"".to_owned()),
        Json::Bool(false) => push("boolean \"False\"".to_owned()),
        Json::Number(number) => {
            let text = match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => number.to_string(),
                (None, Some(0.0)) => "0".to_owned(),
                (None, Some(number)) => float_text(number),
                (None, None) => number.to_string(),
            };
            push(format!("number {text:?}"));
        }
        Json::String(text) => push(format!("text {text:?}")),
        Json::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, value)| seen_json(value, &path.index(index), all));
        }
        Json::Object(entries) => entries.iter().for_each(|(key, value)| seen_json(value, &path.key(key), all)),
    }
}
