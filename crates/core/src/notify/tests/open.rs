//! What an open change gives rise to, by how it is judged.

use super::*;
use crate::decision::{
    ChangedPath, CountedVote, Decision, FileChange, GroupDecision, PolicyDecision, Reason, Scope, ScopeDecision,
    UncountedVote, Verdict,
};
use crate::domain::{RepoPath, ReviewId};
use crate::facts::{KeyChange, KeyChangeKind, KeyChanges, VoteSource};

const HEAD: &str = "00000000000000000000000000000000000000c1";

fn group(missing: usize, of: &str, counted: &[&str], not_counted: &[Reason]) -> GroupDecision {
    let vote = |name: &&str| CountedVote {
        account: account(1, name),
        source: VoteSource::Review(ReviewId::new(10)),
        commit: oid(0xc1),
    };
    let uncounted = |reason: &Reason| UncountedVote { account: None, reason: *reason, commit: None };
    GroupDecision {
        name: "default".to_owned(),
        approvers: vec![of.to_owned(), "acme/security".to_owned()],
        required: 2,
        counted: counted.iter().map(vote).collect(),
        not_counted: not_counted.iter().map(uncounted).collect(),
        missing,
        could: Vec::new(),
    }
}

fn path(name: &str, file: FileChange, keys: &[(&str, KeyChangeKind)]) -> ChangedPath {
    let key = |(key, change): &(&str, KeyChangeKind)| KeyChange { key: (*key).to_owned(), change: *change };
    ChangedPath {
        path: RepoPath::new(name),
        file,
        keys: keys.iter().map(key).collect::<KeyChanges>(),
        readers: None,
        readers_changed: false,
        readers_added: Vec::new(),
        readers_removed: Vec::new(),
        settings: Vec::new(),
        other: Vec::new(),
        copied_into: None,
        policies: Vec::new(),
    }
}

fn scope(scope: Scope, paths: Vec<ChangedPath>, policies: Vec<(&str, Vec<GroupDecision>)>) -> ScopeDecision {
    let policy = |(name, groups): (&str, Vec<GroupDecision>)| PolicyDecision {
        name: name.to_owned(),
        enforcement: "hard",
        verdict: Verdict::Pending,
        groups,
        machine: None,
    };
    let policies = policies.into_iter().map(policy).collect();
    ScopeDecision { scope, verdict: Verdict::Pending, paths, policies, observed: false, comments: true }
}

fn environment(name: &str) -> Scope {
    Scope::Environment(Environment::parse(name).unwrap())
}

fn judged(verdict: Verdict, reason: Reason, scopes: Vec<ScopeDecision>) -> Decision {
    Decision {
        verdict,
        reason,
        head: oid(0xc1),
        base_tip: oid(0xb),
        delta: None,
        scopes,
        structure: Vec::new(),
        extra_seats: Vec::new(),
        next: Vec::new(),
        waits: Vec::new(),
        bypass: None,
        bypass_refused: Vec::new(),
        proof: None,
    }
}

/// A change of one file of production, with votes that do not count for these reasons.
fn plainly(verdict: Verdict, reason: Reason, not_counted: &[Reason]) -> Decision {
    let file = path("secrets/production/a.yaml", FileChange::Changed, &[]);
    let groups = vec![group(1, "ann", &[], not_counted)];
    judged(verdict, reason, vec![scope(environment("production"), vec![file], vec![("all", groups)])])
}

fn told(decision: &Decision, facts: &Facts) -> Vec<String> {
    let at = Timestamp::from_seconds(1_790_000_000);
    of_change(decision, facts, at).into_iter().map(|notice| notice.key.replace(HEAD, "HEAD")).collect()
}

