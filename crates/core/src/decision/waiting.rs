//! What a satisfied change waits for before we merge it: an environment may want to be asked (`merge: manual`).
//!
//! Takes no proof away: a merge by somebody else is a word too, and is covered.

use serde::Serialize;

use super::{Decision, Scope, Verdict};
use crate::domain::Environment;
use crate::facts::Facts;
use crate::policy::{MergeMode, Policy};

/// One thing a satisfied change waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// This environment merges when somebody asks for it at this head.
    Asked(Environment),
}

/// What it waits for; nothing where it is not satisfied.
pub(super) fn waits(policy: &Policy, facts: &Facts, decision: &Decision) -> Vec<Wait> {
    let asked = facts.merge_asked.as_ref().is_some_and(|asked| asked.head == facts.change.head);
    if decision.verdict != Verdict::Satisfied || asked {
        return Vec::new();
    }
    let enforced = decision.scopes.iter().filter(|scope| !scope.observed);
    let environments = enforced.filter_map(|scope| match &scope.scope {
        Scope::Environment(name) => Some(name),
        Scope::Control => None,
    });
    let manual = |name: &&Environment| policy.environment(name).is_some_and(|rule| rule.merge() == MergeMode::Manual);
    environments.filter(manual).cloned().map(Wait::Asked).collect()
}
