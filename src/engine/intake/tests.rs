//! The work each event asks for, as a table.
#![expect(clippy::unwrap_used, reason = "tests")]

use countersign_core::delivery::{Headers, Unverified, WebhookSecrets};
use countersign_core::domain::{AccountKind, InstallationId, Login, Oid, RepoName, UserId};
use countersign_core::event::command::Spoken;
use serde_json::{Value, json};

use super::*;

const H1: &str = "3f2a91c3f2a91c3f2a91c3f2a91c3f2a91c3f2a9";
const H2: &str = "8be0d448be0d448be0d448be0d448be0d448be0d";
const ZERO: &str = "0000000000000000000000000000000000000000";
const AT: Timestamp = Timestamp::from_seconds(1_000);

fn person(id: u64, login: &str) -> Value {
    json!({"id": id, "login": login, "type": if login.ends_with("[bot]") { "Bot" } else { "User" }})
}

fn rita() -> Value {
    person(11, "rita")
}

fn us() -> Value {
    person(99, "countersign[bot]")
}

/// The event GitHub's payload means, with the common parts filled in.
fn event(name: &str, sender: &Value, special: Value) -> Event {
    let mut body = json!({
        "repository": {"id": 101, "full_name": "acme/app", "default_branch": "main", "pushed_at": 900},
        "sender": sender, "installation": {"id": 7},
    });
    body.as_object_mut().unwrap().extend(special.as_object().unwrap().clone());
    let (body, secrets) = (serde_json::to_vec(&body).unwrap(), WebhookSecrets::parse("s").unwrap());
    let signature = secrets.sign(&body);
    let headers = Headers { id: Some("d-1"), event: Some(name), signature: Some(&signature), sha1: false };
    match Unverified::new(headers, &body).verify(&secrets).unwrap().content() {
        Content::Understood(event) => *event,
        Content::Unparsable(why) => panic!("{name}: {why}"),
    }
}

fn work(event: &Event) -> NewDelivery {
    let ledger = RefName::parse("refs/heads/countersign/ledger").unwrap();
    let account = |id, login: &str, kind| Account { id: UserId::new(id), login: Login::parse(login).unwrap(), kind };
    let repo = |id, name: &str| RepoRef {
        id: RepoId::new(id),
        name: RepoName::parse(name).unwrap(),
        installation: InstallationId::new(7),
    };
    let around = Surroundings {
        quiet: Span::from_seconds(10),
        ledger: &ledger,
        ourselves: Some(&account(99, "countersign[bot]", AccountKind::Bot)),
        repositories: &[repo(101, "acme/app"), repo(102, "Acme/web"), repo(103, "other/app")],
    };
    let arrival =
        Arrival { id: DeliveryId::parse("d-1").unwrap(), event: "x".to_owned(), body: Digest::of(b"x"), at: AT };
    delivery_to_work(event, arrival, &around)
}

/// Looks as `subject@seconds after arrival`.
fn looks_of(event: &Event) -> Vec<String> {
    let name = |subject: &Subject| match subject {
        Subject::Branch(repo, reference) => format!("branch {repo} {}", reference.short()),
        Subject::Change(repo, number) => format!("change {repo} {number}"),
        Subject::Repository(repo) => format!("repository {repo}"),
        Subject::Changes(repo) => format!("changes {repo}"),
        Subject::Guard(repo) => format!("guard {repo}"),
        Subject::Notices(repo) => format!("notices {repo}"),
        Subject::Letters(repo, destination) => format!("letters {destination} {repo}"),
        Subject::Sync(repo, target) => format!("sync {repo} {target}"),
        Subject::Job(repo, run, deployment) => format!("job {repo} {run} {deployment}"),
        Subject::Command(repo, comment) => format!("command {repo} {comment}"),
        Subject::Installations => "installations".to_owned(),
    };
    work(event).look_at.iter().map(|(subject, due)| format!("{}@{}", name(subject), due.since(AT).seconds())).collect()
}

fn push(branch: &str, sender: &Value) -> Event {
    event("push", sender, json!({"ref": branch, "before": H1, "after": H2}))
}

