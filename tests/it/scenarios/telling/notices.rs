//! What is told whatever the routes say, and what is told once: outcomes, bypasses, put-backs, the guard, the ledger, failing targets.

use std::collections::BTreeSet;

use github_sim::{Push, Verdict};

use super::{PATH, Told, asked, policy, world, world_of};
use crate::harness::{Answer, Secrets, Trouble, World, a_second_later, at_once};
use crate::scenarios::guard;

/// A route that has nothing to do with what is looked at here.
const ELSEWHERE: &str = "  - {on: [key.changed], webhook: {url_from: EVENTS_URL, secret_from: EVENTS_SECRET}}\n";

const SECURITY: &str = "sec@example.com";

fn to_security(events: &str) -> String {
    format!("  - {{on: [{events}], email: {{to: [{SECURITY}]}}}}\n")
}

/// Everybody who got a mail that was taken.
fn readers(told: &Told) -> BTreeSet<String> {
    told.mail.taken().into_iter().filter(|mail| mail.accepted).map(|mail| mail.to).collect()
}

/// Whoever asked learns how it ended, though nobody routed that; nobody else does.
async fn the_requester_learns_the_outcome() {
    let (world, told) = world(ELSEWHERE).await;
    let pull = asked(&world);
    world.repo.review(&world.ann, pull, Verdict::RequestChanges, None).expect("a review");
    world.until("rita knows that it was rejected", |_| told.mail.subjects("rita@example.com").len() == 1);
    world.until_quiet();
    a_second_later();
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until("rita knows that it is merged", |_| told.mail.subjects("rita@example.com").len() == 2);
    world.until_quiet();
    let subjects = told.mail.subjects("rita@example.com");
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert_eq!(subjects[0], "[acme/app] Change #1 for production was rejected");
    assert!(subjects[1].starts_with("[acme/app] Change #1 for production is merged as "), "{subjects:?}");
    assert_eq!(readers(&told), BTreeSet::from(["rita@example.com".to_owned()]));
    assert_eq!(told.events.arrived().len(), 0);
    world.end();
}

/// Whoever pushed past everybody is told that it was put back, and where it waits.
async fn who_pushed_directly_is_told() {
    let (world, told) = world(&format!("{ELSEWHERE}{}", to_security("change.put_back"))).await;
    world.push(&world.rita, Push::to("main").file(PATH, Secrets::sealed("production", 2)));
    for to in ["rita@example.com", SECURITY] {
        world.until(&format!("{to} is told"), |_| !told.mail.subjects(to).is_empty());
    }
    world.until_quiet();
    for to in ["rita@example.com", SECURITY] {
        assert_eq!(told.mail.subjects(to), ["[acme/app] A direct push of rita to main was put back"]);
    }
    let mail = told.mail.taken().into_iter().find(|mail| mail.to == "rita@example.com").expect("a mail");
    assert!(mail.text.contains("it waits in a pull request"), "{}", mail.text);
    assert_eq!(readers(&told).len(), 2, "{:?}", readers(&told));
    world.end();
}

/// A bypass goes to every approver and every channel; it is repeated under one id where it may not have arrived; who has no address is
/// named where they are.
async fn a_bypass_reaches_every_approver() {
    let soft = "    enforcement: soft\n    bypass: {users: [zoe], ratify_within: 8h}\nadmins:";
    let (world, told) = world_of(&policy(ELSEWHERE).replacen("admins:", soft, 1)).await;
    told.mail.will("bob@example.com", [Trouble::HangsUp]);
    let pull = asked(&world);
    world.until_check(pull, "action_required");
    let head = world.repo.pull_json(pull)["head"]["sha"].as_str().expect("a head").to_owned();
    let words = format!("/countersign bypass {head} \"the database is down, all of it\"");
    world.repo.comment(&world.zoe, pull, &words).expect("a comment");
    world.until_merged(pull);
    for to in ["ann@example.com", "bob@example.com", "rita@example.com"] {
        world.until(&format!("{to} is told"), |_| {
            let subjects = told.mail.subjects(to);
            subjects.iter().any(|subject| subject.contains("was merged past missing approvals by zoe"))
        });
    }
    world.until("the channel is told", |_| !told.events.arrived().is_empty());
    world.until_comment(pull, "Not told of the bypass by mail, because `people` has no address of them: cy");
    world.until_quiet();
    let to_bob: Vec<_> = told.mail.taken().into_iter().filter(|mail| mail.to == "bob@example.com").collect();
    let ids: BTreeSet<_> = to_bob.iter().map(|mail| mail.header("Message-ID").expect("an id")).collect();
    assert_eq!((to_bob.len(), ids.len()), (2, 1), "it is repeated, with the same id");
    assert_eq!(told.mail.subjects("ann@example.com").len(), 1);
    let events: Vec<_> = told.events.arrived().into_iter().map(|event| event.body["type"].clone()).collect();
    assert_eq!(events, ["change.bypassed"]);
    world.end();
}

