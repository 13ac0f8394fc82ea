//! `edit`: a document in the clear in the user's editor, sealed again when that is done.
//!
//! The plain text lies in a private directory, in memory where the system offers that, and is removed in every case. What the
//! editor puts beside it (swap files, backups) is removed with it. A mistake opens the editor again; nothing is stored until the
//! document reads back as it was meant.

mod editor;

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use sops_file::{Format, OpenOptions, OpenedDocument, SealError, SealOptions, SealedDocument, seal};
use zeroize::Zeroizing;

use self::editor::Editor;
use super::document::Document;
use super::identities::Identity;
use super::private::Private;
use super::rules::Rules;
use super::{nothing_to_do, now, open, parse, reads_again, store, unreadable, unsealed};
use crate::faces::cli::args::EditArgs;
use crate::faces::cli::{Outcome, output, private_file};
use crate::faces::exit::{Exit, Report};

/// Edits a document, or makes one.
pub(in crate::faces::cli) fn run(args: EditArgs, json: bool) -> Outcome {
    if args.file.as_deref() == Some("-") {
        return Err(Report::usage("standard input cannot be edited").help("name a file"));
    }
    let editor = Editor::find()?;
    let is_new = args.file.as_deref().filter(|file| !Path::new(file).exists());
    let subject = match is_new {
        Some(file) => New::begin(&args, file)?,
        None => Known::begin(&args)?,
    };
    let draft = Draft::new(subject.name(), &subject.text()?)?;
    let began = draft.read()?;
    loop {
        editor.open(&draft.path)?;
        let text = draft.read()?;
        if *text == *began {
            return nothing_to_do(&format!("{} is unchanged", subject.name()), false);
        }
        match subject.store(&text) {
            Ok(()) => break,
            Err(Fault::Mistake(report)) => {
                report.print(json);
                if !again()? {
                    return Err(report.help("the file is unchanged, and what was written in the editor is gone"));
                }
            }
            Err(Fault::Other(report)) => return Err(report),
        }
    }
    let change = if is_new.is_some() { "added" } else { "changed" };
    if json {
        return output::json(&json!({"version": 1, "file": subject.name(), "change": change}));
    }
    output::tell(format!("{change} {}", subject.name()));
    Ok(Exit::FINE)
}

/// Why what was edited was not stored.
enum Fault {
    /// Something in the text that can be mended in the editor.
    Mistake(Report),
    Other(Report),
}

impl From<Report> for Fault {
    fn from(report: Report) -> Self {
        Self::Other(report)
    }
}

/// Asks whether to go on. No answer is no.
fn again() -> Result<bool, Report> {
    let mut to = anstream::stderr();
    let _ = write!(to, "Enter opens the editor again, q and Enter gives up: ").and_then(|()| to.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Report::failed("the answer cannot be read", &error))?;
    if answer.is_empty() {
        let _ = writeln!(to);
    }
    Ok(!answer.is_empty() && !answer.trim().eq_ignore_ascii_case("q"))
}

/// What is edited.
trait Subject {
    fn name(&self) -> &str;
    fn text(&self) -> Result<Zeroizing<Vec<u8>>, Report>;
    fn store(&self, text: &[u8]) -> Result<(), Fault>;
}

/// A document that is there.
struct Known {
    document: Document,
    sealed: SealedDocument,
    opened: OpenedDocument,
    identity: Identity,
}

impl Known {
    fn begin(args: &EditArgs) -> Result<Box<dyn Subject>, Report> {
        let document = Document::named(&args.naming, args.file.as_deref())?;
        let (sealed, identity) = (parse(&document)?, Identity::gather());
        let opened = open(&document, &sealed, &identity, args.ignore_mac)?;
        let known = Self { document, sealed, opened, identity };
        known.can_be_edited()?;
        Ok(Box::new(known))
    }

