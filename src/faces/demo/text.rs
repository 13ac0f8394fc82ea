//! Text with styles, cut into lines by what is visible of it.
//!
//! Knows nothing of terminals: the stream it is written to drops the styles where nobody sees them. Control characters are spelt
//! out when a text comes in, so nothing a file or a person is called reaches the terminal as a command.

use anstyle::{AnsiColor, Style};

use crate::faces::exit::printable;

/// As the terminal has it.
pub(in crate::faces) const PLAIN: Style = Style::new();
/// Headings and what matters.
pub(in crate::faces) const BOLD: Style = Style::new().bold();
/// What programs said, and asides.
pub(in crate::faces) const DIM: Style = Style::new().dimmed();
/// Names of keys, files, commits.
pub(in crate::faces) const CODE: Style = AnsiColor::Cyan.on_default();
/// It came out right.
pub(in crate::faces) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// It did not, or does not count.
pub(in crate::faces) const BAD: Style = AnsiColor::Red.on_default().bold();

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::faces) struct Span {
    style: Style,
    text: String,
}

/// One line, or a paragraph before it is wrapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::faces) struct Line(Vec<Span>);

impl Line {
    /// A line of one style.
    pub(in crate::faces) fn of(style: Style, text: &str) -> Self {
        Self::default().and(style, text)
    }

    /// With a piece more.
    pub(in crate::faces) fn and(mut self, style: Style, text: &str) -> Self {
        self.push(style, text);
        self
    }

    /// Adds a piece.
    pub(in crate::faces) fn push(&mut self, style: Style, text: &str) {
        if !text.is_empty() {
            self.0.push(Span { style, text: printable(text) });
        }
    }

    /// Adds another line's pieces.
    pub(in crate::faces) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Number of characters. None of ours is wider than one column.
    pub(in crate::faces) fn width(&self) -> usize {
        self.0.iter().map(|span| span.text.chars().count()).sum()
    }

    /// All of it in one style.
    pub(in crate::faces) fn restyled(mut self, style: Style) -> Self {
        self.0.iter_mut().for_each(|span| span.style = style);
        self
    }

    /// Filled with blanks up to a width.
    pub(in crate::faces) fn padded(mut self, width: usize) -> Self {
        let missing = width.saturating_sub(self.width());
        self.push(PLAIN, &" ".repeat(missing));
        self
    }

    /// With everything beyond a width replaced by `…`.
    pub(in crate::faces) fn cut(self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut left = width.saturating_sub(1);
        let mut kept = Self::default();
        for span in self.0 {
            let text: String = span.text.chars().take(left).collect();
            left -= text.chars().count();
            kept.push(span.style, &text);
        }
        kept.and(DIM, "…")
    }

    /// Broken at blanks so that each line fits; a longer word stands alone and sticks out.
    pub(in crate::faces) fn wrapped(self, width: usize) -> Vec<Self> {
        let mut lines = vec![Self::default()];
        let mut used = 0;
        for word in self.words() {
            let long = word.width();
            if used > 0 && used + 1 + long > width {
                lines.push(Self::default());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if used > 0 {
                    line.push(PLAIN, " ");
                    used += 1;
                }
                line.0.extend(word.0);
            }
            used += long;
        }
        lines
    }

    /// The words, each perhaps in several styles.
    fn words(self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut word = Self::default();
        for span in self.0 {
            for (number, piece) in span.text.split([' ', '\n']).enumerate() {
                if number > 0 && !word.0.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                word.push(span.style, piece);
            }
        }
        if !word.0.is_empty() {
            words.push(word);
        }
        words
    }

    /// With the codes that colour it.
    pub(in crate::faces) fn painted(&self) -> String {
        self.0.iter().map(|Span { style, text }| format!("{style}{text}{style:#}")).collect()
    }

    /// Without any.
    #[cfg(test)]
    pub(in crate::faces) fn bare(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect()
    }
}

/// A line that carries its own colours, broken at blanks; what follows is set in by two more than the line was.
pub(in crate::faces) fn folded(painted: &str, width: usize) -> Vec<String> {
    let visible = |text: &str| anstream::adapter::strip_str(text).to_string().chars().count();
    if visible(painted) <= width {
        return vec![painted.trim_end().to_owned()];
    }
    let margin = " ".repeat(painted.len() - painted.trim_start_matches(' ').len() + 2);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for (number, word) in painted.split(' ').enumerate() {
        if visible(&line) + 1 + visible(word) > width && !line.trim().is_empty() {
            lines.push(std::mem::replace(&mut line, margin.clone()).trim_end().to_owned());
            line.push_str(word);
        } else {
            if number > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_a_word_keeps_its_styles() {
        let line = Line::of(PLAIN, "one two").and(BOLD, "-three").and(PLAIN, " four");
        let bare: Vec<_> = line.wrapped(9).iter().map(Line::bare).collect();
        assert_eq!(bare, ["one", "two-three", "four"]);
    }

    #[test]
    fn a_coloured_line_is_folded_by_what_is_seen_of_it() {
        let line = "  \u{1b}[1mone\u{1b}[0m two  three";
        assert_eq!(folded(line, 16), [line]);
        assert_eq!(folded(line, 10), ["  \u{1b}[1mone\u{1b}[0m two", "    three"]);
        assert_eq!(folded("short", 10), ["short"]);
    }

    #[test]
    fn a_cut_line_says_so() {
        assert_eq!(Line::of(PLAIN, "secret").and(BOLD, "ary").cut(5).bare(), "secr…");
        assert_eq!(Line::of(PLAIN, "short").cut(5).bare(), "short");
    }

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(Line::of(PLAIN, "a\u{1b}[2Jb").bare(), "a\\u{1b}[2Jb");
    }
}
