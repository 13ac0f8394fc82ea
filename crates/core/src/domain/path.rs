//! Paths inside a repository, and environments.
//!
//! A path keeps the bytes Git stores. What may not stand in a governed or control scope is named by [`RepoPath::faults`] (R7);
//! nothing here normalises a path silently.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::ids::InvalidId;

/// A path as Git stores it: bytes, components separated by `/`, relative to the root. Passed on without being copied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Arc<[u8]>);

/// Why a path is refused in a governed or control scope (R7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathFault {
    /// Not valid UTF-8.
    NotUtf8,
    /// Not in Unicode normalisation form C.
    NotNfc,
    /// Holds a control or invisible formatting character.
    ControlCharacter,
    /// Holds a backslash or a colon, which other systems read as a separator.
    Separator,
    /// A component is empty, `.` or `..`.
    DotComponent,
    /// A component ends in a dot or a space.
    TrailingDotOrSpace,
    /// A component looks like `.git` to some file system.
    GitLookalike,
}

impl PathFault {
    /// What is wrong, as the end of "the path …".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotUtf8 => "is not valid UTF-8",
            Self::NotNfc => "is not in Unicode normalisation form C",
            Self::ControlCharacter => "holds a control or invisible character",
            Self::Separator => "holds a backslash or a colon",
            Self::DotComponent => "has an empty, `.` or `..` component",
            Self::TrailingDotOrSpace => "has a component ending in a dot or a space",
            Self::GitLookalike => "has a component that looks like `.git`",
        }
    }
}

impl RepoPath {
    /// Takes the bytes Git gave.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into().into())
    }

    /// A path written as text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// The bytes Git stores.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The form in which two paths are the same file on a case-folding, normalising file system (R7).
    #[must_use]
    pub fn folded(&self) -> Vec<u8> {
        match self.as_str() {
            Some(text) => {
                text.nfc().flat_map(char::to_lowercase).collect::<String>().nfc().collect::<String>().into_bytes()
            }
            None => self.0.to_ascii_lowercase(),
        }
    }

    /// Whether a look at each byte and the next is enough: letters, digits and a few marks (no `~`, as in `git~1`), and no component
    /// that begins or ends with a dot, or is empty. Nearly every path is like that; the others are looked at closely.
    fn is_plainly_fine(&self) -> bool {
        let bytes = &*self.0;
        let edge = |byte: u8| byte == b'/' || byte == b'.';
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
        // no branch in the loops, so that many bytes are looked at together
        let plain = bytes.iter().fold(true, |plain, byte| plain & is_plain(*byte));
        let pairs = bytes.iter().zip(&bytes[1..]);
        let apart = pairs.fold(true, |apart, (one, next)| {
            let (one, next) = (*one, *next);
            apart & !((one == b'/') & edge(next) | (next == b'/') & edge(one))
        });
        plain && apart && !edge(*first) && !edge(*last)
    }

    /// Everything that forbids this path in a governed or control scope; empty when it is fine (R7).
    #[must_use]
    pub fn faults(&self) -> Vec<PathFault> {
        if self.is_plainly_fine() {
            return Vec::new();
        }
        let Some(text) = self.as_str() else { return vec![PathFault::NotUtf8] };
        let mut faults = Vec::new();
        let mut note = |bad: bool, fault| {
            if bad {
                faults.push(fault);
            }
        };
        note(!is_nfc(text), PathFault::NotNfc);
        note(text.chars().any(is_hidden), PathFault::ControlCharacter);
        note(text.contains(['\\', ':']), PathFault::Separator);
        note(text.split('/').any(|part| matches!(part, "" | "." | "..")), PathFault::DotComponent);
        note(
            text.split('/').any(|part| part.ends_with(['.', ' ']) && !matches!(part, "." | "..")),
            PathFault::TrailingDotOrSpace,
        );
        note(text.split('/').any(is_git_lookalike), PathFault::GitLookalike);
        faults
    }
}

