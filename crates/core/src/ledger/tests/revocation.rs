//! A stolen key: what it signed is taken back, and the ledger goes on.

use super::*;

const SECRET: &str = "secrets/production/a.yaml";

fn revoke(from: u64, key: &SigningKey) -> Entry {
    key_entry(KeyAction::Revoke { from_sequence: Sequence::new(from) }, key, KeyClass::Server)
}

/// L-3 adds key 2; L-4, L-5 an honest change by key 2; L-6, L-7 what a thief of key 2 approved.
fn robbed() -> Book {
    let mut book = Book::opened();
    book.write(key_entry(KeyAction::Add, &key(2), KeyClass::Server), &key(1));
    book.change(1, delta(&[(SECRET, Some(0x20), Some(0x21))]), &key(2));
    book.change(2, delta(&[(SECRET, Some(0x21), Some(0x66))]), &key(2));
    book
}

fn void(ledger: &Ledger) -> Vec<u64> {
    ledger.entries().iter().filter(|entry| entry.void).map(|entry| entry.sequence.get()).collect()
}

fn reread(book: &mut Book) -> Ledger {
    let ledger = book.ledger();
    book.state = ledger.clone().into_state();
    ledger
}

#[test]
fn what_a_revoked_key_signed_from_there_on_is_void_and_the_rest_holds() {
    let mut book = robbed();
    assert_eq!(book.state.approved(&branch("main"))[&RepoPath::new(SECRET)], file(0x66));
    book.write(revoke(6, &key(2)), &key(1));
    let rash = Entry::Push(push(Known::Unknown("x".into()), 1, 2));
    assert_eq!(book.try_write(rash, &key(1)), Err(AppendError::ReadAgain));
    let ledger = reread(&mut book);
    assert!(ledger.is_valid(), "{:?}", ledger.problems());
    assert_eq!(void(&ledger), [6, 7]);
    let codes: Vec<_> = ledger.problems().iter().map(|problem| (problem.code, problem.severity)).collect();
    assert_eq!(codes, [(ProblemCode::RevokedKey, Severity::Note); 2]);
    assert_eq!(ledger.state().approved(&branch("main"))[&RepoPath::new(SECRET)], file(0x21));
    assert!(ledger.state().merge_of_pull(PrNumber::new(2)).is_none());
    book.change(3, delta(&[(SECRET, Some(0x21), Some(0x22))]), &key(1));
    assert!(book.ledger().is_valid());
    assert_eq!(book.ledger().state(), &book.state);
}

#[test]
fn what_is_void_covers_nothing_and_need_not_come_out_the_same() {
    let mut book = robbed();
    let path = "secrets/production/b.yaml";
    book.write(adopted("release", &key(1), &[(SECRET, 0x66)]), &key(2));
    book.write(revoke(6, &key(2)), &key(1));
    reread(&mut book);
    book.write(adopted("release", &key(1), &[(path, 0x30)]), &key(1));
    let ledger = book.ledger();
    let ask = |on: &str, entries: &[(&str, u64)]| {
        let tree = entries.iter().map(|(path, number)| (RepoPath::new(path), file(*number))).collect();
        ledger.covers_paths(&branch(on), &tree, |_| true)
    };
    assert_eq!(
        ask("main", &[(POLICY_PATH, 0x10), (SECRET, 0x66)]),
        Coverage::Uncovered { differs: vec![RepoPath::new(SECRET)] }
    );
    assert!(ask("main", &[(POLICY_PATH, 0x10), (SECRET, 0x21)]).covered().is_some_and(|covered| covered.current));
    assert!(ask("release", &[(path, 0x30)]).covered().is_some());

    let honest = decision(1, delta(&[(SECRET, Some(0x20), Some(0x21))]));
    let asked = std::cell::Cell::new(0);
    let _ = ledger.rechecked(|_, _, facts| {
        asked.set(asked.get() + 1);
        assert_eq!(facts, &honest.facts);
        Err("of no interest".to_owned())
    });
    assert_eq!(asked.get(), 1, "the decision at L-4 alone");
}

#[test]
fn a_revoked_key_signs_nothing_more() {
    let mut book = robbed();
    book.write(revoke(6, &key(2)), &key(1));
    reread(&mut book);
    let entry = Entry::Push(push(Known::Unknown("x".into()), 1, 2));
    assert!(matches!(book.try_write(entry.clone(), &key(2)), Err(AppendError::Key(_))));
    let mut said = statement(book.links.last().unwrap());
    said.sequence = said.sequence.next();
    said.previous = Some(book.state.head().unwrap().envelope);
    said.key = key(2).fingerprint();
    said.entry = entry;
    book.links.push(RawLink { commit: oid(0x9999), envelope: Some(sign(&said, &key(2))) });
    let ledger = book.ledger();
    assert!(!ledger.is_valid());
    assert_eq!((ledger.problems().last().unwrap().code, ledger.entries().len()), (ProblemCode::RevokedKey, 8));
}

