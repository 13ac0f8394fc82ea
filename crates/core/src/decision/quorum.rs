//! Fills the seats of a policy's groups with the people who approved (R43).
//!
//! Groups of one policy are filled by distinct people: a matching, not a greedy count. Evaluation is three-valued (R47).

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::electorate::{self, Standing};
use super::votes::{Ballots, Says};
use super::{
    ChangedPath, CountedVote, GroupDecision, PolicyDecision, Reason, Scope, ScopeDecision, UncountedVote, Verdict,
};
use crate::domain::{Account, UserId};
use crate::facts::Facts;
use crate::policy::{Enforcement, Group, Policy};

/// One policy to satisfy, whether written or derived.
pub(super) struct Rule<'p> {
    name: &'p str,
    groups: &'p [Group],
    enforcement: Enforcement,
    /// The requester's own exclusion is lifted (R36): only where more than one seat must be filled.
    lifted: bool,
    /// The least number of approvals of its only group (control paths).
    least: usize,
}

/// Every policy that matches one of the paths; for control paths the admins.
pub(super) fn rules_for<'p>(policy: &'p Policy, scope: &Scope, paths: &[ChangedPath]) -> Vec<Rule<'p>> {
    match scope {
        Scope::Control => {
            let admins = policy.admin_rule();
            vec![Rule {
                name: "admins",
                least: usize::from(admins.effective_required),
                groups: std::slice::from_ref(&admins.group),
                enforcement: Enforcement::Hard,
                lifted: false,
            }]
        }
        Scope::Environment(_) => {
            let mut matching = vec![false; policy.policies().len()];
            for at in paths.iter().flat_map(|path| &path.policies) {
                matching[*at] = true;
            }
            let rules = policy.policies().iter().zip(matching).filter(|(_, matches)| *matches);
            rules
                .map(|(rule, _)| Rule {
                    name: rule.name(),
                    groups: rule.groups(),
                    enforcement: rule.enforcement(),
                    lifted: rule.self_approval(),
                    least: 0,
                })
                .collect()
        }
    }
}

/// Whether somebody is an approver of anything the decision is about.
pub(super) fn has_say(policy: &Policy, facts: &Facts, scopes: &[ScopeDecision], account: &Account) -> bool {
    let rules = scopes.iter().flat_map(|scope| rules_for(policy, &scope.scope, &scope.paths));
    let permission = facts.authority.get(&account.id).and_then(|authority| authority.permission.answer());
    account.is_person()
        && permission.is_some_and(|permission| permission.may_approve())
        && rules
            .flat_map(|rule| rule.groups.iter())
            .any(|group| electorate::belongs(facts, &group.approvers, account) == Standing::Eligible)
}

/// Judges one policy.
pub(super) fn judge(
    facts: &Case<'_>,
    ballots: &Ballots,
    rule: &Rule<'_>,
    (extra, machine): (usize, Option<&Account>),
) -> PolicyDecision {
    let seats: Vec<usize> =
        rule.groups.iter().map(|group| usize::from(group.required).max(rule.least) + extra).collect();
    let table: Vec<GroupVotes> =
        rule.groups.iter().map(|group| sort_votes(facts, ballots, group, rule.lifted)).collect();
    let sure = fill(&seats, &table.iter().map(|votes| votes.yes.clone()).collect::<Vec<_>>());
    let groups: Vec<GroupDecision> = rule
        .groups
        .iter()
        .zip(&table)
        .enumerate()
        .map(|(at, (group, votes))| describe(facts, ballots, rule, group, votes, seats[at], &sure[at]))
        .collect();
    let mut groups = groups;
    let verdict = verdict(facts, rule, (&seats, machine.is_some()), &table, &groups);
    let machine = machine.filter(|_| verdict == Verdict::Satisfied).cloned();
    if machine.is_some() {
        for group in &mut groups {
            (group.missing, group.could) = (0, Vec::new());
        }
    }
    let enforcement = match rule.enforcement {
        Enforcement::Hard => "hard",
        Enforcement::Soft => "soft",
    };
    PolicyDecision { name: rule.name.to_owned(), enforcement, verdict, groups, machine }
}

