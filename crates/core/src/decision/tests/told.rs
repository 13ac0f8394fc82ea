//! What people and programs are told of a decision.

use serde_json::json;

use super::*;
use crate::domain::CommentId;
use crate::facts::{Asked, AskedFor, BypassAsked, BypassSource};

#[test]
fn a_decision_as_json_says_who_counts_who_does_not_and_what_would_turn_it_green() {
    let case = Case::new().approve("ann").approve("rita").but(|facts| {
        facts.votes.push(VoteFacts {
            source: VoteSource::Comment(CommentId::new(5)),
            account: None,
            ..facts.votes[0].clone()
        });
    });
    let told = explain(&case.decide(), &case.facts);
    let (d, b) = (oid('d').as_str().to_owned(), oid('b').as_str().to_owned());
    assert_eq!(
        told,
        json!({
            "version": 1, "repository": "acme/app", "pr": 42, "head": d, "base": "main", "base_tip": b,
            "verdict": "pending", "reason": "quorum-missing",
            "environments": [{"name": "production", "verdict": "pending", "observed": false, "policies": [{
                "name": "production", "enforcement": "hard", "verdict": "pending", "machine": null,
                "groups": [{
                    "name": "production", "approvers": ["acme/security", "ann", "bob"], "required": 2, "missing": 1,
                    "counted": [{"login": "ann", "id": 1, "via": "review", "commit": d}],
                    "not_counted": [
                        {"login": "rita", "id": 9, "reason": "requester", "commit": d},
                        {"login": null, "id": null, "reason": "deleted-account", "commit": d},
                    ],
                    "could": ["bob", "cy"],
                }],
            }]}],
            "structure": [], "extra_seats": [], "waits": [], "bypass": null, "bypass_refused": [],
            "next": [format!("ask bob or cy to review {}", oid('d').short())],
        })
    );
    let comment = case.but(|facts| facts.votes[0].source = VoteSource::Comment(CommentId::new(6)));
    let told = explain(&comment.decide(), &comment.facts);
    assert_eq!(told["environments"][0]["policies"][0]["groups"][0]["counted"][0]["via"], "comment");
}

#[test]
fn a_bypass_as_json_says_whose_word_it_was_and_until_when_it_is_owed() {
    let soft = POLICY.replacen(
        "required_approvals: 2",
        "required_approvals: 2\n    enforcement: soft\n    bypass: {users: [zoe], min_reason: 4, ratify_within: 8h}",
        1,
    );
    let case = Case::with(&soft, "secrets/production/db.yaml").but(|facts| {
        facts.bypasses.push(BypassAsked {
            source: BypassSource::Comment(CommentId::new(70)),
            by: account("zoe"),
            head: oid('d'),
            reason: "it is down".to_owned(),
            at: Timestamp::from_seconds(300),
            elsewhere: false,
        });
        let what = AskedFor::Pause(None);
        let at = Timestamp::from_seconds(200);
        facts.asked.push(Asked { comment: CommentId::new(5), by: account("bob"), what, at });
    });
    let told = explain(&case.decide(), &case.facts);
    let by = json!({"login": "zoe", "id": 26, "reason": "it is down"});
    let expected =
        json!({"environments": ["production"], "policies": ["production"], "by": [by], "ratify_within": "8h"});
    assert_eq!((&told["verdict"], &told["bypass"]), (&json!("bypassed"), &expected));
    assert_eq!(
        told["next"],
        json!(["bob, or an approver who did not ask for the change, comments `/countersign unpause`"])
    );
}

#[test]
fn the_next_step_asks_for_what_is_missing_and_for_nothing_else() {
    let next = |case: Case| case.decide().next;
    let head = oid('d').short().to_owned();
    assert_eq!(next(Case::new()), [format!("ask 2 of ann, bob or cy to review {head}")]);
    assert_eq!(next(Case::new().approve("ann").approve("bob")), [""; 0]);
    // of two groups the one that is filled asks nobody
    let groups = POLICY.replacen(
        "    approvers: {users: [ann, bob], teams: [acme/security]}\n    required_approvals: 2\n",
        "    groups:\n      - {name: one, approvers: {users: [ann]}, required_approvals: 1}\n      \
         - {name: two, approvers: {users: [bob]}, required_approvals: 1}\n",
        1,
    );
    let case = Case::with(&groups, "secrets/production/db.yaml").approve("ann");
    assert_eq!(next(case), [format!("ask bob to review {head}")]);
    // no more than six are named
    let many = POLICY.replacen("users: [ann, bob]", "users: [ann, bob, dee, zoe, mallory, k1]", 1);
    let asked = next(Case::with(&many, "secrets/production/db.yaml"));
    assert!(asked[0].starts_with("ask 2 of ") && asked[0].contains(" or another of them to review"), "{asked:?}");
    let six = many.replacen(", k1", "", 1);
    let asked = next(Case::with(&six, "secrets/production/db.yaml"));
    assert!(!asked[0].contains("another of them"), "{asked:?}");
    let draft = |facts: &mut Facts| facts.change.draft = true;
    assert_eq!(next(Case::new().approve("ann").approve("bob").but(draft)), [Reason::Draft.help()]);
}

#[test]
fn what_refuses_a_change_is_told_once_per_path_and_way_out() {
    let case = Case::new().but(|facts| {
        let document = facts.documents.values_mut().next().unwrap();
        document.exposed = vec!["a".to_owned(), "b".to_owned()];
        document.new = FileState::MacMissing;
    });
    let path = "secrets/production/db.yaml";
    let expected = [Reason::MacMissing, Reason::ExposedKey].map(|reason| format!("{path}: {}", reason.help()));
    let mut next = case.decide().next;
    next.sort();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(next, expected);
}
