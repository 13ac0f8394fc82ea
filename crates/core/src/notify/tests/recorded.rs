//! What an entry of the ledger is told as.

use super::*;
use crate::domain::{Delta, DeltaEntry, EntryMode, RepoPath, ReviewId, Span, TreeEntry};
use crate::facts::{BypassSource, Known, Quarantine, VoteSource};
use crate::ledger::{
    Approval, BypassEntry, BypassWord, Bypassing, DecisionEntry, KeyAction, KeyClass, KeyEntry, KnownBypass,
    MergeEntry, MergeMethod, PushOutcome, PutBackEntry, RatificationEntry, RecordedFacts, RecordedVerdict,
};

fn approval(name: &str) -> Approval {
    let via = VoteSource::Review(ReviewId::new(10));
    Approval { user: UserId::new(1), login: Login::parse(name).unwrap(), via, commit: oid(0xc1) }
}

fn delta(paths: &[&str]) -> Delta {
    let file = |number| Some(TreeEntry { mode: EntryMode::File, oid: oid(number) });
    Delta::new(paths.iter().map(|path| DeltaEntry { path: RepoPath::new(path), old: file(1), new: file(2) }))
}

/// Pull 7 with its whole facts; ann approved.
fn decided(facts: &Facts) -> DecisionEntry {
    DecisionEntry {
        pull: facts.change.number,
        head: facts.change.head.clone(),
        base: facts.change.base.clone(),
        base_tip: oid(0xb),
        merge_base: oid(0xb),
        delta_digest: Digest::of(b"delta"),
        policy_digest: Digest::of(b"policy"),
        verdict: RecordedVerdict::Satisfied,
        approved_by: vec![approval("ann")],
        delta: facts.history.delta.clone(),
        facts: RecordedFacts::record(facts).unwrap(),
        intent: MergeMethod::MoveRef,
        adopts: Vec::new(),
        bypass: None,
    }
}

/// The same as another version wrote it: only its paths can be read.
fn strange(base: &str, paths: &[&str]) -> DecisionEntry {
    let base = RefName::branch(base).unwrap();
    let facts_of_then = RecordedFacts::record(&serde_json::json!({"z": 1})).unwrap();
    DecisionEntry { base, delta: delta(paths), facts: facts_of_then, approved_by: Vec::new(), ..decided(&facts()) }
}

fn entry(decision: DecisionEntry) -> Entry {
    Entry::Decision(Box::new(decision))
}

fn merge(pull: u64, decision: u64) -> Entry {
    Entry::Merge(MergeEntry {
        pull: PrNumber::new(pull),
        decision: Sequence::new(decision),
        commit: oid(0xf00),
        method: MergeMethod::MoveRef,
        approved: delta(&[]),
    })
}

fn bypassing() -> Bypassing {
    let word = |login: &str, reason: &str| BypassWord {
        user: UserId::new(1),
        login: Login::parse(login).unwrap(),
        via: BypassSource::Push(oid(0xc1)),
        reason: reason.to_owned(),
    };
    Bypassing {
        environments: vec![Environment::parse("staging").unwrap()],
        policies: vec!["soft".to_owned()],
        by: vec![word("ann", "the database is down"), word("bob", "I see it too")],
        ratify_within: Span::from_seconds(60),
    }
}

fn bypass(decision: u64) -> Entry {
    Entry::Bypass(Box::new(BypassEntry {
        pull: PrNumber::new(7),
        decision: Sequence::new(decision),
        head: oid(0xc1),
        commit: oid(0xf01),
        bypass: bypassing(),
        at: Timestamp::from_seconds(1),
        due: Timestamp::from_seconds(61),
    }))
}

fn environments(notice: &Notice) -> Vec<&str> {
    notice.environments.iter().map(Environment::as_str).collect()
}

