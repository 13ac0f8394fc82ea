//! What a satisfied change waits for before we merge it: the end of a pause, or to be asked (`merge: manual`).
//!
//! Takes no proof away: a merge by somebody else is a word too, and is covered.

use serde::Serialize;

use super::asked::paused;
use super::{Decision, Scope, Verdict};
use crate::domain::{Environment, Login};
use crate::facts::{AskedFor, Facts};
use crate::policy::{MergeMode, Policy};

/// One thing a satisfied change waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// This environment merges when somebody asks for it at this head.
    Asked(Environment),
    /// Somebody paused it.
    Unpaused {
        /// Who.
        by: Login,
        /// Why, in their words.
        reason: Option<String>,
    },
}

impl Wait {
    /// What has to happen, in words.
    #[must_use]
    pub fn step(&self) -> String {
        match self {
            Self::Asked(_) => "somebody with write comments `/countersign merge`".to_owned(),
            Self::Unpaused { by, .. } => {
                format!("{by}, or an approver who did not ask for the change, comments `/countersign unpause`")
            }
        }
    }

    /// Why it is not merged, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Asked(_) => "merged when somebody asks for it".to_owned(),
            Self::Unpaused { by, reason: None } => format!("paused by {by}"),
            Self::Unpaused { by, reason: Some(reason) } => format!("paused by {by}: {reason}"),
        }
    }
}

/// What it waits for; a pause also where it is not satisfied.
pub(super) fn waits(policy: &Policy, facts: &Facts, decision: &Decision) -> Vec<Wait> {
    let asked = facts.merge_asked.as_ref().is_some_and(|asked| asked.head == facts.change.head);
    let pause = paused(policy, facts, decision).map(|pause| Wait::Unpaused {
        by: pause.by.login.clone(),
        reason: match &pause.what {
            AskedFor::Pause(reason) => reason.clone(),
            AskedFor::Waive(_) | AskedFor::Unpause => None,
        },
    });
    if decision.verdict != Verdict::Satisfied || asked {
        return pause.into_iter().collect();
    }
    let enforced = decision.scopes.iter().filter(|scope| !scope.observed);
    let environments = enforced.filter_map(|scope| match &scope.scope {
        Scope::Environment(name) => Some(name),
        Scope::Control => None,
    });
    let manual = |name: &&Environment| policy.environment(name).is_some_and(|rule| rule.merge() == MergeMode::Manual);
    pause.into_iter().chain(environments.filter(manual).cloned().map(Wait::Asked)).collect()
}
