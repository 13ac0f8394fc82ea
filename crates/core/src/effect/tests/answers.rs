//! Answers to commands: pages of a decision, and how one person counts in it.

use super::*;
use crate::domain::Login;
use crate::facts::VoteKind;

#[test]
fn status_and_explanation_read_like_this() {
    let case = both().approve("bob").approve("rita");
    let decision = case.decide();
    insta::assert_snapshot!(status_page(&decision, &case.facts));
    insta::assert_snapshot!(explain_page(&decision, &case.facts));
}

#[test]
fn one_who_asks_how_they_count_hears_it_for_each_group() {
    let says = |case: Case, whom: &str, change: &dyn Fn(&mut Decision)| {
        let mut decision = case.decide();
        change(&mut decision);
        let page = explain_person(&decision, &case.facts, &Login::parse(whom).unwrap());
        assert!(page.starts_with(&format!("How **{whom}** counts at `ddddddd`:\n")), "{page}");
        page.lines().filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let as_is: &dyn Fn(&mut Decision) = &|_| ();
    let vote =
        |name: &'static str, kind: VoteKind| Case::new().approve(name).but(move |facts| facts.votes[0].kind = kind);
    let unsaid = |decision: &mut Decision| {
        let group = &mut decision.scopes[0].policies[0].groups[0];
        group.counted.clear();
        group.not_counted.clear();
    };
    let filled = |decision: &mut Decision| {
        unsaid(decision);
        decision.scopes[0].policies[0].groups[0].missing = 0;
    };
    for (case, whom, change, expected) in [
        (Case::new().approve("ann"), "ANN", as_is, "counted: review at `ddddddd`"),
        (Case::new().approve("ann"), "bob", as_is, "has not approved; could"),
        (Case::new().approve("ann"), "dee", as_is, "has said nothing that bears on it"),
        (vote("bob", VoteKind::Reject), "bob", as_is, "asked for changes"),
        (vote("bob", VoteKind::Withdraw), "bob", &unsaid, "has not approved; could"),
        (Case::new().approve("dee"), "dee", &unsaid, "has said nothing that bears on it"),
        (Case::new().approve("ann").approve("dee"), "dee", &filled, "approved; the seats are filled by others"),
        (Case::new().approve("ann"), "dee", &filled, "has said nothing that bears on it"),
    ] {
        assert_eq!(says(case, whom, change), [format!("production (production): {expected}")], "{whom}");
    }
    let excluded = says(Case::new().approve("rita"), "rita", as_is).remove(0);
    assert!(
        excluded.starts_with("production (production): not counted: `requester` — asked for this change; "),
        "{excluded}"
    );
    let two = |decision: &mut Decision| {
        let groups = &mut decision.scopes[0].policies[0].groups;
        groups.push(groups[0].clone());
        groups[1].name = "second".to_owned();
    };
    let lines = says(Case::new().approve("ann"), "ann", &two);
    let starts = ["production / production (production): counted", "production / second (production): counted"];
    assert!(lines.len() == 2 && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{lines:?}");
}

#[test]
fn nothing_between_two_backticks_is_nothing() {
    let login = Login::parse("rita").unwrap();
    let said = reply(CommentId::new(7), &login, "an empty `` span, a `full` one", None);
    assert_eq!(said.lines().nth(1), Some("@rita an empty  span, a `full` one"));
}