    /// A document of a shape that cannot be changed is refused before somebody has worked on it.
    fn can_be_edited(&self) -> Result<(), Report> {
        match self.again()?.replace_with(&self.text()?) {
            Err(fault @ SealError::Metadata { .. }) => Err(unsealed(&self.document, &fault)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The document as it was opened, to be changed.
    fn again(&self) -> Result<OpenedDocument, Report> {
        let opened = self.opened.open_version(&self.sealed, OpenOptions { ignore_mac: true });
        opened.map_err(|fault| super::unopened(&self.document, &fault, &self.identity))
    }

    /// Somebody else changed the file meanwhile: what was edited is kept beside it, sealed.
    fn keep(&self, bytes: &[u8], report: Report) -> Fault {
        let Some(file) = self.document.file.as_deref().filter(|_| report.exit() == Exit::FAILED) else {
            return Fault::Other(report);
        };
        let beside = beside(file);
        match store::replace(&beside, bytes, None, |_| Ok(())) {
            Ok(()) => Fault::Other(report.help(format!("what you edited is in `{}`, sealed", beside.display()))),
            Err(_) => Fault::Other(report),
        }
    }
}

impl Subject for Known {
    fn name(&self) -> &str {
        &self.document.name
    }

    fn text(&self) -> Result<Zeroizing<Vec<u8>>, Report> {
        self.opened.to_plain().map_err(|fault| unsealed(&self.document, &fault))
    }

    fn store(&self, text: &[u8]) -> Result<(), Fault> {
        let mistake = |fault: &SealError| Fault::Mistake(unsealed(&self.document, fault));
        // From the beginning each time: a text that was refused leaves nothing behind.
        let mut opened = self.again()?;
        opened.replace_with(text).map_err(|fault| mistake(&fault))?;
        let bytes = opened.reseal(now()?).map_err(|fault| mistake(&fault))?;
        let values = opened.values().len();
        let check = |written: &[u8]| {
            let holds = |again: &OpenedDocument| again.values().len() == values;
            reads_again(&self.document, &self.sealed, &opened, written, &self.identity, holds)
        };
        self.document.replace(&bytes, check).map_err(|report| self.keep(&bytes, report))
    }
}

/// `a.yaml` → `a.edited.yaml`
fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let end = file.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    file.with_file_name(format!("{stem}.edited{end}"))
}

/// A document that is not there yet.
struct New {
    document: Document,
    options: SealOptions,
}

impl New {
    fn begin(args: &EditArgs, file: &str) -> Result<Box<dyn Subject>, Report> {
        let options = Rules::of(&args.sealing)?.options(Path::new(file))?;
        let format = args.naming.input_type.unwrap_or_else(|| Format::of_path(file));
        let bytes = Zeroizing::new(Vec::new());
        let document = Document { name: file.to_owned(), format, bytes, file: Some(PathBuf::from(file)) };
        Ok(Box::new(Self { document, options }))
    }
}

impl Subject for New {
    fn name(&self) -> &str {
        &self.document.name
    }

    fn text(&self) -> Result<Zeroizing<Vec<u8>>, Report> {
        let example = match self.document.format {
            Format::Yaml => "# replace this with keys and values of yours\nexample: value\n",
            Format::Json => "{\n\t\"example\": \"value\"\n}\n",
            Format::Dotenv => "# replace this with keys and values of yours\nEXAMPLE=value\n",
            Format::Ini => "; replace this with keys and values of yours\n[section]\nexample = value\n",
            Format::Binary => "",
        };
        Ok(Zeroizing::new(example.as_bytes().to_vec()))
    }

    fn store(&self, text: &[u8]) -> Result<(), Fault> {
        let (document, format) = (&self.document, self.document.format);
        let bytes =
            seal(text, format, &self.options, now()?).map_err(|fault| Fault::Mistake(unsealed(document, &fault)))?;
        let check = |written: &[u8]| {
            SealedDocument::parse(written, format).map(|_| ()).map_err(|fault| unreadable(document, &fault))
        };
        let Some(file) = &document.file else { return Ok(()) };
        if file.exists() {
            return Err(Report::new(Exit::FAILED, format!("`{}` was made by somebody else meanwhile", document.name))
                .help("run the command again")
                .into());
        }
        Ok(store::replace(file, &bytes, None, check)?)
    }
}

/// The plain text while it is edited.
struct Draft {
    /// Removes everything when it goes.
    _place: Private,
    path: PathBuf,
}

impl Draft {
    fn new(name: &str, text: &[u8]) -> Result<Self, Report> {
        let place = Private::new()?;
        let name = Path::new(name).file_name().map(|name| name.to_string_lossy().into_owned());
        let path = place.path(name.as_deref().unwrap_or("document"));
        private_file::write(&path, text).map_err(|error| {
            Report::new(Exit::of_sops(3), "the plain text cannot be written for the editor").cause(error)
        })?;
        Ok(Self { _place: place, path })
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, Report> {
        std::fs::read(&self.path).map(Zeroizing::new).map_err(|error| {
            Report::new(Exit::of_sops(2), "what the editor wrote cannot be read, and nothing was changed").cause(error)
        })
    }
}
