//! How fast we may ask: one lane per installation, so that a blocked one never blocks another.
//!
//! A lane bounds what is under way at once, spaces writes (one a second with a small burst, 400 an hour: GitHub's limits for
//! creating content are 80 a minute and 500 an hour), and holds everything while GitHub asked us to wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::domain::{InstallationId, Span, Timestamp};
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::fault::Limit;

/// Calls under way at once in one lane; GitHub allows 100 in all.
const AT_ONCE: usize = 8;
/// Writes that need not be spaced: a vote on one change is answered at once, a crowd of them waits (GitHub allows 80 a minute).
const BURST: f64 = 16.0;
/// Writes in an hour.
const HOURLY: usize = 400;
const HOUR: Duration = Duration::from_secs(3_600);

/// What a call does to GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Changes nothing.
    Read,
    /// Creates or changes content.
    Write,
}

/// All lanes. `None` is the App itself.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: Mutex<HashMap<Option<InstallationId>, Arc<Lane>>>,
}

impl Lanes {
    pub(super) fn of(&self, installation: Option<InstallationId>) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(installation).or_default())
    }
}

/// One lane.
pub(super) struct Lane {
    slots: Semaphore,
    writes: tokio::sync::Mutex<Pace>,
    hold: Mutex<Hold>,
}

#[derive(Default)]
struct Hold {
    until: Option<Timestamp>,
    /// Limits without a stated end, one after the other.
    strikes: u32,
}

/// Leave to send one request; given back by dropping.
pub(super) struct Pass<'a> {
    _slot: SemaphorePermit<'a>,
    _turn: Option<MutexGuard<'a, Pace>>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            slots: Semaphore::new(AT_ONCE),
            writes: tokio::sync::Mutex::new(Pace::new(Instant::now())),
            hold: Mutex::default(),
        }
    }
}

impl Lane {
    /// Waits for a turn. `Err`: held until then.
    pub(super) async fn enter(&self, sort: Sort, now: impl Fn() -> Timestamp) -> Result<Pass<'_>, Timestamp> {
        self.check(now())?;
        let turn = match sort {
            Sort::Read => None,
            Sort::Write => {
                let mut pace = self.writes.lock().await;
                let wait =
                    pace.take(Instant::now()).map_err(|wait| now().plus(Span::from_seconds(wait.as_secs() + 1)))?;
                tokio::time::sleep(wait).await;
                Some(pace)
            }
        };
        let slot = self.slots.acquire().await.expect("the semaphore is never closed");
        self.check(now())?;
        Ok(Pass { _slot: slot, _turn: turn })
    }

    fn check(&self, now: Timestamp) -> Result<(), Timestamp> {
        let hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        hold.until.filter(|until| now < *until).map_or(Ok(()), Err)
    }

    /// Holds the lane; the end of the wait. Without a stated end: a minute, doubling to an hour, and up to a fifth more so that
    /// not everybody comes back at once.
    pub(super) fn hold(&self, limit: Limit, now: Timestamp) -> Timestamp {
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let until = match limit {
            Limit::Until(until) => until,
            Limit::Unstated => {
                let wait = (60_u64 << hold.strikes.min(6)).min(3_600);
                hold.strikes += 1;
                now.plus(Span::from_seconds(wait + jitter(wait / 5)))
            }
        };
        let until = hold.until.map_or(until, |before| before.max(until));
        hold.until = Some(until);
        until
    }

    /// An answer that was no limit.
    pub(super) fn well(&self) {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).strikes = 0;
    }
}

fn jitter(most: u64) -> u64 {
    let mut byte = [0];
    match getrandom::fill(&mut byte) {
        Ok(()) => most * u64::from(byte[0]) / 255,
        Err(_) => 0,
    }
}

/// Spacing of writes.
struct Pace {
    tokens: f64,
    at: Instant,
    hour: VecDeque<Instant>,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { tokens: BURST, at: now, hour: VecDeque::new() }
    }

    /// Takes one write: how long to wait before it. `Err`: the hour is used up for that long.
    fn take(&mut self, now: Instant) -> Result<Duration, Duration> {
        while self.hour.front().is_some_and(|first| now.duration_since(*first) >= HOUR) {
            self.hour.pop_front();
        }
        if let (true, Some(first)) = (self.hour.len() >= HOURLY, self.hour.front()) {
            return Err(HOUR - now.duration_since(*first));
        }
        self.tokens = (self.tokens + now.duration_since(self.at).as_secs_f64()).min(BURST);
        self.at = now;
        self.tokens -= 1.0;
        let wait = Duration::from_secs_f64((-self.tokens).max(0.0));
        self.hour.push_back(now + wait);
        Ok(wait)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn writes_are_spaced_by_a_second_after_a_small_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let waits: Vec<f64> = (0..19).map(|_| pace.take(start).unwrap().as_secs_f64()).collect();
        assert_eq!(waits[..16], [0.0; 16]);
        assert_eq!(waits[16..], [1.0, 2.0, 3.0]);
        assert_eq!(pace.take(start + Duration::from_secs(60)).unwrap(), Duration::ZERO);
    }

    #[test]
    fn an_hour_has_four_hundred_writes() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for second in 0..400 {
            pace.take(start + Duration::from_secs(second)).unwrap();
        }
        assert_eq!(pace.take(start + Duration::from_secs(600)), Err(Duration::from_secs(3_000)));
        assert!(pace.take(start + Duration::from_secs(3_600)).is_ok());
    }

    #[test]
    fn unstated_limits_double_and_are_bounded() {
        let lane = Lane::default();
        let mut now = Timestamp::from_seconds(1_800_000_000);
        for least in [60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
            let until = lane.hold(Limit::Unstated, now);
            let wait = until.since(now).seconds();
            assert!((least..=least + least / 5).contains(&wait), "{wait}");
            assert_eq!(lane.check(now), Err(until));
            now = until;
            assert_eq!(lane.check(now), Ok(()));
        }
        lane.well();
        assert!(lane.hold(Limit::Unstated, now).since(now).seconds() <= 72);
    }

    #[test]
    fn a_held_lane_never_holds_another() {
        let lanes = Lanes::default();
        let now = Timestamp::from_seconds(1_800_000_000);
        let one = lanes.of(Some(InstallationId::new(1)));
        one.hold(Limit::Until(now.plus(Span::from_seconds(30))), now);
        assert!(one.check(now).is_err());
        assert!(lanes.of(Some(InstallationId::new(2))).check(now).is_ok());
        assert!(lanes.of(Some(InstallationId::new(1))).check(now).is_err());
    }
}
