//! Targets that fail in every way: each is said with its remedy, and no other target is held up.

use super::{HOOK, merged, policy, states, until_state, world};
use crate::harness::{Answer, Receiver, World, at_once};

const OTHER: &str = "{name: event, dispatch: {event: secrets-approved}}";

/// Waits until the first delivery is over: it arrived, and the server knows.
#[track_caller]
fn until_adopted(world: &World, receiver: &Receiver) {
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    until_state(world, "hook", "success");
    world.until_quiet();
}

/// 500, then busy, then a connection that breaks: tried again under the same id until it is taken.
async fn a_target_that_recovers_gets_it_under_the_same_id() {
    let (world, receiver) = world(&[HOOK]).await;
    until_adopted(&world, &receiver);
    receiver.will([Answer::Status(500), Answer::Busy(503, 1), Answer::Garbage]);
    let pull = merged(&world, 2);
    world.until("it is taken at last", |_| receiver.arrived().len() == 5 && receiver.answers_left() == 0);
    until_state(&world, "hook", "success");
    let arrived = receiver.arrived();
    assert!(arrived[1..].iter().all(|one| one.id == arrived[1].id && one.signed), "{arrived:#?}");
    assert_ne!(arrived[0].id, arrived[1].id);
    assert!(arrived[1..].iter().all(|one| one.body == arrived[1].body), "{arrived:#?}");
    world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    world.end();
}

/// A refusal and a redirect are final: one attempt, the remedy in the comment, other targets served. A person starts it again.
async fn what_is_refused_for_good_waits_for_a_person() {
    let (world, receiver) = world(&[HOOK, OTHER]).await;
    until_adopted(&world, &receiver);
    for (version, answer) in [(2, Answer::Status(400)), (3, Answer::Redirect), (4, Answer::Status(410))] {
        let before = receiver.arrived().len();
        receiver.will([answer]);
        let pull = merged(&world, version);
        until_state(&world, "hook", "failure");
        world.until_comment(pull, "| `production/hook` | **failed** · `delivery-refused`");
        world.until_comment(pull, "| `production/event` | accepted, not verified |");
        world.until_quiet();
        assert_eq!(receiver.arrived().len(), before + 1, "{answer:?} is not tried again");
        let comment = world.repo.comment(&world.rita, pull, "/cs sync hook").unwrap();
        world.until("it is delivered again", |_| receiver.arrived().len() == before + 2);
        until_state(&world, "hook", "success");
        world.until("it is acknowledged", |world| {
            let given: Vec<String> = world.repo.reactions(comment).into_iter().map(|(_, content)| content).collect();
            given == ["eyes", "rocket"]
        });
        let arrived = receiver.arrived();
        assert_eq!(arrived[before].id, arrived[before + 1].id);
        world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    }
    world.end();
}

/// Addresses the operator did not mean: nothing is sent, and it says which grant is missing.
async fn a_private_address_is_refused_unless_it_was_granted() {
    let receiver = Receiver::start().await;
    let mut world = World::without_server(&policy(&[HOOK, OTHER])).await;
    super::grant(&world, &receiver.url, false);
    world.start();
    until_state(&world, "hook", "error");
    until_state(&world, "event", "success");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/hook` | **blocked** · `target-address-");
    assert!(receiver.arrived().is_empty());
    world.end();
}

/// One that does not answer in time, while another merge and another target go on.
async fn a_slow_target_holds_up_nobody() {
    let (world, receiver) = world(&[HOOK, OTHER]).await;
    until_adopted(&world, &receiver);
    receiver.will([Answer::Slow(30)]);
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/event` | accepted, not verified |");
    let other = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, other);
    world.until_merged(other);
    world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    let arrived = receiver.arrived();
    assert_eq!((arrived.len(), arrived[1].id == arrived[2].id), (3, true), "{arrived:#?}");
    world.end();
}

/// Nobody listens: it is tried again, and says so meanwhile; a newer merge takes over, and the old one is never sent.
async fn a_target_that_is_not_there_is_tried_again_and_overtaken() {
    let receiver = Receiver::start().await;
    let (url, mut world) = (receiver.url.clone(), World::without_server(&policy(&[HOOK])).await);
    super::grant(&world, "http://127.0.0.1:9/hook", true);
    world.start();
    world.until("the adoption is tried", |world| states(world, "hook") == ["queued"]);
    let first = merged(&world, 2);
    world.until_comment(first, "| `production/hook` | tried again · `delivery-failed`");
    world.kill();
    super::grant(&world, &url, true);
    world.start();
    merged(&world, 3);
    let newest = world.repo.tip("main").unwrap();
    world.until("the newest is there", |_| {
        receiver.arrived().last().is_some_and(|one| one.body["commit"] == newest.as_str())
    });
    until_state(&world, "hook", "success");
    let generations: Vec<u64> = receiver.arrived().iter().map(|one| one.generation()).collect();
    assert!(generations.windows(2).all(|pair| pair[0] < pair[1]), "{generations:?}");
    world.end();
}

#[test]
fn failures() {
    at_once(&[
        ("recovers", || Box::pin(a_target_that_recovers_gets_it_under_the_same_id())),
        ("refuses", || Box::pin(what_is_refused_for_good_waits_for_a_person())),
        ("slow", || Box::pin(a_slow_target_holds_up_nobody())),
        ("private", || Box::pin(a_private_address_is_refused_unless_it_was_granted())),
        ("absent", || Box::pin(a_target_that_is_not_there_is_tried_again_and_overtaken())),
    ]);
}
