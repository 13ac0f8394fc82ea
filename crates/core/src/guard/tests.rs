//! What is said of a guard, as tables; and what counts as weaker.

use super::*;
use crate::domain::{RefName, RepoName, Timestamp};
use crate::facts::rules::{BranchRules, Classic, Passing, Protection, RequiredCheck, Rule, Ruleset};

const APP: u64 = 12;

fn branch(name: &str) -> RefName {
    RefName::branch(name).unwrap()
}

fn main() -> Place {
    Place::Governed(branch("main"))
}

fn ledger() -> Place {
    Place::Ledger(branch("countersign/ledger"))
}

fn held() -> Place {
    Place::Held(branch("countersign/held/0"))
}

fn check(app: Option<u64>) -> Rule {
    Rule::Checks(vec![RequiredCheck { name: "countersign".to_owned(), app }])
}

fn set(rules: Vec<Rule>) -> Ruleset {
    Ruleset { name: "guard".to_owned(), rules, passing: Passing::Always, others: Some(Vec::new()) }
}

fn rules(rulesets: Vec<Ruleset>) -> BranchRules {
    BranchRules { rulesets, classic: Classic::Absent }
}

fn good() -> Vec<Rule> {
    vec![Rule::PullRequest, check(Some(APP)), Rule::Deletion, Rule::NonFastForward]
}

fn codes(place: &Place, rules: &BranchRules) -> Vec<&'static str> {
    judge(place, Some(rules), "countersign", APP).iter().map(|finding| finding.reason.code()).collect()
}

#[test]
fn what_is_said_of_a_governed_branch() {
    let without = |gone: &Rule| good().into_iter().filter(|rule| rule != gone).collect::<Vec<_>>();
    let other_check = Rule::Checks(vec![RequiredCheck { name: "build".to_owned(), app: Some(APP) }]);
    let cases: Vec<(&str, Vec<Rule>, &[&str])> = vec![
        ("as it should be", good(), &[]),
        ("the App alone moves it", vec![Rule::Update, Rule::Deletion], &[]),
        ("nothing", vec![], &["push-open", "check-not-required", "force-push-open", "deletion-open"]),
        (
            "a rule that guards nothing",
            vec![Rule::Other],
            &["push-open", "check-not-required", "force-push-open", "deletion-open"],
        ),
        ("no pull requests, but the check", without(&Rule::PullRequest), &[]),
        ("no check", without(&check(Some(APP))), &["check-not-required"]),
        (
            "another check",
            vec![Rule::PullRequest, other_check, Rule::Deletion, Rule::NonFastForward],
            &["check-not-required"],
        ),
        (
            "a check from anybody",
            vec![Rule::PullRequest, check(None), Rule::Deletion, Rule::NonFastForward],
            &["check-not-pinned"],
        ),
        (
            "a check from another App",
            vec![check(Some(7)), Rule::Deletion, Rule::NonFastForward],
            &["push-open", "check-not-pinned"],
        ),
        ("history may be rewritten", without(&Rule::NonFastForward), &["force-push-open"]),
        ("it may be deleted", without(&Rule::Deletion), &["deletion-open"]),
    ];
    for (name, list, expected) in cases {
        assert_eq!(codes(&main(), &rules(vec![set(list)])), expected, "{name}");
    }
}

#[test]
fn what_the_app_writes_alone_is_open_to_nobody_else() {
    let closed = || vec![Rule::Creation, Rule::Update, Rule::Deletion, Rule::NonFastForward];
    for place in [ledger(), held()] {
        assert!(codes(&place, &rules(vec![set(closed())])).is_empty());
        assert_eq!(codes(&place, &rules(vec![set(good())])), ["push-open"], "by pull request is not alone");
        assert_eq!(codes(&place, &rules(Vec::new())), ["push-open", "deletion-open"]);
    }
    let not_created = rules(vec![set(vec![Rule::Update, Rule::Deletion])]);
    assert!(codes(&ledger(), &not_created).is_empty(), "the ledger is there");
    assert_eq!(codes(&held(), &not_created), ["push-open"], "anybody could make a branch that seems to hold a push");
}

