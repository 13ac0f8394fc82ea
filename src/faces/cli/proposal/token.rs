//! The token of the person at the keyboard: `GH_TOKEN`, `GITHUB_TOKEN`, then what the `gh` program knows.
//!
//! The one place that reads these variables. The token is never printed.

use std::process::{Command, Stdio};

use secrecy::SecretString;

/// A token for the GitHub at this host, and where it came from.
pub(in crate::faces::cli) struct Token {
    pub(in crate::faces::cli) secret: SecretString,
    pub(in crate::faces::cli) origin: &'static str,
}

/// The first token there is.
pub(in crate::faces::cli) fn find(host: &str) -> Option<Token> {
    for name in ["GH_TOKEN", "GITHUB_TOKEN"] {
        if let Some(text) = std::env::var(name).ok().filter(|text| !text.trim().is_empty()) {
            return Some(Token { secret: text.trim().to_owned().into(), origin: name });
        }
    }
    of_helper(host)
}

fn of_helper(host: &str) -> Option<Token> {
    let mut command = Command::new("gh");
    command.args(["auth", "token", "--hostname", host]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| Token { secret: text.to_owned().into(), origin: "the gh program" })
}
