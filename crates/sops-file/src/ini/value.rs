//! Keys and values of INI lines: quotes, continued lines, comments behind them (SOPS reference 13.2).
//!
//! Never builds nodes. Says where each piece stands, so that it can be replaced there.

use std::ops::Range;

/// What stands behind a delimiter.
pub(super) struct Found {
    pub(super) value: String,
    /// The token with its quotes, or the empty place where it would stand.
    pub(super) span: Range<usize>,
    /// A comment behind it, from its marker on.
    pub(super) comment: Option<Range<usize>>,
    /// Where the next line begins.
    pub(super) next: usize,
}

pub(super) type Fault = &'static str;

/// The end of the line without its break, and where the next one begins.
pub(super) fn line(source: &str, at: usize) -> (usize, usize) {
    let end = source[at..].find('\n').map_or(source.len(), |line| at + line);
    let next = (end + 1).min(source.len());
    (if source[at..end].ends_with('\r') { end - 1 } else { end }, next)
}

/// Reads a key and gives the place behind its delimiter.
pub(super) fn key(source: &str, at: usize) -> Result<(String, usize), Fault> {
    const NO_DELIMITER: Fault = "a line without `=` or `:`";
    let (end, _) = line(source, at);
    let text = &source[at..end];
    let quote = match text.as_bytes() {
        [b'"', b'"', b'"', _, _, _, _, ..] => "\"\"\"",
        [b'"', ..] => "\"",
        [b'`', ..] => "`",
        _ => {
            let delimiter = text.find(['=', ':']).ok_or(NO_DELIMITER)?;
            return match text[..delimiter].trim() {
                "" => Err("a key without a name"),
                "-" => Err("a key named `-`, which would be numbered"),
                name => Ok((name.to_owned(), at + delimiter + 1)),
            };
        }
    };
    let inside = &text[quote.len()..];
    let close = inside.find(quote).ok_or("a closing quote of a key is missing")?;
    let behind = quote.len() + close + quote.len();
    let delimiter = text[behind..].find(['=', ':']).ok_or(NO_DELIMITER)?;
    match inside[..close].trim() {
        "" => Err("a key without a name"),
        name => Ok((name.to_owned(), at + behind + delimiter + 1)),
    }
}

/// Reads the value that begins behind a delimiter.
pub(super) fn value(source: &str, at: usize) -> Result<Found, Fault> {
    let (end, next) = line(source, at);
    let rest = &source[at..end];
    let start = at + rest.len() - rest.trim_start().len();
    let text = source[start..end].trim_end();
    // The break of the line counts for the length, as it does in the library.
    let whole = source[start..next].len();
    if text.is_empty() {
        return Ok(Found { value: String::new(), span: end..end, comment: None, next });
    }
    if text.starts_with("\"\"\"") && whole > 3 {
        return quoted(source, start, "\"\"\"");
    }
    if text.starts_with('`') {
        return quoted(source, start, "`");
    }
    if let Some(head) = text.strip_suffix('\\') {
        return continued(source, start, head, next);
    }
    let comment = text.find(['#', ';']);
    let body = text[..comment.unwrap_or(text.len())].trim();
    let unquoted = ['\'', '"'].into_iter().find_map(|quote| {
        let inside = body.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains(quote)).then_some(inside)
    });
    Ok(Found {
        value: unquoted.unwrap_or(body).to_owned(),
        span: start..start + body.len(),
        comment: comment.map(|comment| start + comment..start + text.len()),
        next,
    })
}

