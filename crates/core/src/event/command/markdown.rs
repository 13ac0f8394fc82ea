//! The lines of a comment that are plain text: top-level paragraphs, outside of quotes, code, lists, headings, HTML, links and
//! images (R15).
//!
//! A line is given as it was typed, and only when nothing in it is anything but text.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Most lines looked at.
const MOST: usize = 2_000;

/// The plain lines of a comment.
pub(super) fn plain_lines(body: &str) -> Vec<String> {
    let text = body.replace("\r\n", "\n");
    let extensions = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut lines = Vec::new();
    let mut depth = 0_usize;
    let mut paragraph = None;
    let mut broken = Vec::new();
    for (event, range) in Parser::new_ext(&text, extensions).into_offset_iter() {
        match event {
            Event::Start(Tag::Paragraph) if depth == 0 => {
                depth = 1;
                paragraph = Some(range);
                broken.clear();
            }
            Event::End(TagEnd::Paragraph) if depth == 1 => {
                depth = 0;
                if let Some(range) = paragraph.take() {
                    lines.extend(whole_lines(&text, range, &broken));
                }
            }
            Event::Start(_) => {
                depth += 1;
                broken.push(range);
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(_) | Event::SoftBreak | Event::HardBreak => {}
            Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => broken.push(range),
        }
        if lines.len() > MOST {
            break;
        }
    }
    lines.truncate(MOST);
    lines
}

/// The lines of a paragraph that nothing but text touches.
fn whole_lines(text: &str, range: std::ops::Range<usize>, broken: &[std::ops::Range<usize>]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut at = range.start;
    for line in text[range].split('\n') {
        let end = at + line.len();
        // a paragraph may be set in by up to three blanks; its range begins after them, so the line must begin where it was typed
        let begins = at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
        if begins && !broken.iter().any(|part| part.start < end && at < part.end) {
            lines.push(line.to_owned());
        }
        at = end + 1;
    }
    lines
}
