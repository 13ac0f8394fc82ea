//! Real decisions in the ledger: what `decide` allowed is recorded, and comes out the same when it is run again.

use super::*;
use crate::decision::decide;
use crate::facts::compare::{Branches, protected, protected_delta};
use crate::facts::{
    Authority, ChangeFacts, DocumentFacts, Facts, FileState, History, KeyChange, KeyChangeKind, MergeBase, People,
    Pusher, VoteFacts,
};
use crate::policy::{self, Policy};

pub(super) const TEXT: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - {name: production, environments: [production], approvers: {users: [ann]}, required_approvals: 1}
  - {name: staging, environments: [staging], approvers: {users: [ann]}, required_approvals: 1}
admins: {approvers: {users: [ann]}, required_approvals: 1}
";
pub(super) const SECRET: &str = "secrets/production/a.yaml";

fn policy() -> Policy {
    policy::parse(TEXT).unwrap()
}

pub(super) fn names() -> ResolvedNames {
    ResolvedNames { users: [(Login::parse("ann").unwrap(), UserId::new(1))].into(), teams: BTreeMap::new() }
}

fn document() -> DocumentFacts {
    DocumentFacts {
        old: FileState::Sealed,
        new: FileState::Sealed,
        keys: vec![KeyChange { key: "db.password".to_owned(), change: KeyChangeKind::Changed }].into(),
        exposed: Vec::new(),
        old_recipients: ["age1x".to_owned()].into(),
        new_recipients: ["age1x".to_owned()].into(),
        demanded_recipients: None,
        settings: Vec::new(),
        other: Some(Vec::new()),
        copied: std::collections::BTreeSet::new(),
        revoked: std::collections::BTreeSet::new(),
    }
}

fn approval(head: &Oid) -> VoteFacts {
    VoteFacts {
        source: VoteSource::Review(ReviewId::new(10)),
        account: Some(account(1, "ann")),
        kind: VoteKind::Approve,
        first_kind: Some(VoteKind::Approve),
        commit: Some(head.clone()),
        delivered_commit: Some(head.clone()),
        first_base: branch("main"),
        at: Timestamp::from_seconds(200),
        ended_by: None,
        stood: false,
    }
}

/// Rita changes the production secret and a file nobody governs; ann approves.
pub(super) fn facts() -> Facts {
    let head = oid(0xc1);
    let rita = Known::Is(account(2, "rita"));
    let may = Authority { permission: Known::Is(Permission::Write), teams: BTreeMap::new() };
    Facts {
        at: Timestamp::from_seconds(1_000),
        repository: REPOSITORY,
        repository_name: name(),
        default_branch: branch("main"),
        policy_digest: policy().digest(),
        names: names(),
        names_now: BTreeMap::new(),
        change: ChangeFacts {
            number: PrNumber::new(7),
            url: String::new(),
            open: true,
            draft: false,
            from_fork: false,
            unvouched: false,
            head: head.clone(),
            head_ref: Some(branch("rita/db")),
            head_since: Some(Timestamp::from_seconds(100)),
            base: branch("main"),
            base_tip: oid(0xb),
            updated: None,
            landed: None,
        },
        history: History {
            merge_base: MergeBase::One(oid(0xb)),
            delta: delta(&[(SECRET, Some(0x20), Some(0x21)), ("README.md", Some(1), Some(2))]),
            base_moved: Vec::new(),
            base_uncovered: Vec::new(),
            clashes: Vec::new(),
            plain_commits: Vec::new(),
            policy_fault: None,
            apart: std::collections::BTreeMap::new(),
        },
        documents: [(RepoPath::new(SECRET), document())].into(),
        people: People {
            requester: rita.clone(),
            pushers: vec![Pusher { commit: head.clone(), account: rita }],
            contributors: Vec::new(),
        },
        votes: vec![approval(&head)],
        asked: Vec::new(),
        delta_at: BTreeMap::new(),
        authority: [(UserId::new(1), may)].into(),
        rosters: BTreeMap::new(),
        held: None,
        change_at: BTreeMap::new(),
        forge_time: None,
        merge_asked: None,
        bypasses: Vec::new(),
        debts: Vec::new(),
        ratifying: None,
        ourselves: None,
    }
}

/// The entry a server writes for these facts, whatever `decide` says of them.
pub(super) fn entry(facts: &Facts) -> DecisionEntry {
    let decision = decide(&policy(), facts);
    let main = branch("main");
    let MergeBase::One(merge_base) = facts.history.merge_base.clone() else { panic!("one merge base") };
    DecisionEntry {
        pull: facts.change.number,
        head: facts.change.head.clone(),
        base: main.clone(),
        base_tip: facts.change.base_tip.clone(),
        merge_base,
        delta_digest: decision.delta.unwrap(),
        policy_digest: policy().digest(),
        verdict: RecordedVerdict::Satisfied,
        approved_by: vec![Approval {
            user: UserId::new(1),
            login: Login::parse("ann").unwrap(),
            via: VoteSource::Review(ReviewId::new(10)),
            commit: facts.change.head.clone(),
        }],
        delta: protected_delta(&policy(), Branches { base: &main, default: &main }, &facts.history.delta),
        facts: RecordedFacts::record(facts).unwrap(),
        intent: MergeMethod::MoveRef,
        adopts: Vec::new(),
        bypass: None,
    }
}

