//! Which keys of a target that holds values are ours, and what a delivery does to each of them.
//!
//! Values are not known here, only their marks: two values have one mark if and only if they are the same. A key that we did not
//! write is never changed or removed, unless the policy says `adopt`; one that we wrote is removed only where it says `prune: owned`.
//! Where a target keeps account of who holds a key, a key of ours that somebody else took over is written only where the policy says
//! so: `adopt`, or `on_drift: reapply`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::policy::Prune;

/// Marks by key.
pub type Marks = BTreeMap<String, String>;

/// What we know to have written to a target, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// Keys of the newest delivery.
    pub current: Marks,
    /// Keys of earlier ones that were left there.
    pub past: Marks,
    /// Keys of a delivery that was begun; how it ended is not known.
    pub claimed: Marks,
    /// Where values cannot be read back: when the target says that these keys were written, right after we did.
    #[serde(default)]
    pub written: Marks,
}

/// What a delivery does to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStep {
    /// It is not there yet.
    Add,
    /// It is ours, with another value.
    Change,
    /// It has the value.
    Keep,
    /// It is ours and no longer approved.
    Remove,
    /// As before, and the policy says that it stays.
    Leave,
    /// It is there, and not ours.
    Foreign,
}

/// What a delivery rests on.
#[derive(Debug, Clone, Copy)]
pub struct KeySituation<'a> {
    /// What is approved.
    pub wanted: &'a Marks,
    /// What the target holds.
    pub held: &'a Marks,
    /// What we wrote.
    pub ours: &'a Ownership,
    /// Whether keys of ours that are no longer approved are removed.
    pub prune: Prune,
    /// Keys that the target itself says somebody else holds, where it keeps account of that.
    pub theirs: &'a BTreeSet<String>,
    /// Whether keys that are there already are taken over.
    pub adopt: bool,
    /// Whether keys of ours that somebody else took over are taken back.
    pub reapply: bool,
}

impl Ownership {
    /// Whether a key that holds a value of this mark is ours.
    #[must_use]
    pub fn holds(&self, key: &str, mark: &str) -> bool {
        self.current.contains_key(key)
            || self.past.contains_key(key)
            // of a delivery of unknown end only what came out as it was to be
            || self.claimed.get(key).is_some_and(|claimed| claimed == mark)
    }

    /// Notes that a delivery is about to be made: which keys it will write. What an earlier one of unknown end is seen to have written
    /// is ours from now on.
    #[must_use]
    pub fn claim(&self, wanted: &Marks, steps: &BTreeMap<String, KeyStep>, held: &Marks) -> Self {
        let of = |(key, mark): (&String, &String)| (key.clone(), mark.clone());
        let mut past = self.past.clone();
        past.extend(held.iter().filter(|(key, mark)| self.holds(key, mark)).map(of));
        let writes = |key: &String| matches!(steps.get(key), Some(KeyStep::Add | KeyStep::Change));
        // a key that has its value already is not written, so what is seen there later says nothing
        let claimed = wanted.iter().filter(|(key, _)| writes(key)).map(of).collect();
        Self { current: self.current.clone(), past, claimed, written: self.written.clone() }
    }

    /// Notes that a delivery was made: what it did, key by key.
    #[must_use]
    pub fn settled(&self, wanted: &Marks, steps: &BTreeMap<String, KeyStep>, held: &Marks) -> Self {
        let left = |key: &String| steps.get(key) == Some(&KeyStep::Leave);
        let past = held.iter().filter(|(key, _)| left(key)).map(|(key, mark)| (key.clone(), mark.clone()));
        Self { current: wanted.clone(), past: past.collect(), claimed: Marks::new(), written: Marks::new() }
    }

    /// The mark of a key whose value cannot be read back: that of the value we wrote, if it was not written since.
    #[must_use]
    pub fn unread(&self, key: &str, written: &str) -> String {
        let ours = self.current.get(key).or_else(|| self.past.get(key));
        match ours {
            Some(mark) if self.written.get(key).is_some_and(|then| then == written) => mark.clone(),
            Some(_) | None => format!("written {written}"),
        }
    }

    /// What is ours where values cannot be read back: keys of a delivery of unknown end that are there now, whatever they hold. They
    /// were not there, or were to be taken over, when it began.
    #[must_use]
    pub fn resumed(&self, held: &BTreeSet<String>) -> Self {
        let mut ours = self.clone();
        for key in self.claimed.keys().filter(|key| held.contains(*key) && !self.current.contains_key(*key)) {
            ours.past.entry(key.clone()).or_insert_with(|| "unknown".to_owned());
        }
        ours
    }

    /// Keys of the newest delivery that no longer hold what they were given.
    #[must_use]
    pub fn strayed(&self, held: &Marks) -> BTreeSet<String> {
        self.current.iter().filter(|(key, mark)| held.get(*key) != Some(mark)).map(|(key, _)| key.clone()).collect()
    }
}

/// What a delivery does to each key it has to do with. With one [`KeyStep::Foreign`] among them it does nothing at all.
#[must_use]
pub fn key_steps(situation: &KeySituation<'_>) -> BTreeMap<String, KeyStep> {
    let KeySituation { wanted, held, ours, prune, theirs, adopt, reapply } = *situation;
    let mut steps = BTreeMap::new();
    for (key, mark) in wanted {
        let step = match held.get(key) {
            None => KeyStep::Add,
            Some(found) if !adopt && !ours.holds(key, found) => KeyStep::Foreign,
            Some(found) if found == mark => KeyStep::Keep,
            // ours once, and somebody else's by now
            Some(_) if theirs.contains(key) && !adopt && !reapply => KeyStep::Foreign,
            Some(_) => KeyStep::Change,
        };
        steps.insert(key.clone(), step);
    }
    for (key, found) in held.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
        if ours.holds(key, found) {
            let step = match prune {
                Prune::Owned => KeyStep::Remove,
                Prune::Never => KeyStep::Leave,
            };
            steps.insert(key.clone(), step);
        }
    }
    steps
}

/// Whether anything is to be written.
#[must_use]
pub fn writes(steps: &BTreeMap<String, KeyStep>) -> bool {
    steps.values().any(|step| matches!(step, KeyStep::Add | KeyStep::Change | KeyStep::Remove))
}

/// Keys that are there and not ours.
#[must_use]
pub fn foreign(steps: &BTreeMap<String, KeyStep>) -> Vec<&str> {
    steps.iter().filter(|(_, step)| **step == KeyStep::Foreign).map(|(key, _)| key.as_str()).collect()
}

#[cfg(test)]
mod tests;
