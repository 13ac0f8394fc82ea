//! What a valid ledger vouches for, and what the faces print of it.

use super::*;

type Tree = BTreeMap<RepoPath, TreeEntry>;

/// Covering entry, whether it is the state now, number of approvals.
type Answer = Option<(u64, bool, usize)>;

fn tree(entries: &[(&str, u64)]) -> Tree {
    entries.iter().map(|(path, number)| (RepoPath::new(path), file(*number))).collect()
}

fn production(path: &RepoPath) -> bool {
    path.as_bytes().starts_with(b"secrets/production/") || path.as_bytes().starts_with(b".countersign/")
}

fn staging(path: &RepoPath) -> bool {
    path.as_bytes().starts_with(b"secrets/staging/") || path.as_bytes().starts_with(b".countersign/")
}

/// L-4: a 20→21; L-6: staging b ∅→30; L-8: a 21→22; L-10: a 22→21.
fn book() -> Book {
    let mut book = Book::opened();
    let secret = "secrets/production/a.yaml";
    book.change(1, delta(&[(secret, Some(0x20), Some(0x21))]), &key(1));
    book.change(2, delta(&[("secrets/staging/b.yaml", None, Some(0x30))]), &key(1));
    book.change(3, delta(&[(secret, Some(0x21), Some(0x22))]), &key(1));
    book.change(4, delta(&[(secret, Some(0x22), Some(0x21))]), &key(1));
    book
}

fn production_at(secret: u64) -> Tree {
    tree(&[(POLICY_PATH, 0x10), ("secrets/production/a.yaml", secret), ("secrets/staging/b.yaml", 0x99)])
}

fn asked(ledger: &Ledger, tree: &Tree, concerns: fn(&RepoPath) -> bool) -> Answer {
    let coverage = ledger.covers_paths(&branch("main"), tree, concerns);
    coverage.covered().map(|covered| (covered.entry.get(), covered.current, covered.approved_by.len()))
}

#[test]
fn a_commit_is_covered_by_the_newest_entry_that_brought_its_state_about() {
    let ledger = book().ledger();
    let cases: &[(&str, Tree, Answer)] = &[
        ("as adopted", production_at(0x20), Some((1, false, 0))),
        ("an older state", production_at(0x22), Some((8, false, 1))),
        ("the state now, which was there before", production_at(0x21), Some((10, true, 1))),
        ("never approved", production_at(0x66), None),
        ("removed", tree(&[(POLICY_PATH, 0x10)]), None),
        ("no policy file", tree(&[("secrets/production/a.yaml", 0x21)]), None),
        (
            "a file more",
            tree(&[(POLICY_PATH, 0x10), ("secrets/production/a.yaml", 0x21), ("secrets/production/z", 1)]),
            None,
        ),
    ];
    for (name, tree, expected) in cases {
        assert_eq!(asked(&ledger, tree, production), *expected, "{name}");
    }
    let other = tree(&[(POLICY_PATH, 0x10), ("secrets/staging/b.yaml", 0x30)]);
    assert_eq!(asked(&ledger, &other, staging), Some((6, true, 1)));
    assert_eq!(asked(&ledger, &Tree::new(), |_| false), Some((1, true, 0)), "nothing to cover");
}

#[test]
fn the_executable_bit_is_part_of_what_was_approved() {
    let mut tree = production_at(0x21);
    tree.insert(RepoPath::new("secrets/production/a.yaml"), TreeEntry { mode: EntryMode::Executable, oid: oid(0x21) });
    let coverage = book().ledger().covers_paths(&branch("main"), &tree, production);
    assert_eq!(coverage, Coverage::Uncovered { differs: vec![RepoPath::new("secrets/production/a.yaml")] });
}

#[test]
fn junk_on_top_still_covers_and_an_invalid_ledger_covers_nothing() {
    let mut links = book().links;
    links.push(RawLink { commit: oid(0xdead), envelope: None });
    assert!(asked(&read(links.clone()), &production_at(0x21), production).is_some());
    links.push(links[1].clone());
    let coverage = read(links).covers_paths(&branch("main"), &production_at(0x21), production);
    assert_eq!(coverage, Coverage::InvalidLedger);
}

#[test]
fn a_branch_is_covered_only_once_it_is_adopted() {
    let mut book = book();
    let wanted = tree(&[("secrets/production/a.yaml", 0x77)]);
    let ask = |book: &Book| book.ledger().covers_paths(&branch("release"), &wanted, production);
    assert_eq!(ask(&book), Coverage::NotAdopted);
    book.write(adopted("release", &key(1), &[("secrets/production/a.yaml", 0x77)]), &key(1));
    assert_eq!(ask(&book).covered().unwrap().entry, Sequence::new(11));
    assert!(asked(&book.ledger(), &production_at(0x21), production).is_some(), "main is not touched by it");
}

