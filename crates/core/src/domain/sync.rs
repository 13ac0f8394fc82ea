//! Names around a sync: the alias of a granted secret, a target, one delivery to it.
//!
//! A name never holds a value: what an alias stands for is known to whoever grants it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{InvalidId, RepoId, Sequence};
use super::path::Environment;

macro_rules! name {
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

name!(/// What a policy file writes instead of a secret (`url_from: HOOK_URL`). Whoever runs countersign grants it a value.
Alias, "an alias (`A-Z` first, then `A-Z`, `0-9`, `_`; at most 64)", |text| {
    (1..=64).contains(&text.len())
        && text.as_bytes()[0].is_ascii_uppercase()
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
});
name!(/// Name of a target, unique in its environment.
TargetName, "the name of a target (`a-z`, `0-9`, `-`; at most 64)", |text| {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
});

/// One delivery to a webhook target: `sync_<repository>_<generation>_<environment>_<target>_<alias of the secret>`.
///
/// It is the `webhook-id` of every attempt, so that a repetition can be told, and the address a receiver calls back at. It says
/// which secret must have signed that call; whether the target really uses that secret is for the turn to ask the policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyncId {
    /// Repository.
    pub repo: RepoId,
    /// Sequence of the covering ledger entry.
    pub generation: Sequence,
    /// Environment.
    pub environment: Environment,
    /// Target.
    pub target: TargetName,
    /// Alias of the secret that signs.
    pub secret: Alias,
}

impl SyncId {
    /// Parses what [`fmt::Display`] prints, and nothing else.
    ///
    /// # Errors
    /// When the text is no such id.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let surplus = || InvalidId::new(text, "the id of a sync");
        let mut parts = text.splitn(6, '_');
        let mut next = || parts.next().ok_or_else(surplus);
        if next()? != "sync" {
            return Err(surplus());
        }
        let id = Self {
            repo: next()?.parse().map_err(|_| surplus())?,
            generation: next()?.parse().map_err(|_| surplus())?,
            environment: Environment::parse(next()?).map_err(|_| surplus())?,
            target: TargetName::parse(next()?).map_err(|_| surplus())?,
            secret: Alias::parse(next()?).map_err(|_| surplus())?,
        };
        // `+7` and `007` are numbers too
        if id.to_string() == text { Ok(id) } else { Err(surplus()) }
    }
}

impl fmt::Display for SyncId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, generation, environment, target, secret } = self;
        write!(f, "sync_{repo}_{generation}_{environment}_{target}_{secret}")
    }
}

impl FromStr for SyncId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl Serialize for SyncId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SyncId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// One order to a job: `job_<repository>_<generation>_<environment>_<target>_<which>`, counted from 1 for each delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// Repository.
    pub repo: RepoId,
    /// Sequence of the covering ledger entry.
    pub generation: Sequence,
    /// Environment.
    pub environment: Environment,
    /// Target.
    pub target: TargetName,
    /// Which order for this delivery it is.
    pub attempt: u32,
}

impl JobId {
    /// Parses what [`fmt::Display`] prints, and nothing else.
    ///
    /// # Errors
    /// When the text is no such id.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let surplus = || InvalidId::new(text, "the id of an order");
        let mut parts = text.splitn(6, '_');
        let mut next = || parts.next().ok_or_else(surplus);
        if next()? != "job" {
            return Err(surplus());
        }
        let id = Self {
            repo: next()?.parse().map_err(|_| surplus())?,
            generation: next()?.parse().map_err(|_| surplus())?,
            environment: Environment::parse(next()?).map_err(|_| surplus())?,
            target: TargetName::parse(next()?).map_err(|_| surplus())?,
            attempt: next()?.parse().map_err(|_| surplus())?,
        };
        if id.to_string() == text { Ok(id) } else { Err(surplus()) }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, generation, environment, target, attempt } = self;
        write!(f, "job_{repo}_{generation}_{environment}_{target}_{attempt}")
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_alias_looks_like_a_variable_and_a_target_like_an_environment() {
        for text in ["A", "HOOK_URL", "A1_", "X__Y"] {
            assert_eq!(Alias::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "hook", "1A", "_A", "A-B", "A B", "Ä", &"A".repeat(65)] {
            assert!(Alias::parse(text).is_err(), "{text}");
        }
        assert!(TargetName::parse("hook-2").is_ok());
        for text in ["", "Hook", "a_b", "a b", &"a".repeat(65)] {
            assert!(TargetName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_id_of_an_order_is_read_as_it_is_printed_and_in_no_other_form() {
        let text = "job_1296269_128_prod-eu_vault-2_3";
        let id = JobId::parse(text).unwrap();
        assert_eq!(
            (id.generation.get(), id.target.as_str(), id.attempt, id.to_string().as_str()),
            (128, "vault-2", 3, text)
        );
        for text in ["", "job", "sync_1_2_a_b_3", "job_1_2_a_b", "job_1_2_a_b_03", "job_1_2_a_b_x", "job_1_2_a_b_3_4"] {
            assert!(JobId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_id_of_a_sync_is_read_as_it_is_printed_and_in_no_other_form() {
        let text = "sync_1296269_128_prod-eu_hook-2_HOOK_SECRET_2";
        let id = SyncId::parse(text).unwrap();
        assert_eq!((id.repo.get(), id.generation.get(), id.environment.as_str()), (1_296_269, 128, "prod-eu"));
        assert_eq!((id.target.as_str(), id.secret.as_str()), ("hook-2", "HOOK_SECRET_2"));
        assert_eq!(id.to_string(), text);
        for text in [
            "",
            "sync",
            "msg_1_2_a_b_C",
            "sync_1_2_a_b",
            "sync_1_2_a_b_",
            "sync_1_2_a_b_c",
            "sync_01_2_a_b_C",
            "sync_+1_2_a_b_C",
            "sync_1_2_A_b_C",
            "sync_1_2__b_C",
            "sync_1_2_a_b_C ",
        ] {
            assert!(SyncId::parse(text).is_err(), "{text}");
        }
    }
}
