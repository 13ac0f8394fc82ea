//! `rotate`: a new data key for documents, sealed to the readers in the file.
//!
//! Never seals a new key to a reader that slipped in: where a creation rule says who reads the document, somebody else among its
//! readers is a refusal (the MAC does not cover them; SOPS reference 22).

use std::collections::BTreeSet;
use std::path::Path;

use sops_file::{Format, OpenedDocument, SealedDocument, check_recipient};

use super::document::Document;
use super::identities::Identity;
use super::many::found::{self, Found};
use super::many::{self, Said, Step, Words};
use super::readers::{self, Difference};
use super::rules::Rules;
use super::target::{self, Place};
use super::{open, reads_again, store, unsealed};
use crate::faces::cli::args::RotateArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

const WORDS: Words = Words { done: "rotated", same: "unchanged", what: "sealed document" };

/// Rotates documents: in place, or one to standard output or a file.
pub(in crate::faces::cli) fn run(args: RotateArgs, json: bool) -> Outcome {
    for recipient in &args.add_age {
        check_recipient(recipient).map_err(|fault| Report::new(Exit::FAILED, &fault).help(fault.help()))?;
    }
    let found = found::of_batch(&args.batch)?;
    let place = Place::of(&args.target, &found)?;
    if args.target.output_type.is_some() {
        return Err(Report::usage("`rotate` keeps the format of a document").help("leave `--output-type` out"));
    }
    let format = args.batch.naming.input_type.or_else(|| args.filename_override.as_deref().map(Format::of_path));
    let rules = Rules::configured(args.config.as_deref())?;
    let identity = Identity::gather();
    let work = Work { args: &args, rules: &rules, identity: &identity, place: &place };
    if matches!(place, Place::Stdout) {
        let [only] = found.as_slice() else { return Err(Report::usage("one document goes to standard output")) };
        let document = Document::read(&only.path, format)?;
        let rotated = work.rotated(only, &document)?.ok_or_else(|| Report::usage("this is no sealed document"))?;
        return output::raw(rotated.opened.sealed().as_bytes());
    }
    many::each(&found, format, WORDS, json, |found, document| work.one(found, document))
}

struct Work<'a> {
    args: &'a RotateArgs,
    rules: &'a Rules,
    identity: &'a Identity,
    place: &'a Place,
}

/// A document under its new key, and as it was before.
struct Rotated {
    sealed: SealedDocument,
    difference: Difference,
    opened: OpenedDocument,
}

impl Work<'_> {
    fn one(&self, found: &Found, document: &Document) -> Result<Step, Report> {
        let Some(Rotated { sealed, difference, opened }) = self.rotated(found, document)? else {
            return Ok(Step::NotOurs);
        };
        let bytes = opened.sealed().as_bytes().to_vec();
        let values = opened.values().len();
        let check = |written: &[u8]| {
            reads_again(document, &sealed, &opened, written, self.identity, |again| again.values().len() == values)
        };
        match self.place.file(found)? {
            Some(path) if !target::is_same(&path, &found.path) => store::replace(&path, &bytes, None, check)?,
            Some(_) | None => document.replace(&bytes, check)?,
        }
        let count = output::count(opened.sealed().metadata().recipients().count(), "reader");
        let said = Said::new(format!("rotated {} for {count}", document.name), "rotated");
        let said = if difference.is_empty() { said } else { said.with("recipients", difference.to_json()) };
        Ok(Step::Done(said))
    }

    /// The document under its new key, sealed again.
    fn rotated(&self, found: &Found, document: &Document) -> Result<Option<Rotated>, Report> {
        let Some(sealed) = many::sealed(found, document)? else { return Ok(None) };
        let difference = Difference::edit(readers::of(sealed.metadata()), &self.args.add_age, &self.args.rm_age, 0);
        for stranger in self.args.rm_age.iter().filter(|name| !difference.present().any(|key| key.name == name.trim()))
        {
            output::warn(
                format!("`{}` is no reader of `{}`", stranger.trim(), document.name),
                "`countersign recipients` lists who is",
            );
        }
        let name = self.args.filename_override.as_deref().map_or(found.path.as_path(), Path::new);
        self.refuse_strangers(document, name, &difference)?;
        let mut opened = open(document, &sealed, self.identity, self.args.ignore_mac)?;
        let fault = |fault: sops_file::SealError| unsealed(document, &fault);
        if !difference.is_empty() {
            difference.apply(&mut opened).map_err(fault)?;
        }
        opened.rotate_and_reseal(super::now()?).map_err(fault)?;
        Ok(Some(Rotated { sealed, difference, opened }))
    }

    /// Readers that the creation rule does not know, and that were not added just now.
    fn refuse_strangers(&self, document: &Document, name: &Path, difference: &Difference) -> Result<(), Report> {
        if self.args.keep_recipients {
            return Ok(());
        }
        let Some(groups) = self.rules.readers_if_any(name) else { return Ok(()) };
        let mut known: BTreeSet<_> = readers::of_rule(groups).into_iter().flatten().collect();
        known.extend(self.args.add_age.iter().map(|name| readers::age(name)));
        let stranger = difference.wanted().iter().flatten().find(|reader| !known.contains(reader));
        let Some(stranger) = stranger.map(readers::label) else { return Ok(()) };
        Err(Report::new(
            Exit::FAILED,
            format!("`{}` is sealed for `{stranger}`, whom its creation rule does not name", document.name),
        )
        .help("`countersign updatekeys` takes them out; `--keep-recipients` seals the new key for them too"))
    }
}
