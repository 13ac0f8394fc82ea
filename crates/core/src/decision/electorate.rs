//! Who may approve, and who made the change and may therefore not (R17, R31–R42).
//!
//! Looks at people, not at what they said. Unknown is never yes.

use super::Reason;
use crate::domain::{Account, UserId};
use crate::facts::{Facts, Known};
use crate::policy::{Approvers, Group, Policy};

/// Whether somebody may fill a seat of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// May.
    Eligible,
    /// May perhaps: GitHub did not say.
    Unknown,
    /// May not, and why.
    Excluded(Reason),
}

/// Why each group needs one more seat than the policy says: at most one seat, whatever the number of reasons (policy.md).
pub(super) fn extra_seats(facts: &Facts) -> Vec<Reason> {
    let people = &facts.people;
    let reason = match &people.requester {
        Known::Is(account) if !account.is_person() => Some(Reason::RequesterNotAPerson),
        Known::Is(_) => None,
        Known::Unknown(_) => Some(Reason::RequesterUnknown),
    };
    let pusher = people.pushers.iter().any(|pusher| pusher.account.answer().is_none()).then_some(Reason::PusherUnknown);
    let commit = people.contributors.iter().any(|person| person.account.is_none()).then_some(Reason::Unattributed);
    reason.or(pusher).or(commit).into_iter().collect()
}

/// In which way somebody made this change, if at all. The requester comes first: only that exclusion can be lifted.
pub(super) fn made_it(facts: &Facts, person: UserId) -> Option<Reason> {
    let is = |account: &Account| account.id == person;
    if facts.people.requester.answer().is_some_and(is) {
        return Some(Reason::Requester);
    }
    if facts.people.pushers.iter().filter_map(|pusher| pusher.account.answer()).any(is) {
        return Some(Reason::Pusher);
    }
    facts.people.contributors.iter().filter_map(|person| person.account.as_ref()).any(is).then_some(Reason::Contributor)
}

/// Whether somebody may fill a seat of this group; `lifted`: the requester may.
pub(super) fn standing(facts: &Facts, group: &Group, account: &Account, lifted: bool) -> Standing {
    if !account.is_person() {
        return Standing::Excluded(Reason::NotAPerson);
    }
    match made_it(facts, account.id) {
        Some(Reason::Requester) if lifted => {}
        Some(reason) => return Standing::Excluded(reason),
        None => {}
    }
    let member = belongs(facts, &group.approvers, account);
    if let Standing::Excluded(_) = member {
        return member;
    }
    match facts.authority.get(&account.id).map(|authority| &authority.permission) {
        Some(Known::Is(permission)) if permission.may_approve() => member,
        Some(Known::Is(_)) => Standing::Excluded(Reason::NoWritePermission),
        Some(Known::Unknown(_)) | None => Standing::Unknown,
    }
}

/// Whether somebody is named by a list of approvers: by id as resolved when the policy became effective, or as an active team member.
pub(super) fn belongs(facts: &Facts, approvers: &Approvers, account: &Account) -> Standing {
    let mut answer = Standing::Excluded(Reason::NotAnApprover);
    for login in &approvers.users {
        match facts.names.user(login) {
            Some(id) if id == account.id => match facts.names_now.get(login) {
                Some(Known::Is(Some(now))) if *now != id => answer = Standing::Excluded(Reason::IdentityChanged),
                Some(Known::Unknown(_)) => answer = Standing::Unknown,
                Some(Known::Is(_)) | None => return Standing::Eligible,
            },
            // the name is theirs today, but it meant somebody else when the policy was approved
            Some(_) | None if login.same_as(&account.login) => answer = Standing::Excluded(Reason::IdentityChanged),
            Some(_) | None => {}
        }
    }
    let teams = facts.authority.get(&account.id).map(|authority| &authority.teams);
    for team in approvers.teams.iter().filter_map(|slug| facts.names.team(slug)) {
        match teams.and_then(|teams| teams.get(&team)) {
            Some(Known::Is(true)) => return Standing::Eligible,
            Some(Known::Is(false)) => {}
            Some(Known::Unknown(_)) | None => answer = Standing::Unknown,
        }
    }
    answer
}

/// Whether somebody who dismissed a veto was entitled to: an approver of `admins` who had no part in the change (R19).
pub(super) fn may_waive(policy: &Policy, facts: &Facts, by: &Account) -> bool {
    let admin = belongs(facts, &policy.admins().group.approvers, by) == Standing::Eligible;
    admin && by.is_person() && made_it(facts, by.id).is_none()
}

/// People of a group who could still fill a seat, as far as the rosters are known; `None` in the second place: a roster is not.
pub(super) fn candidates(facts: &Facts, group: &Group, lifted: bool) -> (Vec<Account>, bool) {
    let mut people: Vec<Account> = Vec::new();
    let mut complete = true;
    for team in &group.approvers.teams {
        match facts.names.team(team).and_then(|id| facts.rosters.get(&id)) {
            Some(Known::Is(members)) => people.extend(members.iter().cloned()),
            Some(Known::Unknown(_)) | None => complete = false,
        }
    }
    for login in &group.approvers.users {
        let taken = |id| matches!(facts.names_now.get(login), Some(Known::Is(Some(now))) if *now != id);
        if let Some(id) = facts.names.user(login).filter(|id| !taken(*id)) {
            people.push(Account { id, login: login.clone(), kind: crate::domain::AccountKind::User });
        }
    }
    people.sort_by_key(|account| account.id);
    people.dedup_by_key(|account| account.id);
    people.retain(|account| {
        let made = made_it(facts, account.id);
        let excluded = made.is_some() && !(lifted && made == Some(Reason::Requester));
        let powerless = facts
            .authority
            .get(&account.id)
            .and_then(|authority| authority.permission.answer())
            .is_some_and(|permission| !permission.may_approve());
        account.is_person() && !excluded && !powerless
    });
    (people, complete)
}