/// Each rule that is gone is told once, with its code; the next look tells nothing again.
async fn a_weaker_guard_is_told_once() {
    let mut world = World::without_server(&policy(&to_security("guard.weakened"))).await;
    let told = Told::start(&mut world).await;
    let rule = guard::guarded(&world);
    let begun = world.sim.mark();
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    guard::until_looked(&world, begun);
    world.until_quiet();
    assert_eq!(told.mail.subjects(SECURITY).len(), 0, "the first look alarms nobody");
    world.repo.drop_ruleset(rule).expect("taken away");
    guard::tell(&world, "deleted");
    world.until("it is told", |_| told.mail.subjects(SECURITY).len() == 4);
    guard::tell(&world, "edited");
    world.until_quiet();
    let mails = told.mail.taken();
    assert_eq!(mails.len(), 4, "{:?}", told.mail.subjects(SECURITY));
    for code in ["push-open", "check-not-required", "force-push-open", "deletion-open"] {
        let code = format!("({code})");
        let names = |text: &str| text.replace("=\r\n", "").contains(&code);
        assert_eq!(mails.iter().filter(|mail| names(&mail.text)).count(), 1, "{code}");
    }
    world.end();
}

/// A ledger that is moved back is restored, and told.
async fn a_ledger_that_was_moved_back_is_told() {
    let (world, told) = world(&to_security("ledger.tampered")).await;
    let tip = world.ledger_tip();
    world.repo.delete_branch(&world.zoe, "countersign/ledger").expect("deleted");
    world.until("it is back", |world| world.ledger_tip() == tip);
    world.until("it is told", |_| !told.mail.subjects(SECURITY).is_empty());
    world.until_quiet();
    assert_eq!(told.mail.subjects(SECURITY), ["[acme/app] The ledger of acme/app was tampered with"]);
    let text = &told.mail.taken()[0].text;
    assert!(text.contains("and was restored"), "{text}");
    world.end();
}

/// A target that fails again and again is one alert, and one word when it has recovered; the next failure is an alert again.
async fn a_target_that_fails_is_one_alert_until_it_recovers() {
    let hook = "syncs: [{name: hook, webhook: {url_from: EVENTS_URL, secret_from: EVENTS_SECRET}}]";
    let path = "    paths: [secrets/production/]\n";
    let text = policy(&to_security("sync.*")).replacen(path, &format!("{path}    {hook}\n"), 1);
    let (world, told) = world_of(&text).await;
    world.until("the adoption is delivered", |_| told.events.arrived().len() == 1);
    world.until_quiet();
    let before = told.mail.subjects(SECURITY).len();
    let since = |told: &Told| told.mail.subjects(SECURITY)[before..].to_vec();
    let failing = "[acme/app] production/hook does not get the approved content";
    let again = "[acme/app] production/hook has the approved content again";
    for (version, fails, expected) in [
        (2, true, vec![failing]),
        (3, true, vec![failing]),
        (4, false, vec![failing, again]),
        (5, true, vec![failing, again, failing]),
    ] {
        if fails {
            told.events.will([Answer::Status(400)]);
        }
        let branch = format!("rita/v{version}");
        let push = Push::to(&branch).from("main").file(PATH, Secrets::sealed("production", version));
        let pull = world.change_of(&branch, push);
        world.approve(&world.ann, pull);
        world.until_merged(pull);
        let words = if fails { "**failed** · `delivery-refused`" } else { "accepted, not verified" };
        world.until_comment(pull, &format!("| `production/hook` | {words}"));
        world.until("everything is told", |_| since(&told).len() >= expected.len());
        world.until_quiet();
        assert_eq!(since(&told), expected, "after version {version}");
    }
    world.end();
}

#[test]
fn what_must_be_told_is_told_once() {
    at_once(&[
        ("outcome", || Box::pin(the_requester_learns_the_outcome())),
        ("put back", || Box::pin(who_pushed_directly_is_told())),
        ("bypass", || Box::pin(a_bypass_reaches_every_approver())),
    ]);
    at_once(&[
        ("guard", || Box::pin(a_weaker_guard_is_told_once())),
        ("ledger", || Box::pin(a_ledger_that_was_moved_back_is_told())),
        ("target", || Box::pin(a_target_that_fails_is_one_alert_until_it_recovers())),
    ]);
}
