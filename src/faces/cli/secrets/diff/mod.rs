//! `diff`: what differs between two versions of sealed documents, key by key.
//!
//! Works without any identity; with one that opens both versions it also tells apart what was only sealed again, checks the MAC,
//! and shows values when it is asked to.

mod sides;
mod text;
mod textconv;
pub(super) mod values;

use serde_json::{Value, json};
use sops_file::diff::{ChangeKind, DocumentDiff, Integrity, KeyChange, keyless, opened};
use sops_file::{Format, OpenError, OpenOptions, OpenedDocument, ParseError, Plain, SealedDocument};

use self::sides::Pair;
use super::document::Document;
use super::identities::Identity;
use super::many::parallel;
use super::{unopened, unreadable};
use crate::faces::cli::args::DiffArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// One document compared.
struct Compared {
    path: String,
    diff: DocumentDiff,
    /// Both versions in the clear, when they were opened.
    old: Option<OpenedDocument>,
    new: Option<OpenedDocument>,
    /// What happened to the file itself.
    file: FileChange,
}

/// What happened to a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileChange {
    Added,
    Removed,
    Kept,
}

/// Compares.
pub(in crate::faces::cli) fn run(args: DiffArgs, json: bool) -> Outcome {
    if args.textconv {
        let [file] = args.operands.as_slice() else {
            return Err(Report::usage("`--textconv` takes one file").help("git calls it; see `docs/git.md`"));
        };
        let document = Document::named(&args.naming, Some(file))?;
        return output::raw(textconv::lines(&document)?.as_bytes());
    }
    let pairs = sides::pairs(&args)?;
    let identity = Identity::gather();
    let mut outcomes = Vec::with_capacity(pairs.len());
    let one = |at: usize| compare(&pairs[at], &identity, args.reveal);
    parallel::in_order(pairs.len(), one, |outcome| outcomes.push(outcome));
    let files: Vec<_> = outcomes.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let differs = files.iter().any(|file| !file.diff.is_empty() || file.file != FileChange::Kept);
    if json {
        let list: Result<Vec<_>, _> = files.iter().map(|file| machine(file, args.reveal)).collect();
        output::json(&json!({"version": 1, "files": list?}))?;
    } else {
        let shown: Vec<_> = files.iter().filter(|file| pairs.len() == 1 || text::is_worth_showing(file)).collect();
        let text: Vec<_> = shown.into_iter().map(|file| text::of(file, args.reveal)).collect();
        match text.as_slice() {
            [] => output::tell("no sealed document differs"),
            _ => {
                output::say(&text.join("\n"))?;
            }
        }
    }
    Ok(if differs && args.exit_code { Exit::FAILED } else { Exit::FINE })
}

/// Compares one pair; none when neither side is a sealed document and the pair was found, not named.
fn compare(pair: &Pair, identity: &Identity, reveal: bool) -> Result<Option<Compared>, Report> {
    let (Some(old), Some(new)) = (sealed(pair.old.as_ref(), pair.named)?, sealed(pair.new.as_ref(), pair.named)?)
    else {
        return Ok(None);
    };
    let file = match (&old, &new) {
        (None, None) => return Ok(None),
        (None, Some(_)) => FileChange::Added,
        (Some(_), None) => FileChange::Removed,
        (Some(_), Some(_)) => FileChange::Kept,
    };
    let path = pair.path.clone();
    let before = open(old.as_ref(), identity);
    let after = match (&before, &old, &new) {
        // Equal stanzas hold one data key: it is asked for once.
        (Ok(Some(before)), Some(old), Some(new)) if old.metadata().groups() == new.metadata().groups() => {
            before.open_version(new, OpenOptions { ignore_mac: true }).map(Some)
        }
        _ => open(new.as_ref(), identity),
    };
    match (before, after) {
        (Ok(old), Ok(new)) => {
            let diff = opened(old.as_ref(), new.as_ref());
            Ok(Some(Compared { path, diff, old, new, file }))
        }
        (old_side, new_side) => {
            let fault = [(&pair.old, old_side.err()), (&pair.new, new_side.err())];
            if reveal {
                let fault = fault.iter().find_map(|(document, fault)| Some((document.as_ref()?, fault.as_ref()?)));
                return Err(fault.map_or_else(no_key, |(document, fault)| unopened(document, fault, identity)));
            }
            let mut diff = keyless(old.as_ref(), new.as_ref());
            // A value that does not open under the right key is as broken as a wrong MAC.
            if fault[1].1.as_ref().is_some_and(|fault| !is_missing_key(fault)) {
                diff.integrity = Integrity::Broken;
            }
            Ok(Some(Compared { path, diff, old: None, new: None, file }))
        }
    }
}

