//! Who is told what.

use super::*;

fn destinations(policy: &Policy, notice: &Notice, mail: bool) -> Vec<String> {
    let approvers = [account(2, "ann"), account(3, "bob"), account(4, "cy"), account(5, "dee")];
    letters(policy, notice, &approvers, mail).letters.iter().map(|letter| letter.destination.key()).collect()
}

#[test]
fn a_route_is_about_its_events_and_environments() {
    let policy = policy(
        "  - {on: [change.opened, 'sync.*'], environments: [production], slack: {webhook_url_from: SLACK_URL}}
  - {on: [change.ready], environments: [staging], teams: {webhook_url_from: TEAMS_URL}}
  - {on: ['*'], webhook: {url_from: EVENTS_URL, secret_from: EVENTS_SECRET}}
",
    );
    let opened = destinations(&policy, &notice(Occasion::ChangeOpened), true);
    assert_eq!(opened, ["slack-hook/SLACK_URL", "webhook/EVENTS_URL/EVENTS_SECRET"]);
    let ready = destinations(&policy, &notice(Occasion::ChangeReady), true);
    assert_eq!(ready, ["webhook/EVENTS_URL/EVENTS_SECRET"]);
    let failed = destinations(&policy, &notice(Occasion::SyncFailed), true);
    assert_eq!(failed, ["slack-hook/SLACK_URL", "webhook/EVENTS_URL/EVENTS_SECRET"]);
    let nowhere = Notice { environments: Vec::new(), ..notice(Occasion::ChangeReady) };
    assert!(destinations(&policy, &nowhere, true).contains(&"teams/TEAMS_URL".to_owned()), "about none in particular");
}

#[test]
fn a_mail_goes_once_to_everybody_who_has_an_address() {
    let policy = policy("  - {on: ['*'], email: {to: [approvers, requester, sec@example.com, bob@example.com]}}\n");
    let to = destinations(&policy, &notice(Occasion::ChangeReady), true);
    assert_eq!(to, ["mail/ann@example.com", "mail/bob@example.com", "mail/rita@example.com", "mail/sec@example.com"]);
}

#[test]
fn the_outcome_reaches_who_asked_whatever_the_routing_says() {
    let policy = policy("  - {on: [key.changed], teams: {webhook_url_from: TEAMS_URL}}\n");
    for occasion in Occasion::ALL {
        let to = destinations(&policy, &notice(*occasion), true);
        let outcome = matches!(
            occasion,
            Occasion::ChangeMerged
                | Occasion::ChangeRejected
                | Occasion::ChangeExpired
                | Occasion::ChangePutBack
                | Occasion::ChangeBypassed
        );
        assert_eq!(to.contains(&"mail/rita@example.com".to_owned()), outcome, "{occasion}");
    }
    assert_eq!(destinations(&policy, &notice(Occasion::ChangeMerged), false), [""; 0], "no mail without a mail server");
}

#[test]
fn a_bypass_reaches_every_approver_and_every_channel_and_names_whom_it_cannot_reach() {
    let policy =
        policy("  - {on: [key.changed], environments: [staging], slack: {token_from: TOKEN, channel: '#secrets'}}\n");
    let bypass = notice(Occasion::ChangeBypassed);
    let approvers = [account(2, "ann"), account(3, "bob"), account(4, "cy"), account(5, "dee")];
    let told = letters(&policy, &bypass, &approvers, false);
    let to: Vec<_> = told.letters.iter().map(|letter| (letter.destination.key(), letter.sure)).collect();
    let expected = [
        ("mail/ann@example.com", true),
        ("mail/bob@example.com", true),
        ("mail/rita@example.com", true),
        ("slack/TOKEN/#secrets/", false),
    ];
    assert_eq!(to, expected.map(|(key, sure)| (key.to_owned(), sure)));
    let unreached: Vec<_> = told.unreached.iter().map(ToString::to_string).collect();
    assert_eq!(unreached, ["cy", "dee"], "an address GitHub made up is no address");
    assert!(needs_approvers(&policy, &bypass) && !needs_approvers(&policy, &notice(Occasion::ChangeReady)));
}

