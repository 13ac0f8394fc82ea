//! What people are told about outside GitHub: a closed vocabulary (`delivery.md`, Notifications).
//!
//! An occasion is a word. What belongs to it, and who is told, is said elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! occasions {
    ($($(#[$doc:meta])* $variant:ident $name:literal;)*) => {
        /// Something people are told about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Occasion {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Occasion {
            /// Every occasion, in the order people read them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, as written in the policy file.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

occasions! {
    /// A change request is open.
    ChangeOpened "change.opened";
    /// It can be approved: nothing else stands against it.
    ChangeReady "change.ready";
    /// Every matching policy is satisfied.
    ChangeApproved "change.approved";
    /// An approver asked for changes.
    ChangeRejected "change.rejected";
    /// Approvals no longer hold, or the base moved under it.
    ChangeStale "change.stale";
    /// It was merged.
    ChangeMerged "change.merged";
    /// It was closed because nobody touched it.
    ChangeExpired "change.expired";
    /// A direct push was put back.
    ChangePutBack "change.put_back";
    /// A direct push was left in place, and nothing is delivered.
    EnvironmentQuarantined "environment.quarantined";
    /// It was merged past missing approvals.
    ChangeBypassed "change.bypassed";
    /// A bypass was approved afterwards.
    BypassRatified "bypass.ratified";
    /// A bypass was not approved in time.
    BypassOverdue "bypass.overdue";
    /// Somebody asks for temporary access.
    AccessRequested "access.requested";
    /// Temporary access was granted.
    AccessGranted "access.granted";
    /// Temporary access has ended.
    AccessExpired "access.expired";
    /// A target has the approved content.
    SyncConverged "sync.converged";
    /// A target does not get the approved content.
    SyncFailed "sync.failed";
    /// A target no longer has the approved content.
    DriftFound "drift.found";
    /// The policy asks for less than before.
    PolicyWeakened "policy.weakened";
    /// Rules of GitHub protect less than before.
    GuardWeakened "guard.weakened";
    /// Another key may sign, or one may no longer.
    KeyChanged "key.changed";
    /// The ledger was moved back or replaced.
    LedgerTampered "ledger.tampered";
}

impl Occasion {
    /// The occasion of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|occasion| occasion.name() == name)
    }

    /// The part before the dot: `change` of `change.opened`.
    #[must_use]
    pub fn family(self) -> &'static str {
        self.name().split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occasion_is_found_by_its_name() {
        for occasion in Occasion::ALL {
            assert_eq!(Occasion::named(occasion.name()), Some(*occasion));
            assert_eq!(occasion.to_string(), occasion.name());
            assert!(occasion.name().starts_with(&format!("{}.", occasion.family())));
        }
        assert_eq!(Occasion::named("change"), None);
    }
}
