//! Entries of a bypass: that a change was merged without its approvals, and that they were given afterwards (`changes.md` 7).
//!
//! Between the two there is a debt. Neither holds a value; the reason is what its author wrote in public.

use serde::{Deserialize, Serialize};

use super::decided::{Approval, RecordedFacts};
use crate::decision::Bypass;
use crate::domain::{Environment, Login, Oid, PrNumber, Sequence, Span, Timestamp, UserId};
use crate::facts::{BypassAsked, BypassSource};

/// What a bypass lifts, and whose it is: part of the decision it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bypassing {
    /// The environments whose policies are bypassed, in order.
    pub environments: Vec<Environment>,
    /// The policies that were not satisfied, in the order of the file.
    pub policies: Vec<String>,
    /// Who bypasses them, in order of ids.
    pub by: Vec<BypassWord>,
    /// Within which time after the merge it must be ratified: the shortest of those policies.
    pub ratify_within: Span,
}

impl Bypassing {
    /// What is recorded of a bypass that stands.
    #[must_use]
    pub fn of(bypass: &Bypass) -> Self {
        let word = |asked: &BypassAsked| BypassWord {
            user: asked.by.id,
            login: asked.by.login.clone(),
            via: asked.source.clone(),
            reason: asked.reason.clone(),
        };
        Self {
            environments: bypass.environments.clone(),
            policies: bypass.policies.clone(),
            by: bypass.by.iter().map(word).collect(),
            ratify_within: bypass.ratify_within,
        }
    }
}

/// The word of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BypassWord {
    /// Who.
    pub user: UserId,
    /// Their login then, for people.
    pub login: Login,
    /// Where they said it.
    pub via: BypassSource,
    /// Why, in their words.
    pub reason: String,
}

/// A change was merged by a bypass. Written together with its `merge` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BypassEntry {
    /// Which pull request.
    pub pull: PrNumber,
    /// The decision that was carried out.
    pub decision: Sequence,
    /// The head that was merged.
    pub head: Oid,
    /// The commit by which it was merged.
    pub commit: Oid,
    /// What was bypassed, by whom and why.
    pub bypass: Bypassing,
    /// When it was recorded.
    pub at: Timestamp,
    /// Until when it must be ratified.
    pub due: Timestamp,
}

/// Those who should have approved a bypassed change have approved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatificationEntry {
    /// Which pull request.
    pub pull: PrNumber,
    /// The decision whose bypass is ratified.
    pub decision: Sequence,
    /// The head that was merged.
    pub head: Oid,
    /// Whose approvals fill the seats of the bypassed policies.
    pub ratified_by: Vec<Approval>,
    /// What that was decided from.
    pub facts: RecordedFacts,
    /// When.
    pub at: Timestamp,
}
