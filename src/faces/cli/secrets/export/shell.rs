//! Assignments as a POSIX shell reads them.
//!
//! In single quotes nothing has a meaning but the single quote, which is written as `'\''`. Names a shell does not take are refused.

use zeroize::Zeroizing;

use crate::faces::cli::secrets::chosen::{Variable, refused};
use crate::faces::exit::Report;

/// One assignment a line, each after `lead`.
pub(super) fn assignments(variables: &[Variable], lead: &str) -> Result<Zeroizing<String>, Report> {
    let mut text = Zeroizing::new(String::new());
    for variable in variables {
        if !is_name(&variable.name) {
            return Err(refused(&variable.name, "is no name of a shell variable"));
        }
        let value = quoted(variable.text()?);
        for part in [lead, &variable.name, "=", &value, "\n"] {
            text.push_str(part);
        }
    }
    Ok(text)
}

/// Letters, digits and underscores, not a digit first.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(fits) && name.starts_with(|c: char| !c.is_ascii_digit())
}

fn quoted(value: &str) -> Zeroizing<String> {
    let needs_none = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !value.is_empty() && value.chars().all(needs_none) {
        return Zeroizing::new(value.to_owned());
    }
    Zeroizing::new(format!("'{}'", value.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::{is_name, quoted};

    #[test]
    fn a_shell_sees_nothing_but_the_value() {
        for (value, want) in [
            ("plain-1.0", "plain-1.0"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(x) `y` \"z\"", "'$(x) `y` \"z\"'"),
            ("it's", "'it'\\''s'"),
            ("~", "'~'"),
            ("two\nlines", "'two\nlines'"),
        ] {
            assert_eq!(&*quoted(value), want);
        }
    }

    #[test]
    fn names_are_those_of_a_shell() {
        for (name, fits) in [("A_1", true), ("_", true), ("1A", false), ("", false), ("a-b", false), ("ä", false)] {
            assert_eq!(is_name(name), fits, "{name}");
        }
    }
}
