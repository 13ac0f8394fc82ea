//! What is wrong with a policy file, where, and what to do about it.
//!
//! A diagnostic is data: stable code, severity, sentence, place, help. [`Diagnostic::render`] prints it the way a compiler would,
//! with the line it is about. Nothing here decides what is wrong, and a line that holds a private key is never printed.

use std::fmt;
use std::fmt::Write as _;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $title:literal;)*) => {
        /// Stable code of a finding about a policy file; codes are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as printed: `CS0107`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the code stands for, in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The text is no YAML, or not one document of it.
    Syntax = "CS0101", "not one YAML document";
    /// The text is too large, too deep, or grows too large through aliases.
    TooLarge = "CS0102", "too large";
    /// `version` is not 1.
    Version = "CS0103", "unknown version";
    /// A value is of another kind than the field takes.
    WrongKind = "CS0104", "wrong kind of value";
    /// A field that must be given is not.
    MissingField = "CS0105", "missing field";
    /// A key is given twice in one mapping.
    DuplicateKey = "CS0106", "duplicate key";
    /// A field that does not exist.
    UnknownField = "CS0107", "unknown field";
    /// A word the field does not take.
    UnknownWord = "CS0108", "unknown word";
    /// A number outside its range.
    OutOfRange = "CS0109", "number out of range";
    /// A name, login, team, branch, address or recipient that cannot be one.
    Malformed = "CS0110", "malformed name";
    /// The same name or person twice where each may stand once.
    Repeated = "CS0111", "given twice";
    /// A policy names an environment that does not exist.
    UnknownEnvironment = "CS0112", "unknown environment";
    /// A pattern that cannot be read.
    BadGlob = "CS0113", "invalid pattern";
    /// More entries than allowed.
    Limit = "CS0114", "limit exceeded";
    /// Nobody, or nothing, where there must be somebody or something.
    Empty = "CS0115", "empty where something is needed";
    /// Two fields that exclude each other.
    Conflict = "CS0116", "fields that exclude each other";
    /// A field that another one demands.
    Companion = "CS0117", "a field that another one needs";
    /// A quorum that the people listed can never reach.
    Unreachable = "CS0118", "quorum that can never be reached";
    /// A path that lies in two environments of one branch.
    Overlap = "CS0119", "path in two environments";
    /// A field or value of a later release.
    NotSupported = "CS0120", "not supported yet";
    /// A bot where a person is needed.
    BotApprover = "CS0121", "bot as approver";
    /// A target that does not exist, or comes from another environment.
    UnknownTarget = "CS0122", "unknown target";
    /// Targets that wait for each other.
    Cycle = "CS0123", "targets that wait for each other";
    /// A value, or something else, where an alias is needed.
    NoAlias = "CS0124", "not an alias";
    /// A branch that can be no target.
    TargetBranch = "CS0125", "branch that can be no target";
    /// A value, or something else, where the address of a server is needed.
    NoAddress = "CS0126", "not an address";
    /// An environment that no policy covers.
    NoPolicy = "CS0130", "environment without a policy";
    /// An environment that policies cover only in part.
    PartlyCovered = "CS0131", "environment covered in part";
    /// `self_approval` where one approval suffices.
    SelfApprovalAlone = "CS0132", "self-approval without effect";
    /// The effective rule for control paths differs from what is written.
    AdminsEffective = "CS0133", "effective rule for control paths";
    /// `secret_paths` outside the environments of the policy.
    OutsideEnvironment = "CS0134", "paths outside the environment";
    /// People whose own changes nobody else can approve.
    NoSpare = "CS0135", "nobody to spare";
    /// A `plain` pattern that covers a whole environment.
    PlainEverything = "CS0136", "nothing is sealed";
    /// A pattern that matches no file of the working tree.
    MatchesNothing = "CS0137", "pattern without a file";
    /// A policy that never asks for more than another one does.
    AddsNothing = "CS0138", "policy that adds nothing";
    /// A bot that may change the values of a whole environment.
    BroadMachine = "CS0139", "bot with every key";
    /// A soft policy that one person can pass alone with a change of their own.
    OwnBypass = "CS0140", "bypass of one's own change";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The text is no policy.
    Error,
    /// Allowed, but hardly meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word it is printed with.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A stretch of one line of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// Length in characters; at least 1.
    pub length: usize,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: a lower-case sentence without a full stop.
    pub message: String,
    /// Where; `None`: about the file as a whole.
    pub place: Option<Place>,
    /// A few words beside the marked stretch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What else is worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Diagnostic {
    pub(super) fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self { code, severity, message: message.into(), place: None, label: None, help: None, note: None }
    }

    pub(super) fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The finding as a compiler would print it, without colour, ending in a line break.
    ///
    /// `source` is the text that was parsed; when the place is not in it, only the sentence and the help are printed.
    #[must_use]
    pub fn render(&self, file_name: &str, source: &str) -> String {
        let mut out = format!("{}[{}]: {}\n", self.severity.word(), self.code, self.message);
        if let Some(place) = self.place {
            self.render_place(&mut out, place, file_name, source);
        }
        for (word, text) in [("note", &self.note), ("help", &self.help)] {
            if let Some(text) = text {
                let _ = writeln!(out, "{word}: {text}");
            }
        }
        out
    }

    fn render_place(&self, out: &mut String, place: Place, file_name: &str, source: &str) {
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        let _ = writeln!(out, "{gutter}┌ {file_name}:{}:{}", place.line, place.column);
        let label = self.label.as_deref().unwrap_or_default();
        let Some(line) = lines(source).nth(place.line - 1) else { return };
        if matches!(self.code, Code::NoAlias | Code::NoAddress) {
            let _ = writeln!(out, "{number} │ (not shown: the line may hold a secret)");
            return;
        }
        if holds_private_key(line) {
            let _ = writeln!(out, "{number} │ (not shown: the line holds a private key)");
            return;
        }
        let (text, column, length) = window(line, place);
        let _ = writeln!(out, "{number} │ {}", text.trim_end());
        let marks = format!("{gutter} │ {}{} {label}", " ".repeat(column), "^".repeat(length));
        let _ = writeln!(out, "{}", marks.trim_end());
    }
}

