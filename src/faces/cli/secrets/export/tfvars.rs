//! Variables of Terraform and OpenTofu, with types and structure.
//!
//! Nothing in a text is a template: `${` and `%{` are escaped.

use std::fmt::Write as _;

use sops_file::{Plain, Value};
use zeroize::Zeroizing;

use crate::faces::cli::secrets::chosen::{refused, text_of};
use crate::faces::exit::Report;

/// One `name = value` for each top-level key.
pub(super) fn variables(document: &Value) -> Result<Zeroizing<String>, Report> {
    let mut text = Zeroizing::new(String::new());
    let Value::Map(entries) = document else { return Ok(text) };
    for (name, value) in entries {
        if !is_name(name) {
            return Err(refused(name, "is no name of a Terraform variable"));
        }
        let _ = write!(text, "{name} = ");
        write_value(&mut text, value, 0, name)?;
        text.push('\n');
    }
    Ok(text)
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.chars().all(fits) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn write_value(text: &mut String, value: &Value, depth: usize, name: &str) -> Result<(), Report> {
    let indent = "  ".repeat(depth + 1);
    match value {
        Value::Scalar(plain) => scalar(text, plain, name)?,
        Value::Map(entries) if entries.is_empty() => text.push_str("{}"),
        Value::List(elements) if elements.is_empty() => text.push_str("[]"),
        Value::Map(entries) => {
            text.push_str("{\n");
            for (key, value) in entries {
                text.push_str(&indent);
                quoted(text, key);
                text.push_str(" = ");
                write_value(text, value, depth + 1, name)?;
                text.push('\n');
            }
            let _ = write!(text, "{}}}", "  ".repeat(depth));
        }
        Value::List(elements) => {
            text.push_str("[\n");
            for value in elements {
                text.push_str(&indent);
                write_value(text, value, depth + 1, name)?;
                text.push_str(",\n");
            }
            let _ = write!(text, "{}]", "  ".repeat(depth));
        }
    }
    Ok(())
}

fn scalar(text: &mut String, plain: &Plain, name: &str) -> Result<(), Report> {
    match plain {
        Plain::Null => text.push_str("null"),
        Plain::Float(number) if !number.is_finite() => {
            return Err(refused(name, "holds a number that Terraform does not know"));
        }
        Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) => text.push_str(&String::from_utf8_lossy(&text_of(plain))),
        Plain::Text(value) | Plain::Comment(value) => quoted(text, value),
        Plain::Time(moment) => quoted(text, moment.as_str()),
        Plain::Bytes(_) => return Err(refused(name, "holds bytes that are no text")),
    }
    Ok(())
}

fn quoted(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => {
                text.push(c);
                text.push(c);
            }
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{is_name, variables};
    use sops_file::Value;

    #[test]
    fn types_and_structure_are_kept_and_templates_are_none() {
        let json = r#"{"a": "${x} %{y} $z \"q\"\n", "n": {"b": 1, "c": [true, null]}, "e": {}}"#;
        let text = variables(&Value::from_json(json).expect("JSON")).expect("written");
        let want = "a = \"$${x} %%{y} $z \\\"q\\\"\\n\"\nn = {\n  \"b\" = 1\n  \"c\" = [\n    true,\n    null,\n  ]\n}\ne = {}\n";
        assert_eq!(&*text, want);
    }

    #[test]
    fn names_are_identifiers() {
        for (name, fits) in [("a-1", true), ("1a", false), ("a.b", false), ("", false)] {
            assert_eq!(is_name(name), fits, "{name}");
        }
    }
}