/// What is told of the change #7 itself, wherever it is taken from.
fn is_of_the_change(notice: &Notice) {
    assert_eq!(notice.change, Some(PrNumber::new(7)));
    assert_eq!(notice.url, "https://github.com/acme/app/pull/7");
    assert_eq!((notice.requester.clone(), notice.actor.is_some()), (Some(account(2, "rita")), true));
    assert_eq!((environments(notice), notice.control), (vec!["production"], false));
    assert_eq!(notice.policies, ["all"]);
    assert_eq!(notice.counts, Some(Counts { added: 0, changed: 1, removed: 0 }));
    assert_eq!(notice.keys.iter().map(|line| line.key.as_str()).collect::<Vec<_>>(), ["db.password"]);
}

#[test]
fn a_recorded_approval_is_the_notice_the_change_itself_gave_and_a_bypass_is_none() {
    let facts = facts();
    let mut bypassed = decided(&facts);
    bypassed.verdict = RecordedVerdict::Bypassed;
    let book = Book::of([entry(decided(&facts)), entry(bypassed), entry(decided(&facts))]).void(3);
    let notice = book.told(1).unwrap();
    is_of_the_change(&notice);
    assert_eq!(notice.key, format!("change.approved/7/{}", facts.change.head), "as `of_change` names it");
    assert_eq!((notice.occasion, notice.at), (Occasion::ChangeApproved, book.entries[0].at));
    assert_eq!((notice.commit, notice.entry), (Some(oid(0xc1)), Some(Sequence::new(1))));
    assert_eq!((notice.approved_by, notice.actor.as_deref()), (vec!["ann".to_owned()], Some("rita")));
    assert_eq!(book.told(2), None, "told by the entry of the bypass");
    assert_eq!(book.told(3), None, "void");
    assert_eq!(book.told(4), None, "there is none");

    let mut control = facts.clone();
    control.history.delta = delta(&[".countersign/policy.yaml"]);
    let notice = Book::of([entry(decided(&control))]).told(1).unwrap();
    assert_eq!((environments(&notice), notice.control), (vec![], true));
}

#[test]
fn a_merge_a_bypass_and_its_ratification_are_told_with_the_decision_they_name() {
    let mut other = decided(&facts());
    other.approved_by = vec![approval("cy")];
    let ratification = Entry::Ratification(Box::new(RatificationEntry {
        pull: PrNumber::new(7),
        decision: Sequence::new(1),
        head: oid(0xc1),
        ratified_by: vec![approval("bob"), approval("zoe")],
        facts: RecordedFacts::record(&serde_json::json!({})).unwrap(),
        at: Timestamp::from_seconds(2),
    }));
    let book = Book::of([entry(decided(&facts())), entry(other), merge(7, 1), bypass(1), ratification]);

    let merged = book.told(3).unwrap();
    is_of_the_change(&merged);
    assert_eq!((merged.key.as_str(), merged.commit), ("change.merged/L-3", Some(oid(0xf00))));
    assert_eq!((merged.approved_by, merged.entry), (vec!["ann".to_owned()], Some(Sequence::new(3))));

    let bypassed = book.told(4).unwrap();
    is_of_the_change(&bypassed);
    assert_eq!((bypassed.key.as_str(), bypassed.commit), ("change.bypassed/L-4", Some(oid(0xf01))));
    assert_eq!(bypassed.actor.as_deref(), Some("ann and bob"));
    assert_eq!(bypassed.detail.as_deref(), Some("the database is down / I see it too"));

    let ratified = book.told(5).unwrap();
    is_of_the_change(&ratified);
    assert_eq!(
        (ratified.key.as_str(), ratified.approved_by),
        ("bypass.ratified/L-5", vec!["bob".into(), "zoe".into()])
    );

    let pull = PrNumber::new(7);
    let known = KnownBypass { pull, merged: Sequence::new(3), bypass: bypassing(), entry: None, ratified: None };
    let now = Timestamp::from_seconds(1_800_000_000);
    let late = overdue(book.history(), Sequence::new(1), &known, now);
    is_of_the_change(&late);
    assert_eq!((late.key.as_str(), late.at), ("bypass.overdue/L-1", now));
    assert_eq!(late.actor.as_deref(), Some("ann and bob"));
}

