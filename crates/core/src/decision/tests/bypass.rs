//! Break-glass, rule by rule (`changes.md` 7): what a bypass lifts, every refusal, and what ratifies it.

use std::collections::BTreeSet;

use super::*;
use crate::domain::{CommentId, Environment, Sequence};
use crate::facts::{BypassAsked, BypassSource, Debt, Origin, Ratifying, SettingChange};

/// Production is soft: ann, bob and cy (by team) approve, two of them; zoe, dee, rita and cy may bypass.
const SOFT: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - name: production
    environments: [production]
    approvers: {users: [ann, bob], teams: [acme/security]}
    required_approvals: 2
    enforcement: soft
    bypass: {users: [zoe, dee, rita], teams: [acme/security], min_reason: 10, ratify_within: 8h}
  - name: staging
    environments: [staging]
    approvers: {users: [ann, rita]}
    required_approvals: 1
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";

const PATH: &str = "secrets/production/db.yaml";

impl Case {
    fn bypass(self, name: &str) -> Self {
        self.bypass_because(name, "the database is down", 300)
    }

    fn bypass_because(mut self, name: &str, reason: &str, at: i64) -> Self {
        let id = CommentId::new(70 + self.facts.bypasses.len() as u64);
        self.facts.bypasses.push(BypassAsked {
            source: BypassSource::Comment(id),
            by: account(name),
            head: oid('d'),
            reason: reason.to_owned(),
            at: Timestamp::from_seconds(at),
            elsewhere: false,
        });
        self
    }

    /// Why the first bypass lifts nothing.
    #[track_caller]
    fn refuses(self, reason: Reason) -> Self {
        let decision = self.decide();
        let first = decision.bypass_refused.first().unwrap_or_else(|| panic!("not refused: {:?}", decision.verdict));
        assert_eq!(first.reason, reason, "{}", first.words());
        assert!(decision.bypass.is_none() && decision.proof.as_ref().is_none_or(|proof| proof.bypass().is_none()));
        assert!(decision.verdict != Verdict::Bypassed && !reason.help().is_empty());
        self
    }

    #[track_caller]
    fn passes(self) -> Self {
        self.is(Verdict::Bypassed, Reason::Bypassed)
    }
}

fn soft() -> Case {
    Case::with(SOFT, PATH)
}

fn soft_with(from: &str, to: &str) -> Case {
    assert!(SOFT.contains(from));
    Case::with(&SOFT.replacen(from, to, 1), PATH)
}

fn document(change: impl FnOnce(&mut DocumentFacts)) -> Case {
    soft().but(|facts| change(facts.documents.values_mut().next().unwrap()))
}

#[test]
fn it_lifts_missing_approvals_and_a_veto_and_says_what_it_lifted() {
    let case = soft().approve("ann").bypass("zoe").passes();
    let decision = case.decide();
    let bypass = decision.bypass.unwrap();
    assert_eq!(bypass.policies, ["production"]);
    assert_eq!(bypass.environments, [Environment::parse("production").unwrap()]);
    assert_eq!((bypass.by.len(), bypass.by[0].by.login.as_str()), (1, "zoe"));
    assert_eq!(bypass.ratify_within.to_string(), "8h");
    let proof = decision.proof.unwrap();
    assert_eq!((proof.head(), proof.base_tip(), proof.policy()), (&oid('d'), &oid('b'), case.policy.digest()));
    let _ = soft().reject("bob").bypass("zoe").passes();
    // an approver who may bypass as well; nobody is left who could approve
    let _ = soft().bypass("cy").passes();
    let _ = soft_with("users: [ann, bob], teams: [acme/security]}\n    required", "users: [ann, rita]}\n    required")
        .is(Verdict::Unreachable, Reason::Unreachable)
        .bypass("zoe")
        .passes();
}

