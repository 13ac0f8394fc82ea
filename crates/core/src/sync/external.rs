//! What an ExternalSecret says of itself, and what that means: would it read again when it is told, and has it since it was told?
//!
//! Of clocks only the cluster's counts. Beside it stands what the operator read for last, which changes with every telling: a second is
//! long, and a reading that had begun before may end in it.

use super::look::Look;
use super::run::Outcome;
use super::trouble::{SyncReason, Trouble};
use crate::domain::{Sequence, Timestamp};

/// Most characters of what an operator says.
const SAID: usize = 160;

/// An ExternalSecret as the cluster shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalSecret {
    /// Its name.
    pub name: String,
    /// The version it was seen at, in the cluster's words.
    pub version: String,
    /// When it reads.
    pub refresh: Refresh,
    /// The state of itself that it read for last, in the operator's words; `None`: it never read.
    pub synced: Option<String>,
    /// When it read last.
    pub read: Option<Timestamp>,
    /// Its condition `Ready`.
    pub ready: Ready,
    /// What it was told last by one of us.
    pub told: Option<Told>,
}

/// When an ExternalSecret reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// When its annotations change, among others.
    WhenTold,
    /// Once.
    Once,
}

/// What the operator says of its newest reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// Nothing yet.
    Open,
    /// It went well.
    True,
    /// It did not.
    False {
        /// Since when.
        since: Option<Timestamp>,
        /// Why, in words that others wrote.
        says: String,
    },
}

/// What one of us told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which target of which repository.
    pub target: String,
    /// For which entry.
    pub generation: Sequence,
    /// What it had read for last before that; empty: nothing.
    pub before: String,
    /// When, as the cluster says.
    pub at: Option<Timestamp>,
}

impl Refresh {
    /// From `refreshPolicy` and `refreshInterval` as they are written, which is a duration of Go.
    #[must_use]
    pub fn of(policy: Option<&str>, interval: Option<&str>) -> Self {
        let no_time = |text: &str| text.starts_with('-') || !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        match policy {
            Some("CreatedOnce") => Self::Once,
            Some("OnChange") => Self::WhenTold,
            _ if interval.is_some_and(no_time) => Self::Once,
            _ => Self::WhenTold,
        }
    }
}

impl ExternalSecret {
    /// Whether it was told for this generation of a target.
    #[must_use]
    pub fn was_told(&self, target: &str, generation: Sequence) -> bool {
        self.told.as_ref().is_some_and(|told| told.target == target && told.generation == generation)
    }

    /// Why it would not read when it is told, if it would not.
    #[must_use]
    pub fn never_reads(&self) -> Option<Trouble> {
        let never = self.refresh == Refresh::Once && self.synced.is_some();
        never.then(|| Trouble::new(SyncReason::NeverReads, &format!("`{}`", self.name)))
    }