#[test]
fn a_change_is_told_once_as_open_and_ready_and_for_each_head_as_approved_rejected_or_stale() {
    let outdated = [Reason::NotAnApprover, Reason::StaleApproval];
    let others = [Reason::NotAnApprover];
    let (opened, ready) = ("change.opened/7", "change.ready/7");
    for (verdict, reason, draft, votes, expected) in [
        (Verdict::Pending, Reason::QuorumMissing, false, &[][..], &[opened, ready][..]),
        (Verdict::Pending, Reason::QuorumMissing, false, &others, &[opened, ready]),
        (Verdict::Pending, Reason::QuorumMissing, false, &outdated, &[opened, ready, "change.stale/7/HEAD"]),
        (Verdict::Pending, Reason::QuorumMissing, true, &[], &[opened]),
        (Verdict::Pending, Reason::Draft, true, &[], &[opened]),
        (Verdict::Pending, Reason::Draft, false, &[], &[opened]),
        (Verdict::Pending, Reason::Closed, false, &[], &[opened]),
        (Verdict::Satisfied, Reason::QuorumMet, false, &outdated, &[opened, "change.approved/7/HEAD"]),
        (Verdict::Rejected, Reason::Rejected, false, &[], &[opened, "change.rejected/7/HEAD"]),
        (Verdict::StaleBase, Reason::StaleBase, false, &[], &[opened, "change.stale/7/HEAD"]),
        (Verdict::Bypassed, Reason::Bypassed, false, &[], &[opened]),
        (Verdict::Blocked, Reason::Plaintext, false, &outdated, &[opened]),
        (Verdict::Unknown, Reason::CannotVerify, false, &outdated, &[opened]),
        (Verdict::Unreachable, Reason::Unreachable, false, &[], &[opened]),
        (Verdict::NotApplicable, Reason::NothingProtected, false, &[], &[]),
    ] {
        let mut facts = facts();
        facts.change.draft = draft;
        assert_eq!(
            told(&plainly(verdict, reason, votes), &facts),
            expected,
            "{verdict:?} {reason:?} {draft} {votes:?}"
        );
    }
}

#[test]
fn nothing_is_told_of_a_change_that_is_closed_landed_or_a_fork_s_that_nobody_vouched_for() {
    let decision = plainly(Verdict::Pending, Reason::QuorumMissing, &[]);
    let with = |open: bool, landed: bool, unvouched: bool| {
        let mut facts = facts();
        facts.change.open = open;
        facts.change.landed = landed.then(|| oid(0xd));
        facts.change.unvouched = unvouched;
        told(&decision, &facts).len()
    };
    assert_eq!(with(true, false, false), 2);
    for (open, landed, unvouched) in [(false, false, false), (true, true, false), (true, false, true)] {
        assert_eq!(with(open, landed, unvouched), 0, "{open} {landed} {unvouched}");
    }
}

#[test]
fn a_notice_of_a_change_says_where_it_is_who_approved_and_what_is_missing_each_once() {
    let production = scope(
        environment("production"),
        vec![path("secrets/production/a.yaml", FileChange::Changed, &[("db", KeyChangeKind::Changed)])],
        vec![
            ("b-two", vec![group(1, "ann", &["zoe", "bob"], &[]), group(0, "cy", &["bob"], &[])]),
            ("a-one", vec![group(1, "ann", &[], &[]), group(2, "ann", &[], &[])]),
        ],
    );
    let mut staging = scope(environment("staging"), vec![], vec![("c-three", vec![group(3, "dee", &["eve"], &[])])]);
    staging.observed = true;
    let control = scope(Scope::Control, vec![], vec![("a-one", Vec::new())]);
    let decision = judged(Verdict::Pending, Reason::QuorumMissing, vec![production, staging, control]);
    let mut facts = facts();
    facts.change.url = "https://github.com/acme/app/pull/7".to_owned();
    let notice = expired(&decision, &facts, facts.at);

    assert_eq!(notice.key, format!("change.expired/7/{HEAD}"));
    assert_eq!((notice.change, notice.commit.clone()), (Some(PrNumber::new(7)), Some(oid(0xc1))));
    assert_eq!((notice.url.as_str(), notice.at), ("https://github.com/acme/app/pull/7", facts.at));
    assert_eq!((notice.requester.clone(), notice.actor.as_deref()), (Some(account(2, "rita")), Some("rita")));
    let environments: Vec<_> = notice.environments.iter().map(Environment::as_str).collect();
    assert_eq!((environments, notice.control), (vec!["production", "staging"], true));
    assert_eq!(notice.counts, Some(Counts { added: 0, changed: 1, removed: 0 }));
    assert_eq!(notice.policies, ["a-one", "b-two", "c-three"]);
    assert_eq!(notice.approved_by, ["bob", "zoe"], "not who approved what is only observed");
    let missing: Vec<_> = notice.missing.iter().map(|missing| (missing.count, missing.of.as_str())).collect();
    assert_eq!(missing, [(1, "ann, acme/security"), (2, "ann, acme/security")]);
    assert_eq!(
        (notice.reason.as_deref(), notice.detail.as_deref()),
        (Some("quorum-missing"), Some("approvals are missing"))
    );

    let satisfied = plainly(Verdict::Satisfied, Reason::QuorumMet, &[]);
    let approved = of_change(&satisfied, &facts, facts.at).pop().unwrap();
    assert_eq!((approved.occasion, approved.reason, approved.detail), (Occasion::ChangeApproved, None, None));
}

