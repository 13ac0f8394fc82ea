//! How sops writes a YAML scalar (SOPS reference 10.8): plain, quoted or as a literal block.
//!
//! Never decides where it goes; the caller says at which indent a block may stand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::resolve;
use crate::plain::Plain;

/// A scalar ready to be placed: one line, or a block header and its lines.
pub(crate) enum Written {
    Line(String),
    Block { header: String, lines: String },
}

/// Where a block scalar may stand.
#[derive(Clone, Copy)]
pub(crate) struct BlockPlace {
    /// Indent of the content.
    pub(crate) content: usize,
    /// Indent of the content counted from the parent, for the indent digit.
    pub(crate) relative: usize,
}

/// Writes a value for block style; without a place for a block it becomes one line.
pub(crate) fn block_style(value: &Plain, place: Option<BlockPlace>) -> Written {
    let Plain::Text(text) = value else {
        return Written::Line(not_text(value));
    };
    let look = Look::at(text);
    if !text.contains('\n') {
        return Written::Line(one_line(text, &look));
    }
    match place {
        Some(place) if look.block_fits() && (!text.starts_with([' ', '\n']) || (1..=9).contains(&place.relative)) => {
            literal(text, place)
        }
        Some(_) | None => Written::Line(double_quoted(text)),
    }
}

/// Writes a value for use inside brackets.
pub(crate) fn flow_style(value: &Plain) -> String {
    match value {
        Plain::Text(text) => double_quoted(text),
        Plain::Null
        | Plain::Bool(_)
        | Plain::Int(_)
        | Plain::Float(_)
        | Plain::Time(_)
        | Plain::Bytes(_)
        | Plain::Comment(_) => not_text(value),
    }
}

/// Writes a map key for block style, on one line.
pub(crate) fn key(text: &str) -> String {
    if text.contains('\n') { double_quoted(text) } else { one_line(text, &Look::at(text)) }
}

fn not_text(value: &Plain) -> String {
    match value {
        Plain::Null => "null".to_owned(),
        Plain::Bool(true) => "true".to_owned(),
        Plain::Bool(false) => "false".to_owned(),
        Plain::Int(number) => number.to_string(),
        Plain::Float(number) => float(*number),
        Plain::Time(moment) => moment.as_str().to_owned(),
        Plain::Bytes(bytes) => format!("!!binary {}", STANDARD.encode(bytes.as_slice())),
        Plain::Text(text) | Plain::Comment(text) => double_quoted(text),
    }
}

/// Shortest digits that round-trip; exponent form below 1e-4 and from 1e6.
fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    number.to_string()
}

/// What decides the style of a text (the flags of the emitter of libyaml).
#[derive(Default)]
struct Look {
    indicators: bool,
    outer_space: bool,
    trailing_space: bool,
    break_space: bool,
    space_break: bool,
    special: bool,
    tabs: bool,
    breaks: bool,
}

impl Look {
    fn at(text: &str) -> Self {
        let mut look = Self { indicators: text.starts_with("---") || text.starts_with("..."), ..Self::default() };
        let (mut chars, mut before) = (text.chars(), None);
        while let Some(c) = chars.next() {
            let behind = chars.clone().next();
            let (first, last) = (before.is_none(), behind.is_none());
            let blank = behind.is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            look.indicators |= match c {
                '#' => before.is_none_or(|c| matches!(c, ' ' | '\t' | '\n')),
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => first,
                '-' | '?' => first && blank,
                ':' => blank,
                _ => false,
            };
            match c {
                ' ' => {
                    look.outer_space |= first || last;
                    look.trailing_space |= last;
                    look.break_space |= before == Some('\n');
                }
                '\n' => {
                    look.breaks = true;
                    look.space_break |= before == Some(' ');
                }
                '\t' => look.tabs = true,
                c => look.special |= !is_printable(c),
            }
            before = Some(c);
        }
        look
    }

    fn block_fits(&self) -> bool {
        !self.trailing_space && !self.space_break && !self.special
    }
}