#[test]
fn whoever_nobody_named_bypasses_nothing() {
    let _ = soft().bypass("ann").refuses(Reason::NotABypasser);
    let _ = soft().bypass("mallory").refuses(Reason::NotABypasser).is(Verdict::Pending, Reason::QuorumMissing);
    // R47: not told is no
    let unread = |facts: &mut Facts| {
        let teams = &mut facts.authority.get_mut(&account("cy").id).unwrap().teams;
        teams.insert(TeamId::new(7), Known::Unknown("it was not read".to_owned()));
    };
    let _ = soft().bypass("cy").but(unread).refuses(Reason::MembershipUnknown);
    let permission = |permission: Known<Permission>| {
        move |facts: &mut Facts| facts.authority.get_mut(&account("zoe").id).unwrap().permission = permission
    };
    let _ = soft().bypass("zoe").but(permission(Known::Is(Permission::Read))).refuses(Reason::NoWritePermission);
    let unknown = Known::Unknown("it was not read".to_owned());
    let _ = soft().bypass("zoe").but(permission(unknown)).refuses(Reason::MembershipUnknown);
    let bot = |facts: &mut Facts| facts.bypasses[0].by.kind = AccountKind::Bot;
    let _ = soft().bypass("zoe").but(bot).refuses(Reason::NotAPerson);
    let renamed = |facts: &mut Facts| _ = facts.names.users.insert(account("zoe").login, UserId::new(999));
    let _ = soft().bypass("zoe").but(renamed).refuses(Reason::IdentityChanged);
}

#[test]
fn r166_for_another_head_without_a_reason_or_of_ones_own_it_lifts_nothing() {
    let other_head = |facts: &mut Facts| facts.bypasses[0].head = oid('c');
    let _ = soft().bypass("zoe").but(other_head).refuses(Reason::BypassStale);
    // pushed away and back: said before the head became the head again
    let back = |facts: &mut Facts| facts.change.head_since = Some(Timestamp::from_seconds(301));
    let _ = soft().bypass("zoe").but(back).refuses(Reason::BypassStale);
    let elsewhere = |facts: &mut Facts| facts.bypasses[0].elsewhere = true;
    let _ = soft().bypass("zoe").but(elsewhere).refuses(Reason::BypassStale);
    let by_trailer = |facts: &mut Facts| facts.bypasses[0].source = BypassSource::Push(oid('9'));
    let _ = soft().bypass("zoe").but(back).but(by_trailer).passes();
    let _ = soft().bypass_because("zoe", "  now    ", 300).refuses(Reason::BypassReason);
    let _ = soft().bypass("rita").refuses(Reason::BypassOwnChange);
    let zoe_wrote = |facts: &mut Facts| facts.people.contributors[0].account = Some(account("zoe"));
    let _ = soft().bypass("zoe").but(zoe_wrote).refuses(Reason::BypassOwnChange);
    // two who made it are no second person
    let _ = soft().bypass("zoe").bypass("rita").but(zoe_wrote).refuses(Reason::BypassOwnChange);
    let own = || soft_with("min_reason: 10", "min_reason: 10, own_change: true");
    let _ = own().bypass("rita").passes();
    let _ = soft().bypass("rita").bypass("zoe").passes();
}

#[test]
fn it_takes_a_second_person_where_the_policy_says_so_or_nobody_knows_whose_change_it_is() {
    let two = || soft_with("min_reason: 10", "min_reason: 10, second_person: true");
    let _ = two().bypass("zoe").refuses(Reason::BypassSecondPerson);
    let _ = two().bypass("zoe").bypass("zoe").refuses(Reason::BypassSecondPerson);
    let _ = two().bypass("zoe").bypass("dee").passes();
    let _ = two().bypass("zoe").bypass("rita").passes();
    // the other account of the same person
    let linked = SOFT.replacen("min_reason: 10", "min_reason: 10, second_person: true", 1)
        + "people:\n  dee: {same_person: zoe}\n";
    let _ = Case::with(&linked, PATH).bypass("zoe").bypass("dee").refuses(Reason::BypassSecondPerson);
    let unknown = |facts: &mut Facts| facts.people.requester = Known::Unknown("no delivery says so".to_owned());
    let _ = soft().but(unknown).bypass("zoe").refuses(Reason::BypassSecondPerson);
    let _ = soft().but(unknown).bypass("zoe").bypass("dee").passes();
}