/// Bytes that no file system reads as anything but themselves, and dot and slash.
fn is_plain(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit_or_mark = byte.wrapping_sub(b'+') <= b'9' - b'+';
    letter | digit_or_mark | (byte == b'_') | (byte == b'@') | (byte == b'=')
}

/// Control characters, and those that no reader sees: zero-width, bidirectional overrides, byte-order mark, tags.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn is_git_lookalike(part: &str) -> bool {
    let plain: String = part.chars().filter(|c| !is_hidden(*c)).collect::<String>().to_lowercase();
    let plain = plain.trim_end_matches(['.', ' ']);
    plain == ".git" || plain.starts_with("git~")
}

impl fmt::Display for RepoPath {
    /// Text as it is; bytes that are no text, control characters and backslashes as `\xNN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_ascii_control() || c == '\\' {
                    write!(f, "\\x{:02x}", u32::from(c))?
                } else {
                    write!(f, "{c}")?
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for RepoPath {
    type Err = InvalidId;

    /// Inverse of [`fmt::Display`].
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('\\') {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            let code = rest.get(at + 2..at + 4).filter(|_| rest[at + 1..].starts_with('x'));
            let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
            bytes.push(byte.ok_or_else(|| InvalidId::new(text, "a path"))?);
            rest = &rest[at + 4..];
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(Self::from_bytes(bytes))
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Name of an environment: `[a-z0-9-]`, 1 to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Environment(String);

impl Environment {
    /// Parses a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters, or holds anything but `a-z`, `0-9` and `-`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fine = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(text, "an environment name (`a-z`, `0-9`, `-`, at most 64)"))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_printing() {
        for bytes in [&b"a/b"[..], b"a\\b", b"\xff\xfe", b"a\nb", "gr\u{fc}n/\u{1f511}".as_bytes()] {
            let path = RepoPath::from_bytes(bytes);
            assert_eq!(path.to_string().parse::<RepoPath>().unwrap(), path);
        }
    }

    proptest::proptest! {
        #[test]
        fn the_quick_look_never_passes_what_the_close_one_refuses(text in "[aGgit~._/ :-]{0,10}") {
            let path = RepoPath::new(&text);
            let bad = |part: &str| matches!(part, "" | "." | "..") || part.ends_with(['.', ' ']) || is_git_lookalike(part);
            if path.is_plainly_fine() {
                proptest::prop_assert!(!text.split('/').any(bad) && !text.contains([' ', ':']), "{}", text);
            }
        }
    }

    #[test]
    fn dangerous_paths_are_named() {
        let cases: &[(&[u8], &[PathFault])] = &[
            (b"secrets/production/db.yaml", &[]),
            ("secrets/gr\u{fc}n.yaml".as_bytes(), &[]),
            ("secrets/gru\u{308}n.yaml".as_bytes(), &[PathFault::NotNfc]),
            (b"secrets/\xff.yaml", &[PathFault::NotUtf8]),
            (b"secrets/a\x07.yaml", &[PathFault::ControlCharacter]),
            ("secrets/a\u{202e}lmay.yaml".as_bytes(), &[PathFault::ControlCharacter]),
            (b"secrets\\production", &[PathFault::Separator]),
            (b"secrets/../x", &[PathFault::DotComponent]),
            (b"secrets//x", &[PathFault::DotComponent]),
            (b"secrets/production./x", &[PathFault::TrailingDotOrSpace]),
            (b"secrets/production.", &[PathFault::TrailingDotOrSpace]),
            (b"secrets/", &[PathFault::DotComponent]),
            (b"/secrets", &[PathFault::DotComponent]),
            (b"", &[PathFault::DotComponent]),
            (b"\\", &[PathFault::Separator]),
            (b":", &[PathFault::Separator]),
            (b"{[^|]}", &[]),
            (b"secrets/.GIT/x", &[PathFault::GitLookalike]),
            (b"secrets/git~1/x", &[PathFault::GitLookalike]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(RepoPath::from_bytes(*bytes).faults(), *expected, "{}", RepoPath::from_bytes(*bytes));
        }
    }
}
