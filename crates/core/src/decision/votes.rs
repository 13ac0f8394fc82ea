//! What each person finally said, and whether that holds for this head (R11–R13, R19–R27).
//!
//! Says nothing about who may approve. Order of arrival never matters: votes fold by GitHub's time, the more restrictive last.

use std::collections::BTreeMap;

use super::Reason;
use super::asked::is_waived;
use super::case::Case;
use super::electorate;
use crate::domain::{Account, Digest, Oid, Span, UserId};
use crate::facts::{VoteFacts, VoteKind, VoteSource};
use crate::policy::Binding;

/// The last word of one person about this change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ballot {
    pub account: Account,
    pub source: VoteSource,
    pub commit: Option<Oid>,
    pub says: Says,
    /// Its author was an approver when it was first seen.
    pub stood: bool,
}

/// What a ballot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// An approval that holds for the head.
    Approves,
    /// An approval that does not hold, and why.
    ApprovedBut(Reason),
    /// A veto.
    Rejects,
}

/// What approvals are bound to, in one scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub binding: Binding,
    /// How long they hold (R30).
    pub lifetime: Option<Span>,
    /// Comments approve as well as reviews (`comment_votes`).
    pub comments: bool,
    /// Digest of the whole delta at the head.
    pub now: Option<Digest>,
}

/// All ballots: one per person, and the approvals of accounts that are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ballots {
    pub people: BTreeMap<UserId, Ballot>,
    pub ghosts: Vec<VoteFacts>,
}

/// Folds the votes of a change, one ballot a person.
pub(super) fn ballots(case: &Case<'_>, bound: Bound) -> Ballots {
    let mut votes: Vec<&VoteFacts> = case.facts().votes.iter().collect();
    votes.sort_by_key(|vote| (vote.at, strictness(case, vote), vote.source));
    let mut people = BTreeMap::new();
    let mut ghosts = Vec::new();
    for vote in votes {
        let Some(account) = &vote.account else {
            if vote.kind == VoteKind::Approve {
                ghosts.push(vote.clone());
            }
            continue;
        };
        let person = case.person(account);
        let before = people.get(&person).map(|ballot: &Ballot| ballot.says);
        if let Some(says) = says(case, bound, (vote, before), account) {
            let (account, commit) = (account.clone(), vote.commit.clone());
            people.insert(person, Ballot { account, source: vote.source, commit, says, stood: vote.stood });
        }
    }
    Ballots { people, ghosts }
}

/// At equal times the stricter vote is the later one (R20); a veto that was ended and stands is one.
fn strictness(case: &Case<'_>, vote: &VoteFacts) -> u8 {
    match vote.kind {
        VoteKind::Ended if vote.account.as_ref().is_some_and(|account| still_stands(case, vote, account)) => 3,
        VoteKind::Approve => 0,
        VoteKind::Unrecognised => 1,
        VoteKind::Ended | VoteKind::Withdraw => 2,
        VoteKind::Reject => 3,
    }
}

/// Whether a vote is a veto that stands although it was ended: unless its author did it, or somebody entitled to (R19).
fn still_stands(case: &Case<'_>, vote: &VoteFacts, account: &Account) -> bool {
    let entitled = |by: &Account| case.person(by) == case.person(account) || electorate::may_waive(case, by);
    vote.first_kind == Some(VoteKind::Reject) && !vote.ended_by.as_ref().is_some_and(entitled)
}

/// What a vote makes of what its author said before; `None`: nothing.
fn says(case: &Case<'_>, bound: Bound, (vote, before): (&VoteFacts, Option<Says>), account: &Account) -> Option<Says> {
    let rejects = || match is_waived(case, account, vote.at) {
        true => Says::ApprovedBut(Reason::Waived),
        false => Says::Rejects,
    };
    let comment = matches!(vote.source, VoteSource::Comment(_));
    match (vote.kind, vote.first_kind) {
        // where comments are no votes, one neither gives an approval nor replaces what a review said
        (VoteKind::Approve, _) if comment && !bound.comments => {
            before.is_none().then_some(Says::ApprovedBut(Reason::CommentNotCounted))
        }
        (VoteKind::Approve, _) => Some(match holds(case, bound, vote) {
            Ok(()) => Says::Approves,
            Err(reason) => Says::ApprovedBut(reason),
        }),
        (VoteKind::Reject, _) => Some(rejects()),
        (VoteKind::Withdraw, _) => before.map(|_| Says::ApprovedBut(Reason::Withdrawn)),
        // whoever takes such a comment away does not bring the approval back, nor end the veto (R18)
        (VoteKind::Ended, Some(VoteKind::Withdraw)) => {
            before.filter(|before| *before != Says::Rejects).map(|_| Says::ApprovedBut(Reason::Withdrawn))
        }
        (VoteKind::Ended, Some(VoteKind::Reject)) => Some(match still_stands(case, vote, account) {
            true => rejects(),
            false => Says::ApprovedBut(Reason::Dismissed),
        }),
        // what said nothing ends nothing (R11)
        (VoteKind::Ended, Some(VoteKind::Unrecognised)) => None,
        (VoteKind::Ended, _) if comment => bound.comments.then_some(Says::ApprovedBut(Reason::CommentChanged)),
        (VoteKind::Ended, _) => Some(Says::ApprovedBut(Reason::Dismissed)),
        (VoteKind::Unrecognised, _) => None,
    }
}

/// Whether an approval holds for the head (`changes.md` 3).
fn holds(facts: &Case<'_>, bound: Bound, vote: &VoteFacts) -> Result<(), Reason> {
    if vote.first_base != facts.change.base {
        return Err(Reason::OtherBase);
    }
    let commit = vote.commit.as_ref().ok_or(Reason::CommitUnreadable)?;
    match &vote.delivered_commit {
        Some(delivered) if delivered != commit => return Err(Reason::CommitDiverged),
        Some(_) => {}
        // first seen by reading: only for this very head, and only when given after it became the head, unless it names it (R13, R16)
        None => {
            let named = matches!(vote.source, VoteSource::Comment(_));
            let after = named || facts.change.head_since.is_some_and(|since| vote.at >= since);
            if *commit != facts.change.head {
                return Err(Reason::StaleApproval);
            }
            if !after {
                return Err(Reason::SeenLate);
            }
        }
    }
    if bound.lifetime.is_some_and(|lifetime| facts.now().since(vote.at) > lifetime) {
        return Err(Reason::Expired);
    }
    let then = match facts.delta_at.get(commit) {
        Some(digest) => *digest,
        None if *commit == facts.change.head => bound.now,
        None => None,
    };
    let whole = match (then, bound.now) {
        (Some(then), Some(now)) if then == now => Ok(()),
        (None, _) => Err(Reason::CommitUnreadable),
        (Some(_), _) => Err(Reason::StaleApproval),
    };
    match bound.binding {
        Binding::Commit if *commit != facts.change.head => Err(Reason::StaleApproval),
        Binding::Commit | Binding::Delta => whole,
        Binding::Change => whole.or_else(|_| same_change(facts, commit)),
    }
}

/// Whether the change comes to the same at both commits, whatever others did beside it (`binding: change`).
fn same_change(facts: &Case<'_>, commit: &Oid) -> Result<(), Reason> {
    let at = |commit: &Oid| facts.change_at.get(commit).copied().flatten();
    match (at(commit), at(&facts.change.head)) {
        (Some(then), Some(now)) if then == now => Ok(()),
        (None, _) => Err(Reason::CommitUnreadable),
        (Some(_), _) => Err(Reason::StaleApproval),
    }
}
