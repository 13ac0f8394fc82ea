//! What is printed where.
//!
//! Values go out byte for byte through [`raw`]; everything else goes through a stream that drops colour where nobody sees it
//! (`NO_COLOR`, no terminal). A reader that stops reading is no failure.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write};

use anstyle::AnsiColor;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Outcome;
use crate::faces::exit::{Exit, Report, colour, printable};

/// Prints text for people to standard output. Colours in it are wanted; names in it were made [`printable`] by the caller.
pub(super) fn say(text: &str) -> Outcome {
    write(&mut anstream::stdout(), text.as_bytes())
}

/// Prints bytes as they are to standard output.
pub(super) fn raw(bytes: &[u8]) -> Outcome {
    write(&mut io::stdout().lock(), bytes)
}

/// Prints one JSON document to standard output.
pub(super) fn json(value: &impl Serialize) -> Outcome {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|error| Report::failed("the output is not JSON", &error))?;
    text.push('\n');
    raw(text.as_bytes())
}

/// A bar on a terminal, drawn on standard error; in a job nothing.
pub(super) fn bar(count: u64, of: &str) -> ProgressBar {
    if std::env::var_os("CI").is_some() || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count);
    let style = ProgressStyle::with_template(&format!("{{pos}}/{{len}} {of}{{wide_bar}}")).ok();
    style.into_iter().for_each(|style| bar.set_style(style));
    bar
}

fn write(to: &mut impl Write, bytes: &[u8]) -> Outcome {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Ok(()) => Ok(Exit::FINE),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::FINE),
        Err(error) => Err(Report::failed("standard output cannot be written", &error)),
    }
}

/// Whether a person reads standard output.
pub(super) fn on_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Tells a person something beside the output. It is lost when standard error is.
pub(super) fn tell(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{}", printable(&text.to_string()));
}

/// Warns a person.
pub(super) fn warn(what: impl Display, help: impl Display) {
    let (yellow, cyan) = (colour(AnsiColor::Yellow), colour(AnsiColor::Cyan));
    let (what, help) = (printable(&what.to_string()), printable(&help.to_string()));
    let _ = writeln!(anstream::stderr(), "{yellow}warning{yellow:#}: {what}\n{cyan}help{cyan:#}: {help}");
}

/// `1 key`, `2 keys`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = match what.strip_suffix('y') {
        _ if number == 1 => what.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        Some(_) | None => format!("{what}s"),
    };
    format!("{number} {plural}")
}

/// Pads a text to a width in characters.
pub(super) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}
