//! A bypass in the ledger: what it must fit, what it owes, how the debt ends.

use super::*;
use crate::facts::BypassSource;

fn bypassing() -> Bypassing {
    Bypassing {
        environments: vec![Environment::parse("production").unwrap()],
        policies: vec!["production".to_owned()],
        by: vec![BypassWord {
            user: UserId::new(5),
            login: Login::parse("carol").unwrap(),
            via: BypassSource::Comment(CommentId::new(70)),
            reason: "the database is down".to_owned(),
        }],
        ratify_within: "48h".parse().unwrap(),
    }
}

fn decided() -> DecisionEntry {
    let delta = delta(&[("secrets/production/a.yaml", Some(0x20), Some(0x21))]);
    let bypass = Some(bypassing());
    DecisionEntry { verdict: RecordedVerdict::Bypassed, bypass, approved_by: Vec::new(), ..decision(1, delta) }
}

fn entry(of: Sequence, decision: &DecisionEntry) -> BypassEntry {
    let at = at(Sequence::new(9));
    BypassEntry {
        pull: decision.pull,
        decision: of,
        head: decision.head.clone(),
        commit: oid(0xf01),
        bypass: bypassing(),
        at,
        due: at.plus("48h".parse().unwrap()),
    }
}

fn ratification(of: Sequence, decision: &DecisionEntry) -> RatificationEntry {
    RatificationEntry {
        pull: decision.pull,
        decision: of,
        head: decision.head.clone(),
        ratified_by: decision_of_ann(),
        facts: RecordedFacts::record(&serde_json::json!({})).unwrap(),
        at: at(Sequence::new(12)),
    }
}

fn decision_of_ann() -> Vec<Approval> {
    decision(1, delta(&[("secrets/production/a.yaml", Some(0x20), Some(0x21))])).approved_by
}

/// Decided and merged by a bypass: the decision's place.
fn merged() -> (Book, Sequence, DecisionEntry) {
    let mut book = Book::opened();
    let decision = decided();
    let of = book.write(Entry::Decision(Box::new(decision.clone())), &key(1));
    book.write(merge(of, &decision), &key(1));
    (book, of, decision)
}

#[test]
fn a_bypass_is_owed_until_it_is_ratified() {
    let (mut book, of, decision) = merged();
    let debts = book.state.debts();
    assert_eq!((debts.len(), debts[0].due), (1, Timestamp::from_seconds(0)), "without an entry it is due at once");
    let bypass = entry(of, &decision);
    book.write(Entry::Bypass(Box::new(bypass.clone())), &key(1));
    let debts = book.state.debts();
    assert_eq!((debts[0].pull, debts[0].decision, debts[0].due), (decision.pull, of, bypass.due));
    let (_, known) = book.state.bypass_of_pull(decision.pull).unwrap();
    assert!(!known.is_overdue(bypass.due) && known.is_overdue(bypass.due.plus(Span::from_seconds(1))));
    book.write(Entry::Ratification(Box::new(ratification(of, &decision))), &key(1));
    assert!(book.state.debts().is_empty());
    let ledger = book.ledger();
    assert_eq!(ledger.problems(), []);
    assert_eq!(ledger.state().debts(), book.state.debts(), "read again it says the same");
    let lines: Vec<String> = LedgerLine::all(&ledger).into_iter().skip(4).map(|line| line.summary).collect();
    assert_eq!(
        lines,
        [
            "change 1 bypassed production by carol, to be ratified until 2026-09-23T14:22:20Z",
            "bypass of change 1, L-3, ratified by ann"
        ]
    );
}

#[test]
fn a_bypass_that_cannot_be_true_is_refused() {
    let bypass = |change: fn(&mut BypassEntry)| {
        let (mut book, of, decision) = merged();
        let mut entry = entry(of, &decision);
        change(&mut entry);
        book.try_write(Entry::Bypass(Box::new(entry)), &key(1)).is_err()
    };
    assert!(!bypass(|_| {}));
    assert!(bypass(|entry| entry.decision = Sequence::new(2)), "of no decision");
    assert!(bypass(|entry| entry.pull = PrNumber::new(9)));
    assert!(bypass(|entry| entry.head = oid(1)));
    assert!(bypass(|entry| entry.commit = oid(1)));
    assert!(bypass(|entry| entry.bypass.by.clear()));
    assert!(bypass(|entry| entry.due = entry.due.plus(Span::from_seconds(1))), "more time than was decided");

    let (mut book, of, decision) = merged();
    book.write(Entry::Bypass(Box::new(entry(of, &decision))), &key(1));
    assert!(book.try_write(Entry::Bypass(Box::new(entry(of, &decision))), &key(1)).is_err(), "twice");

    let ratified = |change: fn(&mut RatificationEntry)| {
        let (mut book, of, decision) = merged();
        let mut entry = ratification(of, &decision);
        change(&mut entry);
        book.try_write(Entry::Ratification(Box::new(entry)), &key(1)).is_err()
    };
    assert!(!ratified(|_| {}));
    assert!(ratified(|entry| entry.pull = PrNumber::new(9)));
    assert!(ratified(|entry| entry.head = oid(1)));
    assert!(ratified(|entry| entry.ratified_by.clear()), "by nobody");
    assert!(ratified(|entry| entry.ratified_by[0].user = UserId::new(5)), "by whoever bypassed");
    let (mut book, of, decision) = merged();
    book.write(Entry::Ratification(Box::new(ratification(of, &decision))), &key(1));
    assert!(book.try_write(Entry::Ratification(Box::new(ratification(of, &decision))), &key(1)).is_err(), "twice");
}

