//! Whether a bot made this change alone and changed nothing but values it may change (`machines` of policy.md).
//!
//! Every doubt is a no: the change then needs people, as any other.

use super::Placed;
use super::case::Case;
use crate::domain::Account;
use crate::facts::{DocumentFacts, FileState, KeyChangeKind};
use crate::policy::{Located, Machine, Mode};

/// The bot that made the whole change, if it did and may.
pub(super) fn alone<'p>(case: &Case<'p>, placed: &[Placed<'_>]) -> Option<(&'p Machine, Account)> {
    let requester = case.facts().people.requester.answer()?;
    let machine = case.policy.machines().iter().find(|machine| machine.id() == requester.id)?;
    let people = &case.facts().people;
    let its = |account: Option<&Account>| account.is_some_and(|account| account.id == machine.id());
    let ours = case.facts().ourselves == Some(machine.id());
    let made_alone = !people.pushers.is_empty()
        && people.pushers.iter().all(|pusher| its(pusher.account.answer()))
        && !people.contributors.is_empty()
        && people.contributors.iter().all(|contributor| its(contributor.account.as_ref()));
    let only_values = !placed.is_empty() && placed.iter().all(|one| only_its_values(machine, one));
    (!ours && made_alone && only_values && case.facts().held.is_none()).then(|| (machine, requester.clone()))
}

/// Another value of keys that were there, in a file that stays sealed for the same readers under the same settings.
fn only_its_values(machine: &Machine, one: &Placed<'_>) -> bool {
    let Located::Governed { environment, plain: false, policies: _ } = &one.at else { return false };
    let (Some(old), Some(new), Some(document)) = (&one.entry.old, &one.entry.new, one.document) else { return false };
    machine.serves(environment.name())
        && environment.mode() == Mode::Enforce
        && old.mode == new.mode
        && values_alone(document)
        && document.keys.iter().all(|key| key.change == KeyChangeKind::Changed && machine.may_change(&key.key))
}

fn values_alone(document: &DocumentFacts) -> bool {
    document.copied.is_empty()
        && document.old == FileState::Sealed
        && document.new == FileState::Sealed
        && !document.keys.is_empty()
        && document.settings.is_empty()
        && document.other.as_ref().is_some_and(Vec::is_empty)
        && document.old_recipients == document.new_recipients
}