/// A value in backticks or three quotes, over one line or several.
fn quoted(source: &str, start: usize, quote: &str) -> Result<Found, Fault> {
    let inside = start + quote.len();
    let (mut end, mut next) = line(source, start);
    let mut close = source[inside..end.max(inside)].rfind(quote).map(|at| inside + at);
    while close.is_none() {
        if next >= source.len() {
            return Err("a closing quote of a value is missing");
        }
        let from = next;
        (end, next) = line(source, from);
        // A line that ends in a backslash behind the quote goes on.
        close = source[from..end].rfind(quote).map(|at| from + at);
        close = close.filter(|at| !source[at + quote.len()..end].trim().ends_with('\\'));
    }
    let close = close.unwrap_or(end);
    let behind = close + quote.len();
    let trailing = source[behind..end].trim_start();
    let comment = end - trailing.len()..end - (trailing.len() - trailing.trim_end().len());
    if !trailing.is_empty() && !trailing.starts_with(['#', ';']) {
        return Err("text behind a closing quote");
    }
    Ok(Found {
        value: source[inside..close].to_owned(),
        span: start..behind,
        comment: (!trailing.is_empty()).then_some(comment),
        next,
    })
}

/// A value whose lines end in backslashes: joined, without their outer space.
fn continued(source: &str, start: usize, head: &str, mut next: usize) -> Result<Found, Fault> {
    let (mut value, mut end) = (head.to_owned(), start + head.len() + 1);
    while next < source.len() {
        let from = next;
        let (line_end, after) = line(source, from);
        next = after;
        let text = source[from..line_end].trim();
        if text.is_empty() {
            break;
        }
        end = line_end;
        value.push_str(text);
        match value.strip_suffix('\\') {
            Some(shorter) => value.truncate(shorter.len()),
            None => break,
        }
    }
    Ok(Found { value, span: start..end, comment: None, next })
}

#[cfg(test)]
mod tests {
    use super::{key, value};

    fn show(text: &str) -> String {
        match value(text, 0) {
            Ok(found) => {
                let comment = found.comment.map(|span| format!(" | {}", &text[span])).unwrap_or_default();
                format!("{:?} <{}>{comment}", found.value, &text[found.span])
            }
            Err(fault) => fault.to_owned(),
        }
    }

    #[test]
    fn values_are_read_as_the_library_of_sops_reads_them() {
        let cases = [
            (" one\n", "\"one\" <one>"),
            (" two words ; inline \r\n", "\"two words\" <two words> | ; inline"),
            ("http://x/#frag", "\"http://x/\" <http://x/> | #frag"),
            ("\"quoted\"", "\"quoted\" <\"quoted\">"),
            ("'it'", "\"it\" <'it'>"),
            ("\"a\" and \"b\"", "\"\\\"a\\\" and \\\"b\\\"\" <\"a\" and \"b\">"),
            ("\"a;b\"", "\"\\\"a\" <\"a> | ;b\""),
            (" `back;tick`\n", "\"back;tick\" <`back;tick`>"),
            ("`a` ; c", "\"a\" <`a`> | ; c"),
            ("\"\"\"line1\nline2\"\"\" # c\nk=v", "\"line1\\nline2\" <\"\"\"line1\nline2\"\"\"> | # c"),
            ("\"\"\"\"\"\"\n", "\"\" <\"\"\"\"\"\">"),
            ("\"\"\"", "\"\\\"\\\"\\\"\" <\"\"\">"),
            ("a\\\n  b\\\nc\nd", "\"abc\" <a\\\n  b\\\nc>"),
            ("", "\"\" <>"),
            ("  \n", "\"\" <>"),
            ("; c", "\"\" <> | ; c"),
            ("`a` b", "text behind a closing quote"),
            ("`a\nb", "a closing quote of a value is missing"),
        ];
        for (text, want) in cases {
            assert_eq!(show(text), want, "{text:?}");
        }
    }

    #[test]
    fn keys_end_at_the_first_delimiter_outside_quotes() {
        let cases = [
            ("a = b", Ok(("a", 3))),
            ("a b: c=d", Ok(("a b", 4))),
            ("`a=b` = c", Ok(("a=b", 7))),
            ("\"a:b\"=c", Ok(("a:b", 6))),
            ("\"\"\"a\"b\"\"\" = c", Ok(("a\"b", 11))),
            ("no delimiter", Err("a line without `=` or `:`")),
            ("= x", Err("a key without a name")),
            ("`a", Err("a closing quote of a key is missing")),
        ];
        for (text, want) in cases {
            assert_eq!(key(text, 0), want.map(|(key, at)| (key.to_owned(), at)), "{text}");
        }
    }
}
