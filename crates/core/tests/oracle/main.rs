//! The engine against a slow reading of the documents, over random histories (R175 of the reference).
//!
//! `COUNTERSIGN_ORACLE_HISTORIES` says how many (default 400); `COUNTERSIGN_ORACLE_SEED` where to begin. A disagreement prints
//! its seed and the world, so that it can be looked at again.

mod chance;
mod history;
mod oracle;
mod rules;
mod shown;
mod world;

use chance::Chance;
use countersign_core::decision::{Verdict, decide};
use history::History;
use oracle::{Outcome, judge};

const STEPS: usize = 14;

#[expect(clippy::disallowed_methods, reason = "only the count and the seed of a test come from outside")]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::NotApplicable => Outcome::NothingProtected,
        Verdict::Satisfied => Outcome::Allowed,
        Verdict::Pending => Outcome::Pending,
        Verdict::Unknown => Outcome::InDoubt,
        // no history here asks for a bypass: one that is found anyway is allowed and refused at once, and fails
        Verdict::Bypassed | Verdict::Unreachable | Verdict::Rejected | Verdict::StaleBase | Verdict::Blocked => {
            Outcome::Refused
        }
    }
}

/// How often the oracle came to each outcome: a run that never allows anything proves nothing.
#[derive(Default)]
struct Tally([u64; 5]);

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }

    fn is_broad(&self) -> bool {
        self.0.iter().all(|count| *count * 200 > self.0.iter().sum())
    }
}

#[test]
fn at_no_moment_of_any_history_is_anything_allowed_that_the_oracle_refuses() {
    let (first, count) = (number("COUNTERSIGN_ORACLE_SEED", 0), number("COUNTERSIGN_ORACLE_HISTORIES", 400));
    let mut tally = Tally::default();
    for seed in first..first + count {
        let faithful = seed % 2 == 0;
        let chance = &mut Chance::new(seed);
        let mut history = History::begin(chance, faithful);
        for step in 0..STEPS {
            let expected = judge(&history.world);
            tally.count(expected);
            let facts = shown::facts(&history.world, &history.policy, chance);
            let decision = decide(&history.policy, &facts);
            let found = outcome(decision.verdict);
            let allowed = decision.proof.is_some();
            let context = || {
                let policy = world::text(&history.world.rules);
                format!("seed {seed}, step {step}\n{policy}\n{:?}\n{decision:?}", history.world)
            };
            assert_eq!(allowed, found == Outcome::Allowed);
            assert!(!allowed || expected == Outcome::Allowed, "allowed, the oracle says {expected:?}: {}", context());
            // where nothing was lost or late, both see the same
            assert!(!faithful || found == expected, "{found:?}, the oracle says {expected:?}: {}", context());
            history.step(chance);
        }
    }
    println!("{count} histories, {STEPS} moments each; the oracle: {:?}", tally.0);
    assert!(tally.is_broad(), "some outcome is hardly ever reached: {:?}", tally.0);
}
