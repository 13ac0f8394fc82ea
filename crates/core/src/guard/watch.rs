//! What was seen last, and what has become worse since.
//!
//! The first look at a place alarms nobody: it is what the place is compared with from then on. What became worse stays said until
//! it is mended.

use serde::{Deserialize, Serialize};

use super::{Aspect, Finding, GuardReason, Place, Weight};
use crate::domain::Timestamp;

/// The memory of the watch over one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Places that were looked at.
    places: Vec<Place>,
    /// What was found there.
    seen: Vec<Finding>,
    /// What became worse and is not mended.
    weakened: Vec<Weakened>,
}

/// A finding that was not there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weakened {
    /// What.
    pub finding: Finding,
    /// When it was first seen.
    pub since: Timestamp,
}

impl Watch {
    /// What became worse and is not mended, oldest first.
    #[must_use]
    pub fn weakened(&self) -> &[Weakened] {
        &self.weakened
    }

    /// Takes in a look at all places; what became worse by it.
    pub fn look(&mut self, places: &[Place], now: Vec<Finding>, at: Timestamp) -> Vec<Finding> {
        let known = |finding: &&Finding| self.places.contains(&finding.place);
        let worse: Vec<Finding> = now.iter().filter(known).filter_map(|finding| self.worse(finding)).collect();
        let stands = |old: &Weakened| {
            let old = &old.finding;
            let same = now.iter().find(|new| new.place == old.place && new.reason == old.reason);
            same.is_some_and(|new| old.detail.is_empty() || names(&old.detail).any(|name| has(new, name)))
        };
        let unseen =
            |place: &Place| now.iter().any(|new| new.place == *place && new.reason == GuardReason::RulesUnknown);
        // where nothing is shown now, what was there last is not forgotten
        self.weakened.retain(|old| places.contains(&old.finding.place) && (stands(old) || unseen(&old.finding.place)));
        for finding in &worse {
            self.note(finding, at);
        }
        let kept = std::mem::take(&mut self.seen).into_iter().filter(|old| unseen(&old.place) && !now.contains(old));
        self.seen = kept.collect();
        self.seen.extend(now);
        self.places = places.to_vec();
        worse
    }

    /// What of a finding is worse than it was in the same place, if anything is: where more is named than before, that.
    fn worse(&self, finding: &Finding) -> Option<Finding> {
        let (aspect, badness) = finding.reason.rank();
        let before: Vec<_> = self.seen.iter().filter(|old| old.place == finding.place).collect();
        let open = before.iter().any(|old| old.reason.rank().0 == Aspect::Pushes);
        match finding.reason.weight() {
            // where rules are new, who stands above them is new as well, and less than nobody having been kept out
            Weight::Gap if aspect == Aspect::Bypass && open => return None,
            Weight::Unknown if finding.reason != GuardReason::RulesUnknown => return None,
            Weight::Gap | Weight::Unknown => {}
        }
        if let Some(same) = before.iter().find(|old| old.reason == finding.reason) {
            let more: Vec<&str> = names(&finding.detail).filter(|name| !has(same, name)).collect();
            return (!more.is_empty()).then(|| Finding { detail: more.join(", "), ..finding.clone() });
        }
        let worst =
            before.iter().map(|old| old.reason.rank()).filter(|(of, _)| *of == aspect).map(|(_, bad)| bad).max();
        worst.is_none_or(|worst| worst < badness).then(|| finding.clone())
    }

    /// Says it from now on, beside what was said of the same before.
    fn note(&mut self, finding: &Finding, at: Timestamp) {
        let same = |old: &Weakened| old.finding.place == finding.place && old.finding.reason == finding.reason;
        let mut details: Vec<&str> = Vec::new();
        for known in self.weakened.iter().filter(|old| same(old)) {
            details.extend(names(&known.finding.detail));
        }
        details.extend(names(&finding.detail));
        let finding = Finding { detail: details.join(", "), ..finding.clone() };
        let weakened = Weakened { finding, since: at };
        self.weakened
            .retain(|old| old.finding.place != weakened.finding.place || old.finding.reason != weakened.finding.reason);
        self.weakened.push(weakened);
    }
}

fn has(finding: &Finding, name: &str) -> bool {
    names(&finding.detail).any(|known| known == name)
}

fn names(detail: &str) -> impl Iterator<Item = &str> {
    detail.split(", ").filter(|name| !name.is_empty())
}
