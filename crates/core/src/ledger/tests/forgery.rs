//! Every way to change a ledger, and what it is called.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// Valid with a note, or invalid; code; how many entries still stand.
type Expected = (Severity, ProblemCode, usize);
/// The full book, read.
static GOOD: LazyLock<Ledger> = LazyLock::new(|| Book::full().ledger());

type Forge = fn(&mut Vec<RawLink>);

fn junk(number: u64) -> RawLink {
    RawLink { commit: oid(0xdead_0000 + number), envelope: None }
}

fn text(link: &mut RawLink) -> &mut Vec<u8> {
    link.envelope.as_mut().unwrap()
}

/// Writes an entry anew after changing its statement, signed by whom one likes.
fn rewrite(link: &mut RawLink, signer: u8, change: impl FnOnce(&mut Statement)) {
    let mut said = statement(link);
    change(&mut said);
    link.envelope = Some(sign(&said, &key(signer)));
}

/// An entry that would come next, said by whom one likes.
fn next(links: &[RawLink], signer: u8, change: impl FnOnce(&mut Statement)) -> RawLink {
    let last = links.last().unwrap();
    let mut said = statement(last);
    said.sequence = said.sequence.next();
    said.previous = Some(Digest::of(last.envelope.as_ref().unwrap()));
    said.key = key(signer).fingerprint();
    change(&mut said);
    RawLink { commit: oid(0x9999), envelope: Some(sign(&said, &key(signer))) }
}

/// A payload that is no statement of ours, signed by the root.
fn raw(links: &[RawLink], change: impl FnOnce(String) -> String) -> RawLink {
    let envelope = Envelope::parse(next(links, 1, |_| ()).envelope.as_ref().unwrap()).unwrap();
    let payload = change(String::from_utf8(envelope.payload().to_vec()).unwrap());
    RawLink { commit: oid(0x9999), envelope: Some(Envelope::sign(payload.into_bytes(), &key(1)).to_bytes()) }
}

#[test]
fn a_ledger_as_written_is_valid_and_says_what_the_writer_knew() {
    let book = Book::full();
    let ledger = book.ledger();
    assert_eq!(ledger.problems(), []);
    assert!(ledger.is_valid() && ledger.is_pinned());
    assert_eq!(ledger.entries().len(), 8);
    assert_eq!(ledger.state(), &book.state);
}

