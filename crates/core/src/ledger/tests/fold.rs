//! What entries do to the state, and what cannot be said.

use super::*;

const SECRET: &str = "secrets/production/a.yaml";

#[test]
fn approved_is_what_was_last_approved_with_the_delta_and_nothing_else() {
    let mut book = Book::opened();
    book.change(
        1,
        delta(&[(SECRET, Some(0x20), Some(0x21)), ("secrets/production/b.yaml", None, Some(0x30))]),
        &key(1),
    );
    book.change(2, delta(&[(SECRET, Some(0x21), None)]), &key(1));
    let expected = BTreeMap::from([
        (RepoPath::new(POLICY_PATH), file(0x10)),
        (RepoPath::new("secrets/production/b.yaml"), file(0x30)),
    ]);
    assert_eq!(book.state.approved(&branch("main")), &expected);
    assert_eq!(book.ledger().state(), &book.state);
    assert!(book.state.approved(&branch("other")).is_empty() && !book.state.is_adopted(&branch("other")));
    assert_eq!(book.state.merge_of_commit(&oid(0xf01)).unwrap().0, Sequence::new(4));
    assert_eq!(book.state.merge_of_pull(PrNumber::new(2)).unwrap().0, Sequence::new(6));
}

#[test]
fn what_is_known_of_votes_and_pushes_is_their_first_sight() {
    let mut book = Book::full();
    let known = book.state.vote(VoteSource::Review(ReviewId::new(10))).unwrap();
    assert_eq!((known.entry, known.first.kind), (Sequence::new(4), VoteKind::Approve));
    assert_eq!(known.ended.as_ref().unwrap().ended_by, Some(account(3, "bob")));
    let later = VoteEntry { commit: oid(0xdd), ..vote(10, 1, VoteKind::Approve) };
    book.write(Entry::Vote(later), &key(1));
    let known = book.state.vote(VoteSource::Review(ReviewId::new(10))).unwrap();
    assert_eq!(known.first.commit, oid(0xc));

    for sender in [account(2, "rita"), account(4, "eve"), account(4, "eve")] {
        book.write(Entry::Push(push(Known::Is(sender), 0xb, 0xc)), &key(1));
    }
    let senders: Vec<_> = book.state.pushes(&branch("change"), &oid(0xc)).iter().map(|push| &push.sender).collect();
    assert_eq!(senders, [&Known::Is(account(2, "rita")), &Known::Is(account(4, "eve"))]);
    assert!(book.state.pushes(&branch("main"), &oid(0xc)).is_empty());
}

#[test]
fn the_first_end_of_a_vote_is_its_end_and_seeing_it_again_ends_nothing() {
    let ended = |by: u64| VoteEntry { ended_by: Some(account(by, "bob")), ..vote(10, 1, VoteKind::Ended) };
    let seen = |entries: &[VoteEntry]| {
        let mut book = Book::opened();
        for entry in entries {
            book.write(Entry::Vote(entry.clone()), &key(1));
        }
        let known = book.state.votes()[&VoteSource::Review(ReviewId::new(10))].clone();
        known.ended.map(|ended| ended.ended_by.unwrap().id.get())
    };
    let approve = vote(10, 1, VoteKind::Approve);
    assert_eq!(seen(&[approve.clone(), approve.clone()]), None);
    assert_eq!(seen(&[approve.clone(), ended(3), ended(4)]), Some(3));
    assert_eq!(seen(&[approve.clone(), ended(3), approve]), Some(3));
    assert_eq!(seen(&[ended(3), ended(4)]), None, "first seen when it was over");
}

#[test]
fn the_state_says_whose_it_is_who_asked_and_where_a_branch_stood() {
    let mut book = Book::full();
    let request = Some(RequestSeen { pull: PrNumber::new(4), by: account(2, "rita") });
    book.write(Entry::Push(PushEntry { request, ..push(Known::Is(account(3, "bob")), 1, 2) }), &key(1));
    let request = Some(RequestSeen { pull: PrNumber::new(4), by: account(3, "bob") });
    book.write(Entry::Push(PushEntry { request, ..push(Known::Is(account(3, "bob")), 2, 3) }), &key(1));
    let ledger = book.ledger();
    let state = ledger.state();
    assert_eq!((state.repository(), state.root()), (Some(REPOSITORY), Some(key(1).fingerprint())));
    let keys: BTreeMap<_, _> = [(key(1).fingerprint(), 1), (key(2).fingerprint(), 7)].into();
    assert_eq!(state.keys().iter().map(|(name, known)| (*name, known.since.get())).collect::<BTreeMap<_, _>>(), keys);
    assert_eq!(state.requester(PrNumber::new(4)), Some(&account(2, "rita")), "as first seen");
    assert_eq!(state.requester(PrNumber::new(5)), None);
    assert_eq!(state.approved_commits(&branch("main")), [&oid(0xf01), &oid(0xa)]);
    assert!(state.approved_commits(&branch("other")).is_empty());
}

