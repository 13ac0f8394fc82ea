//! Bots whose value changes need no person: who they are, and which keys they may change.
//!
//! Says nothing about a change; whether one holds for it is the decision's question.

use crate::domain::{Environment, Login, UserId};

use super::model::EnvironmentSelector;

/// One entry of `machines`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub(super) id: UserId,
    pub(super) login: Login,
    pub(super) environments: EnvironmentSelector,
    pub(super) keys: Vec<KeyPattern>,
}

impl Machine {
    /// Its account.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }

    /// Its name, for people; never compared.
    #[must_use]
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Whether it may change values of this environment.
    #[must_use]
    pub fn serves(&self, environment: &Environment) -> bool {
        self.environments.holds(environment)
    }

    /// Whether it may change the value of this key (`db.password`, `hosts[0]`).
    #[must_use]
    pub fn may_change(&self, key: &str) -> bool {
        self.keys.iter().any(|pattern| pattern.matches(key))
    }

    /// Whether everything `other` lets a bot do, this lets it do too.
    pub(super) fn allows_all_of(&self, other: &Self) -> bool {
        let environments = match (&self.environments, &other.environments) {
            (EnvironmentSelector::All, _) => true,
            (EnvironmentSelector::Named(_), EnvironmentSelector::All) => false,
            (EnvironmentSelector::Named(own), EnvironmentSelector::Named(named)) => {
                named.iter().all(|name| own.contains(name))
            }
        };
        self.id == other.id && environments && other.keys.iter().all(|key| self.keys.contains(key))
    }
}

/// A pattern for keys: read between the dots, `*` any characters, `?` one; nothing crosses a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern(String);

impl KeyPattern {
    /// Reads a pattern; `None` when it is empty, longer than 200 characters or holds a control character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fine = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fine.then(|| Self(text.to_owned()))
    }

    /// Whether the key is one of those meant.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        let (own, key): (Vec<&str>, Vec<&str>) = (self.0.split('.').collect(), key.split('.').collect());
        own.len() == key.len() && own.iter().zip(key).all(|(pattern, part)| part_matches(pattern, part))
    }
}

/// One part between dots: the text before the first `*`, then each further piece at its first place, the last at the end.
pub(super) fn part_matches(pattern: &str, part: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let part: Vec<char> = part.chars().collect();
    let (mut at, mut to) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while to < part.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, to));
                at += 1;
            }
            Some(c) if *c == '?' || *c == part[to] => {
                at += 1;
                to += 1;
            }
            Some(_) | None => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    at = after;
                    to = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_pattern_never_crosses_a_dot() {
        let cases = [
            ("TLS_*", "TLS_KEY", true),
            ("TLS_*", "TLS_", true),
            ("TLS_*", "tls_key", false),
            ("TLS_*", "TLS_KEY.inner", false),
            ("TLS_*", "db.TLS_KEY", false),
            ("db.*", "db.password", true),
            ("db.*", "db.a.b", false),
            ("*_KEY", "A_KEY_KEY", true),
            ("*_KEY", "A_KEY_X", false),
            ("key?", "key1", true),
            ("key?", "key", false),
            ("*", "anything", true),
            ("hosts[*]", "hosts[0]", true),
        ];
        for (pattern, key, expected) in cases {
            assert_eq!(KeyPattern::parse(pattern).unwrap().matches(key), expected, "{pattern} {key}");
        }
        assert_eq!(KeyPattern::parse(""), None);
    }
}
