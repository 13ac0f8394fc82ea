//! Where a value stands inside a document: map keys and list positions from the root.
//!
//! Never names a file, and never says which of several YAML documents is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One step from a container to something in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The value under a map key (decoded text, not its spelling in the file).
    Key(String),
    /// The list element at a position counted from 0; comments do not count.
    Index(usize),
}

/// A path of steps. Shown as `a.b[0]`; keys that would be misread are quoted: `a["b.c"]`.
///
/// ```
/// use sops_file::KeyPath;
///
/// let path: KeyPath = r#"["a"]["b.c"][0]"#.parse()?;
/// assert_eq!(path.to_string(), r#"a["b.c"][0]"#);
/// assert_eq!(path, KeyPath::root().key("a").key("b.c").index(0));
/// # Ok::<(), sops_file::PathError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<Step>);

impl KeyPath {
    /// The root of a document.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path and one more map key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// This path and one more list position.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    pub(crate) fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Whether `other` is this path or lies below it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl From<&[Step]> for KeyPath {
    fn from(steps: &[Step]) -> Self {
        Self(steps.to_vec())
    }
}

impl FromIterator<Step> for KeyPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

fn is_bare(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| !matches!(c, '.' | '[' | ']' | '"' | '\'' | '\\') && !c.is_whitespace() && !c.is_control())
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if is_bare(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(f, "{dot}{key}")?;
                }
                Step::Key(key) => {
                    f.write_str("[\"")?;
                    for c in key.chars() {
                        match c {
                            '"' => f.write_str("\\\"")?,
                            '\\' => f.write_str("\\\\")?,
                            '\n' => f.write_str("\\n")?,
                            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                            c => write!(f, "{c}")?,
                        }
                    }
                    f.write_str("\"]")?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for KeyPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not a key path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "not a key path: {what} at character {at} (help: write `a.b[0]`, or `[\"a.b\"]` for keys with special characters)"
)]
pub struct PathError {
    what: &'static str,
    at: usize,
}

impl FromStr for KeyPath {
    type Err = PathError;

    /// Reads `a.b[0]`, `a["b.c"]` and the form of sops, `["a"]["b"][0]`, with either quote.
    fn from_str(text: &str) -> Result<Self, PathError> {
        let chars: Vec<char> = text.chars().collect();
        let mut reader = Reader { chars: &chars, at: 0 };
        let mut steps = Vec::new();
        while reader.at < chars.len() {
            steps.push(reader.step(steps.is_empty())?);
        }
        if steps.is_empty() {
            return Err(reader.fault("nothing"));
        }
        Ok(Self(steps))
    }
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, what: &'static str) -> PathError {
        PathError { what, at: self.at + 1 }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn step(&mut self, first: bool) -> Result<Step, PathError> {
        match self.peek() {
            Some('[') => {
                self.at += 1;
                let step = match self.peek() {
                    Some(quote @ ('"' | '\'')) => Step::Key(self.quoted(quote)?),
                    _ => Step::Index(self.number()?),
                };
                match self.next() {
                    Some(']') => Ok(step),
                    _ => Err(self.fault("a missing `]`")),
                }
            }
            Some('.') if !first => {
                self.at += 1;
                self.bare()
            }
            _ if first => self.bare(),
            _ => Err(self.fault("a missing `.`")),
        }
    }

    fn bare(&mut self) -> Result<Step, PathError> {
        let start = self.at;
        while self.peek().is_some_and(|c| !matches!(c, '.' | '[')) {
            self.at += 1;
        }
        let key: String = self.chars[start..self.at].iter().collect();
        if is_bare(&key) { Ok(Step::Key(key)) } else { Err(self.fault("a key that must be quoted")) }
    }

    fn number(&mut self) -> Result<usize, PathError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.chars[start..self.at].iter().collect();
        digits.parse().map_err(|_| self.fault("a bad list position"))
    }

    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        self.at += 1;
        let mut key = String::new();
        loop {
            match self.next() {
                None => return Err(self.fault("an open quote")),
                Some(c) if c == quote => return Ok(key),
                Some('\\') => key.push(self.escaped()?),
                Some(c) => key.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, PathError> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some(c @ ('"' | '\'' | '\\')) => Ok(c),
            Some('u') if self.next() == Some('{') => {
                let start = self.at;
                while self.peek().is_some_and(|c| c != '}') {
                    self.at += 1;
                }
                let digits: String = self.chars[start..self.at].iter().collect();
                self.at += 1;
                u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or_else(|| self.fault("a bad escape"))
            }
            _ => Err(self.fault("a bad escape")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KeyPath, Step};

    #[test]
    fn paths_are_read_in_both_spellings() {
        let want = KeyPath::root().key("a").key("b").index(0).key("c");
        for text in ["a.b[0].c", "[\"a\"]['b'][0][\"c\"]", "a[\"b\"][0].c"] {
            assert_eq!(text.parse(), Ok(want.clone()), "{text}");
        }
        assert_eq!(want.to_string(), "a.b[0].c");
        assert_eq!(KeyPath::root().key("x.y").to_string(), "[\"x.y\"]");
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in ["", ".", "a.", "a..b", "[", "[0", "[x]", "[\"a]", "a]b", "a[0]b", "a b"] {
            assert!(text.parse::<KeyPath>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverses(keys in prop::collection::vec((any::<bool>(), any::<String>(), 0usize..9), 1..5)) {
            let path: KeyPath = keys
                .into_iter()
                .map(|(list, key, index)| if list { Step::Index(index) } else { Step::Key(key) })
                .collect();
            prop_assert_eq!(path.to_string().parse::<KeyPath>(), Ok(path));
        }
    }
}
