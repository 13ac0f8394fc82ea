//! Bringing the ledger here from `origin`, with the git program: it knows this clone's address, proxy and credentials.
//!
//! Only the one reference is fetched, to a reference of ours or of the remote; no branch of the user moves.

use std::io::IsTerminal as _;
use std::process::{Command, Output};

use countersign_core::domain::RefName;

use crate::faces::exit::Report;

/// What became of it.
pub(super) enum Fetched {
    /// The reference is here as it is there.
    Done,
    /// The remote has no such reference.
    Absent,
    /// This clone has no `origin`.
    NoOrigin,
}

/// Fetches `reference` of `origin` to `local`.
pub(super) fn fetch(reference: &RefName, local: &RefName) -> Result<Fetched, Report> {
    if !git(&["remote", "get-url", "origin"])?.status.success() {
        return Ok(Fetched::NoOrigin);
    }
    let refspec = format!("+{reference}:{local}");
    let fetched = git(&[
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "origin",
        &refspec,
    ])?;
    if fetched.status.success() {
        return Ok(Fetched::Done);
    }
    // 2: the remote answered, and has no such reference.
    if git(&["ls-remote", "--exit-code", "origin", reference.as_str()])?.status.code() == Some(2) {
        return Ok(Fetched::Absent);
    }
    let said = String::from_utf8_lossy(&fetched.stderr);
    let report = Report::new(crate::faces::exit::Exit::FAILED, format!("`{reference}` cannot be fetched from origin"));
    Err(said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(3)
        .fold(report, Report::cause)
        .help("check the connection, or judge by what is here with `--offline`"))
}

fn git(arguments: &[&str]) -> Result<Output, Report> {
    let mut command = Command::new("git");
    command.args(arguments).env("LC_ALL", "C");
    if !std::io::stdin().is_terminal() {
        command.env("GIT_TERMINAL_PROMPT", "0");
    }
    command.output().map_err(|error| {
        Report::failed("the git program cannot be run", &error).help("install git, or use `--offline`")
    })
}

/// The address of `origin`, if this folder is a clone with one.
pub(in crate::faces::cli) fn origin_address() -> Option<String> {
    let output = git(&["remote", "get-url", "origin"]).ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
