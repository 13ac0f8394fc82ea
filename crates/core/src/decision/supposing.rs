//! What if somebody said something more: facts with one vote added.
//!
//! The vote is of the head, given now, and delivered. Nothing else changes; whether it counts is decided as ever.

use crate::domain::{Account, ReviewId};
use crate::facts::{Authority, Facts, Known, VoteFacts, VoteKind, VoteSource};

/// The facts as if this person had reviewed the head just now. What they may do is taken as far as the facts tell: a member by the
/// rosters, otherwise unknown.
#[must_use]
pub fn supposing(facts: &Facts, account: Account, kind: VoteKind) -> Facts {
    let mut facts = facts.clone();
    let latest = facts.votes.iter().map(|vote| vote.at).max();
    let head = facts.change.head.clone();
    facts.authority.entry(account.id).or_insert_with(|| {
        let teams = facts.rosters.iter().map(|(team, roster)| {
            let member = match roster {
                Known::Is(members) => Known::Is(members.iter().any(|member| member.id == account.id)),
                Known::Unknown(why) => Known::Unknown(why.clone()),
            };
            (*team, member)
        });
        let permission = Known::Unknown("it was not asked".to_owned());
        Authority { permission, teams: teams.collect() }
    });
    facts.votes.push(VoteFacts {
        source: VoteSource::Review(ReviewId::new(u64::MAX)),
        account: Some(account),
        kind,
        first_kind: Some(kind),
        commit: Some(head.clone()),
        delivered_commit: Some(head),
        first_base: facts.change.base.clone(),
        at: latest.map_or(facts.at, |latest| latest.max(facts.at)),
        ended_by: None,
        stood: false,
    });
    facts
}
