//! The clock on the wall. The only place of the shell's engine room that asks the machine what time it is; it never waits.

use countersign_core::domain::Timestamp;

use crate::engine::ports::Clock;

/// The machine's clock, in whole seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(jiff::Timestamp::now().as_second())
    }
}