#[test]
fn who_stands_above_the_rules_is_named_and_what_is_hidden_is_unknown() {
    let with = |others: Option<Vec<String>>, passing| rules(vec![Ruleset { others, passing, ..set(good()) }]);
    assert_eq!(codes(&main(), &with(Some(vec!["Team 4".to_owned()]), Passing::Always)), ["bypass-others"]);
    let hidden = judge(&main(), Some(&with(None, Passing::Always)), "countersign", APP);
    assert_eq!(hidden.iter().map(|f| f.reason.code()).collect::<Vec<_>>(), ["bypass-unknown"]);
    assert_eq!((hidden[0].reason.weight(), hidden[0].detail.as_str()), (Weight::Unknown, "guard"));
    // a ruleset that guards nothing may be passed by anybody
    let idle = Ruleset { others: Some(vec!["User 9".to_owned()]), ..set(vec![Rule::Other]) };
    assert!(codes(&main(), &rules(vec![set(good()), idle])).is_empty());
    let unseen = judge(&main(), None, "countersign", APP);
    assert_eq!(unseen.iter().map(|f| f.reason.code()).collect::<Vec<_>>(), ["rules-unknown"]);
}

#[test]
fn a_rule_that_stops_the_app_itself_is_told() {
    let stopped = |passing| rules(vec![Ruleset { passing, ..set(vec![Rule::Update, Rule::Creation, Rule::Deletion]) }]);
    for (place, passing, expected) in [
        (main(), Passing::Never, &["app-stopped"][..]),
        (main(), Passing::PullRequests, &[]),
        (ledger(), Passing::PullRequests, &["app-stopped"]),
        (ledger(), Passing::Hidden, &[]),
        (held(), Passing::Never, &["app-stopped"]),
    ] {
        assert_eq!(codes(&place, &stopped(passing)), expected, "{} {passing:?}", place.name());
    }
}

