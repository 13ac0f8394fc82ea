//! How the program ends: the exit codes of the contract (`interfaces.md`), and one report at the edge.
//!
//! A report says what is wrong and what to do next, once. It repeats texts it was given: whoever makes one keeps secrets out of it.
//! Control characters never reach the terminal.

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::config::Faults;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// Fine.
    pub const FINE: Self = Self(0);
    /// Internal or I/O; also: two documents differ (`diff --exit-code`).
    pub const FAILED: Self = Self(1);
    /// Wrong usage.
    pub const USAGE: Self = Self(2);
    /// Output cannot be written in the format that was asked for (sops's number).
    pub const NOT_EMITTED: Self = Self(4);
    /// Flags that contradict each other (sops's number).
    pub const CONTRADICTION: Self = Self(8);
    /// Approvals are missing, or something could not be read.
    pub const PENDING: Self = Self(10);
    /// Rejected, stale, blocked or unreachable.
    pub const REFUSED: Self = Self(11);
    /// `check` has findings.
    pub const FINDINGS: Self = Self(12);
    /// A target differs from what it was given.
    pub const DRIFT: Self = Self(13);
    /// Not verified, or trust is not pinned.
    pub const UNVERIFIED: Self = Self(14);
    /// No configuration that says how to seal (sops's number).
    pub const NO_CONFIG: Self = Self(61);
    /// A signal came before all was done (sops's number).
    pub const INTERRUPTED: Self = Self(85);
    /// A key path that cannot be read (sops's number).
    pub const BAD_PATH: Self = Self(91);
    /// No such file (sops's number).
    pub const NO_FILE: Self = Self(100);
    /// The data key cannot be retrieved (sops's number).
    pub const NO_KEY: Self = Self(128);
    /// Nothing was modified (sops's number).
    pub const NOT_MODIFIED: Self = Self(200);
    /// There is no editor, or it failed (sops's number).
    pub const NO_EDITOR: Self = Self(201);
    /// The document is sealed already (sops's number).
    pub const SEALED_ALREADY: Self = Self(203);

    /// A number of sops (reference 20); one that no process can end with becomes 1.
    #[must_use]
    pub fn of_sops(code: i32) -> Self {
        u8::try_from(code).map_or(Self::FAILED, Self)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// One thing that is wrong, and the next action.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    what: String,
    help: Option<String>,
}

impl Message {
    /// Takes a text apart that carries its help as a line `help: …` or in brackets at its end.
    fn read(text: &str) -> Self {
        let text = text.trim_end();
        let split = text.split_once("\nhelp: ").or_else(|| text.strip_suffix(')')?.split_once(" (help: "));
        match split {
            // An error that wraps another may carry the help of both: the first is the nearer one.
            Some((what, help)) => {
                let help = help.split("\nhelp: ").next().unwrap_or(help);
                Self { what: what.to_owned(), help: Some(help.to_owned()) }
            }
            None => Self { what: text.to_owned(), help: None },
        }
    }
}

/// Why the program ends without having done what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    exit: Exit,
    messages: Vec<Message>,
    causes: Vec<String>,
}

impl Report {
    /// A lower-case sentence of what is wrong, perhaps with its help behind it as `\nhelp: …` or ` (help: …)`.
    #[must_use]
    pub fn new(exit: Exit, what: impl fmt::Display) -> Self {
        Self { exit, messages: vec![Message::read(&what.to_string())], causes: Vec::new() }
    }

    /// Wrong usage.
    #[must_use]
    pub fn usage(what: impl fmt::Display) -> Self {
        Self::new(Exit::USAGE, what)
    }

    /// Something failed, and why: the chain of causes is told, each once.
    #[must_use]
    pub fn failed(what: impl fmt::Display, error: &dyn Error) -> Self {
        Self::new(Exit::FAILED, what).causes(Some(error))
    }

