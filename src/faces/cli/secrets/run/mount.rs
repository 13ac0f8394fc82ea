//! `run --mount`: the plain document behind a named pipe that can be read once, or in a private file, while the command runs.
//!
//! The pipe holds nothing itself: the text goes from this process to the reader. Pipe, file and directory are removed afterwards,
//! however the command ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use zeroize::Zeroizing;

use super::{environment, not_started};
use crate::faces::cli::Outcome;
use crate::faces::cli::args::RunArgs;
use crate::faces::cli::private_file;
use crate::faces::cli::secrets::child;
use crate::faces::cli::secrets::document::Document;
use crate::faces::cli::secrets::identities::Identity;
use crate::faces::cli::secrets::many::found;
use crate::faces::cli::secrets::private::Private;
use crate::faces::cli::secrets::{open, parse, unsealed};
use crate::faces::exit::{Exit, Report};

/// Stands for the path among the arguments, as for sops.
const PLACEHOLDER: &str = "{}";

/// Runs the command with the document mounted.
pub(super) fn run(args: &RunArgs, path: Option<&Path>) -> Outcome {
    let (name, plain) = plain(args)?;
    if path.is_none() && !args.command.iter().any(|word| word.to_string_lossy().contains(PLACEHOLDER)) {
        return Err(Report::usage("nothing tells the command where the document is")
            .help("write `{}` where its path belongs, or say where to mount it: `--mount=PATH`"));
    }
    let private = if path.is_none() { Some(Private::new()?) } else { None };
    let place = match (path, &private) {
        (Some(path), _) => path.to_owned(),
        (None, Some(private)) => private.path(&name),
        (None, None) => return Err(Report::usage("there is no place for the document")),
    };
    let mounted = Mounted::new(place, plain, args.no_fifo)?;
    let words: Vec<OsString> = match path {
        Some(_) => args.command.clone(),
        None => args.command.iter().map(|word| with_path(word, &mounted.path)).collect(),
    };
    let Some((program, arguments)) = words.split_first() else {
        return Err(Report::usage("there is no command").help("name one behind `--`"));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    environment(&mut command, args.pristine);
    let ended = child::wait(command).map_err(|error| not_started(program, &error))?;
    Ok(Exit::of_sops(child::code(ended.status)))
}

/// The document that is mounted: its file name, and its text.
fn plain(args: &RunArgs) -> Result<(String, Zeroizing<Vec<u8>>), Report> {
    if !args.names.only.is_empty() || !args.names.prefix.is_empty() || args.names.flatten {
        return Err(Report::usage("`--mount` gives the command a whole document")
            .help("leave `--only`, `--prefix` and `--flatten` out; `countersign export -o FILE` writes a part"));
    }
    let found = found::of_batch(&args.batch)?;
    let [one] = found.as_slice() else {
        return Err(Report::usage(format!("`--mount` takes one document, not {}", found.len()))
            .help("name one, or pick it with `-p`"));
    };
    let document = Document::read(&one.path, args.batch.naming.input_type)?;
    let opened = open(&document, &parse(&document)?, &Identity::gather(), args.names.ignore_mac)?;
    let plain = match args.output_type {
        Some(format) if format != document.format => opened.to_plain_as(format),
        Some(_) | None => opened.to_plain(),
    };
    let name = one.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((name, plain.map_err(|fault| unsealed(&document, &fault))?))
}

#[cfg(unix)]
fn with_path(word: &OsString, path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let (bytes, mark) = (word.as_bytes(), PLACEHOLDER.as_bytes());
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(mark) {
            out.extend_from_slice(path.as_os_str().as_bytes());
            at += mark.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    OsString::from_vec(out)
}

#[cfg(not(unix))]
fn with_path(word: &OsString, path: &Path) -> OsString {
    match word.to_str() {
        Some(word) => word.replace(PLACEHOLDER, &path.to_string_lossy()).into(),
        None => word.clone(),
    }
}

/// What was mounted; dropping it removes it.
struct Mounted {
    path: PathBuf,
}

impl Mounted {
    fn new(path: PathBuf, plain: Zeroizing<Vec<u8>>, as_file: bool) -> Result<Self, Report> {
        let failed = |error: std::io::Error| {
            Report::new(Exit::of_sops(3), format!("`{}` cannot be made", path.display()))
                .cause(error)
                .help("name a path that does not exist, in a directory that does")
        };
        if as_file {
            private_file::write(&path, &plain).map_err(failed)?;
        } else {
            pipe(&path).map_err(failed)?;
            let to = path.clone();
            // It waits for a reader. If none comes, it ends with this process.
            std::thread::spawn(move || {
                // A reader that goes away early has what it wanted.
                let _ = std::fs::OpenOptions::new()
                    .write(true)
                    .open(&to)
                    .and_then(|mut pipe| std::io::Write::write_all(&mut pipe, &plain));
                let _ = std::fs::remove_file(&to);
            });
        }
        Ok(Self { path })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The writer may have removed it.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn pipe(path: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, Mode, mkfifoat};
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).map_err(Into::into)
}

#[cfg(target_vendor = "apple")]
fn pipe(path: &Path) -> std::io::Result<()> {
    let status = Command::new("mkfifo").args(["-m", "600"]).arg(path).status()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other("`mkfifo` failed")) }
}

#[cfg(not(unix))]
fn pipe(_path: &Path) -> std::io::Result<()> {
    Err(std::io::Error::other("there are no named pipes here; use `--no-fifo`"))
}
