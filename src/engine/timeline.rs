//! What the timeline of a pull request says about votes that no delivery told of: who ended them, and which base they were for.
//!
//! Makes no vote count: what it tells can void one, or keep a veto standing.

use countersign_core::domain::{Account, RefName, Timestamp};
use countersign_core::facts::VoteKind;
use countersign_core::facts::question::{ChangeRead, Moment, ReviewRead};

/// What a dismissed review had said and who dismissed it, as the timeline tells: also when no delivery did (R19).
pub(super) fn dismissal(read: &ChangeRead, of: &ReviewRead) -> (Option<VoteKind>, Option<Account>) {
    let told = read.moments.iter().rev().find_map(|moment| match &moment.what {
        Moment::Dismissed { review, said, by } if *review == of.id => Some((*said, by.clone())),
        Moment::Dismissed { .. } | Moment::Retargeted { .. } => None,
    });
    told.filter(|_| of.kind == Some(VoteKind::Ended)).unwrap_or_default()
}

/// Where a change aimed at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aimed {
    /// At this base, or at the present one.
    At(Option<RefName>),
    /// At another one that is not named.
    Elsewhere,
}

/// Where the change aimed when a vote was given, by the timeline. Where it aimed at several bases within that second, one that is
/// not the present one (R27).
pub(super) fn aimed_at(read: &ChangeRead, given: Timestamp) -> Aimed {
    let mut possible: Vec<Option<&RefName>> = Vec::new();
    let mut later = false;
    for moment in read.moments.iter().filter(|moment| moment.at >= given) {
        match &moment.what {
            Moment::Retargeted { from } if !later => {
                possible.push(from.as_ref());
                later = moment.at > given;
            }
            Moment::Retargeted { .. } | Moment::Dismissed { .. } => {}
        }
    }
    if possible.contains(&None) {
        return Aimed::Elsewhere;
    }
    Aimed::At(possible.into_iter().flatten().find(|base| **base != read.base).cloned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::domain::{Oid, PrNumber};
    use countersign_core::facts::question::MomentRead;

    use super::*;

    fn branch(name: &str) -> RefName {
        RefName::branch(name).unwrap()
    }

    /// A change that aims at `main` now, and the bases it left at an instant.
    fn left(bases: &[(i64, Option<&str>)]) -> ChangeRead {
        let moments = bases.iter().map(|(at, from)| MomentRead {
            at: Timestamp::from_seconds(*at),
            what: Moment::Retargeted { from: from.map(branch) },
        });
        ChangeRead {
            number: PrNumber::new(1),
            url: String::new(),
            title: String::new(),
            body: String::new(),
            open: true,
            merged: false,
            draft: false,
            head_ref: None,
            head: Oid::parse(&"a".repeat(40)).unwrap(),
            base: branch("main"),
            author: None,
            updated: None,
            read_at: None,
            moments: moments.collect(),
            reviews: Vec::new(),
            commits: Vec::new(),
            requested_users: Vec::new(),
            requested_teams: Vec::new(),
            our_comment: None,
            comments: Vec::new(),
        }
    }

    #[test]
    fn r27_a_vote_is_for_the_base_of_its_time_and_within_a_second_for_the_other_one() {
        let dev = || Aimed::At(Some(branch("dev")));
        let there_and_back = left(&[(10, Some("main")), (20, Some("dev"))]);
        let table = [(5, Aimed::At(None)), (10, dev()), (15, dev()), (20, dev()), (21, Aimed::At(None))];
        for (at, expected) in table {
            assert_eq!(aimed_at(&there_and_back, Timestamp::from_seconds(at)), expected, "{at}");
        }
        let at_once = left(&[(10, Some("main")), (10, Some("dev"))]);
        assert_eq!(aimed_at(&at_once, Timestamp::from_seconds(10)), dev());
        assert_eq!(aimed_at(&left(&[(10, None)]), Timestamp::from_seconds(9)), Aimed::Elsewhere);
        assert_eq!(aimed_at(&left(&[(10, None)]), Timestamp::from_seconds(11)), Aimed::At(None));
    }
}