fn change(action: &str, sender: &Value) -> Event {
    let pull = json!({
        "number": 42, "user": rita(), "updated_at": "1970-01-01T00:16:00Z",
        "head": {"ref": "rotate-db", "sha": H2, "repo": {"id": 101}}, "base": {"ref": "main"},
    });
    event("pull_request", sender, json!({"action": action, "before": H1, "pull_request": pull}))
}

fn review(action: &str, state: &str) -> Event {
    let review = json!({"id": 5001, "state": state, "commit_id": H2, "user": person(12, "ann")});
    event(
        "pull_request_review",
        &person(12, "ann"),
        json!({"action": action, "review": review, "pull_request": {"number": 42}}),
    )
}

fn comment(sender: &Value) -> Event {
    let issue = json!({"number": 42, "pull_request": {"url": "…"}});
    event("issue_comment", sender, json!({"action": "created", "issue": issue, "comment": {"id": 1}}))
}

/// A comment that could hold a command, or did before it was edited.
fn command(action: &str) -> Event {
    let issue = json!({"number": 42, "pull_request": {"url": "…"}});
    let comment = json!({"id": 1, "body": "please\n/countersign sync"});
    event("issue_comment", &rita(), json!({"action": action, "issue": issue, "comment": comment}))
}

fn check(name: Option<&str>, changes: &[u64]) -> Event {
    let pulls: Vec<_> = changes.iter().map(|number| json!({"number": number})).collect();
    let body = json!({"name": name, "head_sha": H2, "pull_requests": pulls});
    let kind = if name.is_some() { "check_run" } else { "check_suite" };
    event(kind, &rita(), json!({"action": "rerequested", kind: body}))
}

fn in_organization(name: &str, action: &str) -> Event {
    event(name, &rita(), json!({"action": action, "repository": null, "organization": {"login": "acme"}}))
}

#[test]
fn each_event_asks_for_its_looks() {
    let installed = json!({"action": "created", "repositories": [{"id": 101, "full_name": "acme/app"}]});
    let gone = json!({"action": "deleted", "repositories": [{"id": 101, "full_name": "acme/app"}]});
    let group =
        json!({"head_sha": H2, "head_ref": "refs/heads/gh-readonly-queue/main/pr-1", "base_ref": "refs/heads/main"});
    let repository = |action: &str| event("repository", &rita(), json!({"action": action}));
    let cases: Vec<(Event, &[&str])> = vec![
        (push("refs/heads/rotate-db", &rita()), &["branch 101 rotate-db@10"]),
        (push("refs/heads/rotate-db", &us()), &["branch 101 rotate-db@10"]),
        (push("refs/heads/main", &rita()), &["repository 101@0"]),
        (push("refs/heads/main", &us()), &["repository 101@10"]),
        (push("refs/heads/countersign/ledger", &rita()), &["branch 101 countersign/ledger@0"]),
        (push("refs/heads/countersign/ledger", &us()), &["branch 101 countersign/ledger@10"]),
        (push("refs/tags/v1", &rita()), &[]),
        (command("created"), &["change 101 42@0", "command 101 1@0"]),
        (command("edited"), &["change 101 42@0"]),
        (change("opened", &rita()), &["change 101 42@0"]),
        (change("opened", &us()), &[]),
        (change("edited", &us()), &[]),
        (change("review_requested", &us()), &[]),
        (change("edited", &rita()), &["change 101 42@0"]),
        (change("synchronize", &us()), &["change 101 42@0"]),
        (change("closed", &us()), &[]),
        (change("closed", &rita()), &["change 101 42@0"]),
        (change("labeled", &rita()), &[]),
        (review("submitted", "approved"), &["change 101 42@0"]),
        (review("edited", "approved"), &["change 101 42@0"]),
        (comment(&rita()), &["change 101 42@0"]),
        (comment(&us()), &[]),
        (check(Some("countersign"), &[42, 43, 42]), &["change 101 42@0", "change 101 43@0"]),
        (check(Some("countersign"), &[]), &["repository 101@0"]),
        (check(Some("tests"), &[42]), &[]),
        (check(None, &[42]), &["change 101 42@0"]),
        (
            event("merge_group", &rita(), json!({"action": "checks_requested", "merge_group": group})),
            &["branch 101 gh-readonly-queue/main/pr-1@0"],
        ),
        (event("installation", &rita(), installed), &["installations@0", "repository 101@0"]),
        (event("installation", &rita(), gone), &["installations@0"]),
        (event("installation", &rita(), json!({"action": "suspend"})), &["installations@0"]),
        (repository("renamed"), &["repository 101@0"]),
        (repository("transferred"), &["installations@0", "repository 101@0"]),
        (repository("deleted"), &["installations@0"]),
        (in_organization("membership", "removed"), &["changes 101@0", "changes 102@0"]),
        (in_organization("organization", "member_removed"), &["changes 101@0", "changes 102@0"]),
        (in_organization("repository_ruleset", "deleted"), &["guard 101@0", "guard 102@0"]),
        (event("member", &rita(), json!({"action": "removed"})), &["changes 101@0"]),
        (event("branch_protection_rule", &rita(), json!({"action": "edited"})), &["guard 101@0"]),
        (event("ping", &rita(), json!({})), &[]),
        (event("star", &rita(), json!({"action": "created"})), &[]),
    ];
    for (event, expected) in &cases {
        assert_eq!(looks_of(event), *expected, "{event:?}");
    }
}

