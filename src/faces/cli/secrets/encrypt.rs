//! `encrypt`: seals plain documents, one or many.
//!
//! Never seals what is sealed, and never for nobody.

use std::path::Path;

use serde_json::json;
use sops_file::{Format, ParseError, SealOptions, SealedDocument, convert, seal};

use super::document::Document;
use super::many::found::{self, Found, Origin};
use super::many::{self, Said, Step, Words};
use super::rules::Rules;
use super::target::{self, Place};
use super::{now, store, unreadable, unsealed};
use crate::faces::cli::args::EncryptArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

const WORDS: Words = Words { done: "sealed", same: "sealed already", what: "plain document" };

/// Seals documents for the recipients of `--age`, of `SOPS_AGE_RECIPIENTS`, or of the creation rule that fits their names.
pub(in crate::faces::cli) fn run(args: EncryptArgs, json: bool) -> Outcome {
    let rules = Rules::of(&args.sealing)?;
    if let [one] = args.files.as_slice()
        && one == "-"
    {
        return of_stdin(&args, &rules, json);
    }
    let found = found::documents(&args.naming, &args.files)?;
    let format = args.naming.input_type.or_else(|| args.filename_override.as_deref().map(Format::of_path));
    let place = Place::of(&args.target, &found)?;
    let work = Work { args: &args, rules: &rules, place: &place };
    if matches!(place, Place::Stdout)
        && let [only] = found.as_slice()
    {
        let document = Document::read(&only.path, format)?;
        return output::raw(&work.seal(&document, work.name(&only.path))?.0);
    }
    many::each(&found, format, WORDS, json, |found, document| work.one(found, document))
}

fn of_stdin(args: &EncryptArgs, rules: &Rules, json: bool) -> Outcome {
    let document = Document::read_stdin(args.naming.input_type, args.filename_override.as_deref())?;
    let place = Place::of(&args.target, &[Found::stdin()])?;
    let work = Work { args, rules, place: &place };
    let (bytes, options) = work.seal(&document, work.name(Path::new(&document.name)))?;
    match &place {
        Place::Stdout => output::raw(&bytes),
        Place::Back | Place::Below(_) => {
            Err(Report::usage("standard input has no file to be written back to").help("name one with `-o FILE`"))
        }
        Place::File(path) => {
            store::replace(path, &bytes, None, |written| is_sealed(&document, written, work.format(&document)))?;
            let readers: Vec<_> = options.groups.iter().flatten().collect();
            if json {
                let file = path.display().to_string();
                return output::json(
                    &json!({"version": 1, "files": [{"path": file, "result": "sealed", "recipients": readers}]}),
                );
            }
            output::tell(format!("sealed {} for {}", path.display(), output::count(readers.len(), "reader")));
            Ok(Exit::FINE)
        }
    }
}

fn is_sealed(document: &Document, written: &[u8], format: Format) -> Result<(), Report> {
    SealedDocument::parse(written, format).map(|_| ()).map_err(|fault| unreadable(document, &fault))
}

struct Work<'a> {
    args: &'a EncryptArgs,
    rules: &'a Rules,
    place: &'a Place,
}

impl<'a> Work<'a> {
    /// The name that rules are looked up for.
    fn name(&self, path: &'a Path) -> &'a Path {
        self.args.filename_override.as_deref().map_or(path, Path::new)
    }

    /// The format that is written.
    fn format(&self, document: &Document) -> Format {
        self.args.target.output_type.unwrap_or(document.format)
    }

    fn one(&self, found: &Found, document: &Document) -> Result<Step, Report> {
        if found.origin == Origin::Directory && document.format == Format::Binary {
            return Ok(Step::NotOurs);
        }
        let already = !matches!(
            SealedDocument::parse(&document.bytes, document.format),
            Err(ParseError::NotSealed | ParseError::Broken { .. } | ParseError::NotText { .. } | ParseError::TooLarge)
        );
        if already && found.origin != Origin::Named {
            return Ok(Step::Same(Said::new(format!("{} is sealed already", document.name), "unchanged")));
        }
        let (bytes, options) = self.seal(document, self.name(&found.path))?;
        let check = |written: &[u8]| is_sealed(document, written, self.format(document));
        let path = self.place.file(found)?.unwrap_or_else(|| found.path.clone());
        if target::is_same(&path, &found.path) {
            document.replace(&bytes, check)?;
        } else {
            store::replace(&path, &bytes, None, check)?;
        }
        let readers: Vec<_> = options.groups.iter().flatten().cloned().collect();
        let text = format!("sealed {} for {}", path.display(), output::count(readers.len(), "reader"));
        Ok(Step::Done(Said::new(text, "sealed").with("recipients", readers)))
    }

    fn seal(&self, document: &Document, name: &Path) -> Result<(Vec<u8>, SealOptions), Report> {
        let options = self.rules.options(name)?;
        let format = self.format(document);
        let fault = |fault: sops_file::SealError| unsealed(document, &fault);
        let bytes = if format == document.format {
            seal(&document.bytes, format, &options, now()?).map_err(fault)?
        } else {
            let plain = convert::plain(&document.bytes, document.format, format).map_err(fault)?;
            seal(&plain, format, &options, now()?).map_err(fault)?
        };
        Ok((bytes, options))
    }
}
