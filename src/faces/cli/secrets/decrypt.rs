//! `decrypt`: prints a document, or one part of it, in the clear.

use super::document::Document;
use super::encrypt::same_format;
use super::identities::Identity;
use super::{key_path, no_such_key, open, parse, store, unsealed};
use crate::faces::cli::args::DecryptArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// Opens a document.
pub(in crate::faces::cli) fn run(args: DecryptArgs) -> Outcome {
    let path = args.extract.as_deref().map(|key| key_path(key, Exit::BAD_PATH)).transpose()?;
    let document = Document::named(&args.naming, args.file.as_deref())?;
    same_format(&document, &args.target)?;
    let sealed = parse(&document)?;
    let opened = open(&document, &sealed, &mut Identity::gather(), args.ignore_mac)?;
    let plain = match &path {
        None => opened.to_plain(),
        Some(path) if opened.contains(path) => opened.extract(path),
        Some(path) => return Err(no_such_key(&document, &sealed, path)),
    };
    let plain = plain.map_err(|fault| unsealed(&document, &fault))?;
    match (&args.target.output, args.target.in_place, &document.file) {
        (Some(path), _, _) => store::write_plain(path, &plain, None)?,
        (None, true, Some(file)) => store::write_plain(file, &plain, Some(&document.bytes))?,
        (None, true, None) => {
            return Err(Report::usage("standard input cannot be changed in place").help("name a file"));
        }
        (None, false, _) => return output::raw(&plain),
    }
    let target = args.target.output.as_ref().or(document.file.as_ref());
    let target = target.map(|path| path.display().to_string()).unwrap_or_default();
    output::warn(
        format!("{target} stands in the clear"),
        "keep it out of commits; `countersign encrypt -i` seals it again",
    );
    Ok(Exit::FINE)
}
