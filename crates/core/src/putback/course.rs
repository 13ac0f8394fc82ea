//! Steps 3 and 7: is the branch put back, or left as it is and quarantined?
//!
//! Every doubt leaves the branch as it is: nothing is delivered from it either way.

use std::collections::BTreeSet;

use super::{Ground, Plan};
use crate::domain::{Span, Timestamp};
use crate::facts::Quarantine;
use crate::ledger::{PushOutcome, PutBackEntry};
use crate::policy::{DirectPush, PathClass};

/// How long a push may have stood before it is seen. A restart, a slow webhook and several sweeps fit in; longer, and we were not
/// there.
pub const LONGEST_UNSEEN: Span = Span::from_seconds(600);

/// Within which time the same push may be put back twice and not a third time.
const REPEATS_WITHIN: Span = Span::from_seconds(3_600);

/// What bears on the course besides the push itself.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The longest time it can have stood there unseen; `None`: nobody knows.
    pub stood: Option<Span>,
    /// Earlier direct pushes to the branch, oldest first.
    pub past: &'a [&'a PutBackEntry],
    /// It stands on a push that is quarantined still.
    pub on_top: bool,
    /// Now.
    pub now: Timestamp,
}

/// What becomes of the branch.
#[must_use]
pub fn course(ground: Ground<'_>, plan: &Plan, around: Circumstances<'_>) -> PushOutcome {
    match reason(ground, plan, around) {
        Some(why) => PushOutcome::Quarantined(why),
        None => PushOutcome::PutBack,
    }
}

fn reason(ground: Ground<'_>, plan: &Plan, around: Circumstances<'_>) -> Option<Quarantine> {
    if plan.restore.is_empty() {
        return Some(Quarantine::Workflows);
    }
    if policy_says_so(ground, plan) {
        return Some(Quarantine::Policy);
    }
    if around.on_top {
        return Some(Quarantine::OnTop);
    }
    if around.stood.is_none_or(|stood| stood > LONGEST_UNSEEN) {
        return Some(Quarantine::WhileDown);
    }
    let same = around.past.iter().filter(|entry| Some(entry.delta_digest) == plan.digest);
    let put_back = same.filter(|entry| entry.quarantine().is_none());
    // written down twice by a crash, it was moved once; pushed once more, it is moved once more
    let recent: BTreeSet<_> =
        put_back.filter(|entry| around.now.since(entry.at) < REPEATS_WITHIN).map(|entry| &entry.pushed).collect();
    (recent.len() >= 2).then_some(Quarantine::Repeated)
}

/// Whether an environment the push touches wants it left where it is; the stricter word holds for the whole push.
fn policy_says_so(ground: Ground<'_>, plan: &Plan) -> bool {
    let touched = plan.pushed.entries().iter().flat_map(|entry| {
        match ground.policy.classify(&entry.path, ground.branches.base, ground.branches.default) {
            PathClass::Governed { environment, plain: _ } => vec![environment],
            PathClass::Ambiguous { environments } => environments,
            PathClass::Control | PathClass::Free => Vec::new(),
        }
    });
    let rules = touched.filter_map(|environment| ground.policy.environment(&environment));
    rules.map(|rule| rule.direct_push()).any(|word| match word {
        DirectPush::Quarantine => true,
        DirectPush::PutBack => false,
    })
}
