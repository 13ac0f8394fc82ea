//! What people asked for in comments: who may, and what stands of it (interfaces.md, ChatOps).
//!
//! Counts no votes. As ever, eligibility is decided now and not when it was said (R38), and of one second the stricter word is last.

use super::case::Case;
use super::{Decision, electorate, has_say};
use crate::domain::{Account, Permission, Timestamp};
use crate::facts::{Asked, AskedFor, Facts, Known};
use crate::policy::Policy;

/// Whether somebody may write; `unread` where GitHub did not say.
fn writes(facts: &Facts, account: &Account, unread: bool) -> bool {
    match facts.authority.get(&account.id).map(|authority| &authority.permission) {
        Some(Known::Is(permission)) => *permission >= Permission::Write,
        Some(Known::Unknown(_)) | None => unread,
    }
}

/// Whether an admin without part in the change lifted somebody's veto, in a comment after it (`changes.md` 5).
pub(super) fn is_waived(case: &Case<'_>, whose: &Account, given: Timestamp) -> bool {
    case.facts().asked.iter().any(|asked| {
        let AskedFor::Waive(login) = &asked.what else { return false };
        let meant = login.same_as(&whose.login) && asked.at > given;
        meant && writes(case, &asked.by, false) && electorate::may_waive(case, &asked.by)
    })
}

/// Whether somebody may waive a veto here: what a person is told who tries.
#[must_use]
pub fn may_waive(policy: &Policy, facts: &Facts, account: &Account) -> bool {
    writes(facts, account, false) && electorate::may_waive(&Case::new(policy, facts), account)
}

/// The pause that stands, if one does: set by somebody with write, not ended by whoever set it, nor by an approver who did not ask
/// for the change.
#[must_use]
pub fn paused<'f>(policy: &Policy, facts: &'f Facts, decision: &Decision) -> Option<&'f Asked> {
    let mut standing: Vec<&Asked> = Vec::new();
    for asked in in_order(facts) {
        match &asked.what {
            AskedFor::Pause(_) if writes(facts, &asked.by, true) => standing.push(asked),
            AskedFor::Unpause if may_unpause(policy, facts, decision, &asked.by) => standing.clear(),
            AskedFor::Unpause => standing.retain(|pause| pause.by.id != asked.by.id),
            AskedFor::Pause(_) | AskedFor::Waive(_) => {}
        }
    }
    standing.into_iter().next_back()
}

/// Whether somebody may end the pause of anybody.
#[must_use]
pub fn may_unpause(policy: &Policy, facts: &Facts, decision: &Decision, account: &Account) -> bool {
    let asked_for_it = facts.people.requester.answer().is_none_or(|requester| requester.id == account.id);
    !asked_for_it && has_say(policy, facts, decision, account)
}

fn in_order(facts: &Facts) -> Vec<&Asked> {
    let mut asked: Vec<&Asked> = facts.asked.iter().collect();
    asked.sort_by_key(|asked| (asked.at, matches!(asked.what, AskedFor::Pause(_)), asked.comment));
    asked
}
