//! Names and numbers that identify things at GitHub and in Git.
//!
//! Each type has one parsing constructor that refuses surplus, and prints what it parsed. People and teams are identified by
//! number; logins and slugs are for display and for the policy file (R1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

impl InvalidId {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected }
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Takes GitHub's number as it is.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number as GitHub writes it.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self).map_err(|_| InvalidId::new(text, concat!("a ", stringify!($name))))
            }
        }
    };
}

number!(/// Numeric id of an account (`User`, `Bot`).
    UserId);
number!(/// Numeric id of a team.
    TeamId);
number!(/// Numeric id of a repository; survives renames.
    RepoId);
number!(/// Numeric id of an App's installation.
    InstallationId);
number!(/// Number of a pull request inside its repository.
    PrNumber);
number!(/// Numeric id of a pull request review.
    ReviewId);
number!(/// Numeric id of an issue comment.
    CommentId);
number!(/// Numeric id of a check run.
    CheckId);
number!(/// Numeric id of a deployment.
    DeploymentId);
number!(/// Numeric id of a workflow run.
    RunId);
number!(/// Position of an entry in the ledger, from 1, without gaps.
    Sequence);

impl Sequence {
    /// The entry after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The public name of the entry: `L-<sequence>`.
    #[must_use]
    pub fn label(self) -> String {
        format!("L-{}", self.0)
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Parses the text.
            ///
            /// # Errors
            /// When the text is anything but
            #[doc = $expected]
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId::new(text, $expected)) }
            }

            /// The text as parsed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_name(text: &str, extra: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
}

fn is_login(text: &str) -> bool {
    is_name(text.strip_suffix("[bot]").unwrap_or(text), b"-_")
}

text!(/// Full object id of a Git object: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits. Prefixes are refused (R16).
    Oid, "a full Git object id", |text| matches!(text.len(), 40 | 64) && is_hex(text));
text!(/// Login of an account, `[bot]` suffix included. Display and policy only: two logins are never compared to identify a person.
    Login, "a GitHub login", is_login);
text!(/// Id of a webhook delivery (`X-GitHub-Delivery`); a redelivery carries the same one.
    DeliveryId, "a delivery id", |text| is_name(text, b"-_"));
text!(/// Full name of a reference: `refs/heads/main`.
    RefName, "a full reference name such as `refs/heads/main`", is_ref);

fn is_ref(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("refs/") else { return false };
    rest.contains('/')
        && text.len() <= 1000
        && !text.contains("..")
        && !text.contains("//")
        && !text.contains("@{")
        && !text.ends_with(['/', '.'])
        && !text.split('/').any(|part| part.starts_with('.') || part.ends_with(".lock"))
        && !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || b"~^:?*[\\".contains(&byte))
}

impl Oid {
    /// The first seven digits, for people to read; never for comparison.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }

    /// Whether this is Git's "no object" (all zeros): a created or deleted reference.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }
}

impl RefName {
    /// The reference of a branch.
    ///
    /// # Errors
    /// When `refs/heads/<branch>` is no reference name.
    pub fn branch(branch: &str) -> Result<Self, InvalidId> {
        Self::parse(&format!("refs/heads/{branch}"))
    }

    /// The branch name, if this is a branch.
    #[must_use]
    pub fn branch_name(&self) -> Option<&str> {
        self.0.strip_prefix("refs/heads/")
    }

    /// What people call it: the branch name, else the full name.
    #[must_use]
    pub fn short(&self) -> &str {
        self.branch_name().unwrap_or(&self.0)
    }
}

impl Login {
    /// Logins are case-insensitive at GitHub; the policy file compares them so.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

macro_rules! pair {
    ($(#[$doc:meta])* $name:ident, $first:ident, $second:ident, $expected:literal, $first_ok:expr, $second_ok:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            $first: String,
            $second: String,
        }

        impl $name {
            /// Parses `first/second`.
            ///
            /// # Errors
            /// When the text is anything but
            #[doc = $expected]
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let (first_ok, second_ok): (fn(&str) -> bool, fn(&str) -> bool) = ($first_ok, $second_ok);
                match text.split_once('/') {
                    Some((first, second)) if first_ok(first) && second_ok(second) => {
                        Ok(Self { $first: first.to_owned(), $second: second.to_owned() })
                    }
                    Some(_) | None => Err(InvalidId::new(text, $expected)),
                }
            }

            /// The part before the slash.
            #[must_use]
            pub fn $first(&self) -> &str {
                &self.$first
            }

            /// The part after the slash.
            #[must_use]
            pub fn $second(&self) -> &str {
                &self.$second
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", self.$first, self.$second)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

pair!(/// `owner/name` of a repository; display data, re-resolved from [`RepoId`].
    RepoName, owner, name, "a repository as `owner/name`",
    |owner| is_name(owner, b"-_"),
    |name| is_name(name, b"-_.") && name != "." && name != "..");
pair!(/// `org/team-slug` as written in a policy.
    TeamSlug, org, slug, "a team as `org/team-slug`",
    |org| is_name(org, b"-_"),
    |slug| is_name(slug, b"-_."));

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn printing_and_parsing_are_inverses() {
        for text in ["acme/app", "a-b/c.d_e"] {
            assert_eq!(RepoName::parse(text).unwrap().to_string(), text);
        }
        for text in ["refs/heads/main", "refs/heads/feature/x", "refs/pull/4/head"] {
            assert_eq!(RefName::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn surplus_is_refused() {
        for text in ["acme", "acme/app/x", "/app", "acme/", "acme/..", "ac me/app"] {
            assert!(RepoName::parse(text).is_err(), "{text}");
        }
        for text in [
            "main",
            "refs/heads",
            "refs/heads/",
            "refs/heads/a..b",
            "refs/heads/a b",
            "refs/heads/.a",
            "refs/heads/x.lock",
        ] {
            assert!(RefName::parse(text).is_err(), "{text}");
        }
        for text in ["abc", "ABCDEF0123456789ABCDEF0123456789ABCDEF01", "0123456789abcdef0123456789abcdef0123456"] {
            assert!(Oid::parse(text).is_err(), "{text}");
        }
        assert!(Login::parse("rotator[bot]").is_ok());
        assert!(Login::parse("rotator[bot][bot]").is_err());
    }
}