#[test]
fn where_facts_of_another_version_cannot_be_read_paths_say_the_environments_of_their_branch() {
    let secret = ["secrets/production/a.yaml", "README.md"];
    for (base, paths, expected) in [
        ("main", &secret[..], &["production"][..]),
        ("main", &["secrets/production/a.yaml", "secrets/staging/b.yaml"], &["production", "staging"]),
        ("main", &["README.md"], &[]),
        ("release", &secret, &[]),
        ("release", &["secrets/release/a.yaml"], &["old"]),
        ("main", &["secrets/release/a.yaml"], &[]),
    ] {
        let mut book = Book::of([entry(strange(base, paths)), merge(7, 1)]);
        book.policy = policy::parse(
            "version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/], branch: main}
  old: {paths: [secrets/release/], branch: release}
policies: [{name: all, environments: '*', approvers: {users: [ann]}}]
",
        )
        .unwrap_or_else(|faults| panic!("{faults:#?}"));
        for number in [1, 2] {
            let notice = book.told(number).unwrap();
            assert_eq!(environments(&notice), expected, "{base} {paths:?}");
            assert_eq!((notice.requester, notice.actor, notice.counts), (None, None, None));
        }
    }
    let unknown = Book::of([bypass(9)]).told(1).unwrap();
    assert_eq!((environments(&unknown), &unknown.policies[..]), (vec!["staging"], &["soft".to_owned()][..]), "its own");
}

#[test]
fn a_direct_push_is_told_as_put_back_or_as_what_stands_and_a_key_by_what_became_of_it() {
    let push = |outcome: PushOutcome, sender: Known<Account>| {
        Entry::PutBack(Box::new(PutBackEntry {
            branch: RefName::branch("main").unwrap(),
            pushed: oid(0xd0),
            outcome,
            restored: None,
            kept: None,
            held: None,
            delta_digest: Digest::of(b"delta"),
            paths: vec![RepoPath::new("secrets/staging/a.yaml")],
            left_out: Vec::new(),
            sender,
            excluded: Vec::new(),
            bypass_asked: false,
            bypass_reason: None,
            at: Timestamp::from_seconds(1),
        }))
    };
    let known = || Known::Is(account(2, "rita"));
    let stands = PushOutcome::Quarantined(Quarantine::Rules);
    let unknown = Known::Unknown("GitHub did not say".to_owned());
    for (outcome, sender, key, requester) in [
        (PushOutcome::PutBack, known(), "change.put_back/L-1", Some(account(2, "rita"))),
        (stands, known(), "environment.quarantined/L-1", Some(account(2, "rita"))),
        (PushOutcome::PutBack, unknown, "change.put_back/L-1", None),
    ] {
        let notice = Book::of([push(outcome, sender)]).told(1).unwrap();
        assert_eq!((notice.key.as_str(), environments(&notice)), (key, vec!["staging"]));
        assert_eq!((notice.commit.clone(), notice.detail.as_deref()), (Some(oid(0xd0)), Some("main")));
        assert_eq!(notice.actor, requester.as_ref().map(|account| account.login.to_string()));
        assert_eq!(notice.requester, requester);
    }

    let key = SigningKey::from_randomness(&[2; 32]);
    let changed = |action| Entry::Key(KeyEntry { action, public_key: key.public(), class: KeyClass::Server });
    let revoked = KeyAction::Revoke { from_sequence: Sequence::new(1) };
    let book = Book::of([changed(KeyAction::Add), changed(KeyAction::Retire), changed(revoked)]);
    for (number, what) in [(1, "added"), (2, "retired"), (3, "revoked")] {
        let notice = book.told(number).unwrap();
        assert_eq!(notice.key, format!("key.changed/L-{number}"));
        assert_eq!(notice.detail, Some(format!("{} {what}", key.fingerprint())));
    }
}
