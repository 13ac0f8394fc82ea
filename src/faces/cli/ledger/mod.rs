//! `ledger show` and `ledger export`: what the ledger says, for people and for the record.
//!
//! Showing is not proving: `verify` compares a commit with it.

pub(super) mod fetch;
pub(super) mod reading;

use anstyle::AnsiColor;
use countersign_core::domain::Sequence;
use countersign_core::ledger::{Envelope, Ledger, LedgerLine, RawLink, Severity};
use serde_json::{Value, json};

use self::reading::Reading;
use super::args::{LedgerExportArgs, LedgerShowArgs};
use super::{Outcome, output};
use crate::faces::exit::{Exit, Report, colour, printable};

/// Lists the entries, or prints one. Ends with 14 when the ledger is not valid.
pub(super) fn show(args: LedgerShowArgs, json: bool) -> Outcome {
    let reading = Reading::of(&args.ledger)?;
    let exit = if reading.ledger.is_valid() { Exit::FINE } else { Exit::UNVERIFIED };
    if let Some(name) = &args.entry {
        output::json(&statement(&reading, name)?)?;
        return Ok(exit);
    }
    let lines = LedgerLine::all(&reading.ledger);
    if json {
        let (problems, head) = (reading.ledger.problems(), reading.ledger.head().and_then(|head| head.commit.clone()));
        let value = json!({
            "version": 1, "reference": reading.reference, "head": head, "root": reading.ledger.state().root(),
            "valid": reading.ledger.is_valid(), "entries": lines, "problems": problems,
        });
        output::json(&value)?;
        return Ok(exit);
    }
    output::say(&table(&lines))?;
    output::say(&problems(&reading.ledger))?;
    Ok(exit)
}

/// Prints every entry of the ledger with its signature, one JSON object a line, oldest first.
pub(super) fn export(args: LedgerExportArgs) -> Outcome {
    let reading = Reading::of(&args.ledger)?;
    let mut text = String::new();
    for entry in reading.ledger.entries() {
        let envelope = link(&reading, &entry.commit).and_then(|link| link.envelope.as_deref()).unwrap_or_default();
        let line = json!({
            "version": 1, "entry": entry.sequence.label(), "commit": entry.commit, "digest": entry.envelope,
            "void": entry.void, "envelope": parsed(envelope)?, "statement": parsed(&payload(envelope)?)?,
        });
        text += &format!("{line}\n");
    }
    match &args.output {
        Some(path) => std::fs::write(path, text)
            .map_err(|error| Report::failed(format!("`{}` cannot be written", path.display()), &error))?,
        None => {
            output::raw(text.as_bytes())?;
        }
    }
    if reading.ledger.is_valid() {
        return Ok(Exit::FINE);
    }
    let first = reading.ledger.problems().iter().find(|problem| problem.severity == Severity::Invalid);
    let report =
        Report::new(Exit::UNVERIFIED, "the ledger is not valid; only the entries before the fault are exported");
    Err(first
        .iter()
        .fold(report, |report, problem| report.cause(&problem.message))
        .help("`countersign verify` says what is wrong"))
}

fn statement(reading: &Reading, name: &str) -> Result<Value, Report> {
    let number = name.strip_prefix("L-").or_else(|| name.strip_prefix("l-")).unwrap_or(name);
    let sequence: Sequence =
        number.parse().map_err(|_| Report::usage(format!("`{name}` is no entry of a ledger")).help("write `L-12`"))?;
    let entry = reading.ledger.entry(sequence).ok_or_else(|| {
        Report::usage(format!("the ledger has no good entry {}", sequence.label()))
            .help(format!("it has L-1 to L-{}", reading.ledger.entries().len()))
    })?;
    let envelope = link(reading, &entry.commit).and_then(|link| link.envelope.as_deref()).unwrap_or_default();
    parsed(&payload(envelope)?)
}

fn link<'a>(reading: &'a Reading, commit: &countersign_core::domain::Oid) -> Option<&'a RawLink> {
    reading.links.iter().find(|link| link.commit == *commit)
}

fn payload(envelope: &[u8]) -> Result<Vec<u8>, Report> {
    let envelope = Envelope::parse(envelope);
    envelope
        .map(|envelope| envelope.payload().to_vec())
        .map_err(|error| Report::failed("an entry cannot be read again", &error))
}

fn parsed(bytes: &[u8]) -> Result<Value, Report> {
    serde_json::from_slice(bytes).map_err(|error| Report::failed("an entry cannot be read again", &error))
}

fn table(lines: &[LedgerLine]) -> String {
    let entry = lines.iter().map(|line| line.entry.len()).max().unwrap_or(0);
    let kind = lines.iter().map(|line| line.kind.len()).max().unwrap_or(0);
    let (red, bold) = (colour(AnsiColor::Red), anstyle::Style::new().bold());
    let mut text = String::new();
    for line in lines {
        let at = line.at.to_string().replace('T', " ");
        let at = at.get(..16).unwrap_or(&at);
        let void = if line.void { format!("  {red}void: its key was revoked{red:#}") } else { String::new() };
        let (name, kind) = (output::pad(&line.entry, entry), output::pad(line.kind, kind));
        text += &format!("{bold}{name}{bold:#}  {at}  {kind}  {}{void}\n", printable(&line.summary));
    }
    text
}

/// The problems of a ledger, each with its help; empty when there is none.
pub(super) fn problems(ledger: &Ledger) -> String {
    let (red, yellow, cyan) = (colour(AnsiColor::Red), colour(AnsiColor::Yellow), colour(AnsiColor::Cyan));
    let mut text = String::new();
    for problem in ledger.problems() {
        let (mark, style) = match problem.severity {
            Severity::Invalid => ('✗', red),
            Severity::Note => ('!', yellow),
        };
        let place = match (problem.entry, &problem.commit) {
            (Some(entry), _) => format!(" ({})", entry.label()),
            (None, Some(commit)) => format!(" (ledger commit {})", commit.short()),
            (None, None) => String::new(),
        };
        let message = printable(&problem.message);
        text += &format!("{style}{mark} {}{style:#}: {message}{place}\n", problem.code);
        text += &format!("  {cyan}help{cyan:#}: {}\n", problem.code.help());
    }
    text
}