#[test]
fn classic_protection_counts_where_it_is_shown() {
    let protection = Protection {
        checks: vec![RequiredCheck { name: "countersign".to_owned(), app: Some(APP) }],
        pull_requests: true,
        holds_admins: true,
        ..Protection::default()
    };
    let with = |classic| BranchRules { rulesets: Vec::new(), classic };
    assert!(codes(&main(), &with(Classic::Protection(protection.clone()))).is_empty());
    let lenient = Protection { holds_admins: false, force_pushes: true, deletions: true, ..protection.clone() };
    assert_eq!(
        codes(&main(), &with(Classic::Protection(lenient))),
        ["force-push-open", "deletion-open", "admins-exempt"]
    );
    let pushers = Protection { pushers: Some(vec!["zoe".to_owned()]), ..protection };
    assert_eq!(codes(&main(), &with(Classic::Protection(pushers))), ["bypass-others"]);
    let hidden = codes(&main(), &with(Classic::Hidden));
    assert!(hidden.contains(&"classic-unknown") && hidden.contains(&"push-open"), "never taken for fine: {hidden:?}");
    let enough = BranchRules { rulesets: vec![set(good())], classic: Classic::Hidden };
    assert!(codes(&main(), &enough).is_empty(), "classic protection could only be stricter still");
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn finding(place: Place, reason: GuardReason, detail: &str) -> Finding {
    Finding { place, reason, detail: detail.to_owned() }
}

#[test]
fn the_first_look_alarms_nobody_and_what_gets_worse_does() {
    use GuardReason::{
        AdminsExempt, BypassOthers, BypassUnknown, CheckNotPinned, CheckNotRequired, PushOpen, RulesUnknown,
    };
    let places = [main(), ledger()];
    let one = |reason, detail| vec![finding(main(), reason, detail)];
    // what was there, what is there now, whether that is worse
    for (before, now, worse) in [
        (vec![], one(CheckNotPinned, ""), true),
        (one(CheckNotPinned, ""), one(CheckNotRequired, ""), true),
        (one(CheckNotRequired, ""), one(CheckNotPinned, ""), false),
        (one(CheckNotRequired, ""), one(CheckNotRequired, ""), false),
        (one(BypassOthers, "Team 4"), one(BypassOthers, "Team 4, User 9"), true),
        (one(BypassOthers, "Team 4, User 9"), one(BypassOthers, "User 9"), false),
        (one(BypassOthers, "Team 4"), one(AdminsExempt, ""), false),
        (one(CheckNotPinned, ""), vec![], false),
        (vec![], one(RulesUnknown, ""), true),
        (vec![], one(BypassUnknown, "guard"), false),
        (one(PushOpen, ""), one(BypassOthers, "Team 4"), false),
    ] {
        let mut watch = Watch::default();
        assert!(watch.look(&places, before.clone(), at(1)).is_empty(), "the first look");
        assert_eq!(!watch.look(&places, now.clone(), at(2)).is_empty(), worse, "{before:?} then {now:?}");
        assert_eq!(watch.weakened().len(), usize::from(worse));
        assert!(watch.look(&places, now, at(3)).is_empty(), "told once");
        assert!(watch.weakened().iter().all(|one| one.since == at(2)), "and said since then");
        if worse {
            assert!(watch.look(&places, before, at(4)).is_empty());
            assert!(watch.weakened().is_empty(), "mended");
        }
    }
}

#[test]
fn a_place_that_is_new_is_compared_from_then_on() {
    let mut watch = Watch::default();
    watch.look(&[main()], vec![], at(1));
    let open = finding(ledger(), GuardReason::PushOpen, "");
    assert!(watch.look(&[main(), ledger()], vec![open.clone()], at(2)).is_empty());
    assert!(watch.look(&[main(), ledger()], vec![], at(3)).is_empty());
    assert_eq!(watch.look(&[main(), ledger()], vec![open], at(4)).len(), 1);
    let text = serde_json::to_string(&watch).unwrap();
    assert_eq!(serde_json::from_str::<Watch>(&text).unwrap(), watch, "it is kept as it is");
    assert!(watch.look(&[main()], vec![], at(5)).is_empty());
    assert!(watch.weakened().is_empty(), "what is not guarded any more is not weak");
}

#[test]
fn what_became_worse_stays_said_of_its_place_until_it_is_mended_there() {
    use GuardReason::{BypassOthers, PushOpen, RulesUnknown};
    let places = [main(), ledger()];
    let mut watch = Watch::default();
    let said = |watch: &Watch| {
        let of = |one: &Weakened| (one.finding.place.clone(), one.finding.reason, one.finding.detail.clone());
        watch.weakened().iter().map(of).collect::<Vec<_>>()
    };
    let open = |place: Place| finding(place, PushOpen, "");
    let above = |place: Place, detail: &str| finding(place, BypassOthers, detail);
    watch.look(&places, vec![], at(1));
    // who stands above the rules is told beside what was told of the same place, and of no other
    watch.look(&places, vec![above(main(), "Team 4"), above(ledger(), "User 1")], at(2));
    watch.look(&places, vec![above(main(), "Team 4, User 9"), above(ledger(), "User 1")], at(3));
    let row = |place: Place, reason, detail: &str| (place, reason, detail.to_owned());
    let both = [row(ledger(), BypassOthers, "User 1"), row(main(), BypassOthers, "Team 4, User 9")];
    assert_eq!(said(&watch), both);
    assert_eq!(watch.weakened()[1].since, at(3));
    // what is not shown is not mended
    watch.look(&places, vec![finding(main(), RulesUnknown, ""), above(ledger(), "User 1")], at(4));
    assert!(said(&watch).contains(&both[0]) && said(&watch).contains(&both[1]), "{:?}", said(&watch));

    let mut watch = Watch::default();
    watch.look(&places, vec![], at(1));
    watch.look(&places, vec![open(main()), open(ledger())], at(2));
    watch.look(&places, vec![open(main()), open(ledger())], at(3));
    assert_eq!(said(&watch), [row(main(), PushOpen, ""), row(ledger(), PushOpen, "")]);
    watch.look(&places, vec![open(ledger())], at(4));
    assert_eq!(said(&watch), [row(ledger(), PushOpen, "")], "mended at one place");
    watch.look(&places, vec![open(ledger()), above(ledger(), "User 1")], at(5));
    assert_eq!(said(&watch), [row(ledger(), PushOpen, "")], "where anybody may push, who stands above is nothing new");
}

#[test]
fn rules_that_are_hidden_for_a_while_are_not_forgotten() {
    let mut watch = Watch::default();
    let open = vec![finding(main(), GuardReason::PushOpen, "")];
    watch.look(&[main()], open.clone(), at(1));
    watch.look(&[main()], vec![finding(main(), GuardReason::RulesUnknown, "")], at(2));
    assert!(watch.look(&[main()], open, at(3)).is_empty(), "as open as before");
    assert!(watch.weakened().is_empty());
}

#[test]
fn the_command_that_mends_a_place_is_json_and_names_our_app() {
    let name = RepoName::parse("acme/app").unwrap();
    for place in [main(), ledger(), held()] {
        let command = remedy(&place, &name, "countersign", APP);
        let body = command.split_once("<<< '").unwrap().1.strip_suffix('\'').unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["bypass_actors"][0]["actor_id"], APP);
        assert!(command.starts_with("gh api -X POST repos/acme/app/rulesets "));
    }
}