    fn look(&self, target: &str, generation: Sequence) -> Look {
        let Some(told) = self.told.as_ref().filter(|_| self.was_told(target, generation)) else {
            let words = format!("`{}` no longer bears our note", self.name);
            return Look::Failed(Trouble::new(SyncReason::Conflict, &words));
        };
        let since_told = |time: Option<Timestamp>| match (time, told.at) {
            (Some(time), Some(at)) => time >= at,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let read = self.synced.as_deref().is_some_and(|synced| synced != told.before) && since_told(self.read);
        match &self.ready {
            Ready::True if read => Look::There,
            Ready::False { since, says } => {
                let words = format!("`{}`: {}", self.name, plain(says));
                if since_told(*since) {
                    Look::Failed(Trouble::new(SyncReason::ReportedFailure, &words))
                } else {
                    // perhaps of a reading before
                    Look::Unwell(Trouble::new(SyncReason::TargetUnwell, &words))
                }
            }
            Ready::True | Ready::Open => self.never_reads().map_or(Look::NotYet, Look::Unwell),
        }
    }
}

/// Why these must not be told for a generation of a target, if they must not.
#[must_use]
pub fn untellable(seen: &[ExternalSecret], target: &str, generation: Sequence) -> Option<Outcome> {
    let newer = |told: &Told| told.target == target && told.generation > generation;
    if seen.iter().filter_map(|one| one.told.as_ref()).any(newer) {
        return Some(Outcome::Refused(SyncReason::Older.into()));
    }
    let open = seen.iter().filter(|one| !one.was_told(target, generation));
    open.filter_map(ExternalSecret::never_reads).next().map(Outcome::Blocked)
}

/// Judges those that were told for a generation of a target: the worst of what they say.
#[must_use]
pub fn of_external_secrets(seen: &[ExternalSecret], target: &str, generation: Sequence) -> Look {
    let looks = seen.iter().map(|one| one.look(target, generation));
    let weight = |look: &Look| match look {
        Look::There => 0,
        Look::NotYet => 1,
        Look::Unwell(_) => 2,
        Look::Failed(_) => 3,
    };
    looks.max_by_key(weight).unwrap_or(Look::NotYet)
}

/// Words that somebody else wrote, on one line and cut.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_alphanumeric() || c.is_ascii_graphic() { c } else { ' ' };
    text.chars().take(SAID).map(shown).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TARGET: &str = "acme/app production/eso";

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp::from_seconds(seconds))
    }

    fn fine() -> ExternalSecret {
        let told =
            Told { target: TARGET.to_owned(), generation: Sequence::new(7), before: "1-aa".to_owned(), at: at(100) };
        ExternalSecret {
            name: "app".to_owned(),
            version: "41".to_owned(),
            refresh: Refresh::WhenTold,
            synced: Some("1-bb".to_owned()),
            read: at(100),
            ready: Ready::True,
            told: Some(told),
        }
    }

    fn code(seen: &[ExternalSecret]) -> String {
        match of_external_secrets(seen, TARGET, Sequence::new(7)) {
            Look::There => "there".to_owned(),
            Look::NotYet => "not yet".to_owned(),
            Look::Unwell(trouble) => format!("unwell {}", trouble.code),
            Look::Failed(trouble) => format!("failed {}", trouble.code),
        }
    }

    fn look(change: impl FnOnce(&mut ExternalSecret)) -> String {
        let mut one = fine();
        change(&mut one);
        code(&[one])
    }

    fn bad(since: i64) -> Ready {
        Ready::False { since: at(since), says: "SecretSyncedError: no such key".to_owned() }
    }

    #[test]
    fn it_is_there_when_it_has_read_since_it_was_told() {
        assert_eq!(look(|_| {}), "there");
        assert_eq!(look(|one| one.read = at(101)), "there");
        assert_eq!(look(|one| one.read = at(99)), "not yet");
        assert_eq!(look(|one| one.read = None), "not yet");
        assert_eq!(look(|one| one.synced = None), "not yet");
        // within the same second, by what it read for
        assert_eq!(look(|one| one.synced = Some("1-aa".to_owned())), "not yet");
        assert_eq!(look(|one| one.ready = Ready::Open), "not yet");
        assert_eq!(look(|one| one.told.as_mut().unwrap().at = None), "there");
        assert_eq!(
            look(|one| (one.synced, one.refresh) = (Some("1-aa".to_owned()), Refresh::Once)),
            "unwell target-never-reads"
        );
        assert_eq!(code(&[]), "not yet");
    }

    #[test]
    fn what_turned_bad_since_it_was_told_has_failed_and_what_was_bad_before_may_mend_itself() {
        assert_eq!(look(|one| one.ready = bad(100)), "failed target-reported-failure");
        assert_eq!(look(|one| one.ready = bad(99)), "unwell target-unwell");
        assert_eq!(look(|one| one.ready = Ready::False { since: None, says: String::new() }), "unwell target-unwell");
        let (mut waits, mut fails) = (fine(), fine());
        (waits.read, fails.ready) = (at(9), bad(104));
        assert_eq!(code(&[fine(), waits.clone()]), "not yet");
        assert_eq!(code(&[fails, waits, fine()]), "failed target-reported-failure");
    }

    #[test]
    fn a_note_that_is_gone_is_no_reading_of_ours() {
        assert_eq!(look(|one| one.told = None), "failed target-conflict");
        assert_eq!(look(|one| one.told.as_mut().unwrap().target = "acme/web x/y".to_owned()), "failed target-conflict");
        assert_eq!(look(|one| one.told.as_mut().unwrap().generation = Sequence::new(8)), "failed target-conflict");
    }

    #[test]
    fn what_never_reads_again_and_what_is_newer_is_not_told() {
        let told = |change: &dyn Fn(&mut ExternalSecret)| {
            let mut one = ExternalSecret { told: None, ..fine() };
            change(&mut one);
            let outcome = untellable(&[ExternalSecret { told: None, ..fine() }, one], TARGET, Sequence::new(7))?;
            let (Outcome::Blocked(trouble) | Outcome::Refused(trouble)) = &outcome else { panic!("{outcome:?}") };
            let how = if matches!(outcome, Outcome::Blocked(_)) { "blocked" } else { "refused" };
            Some(format!("{how} {}", trouble.code))
        };
        assert_eq!(told(&|_| {}), None);
        assert_eq!(told(&|one| one.refresh = Refresh::Once), Some("blocked target-never-reads".to_owned()));
        assert_eq!(
            told(&|one| (one.refresh, one.synced) = (Refresh::Once, None)),
            None,
            "its first reading is to come"
        );
        assert_eq!(told(&|one| (one.refresh, one.told) = (Refresh::Once, fine().told)), None, "it was told already");
        let of =
            |target: &str, generation| Some(Told { target: target.to_owned(), generation, ..fine().told.unwrap() });
        assert_eq!(told(&|one| one.told = of(TARGET, Sequence::new(8))), Some("refused older-generation".to_owned()));
        assert_eq!(told(&|one| one.told = of("acme/web x/y", Sequence::new(8))), None);
    }

    #[test]
    fn a_policy_and_an_interval_say_when_it_reads() {
        for (policy, interval, expected) in [
            (None, None, Refresh::WhenTold),
            (None, Some("1h0m0s"), Refresh::WhenTold),
            (Some("Periodic"), Some("15s"), Refresh::WhenTold),
            (None, Some("0"), Refresh::Once),
            (Some("Periodic"), Some("0h0m0.0s"), Refresh::Once),
            (None, Some("-1h"), Refresh::Once),
            (Some("OnChange"), Some("0s"), Refresh::WhenTold),
            (Some("CreatedOnce"), Some("1h"), Refresh::Once),
        ] {
            assert_eq!(Refresh::of(policy, interval), expected, "{policy:?} {interval:?}");
        }
    }

    #[test]
    fn what_an_operator_says_is_cut_and_has_one_line() {
        assert_eq!(plain("a\nb\u{202e}c \u{1b}[31m"), "a b c  [31m");
        assert_eq!(plain(&"x".repeat(500)).len(), SAID);
    }
}
