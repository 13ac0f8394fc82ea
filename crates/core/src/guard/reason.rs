//! Everything that can be wrong with the guard of a repository: one list, with stable codes, words and ways out.

use serde::{Deserialize, Serialize};

/// What a finding is about: of two findings of one aspect the one with more badness is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Who may push.
    Pushes,
    /// The required check.
    Check,
    /// Whether history can be rewritten.
    Rewriting,
    /// Whether the branch can be deleted.
    Deleting,
    /// Who stands above the rules.
    Bypass,
    /// Whether the App can do its work.
    Ours,
    /// What is not shown.
    Sight,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Cannot be told: neither fine nor wrong.
    Unknown,
    /// Somebody can get past countersign, or it cannot work.
    Gap,
}

impl Weight {
    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Gap => "gap",
        }
    }
}

macro_rules! reasons {
    ($($name:ident, $code:literal, $aspect:ident $badness:literal, $weight:ident, $words:literal, $help:literal;)*) => {
        /// What is wrong. The code is stable; words may improve.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum GuardReason {
            $(#[doc = $words] #[serde(rename = $code)] $name,)*
        }

        impl GuardReason {
            /// All, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means, as a sentence without a full stop.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// The way out.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }

            /// How much it weighs.
            #[must_use]
            pub fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)* }
            }

            /// Whether another ruleset mends it.
            #[must_use]
            pub fn is_closed_by_a_ruleset(self) -> bool {
                self.could_be_closed_classically() || self == Self::AdminsExempt
            }

            /// Whether classic protection, were it shown, might say that it is not so.
            #[must_use]
            pub fn could_be_closed_classically(self) -> bool {
                matches!(self.rank().0, Aspect::Pushes | Aspect::Check | Aspect::Rewriting | Aspect::Deleting)
            }

            /// What it is about, and how bad it is among those.
            #[must_use]
            pub fn rank(self) -> (Aspect, u8) {
                match self { $(Self::$name => (Aspect::$aspect, $badness),)* }
            }
        }
    };
}

reasons! {
    PushOpen, "push-open", Pushes 1, Gap, "whoever may write can push to it directly", "add a ruleset that keeps everybody but the App from pushing to it";
    CheckNotRequired, "check-not-required", Check 2, Gap, "the check `countersign` is not required: what nobody approved can be merged", "require the check `countersign`, from the App";
    CheckNotPinned, "check-not-pinned", Check 1, Gap, "the check `countersign` is required from anybody: another App or token can make it green", "in the ruleset, name the App as the source of the check `countersign`";
    ForcePushOpen, "force-push-open", Rewriting 1, Gap, "its history can be rewritten", "block force pushes";
    DeletionOpen, "deletion-open", Deleting 1, Gap, "it can be deleted", "restrict deletions";
    BypassOthers, "bypass-others", Bypass 2, Gap, "others than the App stand above its rules", "take them off the bypass list";
    AdminsExempt, "admins-exempt", Bypass 2, Gap, "its rules do not hold for administrators", "switch on \"Do not allow bypassing the above settings\", or use a ruleset";
    BypassUnknown, "bypass-unknown", Bypass 1, Unknown, "who else stands above its rules is not shown", "somebody who may administer the repository looks at the bypass list of its rulesets";
    AppStopped, "app-stopped", Ours 1, Gap, "its rules stop the App as well: it can neither merge nor record", "put the App on the bypass list, always";
    ClassicUnknown, "classic-unknown", Sight 1, Unknown, "whether classic branch protection says more is not shown", "give the App `administration: read`, or use rulesets, which are shown";
    RulesUnknown, "rules-unknown", Sight 2, Unknown, "GitHub does not show its rules", "see that the App is installed on the repository and has `metadata: read`";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let codes: std::collections::BTreeSet<_> = GuardReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), GuardReason::ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    }
}