#[test]
fn a_hard_policy_that_is_not_satisfied_holds() {
    let hard = "  - name: owners\n    environments: [production]\n    approvers: {users: [ann]}\n  - name: staging";
    let both = || soft_with("  - name: staging", hard);
    let _ = both().bypass("zoe").refuses(Reason::BypassHard);
    let case = both().approve("ann").bypass("zoe").passes();
    assert_eq!(case.decide().bypass.unwrap().policies, ["production"]);
    let _ = Case::with(SOFT, "secrets/staging/x.yaml").bypass("zoe").refuses(Reason::BypassHard);
}

#[test]
fn who_may_bypass_one_of_two_soft_policies_needs_somebody_for_the_other() {
    let more = "  - name: owners\n    environments: [production]\n    approvers: {users: [ann]}\n    enforcement: soft\n    \
                bypass: {users: [dee], min_reason: 4, ratify_within: 1h}\n  - name: staging";
    let both = || soft_with("  - name: staging", more);
    let _ = both().bypass("zoe").refuses(Reason::NotABypasser);
    let case = both().bypass("zoe").bypass("dee").passes();
    let bypass = case.decide().bypass.unwrap();
    assert_eq!((bypass.policies.len(), bypass.ratify_within.to_string().as_str()), (2, "1h"));
    let _ = both().bypass("dee").passes();
}

#[test]
fn what_is_always_hard_is_never_bypassed() {
    let control = |facts: &mut Facts| {
        let entry = DeltaEntry { path: RepoPath::new(".sops.yaml"), old: file('1'), new: file('2') };
        facts.history.delta = Delta::new([entry]);
        facts.documents.clear();
    };
    let _ = soft().but(control).bypass("zoe").refuses(Reason::BypassControl);
    let more = |document: &mut DocumentFacts| document.new_recipients.insert("age1other".to_owned());
    let _ = document(more).bypass("zoe").refuses(Reason::BypassRecipients);
    let fewer = |document: &mut DocumentFacts| document.new_recipients = BTreeSet::new().into();
    let _ = document(fewer).bypass("zoe").refuses(Reason::BypassRecipients);
    let unreadable = |document: &mut DocumentFacts| document.old = FileState::Broken("line 1".to_owned());
    let _ = document(unreadable).bypass("zoe").refuses(Reason::BypassRecipients);
    let change = |name: &str| SettingChange { name: name.to_owned(), old: "1".to_owned(), new: "2".to_owned() };
    let setting = |document: &mut DocumentFacts| document.settings.push(change("encrypted_regex"));
    let _ = document(setting).bypass("zoe").refuses(Reason::BypassSettings);
    for name in ["data key", "sealed data key of age1abc"] {
        let key = |document: &mut DocumentFacts| document.other = Some(vec![change(name)]);
        let _ = document(key).bypass("zoe").refuses(Reason::BypassDataKey);
    }
    let not_looked_at = |document: &mut DocumentFacts| document.other = None;
    let _ = document(not_looked_at).bypass("zoe").refuses(Reason::BypassDataKey);
    let order = |document: &mut DocumentFacts| document.other = Some(vec![change("order of keys")]);
    let _ = document(order).bypass("zoe").passes();
    let copied = |document: &mut DocumentFacts| {
        let path = RepoPath::new("secrets/production/other.yaml");
        document.copied.insert(Origin { branch: RefName::branch("main").unwrap(), path });
    };
    let _ = document(copied).bypass("zoe").refuses(Reason::BypassCopied);
}

#[test]
fn a_new_file_is_read_by_exactly_those_whom_the_base_demands() {
    let new = |demanded: bool| {
        let case = document(|document| {
            (document.old, document.old_recipients) = (FileState::Absent, BTreeSet::new().into());
            document.demanded_recipients = demanded.then(|| (*document.new_recipients).clone());
        });
        case.but(|facts| {
            let entry = DeltaEntry { path: RepoPath::new(PATH), old: None, new: file('2') };
            facts.history.delta = Delta::new([entry]);
        })
    };
    let _ = new(true).bypass("zoe").passes();
    let _ = new(false).bypass("zoe").refuses(Reason::BypassRecipients);
    let gone = document(|document| {
        (document.new, document.new_recipients) = (FileState::Absent, BTreeSet::new().into());
    });
    let gone = gone.but(|facts| {
        let entry = DeltaEntry { path: RepoPath::new(PATH), old: file('1'), new: None };
        facts.history.delta = Delta::new([entry]);
    });
    let _ = gone.bypass("zoe").passes();
}