pub(super) fn book(decision: &DecisionEntry) -> Book {
    book_of(decision, &[(POLICY_PATH, 0x10), (SECRET, 0x20)])
}

fn book_of(decision: &DecisionEntry, paths: &[(&str, u64)]) -> Book {
    let mut book = Book::empty();
    book.write(adopted("main", &key(1), paths), &key(1));
    let text = TEXT.to_owned();
    book.write(
        Entry::Policy(PolicyEntry {
            branch: branch("main"),
            commit: oid(0xa),
            blob: oid(0x10),
            digest: policy().digest(),
            text,
            names: names(),
            previous_digest: None,
        }),
        &key(1),
    );
    let of = book.write(Entry::Decision(Box::new(decision.clone())), &key(1));
    book.write(merge(of, decision), &key(1));
    book
}

#[test]
fn a_true_decision_comes_out_the_same_and_what_it_merged_is_covered() {
    let ledger = book(&entry(&facts())).ledger().rechecked(rerun);
    assert_eq!(ledger.problems(), []);
    let main = branch("main");
    let tree: BTreeMap<RepoPath, TreeEntry> =
        [(POLICY_PATH, 0x10), (SECRET, 0x21), ("README.md", 9), ("secrets/staging/x", 5)]
            .map(|(path, number)| (RepoPath::new(path), file(number)))
            .into();
    let covers =
        |tree: &BTreeMap<_, _>, name: &str| ledger.covers(&main, tree, &policy(), &Environment::parse(name).unwrap());
    let covered = covers(&tree, "production");
    let covered = covered.covered().unwrap();
    assert_eq!((covered.entry, covered.current, covered.class), (Sequence::new(4), true, Some(KeyClass::Server)));
    assert_eq!(covered.approved_by[0].login.as_str(), "ann");
    assert_eq!(covers(&tree, "staging"), Coverage::Uncovered { differs: vec![RepoPath::new("secrets/staging/x")] });
    let branches = Branches { base: &main, default: &main };
    assert_eq!(covers(&protected(&policy(), branches, &tree), "production").covered(), Some(covered));
}

#[test]
fn a_decision_that_the_facts_do_not_allow_is_found_out() {
    let change = |change: fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        entry(&facts)
    };
    let say = |say: fn(&mut DecisionEntry)| {
        let mut entry = entry(&facts());
        say(&mut entry);
        entry
    };
    let cases = [
        ("nobody approved", change(|facts| facts.votes.clear())),
        ("the requester approved", change(|facts| facts.people.requester = Known::Is(account(1, "ann")))),
        ("an approval of another commit", change(|facts| facts.votes[0].commit = Some(oid(0xc2)))),
        ("the base had moved", change(|facts| facts.history.base_moved = vec![RepoPath::new(SECRET)])),
        ("a draft", change(|facts| facts.change.draft = true)),
        (
            "names of another policy",
            change(|facts| _ = facts.names.users.insert(Login::parse("zoe").unwrap(), UserId::new(9))),
        ),
        ("another head", say(|entry| entry.head = oid(0xc2))),
        ("another approver", say(|entry| entry.approved_by[0].user = UserId::new(3))),
        ("facts that are none", say(|entry| entry.facts = RecordedFacts::record(&"nothing").unwrap())),
        ("more than was shown", say(|entry| entry.delta = delta(&[(SECRET, Some(0x20), Some(0x66))]))),
    ];
    for (name, decision) in cases {
        let ledger = book(&decision).ledger();
        assert!(ledger.is_valid(), "{name}: signed and in its place");
        let ledger = ledger.rechecked(rerun);
        assert!(!ledger.is_valid(), "{name}");
        let problem = &ledger.problems()[0];
        assert_eq!(
            (problem.code, problem.entry),
            (ProblemCode::DecisionNotReproducible, Some(Sequence::new(3))),
            "{name}"
        );
    }
}

#[test]
fn besides_what_the_facts_show_a_decision_records_only_paths_that_begin_to_be_governed() {
    let started = [(POLICY_PATH, 0x10), (SECRET, 0x20), ("docs/x", 5), ("secrets/staging/x", 5)];
    let valid = |more: (&str, Option<u64>, Option<u64>)| {
        let decision = DecisionEntry { delta: delta(&[(SECRET, Some(0x20), Some(0x21)), more]), ..entry(&facts()) };
        let ledger = book_of(&decision, &started).ledger();
        assert!(ledger.is_valid(), "{more:?}: signed and in its place");
        ledger.rechecked(rerun).is_valid()
    };
    assert!(valid(("docs/new", None, Some(6))), "for the first time");
    assert!(valid(("docs/x", Some(5), Some(6))), "again: it was free under the policy in force");
    assert!(!valid(("secrets/staging/x", Some(5), Some(6))), "it was governed all along");
}
