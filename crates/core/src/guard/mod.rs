//! What keeps others from moving the branches countersign answers for: judged from what GitHub shows of their rules.
//!
//! The guard belongs to the administrators of the repository; nothing here changes it, and no approval depends on it. What GitHub
//! hides is said as unknown, never as fine. Reference: `github-platform.md` 2.7.

mod app;
mod judge;
mod needs;
mod reason;
mod remedy;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
mod watch;

use serde::{Deserialize, Serialize};

pub use app::{AppFacts, AppFinding, AppReason, Hook, judge_app};
pub use judge::judge;
pub use needs::{EVENTS, Event, PERMISSIONS, Permission, registration};
pub use reason::{Aspect, GuardReason, Weight};
pub use remedy::remedy;
pub use watch::{Watch, Weakened};

use crate::domain::RefName;

/// What is guarded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A branch the policy governs: people bring changes to it by pull request.
    Governed(RefName),
    /// The ledger: the App alone writes there.
    Ledger(RefName),
    /// Branches that hold direct pushes: the App alone writes there. The name stands for all of them.
    Held(RefName),
}

impl Place {
    /// The branch whose rules are read.
    #[must_use]
    pub fn branch(&self) -> &RefName {
        match self {
            Self::Governed(branch) | Self::Ledger(branch) | Self::Held(branch) => branch,
        }
    }

    /// What people read: the branch, or what stands for many.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Governed(branch) | Self::Ledger(branch) => branch.short(),
            Self::Held(_) => HELD,
        }
    }
}

/// Branches that hold direct pushes, for people.
pub const HELD: &str = "countersign/held/*";

/// Something about a place that is not as it should be, or cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What.
    pub reason: GuardReason,
    /// Particulars: a ruleset, who may bypass.
    pub detail: String,
}