#[test]
fn an_intent_is_open_until_it_is_merged_or_overtaken() {
    let open = |book: &Book| book.state.open_intents().iter().map(|(at, _)| at.get()).collect::<Vec<_>>();
    let mut book = Book::opened();
    let one = decision(1, delta(&[(SECRET, Some(0x20), Some(0x21))]));
    let other = decision(2, delta(&[("secrets/production/b.yaml", None, Some(0x30))]));
    book.write(Entry::Decision(Box::new(one.clone())), &key(1));
    book.write(Entry::Decision(Box::new(other.clone())), &key(1));
    assert_eq!(open(&book), [3, 4]);
    book.write(Entry::Decision(Box::new(one.clone())), &key(1));
    assert_eq!(open(&book), [4, 5], "a newer decision on the same pull request takes its place");
    book.write(merge(Sequence::new(5), &one), &key(1));
    assert!(open(&book).is_empty(), "the base moved under the other one");
    book.write(Entry::Decision(Box::new(other)), &key(1));
    assert_eq!(open(&book), [7]);
}

#[test]
fn a_policy_is_covered_only_as_the_approved_file_and_in_the_place_of_the_one_before() {
    let mut book = Book::opened();
    assert_eq!(book.state.governing_policy().unwrap().text, POLICY_TEXT);
    let new = "version: 1\n# stricter\n";
    let refused = |book: &mut Book, entry| matches!(book.try_write(entry, &key(1)), Err(AppendError::Contradiction(_)));
    assert!(refused(&mut book, policy(new, 0x11, Some(POLICY_TEXT))), "not approved yet");
    book.change(1, delta(&[(POLICY_PATH, Some(0x10), Some(0x11))]), &key(1));
    assert!(refused(&mut book, policy(new, 0x11, None)), "takes no place");
    assert!(refused(&mut book, policy(new, 0x10, Some(POLICY_TEXT))), "the old file");
    book.write(policy(new, 0x11, Some(POLICY_TEXT)), &key(1));
    assert_eq!(book.state.governing_policy().unwrap().text, new);
    let old = decision(2, delta(&[(SECRET, Some(0x20), Some(0x21))]));
    assert!(refused(&mut book, Entry::Decision(Box::new(old))), "decided under the policy before");
}

