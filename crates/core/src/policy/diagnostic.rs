//! What is wrong with a policy file, where, and what to do about it.
//!
//! A diagnostic is data: stable code, severity, sentence, place, help. [`Diagnostic::render`] prints it the way a compiler would,
//! with the line it is about. Nothing here decides what is wrong, and a line that holds a private key is never printed.

use std::fmt::Write as _;

use serde::Serialize;

pub use super::code::Code;

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
    /// What to write at the place instead, where that is certain enough for `check --fix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Diagnostic {
    /// A finding with nothing but its sentence.
    #[must_use]
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self { code, severity, message: message.into(), place: None, label: None, help: None, note: None, fix: None }
    }

    /// A fault of a text for notifications, which lies beside the policy file.
    #[must_use]
    pub fn of_template(message: String, place: Option<Place>, help: String) -> Self {
        Self { place, help: Some(help), ..Self::error(Code::Template, message) }
    }

    pub(super) fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says a few words beside the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what else is worth knowing.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    pub(super) fn fix(mut self, with: impl Into<String>) -> Self {
        self.fix = Some(with.into());
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
        // a text that may hold a secret is not handed in at all
        if source.is_empty() {
            return;
        }
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