#[test]
fn r168_what_refuses_the_change_itself_is_never_lifted() {
    let _ = document(|document| document.new = FileState::Plain).bypass("zoe").refuses(Reason::BypassStructure);
    let _ = soft()
        .but(|facts| facts.history.base_moved = vec![RepoPath::new(PATH)])
        .bypass("zoe")
        .refuses(Reason::BypassStructure);
    let _ = soft()
        .but(|facts| facts.history.policy_fault = Some("line 1".to_owned()))
        .bypass("zoe")
        .refuses(Reason::BypassStructure);
    let other_policy = |facts: &mut Facts| facts.policy_digest = Digest::of(b"another");
    let _ = soft().but(other_policy).bypass("zoe").refuses(Reason::BypassStructure);
    let _ = soft()
        .but(|facts| facts.change.draft = true)
        .approve("ann")
        .approve("bob")
        .bypass("zoe")
        .refuses(Reason::Draft);
    let _ = soft().but(|facts| facts.change.draft = true).bypass("zoe").is(Verdict::Pending, Reason::Draft);
    let _ = soft()
        .approve("ann")
        .approve("bob")
        .bypass("zoe")
        .refuses(Reason::BypassNotNeeded)
        .is(Verdict::Satisfied, Reason::QuorumMet);
}

#[test]
fn r169_an_overdue_bypass_of_the_environment_stands_in_the_way() {
    let debt = |environment: &str, due: i64| {
        let debt = Debt {
            pull: PrNumber::new(7),
            decision: Sequence::new(5),
            environments: vec![Environment::parse(environment).unwrap()],
            due: Timestamp::from_seconds(due),
        };
        move |facts: &mut Facts| facts.debts.push(debt)
    };
    let case = soft().but(debt("production", 999)).bypass("zoe").refuses(Reason::BypassDebt);
    assert_eq!(case.decide().bypass_refused[0].detail, "#7");
    let _ = soft().but(debt("production", 1_000)).bypass("zoe").passes();
    let _ = soft().but(debt("staging", 999)).bypass("zoe").passes();
}

#[test]
fn what_is_only_observed_neither_stops_a_bypass_nor_is_lifted_by_it() {
    // staging is observed, and nobody approves there
    let text =
        SOFT.replace("staging: {paths: [secrets/staging/]}", "staging: {paths: [secrets/staging/], mode: observe}");
    let (before, after) = text.split_once("  - name: staging").unwrap();
    let text = format!("{before}{}", &after[after.find("admins:").unwrap()..]);
    let both = |change: fn(&mut DocumentFacts)| {
        Case::with(&text, PATH).but(|facts| {
            let path = RepoPath::new("secrets/staging/db.yaml");
            let entry = DeltaEntry { path: path.clone(), old: file('3'), new: file('4') };
            facts.history.delta = Delta::new(facts.history.delta.entries().iter().cloned().chain([entry]));
            let mut document = sealed();
            change(&mut document);
            facts.documents.insert(path, document);
        })
    };
    let changes: [fn(&mut DocumentFacts); 3] = [
        |_| (),
        |document| document.new_recipients = BTreeSet::new().into(),
        |document| document.new = FileState::Plain,
    ];
    for change in changes {
        let bypass = both(change).bypass("zoe").passes().decide().bypass.unwrap();
        assert_eq!(bypass.environments, [Environment::parse("production").unwrap()]);
    }
}

#[test]
fn a_new_file_has_no_settings_and_no_data_key_that_changed() {
    let case = document(|document| {
        (document.old, document.old_recipients) = (FileState::Absent, BTreeSet::new().into());
        document.demanded_recipients = Some((*document.new_recipients).clone());
        document.settings = vec![SettingChange { name: "encrypted_regex".into(), old: String::new(), new: "x".into() }];
        document.other = None;
    });
    let _ = case
        .but(|facts| {
            facts.history.delta = Delta::new([DeltaEntry { path: RepoPath::new(PATH), old: None, new: file('2') }]);
        })
        .bypass("zoe")
        .passes();
}

