//! `encrypt`: seals a plain document.

use std::path::Path;

use serde_json::json;
use sops_file::{SealedDocument, seal};

use super::document::Document;
use super::{now, rules, store, unreadable, unsealed};
use crate::faces::cli::args::{EncryptArgs, Target};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// Seals a document for the recipients of `--age`, of `SOPS_AGE_RECIPIENTS`, or of the creation rule that fits its name.
pub(in crate::faces::cli) fn run(args: EncryptArgs, json: bool) -> Outcome {
    let document = match (args.file.as_deref(), args.filename_override.as_deref()) {
        (Some("-"), name) => Document::read_stdin(args.naming.input_type, name)?,
        (file, _) => Document::named(&args.naming, file)?,
    };
    same_format(&document, &args.target)?;
    let name = args.filename_override.as_deref().unwrap_or(&document.name);
    let options = rules::options(Path::new(name), args.config.as_deref(), args.age.as_deref())?;
    let bytes =
        seal(&document.bytes, document.format, &options, now()?).map_err(|fault| unsealed(&document, &fault))?;
    let check = |written: &[u8]| {
        SealedDocument::parse(written, document.format).map(|_| ()).map_err(|fault| unreadable(&document, &fault))
    };
    let target = match (&args.target.output, args.target.in_place) {
        (Some(path), _) => {
            store::replace(path, &bytes, None, check)?;
            path.display().to_string()
        }
        (None, true) => {
            document.replace(&bytes, check)?;
            document.name.clone()
        }
        (None, false) => return output::raw(&bytes),
    };
    let readers: Vec<_> = options.groups.iter().flatten().collect();
    if json {
        return output::json(&json!({"version": 1, "file": target, "recipients": readers}));
    }
    output::tell(format!("sealed {target} for {}", output::count(readers.len(), "reader")));
    Ok(Exit::FINE)
}

/// Nothing is converted yet.
pub(super) fn same_format(document: &Document, target: &Target) -> Result<(), Report> {
    match target.output_type {
        Some(wanted) if wanted != document.format => Err(Report::usage(format!(
            "`{}` is {} and cannot be written as {wanted} yet",
            document.name, document.format
        ))
        .help("leave `--output-type` out")),
        Some(_) | None => Ok(()),
    }
}