#[test]
fn what_cannot_be_true_is_neither_written_nor_read() {
    let secret = |old, new| delta(&[(SECRET, old, new)]);
    let decided = |delta| Entry::Decision(Box::new(decision(3, delta)));
    let good = decision(1, secret(Some(0x20), Some(0x21)));
    let merged = |of, decision: &DecisionEntry| merge(Sequence::new(of), decision);
    let foreign_base = DecisionEntry { base: branch("other"), ..good.clone() };
    let more = decision(1, delta(&[(SECRET, Some(0x20), Some(0x21)), ("x", None, Some(1))]));
    let other_pull = decision(2, secret(Some(0x20), Some(0x21)));
    let main = |paths: &[(&str, u64)]| adopted("main", &key(1), paths);
    let cases = [
        ("adopted again", main(&[])),
        ("adopted with another root", adopted("release", &key(2), &[])),
        ("a delta from something else", decided(secret(Some(0x99), Some(0x21)))),
        ("a delta from nothing", decided(secret(None, Some(0x21)))),
        ("a base never adopted", Entry::Decision(Box::new(foreign_base))),
        ("a merge of no decision", merged(2, &good)),
        ("a merge of something to come", merged(9, &good)),
        ("a merge twice", merged(5, &good)),
        ("a merge of more than was decided", merged(10, &more)),
        ("a merge of another pull request", merged(10, &other_pull)),
        ("a key added twice", key_entry(KeyAction::Add, &key(2), KeyClass::Action)),
        ("an unknown key retired", key_entry(KeyAction::Retire, &key(8), KeyClass::Action)),
        ("a key of another class retired", key_entry(KeyAction::Retire, &key(2), KeyClass::Server)),
        (
            "a key that revokes itself",
            key_entry(KeyAction::Revoke { from_sequence: Sequence::new(5) }, &key(1), KeyClass::Server),
        ),
        (
            "a revocation of the adoption",
            key_entry(KeyAction::Revoke { from_sequence: Sequence::new(1) }, &key(2), KeyClass::Action),
        ),
        (
            "a revocation of the future",
            key_entry(KeyAction::Revoke { from_sequence: Sequence::new(99) }, &key(2), KeyClass::Action),
        ),
        ("a vote on two pull requests", Entry::Vote(vote(10, 2, VoteKind::Approve))),
        (
            "a standing vote that somebody ended",
            Entry::Vote(VoteEntry { ended_by: Some(account(1, "ann")), ..vote(11, 2, VoteKind::Approve) }),
        ),
    ];
    let mut start = Book::full();
    start.write(Entry::Push(push(Known::Unknown("x".into()), 1, 2)), &key(1));
    let open = decision(1, secret(Some(0x21), Some(0x22)));
    start.write(Entry::Decision(Box::new(open)), &key(1));
    for (name, entry) in cases {
        let mut book = start.clone();
        let refusal = book.try_write(entry.clone(), &key(1));
        assert!(matches!(refusal, Err(AppendError::Contradiction(_))), "{name}: {refusal:?}");
        assert_eq!(book.state, start.state, "{name}: the state is as it was");
        let mut said = statement(book.links.last().unwrap());
        said.sequence = said.sequence.next();
        said.previous = Some(Digest::of(book.links.last().unwrap().envelope.as_ref().unwrap()));
        said.entry = entry;
        book.links.push(RawLink { commit: oid(0x9999), envelope: Some(sign(&said, &key(1))) });
        let ledger = book.ledger();
        assert_eq!(ledger.problems()[0].code, ProblemCode::Contradiction, "{name}");
        assert_eq!((ledger.is_valid(), ledger.entries().len()), (false, 10), "{name}");
    }
}

#[test]
fn a_decision_is_carried_out_once_even_where_it_would_fit_again() {
    let mut book = Book::opened();
    let there = decision(1, delta(&[(SECRET, Some(0x20), Some(0x21))]));
    book.write(Entry::Decision(Box::new(there.clone())), &key(1));
    book.write(merge(Sequence::new(3), &there), &key(1));
    book.change(2, delta(&[(SECRET, Some(0x21), Some(0x20))]), &key(1));
    let again = book.try_write(merge(Sequence::new(3), &there), &key(1));
    assert!(matches!(again, Err(AppendError::Contradiction(_))));
}

#[test]
fn lists_are_in_order_and_name_a_path_once() {
    let mut book = Book::opened();
    let path = |path: &str| AdoptedPath { path: RepoPath::new(path), mode: EntryMode::File, oid: oid(1) };
    let Entry::Adopted(good) = adopted("release", &key(1), &[]) else { panic!("an adoption") };
    let json = |path: &str| serde_json::json!({"path": path, "old": null, "new": file(1)});
    for (one, other) in [("b", "a"), ("a", "a")] {
        let paths = vec![path(one), path(other)];
        let refusal = book.try_write(Entry::Adopted(AdoptedEntry { paths, ..good.clone() }), &key(1));
        assert!(matches!(refusal, Err(AppendError::Contradiction(_))), "{one} {other}");
        let delta = serde_json::from_value(serde_json::json!([json(one), json(other)])).unwrap();
        let refusal = book.try_write(Entry::Decision(Box::new(decision(1, delta))), &key(1));
        assert!(matches!(refusal, Err(AppendError::Contradiction(_))), "{one} {other}");
    }
}

#[test]
fn a_policy_text_has_its_own_digest() {
    let mut book = Book::empty();
    book.write(adopted("main", &key(1), &[(POLICY_PATH, 0x10)]), &key(1));
    let Entry::Policy(good) = policy(POLICY_TEXT, 0x10, None) else { panic!("a policy") };
    let lie = PolicyEntry { text: "version: 1\n# looser\n".to_owned(), ..good };
    assert!(matches!(book.try_write(Entry::Policy(lie), &key(1)), Err(AppendError::Contradiction(_))));
}

