//! What `init` needs of identities and documents: who you are, a first identity, a first document.
//!
//! Makes an identity as text; where it is written is not decided here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sops_file::{Format, Identities, SealedDocument, check_recipient, seal};
use zeroize::Zeroizing;

pub(in crate::faces::cli) use super::identities::{config_directory, user_file};

use super::document::Document;
use super::identities::Identity;
use super::rules::Rules;
use super::{now, parse, store, unreadable, unsealed};
use crate::faces::exit::Report;

/// A document that holds nothing yet.
const EMPTY: &[u8] = b"{}\n";

/// The recipients of the identities that open documents here, in the order in which they are looked for.
pub(in crate::faces::cli) fn own_recipients() -> Vec<String> {
    Identity::gather().recipients()
}

/// A new identity as sops and age read it, and its recipient.
pub(in crate::faces::cli) fn new_identity() -> Result<(Zeroizing<String>, String), Report> {
    let identity = Identities::generate();
    let recipient = identity.recipients().next().map(str::to_owned).unwrap_or_default();
    let text = format!("# created: {}\n# public key: {recipient}\n", now()?);
    Ok((Zeroizing::new(text + &identity.expose()), recipient))
}

/// Refuses what nobody can be sealed to.
pub(in crate::faces::cli) fn check(recipient: &str) -> Result<(), Report> {
    check_recipient(recipient).map_err(|fault| {
        Report::usage(fault)
            .help("a recipient is what `age-keygen -y` prints: `age1…`; a private key never stands there")
    })
}

/// Who reads a document by age; none when it is no sealed one.
pub(in crate::faces::cli) fn readers(name: &str, bytes: &[u8]) -> Option<BTreeSet<String>> {
    let document = SealedDocument::parse(bytes, Format::of_path(name)).ok()?;
    Some(document.metadata().age_recipients().map(str::to_owned).collect())
}

/// Whether an empty document of this name can be made.
pub(in crate::faces::cli) fn may_be_empty(name: &str) -> bool {
    matches!(Format::of_path(name), Format::Yaml | Format::Json)
}

/// Writes a sealed document without values, for whoever the configuration names; how many that are.
pub(in crate::faces::cli) fn first_document(config: &Path, path: &Path) -> Result<usize, Report> {
    let options = Rules::configured(Some(config))?.options(path)?;
    let name = path.display().to_string();
    let format = Format::of_path(&name);
    let document = Document { name, format, bytes: Zeroizing::new(EMPTY.to_vec()), file: Some(PathBuf::from(path)) };
    let bytes = seal(&document.bytes, format, &options, now()?).map_err(|fault| unsealed(&document, &fault))?;
    store::replace(path, &bytes, None, |written| {
        SealedDocument::parse(written, format).map(|_| ()).map_err(|fault| unreadable(&document, &fault))
    })?;
    parse(&Document::read(path, Some(format))?)?;
    Ok(options.groups.iter().flatten().count())
}
