//! The verbs on sealed documents, compatible with sops where it has a counterpart.
//!
//! A document is named by its path, or by environment through the policy of the working tree. Plain values are held in types
//! that cannot be printed by accident; no report carries one.

pub(super) mod decrypt;
pub(super) mod diff;
pub(super) mod edit;
pub(super) mod encrypt;
pub(super) mod export;
pub(super) mod founding;
pub(super) mod get;
pub(super) mod list;
pub(super) mod merge;
pub(super) mod promote;
pub(super) mod recipients;
pub(super) mod rollback;
pub(super) mod rotate;
pub(super) mod run;
pub(super) mod set;
pub(super) mod unset;
pub(super) mod updatekeys;

mod child;
mod chosen;
mod document;
mod ground;
mod identities;
mod many;
mod operands;
mod place;
mod private;
mod readers;
mod revoked;
mod rules;
mod store;
mod target;
mod value;

pub(super) use self::identities::Identity;
use jiff::Timestamp;
use sops_file::{KeyPath, OpenError, OpenOptions, OpenedDocument, ParseError, SealError, SealedDocument};

use self::document::Document;
use super::Outcome;
use super::output;
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Reads a document as a sealed one.
fn parse(document: &Document) -> Result<SealedDocument, Report> {
    SealedDocument::parse(&document.bytes, document.format).map_err(|fault| unreadable(document, &fault))
}

fn unreadable(document: &Document, fault: &ParseError) -> Report {
    let exit = match fault {
        ParseError::NotSealed => Exit::FAILED,
        ParseError::Broken { .. }
        | ParseError::Metadata { .. }
        | ParseError::BadExpression { .. }
        | ParseError::NotText { .. }
        | ParseError::TooLarge => Exit::of_sops(2),
    };
    Report::new(exit, format!("`{}`: {fault}", document.name)).help(fault.help())
}

/// Opens a document with the identities sops would use.
fn open(
    document: &Document,
    sealed: &SealedDocument,
    identity: &Identity,
    ignore_mac: bool,
) -> Result<OpenedDocument, Report> {
    identity.open(sealed, OpenOptions { ignore_mac }).map_err(|fault| unopened(document, &fault, identity))
}

fn unopened(document: &Document, fault: &OpenError, identity: &Identity) -> Report {
    let report =
        Report::new(Exit::of_sops(fault.exit_code()), format!("`{}`: {fault}", document.name)).help(fault.help());
    match fault {
        OpenError::Key(_) => identity.troubles().into_iter().fold(report, Report::cause),
        OpenError::Value { .. }
        | OpenError::Type { .. }
        | OpenError::InTheClear { .. }
        | OpenError::MacMissing
        | OpenError::MacMismatch => report,
    }
}

fn unsealed(document: &Document, fault: &SealError) -> Report {
    Report::new(Exit::of_sops(fault.exit_code()), format!("`{}`: {fault}", document.name)).help(fault.help())
}

/// The present time as a document takes it.
fn now() -> Result<Timestamp, Report> {
    Timestamp::from_second(wire::now().seconds())
        .map_err(|error| Report::failed("the clock of this machine is wrong", &error))
}

/// Reads a key path in either spelling; `sops` itself is out of reach.
fn key_path(text: &str, exit: Exit) -> Result<KeyPath, Report> {
    let path: KeyPath = text.parse().map_err(|fault| Report::new(exit, fault))?;
    match path.steps().first() {
        Some(sops_file::Step::Key(key)) if key == "sops" => {
            Err(Report::new(exit, "`sops` holds the metadata of a document, no value of yours")
                .help("name another key; `countersign list FILE` shows them"))
        }
        Some(_) | None => Ok(path),
    }
}

/// There is no such key; names the nearest one. Key names stand in the clear in every document.
fn no_such_key(document: &Document, sealed: &SealedDocument, path: &KeyPath) -> Report {
    let wanted = path.to_string();
    let near = sealed
        .leaves()
        .into_iter()
        .map(|leaf| leaf.path.to_string())
        .map(|key| (strsim::damerau_levenshtein(&wanted, &key), key))
        .min()
        .filter(|(distance, _)| *distance <= (wanted.len() / 3).clamp(1, 3));
    let report = Report::new(Exit::FAILED, format!("`{}` has no key `{path}`", document.name));
    match near {
        Some((_, key)) => report.help(format!("did you mean `{key}`?")),
        None => report.help(format!("`countersign list {}` names its keys", document.name)),
    }
}

/// Seals a changed document again and stores it in place of the old one, which was `sealed`. `holds` looks at what was written,
/// opened again.
fn store_changed(
    document: &Document,
    sealed: &SealedDocument,
    mut opened: OpenedDocument,
    identity: &Identity,
    holds: impl FnOnce(&OpenedDocument) -> bool,
) -> Result<(), Report> {
    let bytes = opened.reseal(now()?).map_err(|fault| unsealed(document, &fault))?;
    document.replace(&bytes, |written| reads_again(document, sealed, &opened, written, identity, holds))
}

/// Opens what was written: with an identity where the stanza for it is another one now, else under the data key at hand.
fn reads_again(
    document: &Document,
    before: &SealedDocument,
    opened: &OpenedDocument,
    written: &[u8],
    identity: &Identity,
    holds: impl FnOnce(&OpenedDocument) -> bool,
) -> Result<(), Report> {
    let fault = |what: &str| {
        Report::new(Exit::FAILED, format!("what was written for `{}` {what}; the file is unchanged", document.name))
    };
    // The document at hand was read from the bytes that were to be written: where these stand there, reading them once more
    // would give the same. Opening is another matter, and the MAC is looked at once more with it.
    let again = opened.sealed();
    if written != again.as_bytes() {
        return Err(fault("reads back differently"));
    }
    let readers = again.metadata();
    let mut own = readers.recipients().filter(|recipient| identity.is_own(recipient.name())).peekable();
    // Who took himself out can no longer open it; whose stanza was kept can, as before.
    let as_before = own.peek().is_none() || own.any(|own| before.metadata().recipients().any(|known| known == own));
    let again = if as_before {
        opened.open_version(again, OpenOptions::default())
    } else {
        identity.open(again, OpenOptions::default())
    };
    let again = again.map_err(|_| fault("does not open again"))?;
    if holds(&again) { Ok(()) } else { Err(fault("does not hold what was meant")) }
}

/// Says that nothing was to be done: an exit code of its own, unless that was expected.
fn nothing_to_do(what: &str, idempotent: bool) -> Outcome {
    output::tell(what);
    Ok(if idempotent { Exit::FINE } else { Exit::NOT_MODIFIED })
}
