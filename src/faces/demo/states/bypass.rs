//! A bypass in every state: it stands, it is held, it lifts nothing; what is owed after it.

use countersign_core::domain::{CommentId, Login, Permission, Sequence, TeamId, Timestamp};
use countersign_core::effect::{DebtState, Outcome, Owed};
use countersign_core::facts::{Authority, BypassAsked, BypassSource, Known, Ratifying};

use super::{PATH, POLICY, State, Story, account, oid};

const DOWN: &str = "the database is down, the old password is known";

/// A soft policy, and carol who may bypass it.
fn soft() -> Story {
    let rule = "    enforcement: soft\n    bypass: {users: [carol], min_reason: 10}\n  - name: staging";
    Story::under(&POLICY.replacen("  - name: staging", rule, 1), PATH).but(|facts| {
        let teams = [(TeamId::new(7), Known::Is(false))].into();
        facts.authority.insert(account("carol").id, Authority { permission: Known::Is(Permission::Write), teams });
    })
}

fn asked(story: Story, reason: &str) -> Story {
    story.but(|facts| {
        facts.bypasses.push(BypassAsked {
            source: BypassSource::Comment(CommentId::new(70)),
            by: account("carol"),
            head: facts.change.head.clone(),
            reason: reason.to_owned(),
            at: Timestamp::from_seconds(400),
            elsewhere: false,
        });
    })
}

fn owing(debt: DebtState) -> Outcome {
    let owed = Owed {
        by: vec![(account("carol").login, DOWN.to_owned())],
        policies: vec!["production".to_owned()],
        due: Timestamp::from_seconds(172_800),
        debt,
    };
    Outcome::Merged { commit: oid('e'), decision: Sequence::new(128), syncs: Vec::new(), owed: Some(owed) }
}

/// As the merged change is judged once more.
fn ratifying(story: Story, debt: DebtState) -> Story {
    let story = story.but(|facts| {
        let bypassers = vec![account("carol")];
        facts.ratifying = Some(Ratifying { bypassers, policies: vec!["production".to_owned()] });
    });
    story.ended(owing(debt))
}

pub(super) fn states() -> Vec<State> {
    let login = |name| Login::parse(name).unwrap();
    let ratified = DebtState::Ratified { by: vec![login("ann"), login("cy")], entry: Sequence::new(131) };
    let held = Outcome::Held("the branch is protected against the App".to_owned());
    vec![
        ("bypassed", asked(soft().approve("ann"), DOWN)),
        ("bypassed and held", asked(soft(), DOWN).ended(held)),
        ("a bypass that lifts nothing", asked(soft(), "now")),
        ("merged by a bypass", ratifying(soft().approve("ann").approve("carol"), DebtState::Open)),
        ("a bypass that is overdue", ratifying(soft().approve("ann"), DebtState::Overdue)),
        ("a bypass that is ratified", ratifying(soft().approve("ann").approve("cy"), ratified)),
    ]
}
