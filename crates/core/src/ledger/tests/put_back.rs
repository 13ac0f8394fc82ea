//! Direct pushes in the ledger: they change nothing that is approved, and are told.

use super::*;
use crate::facts::Quarantine;

fn pushed(on: &str, commit: u64, outcome: PushOutcome) -> PutBackEntry {
    PutBackEntry {
        branch: branch(on),
        pushed: oid(commit),
        outcome,
        restored: Some(oid(commit + 1)),
        kept: Some(oid(commit + 2)),
        held: Some(branch(&format!("countersign/held/{}", oid(commit)))),
        delta_digest: Digest::of(b"delta"),
        paths: vec![RepoPath::new("secrets/production/a.yaml")],
        left_out: Vec::new(),
        sender: Known::Is(account(2, "rita")),
        excluded: vec![account(2, "rita")],
        bypass_asked: false,
        bypass_reason: None,
        at: at(Sequence::new(3)),
    }
}

fn written(entry: PutBackEntry) -> Entry {
    Entry::PutBack(Box::new(entry))
}

#[test]
fn a_direct_push_changes_nothing_that_is_approved() {
    let mut book = Book::opened();
    let before = book.state.approved(&branch("main")).clone();
    let back = pushed("main", 0xd0, PushOutcome::PutBack);
    let left = pushed("main", 0xe0, PushOutcome::Quarantined(Quarantine::Rules));
    let first = book.write(written(back.clone()), &key(1));
    let second = book.write(written(left.clone()), &key(1));
    let ledger = book.ledger();
    assert!(ledger.is_valid());
    let state = ledger.state();
    assert_eq!(state.approved(&branch("main")), &before);
    assert_eq!(state.put_back_of(&oid(0xd0)), Some((first, &back)));
    assert_eq!(state.put_backs(&branch("main")).map(|(at, _)| at).collect::<Vec<_>>(), [first, second]);
    assert_eq!(state.held_at(back.held.as_ref().unwrap()).count(), 1);
    assert_eq!(state.approved_commits(&branch("main")), [&oid(0xd1), &oid(0xa)], "what is quarantined is not restored");
    assert_eq!(state.put_backs(&branch("other")).count(), 0);
    assert_eq!(state.held_at(back.held.as_ref().unwrap()).map(|(at, _)| at).collect::<Vec<_>>(), [first]);
}

#[test]
fn a_direct_push_that_cannot_be_told_so_is_refused() {
    let refused = |entry: PutBackEntry| Book::opened().try_write(written(entry), &key(1)).is_err();
    assert!(refused(pushed("other", 0xd0, PushOutcome::PutBack)), "a branch nobody adopted");
    assert!(refused(PutBackEntry { restored: None, ..pushed("main", 0xd0, PushOutcome::PutBack) }));
    assert!(refused(PutBackEntry { kept: None, ..pushed("main", 0xd0, PushOutcome::PutBack) }));
    let unbuildable = PutBackEntry {
        restored: None,
        kept: None,
        held: None,
        ..pushed("main", 0xd0, PushOutcome::Quarantined(Quarantine::Unbuildable))
    };
    assert!(!refused(unbuildable));
}

#[test]
fn a_direct_push_is_shown_with_who_did_it_and_what_became_of_it() {
    let mut book = Book::opened();
    book.write(written(pushed("main", 0xd0, PushOutcome::PutBack)), &key(1));
    for why in Quarantine::ALL {
        book.write(written(pushed("main", 0xe0, PushOutcome::Quarantined(why))), &key(1));
    }
    let lines: Vec<_> = LedgerLine::all(&book.ledger()).into_iter().skip(2).map(|line| line.summary).collect();
    let held = |commit: u64| format!("held at countersign/held/{}", oid(commit));
    let who = |commit: u64| format!("rita pushed {} to main, 1 path", oid(commit).short());
    assert_eq!(lines[0], format!("{}: put back by {}, {}", who(0xd0), oid(0xd1).short(), held(0xd0)));
    for (line, why) in lines[1..].iter().zip(Quarantine::ALL) {
        assert_eq!(*line, format!("{}: quarantined, {}, because {}", who(0xe0), held(0xe0), why.words()));
    }
}

#[test]
fn verify_names_the_direct_push_a_commit_is() {
    let mut book = Book::opened();
    let sequence = book.write(written(pushed("main", 0xd0, PushOutcome::PutBack)), &key(1));
    let report = |commit: u64| {
        let report = VerifyReport::new(oid(commit), &book.ledger(), []);
        serde_json::to_value(report).unwrap()["direct_push"].clone()
    };
    assert_eq!(report(0xd0)["entry"], sequence.label());
    assert!(report(0xd0)["summary"].as_str().unwrap().contains("rita pushed"));
    assert!(report(0xd1).is_null());
    let report = VerifyReport::new(oid(0xd0), &book.ledger(), []);
    assert_eq!(report.direct_push().map(|push| push.entry.as_str()), Some(sequence.label().as_str()));
}
