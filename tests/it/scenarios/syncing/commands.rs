//! `/countersign sync`, and what is no command: who may, what is answered, how often.

use super::{HOOK, merged, world};
use crate::harness::{World, at_once};

fn content(world: &World, comment: u64) -> Vec<String> {
    world.repo.reactions(comment).into_iter().map(|(_, content)| content).collect()
}

/// Answers of ours that are not the sticky comment.
fn answers(world: &World, pull: u64) -> Vec<String> {
    let ours = world.repo.comments(pull).into_iter().filter(|(who, _)| *who == world.app.bot_login());
    ours.map(|(_, body)| body).filter(|body| body.contains("countersign:reply")).collect()
}

/// Somebody without write, a verb of later, a slip: each is answered once, with the reason, and nothing is delivered.
async fn a_refusal_is_answered_once_with_its_reason() {
    let (world, receiver) = world(&[HOOK]).await;
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    let pull = merged(&world, 2);
    world.until("it is delivered", |_| receiver.arrived().len() == 2);
    world.until_quiet();
    let eve = world.sim.user("eve");
    world.acme.member(&eve, false);
    for (who, body, expected) in [
        (&eve, "/countersign sync", "`sync` needs write on this repository; you have read"),
        (&world.zoe, "/countersign sync hok", "there is no such target"),
        (&world.zoe, "/cs snyc", "there is no such command"),
        (&world.zoe, "/cs merge", "this request was merged as"),
        (&world.zoe, "/cs ratify", "`ratify` is for what was merged by a bypass"),
        (&world.zoe, "/cs sync\n/cs sync", "a comment can hold one command"),
    ] {
        let before = answers(&world, pull).len();
        let comment = world.repo.comment(who, pull, body).unwrap();
        world.until(&format!("{body} is refused"), |world| content(world, comment) == ["eyes", "confused"]);
        world.until_quiet();
        let given = answers(&world, pull);
        assert_eq!(given.len(), before + 1, "{body}: {given:#?}");
        let plain = given.last().unwrap().replace('\\', "");
        assert!(plain.contains(expected) && plain.contains(&format!("@{}", who.login)), "{plain}");
    }
    assert_eq!(receiver.arrived().len(), 2);
    world.end();
}

/// Quotes, code, edits, and a delivery that comes twice.
async fn what_is_no_command_is_not_even_looked_at_and_a_repeated_delivery_is_one_command() {
    let (world, receiver) = world(&[HOOK]).await;
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    let pull = merged(&world, 2);
    world.until("it is delivered", |_| receiver.arrived().len() == 2);
    world.until_quiet();
    let mut silent = Vec::new();
    for body in
        ["> /countersign sync", "```\n/countersign sync\n```", "please /countersign sync", "/countersigned sync"]
    {
        silent.push(world.repo.comment(&world.zoe, pull, body).unwrap());
    }
    let edited = world.repo.comment(&world.zoe, pull, "harmless").unwrap();
    world.repo.edit_comment(&world.zoe, edited, "/countersign sync").unwrap();
    silent.push(edited);
    world.until_quiet();
    for comment in silent {
        assert_eq!(content(&world, comment), Vec::<String>::new());
    }
    // what a target has already is not sent again, whoever asks
    let comment = world.repo.comment(&world.zoe, pull, "/countersign sync production/hook").unwrap();
    world.until("it is acknowledged", |world| content(world, comment) == ["eyes", "rocket"]);
    world.until_quiet();
    assert_eq!(receiver.arrived().len(), 2);
    assert!(answers(&world, pull).is_empty());
    world.end();
}

#[test]
fn commands() {
    at_once(&[
        ("refused", || Box::pin(a_refusal_is_answered_once_with_its_reason())),
        ("silent", || Box::pin(what_is_no_command_is_not_even_looked_at_and_a_repeated_delivery_is_one_command())),
    ]);
}