/// The lines of a text, as YAML counts them: LF, CR LF, or CR alone.
fn lines(source: &str) -> impl Iterator<Item = &str> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    source.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The part of a line that is printed (at most 140 characters around the place), and where in it the place lies.
fn window(line: &str, place: Place) -> (String, usize, usize) {
    const WIDTH: usize = 140;
    let start = place.column - 1;
    let total = line.chars().count();
    let skip = if total <= WIDTH || start < WIDTH / 2 { 0 } else { start - WIDTH / 4 };
    let mut text: String = line.chars().skip(skip).take(WIDTH).map(printable).collect();
    let mut column = start - skip;
    if skip > 0 {
        text.insert(0, '…');
        column += 1;
    }
    if total > skip + WIDTH {
        text.push('…');
    }
    let room = text.chars().count().saturating_sub(column).max(1);
    (text, column, place.length.clamp(1, room))
}

/// A character as it may stand on a terminal, one column each: tabs become spaces, control and direction marks a dot.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '·',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '·',
        c => c,
    }
}

fn holds_private_key(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    text.contains("AGE-SECRET-KEY-") || text.contains("-----BEGIN") || text.contains("WHSEC_")
}

/// Typed text as it may stand in a message: printable, at most 60 characters, never a private key.
pub(super) fn shown(text: &str) -> String {
    if holds_private_key(text) {
        return "(a private key)".to_owned();
    }
    let mut shown: String = text.chars().take(60).map(printable).collect();
    if shown.len() < text.len() && text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown_field() -> Diagnostic {
        Diagnostic::error(Code::UnknownField, "unknown field `required_approval`")
            .at(Place { line: 2, column: 5, length: 17 })
            .label("did you mean `required_approvals`?")
            .help("`required_approvals` is the number of approvals (default 1)")
    }

    #[test]
    fn a_diagnostic_reads_like_a_compiler_error() {
        let text = unknown_field().render(".countersign/policy.yaml", "policies:\n    required_approval: 2\n");
        assert_eq!(
            text,
            "error[CS0107]: unknown field `required_approval`\n\
             \u{20}┌ .countersign/policy.yaml:2:5\n\
             2 │     required_approval: 2\n\
             \u{20} │     ^^^^^^^^^^^^^^^^^ did you mean `required_approvals`?\n\
             help: `required_approvals` is the number of approvals (default 1)\n"
        );
    }

    #[test]
    fn a_line_with_a_private_key_is_never_printed() {
        let source = "a: 1\n    required_approval: age-secret-key-1qqq\n";
        let text = unknown_field().render("policy.yaml", source);
        assert!(!text.to_lowercase().contains("age-secret-key"), "{text}");
        assert_eq!(shown("AGE-SECRET-KEY-1QQQ"), "(a private key)");
    }

    #[test]
    fn terminal_escapes_and_long_lines_are_tamed() {
        let source = format!("a\n{}\u{1b}[31mred\u{202e}\n", "x".repeat(400));
        let place = Place { line: 2, column: 401, length: 3 };
        let text = Diagnostic::error(Code::Syntax, "bad").at(place).render("p", &source);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 160), "{text}");
    }

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
    }

    #[test]
    fn a_diagnostic_serializes_for_the_machine() {
        let json = serde_json::to_value(unknown_field()).map(|value| value.to_string());
        assert_eq!(
            json.ok().as_deref(),
            Some(
                r#"{"code":"CS0107","severity":"error","message":"unknown field `required_approval`","place":{"line":2,"column":5,"length":17},"label":"did you mean `required_approvals`?","help":"`required_approvals` is the number of approvals (default 1)"}"#
            )
        );
    }
}