/// Characters beyond the basic plane count as non-printable (reference 10.8); other line breaks do here, too.
fn is_printable(c: char) -> bool {
    matches!(c, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

fn one_line(text: &str, look: &Look) -> String {
    if look.break_space || look.special || look.tabs || reads_as_other_type(text) {
        double_quoted(text)
    } else if look.indicators || look.outer_space || look.breaks {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        text.to_owned()
    }
}

fn reads_as_other_type(text: &str) -> bool {
    let is_text = resolve::plain(text).is_ok_and(|value| value.as_text().is_some());
    !is_text || text == "<<" || is_old_bool(text) || is_base_60(text)
}

fn is_old_bool(text: &str) -> bool {
    let words = ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
    words.contains(&text)
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit() || c == b'_');
    let (body, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = body.split(':');
    let head = parts.next().is_some_and(digits);
    let rest: Vec<&str> = parts.collect();
    let minute = |part: &&str| match part.as_bytes() {
        [a] => a.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    };
    head && !rest.is_empty() && rest.iter().all(minute) && digits(fraction)
}

pub(crate) fn double_quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02X}"),
                    0x100..=0xffff => write!(out, "\\u{code:04X}"),
                    _ => write!(out, "\\U{code:08X}"),
                };
            }
        }
    }
    out.push('"');
    out
}

fn literal(text: &str, place: BlockPlace) -> Written {
    let mut header = "|".to_owned();
    if text.starts_with([' ', '\n']) {
        header.push_str(&place.relative.to_string());
    }
    if !text.ends_with('\n') {
        header.push('-');
    } else if text == "\n" || text.ends_with("\n\n") {
        header.push('+');
    }
    let indent = " ".repeat(place.content);
    let body = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = String::with_capacity(text.len() + 16);
    for line in body.split('\n') {
        lines.push('\n');
        if !line.is_empty() {
            lines.push_str(&indent);
            lines.push_str(line);
        }
    }
    Written::Block { header, lines }
}

/// A scalar alone, as the YAML store prints it.
pub(crate) fn single_line(value: &Plain) -> String {
    match block_style(value, None) {
        Written::Line(line) => line + "\n",
        Written::Block { header, lines } => header + &lines + "\n",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BlockPlace, Written, block_style, key};
    use crate::plain::Plain;

    fn show(value: &Plain) -> String {
        match block_style(value, Some(BlockPlace { content: 4, relative: 4 })) {
            Written::Line(line) => line,
            Written::Block { header, lines } => header + &lines,
        }
    }

    #[test]
    fn texts_are_quoted_as_sops_quotes_them() {
        let cases = [
            ("hello", "hello"),
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("1:30", "\"1:30\""),
            ("123", "\"123\""),
            ("null", "\"null\""),
            (" x", "' x'"),
            ("x ", "'x '"),
            ("# x", "'# x'"),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
            ("a: b", "'a: b'"),
            ("a:b", "a:b"),
            ("a:", "'a:'"),
            ("-x", "-x"),
            ("- x", "'- x'"),
            ("it's", "it's"),
            ("'q'", "'''q'''"),
            ("a\tb", "\"a\\tb\""),
            ("\u{1f600}", "\"\\U0001F600\""),
            ("é", "é"),
            ("a\nb", "|-\n    a\n    b"),
            ("a\nb\n", "|\n    a\n    b"),
            ("a\n\n", "|+\n    a\n"),
            (" a\nb", "|4-\n     a\n    b"),
            ("a \nb", "\"a \\nb\""),
            ("ENC[AES256_GCM,data:a,iv:b]", "ENC[AES256_GCM,data:a,iv:b]"),
        ];
        for (text, want) in cases {
            assert_eq!(show(&Plain::text(text)), want, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_sops_writes_them() {
        let cases = [
            (1.5, "1.5"),
            (100.0, "100"),
            (1e21, "1e+21"),
            (1e-7, "1e-07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (123_456_789.125, "1.23456789125e+08"),
            (-0.0, "-0"),
            (f64::INFINITY, ".inf"),
        ];
        for (number, want) in cases {
            assert_eq!(show(&Plain::Float(number)), want);
        }
    }

    proptest! {
        #[test]
        fn every_text_reads_back_as_itself(text in "[ -~\n\t'\"#:é\u{1f600}\u{85}\u{feff}\r-]{0,12}", word in any::<String>()) {
            for text in [text, word] {
                let value = show(&Plain::text(text.as_str()));
                let source = format!("{}: {value}\n", key(&text));
                // The parser accepts keys up to its own limit.
                let tree = crate::yaml::parse(&source);
                prop_assert!(tree.is_ok(), "{:?}", source);
                let Ok(tree) = tree else { continue };
                let entry = tree.documents[0].root.entries().next().or(tree.documents[0].sops.as_ref());
                let Some(entry) = entry else { return Err(TestCaseError::fail("no entry")) };
                prop_assert_eq!(&entry.key, &text);
                let read = entry.node.scalar().and_then(|scalar| scalar.value.as_text());
                prop_assert_eq!(read, Some(text.as_str()), "{}", source);
            }
        }
    }
}