#[test]
fn what_is_merged_into_one_branch_says_nothing_of_another() {
    let mut book = book();
    let secret = "secrets/production/a.yaml";
    book.write(adopted("release", &key(1), &[(secret, 0x21)]), &key(1));
    let elsewhere =
        DecisionEntry { base: branch("release"), ..decision(9, delta(&[(secret, Some(0x21), Some(0x77))])) };
    let of = book.write(Entry::Decision(Box::new(elsewhere.clone())), &key(1));
    book.write(merge(of, &elsewhere), &key(1));
    assert_eq!(asked(&book.ledger(), &production_at(0x77), production), None);
    assert_eq!(asked(&book.ledger(), &production_at(0x21), production), Some((10, true, 1)));
    let release = book.ledger().covers_paths(&branch("release"), &tree(&[(secret, 0x77)]), production);
    assert_eq!(release.covered().map(|covered| covered.entry), Some(Sequence::new(13)));
}

fn again(decision: &DecisionEntry) -> Rerun {
    Rerun {
        bypass: decision.bypass.clone(),
        ratifying: None,
        pull: decision.pull,
        base_tip: decision.base_tip.clone(),
        merge_base: decision.merge_base.clone(),
        approved_by: decision.approved_by.iter().map(|approval| approval.user).collect(),
        verdict: decision.verdict,
        head: decision.head.clone(),
        base: decision.base.clone(),
        delta_digest: decision.delta_digest,
        delta: decision.delta.clone(),
    }
}

#[test]
fn a_decision_that_comes_out_differently_makes_the_ledger_invalid() {
    let decided = decision(1, delta(&[("secrets/production/a.yaml", Some(0x20), Some(0x21))]));
    let mut book = Book::opened();
    book.write(Entry::Decision(Box::new(decided.clone())), &key(1));
    let recheck = |outcome: Result<Rerun, String>| {
        book.ledger().rechecked(|text, names, facts| {
            assert_eq!((text, names.users.len()), (POLICY_TEXT, 1));
            assert_eq!(facts, &decided.facts);
            outcome.clone()
        })
    };
    assert!(recheck(Ok(again(&decided))).is_valid());
    let same = || again(&decided);
    let cases = [
        Err("one approval is missing".to_owned()),
        Ok(Rerun { verdict: RecordedVerdict::Bypassed, ..same() }),
        Ok(Rerun { head: oid(1), ..same() }),
        Ok(Rerun { pull: PrNumber::new(2), ..same() }),
        Ok(Rerun { base_tip: oid(1), ..same() }),
        Ok(Rerun { merge_base: oid(1), ..same() }),
        Ok(Rerun { approved_by: [UserId::new(2)].into(), ..same() }),
        Ok(Rerun { approved_by: [].into(), ..same() }),
        Ok(Rerun { base: branch("other"), ..same() }),
        Ok(Rerun { delta_digest: Digest::of(b"other"), ..same() }),
        Ok(Rerun { delta: delta(&[("secrets/production/a.yaml", Some(0x20), Some(0x22))]), ..same() }),
        Ok(Rerun { delta: Delta::default(), ..same() }),
        Ok(Rerun { delta: delta(&[("x", None, Some(1))]), ..same() }),
    ];
    for outcome in cases {
        let ledger = recheck(outcome.clone());
        assert_eq!(ledger.problems()[0].code, ProblemCode::DecisionNotReproducible, "{outcome:?}");
        assert!(!ledger.is_valid() && ledger.problems()[0].entry == Some(Sequence::new(3)));
    }
}

#[test]
fn paths_that_become_governed_as_they_stand_are_no_surplus() {
    let decided = decision(1, delta(&[(POLICY_PATH, Some(0x10), Some(0x11)), ("more/a.yaml", None, Some(0x50))]));
    let mut book = Book::opened();
    book.write(Entry::Decision(Box::new(decided.clone())), &key(1));
    let shown = Rerun { delta: delta(&[(POLICY_PATH, Some(0x10), Some(0x11))]), ..again(&decided) };
    assert!(book.ledger().rechecked(|_, _, _| Ok(shown.clone())).is_valid());
}

#[test]
fn the_report_has_the_documented_shape() {
    let ledger = book().ledger();
    let coverage = |tree: &Tree| ledger.covers_paths(&branch("main"), tree, production);
    let environment = |name: &str| Environment::parse(name).unwrap();
    let report = VerifyReport::new(
        oid(0x5),
        &ledger,
        [
            (environment("production"), coverage(&production_at(0x21))),
            (environment("dark"), coverage(&production_at(0x66))),
        ],
    );
    assert!(!report.is_covered() && !report.is_verified());
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());

    let mut links = book().links;
    links.push(RawLink { commit: oid(0xdead), envelope: None });
    let unpinned = verify(links, None, &ledger_ref(), &Trust::Unpinned);
    let coverage = unpinned.covers_paths(&branch("main"), &production_at(0x21), production);
    let report = VerifyReport::new(oid(0x5), &unpinned, [(environment("production"), coverage)]);
    assert!(report.is_covered() && !report.is_verified());
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn each_entry_is_shown_in_a_few_words() {
    let lines = LedgerLine::all(&Book::full().ledger());
    let shown: Vec<_> =
        lines.iter().map(|line| format!("{} {:8} {} {}", line.entry, line.kind, line.at, line.summary)).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_problem_says_where_and_what_to_do() {
    let mut links = book().links;
    links.remove(3);
    insta::assert_snapshot!(read(links).problems()[0]);
}