    /// An error that says by itself what is wrong, and the chain below it.
    #[must_use]
    pub fn chain(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, error).causes(error.source())
    }

    /// What is wrong, without the help.
    #[must_use]
    pub fn what(&self) -> &str {
        self.messages.first().map_or("", |message| message.what.as_str())
    }

    fn causes(self, first: Option<&dyn Error>) -> Self {
        let (mut report, mut next) = (self, first);
        while let Some(error) = next {
            report = report.cause(error);
            next = error.source();
        }
        report
    }

    /// The next action.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.help = Some(help.to_string());
        }
        self
    }

    /// Something that led to it. What was said already is not said again.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        let cause = cause.to_string();
        let said =
            self.messages.iter().map(|message| &message.what).chain(&self.causes).any(|text| text.contains(&cause));
        if !said {
            self.causes.push(cause);
        }
        self
    }

    /// Its exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What a machine reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let errors: Vec<_> =
            self.messages.iter().map(|message| json!({"what": message.what, "help": message.help})).collect();
        json!({"version": 1, "exit": self.exit.0, "errors": errors, "causes": self.causes})
    }

    /// Prints it to standard error, as text for people or as one line of JSON. What cannot be printed is lost: there is nowhere
    /// else to tell it.
    pub fn print(&self, json: bool) {
        let text = if json { format!("{}\n", self.to_json()) } else { self.styled() };
        let _ = anstream::stderr().write_all(text.as_bytes());
    }

    fn styled(&self) -> String {
        let (red, cyan) = (colour(AnsiColor::Red), colour(AnsiColor::Cyan));
        let mut text = String::new();
        for (number, message) in self.messages.iter().enumerate() {
            text += &format!("{red}error{red:#}: {}\n", printable(&message.what));
            if number + 1 == self.messages.len() {
                for cause in &self.causes {
                    text += &format!("  because: {}\n", printable(cause));
                }
            }
            if let Some(help) = &message.help {
                text += &format!("{cyan}help{cyan:#}: {}\n", printable(help));
            }
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&anstream::adapter::strip_str(&self.styled()).to_string())
    }
}

impl Error for Report {}

impl From<Faults> for Report {
    fn from(faults: Faults) -> Self {
        let message = |fault: &super::config::Fault| Message {
            what: fault.what().to_owned(),
            help: Some(fault.help().to_owned()),
        };
        Self { exit: Exit::USAGE, messages: faults.list().iter().map(message).collect(), causes: Vec::new() }
    }
}

/// A bold colour.
pub(super) fn colour(colour: AnsiColor) -> Style {
    colour.on_default().bold()
}

/// A text as it may stand on a terminal: control characters and direction marks are spelt out, line breaks kept.
#[must_use]
pub fn printable(text: &str) -> String {
    let spelt = |c: char| {
        let hidden =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        (c.is_control() && c != '\n') || hidden
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if spelt(c) {
            shown += &format!("\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_found_in_both_spellings() {
        for text in ["it broke\nhelp: mend it", "it broke (help: mend it)"] {
            assert_eq!(Report::usage(text).to_string(), "error: it broke\nhelp: mend it\n");
        }
        assert_eq!(Report::usage("a: b\nhelp: c\nhelp: d").to_string(), "error: a: b\nhelp: c\n");
        assert_eq!(Report::usage("it broke (badly)").to_string(), "error: it broke (badly)\n");
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = std::io::Error::other("disk full");
        let report = Report::failed("`a` cannot be written: disk full", &error).cause("no space").cause("no space");
        assert_eq!(report.to_string(), "error: `a` cannot be written: disk full\n  because: no space\n");
    }

    #[test]
    fn nothing_a_file_is_called_reaches_the_terminal_as_a_command() {
        let text = Report::usage("no file `\u{1b}[31m\u{202e}x`").to_string();
        assert_eq!(text, "error: no file `\\u{1b}[31m\\u{202e}x`\n");
    }

    #[test]
    fn machines_read_the_same_facts() {
        let report = Report::new(Exit::NO_FILE, "no file").help("name one").cause("gone");
        let json = r#"{"version":1,"exit":100,"errors":[{"what":"no file","help":"name one"}],"causes":["gone"]}"#;
        assert_eq!(report.to_json().to_string(), json);
    }
}
