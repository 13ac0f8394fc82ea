//! The git program, run for a proposal: it knows this clone's address, proxy, hooks and credentials.
//!
//! Objects are written, the remote is read and pushed to. No branch, index or file of the user is touched.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use countersign_core::domain::Oid;
use secrecy::{ExposeSecret as _, SecretString};

use crate::faces::exit::{Exit, Report};

/// Variable by which a helper of git's gets the token; it never stands among arguments, which others can read.
const TOKEN: &str = "PROPOSAL_GIT_TOKEN";
/// Asked after every helper the user has: who is signed in already stays so.
const HELPER: &str =
    "!f() { test \"$1\" = get && echo username=x-access-token && echo \"password=$PROPOSAL_GIT_TOKEN\"; }; f";

/// How git is run.
pub(super) struct Git {
    /// Where credentials may be offered, and which.
    token: Option<(String, SecretString)>,
    /// Index of the commit that is being made.
    index: Option<PathBuf>,
}

impl Git {
    /// Git as the user has it.
    pub(super) fn plain() -> Self {
        Self { token: None, index: None }
    }

    /// The same with the token offered to this GitHub, and to no other host.
    pub(super) fn with_token(base: &str, token: SecretString) -> Self {
        Self { token: Some((base.trim_end_matches('/').to_owned(), token)), index: None }
    }

    /// The same with an index of its own.
    pub(super) fn with_index(&self, index: &Path) -> Self {
        Self { token: self.token.clone(), index: Some(index.to_owned()) }
    }

    /// Runs it. `Err`: the program cannot be started.
    pub(super) fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Output, Report> {
        let mut command = Command::new("git");
        command.args(arguments).env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !std::io::stdin().is_terminal() {
            command.env("GIT_TERMINAL_PROMPT", "0");
        }
        if let Some((base, token)) = &self.token {
            let count: usize = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            command
                .env("GIT_CONFIG_COUNT", (count + 1).to_string())
                .env(format!("GIT_CONFIG_KEY_{count}"), format!("credential.{base}.helper"))
                .env(format!("GIT_CONFIG_VALUE_{count}"), HELPER)
                .env(TOKEN, token.expose_secret());
        }
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        let unstarted =
            |error: std::io::Error| Report::failed("the git program cannot be run", &error).help("install git");
        let mut child = command.spawn().map_err(unstarted)?;
        if let Some(mut stdin) = child.stdin.take() {
            // who does not read its input says why on standard error
            let _ = stdin.write_all(input);
        }
        child.wait_with_output().map_err(unstarted)
    }

    /// Runs it and gives what it printed; `what` could not be done otherwise.
    pub(super) fn text(&self, what: &str, arguments: &[&str], input: &[u8]) -> Result<String, Report> {
        let output = self.run(arguments, input)?;
        if !output.status.success() {
            return Err(said(Report::new(Exit::FAILED, what), &output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The same for an object id.
    pub(super) fn oid(&self, what: &str, arguments: &[&str], input: &[u8]) -> Result<Oid, Report> {
        let text = self.text(what, arguments, input)?;
        Oid::parse(&text).map_err(|error| Report::failed(what, &error))
    }
}

/// Adds what git said, without what a terminal would take for a command.
pub(super) fn said(report: Report, output: &Output) -> Report {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint:"))
        .take(4)
        .fold(report, Report::cause)
}
