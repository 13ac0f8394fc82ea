//! Events and comments of a YAML text, and the bytes between them that the parser does not report.
//!
//! Never builds nodes.

use std::ops::Range;

use granit_parser::{Event, Parser, Span};
use zeroize::Zeroizing;

use super::comments::RawComment;
use crate::error::{ParseError, Place};

/// Deeper nesting is refused.
pub(super) const MAX_DEPTH: usize = 120;

pub(super) type Events<'s> = Vec<(Event<'s>, Span)>;

pub(super) fn scan(source: &str) -> Result<(Events<'_>, Vec<RawComment>), ParseError> {
    let options = granit_parser::options! {
        block_scalar_eof_without_line_feed: true,
        max_buffered_comment_events: 1_000_000,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    // About as many as there are, so that the list is not moved while it grows.
    let (mut events, mut comments) = (Vec::with_capacity((source.len() / 32).min(4096)), Vec::new());
    for item in Parser::new_from_str_with_options(source, options) {
        let (event, span) = item.map_err(|fault| {
            let marker = fault.marker();
            let place = Place { line: marker.line(), column: marker.col() + 1 };
            ParseError::at(place, "this is not valid YAML")
        })?;
        if let Event::Comment(text, _) = event {
            let bytes = range(&span);
            let line = source[..bytes.start].rfind('\n').map_or(0, |at| at + 1);
            let before = source[line..bytes.start].trim_start_matches('\u{feff}');
            let above = source[..line].lines().next_back().map(str::trim);
            let in_run = above.is_some_and(|line| line.starts_with('#'));
            let is_foot = !in_run && above.is_some_and(|line| !line.is_empty()) && blank_follows(source, &bytes, line);
            comments.push(RawComment {
                in_run,
                is_foot,
                column_below: column_below(source, &bytes, line),
                text: Zeroizing::new(text.into_owned()),
                own_line: before.trim().is_empty(),
                place: place(&span),
                column: span.start.col(),
                span: bytes,
            });
        } else {
            events.push((event, span));
        }
    }
    // A comment behind a block scalar header is reported after the scalar.
    comments.sort_by_key(|comment| comment.span.start);
    Ok((events, comments))
}

/// In which column the next comment begins, when it follows right below this one and its like.
fn column_below(source: &str, comment: &Range<usize>, line: usize) -> Option<usize> {
    let other = first_other(source, comment, line)?;
    let text = other.trim_start_matches(' ');
    text.starts_with('#').then(|| other.len() - text.len())
}

/// The first line below that is no comment in the same column.
fn first_other<'s>(source: &'s str, comment: &Range<usize>, line: usize) -> Option<&'s str> {
    let lead = &source[line..comment.start];
    let mut lines = source[comment.end..].lines().skip(1);
    lines.find(|line| !line.strip_prefix(lead).is_some_and(|rest| rest.starts_with('#')))
}

/// Whether an empty line follows a comment and those below it in the same column.
fn blank_follows(source: &str, comment: &Range<usize>, line: usize) -> bool {
    // The reader of sops takes the two characters of such a line break for two breaks.
    if source[comment.end..].starts_with("\r\n") || source[..comment.end].ends_with('\r') {
        return true;
    }
    first_other(source, comment, line).is_some_and(|line| line.trim().is_empty())
}

pub(super) fn range(span: &Span) -> Range<usize> {
    span.byte_range().unwrap_or(0..0)
}

pub(super) fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

/// Skips white space and comments (and commas) from `at`.
pub(super) fn skip_trivia(source: &str, mut at: usize, comma: bool) -> usize {
    let bytes = source.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b',' if comma => at += 1,
            b'#' => at = source[at..].find('\n').map_or(source.len(), |line| at + line),
            0xef if source[at..].starts_with('\u{feff}') => at += 3,
            _ => return at,
        }
    }
    at
}

/// Finds the `|` or `>` of a block scalar between its key or dash and its content.
pub(super) fn block_header(source: &str, cursor: usize, content: usize) -> usize {
    let mut at = cursor;
    while at < content {
        at = skip_trivia(source, at, false);
        match source.as_bytes().get(at) {
            Some(b'|' | b'>') => return at,
            Some(b':' | b'-' | b'?') => at += 1,
            // A tag or an anchor.
            Some(_) => at += source[at..].find([' ', '\t', '\n']).unwrap_or(source.len() - at),
            None => break,
        }
    }
    content.min(source.len())
}

/// A block scalar without what follows its last line: empty lines, and the indent of the next token.
pub(super) fn block_body(text: &str) -> &str {
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    let text = if text[line..].trim().is_empty() { &text[..line] } else { text };
    text.trim_end_matches(['\r', '\n'])
}
