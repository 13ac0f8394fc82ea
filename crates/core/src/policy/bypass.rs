//! Who may bypass a soft policy, and what that costs (`policy.md`, `changes.md` 7).
//!
//! Says what the file says; whether a bypass stands is `decision`'s question.

use super::model::Approvers;
use crate::domain::Span;

/// The least length of a reason, where the file does not say.
pub(super) const MIN_REASON: u16 = 20;
/// Within which time a bypass is ratified, where the file does not say.
pub(super) const RATIFY_WITHIN: Span = Span::from_seconds(48 * 3_600);

/// Who may bypass a soft policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassRule {
    pub(super) people: Approvers,
    pub(super) min_reason: u16,
    pub(super) second_person: bool,
    pub(super) own_change: bool,
    pub(super) ratify_within: Span,
}

impl BypassRule {
    /// The people.
    #[must_use]
    pub fn people(&self) -> &Approvers {
        &self.people
    }

    /// The least number of characters of a reason.
    #[must_use]
    pub fn min_reason(&self) -> usize {
        usize::from(self.min_reason)
    }

    /// Whether it always takes two.
    #[must_use]
    pub fn second_person(&self) -> bool {
        self.second_person
    }

    /// Whether somebody may bypass for a change of their own.
    #[must_use]
    pub fn own_change(&self) -> bool {
        self.own_change
    }

    /// The time within which the original quorum ratifies.
    #[must_use]
    pub fn ratify_within(&self) -> Span {
        self.ratify_within
    }

    /// Whether a bypass under this rule asks for at least as much as under another one.
    pub(super) fn is_as_strict_as(&self, other: &Self) -> bool {
        let within = |inner: &Approvers, outer: &Approvers| {
            inner.users.iter().all(|login| outer.users.iter().any(|known| known.same_as(login)))
                && inner.teams.iter().all(|team| outer.teams.contains(team))
        };
        within(&self.people, &other.people)
            && self.min_reason >= other.min_reason
            && (self.second_person || !other.second_person)
            && (!self.own_change || other.own_change)
            && self.ratify_within <= other.ratify_within
    }
}
