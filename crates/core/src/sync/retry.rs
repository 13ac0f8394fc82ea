//! When a failed attempt is made again: exponential, with full jitter, never before the target's `Retry-After`.
//!
//! The random number is an argument: nothing is drawn here.

use crate::domain::{Span, Timestamp};

/// Attempts before only a person starts it again. With the spans below that is after about four hours.
pub const MAX_ATTEMPTS: u32 = 14;

/// Longest wait after the first attempt.
const FIRST: u64 = 2;
/// Longest wait of all.
const LONGEST: u64 = 3_600;
/// A `Retry-After` beyond this is cut to it.
const LONGEST_ASKED: u64 = 86_400;

/// The wait after so many attempts: anything from a second to `2 s · 2^(attempts-1)`, at most an hour, by a random number of the
/// whole range of `u32`.
#[must_use]
pub fn delay(attempts: u32, roll: u32) -> Span {
    let ceiling = FIRST.saturating_mul(1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX)).min(LONGEST);
    Span::from_seconds(1 + (ceiling.saturating_sub(1)) * u64::from(roll) / u64::from(u32::MAX))
}

/// When to try again after so many attempts; `None`: not any more.
pub(super) fn again(now: Timestamp, attempts: u32, asked: Option<Span>, roll: u32) -> Option<Timestamp> {
    if attempts >= MAX_ATTEMPTS {
        return None;
    }
    let asked = asked.map_or(0, |span| span.seconds().min(LONGEST_ASKED));
    Some(now.plus(Span::from_seconds(delay(attempts, roll).seconds().max(asked))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_is_spread_over_its_whole_range() {
        assert_eq!([1, 2, 3, 8].map(|attempts| delay(attempts, u32::MAX).seconds()), [2, 4, 8, 256]);
        assert_eq!(delay(200, u32::MAX).seconds(), LONGEST);
        assert_eq!([0, 1, 9].map(|attempts| delay(attempts, 0).seconds()), [1, 1, 1]);
    }

    #[test]
    fn what_the_target_asks_for_is_obeyed_up_to_a_day() {
        let now = Timestamp::from_seconds(1_000);
        let due = |asked| again(now, 1, Some(Span::from_seconds(asked)), 0).map(|due| due.since(now).seconds());
        assert_eq!((due(0), due(90), due(1_000_000)), (Some(1), Some(90), Some(86_400)));
        assert_eq!(again(now, MAX_ATTEMPTS, None, 0), None);
    }
}
