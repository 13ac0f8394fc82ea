//! Which values are sealed: the six settings, of which at most one may be set (SOPS reference 5).
//!
//! Never accepts an expression that does not compile: sops would then silently seal nothing.

use regex::Regex;

use crate::error::SealError;
use crate::go_regex;

/// One selection setting.
#[derive(Clone, Debug)]
pub struct Selection {
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    PlainSuffix(String),
    SealedSuffix(String),
    PlainKey(String, Regex),
    SealedKey(String, Regex),
    PlainComment(String, Regex),
    SealedComment(String, Regex),
}

/// The names of the six settings, in the order sops lists them.
pub const SETTINGS: [&str; 6] = [
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

/// The expression does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadExpression;

/// What is asked about: the keys from the root, and the comments that are active there.
pub(crate) struct Question<'a> {
    pub(crate) keys: &'a [&'a str],
    /// One list per open container, outermost first (reference 5.2).
    pub(crate) comments: &'a [Vec<&'a str>],
    pub(crate) is_comment: bool,
}

impl Selection {
    /// What holds when no setting is given (reference 5.1).
    #[must_use]
    pub fn default_suffix() -> Self {
        Self { rule: Rule::PlainSuffix("_unencrypted".to_owned()) }
    }

    /// Seals everything, whatever the names (binary documents).
    pub(crate) fn everything() -> Self {
        Self { rule: Rule::PlainSuffix(String::new()) }
    }

    /// Reads one of the six settings by its name in the metadata.
    ///
    /// # Errors
    /// [`SealError::Settings`] for an unknown name or an expression that does not compile.
    pub fn parse(setting: &str, text: &str) -> Result<Self, SealError> {
        let unknown = SealError::Settings { what: "there is no selection setting of that name" };
        let broken = SealError::Settings { what: "a selection setting holds a broken regular expression" };
        Self::new(setting, text).ok_or(unknown)?.map_err(|_| broken)
    }

    pub(crate) fn new(setting: &str, text: &str) -> Option<Result<Self, BadExpression>> {
        let compiled = |make: fn(String, Regex) -> Rule| {
            go_regex::compile(text).map(|regex| make(text.to_owned(), regex)).ok_or(BadExpression)
        };
        let rule = match setting {
            "unencrypted_suffix" => Ok(Rule::PlainSuffix(text.to_owned())),
            "encrypted_suffix" => Ok(Rule::SealedSuffix(text.to_owned())),
            "unencrypted_regex" => compiled(Rule::PlainKey),
            "encrypted_regex" => compiled(Rule::SealedKey),
            "unencrypted_comment_regex" => compiled(Rule::PlainComment),
            "encrypted_comment_regex" => compiled(Rule::SealedComment),
            _ => return None,
        };
        Some(rule.map(|rule| Self { rule }))
    }

    /// The setting as the metadata spell it: name and text.
    #[must_use]
    pub fn setting(&self) -> (&'static str, &str) {
        match &self.rule {
            Rule::PlainSuffix(text) => (SETTINGS[0], text),
            Rule::SealedSuffix(text) => (SETTINGS[1], text),
            Rule::PlainKey(text, _) => (SETTINGS[2], text),
            Rule::SealedKey(text, _) => (SETTINGS[3], text),
            Rule::PlainComment(text, _) => (SETTINGS[4], text),
            Rule::SealedComment(text, _) => (SETTINGS[5], text),
        }
    }

    /// Whether this text, as a comment in the file, would itself be taken for a marker.
    pub(crate) fn marks_plain(&self, comment: &str) -> bool {
        match &self.rule {
            Rule::PlainComment(_, regex) => regex.is_match(comment),
            Rule::PlainSuffix(_)
            | Rule::SealedSuffix(_)
            | Rule::PlainKey(..)
            | Rule::SealedKey(..)
            | Rule::SealedComment(..) => false,
        }
    }

    /// Whether a change elsewhere, to a comment, can decide over a value.
    pub(crate) fn goes_by_comments(&self) -> bool {
        match &self.rule {
            Rule::PlainComment(..) | Rule::SealedComment(..) => true,
            Rule::PlainSuffix(_) | Rule::SealedSuffix(_) | Rule::PlainKey(..) | Rule::SealedKey(..) => false,
        }
    }

    pub(crate) fn seals(&self, question: &Question<'_>) -> bool {
        let any_key = |test: &dyn Fn(&str) -> bool| question.keys.iter().any(|key| test(key));
        match &self.rule {
            Rule::PlainSuffix(suffix) => suffix.is_empty() || !any_key(&|key| key.ends_with(suffix.as_str())),
            Rule::SealedSuffix(suffix) => any_key(&|key| key.ends_with(suffix.as_str())),
            Rule::PlainKey(_, regex) => !any_key(&|key| regex.is_match(key)),
            Rule::SealedKey(_, regex) => any_key(&|key| regex.is_match(key)),
            Rule::PlainComment(_, regex) => !question.comments.iter().flatten().any(|comment| regex.is_match(comment)),
            Rule::SealedComment(_, regex) => {
                let last = question.comments.len().saturating_sub(1);
                question.comments.iter().enumerate().any(|(depth, comments)| {
                    let own = usize::from(question.is_comment && depth == last);
                    let others = comments.len().saturating_sub(own);
                    comments[..others].iter().any(|comment| regex.is_match(comment))
                })
            }
        }
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.setting() == other.setting()
    }
}

impl Eq for Selection {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Question, Selection};

    fn seals(setting: &str, text: &str, keys: &[&str], comments: &[Vec<&str>], is_comment: bool) -> bool {
        let selection = Selection::new(setting, text).unwrap().unwrap();
        selection.seals(&Question { keys, comments, is_comment })
    }

    #[test]
    fn a_match_on_a_map_covers_what_is_below_it() {
        assert!(!seals("unencrypted_suffix", "_plain", &["a_plain", "b"], &[], false));
        assert!(seals("unencrypted_suffix", "_plain", &["a", "b"], &[], false));
        assert!(seals("encrypted_suffix", "_enc", &["a_enc", "b"], &[], false));
        assert!(!seals("encrypted_suffix", "_enc", &["a"], &[], false));
        assert!(seals("encrypted_regex", "^data$", &["data", "x"], &[], false));
        assert!(!seals("encrypted_regex", "^data$", &["metadata"], &[], false));
        assert!(!seals("unencrypted_regex", "meta", &["metadata", "x"], &[], false));
    }

    #[test]
    fn a_marker_comment_stays_readable_and_the_next_ones_do_not() {
        let regex = "encrypted_comment_regex";
        assert!(!seals(regex, "enc", &[], &[vec![" enc"]], true));
        assert!(seals(regex, "enc", &[], &[vec![" enc", " more"]], true));
        assert!(seals(regex, "enc", &["a"], &[vec![" enc"], vec![]], false));
        assert!(!seals(regex, "enc", &["a"], &[vec![], vec![]], false));
        assert!(!seals("unencrypted_comment_regex", "plain", &["a"], &[vec![" plain"]], false));
    }

    #[test]
    fn a_broken_expression_is_refused() {
        assert!(Selection::new("encrypted_regex", "(").unwrap().is_err());
        assert!(Selection::new("encrypted-regex", "x").is_none());
    }
}