#[test]
fn names_of_keys_stay_on_github_unless_a_route_shows_them() {
    let hidden = policy("  - {on: ['*'], webhook: {url_from: A, secret_from: B}}\n");
    let shown = policy("  - {on: ['*'], show_keys: true, webhook: {url_from: A, secret_from: B}}\n");
    for (policy, expected) in [(hidden, false), (shown, true)] {
        let told = letters(&policy, &notice(Occasion::ChangeOpened), &[], true);
        let body = webhook_body(&told.letters[0].notice);
        assert_eq!(body.contains("canary-key"), expected, "{body}");
        assert!(body.contains(r#""counts":{"added":1,"changed":2,"removed":0}"#), "{body}");
        assert!(body.contains(r#""type":"change.opened""#) && body.contains(r#""version":1"#), "{body}");
    }
}

#[test]
fn a_letter_is_the_same_however_often_it_is_derived() {
    let policy = policy("  - {on: ['*'], email: {to: [requester]}}\n");
    let once = letters(&policy, &notice(Occasion::ChangeOpened), &[], true);
    let later = Notice { at: Timestamp::from_seconds(1), ..notice(Occasion::ChangeOpened) };
    assert_eq!(once.letters[0].id, letters(&policy, &later, &[], true).letters[0].id);
    assert_ne!(once.letters[0].id, letters(&policy, &notice(Occasion::ChangeReady), &[], true).letters[0].id);
    assert_eq!(once.letters[0].thread, "change/42");
}

#[test]
fn a_policy_tells_somebody_when_it_has_a_route_or_an_address() {
    let with = |more: &str| {
        let text = format!(
            "version: 1
environments: {{production: {{paths: [secrets/production/]}}}}
policies: [{{name: all, environments: '*', approvers: {{users: [ann]}}}}]
{more}"
        );
        tells(&policy::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}")))
    };
    let route = "notifications: [{on: ['*'], teams: {webhook_url_from: TEAMS_URL}}]\n";
    let address = "people: {ann: {email: ann@example.com}}\n";
    let none = "people: {ann: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}}\n";
    for (more, told) in [("", false), (none, false), (address, true), (route, true)] {
        assert_eq!(with(more), told, "{more}");
    }
}

#[test]
fn who_the_approvers_are_is_asked_only_where_a_route_of_the_notice_mails_them() {
    let policy = policy(
        "  - {on: [change.ready], environments: [production], email: {to: [sec@example.com, approvers]}}
  - {on: [change.opened], email: {to: [requester, sec@example.com]}}
  - {on: [sync.failed], teams: {webhook_url_from: TEAMS_URL}}
",
    );
    for (occasion, environment, asked) in [
        (Occasion::ChangeReady, "production", true),
        (Occasion::ChangeReady, "staging", false),
        (Occasion::ChangeOpened, "production", false),
        (Occasion::SyncFailed, "production", false),
        (Occasion::ChangeBypassed, "staging", true),
    ] {
        let notice = Notice { environments: vec![Environment::parse(environment).unwrap()], ..notice(occasion) };
        assert_eq!(needs_approvers(&policy, &notice), asked, "{occasion} {environment}");
    }
}

#[test]
fn a_destination_says_its_kind_of_channel() {
    let policy = policy(
        "  - {on: ['*'], slack: {webhook_url_from: A}}
  - {on: ['*'], slack: {token_from: B, channel: '#secrets'}}
  - {on: ['*'], teams: {webhook_url_from: C}}
  - {on: ['*'], webhook: {url_from: D, secret_from: E}}
  - {on: ['*'], email: {to: [sec@example.com]}}
",
    );
    let told = letters(&policy, &notice(Occasion::ChangeReady), &[], true);
    let kinds: Vec<_> = told.letters.iter().map(|letter| letter.destination.channel()).collect();
    assert_eq!(kinds, ["mail", "slack", "slack", "teams", "webhook"]);
}
