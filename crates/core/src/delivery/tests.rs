//! Deliveries from their bytes: what is read, what is ignored, what is kept, and that nothing unsigned is looked into.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Account, AccountKind, Digest, InstallationId, Login, Oid, PrNumber, RefName, RepoId, Timestamp, UserId,
};
use crate::event::{
    Change, ChangeAction, CommentAction, Event, InstallationAction, PeopleChange, Push, RepositoryAction, ReviewAction,
    ReviewState, Scope,
};

const EVENTS: &[&str] = &[
    "push",
    "pull_request",
    "pull_request_review",
    "issue_comment",
    "check_run",
    "check_suite",
    "merge_group",
    "deployment_protection_rule",
    "installation",
    "installation_repositories",
    "installation_target",
    "repository",
    "membership",
    "team",
    "team_add",
    "member",
    "organization",
    "repository_ruleset",
    "branch_protection_rule",
    "ping",
    "star",
];

fn read(event: &str, body: &[u8]) -> Content {
    let secrets = WebhookSecrets::parse("canary").unwrap();
    let signature = secrets.sign(body);
    let headers = Headers { id: Some("d-1"), event: Some(event), signature: Some(&signature), sha1: true };
    Unverified::new(headers, body).verify(&secrets).unwrap().content()
}

fn understood(event: &str, body: &str) -> Event {
    match read(event, body.as_bytes()) {
        Content::Understood(event) => *event,
        Content::Unparsable(why) => panic!("{event}: {why}"),
    }
}

#[test]
fn of_a_job_that_waits_only_numbers_are_taken() {
    let body = |url: &str, deployment: &str| {
        format!(
            r#"{{"action":"requested","environment":"production","deployment_callback_url":"{url}",
                "deployment":{{"id":{deployment},"sha":"x"}},"repository":{{"id":101,"full_name":"acme/app"}}}}"#
        )
    };
    let url = "https://evil.example/repos/other/else/actions/runs/77/deployment_protection_rule";
    let Event::Job(job) = understood("deployment_protection_rule", &body(url, "9")) else { panic!() };
    assert_eq!((job.run.get(), job.deployment.get(), job.place.repo), (77, 9, RepoId::new(101)));
    for (url, deployment) in [
        ("https://api.github.com/repos/acme/app/actions/runs/77", "9"),
        ("https://api.github.com/repos/acme/app/actions/runs/7x/deployment_protection_rule", "9"),
        ("/deployment_protection_rule", "9"),
        (url, "-1"),
        (url, "null"),
    ] {
        let read = read("deployment_protection_rule", body(url, deployment).as_bytes());
        let Content::Unparsable(why) = read else { panic!("{url} {deployment}: {read:?}") };
        assert_eq!(why.repository, Some(RepoId::new(101)));
    }
    let other = understood("deployment_protection_rule", r#"{"action":"brand_new"}"#);
    assert!(matches!(other, Event::Ignored(_)));
}

fn rita() -> Option<Account> {
    Some(Account { id: UserId::new(11), login: Login::parse("rita").unwrap(), kind: AccountKind::User })
}

#[test]
fn the_sender_of_a_push_is_the_account_and_the_pusher_is_not_read() {
    let Event::Push(push) = understood("push", include_str!("../../tests/payloads/push.json")) else { panic!() };
    let Push { place, reference, before, after, created, deleted, forced, sender, pushed_at } = push;
    assert_eq!((place.repo, place.installation), (RepoId::new(101), Some(InstallationId::new(7))));
    assert_eq!(place.name.to_string(), "acme/app");
    assert_eq!(place.default_branch, RefName::branch("main").ok());
    assert_eq!(reference.branch_name(), Some("rotate-db"));
    assert!(before.is_null() && !after.is_null() && created && !deleted && !forced);
    assert_eq!(sender, rita());
    assert_eq!(pushed_at, Some(Timestamp::from_seconds(1_770_000_000)));
}

