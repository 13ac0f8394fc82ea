//! Mail: to whom, what it looks like, and what happens when the mail server does not want it.

use super::{asked, world};
use crate::harness::{CANARY, Trouble};

const EVERYTHING: &str = "  - {on: ['*'], email: {to: [approvers, requester, sec@example.com]}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_is_asked_for_gets_a_mail_of_their_own_and_the_mails_of_a_change_are_one_thread() {
    let (world, told) = world(EVERYTHING).await;
    let pull = asked(&world);
    world.until("the approvers are asked", |_| told.mail.subjects("bob@example.com").len() == 2);
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    let merged = |to: &str| told.mail.subjects(to).iter().any(|subject| subject.contains("is merged"));
    world.until("everybody knows that it is merged", |_| {
        ["ann@example.com", "bob@example.com", "rita@example.com", "sec@example.com"].into_iter().all(merged)
    });
    world.until_quiet();
    let subjects = told.mail.subjects("rita@example.com");
    let expected = ["is open", "waits for approval", "is approved", "is merged"];
    assert_eq!(subjects.len(), expected.len(), "{subjects:?}");
    for (subject, expected) in subjects.iter().zip(expected) {
        assert!(subject.starts_with("[acme/app] Change #1 for production ") && subject.contains(expected), "{subject}");
    }
    let mails = told.mail.taken();
    let to_rita: Vec<_> = mails.iter().filter(|mail| mail.to == "rita@example.com").collect();
    let first = to_rita[0].header("Message-ID").expect("an id");
    assert!(to_rita[0].header("In-Reply-To").is_none());
    let mut ids = std::collections::BTreeSet::new();
    for mail in &to_rita {
        assert!(ids.insert(mail.header("Message-ID").expect("an id")), "one id per mail");
        assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
        assert_eq!(mail.header("List-Id").as_deref(), Some("countersign for acme/app <app.acme.example.com>"));
        assert_eq!(mail.header("To").as_deref(), Some("rita@example.com"));
        assert!(mail.header("Content-Type").is_some_and(|kind| kind.starts_with("multipart/alternative")));
        assert!(mail.text.contains("text/plain") && mail.text.contains("text/html"));
    }
    for mail in &to_rita[1..] {
        assert_eq!(mail.header("In-Reply-To").as_ref(), Some(&first));
        assert_eq!(mail.header("References").as_ref(), Some(&first));
    }
    for mail in &mails {
        assert!(!mail.text.contains(CANARY) && !mail.text.contains("db.password"), "{}", mail.text);
    }
    assert!(!world.log().contains(CANARY));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_refused_stops_no_other_and_one_that_is_busy_is_tried_again() {
    let (world, told) = world("  - {on: [change.opened], email: {to: [ann@example.com, gone@example.com, busy@example.com, slow@example.com]}}\n").await;
    told.mail.will("gone@example.com", [Trouble::Never]);
    told.mail.will("busy@example.com", [Trouble::Later]);
    told.mail.will("slow@example.com", [Trouble::Slow(1)]);
    asked(&world);
    for to in ["ann@example.com", "busy@example.com", "slow@example.com"] {
        world.until(&format!("{to} gets the mail"), |_| told.mail.subjects(to).len() == 1);
    }
    world.until("the other is given up", |world| {
        let (_, metrics) = world.get(&format!("{}/metrics", world.admin()));
        metrics.contains("countersign_letters{state=\"given-up\"} 1")
            && metrics.contains("countersign_letters{state=\"waiting\"} 0")
    });
    assert_eq!((told.mail.tried("gone@example.com"), told.mail.tried("busy@example.com")), (1, 2));
    let (_, page) = world.get(world.admin());
    assert!(page.contains("1 was given up") && page.contains("change.opened") && page.contains("(550)"), "{page}");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_may_have_arrived_is_not_sent_again() {
    let (world, told) = world("  - {on: [change.opened, change.ready], email: {to: [ann@example.com]}}\n").await;
    told.mail.will("ann@example.com", [Trouble::HangsUp]);
    asked(&world);
    world.until("the next one arrives", |_| told.mail.subjects("ann@example.com").len() == 1);
    world.until_quiet();
    assert_eq!(told.mail.tried("ann@example.com"), 2, "one attempt each");
    assert!(told.mail.subjects("ann@example.com")[0].contains("waits for approval"));
    assert!(world.log().contains("it may have arrived"), "{}", world.log());
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_around_a_mail_sends_it_once_or_not_at_all() {
    for (point, arrived) in [("letter-begun", 0), ("letter-sent", 1)] {
        let (mut world, told) = world("  - {on: [change.opened], email: {to: [ann@example.com]}}\n").await;
        world.terminate();
        world.crash_at(&[point]);
        world.start();
        world.push(
            &world.rita,
            github_sim::Push::to("rita/db")
                .from("main")
                .file(super::PATH, crate::harness::Secrets::sealed("production", 2)),
        );
        world.until_revived("it died", |world| world.deaths() == 1);
        world.until_revived("the letter is given up", |world| world.log().contains("it is not repeated"));
        world.until_quiet_again();
        assert_eq!(told.mail.taken().len(), arrived, "after a crash at {point}");
        world.end();
    }
}