#[test]
fn keys_a_thief_added_and_entries_that_rest_on_his_go_with_him() {
    let mut book = robbed();
    book.write(key_entry(KeyAction::Add, &key(3), KeyClass::Server), &key(2));
    book.write(Entry::Push(push(Known::Unknown("x".into()), 1, 2)), &key(3));
    book.change(3, delta(&[(SECRET, Some(0x66), Some(0x67))]), &key(1));
    book.write(Entry::Push(push(Known::Unknown("x".into()), 2, 3)), &key(1));
    let by = book.write(revoke(6, &key(2)), &key(1));
    let ledger = reread(&mut book);
    assert!(ledger.is_valid(), "{:?}", ledger.problems());
    assert_eq!(void(&ledger), [6, 7, 8, 9, 10, 11], "up to the push of a good key, before {by}");
    assert_eq!(ledger.state().approved(&branch("main"))[&RepoPath::new(SECRET)], file(0x21));
    assert!(!ledger.state().keys().contains_key(&key(3).fingerprint()));
    assert_eq!(ledger.state().pushes(&branch("change"), &oid(3)).len(), 1);
    assert!(ledger.state().pushes(&branch("change"), &oid(2)).is_empty());
}

#[test]
fn two_keys_can_be_revoked_one_after_the_other() {
    let mut book = robbed();
    book.write(key_entry(KeyAction::Add, &key(3), KeyClass::Server), &key(1));
    book.write(Entry::Push(push(Known::Unknown("x".into()), 1, 2)), &key(3));
    book.write(revoke(6, &key(2)), &key(1));
    reread(&mut book);
    book.write(revoke(9, &key(3)), &key(1));
    let ledger = reread(&mut book);
    assert!(ledger.is_valid(), "{:?}", ledger.problems());
    assert_eq!(void(&ledger), [6, 7, 9]);
}

#[test]
fn a_thief_cannot_revoke_his_way_out() {
    // Key 2 adds key 3 (L-8); key 3 revokes key 1 from L-3, where key 1 added key 2.
    let mut book = robbed();
    book.write(key_entry(KeyAction::Add, &key(3), KeyClass::Server), &key(2));
    book.write(revoke(3, &key(1)), &key(3));
    let ledger = book.ledger();
    assert!(!ledger.is_valid(), "a revocation that takes back its own ground stops the ledger");
    assert_eq!((ledger.problems().last().unwrap().code, ledger.entries().len()), (ProblemCode::RevokedKey, 8));
}

#[test]
fn what_a_thief_revoked_is_good_again_once_he_is_revoked() {
    let mut book = robbed();
    book.write(key_entry(KeyAction::Add, &key(4), KeyClass::Server), &key(1));
    book.write(revoke(9, &key(4)), &key(2));
    reread(&mut book);
    let lost = Entry::Push(push(Known::Unknown("x".into()), 1, 2));
    assert!(matches!(book.try_write(lost.clone(), &key(4)), Err(AppendError::Key(_))));
    book.write(revoke(6, &key(2)), &key(1));
    let ledger = reread(&mut book);
    assert!(ledger.is_valid(), "{:?}", ledger.problems());
    assert_eq!(void(&ledger), [6, 7, 9]);
    book.write(lost, &key(4));
    assert!(book.ledger().is_valid());
}

#[test]
fn revocations_that_undo_each_other_in_turn_stop_the_ledger() {
    // L-10 is undone by L-11, which L-12 takes back: whether L-10 holds hangs on itself
    let mut book = robbed();
    book.write(key_entry(KeyAction::Add, &key(3), KeyClass::Server), &key(1));
    book.write(key_entry(KeyAction::Add, &key(4), KeyClass::Server), &key(1));
    book.write(revoke(10, &key(4)), &key(2));
    reread(&mut book);
    book.write(revoke(10, &key(2)), &key(1));
    assert_eq!(void(&reread(&mut book)), [10]);
    book.write(revoke(11, &key(1)), &key(3));
    let ledger = book.ledger();
    assert!(!ledger.is_valid());
    let last = ledger.problems().last().unwrap();
    assert_eq!(
        (last.code, last.entry, ledger.entries().len()),
        (ProblemCode::Contradiction, Some(Sequence::new(10)), 9)
    );
}

#[test]
fn of_two_keys_that_revoke_each_other_the_first_wins_and_the_ledger_stops() {
    let mut book = robbed();
    book.write(revoke(8, &key(2)), &key(1));
    let mut said = statement(book.links.last().unwrap());
    said.sequence = said.sequence.next();
    said.previous = Some(book.state.head().unwrap().envelope);
    said.key = key(2).fingerprint();
    said.entry = revoke(8, &key(1));
    book.links.push(RawLink { commit: oid(0x9999), envelope: Some(sign(&said, &key(2))) });
    let ledger = book.ledger();
    assert!(!ledger.is_valid());
    assert_eq!((ledger.problems().last().unwrap().code, ledger.entries().len()), (ProblemCode::RevokedKey, 8));
}

#[test]
fn the_root_can_be_revoked_by_another_good_key() {
    let mut book = Book::full();
    book.write(key_entry(KeyAction::Add, &key(4), KeyClass::Server), &key(1));
    book.write(Entry::Push(push(Known::Unknown("x".into()), 1, 2)), &key(1));
    book.write(revoke(10, &key(1)), &key(4));
    let ledger = reread(&mut book);
    assert!(ledger.is_valid(), "{:?}", ledger.problems());
    assert_eq!(void(&ledger), [10]);
    book.write(Entry::Push(push(Known::Unknown("x".into()), 2, 3)), &key(4));
    assert!(book.ledger().is_valid());
}