#[test]
fn a_push_by_nobody_is_a_push_all_the_same() {
    let body = include_str!("../../tests/payloads/push-deploy-key.json");
    let Event::Push(push) = understood("push", body) else { panic!() };
    assert!(push.after.is_null() && push.deleted && !push.created);
    assert_eq!((push.sender, push.pushed_at, push.place.installation), (None, None, None));
}

#[test]
fn the_head_of_a_fork_is_no_branch_of_ours() {
    let body = include_str!("../../tests/payloads/synchronize-from-fork.json");
    let Event::Change(change) = understood("pull_request", body) else { panic!() };
    let Change { number, action, head, head_ref, base, author, sender, updated_at, place: _ } = change;
    let before = Oid::parse("3f2a91c3f2a91c3f2a91c3f2a91c3f2a91c3f2a9").ok();
    assert_eq!((number, action), (PrNumber::new(42), ChangeAction::Synchronized { before }));
    assert_eq!((head.short(), head_ref, base.short()), ("8be0d44", None, "main"));
    assert_eq!((author, sender), (None, rita()));
    assert_eq!(updated_at, Timestamp::parse("2026-02-02T02:40:00Z").ok());
}

#[test]
fn an_edited_base_names_the_one_before() {
    let body = include_str!("../../tests/payloads/base-edited.json");
    let Event::Change(change) = understood("pull_request", body) else { panic!() };
    assert_eq!(change.action, ChangeAction::Edited { base_before: RefName::branch("staging").ok() });
    assert_eq!(change.head_ref, RefName::branch("rotate-db").ok());
}

#[test]
fn a_dismissal_names_who_dismissed_even_when_the_reviewer_is_gone() {
    let body = include_str!("../../tests/payloads/review-dismissed.json");
    let Event::Review(review) = understood("pull_request_review", body) else { panic!() };
    assert_eq!((review.action, review.state), (ReviewAction::Dismissed, ReviewState::Dismissed));
    assert_eq!((review.commit, review.author), (None, None));
    assert_eq!(review.sender.map(|account| account.id), Some(UserId::new(14)));
}

#[test]
fn review_states_are_read_in_either_case_and_new_ones_are_not_guessed() {
    for (text, state) in [
        ("approved", ReviewState::Approved),
        ("APPROVED", ReviewState::Approved),
        ("changes_requested", ReviewState::ChangesRequested),
        ("COMMENTED", ReviewState::Commented),
        ("pending", ReviewState::Pending),
        ("approved_with_nits", ReviewState::Unrecognised),
        ("", ReviewState::Unrecognised),
    ] {
        assert_eq!(ReviewState::from_github(text), state, "{text}");
    }
}

#[test]
fn a_comment_under_an_issue_is_ignored_and_one_under_a_request_is_not() {
    let body = include_str!("../../tests/payloads/comment-under-an-issue.json");
    let Event::Ignored(ignored) = understood("issue_comment", body) else { panic!() };
    assert_eq!((ignored.event.as_str(), ignored.action.as_deref()), ("issue_comment", Some("created")));
    let body = include_str!("../../tests/payloads/comment-under-a-request.json");
    let Event::Comment(comment) = understood("issue_comment", body) else { panic!() };
    assert_eq!((comment.number, comment.action), (PrNumber::new(42), CommentAction::Edited));
}

#[test]
fn people_change_in_an_organisation_or_in_a_repository() {
    let Event::People(people) = understood("membership", include_str!("../../tests/payloads/membership.json")) else {
        panic!()
    };
    assert_eq!(people.what, PeopleChange::Membership);
    assert_eq!(people.scope, Scope::Organization(Login::parse("acme").unwrap()));
    let body = r#"{"action":"added","member":{},"repository":{"id":1,"full_name":"acme/app"},"organization":{"login":"acme"}}"#;
    let Event::People(people) = understood("member", body) else { panic!() };
    assert!(matches!(people.scope, Scope::Repository(place) if place.repo == RepoId::new(1)));
}