#[test]
fn before_we_know_our_own_account_nothing_is_dropped() {
    let ledger = RefName::parse("refs/heads/countersign/ledger").unwrap();
    let around = Surroundings { quiet: Span::from_seconds(10), ledger: &ledger, ourselves: None, repositories: &[] };
    assert_eq!(looks(&comment(&us()), AT, &around).len(), 1);
}

fn facts(event: &Event) -> Vec<Sighting> {
    work(event).sightings.into_iter().filter(|sighting| !matches!(sighting, Sighting::Installed { .. })).collect()
}

#[test]
fn a_push_is_seen_with_its_sender_and_githubs_time_even_when_it_is_ours() {
    for (sender, id) in [(rita(), Some(11)), (us(), Some(99)), (Value::Null, None)] {
        let [Sighting::Push { repo, reference, movement }] = &facts(&push("refs/heads/main", &sender))[..] else {
            panic!()
        };
        assert_eq!((repo.get(), reference.short()), (101, "main"));
        assert_eq!((movement.before.as_str(), movement.after.as_str()), (H1, H2));
        assert_eq!(movement.actor.as_ref().map(|account| account.id.get()), id);
        assert_eq!((movement.at, movement.delivery.as_ref().unwrap().as_str()), (Timestamp::from_seconds(900), "d-1"));
    }
}

#[test]
fn a_push_without_githubs_time_is_dated_by_its_arrival() {
    let event = event(
        "push",
        &rita(),
        json!({"ref": "refs/heads/x", "before": ZERO, "after": H2, "repository": {"id": 101, "full_name": "acme/app"}}),
    );
    assert!(
        matches!(&facts(&event)[..], [Sighting::Push { movement, .. }] if movement.at == AT && movement.before.is_null())
    );
}

#[test]
fn a_moved_head_is_seen_under_the_reference_of_the_request() {
    let [Sighting::Push { reference, movement, .. }] = &facts(&change("synchronize", &rita()))[..] else { panic!() };
    assert_eq!(reference.as_str(), "refs/pull/42/head");
    assert_eq!((movement.before.as_str(), movement.after.as_str()), (H1, H2));
    assert_eq!((movement.at, facts(&change("opened", &rita())).len()), (Timestamp::from_seconds(960), 0));
}