fn verdict(
    facts: &Case<'_>,
    rule: &Rule<'_>,
    (seats, machine): (&[usize], bool),
    table: &[GroupVotes],
    groups: &[GroupDecision],
) -> Verdict {
    let vetoes = table.iter().map(|votes| votes.veto).fold(Veto::None, Veto::max);
    match vetoes {
        Veto::Stands => return Verdict::Rejected,
        Veto::Unknown => return Verdict::Unknown,
        Veto::None => {}
    }
    if machine {
        return Verdict::Satisfied;
    }
    if groups.iter().all(|group| group.missing == 0) && seats.iter().all(|seats| *seats > 0) {
        return Verdict::Satisfied;
    }
    let hopeful: Vec<BTreeSet<UserId>> = table.iter().map(|votes| &votes.yes | &votes.perhaps).collect();
    if filled(&fill(seats, &hopeful), seats) {
        return Verdict::Unknown;
    }
    if reachable(facts, rule, seats, &hopeful) { Verdict::Pending } else { Verdict::Unreachable }
}

/// Whether everybody who could approve, approving, would fill the seats. With an unread roster: yes, for all we know.
fn reachable(facts: &Case<'_>, rule: &Rule<'_>, seats: &[usize], hopeful: &[BTreeSet<UserId>]) -> bool {
    let mut pools = Vec::new();
    for (group, hopeful) in rule.groups.iter().zip(hopeful) {
        let (people, complete) = electorate::candidates(facts, group, rule.lifted);
        if !complete {
            return true;
        }
        pools.push(people.iter().map(|one| one.person).chain(hopeful.iter().copied()).collect());
    }
    filled(&fill(seats, &pools), seats)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Veto {
    None,
    Unknown,
    Stands,
}

/// The ballots, as one group sees them.
struct GroupVotes {
    yes: BTreeSet<UserId>,
    perhaps: BTreeSet<UserId>,
    no: Vec<UncountedVote>,
    veto: Veto,
}

fn sort_votes(facts: &Case<'_>, ballots: &Ballots, group: &Group, lifted: bool) -> GroupVotes {
    let mut votes = GroupVotes { yes: BTreeSet::new(), perhaps: BTreeSet::new(), no: Vec::new(), veto: Veto::None };
    for (id, ballot) in &ballots.people {
        let uncounted =
            |reason| UncountedVote { account: Some(ballot.account.clone()), reason, commit: ballot.commit.clone() };
        match ballot.says {
            Says::Rejects => votes.veto = votes.veto.max(veto(facts, group, ballot)),
            Says::ApprovedBut(stale) => match electorate::standing(facts, group, &ballot.account, lifted) {
                Standing::Excluded(reason) => votes.no.push(uncounted(reason)),
                Standing::Eligible | Standing::Unknown => votes.no.push(uncounted(stale)),
            },
            Says::Approves => match electorate::standing(facts, group, &ballot.account, lifted) {
                Standing::Eligible => _ = votes.yes.insert(*id),
                Standing::Unknown => {
                    votes.perhaps.insert(*id);
                    votes.no.push(uncounted(Reason::MembershipUnknown));
                }
                Standing::Excluded(reason) => votes.no.push(uncounted(reason)),
            },
        }
    }
    for ghost in &ballots.ghosts {
        votes.no.push(UncountedVote { account: None, reason: Reason::DeletedAccount, commit: ghost.commit.clone() });
    }
    votes
}

/// A veto counts from anybody the group names, even from those who made the change; permission is asked, team too. It outlives
/// both, where it was seen before (R24).
fn veto(facts: &Case<'_>, group: &Group, ballot: &super::votes::Ballot) -> Veto {
    if !ballot.account.is_person() {
        return Veto::None;
    }
    if ballot.stood {
        return Veto::Stands;
    }
    // one no is enough, whatever cannot be read besides (R47)
    let permission = facts.authority.get(&ballot.account.id).and_then(|authority| authority.permission.answer());
    if permission.is_some_and(|permission| !permission.may_approve()) {
        return Veto::None;
    }
    match electorate::belongs(facts, &group.approvers, &ballot.account) {
        Standing::Excluded(_) => Veto::None,
        Standing::Unknown => Veto::Unknown,
        Standing::Eligible => Veto::Stands,
    }
}

fn describe(
    facts: &Case<'_>,
    ballots: &Ballots,
    rule: &Rule<'_>,
    group: &Group,
    votes: &GroupVotes,
    required: usize,
    filled: &BTreeSet<UserId>,
) -> GroupDecision {
    let counted: Vec<CountedVote> = filled
        .iter()
        .filter_map(|id| ballots.people.get(id))
        .filter_map(|ballot| {
            let commit = ballot.commit.clone()?;
            Some(CountedVote { account: ballot.account.clone(), source: ballot.source, commit })
        })
        .collect();
    let missing = required.saturating_sub(counted.len());
    let approvers = &group.approvers;
    let rejecting = |id: &UserId| ballots.people.get(id).is_some_and(|ballot| ballot.says == Says::Rejects);
    let mut could = Vec::new();
    if missing > 0 {
        let (people, _) = electorate::candidates(facts, group, rule.lifted);
        let free = people.iter().filter(|one| !votes.yes.contains(&one.person) && !rejecting(&one.person));
        could.extend(free.map(|one| one.login.to_string()));
        let unread = |team: &&crate::domain::TeamSlug| {
            facts.names.team(team).and_then(|id| facts.rosters.get(&id)).and_then(|roster| roster.answer()).is_none()
        };
        could.extend(approvers.teams.iter().filter(unread).map(ToString::to_string));
    }
    GroupDecision {
        name: group.name.clone(),
        approvers: approvers
            .teams
            .iter()
            .map(ToString::to_string)
            .chain(approvers.users.iter().map(ToString::to_string))
            .collect(),
        required,
        counted,
        not_counted: votes.no.clone(),
        missing,
        could,
    }
}

fn filled(people: &[BTreeSet<UserId>], seats: &[usize]) -> bool {
    people.iter().zip(seats).all(|(people, seats)| people.len() >= *seats)
}

/// The largest assignment of people to seats, each person once: augmenting paths over the groups.
fn fill(seats: &[usize], willing: &[BTreeSet<UserId>]) -> Vec<BTreeSet<UserId>> {
    let mut seated: BTreeMap<UserId, usize> = BTreeMap::new();
    for (group, seats) in seats.iter().enumerate() {
        while seated.values().filter(|at| **at == group).count() < *seats {
            if !seat(group, willing, &mut seated, &mut BTreeSet::new()) {
                break;
            }
        }
    }
    (0..seats.len()).map(|group| seated.iter().filter(|(_, at)| **at == group).map(|(id, _)| *id).collect()).collect()
}

/// Finds one more person for a group, moving somebody to another group that can spare a seat if need be.
fn seat(
    group: usize,
    willing: &[BTreeSet<UserId>],
    seated: &mut BTreeMap<UserId, usize>,
    tried: &mut BTreeSet<UserId>,
) -> bool {
    for person in &willing[group] {
        if !tried.insert(*person) {
            continue;
        }
        match seated.get(person).copied() {
            None => {
                seated.insert(*person, group);
                return true;
            }
            Some(at) if at == group => {}
            Some(at) => {
                seated.insert(*person, group);
                if seat(at, willing, seated, tried) {
                    return true;
                }
                seated.insert(*person, at);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(ids: &[u64]) -> BTreeSet<UserId> {
        ids.iter().copied().map(UserId::new).collect()
    }

    #[test]
    fn distinct_people_fill_the_groups_even_when_the_greedy_way_fails() {
        // greedy would give 1 to the first group, leaving the second empty
        type Row<'a> = (&'a [usize], &'a [&'a [u64]], bool);
        let table: &[Row<'_>] = &[
            (&[1, 1], &[&[1, 2], &[1]], true),
            (&[1, 1], &[&[1], &[1]], false),
            (&[2, 1], &[&[1, 2, 3], &[1]], true),
            (&[2, 2], &[&[1, 2, 3], &[1, 2, 3]], false),
            (&[1, 1, 1], &[&[1, 2], &[2, 3], &[1]], true),
            (&[1], &[&[]], false),
        ];
        for (seats, willing, expected) in table {
            let willing: Vec<_> = willing.iter().map(|ids| people(ids)).collect();
            assert_eq!(filled(&fill(seats, &willing), seats), *expected, "{seats:?} {willing:?}");
        }
    }
}