#[test]
fn an_event_names_its_repository_or_its_organisation() {
    let member = r#"{"action":"added","member":{},"repository":{"id":1,"full_name":"acme/app"},"organization":{"login":"acme"}}"#;
    let push = understood("push", include_str!("../../tests/payloads/push.json"));
    assert!(push.place().is_some() && push.organization().is_none());
    let in_one = understood("member", member);
    assert_eq!(in_one.place().map(|place| place.repo), Some(RepoId::new(1)));
    assert_eq!(in_one.organization(), None);
    let in_all = understood("membership", include_str!("../../tests/payloads/membership.json"));
    assert_eq!(in_all.place(), None);
    assert_eq!(in_all.organization(), Some(&Login::parse("acme").unwrap()));
}

#[test]
fn an_installation_gains_and_loses_repositories_at_once() {
    let body = include_str!("../../tests/payloads/installation-repositories.json");
    let Event::Installation(event) = understood("installation_repositories", body) else { panic!() };
    assert_eq!((event.id, event.action), (InstallationId::new(7), InstallationAction::Repositories));
    let names = |list: &[(RepoId, _)]| list.iter().map(|(id, _)| id.get()).collect::<Vec<_>>();
    assert_eq!((names(&event.added), names(&event.removed)), (vec![101], vec![102]));
}

#[test]
fn every_action_is_read_as_what_it_is() {
    use ChangeAction::{Closed, Draft, Edited, Opened, Ready, Reopened, ReviewRequestRemoved, ReviewRequested};
    let change = |action: &str, merged: bool| {
        let mut body: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/payloads/base-edited.json")).unwrap();
        (body["action"], body["pull_request"]["merged"]) = (action.into(), merged.into());
        body.as_object_mut().unwrap().remove("changes");
        let Event::Change(change) = understood("pull_request", &body.to_string()) else { panic!("{action}") };
        change.action
    };
    for (action, expected) in [
        ("opened", Opened),
        ("synchronize", ChangeAction::Synchronized { before: None }),
        ("reopened", Reopened),
        ("closed", Closed { merged: false }),
        ("edited", Edited { base_before: None }),
        ("ready_for_review", Ready),
        ("converted_to_draft", Draft),
        ("review_requested", ReviewRequested),
        ("review_request_removed", ReviewRequestRemoved),
    ] {
        assert_eq!(change(action, false), expected, "{action}");
    }
    assert_eq!(change("closed", true), Closed { merged: true });

    let repository = |action: &str| {
        let mut body: serde_json::Value = serde_json::from_str(include_str!("../../tests/payloads/push.json")).unwrap();
        body["action"] = action.into();
        let Event::Repository(event) = understood("repository", &body.to_string()) else { panic!("{action}") };
        event.action
    };
    for (action, expected) in [
        ("created", RepositoryAction::Created),
        ("renamed", RepositoryAction::Renamed),
        ("transferred", RepositoryAction::Transferred),
        ("edited", RepositoryAction::Edited { default_before: None }),
        ("deleted", RepositoryAction::Deleted),
        ("archived", RepositoryAction::Archived),
        ("unarchived", RepositoryAction::Unarchived),
        ("publicized", RepositoryAction::Publicized),
        ("privatized", RepositoryAction::Privatized),
    ] {
        assert_eq!(repository(action), expected, "{action}");
    }

    for (event, action, expected) in [
        ("installation", "created", InstallationAction::Created),
        ("installation", "deleted", InstallationAction::Deleted),
        ("installation", "suspend", InstallationAction::Suspended),
        ("installation", "unsuspend", InstallationAction::Unsuspended),
        ("installation", "new_permissions_accepted", InstallationAction::PermissionsAccepted),
        ("installation_repositories", "added", InstallationAction::Repositories),
        ("installation_target", "renamed", InstallationAction::Renamed),
    ] {
        let body = include_str!("../../tests/payloads/installation-repositories.json");
        let mut body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["action"] = action.into();
        let Event::Installation(found) = understood(event, &body.to_string()) else { panic!("{event} {action}") };
        assert_eq!(found.action, expected, "{event} {action}");
    }
}

