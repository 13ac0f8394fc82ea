//! Past merges under another policy: what would have come of them, and what cannot be told.

use super::decided::{SECRET, TEXT, book, entry, facts};
use super::*;
use crate::decision::{Reason, Verdict};
use crate::facts::{Authority, Facts, FileState};
use crate::policy;

/// The one merge of a book decided again under a policy.
fn again(change: impl FnOnce(&mut Facts), from: &str, to: &str) -> (Option<Verdict>, Reason, bool) {
    let mut facts = facts();
    change(&mut facts);
    let ledger = book(&entry(&facts)).ledger();
    assert!(TEXT.contains(from));
    let other = policy::parse(&TEXT.replacen(from, to, 1)).unwrap();
    let replayed = ledger.replayed(&other, 5);
    assert_eq!(replayed.len(), 1);
    assert_eq!((replayed[0].entry, replayed[0].pull.get()), (Sequence::new(4), 7));
    (replayed[0].verdict, replayed[0].reason, replayed[0].is_other())
}

#[test]
fn a_merge_is_told_as_the_other_policy_would_have_judged_it() {
    let satisfied = (Some(Verdict::Satisfied), Reason::QuorumMet, false);
    let nothing = (Some(Verdict::NotApplicable), Reason::NothingProtected, false);
    let unreachable = (Some(Verdict::Unreachable), Reason::Unreachable, true);
    assert_eq!(again(|_| (), "version: 1", "version: 1"), satisfied);
    assert_eq!(again(|_| (), "[secrets/production/]", "[elsewhere/]"), nothing);
    assert_eq!(
        again(|_| (), "users: [ann]}, required_approvals: 1", "users: [ann]}, required_approvals: 1"),
        satisfied
    );
    assert_eq!(again(|_| (), "{users: [ann]}", "{users: [nobody]}"), unreachable);
    // what was refused as it was read is told; of a file that nobody looked into, nothing can be
    let broken = |facts: &mut Facts| {
        facts.documents.values_mut().for_each(|file| file.new = FileState::Broken("line 1".to_owned()));
    };
    assert_eq!(again(broken, "version: 1", "version: 1"), (Some(Verdict::Blocked), Reason::NotSops, true));
    let more = "[secrets/production/, README.md], plain: []";
    assert_eq!(again(|_| (), "[secrets/production/]", more), (None, Reason::NotSops, false));
    let moved = |facts: &mut Facts| facts.history.base_moved = vec![RepoPath::new("secrets/production/b.yaml")];
    assert_eq!(again(moved, "version: 1", "version: 1"), (Some(Verdict::StaleBase), Reason::StaleBase, true));
    let unknown = |facts: &mut Facts| {
        let permission = Known::Unknown("it was not read".to_owned());
        facts.authority.insert(UserId::new(1), Authority { permission, teams: BTreeMap::new() });
    };
    assert_eq!(again(unknown, "version: 1", "version: 1"), (None, Reason::CannotVerify, false));
}

#[test]
fn a_name_means_whom_it_ever_meant_and_no_more_merges_are_told_than_asked_for() {
    let mut book = book(&entry(&facts()));
    let text = TEXT.replacen("{users: [ann]}", "{users: [anna]}", 1);
    let digest = policy::parse(TEXT).unwrap().digest();
    let change =
        DecisionEntry { policy_digest: digest, ..decision(8, delta(&[(POLICY_PATH, Some(0x10), Some(0x11))])) };
    let of = book.write(Entry::Decision(Box::new(change.clone())), &key(1));
    book.write(merge(of, &change), &key(1));
    let Entry::Policy(entry) = policy(&text, 0x11, Some(TEXT)) else { panic!("a policy") };
    let names =
        ResolvedNames { users: [(Login::parse("anna").unwrap(), UserId::new(1))].into(), ..entry.names.clone() };
    book.write(Entry::Policy(PolicyEntry { names, ..entry }), &key(1));
    let ledger = book.ledger();
    assert_eq!(ledger.problems(), []);
    let told = |newest| ledger.replayed(&policy::parse(&text).unwrap(), newest);
    // the newest merge has facts of no change, and is passed over
    assert_eq!((told(0), told(1)), (Vec::new(), Vec::new()));
    let found: Vec<_> = told(2).into_iter().map(|one| (one.pull.get(), one.commit, one.verdict)).collect();
    assert_eq!(found, [(7, oid(0xf07), Some(Verdict::Satisfied))]);
    assert!(ledger.state().requester(PrNumber::new(7)).is_none());
    assert_eq!(told(2).iter().filter(|one| one.entry.get() == 4).count(), 1);
    assert!(SECRET.starts_with("secrets/production/"));
}