#[test]
fn the_last_key_cannot_be_retired() {
    let mut book = Book::opened();
    let retire = key_entry(KeyAction::Retire, &key(1), KeyClass::Server);
    assert!(matches!(book.try_write(retire.clone(), &key(1)), Err(AppendError::Contradiction(_))));
    book.write(key_entry(KeyAction::Add, &key(2), KeyClass::Server), &key(1));
    book.write(retire, &key(1));
    book.write(Entry::Push(push(Known::Unknown("x".into()), 1, 2)), &key(2));
    assert!(book.ledger().is_valid());
}

#[test]
fn nothing_is_written_by_a_stranger_or_before_adoption() {
    let mut book = Book::empty();
    let entry = || Entry::Push(push(Known::Unknown("x".into()), 1, 2));
    assert!(matches!(book.try_write(entry(), &key(1)), Err(AppendError::Contradiction(_))));
    let foreign_root = adopted("main", &key(2), &[]);
    assert!(matches!(book.try_write(foreign_root, &key(1)), Err(AppendError::Contradiction(_))));
    let mut book = Book::opened();
    assert_eq!(book.try_write(entry(), &key(9)), Err(AppendError::Key(key(9).fingerprint())));
    let other = (RepoId::new(78), name());
    let refusal = append(&book.state, other, &entry(), &key(1), at(Sequence::new(3)));
    assert_eq!(refusal.unwrap_err(), AppendError::Repository(REPOSITORY));
}

#[test]
fn facts_that_have_more_than_one_spelling_are_not_recorded() {
    assert!(RecordedFacts::record(&serde_json::json!({"a": [1.5]})).is_err());
    assert!(RecordedFacts::record(&serde_json::json!({"a": [u64::MAX, -1]})).is_ok());
}

#[test]
fn reading_twice_is_reading_once_and_a_beginning_is_a_beginning() {
    let book = Book::full();
    assert_eq!(book.ledger(), book.ledger());
    for length in 1..=book.links.len() {
        let part = read(book.links[..length].to_vec());
        assert!(part.is_valid());
        assert_eq!(part.entries(), &book.ledger().entries()[..length]);
        let mut state = part.into_state();
        for link in &book.links[length..] {
            let said = statement(link);
            let (bytes, next) = append(&state, (REPOSITORY, name()), &said.entry, &key(1), said.at).unwrap();
            assert_eq!(Some(&bytes), link.envelope.as_ref(), "signing is deterministic");
            state = next.landed(link.commit.clone());
        }
        assert_eq!(state, book.state);
    }
}

#[test]
fn a_branch_is_taken_in_by_a_change_only_as_its_decision_lists_it() {
    let release = |commit: u64| {
        let Entry::Adopted(entry) = adopted("release", &key(1), &[("secrets/production/a.yaml", 0x20)]) else {
            panic!("an adoption")
        };
        Entry::Adopted(AdoptedEntry { commit: oid(commit), how: Adoption::Approved, ..entry })
    };
    let mut book = Book::opened();
    assert!(book.try_write(release(0xb1), &key(1)).is_err(), "nobody decided that");
    let change = delta(&[(POLICY_PATH, Some(0x10), Some(0x11))]);
    let adopts = vec![AdoptedBranch { branch: branch("release"), commit: oid(0xb1) }];
    let decided = DecisionEntry { adopts, ..decision(1, change) };
    let of = book.write(Entry::Decision(Box::new(decided.clone())), &key(1));
    assert!(book.try_write(release(0xb1), &key(1)).is_err(), "it was not carried out");
    book.write(merge(of, &decided), &key(1));
    assert!(book.try_write(release(0xb2), &key(1)).is_err(), "another commit");
    book.write(release(0xb1), &key(1));
    assert!(book.state.is_adopted(&branch("release")));
    assert!(book.ledger().is_valid());
}

#[test]
fn an_envelope_has_a_greatest_length_when_read_and_when_written() {
    for (length, error) in [
        (MAX_ENVELOPE, EnvelopeError::Shape),
        (MAX_ENVELOPE + 1, EnvelopeError::TooLarge),
        (MAX_ENVELOPE + 2, EnvelopeError::TooLarge),
    ] {
        assert_eq!(Envelope::parse(&vec![b' '; length]), Err(error), "{length}");
    }
    let facts = RecordedFacts::record(&serde_json::json!({"a": "x".repeat(MAX_ENVELOPE * 3 / 4)})).unwrap();
    let change = DecisionEntry { facts, ..decision(1, delta(&[(SECRET, Some(0x20), Some(0x21))])) };
    let mut book = Book::opened();
    assert_eq!(book.try_write(Entry::Decision(Box::new(change)), &key(1)), Err(AppendError::TooLarge));
}
