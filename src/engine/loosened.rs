//! Changes of the policy: what they come to, and changes that are satisfied because of one alone (R48).
//!
//! Decides nothing by itself: it compares, and holds what the core says owes its merge to the policy.

use countersign_core::decision::{Bypass, owes_to_policy};
use countersign_core::effect::{self, TRIED_ON};
use countersign_core::facts::{Facts, VoteKind};
use countersign_core::policy::{self, Policy, compare};

use super::book::Place;
use super::{Engine, TurnError};

/// Why a satisfied change waits for a fresh word: since the last one the policy changed, and without that it would not be enough.
pub(super) fn waits_for_a_word(place: &Place, facts: &Facts, bypass: Option<&Bypass>) -> Option<String> {
    let approved = facts.votes.iter().filter(|vote| vote.kind == VoteKind::Approve).map(|vote| vote.at);
    let asked = facts.merge_asked.as_ref().filter(|asked| asked.head == facts.change.head).map(|asked| asked.at);
    let spoken = match bypass {
        Some(bypass) => bypass.by.iter().map(|asked| asked.at).min()?,
        None => approved.chain(asked).max()?,
    };
    let (entry, earlier) = place.policy_then(spoken)?;
    let owes = match policy::parse(&earlier.text) {
        Ok(policy) => owes_to_policy(&policy, &earlier.names, facts),
        Err(_) => true,
    };
    if owes && bypass.is_some() {
        let entry = entry.label();
        return Some(format!(
            "under the policy of {entry}, which held when the bypass was asked for, it could not be bypassed; whoever asked writes it again"
        ));
    }
    owes.then(|| {
        format!("under the policy of {}, which held when it was approved, it would not be enough; an approver reviews it again, or somebody with write comments `/countersign merge`", entry.label())
    })
}

impl Engine {
    /// What the change does to the policy, if it changes the policy of the default branch, for the comment.
    pub(super) async fn policy_note(
        &self,
        place: &Place,
        old: &Policy,
        facts: &Facts,
    ) -> Result<Option<String>, TurnError> {
        if facts.change.base != place.default_branch {
            return Ok(None);
        }
        let Some(new) = self.policy_after(place, &facts.history.delta).await? else { return Ok(None) };
        let mut merges = place.replayed(&new, TRIED_ON);
        merges.retain(|merge| merge.pull != facts.change.number);
        Ok(Some(effect::policy_change(&compare(old, &new), &merges)))
    }
}