#[test]
fn an_app_with_everything_is_told_nothing_and_one_with_nothing_everything() {
    assert_eq!(
        judge_app(&AppFacts::default()).iter().map(|one| one.reason).collect::<std::collections::BTreeSet<_>>(),
        [
            AppReason::PermissionMissing,
            AppReason::PermissionOptional,
            AppReason::EventMissing,
            AppReason::EventOptional,
            AppReason::HookMissing
        ]
        .into()
    );
    let permissions = [
        ("metadata", "read"),
        ("contents", "write"),
        ("pull_requests", "write"),
        ("checks", "write"),
        ("issues", "write"),
        ("members", "read"),
        ("merge_queues", "read"),
        ("administration", "read"),
        ("deployments", "write"),
        ("actions", "write"),
        ("statuses", "read"),
        ("environments", "write"),
    ];
    let events = "push pull_request pull_request_review issue_comment check_run member membership merge_group organization repository repository_ruleset team team_add branch_protection_rule deployment_protection_rule";
    let hook = Hook {
        has_address: true,
        https: true,
        content_type: "json".to_owned(),
        checks_certificates: true,
        has_secret: true,
    };
    let whole = AppFacts {
        permissions: permissions.map(|(name, level)| (name.to_owned(), level.to_owned())).into(),
        events: events.split(' ').map(str::to_owned).collect(),
        hook,
    };
    assert!(judge_app(&whole).is_empty(), "{:?}", judge_app(&whole));
    let mut weaker = whole.clone();
    weaker.permissions.insert("contents".to_owned(), "read".to_owned());
    weaker.hook.has_secret = false;
    let found: Vec<_> = judge_app(&weaker).iter().map(|one| one.reason.code()).collect();
    assert_eq!(found, ["permission-missing", "webhook-unsigned"]);
    let with = |change: &dyn Fn(&mut AppFacts)| {
        let mut app = whole.clone();
        change(&mut app);
        judge_app(&app).iter().map(|one| one.reason.code()).collect::<Vec<_>>()
    };
    assert_eq!(with(&|app| app.hook.https = false), ["webhook-insecure"]);
    assert_eq!(with(&|app| app.hook.checks_certificates = false), ["webhook-insecure"]);
    assert_eq!(with(&|app| app.hook.content_type = "form".to_owned()), ["webhook-not-json"]);
    let granted = |name: &'static str, level: &'static str| {
        with(&move |app| _ = app.permissions.insert(name.to_owned(), level.to_owned()))
    };
    assert_eq!(granted("members", "none"), ["permission-missing"]);
    assert_eq!(granted("statuses", "none"), ["permission-optional"]);
    assert!(granted("contents", "admin").is_empty() && granted("members", "write").is_empty());
    let deaf = AppFacts { events: ["push".to_owned(), "pull_request".to_owned()].into(), ..whole };
    assert_eq!(judge_app(&deaf)[0].words, "the App is not told of `pull_request_review`, `issue_comment`");
}

#[test]
fn what_the_app_cannot_do_without_weighs_and_what_would_only_be_better_does_not() {
    for reason in AppReason::ALL {
        let optional = matches!(reason, AppReason::PermissionOptional | AppReason::EventOptional);
        assert_eq!(reason.weight(), if optional { None } else { Some(Weight::Gap) }, "{}", reason.code());
    }
    assert_eq!([Weight::Gap, Weight::Unknown].map(Weight::word), ["gap", "unknown"]);
}

/// GitHub registers no App that asks to hear of something its permissions do not cover.
#[test]
fn an_app_is_registered_with_what_it_needs_and_hears_only_of_what_its_permissions_cover() {
    let (permissions, events) = registration(&std::collections::BTreeSet::new());
    let names: Vec<_> = permissions.keys().copied().collect();
    assert_eq!(names, ["checks", "contents", "issues", "members", "metadata", "pull_requests"]);
    assert_eq!(
        events,
        [
            "push",
            "pull_request",
            "pull_request_review",
            "issue_comment",
            "check_run",
            "member",
            "membership",
            "organization",
            "repository",
            "team",
            "team_add"
        ]
    );
    let all = PERMISSIONS.iter().map(|one| one.name.to_owned()).collect();
    let (permissions, events) = registration(&all);
    assert_eq!(events.len(), EVENTS.len(), "every event has its permission");
    assert_eq!(permissions["issues"], "write", "the more that was asked for");
    let (permissions, _) = registration(&["secrets".to_owned()].into());
    assert!(!permissions.contains_key("secrets"), "nobody is asked for more than the table holds");
    let registered = AppFacts {
        permissions: permissions.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect(),
        events: registration(&std::collections::BTreeSet::new()).1.iter().map(|name| (*name).to_owned()).collect(),
        hook: Hook::default(),
    };
    let gaps = judge_app(&registered).into_iter().filter(|one| one.reason.weight().is_some()).map(|one| one.reason);
    assert_eq!(gaps.collect::<Vec<_>>(), [AppReason::HookMissing], "only the webhook is left to be said");
}
