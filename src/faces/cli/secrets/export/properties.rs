//! Java properties, as `Properties.load` reads them, whatever the charset of the reader.
//!
//! Everything beyond printable ASCII is spelt as `\uXXXX`.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::faces::cli::secrets::chosen::{Variable, refused};
use crate::faces::exit::Report;

/// One `key=value` a line.
pub(super) fn lines(variables: &[Variable]) -> Result<Zeroizing<String>, Report> {
    let mut text = Zeroizing::new(String::new());
    for variable in variables {
        if variable.name.is_empty() {
            return Err(refused(&variable.name, "is no name of a property"));
        }
        let value = std::str::from_utf8(&variable.value)
            .map_err(|_| refused(&variable.name, "holds bytes that are no text"))?;
        escape(&mut text, &variable.name, true);
        text.push('=');
        escape(&mut text, value, false);
        text.push('\n');
    }
    Ok(text)
}

fn escape(text: &mut String, part: &str, is_key: bool) {
    for (at, c) in part.chars().enumerate() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{c}' => text.push_str("\\f"),
            ' ' if is_key || at == 0 => text.push_str("\\ "),
            ':' | '=' | '#' | '!' if is_key || at == 0 => {
                text.push('\\');
                text.push(c);
            }
            ' '..='~' => text.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn keys_and_values_are_escaped_for_their_place() {
        for (part, is_key, want) in [
            ("a b:c", true, "a\\ b\\:c"),
            (" a b:c", false, "\\ a b:c"),
            ("two\nlines\\", false, "two\\nlines\\\\"),
            ("é😀", false, "\\u00e9\\ud83d\\ude00"),
            ("#x", false, "\\#x"),
        ] {
            let mut text = String::new();
            escape(&mut text, part, is_key);
            assert_eq!(text, want);
        }
    }
}
