//! `decrypt`: a document, or one part of it, in the clear; or many, in place or below a directory.
//!
//! What is written to a file is readable by its owner alone, and a warning says that it is there.

use sops_file::{Format, KeyPath};
use zeroize::Zeroizing;

use super::document::Document;
use super::identities::Identity;
use super::many::found::{self, Found};
use super::many::{self, Said, Step, Words};
use super::target::{self, Place};
use super::{key_path, no_such_key, open, store, unsealed};
use crate::faces::cli::args::DecryptArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

const WORDS: Words = Words { done: "opened", same: "unchanged", what: "sealed document" };

/// Opens documents.
pub(in crate::faces::cli) fn run(args: DecryptArgs, json: bool) -> Outcome {
    let extract = args.extract.as_deref().map(|key| key_path(key, Exit::BAD_PATH)).transpose()?;
    let identity = Identity::gather();
    let work = Work { args: &args, extract: extract.as_ref(), identity: &identity };
    let name = args.filename_override.as_deref();
    let format = args.naming.input_type.or_else(|| name.map(Format::of_path));
    if let [one] = args.files.as_slice()
        && one == "-"
    {
        let document = Document::read_stdin(format, None)?;
        let plain = work.plain(&Found::stdin(), &document)?.unwrap_or_default();
        return match Place::of(&args.target, &[Found::stdin()])? {
            Place::Stdout => output::raw(&plain),
            Place::File(path) => store::write_plain(&path, &plain, None).map(|()| Exit::FINE),
            Place::Back | Place::Below(_) => {
                Err(Report::usage("standard input cannot be changed in place").help("name a file"))
            }
        };
    }
    let found = found::documents(&args.naming, &args.files)?;
    let place = Place::of(&args.target, &found)?;
    if extract.is_some() && found.len() > 1 {
        return Err(Report::usage("`--extract` takes one part of one document").help("name one document"));
    }
    if matches!(place, Place::Stdout)
        && let [only] = found.as_slice()
    {
        let document = Document::read(&only.path, format)?;
        return output::raw(&work.plain(only, &document)?.unwrap_or_default());
    }
    let outcome = many::each(&found, format, WORDS, json, |found, document| work.one(found, document, &place))?;
    output::warn(
        "what was opened stands in the clear",
        "keep it out of commits; `countersign encrypt -i` seals it again",
    );
    Ok(outcome)
}

struct Work<'a> {
    args: &'a DecryptArgs,
    extract: Option<&'a KeyPath>,
    identity: &'a Identity,
}

impl Work<'_> {
    fn one(&self, found: &Found, document: &Document, place: &Place) -> Result<Step, Report> {
        let Some(plain) = self.plain(found, document)? else { return Ok(Step::NotOurs) };
        let path = place.file(found)?.unwrap_or_else(|| found.path.clone());
        let was = target::is_same(&path, &found.path).then_some(document.bytes.as_slice());
        store::write_plain(&path, &plain, was)?;
        Ok(Step::Done(Said::new(format!("{} stands in the clear", path.display()), "opened")))
    }

    fn plain(&self, found: &Found, document: &Document) -> Result<Option<Zeroizing<Vec<u8>>>, Report> {
        let Some(sealed) = many::sealed(found, document)? else { return Ok(None) };
        let opened = open(document, &sealed, self.identity, self.args.ignore_mac)?;
        let format = self.args.target.output_type.unwrap_or(document.format);
        let plain = match self.extract {
            None if format == document.format => opened.to_plain(),
            None => opened.to_plain_as(format),
            Some(path) if !opened.contains(path) => return Err(no_such_key(document, &sealed, path)),
            Some(path) if format == document.format => opened.extract(path),
            Some(path) => opened.extract_as(path, format),
        };
        plain.map(Some).map_err(|fault| unsealed(document, &fault))
    }
}
