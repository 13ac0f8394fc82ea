//! JSON as Go's encoder writes it (SOPS reference 11.2).
//!
//! Never writes comments.

use crate::plain::Plain;
use crate::value::Value;

/// A text in quotes; `<`, `>`, `&` and the two line separators are escaped as Go does.
pub(crate) fn text(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A scalar. JSON has no times and no infinities: times become text.
pub(crate) fn scalar(value: &Plain) -> String {
    match value {
        Plain::Null => "null".to_owned(),
        Plain::Bool(true) => "true".to_owned(),
        Plain::Bool(false) => "false".to_owned(),
        Plain::Int(number) => number.to_string(),
        Plain::Float(number) => float(*number),
        Plain::Time(moment) => text(moment.as_str()),
        Plain::Text(value) | Plain::Comment(value) => text(value),
        Plain::Bytes(bytes) => text(&String::from_utf8_lossy(bytes)),
    }
}

/// Shortest digits; exponent form only below 1e-6 or from 1e21.
fn float(number: f64) -> String {
    if !number.is_finite() {
        return "null".to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let scientific = format!("{number:e}");
        return match scientific.split_once("e-") {
            Some(_) => scientific,
            None => scientific.replace('e', "e+"),
        };
    }
    number.to_string()
}

/// A value over several lines, the first one at a place that is indented by `indent`.
pub(crate) fn value(value: &Value, indent: &str, unit: &str) -> String {
    let below = format!("{indent}{unit}");
    let lines = |open: char, lines: Vec<String>, close: char| {
        if lines.is_empty() {
            return format!("{open}{close}");
        }
        format!("{open}\n{below}{}\n{indent}{close}", lines.join(&format!(",\n{below}")))
    };
    match value {
        Value::Scalar(plain) => scalar(plain),
        Value::Map(entries) => {
            let entry = |(key, value): &(String, Value)| format!("{}: {}", text(key), self::value(value, &below, unit));
            lines('{', entries.iter().map(entry).collect(), '}')
        }
        Value::List(elements) => {
            lines('[', elements.iter().map(|element| self::value(element, &below, unit)).collect(), ']')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{scalar, value};
    use crate::plain::Plain;
    use crate::value::Value;

    #[test]
    fn scalars_are_written_as_go_writes_them() {
        let cases =
            [(1.0, "1"), (1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-7, "1e-7"), (0.000001, "0.000001")];
        for (number, want) in cases {
            assert_eq!(scalar(&Plain::Float(number)), want);
        }
        assert_eq!(scalar(&Plain::text("<a&b>\u{1}\u{2028}é")), "\"\\u003ca\\u0026b\\u003e\\u0001\\u2028é\"");
    }

    #[test]
    fn containers_are_indented() {
        let map = Value::Map(vec![
            ("a".to_owned(), Value::List(vec![Value::text("x")])),
            ("e".to_owned(), Value::Map(vec![])),
        ]);
        assert_eq!(value(&map, "", "\t"), "{\n\t\"a\": [\n\t\t\"x\"\n\t],\n\t\"e\": {}\n}");
    }
}
