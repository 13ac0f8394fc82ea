//! A ratification run again: of the very change that was bypassed, by its policy, without whoever bypassed it.

use super::decided::facts;
use super::*;
use crate::decision::decide;
use crate::facts::compare::{Branches, protected_delta};
use crate::facts::{Authority, BypassAsked, BypassSource, Facts, Ratifying};
use crate::policy::{self, Policy};

const SECRET: &str = "secrets/production/a.yaml";
const SOFT: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
policies:
  - name: production
    environments: [production]
    approvers: {users: [ann]}
    required_approvals: 1
    enforcement: soft
    bypass: {users: [carol], min_reason: 4, ratify_within: 48h}
admins: {approvers: {users: [ann]}, required_approvals: 1}
";

fn soft() -> Policy {
    policy::parse(SOFT).unwrap()
}

fn names() -> ResolvedNames {
    let users = [("ann", 1), ("carol", 5)].map(|(login, id)| (Login::parse(login).unwrap(), UserId::new(id)));
    ResolvedNames { users: users.into(), teams: BTreeMap::new() }
}

/// Carol asks for a bypass; nobody approves.
fn bypassed() -> Facts {
    let mut facts = Facts { policy_digest: soft().digest(), names: names(), votes: Vec::new(), ..facts() };
    let may = Authority { permission: Known::Is(Permission::Write), teams: BTreeMap::new() };
    facts.authority.insert(UserId::new(5), may);
    facts.bypasses.push(BypassAsked {
        source: BypassSource::Comment(CommentId::new(70)),
        by: account(5, "carol"),
        head: facts.change.head.clone(),
        reason: "the database is down".to_owned(),
        at: Timestamp::from_seconds(300),
        elsewhere: false,
    });
    facts
}

/// The same change once it is merged, approved by ann.
fn ratifying() -> Facts {
    let votes = facts().votes;
    let ratifying = Ratifying { bypassers: vec![account(5, "carol")], policies: vec!["production".to_owned()] };
    Facts { votes, ratifying: Some(ratifying), ..bypassed() }
}

fn decided() -> DecisionEntry {
    let (facts, main) = (bypassed(), branch("main"));
    let found = decide(&soft(), &facts);
    DecisionEntry {
        pull: facts.change.number,
        head: facts.change.head.clone(),
        base_tip: facts.change.base_tip.clone(),
        delta_digest: found.delta.unwrap(),
        policy_digest: soft().digest(),
        verdict: RecordedVerdict::Bypassed,
        approved_by: Vec::new(),
        facts: RecordedFacts::record(&facts).unwrap(),
        bypass: Some(Bypassing::of(&found.bypass.unwrap())),
        ..decision(7, protected_delta(&soft(), Branches { base: &main, default: &main }, &facts.history.delta))
    }
}

/// Adopted, decided, merged and ratified: the ledger, run again.
fn run(change: impl FnOnce(&mut Facts), say: impl FnOnce(&mut RatificationEntry)) -> Ledger {
    let mut book = Book::empty();
    book.write(adopted("main", &key(1), &[(POLICY_PATH, 0x10), (SECRET, 0x20)]), &key(1));
    let Entry::Policy(entry) = policy(SOFT, 0x10, None) else { panic!("a policy") };
    book.write(Entry::Policy(PolicyEntry { names: names(), ..entry }), &key(1));
    let decision = decided();
    let of = book.write(Entry::Decision(Box::new(decision.clone())), &key(1));
    book.write(merge(of, &decision), &key(1));
    let mut facts = ratifying();
    change(&mut facts);
    let mut entry = RatificationEntry {
        pull: decision.pull,
        decision: of,
        head: decision.head.clone(),
        ratified_by: vec![Approval {
            user: UserId::new(1),
            login: Login::parse("ann").unwrap(),
            via: VoteSource::Review(ReviewId::new(10)),
            commit: decision.head,
        }],
        facts: RecordedFacts::record(&facts).unwrap(),
        at: at(Sequence::new(5)),
    };
    say(&mut entry);
    book.write(Entry::Ratification(Box::new(entry)), &key(1));
    let ledger = book.ledger();
    assert!(ledger.is_valid());
    ledger.rechecked(rerun)
}

#[test]
fn a_true_ratification_comes_out_the_same() {
    assert_eq!(run(|_| (), |_| ()).problems(), []);
}

#[test]
fn a_ratification_that_its_facts_do_not_allow_is_found_out() {
    type Change = (&'static str, fn(&mut Facts));
    let changes: [Change; 9] = [
        ("`pending`", |facts| facts.votes.clear()),
        ("another pull request", |facts| facts.change.number = PrNumber::new(8)),
        ("another head", |facts| {
            facts.change.head = oid(0xc2);
            facts.votes[0].commit = Some(oid(0xc2));
            facts.votes[0].delivered_commit = Some(oid(0xc2));
        }),
        ("another digest of the difference", |facts| {
            facts.history.delta = delta(&[(SECRET, Some(0x20), Some(0x66))]);
        }),
        ("another list of policies", |facts| {
            facts.ratifying.as_mut().unwrap().policies.push("production".to_owned());
        }),
        ("`satisfied`", |facts| facts.ratifying.as_mut().unwrap().policies = vec!["other".to_owned()]),
        ("another set of bypassers", |facts| facts.ratifying.as_mut().unwrap().bypassers.clear()),
        ("another list of policies", |facts| (facts.ratifying, facts.bypasses) = (None, Vec::new())),
        ("another policy", |facts| _ = facts.names.users.remove(&Login::parse("carol").unwrap())),
    ];
    for (why, change) in changes {
        let ledger = run(change, |_| ());
        assert!(!ledger.is_valid(), "{why}");
        let problem = &ledger.problems()[0];
        assert_eq!(
            (problem.code, problem.entry),
            (ProblemCode::DecisionNotReproducible, Some(Sequence::new(5))),
            "{why}"
        );
        assert!(problem.message.contains(why), "{why}: {}", problem.message);
    }
    let other = run(|_| (), |entry| entry.ratified_by[0].user = UserId::new(3));
    assert!(other.problems()[0].message.contains("another set of approvers"));
}
