//! INI values, comments and metadata as text (SOPS reference 13.4).
//!
//! Never writes a value that would be read back as another one, if any spelling can hold it.

use super::value;
use crate::flat;
use crate::plain::Plain;
use crate::splice::{Patch, line_end, line_start, next_line};
use crate::tree::Comment;
use crate::value::Value;

/// A scalar behind the delimiter.
pub(crate) fn scalar(value: &Plain) -> String {
    quoted(&flat::text(value))
}

/// The spelling of the library of sops, or another one where that would be read as something else.
fn quoted(text: &str) -> String {
    let (three, tick) = (format!("\"\"\"{text}\"\"\""), format!("`{text}`"));
    let first = if text.contains(['\n', '`']) {
        three.clone()
    } else if text.contains(['#', ';']) {
        tick.clone()
    } else if text.trim().len() != text.len() {
        format!("\"{text}\"")
    } else {
        text.to_owned()
    };
    let reads_back = |spelling: &&String| {
        // A line follows, so that a value which would swallow it is found out.
        let source = format!("{spelling}\n|\n");
        value::value(&source, 0)
            .is_ok_and(|found| found.value == text && found.comment.is_none() && source[found.next..].starts_with('|'))
    };
    [first.clone(), tick, three, format!("\"{text}\""), format!("'{text}'")]
        .iter()
        .find(reads_back)
        .unwrap_or(&first)
        .clone()
}

/// A value of the metadata: line breaks as two characters, or between three quotes where it stood in them.
pub(crate) fn metadata(text: &str, old: &str) -> String {
    if old.starts_with("\"\"\"") { format!("\"\"\"{text}\"\"\"") } else { text.replace('\n', "\\n") }
}

/// A key before the delimiter.
pub(crate) fn key(key: &str) -> Option<String> {
    let spellings = [key.to_owned(), format!("`{key}`"), format!("\"\"\"{key}\"\"\""), format!("\"{key}\"")];
    let reads_back = |spelling: &&String| {
        let starts_well = !spelling.starts_with(['#', ';', '[']) && !spelling.contains('\n');
        starts_well && value::key(&format!("{spelling} = x"), 0).is_ok_and(|(read, _)| read == key)
    };
    spellings.iter().find(reads_back).cloned()
}

/// The section of new metadata: sorted keys, aligned.
pub(crate) fn metadata_section(metadata: &Value, newline: &str) -> String {
    let lines = flat::flatten(metadata);
    let width = lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines = lines.iter().map(|(key, text)| format!("{key:<width$} = {}{newline}", text.replace('\n', "\\n")));
    format!("[sops]{newline}{}", lines.collect::<String>())
}

/// Replaces a comment, all of its lines, by another text.
pub(crate) fn replace_comment(source: &str, comment: &Comment, text: &str, newline: &str) -> Vec<Patch> {
    let span = comment.span.clone();
    let mut patches: Vec<Patch> =
        comment.rest.iter().map(|piece| Patch::new(whole(source, piece.clone()), "")).collect();
    let line = line_start(source, span.start);
    let indent = &source[line..span.start];
    if span.is_empty() {
        patches.push(Patch::insert(line, lines(text, ";", "", newline) + newline));
    } else if indent.trim_matches([' ', '\t', '\u{feff}']).is_empty() {
        let marker = &source[span.start..=span.start];
        patches.push(Patch::new(span, lines(text, marker, indent.trim_start_matches('\u{feff}'), newline)));
    } else {
        let marker = &source[span.start..=span.start];
        patches.push(Patch::new(span, format!("{marker} {}", text.replace('\n', " "))));
    }
    patches
}

fn lines(text: &str, marker: &str, indent: &str, newline: &str) -> String {
    let lines = text.split('\n').enumerate().map(|(number, line)| {
        let line = line.trim();
        let line = match line.chars().next() {
            Some('#' | ';') => line.to_owned(),
            Some(_) => format!("{marker} {line}"),
            None => marker.to_owned(),
        };
        if number == 0 { line } else { format!("{indent}{line}") }
    });
    lines.collect::<Vec<_>>().join(newline)
}

/// A piece of a comment with the line break it leaves behind, or with the space before it.
pub(super) fn whole(source: &str, piece: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let line = line_start(source, piece.start);
    if source[line..piece.start].trim().is_empty() {
        return line..next_line(source, piece.end);
    }
    let before = source[line..piece.start].trim_end_matches([' ', '\t']);
    line + before.len()..line_end(source, piece.end)
}

#[cfg(test)]
mod tests {
    use super::{key, quoted};
    use crate::ini::value::value;

    #[test]
    fn values_are_quoted_as_sops_quotes_them_where_that_is_safe() {
        let cases = [
            ("one", "one"),
            ("two words", "two words"),
            ("a\nb", "\"\"\"a\nb\"\"\""),
            ("back;tick", "`back;tick`"),
            (" x ", "\" x \""),
            ("a`b", "\"\"\"a`b\"\"\""),
            // Sops writes these so that they are read back as something else.
            ("x\\", "`x\\`"),
            ("\"q\"", "`\"q\"`"),
            ("'q'", "`'q'`"),
            ("", ""),
        ];
        for (text, want) in cases {
            assert_eq!(quoted(text), want, "{text:?}");
            let source = format!("{want}\n");
            assert_eq!(value(&source, 0).map(|found| found.value), Ok(text.to_owned()), "{want}");
        }
    }

    #[test]
    fn keys_are_quoted_where_they_must_be() {
        let cases = [
            ("a", Some("a")),
            ("a=b", Some("`a=b`")),
            ("[a", Some("`[a`")),
            ("#a", Some("`#a`")),
            ("`a=", Some("\"\"\"`a=\"\"\"")),
            (" a", None),
            ("a\nb", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(key(text).as_deref(), want, "{text:?}");
        }
    }
}
