//! A bypass that lifts nothing: each family of refusals, with the answer people get.

use super::{PRODUCTION, answers, at_once, bypass, head, reactions, say, soft, told, until_refused, waiting, world};
use crate::harness::{Secrets, World, a_second_later};
use github_sim::Push;

/// Nothing of it was merged, and the ledger says nothing of a bypass.
fn nothing_happened(world: &World, pull: u64) {
    world.until_quiet();
    assert!(!world.merged(pull));
    assert_eq!(told(world), Vec::<&str>::new());
    world.end();
}

async fn r166_by_the_wrong_people_or_in_the_wrong_words() {
    let world = world().await;
    let pull = waiting(&world);
    let own = bypass(&world, &world.rita, pull);
    world.until("it is answered", |world| reactions(world, own).len() == 2);
    let given = answers(&world, pull, own);
    assert!(given[0].contains("`bypass-own-change`"), "{given:#?}");
    let nobody = bypass(&world, &world.ann, pull);
    until_refused(&world, pull, nobody, &["`not-a-bypasser`", "ask one of them"]);
    let short = say(&world, &world.zoe, pull, &format!("/countersign bypass {} \"now\"", head(&world, pull)));
    until_refused(&world, pull, short, &["`bypass-reason`", "3 of 20 characters"]);
    let part = say(&world, &world.zoe, pull, "/countersign bypass 8be0d44 \"the database is down, really\"");
    until_refused(&world, pull, part, &["the whole of it is needed"]);
    let none = say(&world, &world.zoe, pull, &format!("/countersign bypass {}", head(&world, pull)));
    until_refused(&world, pull, none, &["a reason must follow the commit"]);
    let other =
        say(&world, &world.zoe, pull, &format!("/countersign bypass {} \"{}\"", "a".repeat(40), "x".repeat(20)));
    until_refused(&world, pull, other, &["`bypass-stale`", &head(&world, pull)]);
    let ratify = say(&world, &world.ann, pull, "/countersign ratify");
    until_refused(&world, pull, ratify, &["`ratify` is for what was merged by a bypass"]);
    nothing_happened(&world, pull);
}

async fn a_word_that_is_gone_or_of_an_older_head() {
    let world = World::with(&soft("second_person: true, ")).await;
    let pull = waiting(&world);
    let first = bypass(&world, &world.zoe, pull);
    world.until_comment(pull, "`bypass-second-person`");
    world.until("it is answered", |world| reactions(world, first).len() == 2);
    // it stands with its comment
    world.repo.delete_comment(&world.zoe, first).expect("deleted");
    world.until("the page forgets it", |world| !world.comment(pull).contains("`bypass-second-person`"));
    let again = bypass(&world, &world.zoe, pull);
    world.until("it is answered", |world| reactions(world, again).len() == 2);
    world.push(&world.rita, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.until_comment(pull, "`bypass-stale`");
    let second = bypass(&world, &world.cy, pull);
    world.until("it is answered", |world| reactions(world, second).len() == 2);
    assert!(answers(&world, pull, second)[0].contains("`bypass-second-person`"), "the first was of another head");
    nothing_happened(&world, pull);
}

async fn a_word_from_when_it_aimed_elsewhere() {
    let world = world().await;
    world.push(&world.zoe, Push::to("dev").from("main").file("notes.md", "x\n"));
    let pull = waiting(&world);
    world.repo.retarget(&world.rita, pull, "dev").expect("retargeted");
    world.until_quiet();
    let _asked = bypass(&world, &world.zoe, pull);
    world.until_quiet();
    a_second_later();
    world.repo.retarget(&world.rita, pull, "main").expect("retargeted");
    world.until_comment(pull, "`bypass-stale`");
    nothing_happened(&world, pull);
}

async fn what_is_always_hard() {
    let world = world().await;
    let changes = [
        ("rita/control", ".sops.yaml", "creation_rules: []\n".to_owned(), "`bypass-control`"),
        (
            "rita/readers",
            PRODUCTION,
            Secrets::with_another_reader(&Secrets::sealed("production", 2)),
            "`bypass-recipients`",
        ),
        ("rita/copied", PRODUCTION, Secrets::sealed("staging", 1), "`bypass-copied-ciphertext`"),
        ("rita/new-key", PRODUCTION, Secrets::of("db:\n  password: other\n"), "`bypass-data-key`"),
    ];
    for (branch, path, text, code) in changes {
        let pull = world.change_of(branch, Push::to(branch).from("main").file(path, text));
        world.until("it is judged", |world| world.check(pull).is_some());
        let refused = bypass(&world, &world.zoe, pull);
        until_refused(&world, pull, refused, &[code]);
    }
    let staging = world.by_rita("rita/staging", "staging");
    world.until_check(staging, "action_required");
    let refused = bypass(&world, &world.zoe, staging);
    until_refused(&world, staging, refused, &["`bypass-hard`", "staging"]);
    nothing_happened(&world, staging);
}

async fn r168_plain_text() {
    let world = world().await;
    let push = Push::to("rita/plain").from("main").file(PRODUCTION, "db:\n  password: hunter2\n");
    let pull = world.change_of("rita/plain", push);
    world.until_check(pull, "failure");
    let refused = bypass(&world, &world.zoe, pull);
    until_refused(&world, pull, refused, &["`bypass-structure`", "plaintext"]);
    nothing_happened(&world, pull);
}

#[test]
fn a_bypass_that_lifts_nothing_says_why() {
    at_once(&[
        ("by the wrong people or in the wrong words", || Box::pin(r166_by_the_wrong_people_or_in_the_wrong_words())),
        ("a word that is gone or of an older head", || Box::pin(a_word_that_is_gone_or_of_an_older_head())),
        ("a word from when it aimed elsewhere", || Box::pin(a_word_from_when_it_aimed_elsewhere())),
        ("what is always hard", || Box::pin(what_is_always_hard())),
        ("plain text", || Box::pin(r168_plain_text())),
    ]);
}