#[test]
fn verdict_and_bypass_of_a_decision_belong_together() {
    let refused =
        |decision: DecisionEntry| Book::opened().try_write(Entry::Decision(Box::new(decision)), &key(1)).is_err();
    assert!(!refused(decided()));
    assert!(refused(DecisionEntry { bypass: None, ..decided() }));
    assert!(refused(DecisionEntry { verdict: RecordedVerdict::Satisfied, ..decided() }));
    // what was never merged owes nothing
    let mut book = Book::opened();
    let of = book.write(Entry::Decision(Box::new(decided())), &key(1));
    assert!(book.state.debts().is_empty());
    assert!(book.try_write(Entry::Bypass(Box::new(entry(of, &decided()))), &key(1)).is_err());
}

#[test]
fn verify_tells_the_bypass_a_commit_rests_on_and_what_its_environment_still_owes() {
    let (mut book, of, decided) = merged();
    let main = branch("main");
    let tree = |secret: u64| {
        [(POLICY_PATH, 0x10), ("secrets/production/a.yaml", secret)]
            .map(|(path, n)| (RepoPath::new(path), file(n)))
            .into()
    };
    let told = |book: &Book, secret: u64, environment: &str| {
        let ledger = book.ledger();
        let coverage = ledger.covers_paths(&main, &tree(secret), |_| true);
        let bypassed = coverage.covered().and_then(|covered| covered.bypassed);
        let report = VerifyReport::new(oid(0xf01), &ledger, [(Environment::parse(environment).unwrap(), coverage)]);
        let [environment] = report.environments() else { panic!("one") };
        assert!(report.is_covered() && report.is_verified());
        (bypassed, environment.bypasses.iter().map(BypassReport::words).collect::<Vec<_>>())
    };
    book.write(Entry::Bypass(Box::new(entry(of, &decided))), &key(1));
    let owed = "bypassed by carol in #1 (L-3), unratified, due 2026-09-23T14:22:20Z".to_owned();
    assert_eq!(told(&book, 0x21, "production"), (Some(of), vec![owed.clone()]));
    assert_eq!(told(&book, 0x20, "production"), (None, vec![owed.clone()]), "an older state owes it as well");
    assert_eq!(told(&book, 0x20, "staging"), (None, vec![]));
    assert_eq!(told(&book, 0x21, "staging"), (Some(of), vec![owed]), "it rests on it");
    assert!(book.state.bypass(of).is_some() && book.state.bypass(of.next()).is_none());
    book.write(Entry::Ratification(Box::new(ratification(of, &decided))), &key(1));
    let ratified = "bypassed by carol in #1 (L-3), ratified by ann".to_owned();
    assert_eq!(told(&book, 0x21, "production"), (Some(of), vec![ratified]));
    assert_eq!(told(&book, 0x20, "production"), (None, vec![]), "nothing is owed");
    // what came after rests on no bypass
    let next = decision(2, delta(&[("secrets/production/a.yaml", Some(0x21), Some(0x22))]));
    let of = book.write(Entry::Decision(Box::new(next.clone())), &key(1));
    book.write(merge(of, &next), &key(1));
    assert_eq!(told(&book, 0x22, "production"), (None, vec![]));
}

#[test]
fn verify_rests_on_a_pinned_key_and_says_the_direct_push_a_commit_is() {
    let book = Book::opened();
    let report = |trust: &Trust| {
        VerifyReport::new(oid(0xa), &verify(book.links.clone(), Some(REPOSITORY), &ledger_ref(), trust), [])
    };
    let unpinned = report(&Trust::Unpinned);
    assert!(unpinned.is_covered() && !unpinned.is_verified());
    assert!(report(&pin()).is_verified() && report(&pin()).direct_push().is_none());
}