#[test]
fn reviews_are_seen_when_given_or_dismissed_and_never_when_edited() {
    let cases = [
        ("submitted", "approved", Some(VoteKind::Approve)),
        ("submitted", "CHANGES_REQUESTED", Some(VoteKind::Reject)),
        ("submitted", "commented", None),
        ("submitted", "invented", Some(VoteKind::Unrecognised)),
        ("dismissed", "dismissed", Some(VoteKind::Ended)),
        ("dismissed", "approved", Some(VoteKind::Ended)),
        ("edited", "approved", None),
    ];
    for (action, state, expected) in cases {
        let seen = facts(&review(action, state));
        let kinds: Vec<_> = seen
            .iter()
            .map(|sighting| match sighting {
                Sighting::Review { kind, commit, by, at, review, change, .. } => {
                    assert_eq!((commit.as_ref().unwrap().as_str(), *at), (H2, AT));
                    assert_eq!((review.get(), change.get(), by.as_ref().unwrap().id.get()), (5001, 42, 12));
                    *kind
                }
                Sighting::Push { .. } | Sighting::Comment { .. } | Sighting::Installed { .. } => {
                    panic!("{sighting:?}")
                }
            })
            .collect();
        assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>(), "{action} {state}");
    }
}

#[test]
fn what_stands_with_a_comment_is_kept_as_it_was_written_and_who_took_it_away() {
    let said = |action: &str, body: &str, from: Option<&str>| {
        let issue = json!({"number": 42, "pull_request": {}});
        let changes = json!({"body": {"from": from}});
        let more = json!({"action": action, "issue": issue, "comment": {"id": 1, "body": body}, "changes": changes});
        let seen = facts(&event("issue_comment", &rita(), more));
        seen.into_iter().find_map(|sighting| match sighting {
            Sighting::Comment { told, by, comment, change, .. } => {
                assert_eq!((comment.get(), change.get(), by.unwrap().id.get()), (1, 42, 11));
                Some(told)
            }
            Sighting::Push { .. } | Sighting::Review { .. } | Sighting::Installed { .. } => None,
        })
    };
    let line = format!("/cs approve {H1}");
    let approval = CommentTold::Written(Spoken::Approve(Oid::parse(H1).unwrap()));
    assert_eq!(said("created", &line, None), Some(approval));
    assert_eq!(said("created", "/cs pause a secret word", None), Some(CommentTold::Written(Spoken::Pause(None))));
    assert_eq!(said("edited", "nothing", Some(&line)), Some(CommentTold::Edited));
    assert_eq!(said("edited", &line, Some("nothing")), None);
    assert_eq!(said("deleted", &line, None), Some(CommentTold::Deleted));
    assert_eq!(said("created", "/cs sync", None), None);
}

#[test]
fn every_delivery_tells_how_its_repository_is_reached() {
    let reached = |event: &Event| {
        let list = work(event).sightings;
        list.into_iter()
            .filter_map(|sighting| match sighting {
                Sighting::Installed { repo, installation, .. } => {
                    Some((repo.get(), installation.map(InstallationId::get)))
                }
                Sighting::Push { .. } | Sighting::Review { .. } | Sighting::Comment { .. } => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(reached(&comment(&rita())), [(101, Some(7))]);
    assert_eq!(reached(&event("repository", &rita(), json!({"action": "deleted"}))), [(101, None)]);
    let listed = |id: u64| json!([{"id": id, "full_name": format!("acme/r{id}")}]);
    let both = json!({"action": "added", "repositories_added": listed(1), "repositories_removed": listed(2)});
    assert_eq!(reached(&event("installation_repositories", &rita(), both)), [(1, Some(7)), (2, None)]);
    let gone = json!({"action": "deleted", "repositories": listed(3)});
    assert_eq!(reached(&event("installation", &rita(), gone)), [(3, None)]);
    assert_eq!(
        reached(&event(
            "push",
            &rita(),
            json!({"ref": "refs/heads/x", "before": H1, "after": H2, "installation": null})
        )),
        []
    );
}

#[test]
fn what_cannot_be_read_is_kept_whole_and_looked_into() {
    let arrival =
        Arrival { id: DeliveryId::parse("d").unwrap(), event: "push".to_owned(), body: Digest::of(b"x"), at: AT };
    let why = Unparsable {
        fault: countersign_core::delivery::Fault::WrongShape,
        at: None,
        repository: Some(RepoId::new(101)),
    };
    let work = unparsable_to_work(&why, arrival, b"x");
    assert_eq!(work.unparsable.as_deref(), Some(&b"x"[..]));
    assert_eq!(work.look_at, [(Subject::Repository(RepoId::new(101)), AT)]);
}