#[test]
fn keys_are_counted_by_what_happens_to_them_and_files_where_no_keys_are_known() {
    use KeyChangeKind::{
        Added, BecameEncrypted, BecamePlain, Changed, Moved, Reencrypted, Removed, Renamed, TypeChanged,
    };
    let one = |file: FileChange, keys: &[KeyChangeKind]| {
        let keys: Vec<_> = keys.iter().map(|kind| ("k", *kind)).collect();
        path("secrets/production/a.yaml", file, &keys)
    };
    let copied = ChangedPath { copied_into: Some(RepoPath::new("b")), ..one(FileChange::Changed, &[]) };
    let counted = |paths: &[ChangedPath]| {
        let mut notice = notice(Occasion::ChangeOpened).without_keys();
        notice.about(paths.iter());
        let counts = notice.counts.unwrap();
        ([counts.added, counts.changed, counts.removed], notice.keys.len())
    };
    let every = [Added, Removed, Changed, TypeChanged, Moved, Reencrypted, Renamed, BecamePlain, BecameEncrypted];
    for (paths, expected) in [
        (&[][..], ([0, 0, 0], 0)),
        (&[one(FileChange::Added, &[]), one(FileChange::Added, &[])], ([2, 0, 0], 0)),
        (&[one(FileChange::Changed, &[]), one(FileChange::Changed, &[])], ([0, 2, 0], 0)),
        (&[one(FileChange::Removed, &[]), one(FileChange::Removed, &[])], ([0, 0, 2], 0)),
        (&[one(FileChange::Added, &[Added, Added])], ([2, 0, 0], 2)),
        (&[one(FileChange::Changed, &[Removed, Removed])], ([0, 0, 2], 2)),
        (&[one(FileChange::Changed, &every)], ([1, 7, 1], 9)),
        (&[copied.clone(), one(FileChange::Changed, &[Changed]), copied], ([0, 1, 0], 1)),
        (&[one(FileChange::Changed, &[Changed; 30])], ([0, 30, 0], 30)),
        (&[one(FileChange::Changed, &[Changed; 20]), one(FileChange::Added, &[Added; 20])], ([20, 20, 0], 30)),
    ] {
        assert_eq!(counted(paths), expected, "{paths:?}");
    }
    let mut shown = notice(Occasion::ChangeOpened).without_keys();
    shown.about([path("secrets/production/b.yaml", FileChange::Changed, &[("x.y", BecamePlain)])].iter());
    let (key, change) = ("x.y".to_owned(), BecamePlain.words().to_owned());
    assert_eq!(shown.keys, [KeyLine { path: "secrets/production/b.yaml".to_owned(), key, change }]);
}
