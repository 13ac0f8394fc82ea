//! Revoked values in the ledger: they change nothing that is approved, and are known by their sealed text.

use super::*;

fn revoking(text: &[u8]) -> RevocationEntry {
    RevocationEntry {
        path: RepoPath::new("secrets/production/a.yaml"),
        key: "db.password".to_owned(),
        commit: oid(0xa),
        token: Digest::of(text),
        at: at(Sequence::new(3)),
    }
}

fn written(entry: RevocationEntry) -> Entry {
    Entry::Revocation(Box::new(entry))
}

#[test]
fn a_revoked_value_is_known_by_its_sealed_text_alone() {
    let mut book = Book::opened();
    let before = book.state.approved(&branch("main")).clone();
    let entry = revoking(b"one");
    let place = book.write(written(entry.clone()), &key(1));
    let ledger = book.ledger();
    assert!(ledger.is_valid());
    let state = ledger.state();
    assert_eq!(state.approved(&branch("main")), &before, "what is approved stays approved");
    assert_eq!(state.revoked(Digest::of(b"one")), Some((place, &entry)));
    assert_eq!(state.revoked(Digest::of(b"two")), None);
    let line = LedgerLine::all(&ledger).pop().unwrap();
    assert_eq!(
        (line.kind, line.summary.as_str()),
        ("revocation", "db.password of secrets/production/a.yaml as it was at 0000000")
    );
}

#[test]
fn a_value_is_revoked_once_and_by_its_key() {
    let mut book = Book::opened();
    book.write(written(revoking(b"one")), &key(1));
    assert!(book.try_write(written(RevocationEntry { key: "other".to_owned(), ..revoking(b"one") }), &key(1)).is_err());
    assert!(book.try_write(written(RevocationEntry { key: String::new(), ..revoking(b"two") }), &key(1)).is_err());
    assert!(book.try_write(written(revoking(b"two")), &key(1)).is_ok());
}