#[test]
fn each_forgery_has_its_name() {
    use ProblemCode as Code;
    use Severity::{Invalid, Note};
    let cases: &[(&str, Forge, Expected)] = &[
        ("nothing", |links| links.clear(), (Invalid, Code::Empty, 0)),
        ("a byte of an entry", |links| text(&mut links[3])[40] ^= 1, (Invalid, Code::Signature, 3)),
        ("a byte of the first entry", |links| text(&mut links[0])[40] ^= 1, (Invalid, Code::Root, 0)),
        ("a byte of the last entry", |links| text(&mut links[7])[40] ^= 1, (Note, Code::Junk, 7)),
        ("two entries swapped", |links| links.swap(3, 4), (Invalid, Code::Gap, 3)),
        ("one dropped", |links| drop(links.remove(3)), (Invalid, Code::Gap, 3)),
        ("the first dropped", |links| drop(links.remove(0)), (Invalid, Code::Root, 0)),
        ("one twice", |links| links.insert(4, links[3].clone()), (Invalid, Code::Repeat, 4)),
        ("an old one on top", |links| links.push(links[3].clone()), (Invalid, Code::Repeat, 8)),
        ("half an entry", |links| text(&mut links[7]).truncate(200), (Note, Code::Junk, 7)),
        ("white space", |links| text(&mut links[3]).push(b'\n'), (Invalid, Code::Junk, 3)),
        ("no entry on top", |links| links.extend([junk(1), junk(2)]), (Note, Code::Junk, 8)),
        ("no entry in the middle", |links| links.insert(4, junk(1)), (Invalid, Code::Junk, 4)),
        ("no entry at the start", |links| links.insert(0, junk(1)), (Invalid, Code::Root, 0)),
        ("a stranger on top", |links| links.push(next(links, 9, |_| ())), (Note, Code::Junk, 8)),
        ("a stranger inside", |links| links.insert(4, next(&links[..4], 9, |_| ())), (Invalid, Code::Signature, 4)),
        (
            "a stranger who names a good key",
            |links| {
                let mut link = next(links, 9, |said| said.key = key(1).fingerprint());
                let bytes = String::from_utf8(link.envelope.unwrap()).unwrap();
                let (own, stolen) = (key(9).fingerprint().to_string(), key(1).fingerprint().to_string());
                link.envelope = Some(bytes.replace(&own, &stolen).into_bytes());
                links.push(link);
            },
            (Note, Code::Junk, 8),
        ),
        (
            "a good key that names another",
            |links| links.push(next(links, 1, |said| said.key = key(2).fingerprint())),
            (Invalid, Code::Signature, 8),
        ),
        ("signed by the key added at L-7", |links| links.push(next(links, 2, |_| ())), (Note, Code::Empty, 9)),
        (
            "signed by that key before it was added",
            |links| {
                let link = next(&links[..4], 2, |_| ());
                links.splice(4.., [link]);
            },
            (Note, Code::Junk, 4),
        ),
        (
            "another repository",
            |links| rewrite(&mut links[3], 1, |said| said.repository = RepoId::new(78)),
            (Invalid, Code::Foreign, 3),
        ),
        (
            "another ledger",
            |links| rewrite(&mut links[3], 1, |said| said.ledger_ref = branch("other/ledger")),
            (Invalid, Code::Foreign, 3),
        ),
        (
            "history changed by the key holder",
            |links| rewrite(&mut links[3], 1, |said| said.at = Timestamp::from_seconds(1)),
            (Invalid, Code::Previous, 4),
        ),
        (
            "a number left out by the key holder",
            |links| links.push(next(links, 1, |said| said.sequence = said.sequence.next())),
            (Invalid, Code::Gap, 8),
        ),
        (
            "another entry before it",
            |links| links.push(next(links, 1, |said| said.previous = None)),
            (Invalid, Code::Previous, 8),
        ),
        (
            "the root signed anew by a stranger",
            |links| rewrite(&mut links[0], 9, |said| said.key = key(9).fingerprint()),
            (Invalid, Code::Root, 0),
        ),
        (
            "a kind of the future",
            |links| links.push(raw(links, |text| text.replace("/ledger/vote/", "/ledger/access/"))),
            (Invalid, Code::UnknownKind, 8),
        ),
        (
            "a version of the future",
            |links| links.push(raw(links, |text| text.replace("/vote/v1", "/vote/v2"))),
            (Invalid, Code::UnknownKind, 8),
        ),
        (
            "a field twice",
            |links| links.push(raw(links, |text| text.replace("\"sequence\":", "\"sequence\":1,\"sequence\":"))),
            (Invalid, Code::Malformed, 8),
        ),
        (
            "a field twice inside the entry",
            |links| links.push(raw(links, |text| text.replace("\"pull\":", "\"pull\":7,\"pull\":"))),
            (Invalid, Code::Malformed, 8),
        ),
        (
            "a field too many deep inside",
            |links| links.push(raw(links, |text| text.replace("\"login\":", "\"x\":1,\"login\":"))),
            (Invalid, Code::Malformed, 8),
        ),
        (
            "a field too many",
            |links| links.push(raw(links, |text| text.replace("\"pull\":", "\"x\":7,\"pull\":"))),
            (Invalid, Code::Malformed, 8),
        ),
        (
            "white space in the statement",
            |links| links.push(raw(links, |text| text.replace(":1,", ": 1,"))),
            (Invalid, Code::Malformed, 8),
        ),
        (
            "another subject",
            |links| links.push(raw(links, |text| text.replace("\"name\":\"pull/1\"", "\"name\":\"pull/2\""))),
            (Invalid, Code::Malformed, 8),
        ),
        (
            "another document of the key holder",
            |links| links.push(raw(links, |text| text.replace("countersign.dev", "example.com"))),
            (Invalid, Code::Malformed, 8),
        ),
    ];
    for (name, forge, (severity, code, standing)) in cases {
        let mut links = Book::full().links;
        forge(&mut links);
        let ledger = read(links);
        assert_eq!(ledger.entries().len(), *standing, "{name}: {:?}", ledger.problems());
        assert_eq!(ledger.is_valid(), *severity == Severity::Note, "{name}: {:?}", ledger.problems());
        let found: Vec<_> = ledger.problems().iter().map(|problem| (problem.severity, problem.code)).collect();
        let expected: &[_] = if *standing == 9 { &[] } else { &[(*severity, *code)] };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_ledger_of_another_repository_or_place_is_foreign() {
    for (repository, place) in [(RepoId::new(78), ledger_ref()), (REPOSITORY, branch("other"))] {
        let mut book = Book::of(repository, place);
        book.write(adopted("main", &key(1), &[(POLICY_PATH, 0x10)]), &key(1));
        let ledger = book.ledger();
        assert_eq!(ledger.problems()[0].code, ProblemCode::Foreign);
        assert!(ledger.entries().is_empty() && !ledger.is_valid() && !ledger.is_pinned());
    }
}

#[test]
fn without_network_all_entries_must_agree_on_the_repository() {
    let mut links = Book::full().links;
    assert!(verify(links.clone(), None, &ledger_ref(), &pin()).is_valid());
    rewrite(&mut links[7], 1, |said| said.repository = RepoId::new(78));
    assert_eq!(verify(links, None, &ledger_ref(), &pin()).problems()[0].code, ProblemCode::Foreign);
}

#[test]
fn a_ledger_signed_anew_from_its_root_is_caught_by_a_pin_alone() {
    let mut book = Book::empty();
    book.write(adopted("main", &key(9), &[(POLICY_PATH, 0x10)]), &key(9));
    let ledger = book.ledger();
    assert_eq!((ledger.problems()[0].code, ledger.entries().len()), (ProblemCode::Root, 0));
    assert!(!ledger.is_pinned());
    let unpinned = verify(book.links, Some(REPOSITORY), &ledger_ref(), &Trust::pinned([]));
    assert!(unpinned.is_valid() && !unpinned.is_pinned());
}

#[test]
fn truncation_is_seen_by_whoever_remembers_the_head() {
    let book = Book::full();
    let head = book.state.head().unwrap();
    let remembered = |ledger: Ledger| ledger.remembered(head.sequence, head.commit.as_ref().unwrap());
    assert!(remembered(book.ledger()).is_valid());
    let mut longer = Book::full();
    longer.write(Entry::Push(push(Known::Unknown("no delivery".into()), 1, 2)), &key(1));
    assert!(remembered(longer.ledger()).is_valid());

    let shorter = read(book.links[..7].to_vec());
    assert!(shorter.is_valid());
    assert_eq!(remembered(shorter).problems()[0].code, ProblemCode::Missing);

    let mut links = book.links.clone();
    rewrite(&mut links[7], 1, |said| said.at = Timestamp::from_seconds(1));
    links[7].commit = oid(0x9999);
    let replaced = read(links);
    assert!(replaced.is_valid());
    assert_eq!(remembered(replaced).problems()[0].code, ProblemCode::Replaced);
}

#[test]
fn a_retired_key_signs_nothing_more_and_what_it_signed_stays() {
    let mut book = Book::full();
    book.write(Entry::Push(push(Known::Unknown("x".into()), 1, 2)), &key(2));
    book.write(key_entry(KeyAction::Retire, &key(2), KeyClass::Action), &key(1));
    assert!(book.ledger().is_valid());
    let entry = Entry::Push(push(Known::Unknown("x".into()), 2, 3));
    assert_eq!(book.try_write(entry, &key(2)), Err(AppendError::Key(key(2).fingerprint())));
    let forged = next(&book.links, 2, |said| said.entry = Entry::Push(push(Known::Unknown("x".into()), 2, 3)));
    book.links.push(forged);
    let ledger = book.ledger();
    assert_eq!((ledger.problems()[0].code, ledger.is_valid()), (ProblemCode::RetiredKey, false));
    assert_eq!(ledger.entries().len(), 10);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_single_changed_byte_makes_the_ledger_say_something_else(
        link in 0_usize..8, place in any::<prop::sample::Index>(), flip in 1_u8..=255,
    ) {
        let book = Book::full();
        let good = GOOD.clone();
        let mut links = book.links;
        let bytes = links[link].envelope.as_mut().unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let forged = read(links);
        prop_assert!(forged.entries().len() <= link, "the changed entry stands");
        prop_assert_eq!(forged.entries(), &good.entries()[..forged.entries().len()]);
        prop_assert!(!forged.problems().is_empty());
        prop_assert_eq!(forged.is_valid(), link == 7);
    }

    #[test]
    fn no_arrangement_of_good_entries_stands_but_a_beginning(
        order in prop::collection::vec(0_usize..8, 0..12),
    ) {
        let book = Book::full();
        let good = GOOD.clone();
        let ledger = read(order.iter().map(|index| book.links[*index].clone()).collect());
        let standing = order.iter().enumerate().take_while(|(place, index)| place == *index).count();
        prop_assert_eq!(ledger.entries(), &good.entries()[..standing]);
        prop_assert_eq!(ledger.is_valid(), standing > 0 && standing == order.len());
    }
}
