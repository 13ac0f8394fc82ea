//! The stand-in's own clock: the machine's time plus an offset, or a fixed moment.
//!
//! Never waits. Token expiry, JWT checks and every timestamp in an answer read it.

use jiff::{SignedDuration, Timestamp};

/// Where the stand-in takes its time from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    fixed: Option<Timestamp>,
    offset: SignedDuration,
}

impl Clock {
    /// Now, as the stand-in sees it.
    pub(crate) fn now(&self) -> Timestamp {
        let base = self.fixed.unwrap_or_else(Timestamp::now);
        base.checked_add(self.offset).unwrap_or(base)
    }

    /// Stops the clock at a moment.
    pub(crate) fn fix(&mut self, at: Timestamp) {
        *self = Self { fixed: Some(at), offset: SignedDuration::ZERO };
    }

    /// Moves the clock, forwards or back.
    pub(crate) fn advance(&mut self, by: SignedDuration) {
        self.offset = self.offset.saturating_add(by);
    }
}

/// GitHub's spelling of a time: UTC, whole seconds.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// [`stamp`] or null.
pub(crate) fn stamp_opt(at: Option<Timestamp>) -> serde_json::Value {
    at.map(stamp).into()
}
