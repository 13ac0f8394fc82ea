//! Changes as replaced byte ranges: whatever is not named stays byte for byte (SOPS reference 16.4).
//!
//! Never knows what the bytes mean.

use std::ops::Range;

use zeroize::Zeroizing;

/// One replacement.
pub(crate) struct Patch {
    pub(crate) range: Range<usize>,
    pub(crate) text: Zeroizing<String>,
}

impl Patch {
    pub(crate) fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: Zeroizing::new(text.into()) }
    }

    pub(crate) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::new(at..at, text)
    }
}

/// Applies the patches; they must not overlap. Insertions at one place keep their order.
pub(crate) fn apply(source: &str, mut patches: Vec<Patch>) -> Zeroizing<String> {
    patches.sort_by_key(|patch| (patch.range.start, patch.range.end));
    let added: usize = patches.iter().map(|patch| patch.text.len()).sum();
    // Reserved in one piece, so that no copy of a secret is left behind by growing.
    let mut out = Zeroizing::new(String::with_capacity(source.len() + added));
    let mut at = 0;
    for patch in &patches {
        let start = patch.range.start.max(at);
        out.push_str(&source[at..start]);
        out.push_str(&patch.text);
        at = patch.range.end.max(start);
    }
    out.push_str(&source[at..]);
    out
}

/// The end of the line that holds `at`: the position of its line break, or the end of the text.
pub(crate) fn line_end(source: &str, at: usize) -> usize {
    let end = source[at..].find('\n').map_or(source.len(), |line| at + line);
    if source[at..end].ends_with('\r') { end - 1 } else { end }
}

/// Behind the line break of the line that holds `at`.
pub(crate) fn next_line(source: &str, at: usize) -> usize {
    source[at..].find('\n').map_or(source.len(), |line| at + line + 1)
}

/// The start of the line that holds `at`.
pub(crate) fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |line| line + 1)
}

/// The line break this text uses.
pub(crate) fn line_break(source: &str) -> &'static str {
    let first = source.find('\n');
    if first.is_some_and(|at| source[..at].ends_with('\r')) { "\r\n" } else { "\n" }
}

/// New text with the line breaks that this text uses.
pub(crate) fn with_breaks(source: &str, text: String) -> String {
    if line_break(source) == "\n" || !text.contains('\n') {
        return text;
    }
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::{Patch, apply, line_break, line_end, line_start, next_line, with_breaks};

    #[test]
    fn only_the_named_bytes_change() {
        let patches =
            vec![Patch::new(6..7, "two"), Patch::insert(8, "!"), Patch::new(0..1, "k"), Patch::insert(8, "?")];
        assert_eq!(apply("a: x\nb1\n", patches).as_str(), "k: x\nbtwo\n!?");
    }

    #[test]
    fn lines_are_found_with_either_break() {
        let text = "ab\r\ncd\nef";
        assert_eq!((line_end(text, 0), next_line(text, 0)), (2, 4));
        assert_eq!((line_end(text, 4), next_line(text, 4), line_start(text, 5)), (6, 7, 4));
        assert_eq!((line_end(text, 8), next_line(text, 8)), (9, 9));
        assert_eq!(with_breaks(text, "a\r\nb\nc".to_owned()), "a\r\nb\r\nc");
        assert_eq!(with_breaks("a\n", "b\nc".to_owned()), "b\nc");
        assert_eq!((line_break(text), line_break("a\nb\r\n"), line_break("")), ("\r\n", "\n", "\n"));
    }
}
