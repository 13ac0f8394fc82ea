//! One decision: every changed file attributed to its policies, every vote counted, every reason given.
//!
//! `cargo bench -p countersign-core --bench decide`. The budget is 0.25 ms for 100 policies and 300 files and 2 ms for 3,000 files, both as medians;
//! beyond that it fails. The policies are of the shapes people write: folders, file patterns, whole environments.

#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock; the crate under it never does")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_core::decision::{Verdict, decide};
use countersign_core::domain::{
    Account, AccountKind, Delta, DeltaEntry, EntryMode, Login, Oid, Permission, PrNumber, RefName, RepoId, RepoName,
    RepoPath, ResolvedNames, ReviewId, TeamId, Timestamp, TreeEntry, UserId,
};
use countersign_core::facts::{
    Authority, ChangeFacts, Contributor, ContributorRole, DocumentFacts, Facts, FileState, History, KeyChange,
    KeyChangeKind, Known, MergeBase, People, Pusher, Readers, VoteFacts, VoteKind, VoteSource,
};
use countersign_core::policy::{self, Policy};

const POLICIES: usize = 100;
const RUNS: usize = 301;

fn main() {
    let policy = policy::parse(&text()).expect("a policy");
    let mut missed = false;
    for (files, budget) in [(300, Duration::from_micros(250)), (3_000, Duration::from_millis(2))] {
        let facts = facts(&policy, files);
        let decision = decide(&policy, &facts);
        let paths = || decision.scopes.iter().flat_map(|scope| &scope.paths);
        assert_eq!(decision.verdict, Verdict::Satisfied, "{:?}", decision.structure.first());
        assert_eq!(paths().count(), files);
        assert!(paths().all(|path| path.policies.len() >= 2), "every file is attributed to its policies");
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let begun = Instant::now();
                black_box(decide(black_box(&policy), black_box(&facts)));
                begun.elapsed()
            })
            .collect();
        times.sort();
        let median = times[RUNS / 2];
        println!(
            "decide, {POLICIES} policies, {files} files: median {:.3} ms, fastest {:.3} ms, budget {:.2} ms",
            median.as_secs_f64() * 1e3,
            times[0].as_secs_f64() * 1e3,
            budget.as_secs_f64() * 1e3,
        );
        missed |= median > budget;
    }
    assert!(!missed, "a decision takes longer than it may");
}

/// 100 policies: 2 for the whole environment, 90 for a folder each, 8 for a file pattern.
fn text() -> String {
    let mut text = String::from("version: 1\nenvironments:\n  production: {paths: [secrets/production/]}\n");
    text.push_str("  staging: {paths: [secrets/staging/]}\npolicies:\n");
    for at in 0..POLICIES {
        let paths = match at {
            0 | 1 => String::new(),
            2..10 => format!("secret_paths: ['secrets/production/**/db-{at}*.yaml'], "),
            _ => format!("secret_paths: [secrets/production/team-{at}/], "),
        };
        let team = at % 10;
        let _ = writeln!(
            text,
            "  - {{name: p{at}, environments: [production], {paths}approvers: {{users: [ann, bob], teams: [acme/t{team}]}}, required_approvals: 2}}"
        );
    }
    text
}

fn account(name: &str, id: u64) -> Account {
    Account { id: UserId::new(id), login: Login::parse(name).expect("a login"), kind: AccountKind::User }
}

fn oid(at: usize) -> Oid {
    Oid::parse(&format!("{at:040x}")).expect("an object id")
}

fn facts(policy: &Policy, files: usize) -> Facts {
    let main = RefName::branch("main").expect("a branch");
    let (ann, bob, rita) = (account("ann", 1), account("bob", 2), account("rita", 9));
    let path = |at: usize| {
        let team = 10 + at % 90;
        RepoPath::new(&format!("secrets/production/team-{team}/service-{}/db-{}-{at}.yaml", at % 7, at % 12))
    };
    let file = |at: usize| Some(TreeEntry { mode: EntryMode::File, oid: oid(at) });
    let delta = Delta::new((0..files).map(|at| DeltaEntry { path: path(at), old: file(at), new: file(at + 100_000) }));
    // As they are read: each set once for the whole change.
    let readers = Readers::from(["age1one".to_owned(), "age1two".to_owned()]);
    let document = DocumentFacts {
        old: FileState::Sealed,
        new: FileState::Sealed,
        keys: vec![KeyChange { key: "database.password".to_owned(), change: KeyChangeKind::Changed }].into(),
        exposed: Vec::new(),
        old_recipients: readers.clone(),
        new_recipients: readers,
        demanded_recipients: None,
        settings: Vec::new(),
        other: Some(Vec::new()),
        copied: std::collections::BTreeSet::new(),
        revoked: std::collections::BTreeSet::new(),
    };
    let vote = |id: u64, by: &Account| VoteFacts {
        source: VoteSource::Review(ReviewId::new(id)),
        account: Some(by.clone()),
        kind: VoteKind::Approve,
        first_kind: Some(VoteKind::Approve),
        commit: Some(oid(1)),
        delivered_commit: Some(oid(1)),
        first_base: main.clone(),
        at: Timestamp::from_seconds(200),
        ended_by: None,
        stood: false,
    };
    let teams: Vec<TeamId> = (0..10).map(TeamId::new).collect();
    let names = ResolvedNames {
        users: [&ann, &bob].map(|account| (account.login.clone(), account.id)).into(),
        teams: policy.all_teams().into_iter().zip(teams.iter().copied()).collect(),
    };
    let authority = Authority {
        permission: Known::Is(Permission::Write),
        teams: teams.iter().map(|team| (*team, Known::Is(false))).collect(),
    };
    let by_rita = Contributor { commit: oid(1), role: ContributorRole::Author, account: Some(rita.clone()) };
    Facts {
        at: Timestamp::from_seconds(1_000),
        repository: RepoId::new(1),
        repository_name: RepoName::parse("acme/app").expect("a name"),
        default_branch: main.clone(),
        policy_digest: policy.digest(),
        names,
        names_now: BTreeMap::new(),
        change: ChangeFacts {
            number: PrNumber::new(42),
            url: String::new(),
            open: true,
            draft: false,
            from_fork: false,
            unvouched: false,
            head: oid(1),
            head_ref: Some(RefName::branch("rita/all").expect("a branch")),
            head_since: Some(Timestamp::from_seconds(100)),
            base: main.clone(),
            base_tip: oid(2),
            updated: None,
            landed: None,
        },
        history: History {
            merge_base: MergeBase::One(oid(2)),
            delta,
            base_moved: Vec::new(),
            base_uncovered: Vec::new(),
            clashes: Vec::new(),
            plain_commits: Vec::new(),
            policy_fault: None,
            apart: BTreeMap::new(),
        },
        documents: (0..files).map(|at| (path(at), document.clone())).collect(),
        people: People {
            requester: Known::Is(rita.clone()),
            pushers: vec![Pusher { commit: oid(1), account: Known::Is(rita) }],
            contributors: vec![by_rita],
        },
        votes: vec![vote(1, &ann), vote(2, &bob)],
        asked: Vec::new(),
        delta_at: BTreeMap::new(),
        authority: [(ann.id, authority.clone()), (bob.id, authority)].into(),
        held: None,
        change_at: BTreeMap::new(),
        forge_time: None,
        merge_asked: None,
        bypasses: Vec::new(),
        debts: Vec::new(),
        ratifying: None,
        ourselves: None,
        rosters: teams.iter().map(|team| (*team, Known::Is(vec![account("cy", 3)]))).collect(),
    }
}