fn no_key() -> Report {
    Report::new(Exit::NO_KEY, "`--reveal` needs an identity that opens both versions")
}

fn is_missing_key(fault: &OpenError) -> bool {
    match fault {
        OpenError::Key(_) => true,
        OpenError::Value { .. }
        | OpenError::Type { .. }
        | OpenError::InTheClear { .. }
        | OpenError::MacMissing
        | OpenError::MacMismatch => false,
    }
}

/// A side as a sealed document: `Some(None)` when it does not exist, `None` when it is something else that was not named.
#[expect(clippy::option_option, reason = "absent and not ours are two things")]
fn sealed(document: Option<&Document>, named: bool) -> Result<Option<Option<SealedDocument>>, Report> {
    let Some(document) = document else { return Ok(Some(None)) };
    match SealedDocument::parse(&document.bytes, document.format) {
        Ok(sealed) => Ok(Some(Some(sealed))),
        Err(ParseError::NotSealed | ParseError::NotText { .. }) if !named => Ok(None),
        // Any file may lie in a directory; one whose name promises a document is worth a word.
        Err(_) if !named && document.format == Format::Binary => Ok(None),
        Err(fault) if !named => {
            output::warn(format!("`{}` is left out: {fault}", document.name), fault.help());
            Ok(None)
        }
        Err(fault) => Err(unreadable(document, &fault)),
    }
}

fn open(sealed: Option<&SealedDocument>, identity: &Identity) -> Result<Option<OpenedDocument>, OpenError> {
    sealed.map(|sealed| identity.open(sealed, OpenOptions { ignore_mac: true })).transpose()
}

/// The values before and after. An added key had none, a removed one has none, whatever stands in its place in a list.
fn sides_of<'f>(file: &'f Compared, change: &KeyChange) -> (Option<&'f Plain>, Option<&'f Plain>) {
    let old = file.old.as_ref().filter(|_| change.change != ChangeKind::Added).and_then(|old| change.old_value(old));
    let new = file.new.as_ref().filter(|_| change.change != ChangeKind::Removed).and_then(|new| change.new_value(new));
    (old, new)
}

/// The published shape: the difference as the crate says it, and values only where they were asked for.
fn machine(file: &Compared, reveal: bool) -> Result<Value, Report> {
    let fault = |error: serde_json::Error| Report::failed("the difference is not JSON", &error);
    let mut value = json!({"path": file.path});
    let diff = serde_json::to_value(&file.diff).map_err(fault)?;
    if let (Value::Object(to), Value::Object(from)) = (&mut value, diff) {
        to.extend(from);
    }
    if reveal && let Some(Value::Array(keys)) = value.get_mut("keys") {
        for (key, change) in keys.iter_mut().zip(&file.diff.keys) {
            let (old, new) = sides_of(file, change);
            let (old, new) = (old.map(values::of), new.map(values::of));
            if let Value::Object(fields) = key {
                fields.extend(old.map(|old| ("old".to_owned(), old)));
                fields.extend(new.map(|new| ("new".to_owned(), new)));
            }
        }
    }
    Ok(value)
}
