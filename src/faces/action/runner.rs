//! Speaking to the runner over standard output: masks, `::stop-commands::`, errors.
//!
//! Between [`Runner::stop`] and [`Runner::resume`] nothing that is printed is a command, whoever wrote it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::faces::exit::Report;

/// The runner.
pub(super) struct Runner {
    /// The word that makes it listen again.
    stopped: Option<String>,
}

impl Runner {
    pub(super) fn new() -> Self {
        Self { stopped: None }
    }

    /// Has a secret masked from now on: as a whole, each of its lines, and each of them in base64.
    pub(super) fn mask(&mut self, secret: &str) {
        for text in forms(secret) {
            tell(&format!("::add-mask::{}", data(&text)));
        }
    }

    /// Stops commands. The word is random: nothing that is printed meanwhile can know it.
    pub(super) fn stop(&mut self) -> Result<(), Report> {
        let word = format!("resume-{}", random()?);
        tell(&format!("::stop-commands::{word}"));
        self.stopped = Some(word);
        Ok(())
    }

    /// Lets commands through again.
    pub(super) fn resume(&mut self) {
        if let Some(word) = self.stopped.take() {
            // on a line of its own, whatever was printed last
            tell(&format!("\n::{word}::"));
        }
    }

    /// An error, where people see it first.
    pub(super) fn error(&self, text: &str) {
        tell(&format!("::error title=countersign::{}", data(text)));
    }
}

/// What of a secret must not be seen. Structure stays: blank lines, and the marks of PEM, which are no secret.
fn forms(secret: &str) -> Vec<String> {
    let whole = secret.trim_end_matches(['\r', '\n']);
    let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-----"));
    let mut forms: Vec<String> = Vec::new();
    for text in std::iter::once(whole).chain(lines) {
        for form in [text.to_owned(), STANDARD.encode(text)] {
            if !form.is_empty() && !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    // as it is written to a file, with its line end
    let as_written = STANDARD.encode(format!("{whole}\n"));
    if !whole.is_empty() && !forms.contains(&as_written) {
        forms.push(as_written);
    }
    forms
}

/// Text of a command, as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// 32 random hex digits.
pub(super) fn random() -> Result<String, Report> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Report::failed("the system gave no random bytes", &error))?;
    Ok(hex::encode(bytes))
}

/// One line, at once: what comes after it may come from another process.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_secret_is_masked_whole_and_in_base64() {
        let forms = forms("-----BEGIN X-----\nline one\r\n\nline two\n-----END X-----\n");
        for text in ["line one", "line two"] {
            assert!(forms.contains(&text.to_owned()), "{forms:?}");
            assert!(forms.contains(&STANDARD.encode(text)), "{forms:?}");
        }
        assert!(!forms.iter().any(String::is_empty));
        assert!(!forms.iter().any(|form| form == "-----BEGIN X-----"), "the marks are no secret");
    }

    #[test]
    fn no_text_ends_a_command() {
        assert_eq!(data("50% off\r\n::error::x"), "50%25 off%0D%0A::error::x");
    }
}
