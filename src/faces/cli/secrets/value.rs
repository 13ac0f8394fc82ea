//! Where a new value comes from: asked for without echo, standard input, a file, or (with a warning) an argument.
//!
//! A value is never printed, and no report repeats one.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use sops_file::{KeyPath, MAX_BYTES, Plain, Value};
use zeroize::Zeroizing;

use crate::faces::cli::args::ValueKind;
use crate::faces::cli::output;
use crate::faces::exit::{Exit, Report};

/// Where it comes from.
pub(super) enum Source<'a> {
    /// The terminal.
    Prompt,
    /// Standard input.
    Stdin,
    /// A file.
    File(&'a Path),
    /// The command line.
    Argument(&'a SecretString),
}

/// Reads the value for a key.
pub(super) fn read(source: Source<'_>, kind: ValueKind, key: &KeyPath) -> Result<Value, Report> {
    let text = match source {
        Source::Prompt => prompt(key)?,
        Source::Stdin => stdin()?,
        Source::File(path) => file(path)?,
        Source::Argument(value) => {
            output::warn(
                "the value stood on the command line: it is in the history of your shell, and others on this machine may see it",
                "leave it out to be asked for it, or pipe it in with `-`",
            );
            Zeroizing::new(value.expose_secret().to_owned())
        }
    };
    match kind {
        ValueKind::Text if text.is_empty() => Err(Report::usage("the value is empty, and nothing was changed")
            .help("to store an empty text on purpose, give `\"\"` with `--type json`")),
        ValueKind::Text => Ok(Value::text(text.as_str())),
        ValueKind::Json => match whole_number(&text) {
            Some(number) => Ok(Value::Scalar(Plain::Int(number))),
            None => Value::from_json(&text).map_err(|fault| Report::new(Exit::of_sops(7), fault)),
        },
    }
}

/// `sops set` would make a whole number one with a fraction, and so change the type of what was there.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.trim().strip_prefix('-').unwrap_or(text.trim());
    let plain = digits == "0" || !digits.starts_with('0');
    text.trim().parse().ok().filter(|_| plain && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn prompt(key: &KeyPath) -> Result<Zeroizing<String>, Report> {
    if !std::io::stdin().is_terminal() {
        return Err(Report::usage(format!("no value for `{key}` was given, and there is no terminal to ask on"))
            .help("pipe it in with `-`, or name a file with `--file`"));
    }
    rpassword::prompt_password(format!("value of {key} (not shown): "))
        .map(Zeroizing::new)
        .map_err(|error| Report::failed("the value cannot be read from the terminal", &error))
}

/// Without the line break that `echo` and editors put at the end.
fn stdin() -> Result<Zeroizing<String>, Report> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::io::stdin().lock().take(MAX_BYTES as u64).read_to_end(&mut bytes);
    read.map_err(|error| Report::failed("standard input cannot be read", &error))?;
    let mut text = text(bytes)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// Byte for byte: a key file needs its last line break.
fn file(path: &Path) -> Result<Zeroizing<String>, Report> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES as u64).read_to_end(&mut bytes));
    read.map_err(|error| Report::failed(format!("`{}` cannot be read", path.display()), &error))?;
    text(bytes)
}

fn text(mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, Report> {
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|fault| {
        drop(Zeroizing::new(fault.into_bytes()));
        Report::usage("the value is not UTF-8 text").help("encode binary data, for instance with `base64`")
    })
}
