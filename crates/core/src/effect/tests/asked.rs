//! Whom we ask for a review, whom we call, and what is written only when it differs from what stands there.

use std::collections::BTreeSet;

use super::*;
use crate::decision::{Reason, Refusal};
use crate::domain::Digest;

fn asked(decision: &Decision, facts: &Facts) -> Vec<String> {
    wanted(decision, facts, &Outcome::Open, None).ask.into_iter().collect()
}

#[test]
fn a_review_is_asked_of_those_who_can_fill_a_missing_seat_while_nothing_else_is_missing() {
    let of = |case: Case| asked(&case.decide(), &case.facts);
    assert_eq!(of(Case::new()), ["acme/security", "ann", "bob"]);
    assert_eq!(of(Case::new().approve("ann")), ["acme/security", "bob"], "who approved is not asked again");
    assert_eq!(of(both().approve("bob")), ["acme/security", "ann"], "the one for both environments");
    assert_eq!(of(Case::with(POLICY, ".sops.yaml")), ["ann", "zoe"], "control paths have their own approvers");
    for quiet in [
        Case::new().approve("ann").approve("cy"),
        Case::new().approve("ann").reject("bob"),
        Case::new().but(|facts| facts.change.draft = true),
        Case::new().but(|facts| facts.change.unvouched = true),
    ] {
        assert_eq!(of(quiet), [""; 0]);
    }
}

#[test]
fn a_filled_group_a_refused_change_and_the_admins_beside_an_environment_are_not_asked() {
    let case = Case::new();
    let with = |change: &dyn Fn(&mut Decision)| {
        let mut decision = case.decide();
        change(&mut decision);
        asked(&decision, &case.facts)
    };
    assert_eq!(with(&|decision| decision.scopes[0].policies[0].groups[0].missing = 0), [""; 0]);
    assert_eq!(with(&|decision| decision.scopes[0].policies[0].groups[0].missing = 2).len(), 3);
    let refusal = Refusal { path: None, reason: Reason::Plaintext, detail: String::new(), observed: false };
    assert_eq!(with(&|decision| decision.structure.push(refusal.clone())), [""; 0]);
    let control = Case::with(POLICY, ".sops.yaml").decide().scopes.remove(0);
    assert_eq!(with(&|decision| decision.scopes.push(control.clone())), ["acme/security", "ann", "bob"]);
}

#[test]
fn only_what_differs_from_what_stands_there_is_written() {
    let case = Case::new();
    let text = |title: &str| Description { title: title.to_owned(), body: "b".to_owned() };
    let wanted = wanted(&case.decide(), &case.facts, &Outcome::Open, Some(text("new")));
    let body = wanted.comment.clone().unwrap();
    let change = PrNumber::new(42);
    let (check, comment) = (CheckId::new(5), CommentId::new(6));
    let login = |name: &str| Login::parse(name).unwrap();
    let stands = Present {
        check: Some((check, wanted.check.external_id.clone())),
        comment: Some((comment, Digest::of(body.as_bytes()))),
        description: Some(text("new").digest()),
        asked: wanted.ask.clone(),
    };
    let set = |id| Effect::SetCheck { head: oid('d'), id, check: wanted.check.clone() };
    let say = |id| Effect::Comment { change, id, body: body.clone() };
    let ask = |users: &[&str], teams: &[&str]| Effect::RequestReviewers {
        change,
        users: users.iter().map(|name| login(name)).collect(),
        teams: teams.iter().map(|name| TeamSlug::parse(name).unwrap()).collect(),
    };
    let describe = Effect::DescribeChange { change, title: "new".to_owned(), body: "b".to_owned() };
    let other = |change: &dyn Fn(&mut Present)| {
        let mut present = stands.clone();
        change(&mut present);
        wanted.minus(&present)
    };
    assert_eq!(wanted.minus(&stands), []);
    let first = [set(None), say(None), ask(&["ann", "bob"], &["acme/security"])];
    assert_eq!(wanted.minus(&Present::default()), first, "a description that is not ours is left alone");
    assert_eq!(other(&|present| present.check = Some((check, "old".to_owned()))), [set(Some(check))]);
    assert_eq!(other(&|present| present.comment = Some((comment, Digest::of(b"old")))), [say(Some(comment))]);
    assert_eq!(other(&|present| present.description = Some(text("old").digest())), [describe]);
    assert_eq!(other(&|present| _ = present.asked.remove("bob")), [ask(&["bob"], &[])]);
    assert_eq!(other(&|present| _ = present.asked.insert("dee".to_owned())), [], "nobody is asked to leave");
    let silent = Wanted { comment: None, description: None, ask: BTreeSet::new(), ..wanted.clone() };
    assert_eq!(silent.minus(&Present::default()), [set(None)]);
}

#[test]
fn an_overdue_bypass_calls_those_who_can_still_fill_a_seat_it_skipped() {
    let owed = Owed {
        by: vec![(Login::parse("zoe").unwrap(), "it is down".to_owned())],
        policies: vec!["production".to_owned()],
        due: Timestamp::from_seconds(60),
        debt: DebtState::Overdue,
    };
    let called = |change: &dyn Fn(&mut Decision)| {
        let mut decision = both().approve("ann").decide();
        change(&mut decision);
        let Effect::Tell { change, marker, body } = overdue(PrNumber::new(42), Sequence::new(8), &owed, &decision)
        else {
            panic!("another effect")
        };
        assert_eq!((change.get(), marker.as_str()), (42, "<!-- countersign:overdue 42 L-8 -->"));
        assert!(body.starts_with(&marker) && body.contains("in `production`, `staging`"), "{body}");
        let line = body.lines().nth(3).unwrap().to_owned();
        line.split(": ").next().unwrap().to_owned()
    };
    let filled = |decision: &mut Decision| decision.scopes[0].policies[0].groups[0].missing = 0;
    let nobody_left = |decision: &mut Decision| decision.scopes[0].policies[0].groups[0].could.clear();
    let elsewhere = |decision: &mut Decision| decision.scopes[1].policies[0].groups[0].missing = 1;
    assert_eq!(called(&|_| ()), "@bob, @cy");
    assert_eq!(called(&elsewhere), "@bob, @cy", "what was not bypassed is not owed");
    assert_eq!(called(&nobody_left), "@acme/security, @ann, @bob", "then whoever the policy names");
    assert_eq!(called(&filled), "Nobody is left who could ratify it");
}
