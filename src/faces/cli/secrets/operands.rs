//! Which word of the command line is the document and which the key: with `-e` there is no document among them.

use super::document::Document;
use crate::faces::cli::args::Naming;
use crate::faces::exit::Report;

/// `FILE KEY`, or `KEY` with `-e`.
pub(super) fn document_and_key(naming: &Naming, operands: &[String]) -> Result<(Document, String), Report> {
    match (operands, naming.environment.is_some()) {
        ([file, key], false) => Ok((Document::named(naming, Some(file))?, key.clone())),
        ([key], true) => Ok((Document::named(naming, None)?, key.clone())),
        ([_], false) => Err(no_key()),
        (_, true) => Err(two_documents()),
        (_, false) => Err(no_key()),
    }
}

/// There is one word where document and key are needed.
pub(super) fn no_key() -> Report {
    Report::usage("a document and a key are needed")
        .help("name both (`FILE KEY`), or an environment and a key (`-e ENV KEY`)")
}

/// A document was named twice.
pub(super) fn two_documents() -> Report {
    Report::usage("the document is named twice: by `-e` and by a file")
        .help("leave one out; `-p PATH` picks a document of the environment")
}