#[test]
fn an_instant_is_seconds_or_a_text_and_anything_else_is_none() {
    let pushed = |at: serde_json::Value| {
        let mut body: serde_json::Value = serde_json::from_str(include_str!("../../tests/payloads/push.json")).unwrap();
        body["repository"]["pushed_at"] = at;
        let Event::Push(push) = understood("push", &body.to_string()) else { panic!() };
        push.pushed_at.map(Timestamp::seconds)
    };
    assert_eq!(pushed(serde_json::json!(1_770_000_000)), Some(1_770_000_000));
    assert_eq!(pushed(serde_json::json!(-5)), Some(-5));
    assert_eq!(pushed(serde_json::json!("2026-02-02T02:40:00Z")), Some(1_770_000_000));
    assert_eq!(pushed(serde_json::json!("yesterday")), None);
    assert_eq!(pushed(serde_json::Value::Null), None);
}

#[test]
fn unknown_events_and_actions_are_ignored_whatever_they_look_like() {
    for (event, body) in [
        ("star", r#"{"action":"created"}"#),
        ("an_event_of_next_year", "[1,2,3]"),
        ("star", "null"),
        ("pull_request", r#"{"action":"teleported","pull_request":"gone"}"#),
        ("pull_request", r#"{"action":"labeled"}"#),
        ("check_run", r#"{"action":"completed","check_run":null}"#),
        ("installation", "{}"),
        ("repository_dispatch", r#"{"action":"a line\nbreak"}"#),
    ] {
        assert!(
            matches!(understood(event, body), Event::Ignored(ignored) if ignored.event.as_str() == event),
            "{body}"
        );
    }
    let Event::Ignored(odd) = understood("repository_dispatch", r#"{"action":"a line\nbreak"}"#) else { panic!() };
    assert_eq!(odd.action, None);
}

#[test]
fn a_known_event_in_an_unknown_shape_is_kept_and_says_where_to_look() {
    let cases: &[(&str, &str, Fault, Option<u64>)] = &[
        ("push", "", Fault::NotJson, None),
        ("push", "{", Fault::NotJson, None),
        ("push", "payload=%7B%7D", Fault::NotJson, None),
        ("star", "{\"action\":", Fault::NotJson, None),
        ("push", "{} {}", Fault::NotJson, None),
        ("push", "null", Fault::WrongShape, None),
        ("push", "{}", Fault::WrongShape, None),
        ("push", r#"{"ref":"main","repository":{"id":101}}"#, Fault::WrongShape, Some(101)),
        ("push", r#"{"ref":5,"repository":{"id":101},"x":[}"#, Fault::NotJson, None),
        ("push", r#"{"repository":{"id":"101"}}"#, Fault::WrongShape, None),
        ("pull_request", r#"{"action":"opened","repository":{"id":101}}"#, Fault::WrongShape, Some(101)),
        (
            "check_run",
            r#"{"action":"rerequested","repository":{"id":101,"full_name":"a/b"}}"#,
            Fault::WrongShape,
            Some(101),
        ),
        ("membership", r#"{"action":"added"}"#, Fault::WrongShape, None),
    ];
    for (event, body, fault, repository) in cases {
        let Content::Unparsable(why) = read(event, body.as_bytes()) else { panic!("{event} {body}") };
        assert_eq!((why.fault, why.repository), (*fault, repository.map(RepoId::new)), "{event} {body}");
    }
}

#[test]
fn a_fault_never_repeats_the_body() {
    for body in [r#"{"ref":"canary-value"}"#, r#"{"repository":"canary-value"}"#, "canary-value"] {
        let Content::Unparsable(why) = read("push", body.as_bytes()) else { panic!("{body}") };
        assert!(!format!("{why} {why:?}").contains("canary"), "{why}");
    }
}

#[test]
fn a_body_as_deep_as_the_sea_is_no_reason_to_fall() {
    let body = format!(r#"{{"action":"x","deep":{}1{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert!(matches!(read("push", body.as_bytes()), Content::Understood(_) | Content::Unparsable(_)));
    let body = "{\"repository\":".repeat(200_000);
    assert!(matches!(read("push", body.as_bytes()), Content::Unparsable(_)));
}

#[test]
fn names_are_looked_at_only_after_the_signature() {
    let secrets = WebhookSecrets::parse("canary").unwrap();
    let signature = secrets.sign(b"{}");
    let with = |id, event, signature| Headers { id, event, signature, sha1: false };
    let refusal = |headers| Unverified::new(headers, b"{}").verify(&secrets).err();
    assert_eq!(refusal(with(None, None, None)), Some(Refusal::Signature(SignatureFault::Missing)));
    assert_eq!(refusal(with(None, Some("push"), Some(&signature))), Some(Refusal::NoId));
    assert_eq!(refusal(with(Some("../x"), Some("push"), Some(&signature))), Some(Refusal::NoId));
    assert_eq!(refusal(with(Some("d"), None, Some(&signature))), Some(Refusal::NoEvent));
    assert_eq!(refusal(with(Some("d"), Some("PUSH"), Some(&signature))), Some(Refusal::NoEvent));
    assert_eq!(refusal(with(Some("d"), Some("push"), Some(&signature))), None);
}

#[test]
fn a_delivery_holds_the_bytes_that_were_signed_and_a_refusal_says_what_to_do() {
    let secrets = WebhookSecrets::parse("canary").unwrap();
    let signature = secrets.sign(b"{\"a\":1}");
    let headers = Headers { id: Some("d"), event: Some("push"), signature: Some(&signature), sha1: false };
    let delivery = Unverified::new(headers, b"{\"a\":1}").verify(&secrets).ok().unwrap();
    assert_eq!(delivery.body(), b"{\"a\":1}");
    assert_eq!(delivery.digest(), Digest::of(b"{\"a\":1}"));
    assert_eq!((delivery.id().as_str(), delivery.event().as_str()), ("d", "push"));
    assert!(Refusal::NoId.help().contains("headers"));
    assert!(Refusal::Signature(SignatureFault::Missing).help().contains("secret"));
    assert_ne!(Refusal::NoId.help(), Refusal::Signature(SignatureFault::Missing).help());
}

/// Payloads of the table above, whole.
const PAYLOADS: &[(&str, &str)] = &[
    ("push", include_str!("../../tests/payloads/push.json")),
    ("pull_request", include_str!("../../tests/payloads/synchronize-from-fork.json")),
    ("pull_request_review", include_str!("../../tests/payloads/review-dismissed.json")),
    ("installation_repositories", include_str!("../../tests/payloads/installation-repositories.json")),
];

proptest! {
    #[test]
    fn no_bytes_make_it_fall(event in prop::sample::select(EVENTS), body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(event, &body);
    }

    #[test]
    fn no_damaged_payload_makes_it_fall(
        payload in prop::sample::select(PAYLOADS), at in any::<prop::sample::Index>(), with in ".{0,6}", cut in any::<bool>(),
    ) {
        let (event, text) = payload;
        let mut body = text.as_bytes().to_vec();
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body.splice(at..=at, with.bytes()); }
        let _ = read(event, &body);
    }

    #[test]
    fn a_changed_byte_breaks_the_signature(body in prop::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let secrets = WebhookSecrets::parse("canary").unwrap();
        let signature = secrets.sign(&body);
        let mut other = body.clone();
        let at = at.index(body.len());
        other[at] ^= flip;
        let headers = Headers { id: Some("d"), event: Some("push"), signature: Some(&signature), sha1: false };
        prop_assert!(Unverified::new(headers, &other).verify(&secrets).is_err());
    }
}

#[test]
fn what_the_runner_hands_over_is_kept_byte_for_byte_under_the_name_of_its_run() {
    let body = include_bytes!("../../tests/payloads/push.json");
    let handed = FromRunner::new("pull_request_target", "7-1", body).unwrap();
    assert_eq!((handed.id().as_str(), handed.event().as_str()), ("actions-7-1", "pull_request"));
    assert_eq!((handed.body(), handed.digest()), (body.as_slice(), Digest::of(body)));
}
