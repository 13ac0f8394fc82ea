//! Who may approve, and who made the change and may therefore not (R17, R31–R42).
//!
//! Looks at people, not at what they said. Unknown is never yes.

use super::Reason;
use super::case::Case;
use crate::domain::{Account, Login, UserId};
use crate::facts::{Facts, Known};
use crate::policy::{Approvers, Group};

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

/// In which way somebody made this change, if at all, with any of their accounts. The requester comes first: only that exclusion
/// can be lifted.
pub(super) fn made_it(facts: &Case<'_>, person: UserId) -> Option<Reason> {
    let is = |account: &Account| facts.person(account) == person;
    let people = &facts.facts().people;
    if people.requester.answer().is_some_and(is) {
        return Some(Reason::Requester);
    }
    if people.pushers.iter().filter_map(|pusher| pusher.account.answer()).any(is) {
        return Some(Reason::Pusher);
    }
    people.contributors.iter().filter_map(|person| person.account.as_ref()).any(is).then_some(Reason::Contributor)
}

/// Whether somebody bypassed the change that is to be ratified, with any of their accounts.
fn bypassed_it(facts: &Case<'_>, person: UserId) -> bool {
    let bypassers = facts.facts().ratifying.iter().flat_map(|ratifying| &ratifying.bypassers);
    bypassers.map(|account| facts.person(account)).any(|bypasser| bypasser == person)
}

/// Whether somebody may fill a seat of this group; `lifted`: the requester may.
pub(super) fn standing(facts: &Case<'_>, group: &Group, account: &Account, lifted: bool) -> Standing {
    if !account.is_person() {
        return Standing::Excluded(Reason::NotAPerson);
    }
    if bypassed_it(facts, facts.person(account)) {
        return Standing::Excluded(Reason::Bypasser);
    }
    match made_it(facts, facts.person(account)) {
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
pub(super) fn may_waive(facts: &Case<'_>, by: &Account) -> bool {
    let admin = belongs(facts, &facts.policy.admin_rule().group.approvers, by) == Standing::Eligible;
    admin && by.is_person() && made_it(facts, facts.person(by)).is_none()
}

/// Somebody who could approve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// Who stands for the person.
    pub person: UserId,
    /// The account that could.
    pub login: &'a Login,
}

/// People of a group who could still fill a seat, as far as the rosters are known; false in the second place: a roster is not.
pub(super) fn candidates<'a>(case: &'a Case<'_>, group: &'a Group, lifted: bool) -> (Vec<Candidate<'a>>, bool) {
    let facts = case.facts();
    let mut people: Vec<(UserId, Candidate<'a>)> = Vec::new();
    let mut complete = true;
    for team in &group.approvers.teams {
        match facts.names.team(team).and_then(|id| facts.rosters.get(&id)) {
            Some(Known::Is(members)) => {
                let persons = members.iter().filter(|member| member.is_person());
                people.extend(
                    persons.map(|member| (member.id, Candidate { person: case.person(member), login: &member.login })),
                );
            }
            Some(Known::Unknown(_)) | None => complete = false,
        }
    }
    for login in &group.approvers.users {
        let taken = |id| matches!(facts.names_now.get(login), Some(Known::Is(Some(now))) if *now != id);
        if let Some(id) = facts.names.user(login).filter(|id| !taken(*id)) {
            people.push((id, Candidate { person: case.person_of(id), login }));
        }
    }
    people.sort_by_key(|(id, candidate)| (candidate.person, *id));
    people.retain(|(id, candidate)| {
        let made = made_it(case, candidate.person);
        let excluded =
            bypassed_it(case, candidate.person) || (made.is_some() && !(lifted && made == Some(Reason::Requester)));
        let powerless = facts
            .authority
            .get(id)
            .and_then(|authority| authority.permission.answer())
            .is_some_and(|permission| !permission.may_approve());
        !excluded && !powerless
    });
    people.dedup_by_key(|(_, candidate)| candidate.person);
    (people.into_iter().map(|(_, candidate)| candidate).collect(), complete)
}