#[test]
fn a_bypass_holds_from_the_second_of_its_head_and_from_the_shortest_reason_on() {
    let since = |at: i64| move |facts: &mut Facts| facts.change.head_since = Some(Timestamp::from_seconds(at));
    let _ = soft().bypass("zoe").but(since(300)).passes();
    let _ = soft().bypass("zoe").but(since(301)).refuses(Reason::BypassStale);
    let _ = soft().bypass_because("zoe", " ten chars. ", 300).passes();
    let _ = soft().bypass_because("zoe", " nine char ", 300).refuses(Reason::BypassReason);
}

#[test]
fn of_one_person_the_last_word_is_kept_and_whose_word_is_refused_is_told_why() {
    for times in [[300, 301], [301, 300], [300, 300]] {
        let case = soft().bypass_because("zoe", "the first reason", times[0]);
        let case = case.bypass_because("zoe", "another reason", times[1]);
        let by = case.passes().decide().bypass.unwrap().by;
        let reasons: Vec<_> = by.iter().map(|asked| asked.reason.as_str()).collect();
        let last = if times[0] > times[1] { "the first reason" } else { "another reason" };
        assert_eq!(reasons, [last], "{times:?}");
    }
    let decision = soft().bypass("mallory").bypass_because("zoe", "now", 300).decide();
    let why = |comment: u64| {
        refusal_of(&decision, &BypassSource::Comment(CommentId::new(comment))).map(|one| (one.reason, one.words()))
    };
    let words = |reason: Reason, detail: &str| Some((reason, format!("{} ({detail})", reason.words())));
    assert_eq!(why(70), words(Reason::NotABypasser, "production"));
    assert_eq!(why(71), words(Reason::BypassReason, "3 of 10 characters"));
    assert_eq!(why(72), None);
    let stale = soft().bypass("zoe").but(|facts| facts.bypasses[0].head = oid('c')).decide();
    assert_eq!(stale.bypass_refused[0].words(), Reason::BypassStale.words());
}

#[test]
fn a_pause_holds_a_bypass_and_a_manual_merge_does_not() {
    let manual = || {
        soft_with(
            "production: {paths: [secrets/production/]}",
            "production: {paths: [secrets/production/], merge: manual}",
        )
    };
    assert!(manual().bypass("zoe").passes().decide().waits.is_empty(), "it asks for the merge itself");
    let pause = |facts: &mut Facts| {
        let what = crate::facts::AskedFor::Pause(None);
        facts.asked.push(crate::facts::Asked {
            comment: CommentId::new(5),
            by: account("bob"),
            what,
            at: Timestamp::from_seconds(200),
        });
    };
    assert_eq!(soft().but(pause).bypass("zoe").passes().decide().waits.len(), 1);
}

/// As a merged change is judged once more.
fn merged_by(name: &'static str) -> Case {
    soft().but(move |facts| {
        facts.ratifying = Some(Ratifying { bypassers: vec![account(name)], policies: vec!["production".to_owned()] });
    })
}

#[test]
fn it_is_ratified_by_the_quorum_without_the_bypasser() {
    let ratified = |case: &Case| is_ratified(&case.facts, &case.decide());
    assert!(!ratified(&merged_by("cy").approve("ann")));
    assert!(!ratified(&merged_by("cy").approve("ann").approve("cy").uncounted("cy", Reason::Bypasser)));
    assert!(!ratified(&merged_by("cy").approve("ann").approve("rita")), "the requester neither");
    assert!(!ratified(&merged_by("cy").approve("ann").approve("bob").reject("bob")), "a veto stands");
    assert!(ratified(&merged_by("cy").approve("ann").approve("bob")));
    assert!(ratified(&merged_by("zoe").approve("ann").approve("cy")));
    assert!(!ratified(&soft().approve("ann").approve("bob")), "nothing was bypassed");
    // what is judged once more is never bypassed once more
    assert!(merged_by("cy").bypass("zoe").decide().bypass.is_none());
}
