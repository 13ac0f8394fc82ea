//! Go's regular expressions (RE2) on the `regex` crate, so that a setting matches here what it matches
//! in sops (SOPS reference 5.5).
//!
//! Never changes what an expression means: the classes `\d \w \s \b` become their ASCII forms, and
//! characters that only this crate treats specially inside `[…]` are escaped.

use regex::{Regex, RegexBuilder};

/// Compiles an expression of Go's syntax; `None` when it has a fault or grows beyond the size limit.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&translate(pattern)?).size_limit(1 << 20).build().ok()
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'Q' if !in_class => quote_literally(&mut chars, &mut out),
                escaped => out.push_str(&escape(escaped, in_class)),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' | '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            c => out.push(c),
        }
    }
    Some(out)
}

fn quote_literally(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let mut literal = String::new();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next_if_eq(&'E').is_some() {
            break;
        }
        literal.push(c);
    }
    out.push_str(&regex::escape(&literal));
}

fn escape(c: char, in_class: bool) -> String {
    let class = |inner: &str| {
        if in_class { inner.to_owned() } else { format!("[{inner}]") }
    };
    match c {
        'd' => class("0-9"),
        'w' => class("0-9A-Za-z_"),
        's' => class("\\t\\n\\f\\r "),
        'D' => "[^0-9]".to_owned(),
        'W' => "[^0-9A-Za-z_]".to_owned(),
        'S' => "[^\\t\\n\\f\\r ]".to_owned(),
        'b' if !in_class => "(?-u:\\b)".to_owned(),
        // The crate refuses the negated ASCII boundary on text; this is the same assertion.
        'B' if !in_class => "\\B".to_owned(),
        c => format!("\\{c}"),
    }
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        let cases = [
            ("^(data|stringData)$", "stringData", true),
            ("^(data|stringData)$", "metadata", false),
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^[\w-]+$", "a-b_c", true),
            (r"^\w$", "é", false),
            (r"[^\d]", "1", false),
            ("[[a]", "[", true),
            ("[a&&b]", "&", true),
            ("[]a]", "]", true),
            ("[[:alpha:]]", "x", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            (r"\bkey\b", "my key", true),
            ("(?i)secret", "SECRET", true),
        ];
        for (pattern, text, want) in cases {
            assert_eq!(compile(pattern).map(|regex| regex.is_match(text)), Some(want), "{pattern} {text}");
        }
    }

    #[test]
    fn broken_expressions_are_refused() {
        for pattern in ["(", "[", "*", "a{2,1}", r"\", "(?=x)"] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
    }
}
