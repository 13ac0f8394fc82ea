//! Where a rule begins and ends: people, machines, copies, bindings.

use super::*;
use crate::domain::Environment;
use crate::facts::{Origin, Readers, SettingChange};

const PRODUCTION: &str = "secrets/production/db.yaml";

/// The policy with a rule in place of another.
fn with(from: &str, to: &str) -> Case {
    assert!(POLICY.contains(from));
    Case::with(&POLICY.replacen(from, to, 1), PRODUCTION)
}

fn first(facts: &mut Facts) -> &mut DocumentFacts {
    facts.documents.values_mut().next().unwrap()
}

fn could(case: &Case) -> Vec<String> {
    case.decide().scopes[0].policies[0].groups[0].could.clone()
}

#[test]
fn r22_an_approval_of_another_commit_whose_content_nobody_knows_does_not_count() {
    let older = |facts: &mut Facts| {
        facts.votes[0].commit = Some(oid('c'));
        facts.votes[0].delivered_commit = Some(oid('c'));
    };
    let case = Case::new().approve("ann").approve("cy").but(older);
    let _ = case.is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", Reason::CommitUnreadable);
}

#[test]
fn bound_to_the_commit_an_approval_of_the_head_counts() {
    let text = "production: {paths: [secrets/production/], binding: commit}";
    let case = with("production: {paths: [secrets/production/]}", text).approve("ann").approve("cy");
    let _ = case.is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn what_was_judged_by_another_policy_says_nothing_not_even_a_veto() {
    let other = |facts: &mut Facts| facts.policy_digest = Digest::of(b"another");
    for case in [Case::new(), Case::new().approve("ann").approve("cy"), Case::new().reject("ann")] {
        let decision = case.but(other).decide();
        assert_eq!((decision.verdict, decision.reason), (Reason::PolicyMismatch.verdict(), Reason::PolicyMismatch));
        assert!(decision.proof.is_none());
    }
}

#[test]
fn bound_to_the_change_an_approval_outlives_what_others_did_beside_it_and_nothing_else() {
    let (one, other) = (Some(Digest::of(b"one")), Some(Digest::of(b"other")));
    let text = "production: {paths: [secrets/production/], binding: change}";
    for (then, now, counts) in [
        (one, one, Ok(())),
        (one, other, Err(Reason::StaleApproval)),
        (one, None, Err(Reason::StaleApproval)),
        (None, one, Err(Reason::CommitUnreadable)),
        (None, None, Err(Reason::CommitUnreadable)),
    ] {
        let case = with("production: {paths: [secrets/production/]}", text).approve("ann").approve("cy").but(|facts| {
            facts.votes[0].commit = Some(oid('c'));
            facts.votes[0].delivered_commit = Some(oid('c'));
            facts.delta_at.insert(oid('c'), Some(Digest::of(b"whole")));
            facts.change_at = [(oid('c'), then), (oid('d'), now)].into();
        });
        match counts {
            Ok(()) => _ = case.is(Verdict::Satisfied, Reason::QuorumMet),
            Err(reason) => _ = case.is(Verdict::Pending, Reason::QuorumMissing).uncounted("ann", reason),
        }
    }
}

#[test]
fn r42_a_name_that_still_means_the_same_account_counts() {
    let now = |id: u64| {
        let ann = Known::Is(Some(UserId::new(id)));
        move |facts: &mut Facts| _ = facts.names_now.insert(Login::parse("ann").unwrap(), ann)
    };
    let case = || Case::new().approve("ann").approve("cy");
    let _ = case().but(now(1)).is(Verdict::Satisfied, Reason::QuorumMet);
    let _ = case().but(now(77)).uncounted("ann", Reason::IdentityChanged);
}

#[test]
fn r21_who_has_three_accounts_is_one_person_and_other_pairs_stay_pairs() {
    let pairs = "people:\n  bob: {same_person: ann}\n  dee: {same_person: cy}\n";
    let chain = "people:\n  bob: {same_person: ann}\n  cy: {same_person: bob}\n";
    let other = "people:\n  bob: {same_person: ann}\n  zoe: {same_person: dee}\n";
    let two = |people: &str, one: &str, other: &str| {
        Case::with(&format!("{POLICY}{people}"), PRODUCTION).approve(one).approve(other)
    };
    let _ = two(pairs, "ann", "bob").is(Verdict::Pending, Reason::QuorumMissing);
    let _ = two(chain, "ann", "cy").is(Verdict::Unreachable, Reason::Unreachable);
    let _ = two(other, "ann", "bob").is(Verdict::Pending, Reason::QuorumMissing);
    let _ = two(other, "ann", "cy").is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn r36_who_is_asked_is_whoever_could_fill_a_seat_the_lifted_requester_too() {
    let lifted = || with("required_approvals: 2", "required_approvals: 2\n    self_approval: true");
    let requester = |facts: &mut Facts| facts.people.requester = Known::Is(account("ann"));
    let pusher = |facts: &mut Facts| facts.people.pushers[0].account = Known::Is(account("ann"));
    assert_eq!(could(&lifted().but(requester)), ["ann", "bob", "cy"]);
    assert_eq!(could(&lifted().but(pusher)), ["bob", "cy"]);
    assert_eq!(could(&Case::new().but(requester)), ["bob", "cy"]);
    // whoever said no, or something that no longer holds, can still say yes; only the first is not asked for it
    assert_eq!(could(&Case::new().reject("bob")), ["ann", "cy"]);
    let stale = |facts: &mut Facts| facts.votes[0].commit = Some(oid('c'));
    assert_eq!(could(&Case::new().approve("ann").but(stale)), ["ann", "bob", "cy"]);
    // nobody is asked where nothing is missing
    assert_eq!(could(&Case::new().approve("ann").approve("bob")), [""; 0]);
}

#[test]
fn only_a_person_with_write_whom_the_policy_names_has_a_say() {
    let say = |facts: fn(&mut Facts), account: Account| {
        let case = Case::new().but(facts);
        has_say(&case.policy, &case.facts, &case.decide(), &account)
    };
    fn reader(facts: &mut Facts) {
        facts.authority.get_mut(&UserId::new(1)).unwrap().permission = Known::Is(Permission::Read);
    }
    assert!(say(|_| (), account("ann")) && say(|_| (), account("cy")));
    assert!(!say(|_| (), account("mallory")), "nobody named them");
    assert!(!say(reader, account("ann")), "ann may only read");
    assert!(!say(|_| (), Account { kind: AccountKind::Bot, ..account("ann") }), "no person");
}

#[test]
fn r19_a_veto_is_waived_by_an_admin_with_write_and_no_part_in_the_change() {
    let may = |change: fn(&mut Facts), name: &str| {
        let case = Case::new().but(change);
        may_waive(&case.policy, &case.facts, &account(name))
    };
    assert!(may(|_| (), "zoe"));
    assert!(!may(|_| (), "bob"), "no admin");
    assert!(!may(|facts| facts.people.requester = Known::Is(account("zoe")), "zoe"), "her own change");
    let reader = |facts: &mut Facts| {
        facts.authority.get_mut(&account("zoe").id).unwrap().permission = Known::Is(Permission::Read);
    };
    assert!(!may(reader, "zoe"), "no write");
}

/// A change by the bot that may change values of production.
fn by_bot(policy: &str) -> Case {
    let machines = "machines:\n  - {id: 500, login: rotator, environments: [production], keys: ['db.*']}\n";
    Case::with(&format!("{policy}{machines}"), PRODUCTION).but(|facts| {
        let bot = Account { kind: AccountKind::Bot, ..account("rotator") };
        facts.people.requester = Known::Is(bot.clone());
        facts.people.pushers = vec![Pusher { commit: oid('d'), account: Known::Is(bot.clone()) }];
        facts.people.contributors[0].account = Some(bot);
    })
}

#[test]
fn a_bot_needs_people_for_anything_but_values_in_files_that_stay_what_they_are() {
    let others: [fn(&mut Facts); 5] = [
        |facts| {
            let old = Some(TreeEntry { mode: EntryMode::Executable, oid: oid('1') });
            facts.history.delta = Delta::new([DeltaEntry { path: RepoPath::new(PRODUCTION), old, new: file('2') }]);
        },
        |facts| first(facts).old = FileState::MacMissing,
        |facts| first(facts).settings = vec![SettingChange { name: "x".into(), old: "1".into(), new: "2".into() }],
        |facts| first(facts).old_recipients = Readers::default(),
        |facts| {
            let origin =
                Origin { branch: RefName::branch("main").unwrap(), path: RepoPath::new("secrets/production/b") };
            first(facts).copied.insert(origin);
        },
    ];
    for (at, other) in others.into_iter().enumerate() {
        let decision = by_bot(POLICY).but(other).decide();
        assert!(decision.proof.is_none() && decision.scopes[0].verdict == Verdict::Pending, "{at}");
    }
}

#[test]
fn a_bot_that_changes_more_than_its_environment_needs_people_everywhere() {
    let machine = |case: &Case| case.decide().scopes[0].policies[0].machine.clone().map(|bot| bot.id.get());
    let alone = by_bot(POLICY).is(Verdict::Satisfied, Reason::QuorumMet);
    assert_eq!(machine(&alone), Some(500));
    assert_eq!(machine(&by_bot(POLICY).reject("ann")), None, "a veto stands");
    let both = by_bot(POLICY).but(|facts| {
        let path = RepoPath::new("secrets/staging/db.yaml");
        let entry = DeltaEntry { path: path.clone(), old: file('3'), new: file('4') };
        facts.history.delta = Delta::new(facts.history.delta.entries().iter().cloned().chain([entry]));
        facts.documents.insert(path, sealed());
    });
    let verdicts: Vec<_> = both.decide().scopes.iter().map(|scope| scope.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pending; 2]);
}

#[test]
fn what_was_copied_from_where_no_policy_decides_is_refused_whoever_approves() {
    let copied = |from: &str| {
        let origin = Origin { branch: RefName::branch("main").unwrap(), path: RepoPath::new(from) };
        let text = POLICY.replace("staging: {paths", "lab: {paths: [lab/]}\n  staging: {paths");
        Case::with(&text, PRODUCTION).but(|facts| _ = first(facts).copied.insert(origin)).approve("ann").approve("cy")
    };
    let _ = copied("secrets/production/b.yaml").is(Verdict::Satisfied, Reason::QuorumMet);
    for nobodys in ["lab/db.yaml", "docs/db.yaml", ".sops.yaml"] {
        let _ = copied(nobodys).is(Verdict::Blocked, Reason::CopiedCiphertext);
    }
}

#[test]
fn a_supposed_approval_is_of_somebody_as_the_rosters_know_them() {
    let teams = |name: &str, rosters: Known<Vec<Account>>| {
        let case = Case::new().but(|facts| {
            facts.authority.clear();
            facts.rosters.insert(TeamId::new(7), rosters);
        });
        supposing(&case.facts, account(name), VoteKind::Approve).authority[&account(name).id].teams[&TeamId::new(7)]
            .clone()
    };
    let roster = || Known::Is(vec![account("cy"), account("dee")]);
    assert_eq!((teams("cy", roster()), teams("mallory", roster())), (Known::Is(true), Known::Is(false)));
    assert_eq!(teams("cy", Known::Unknown("502".to_owned())), Known::Unknown("502".to_owned()));
}

#[test]
fn what_a_delta_touches_is_told_per_environment_with_the_readers_of_each_file() {
    let policy = Case::new().policy;
    let main = RefName::branch("main").unwrap();
    let entry = |path: &str, old: Option<TreeEntry>, new| DeltaEntry { path: RepoPath::new(path), old, new };
    let delta = Delta::new([
        entry("docs/a", file('1'), file('2')),
        entry("secrets/production/added", None, file('2')),
        entry("secrets/production/changed", file('1'), file('2')),
        entry("secrets/production/removed", file('1'), None),
        entry("secrets/staging/same", file('1'), file('2')),
        entry(".sops.yaml", file('1'), file('2')),
    ]);
    let (nobody, other): (Readers, Readers) = (Readers::default(), ["age1other".to_owned()].into());
    let mut documents = BTreeMap::new();
    for (path, old, new) in [
        ("secrets/production/added", nobody.clone(), other.clone()),
        ("secrets/production/changed", sealed().old_recipients, other.clone()),
        ("secrets/production/removed", other, nobody),
        ("secrets/staging/same", sealed().old_recipients, sealed().new_recipients),
    ] {
        documents.insert(RepoPath::new(path), DocumentFacts { old_recipients: old, new_recipients: new, ..sealed() });
    }
    let found = outline(&policy, (&main, &main), &delta, &documents);
    let rows: Vec<_> = found
        .iter()
        .flat_map(|(scope, paths)| paths.iter().map(move |path| (scope, path)))
        .map(|(scope, path)| {
            let readers = (path.readers, path.readers_changed, path.readers_added.len(), path.readers_removed.len());
            (scope.name(), path.path.to_string(), path.file, readers)
        })
        .collect();
    let row = |scope, path: &str, file, readers| (scope, path.to_owned(), file, readers);
    assert_eq!(
        rows,
        [
            row("production", "secrets/production/added", FileChange::Added, (Some(1), false, 0, 0)),
            row("production", "secrets/production/changed", FileChange::Changed, (Some(1), true, 1, 1)),
            row("production", "secrets/production/removed", FileChange::Removed, (None, false, 0, 0)),
            row("staging", "secrets/staging/same", FileChange::Changed, (Some(1), false, 0, 0)),
            row("control", ".sops.yaml", FileChange::Changed, (None, false, 0, 0)),
        ]
    );
    assert_eq!(found.keys().next(), Some(&Scope::Environment(Environment::parse("production").unwrap())));
}

#[test]
fn what_lies_above_two_environments_is_refused_where_either_enforces() {
    for (production, staging, enforced) in [
        ("enforce", "enforce", true),
        ("enforce", "observe", true),
        ("observe", "enforce", true),
        ("observe", "observe", false),
    ] {
        let text = POLICY.replace("production/]}", &format!("production/], mode: {production}}}"));
        let text = text.replace("staging/]}", &format!("staging/], mode: {staging}}}"));
        let case = Case::with(&text, "secrets").approve("ann").approve("cy");
        let expected = if enforced { Reason::PathInTwoEnvironments } else { Reason::NothingProtected };
        assert_eq!(case.decide().reason, expected, "{production} {staging}");
        let main = RefName::branch("main").unwrap();
        assert_eq!(
            case.policy.on(&main, &main).protects(&RepoPath::new("secrets")),
            enforced,
            "{production} {staging}"
        );
    }
}
