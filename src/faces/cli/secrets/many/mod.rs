//! One verb on many documents: in parallel, one line per document, and a summary.
//!
//! A document that fails never stops the others, and never loses its content: each is replaced whole or left as it was.

pub(super) mod found;
mod interrupt;
pub(super) mod parallel;

use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use sops_file::{Format, ParseError, SealedDocument};

use self::found::{Found, Origin};
use self::interrupt::Interrupt;
use super::document::Document;
use super::{parse, unreadable};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// What came of one document.
pub(super) enum Step {
    /// It was done, and here is what is said of it.
    Done(Said),
    /// There was nothing to do.
    Same(Said),
    /// It lay in a directory and is nothing this verb is about.
    NotOurs,
}

/// What is said of a document, to people and to machines.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) result: &'static str,
    pub(super) more: Map<String, Value>,
}

impl Said {
    /// A line, and the word for machines.
    pub(super) fn new(text: impl Into<String>, result: &'static str) -> Self {
        Self { text: text.into(), result, more: Map::new() }
    }

    /// One more field for machines.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

/// How a batch is spoken of.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// `rotated`
    pub(super) done: &'static str,
    /// `unchanged`
    pub(super) same: &'static str,
    /// What is told when a directory holds none: `sealed document`
    pub(super) what: &'static str,
}

/// Does a verb for every document that was found.
pub(super) fn each(
    found: &[Found],
    format: Option<Format>,
    words: Words,
    json: bool,
    work: impl Fn(&Found, &Document) -> Result<Step, Report> + Sync,
) -> Outcome {
    let one = |found: &Found| work(found, &Document::read(&found.path, format)?);
    if let [only] = found
        && only.origin != Origin::Directory
    {
        let step = one(only)?;
        let mut tally = Tally::new(words, json, 1);
        tally.take(only, Ok(step));
        return tally.end();
    }
    let mut tally = Tally::new(words, json, found.len());
    let (interrupt, mut at) = (Interrupt::watch(), 0);
    parallel::in_order(
        found.len(),
        |at| (!interrupt.came()).then(|| one(&found[at])),
        |outcome| {
            match outcome {
                Some(outcome) => tally.take(&found[at], outcome),
                None => tally.left += 1,
            }
            at += 1;
        },
    );
    tally.end()
}

/// Reads a document as a sealed one; none when it was only found in a directory and is no such thing.
pub(super) fn sealed(found: &Found, document: &Document) -> Result<Option<SealedDocument>, Report> {
    if found.origin != Origin::Directory {
        return parse(document).map(Some);
    }
    match SealedDocument::parse(&document.bytes, document.format) {
        Ok(sealed) => Ok(Some(sealed)),
        Err(ParseError::NotSealed) => Ok(None),
        // Anything may lie in a directory; only what holds sealed values is worth a word.
        Err(_) if !has_envelope(&document.bytes) => Ok(None),
        Err(fault) => Err(unreadable(document, &fault)),
    }
}

fn has_envelope(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"ENC[AES256_GCM,";
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// What the documents of a batch came to so far.
struct Tally {
    words: Words,
    json: bool,
    bar: ProgressBar,
    many: bool,
    done: usize,
    same: usize,
    failed: Vec<Exit>,
    /// Not begun, because a signal came.
    left: usize,
    rows: Vec<Value>,
}

impl Tally {
    fn new(words: Words, json: bool, count: usize) -> Self {
        let many = count > 1;
        let bar = if many && !json { output::bar(count as u64, "") } else { ProgressBar::hidden() };
        Self { words, json, bar, many, done: 0, same: 0, failed: Vec::new(), left: 0, rows: Vec::new() }
    }

    fn take(&mut self, found: &Found, outcome: Result<Step, Report>) {
        self.bar.inc(1);
        let path = found.path.display().to_string();
        let said = match outcome {
            Ok(Step::NotOurs) => return,
            Ok(Step::Done(said)) => {
                self.done += 1;
                said
            }
            Ok(Step::Same(said)) => {
                self.same += 1;
                said
            }
            Err(report) => {
                self.failed.push(report.exit());
                if self.json {
                    let mut row = json!({"path": path, "result": "failed"});
                    merge(&mut row, report.to_json());
                    self.rows.push(row);
                } else {
                    self.bar.suspend(|| report.print(false));
                }
                return;
            }
        };
        if self.json {
            let mut row = json!({"path": path, "result": said.result});
            merge(&mut row, Value::Object(said.more));
            self.rows.push(row);
        } else {
            self.bar.suspend(|| output::tell(said.text));
        }
    }

    fn end(self) -> Outcome {
        self.bar.finish_and_clear();
        if self.done + self.same + self.failed.len() + self.left == 0 {
            return Err(Report::new(Exit::NO_FILE, format!("there is no {} there", self.words.what))
                .help("name documents, or directories with documents"));
        }
        if self.json {
            output::json(&json!({"version": 1, "files": self.rows}))?;
        } else if self.many {
            let part = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
            let parts = [
                part(self.done, self.words.done),
                part(self.same, self.words.same),
                part(self.failed.len(), "failed, and left as they were"),
                part(self.left, "not begun: interrupted"),
            ];
            output::tell(parts.into_iter().flatten().collect::<Vec<_>>().join(" · "));
        }
        if self.left > 0 {
            return Ok(Exit::INTERRUPTED);
        }
        // One kind of fault keeps its own number; several kinds are a failure.
        Ok(match self.failed.split_first() {
            None => Exit::FINE,
            Some((first, rest)) if rest.iter().all(|exit| exit == first) => *first,
            Some(_) => Exit::FAILED,
        })
    }
}

fn merge(row: &mut Value, more: Value) {
    if let (Value::Object(row), Value::Object(more)) = (row, more) {
        row.extend(more.into_iter().filter(|(name, _)| name != "version"));
    }
}
