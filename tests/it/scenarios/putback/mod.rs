//! Direct pushes: what was pushed past everybody is put back and waits for review, or the branch is quarantined.

mod bot;
mod circle;
mod foreign;
mod kinds;
mod leaks;
mod moving;
mod quarantine;

use countersign_core::facts::Quarantine;
use countersign_core::ledger::{Entry, PutBackEntry};
use github_sim::{Push, User};

use crate::harness::{Secrets, Tree, World};

const PRODUCTION: &str = "secrets/production/db.yaml";
const STAGING: &str = "secrets/staging/db.yaml";

/// Somebody pushes a version of an environment's file straight to `main`; the commit.
#[track_caller]
fn directly(world: &World, who: &User, environment: &str, version: u32) -> String {
    let path = format!("secrets/{environment}/db.yaml");
    world.push(who, Push::to("main").file(&path, Secrets::sealed(environment, version)))
}

/// Where a pushed commit is held.
fn held(pushed: &str) -> String {
    format!("countersign/held/{pushed}")
}

/// Waits until a push was put back; the number of its request.
#[track_caller]
fn until_put_back(world: &World, pushed: &str) -> u64 {
    let pull = world.pull_of(&held(pushed));
    world.until("main is back", |world| world.repo.tip("main").as_deref() != Some(pushed));
    pull
}

/// What the ledger says of direct pushes, oldest first.
#[track_caller]
fn put_backs(world: &World) -> Vec<PutBackEntry> {
    let ledger = world.ledger();
    assert!(ledger.is_valid(), "{:#?}", ledger.problems());
    let entries = ledger.entries().iter().filter_map(|entry| match &entry.entry {
        Entry::PutBack(entry) => Some(entry.as_ref().clone()),
        Entry::Adopted(_)
        | Entry::Policy(_)
        | Entry::Key(_)
        | Entry::Push(_)
        | Entry::Vote(_)
        | Entry::Decision(_)
        | Entry::Merge(_)
        | Entry::Bypass(_)
        | Entry::Ratification(_)
        | Entry::Revocation(_)
        | Entry::Sync(_) => None,
    });
    entries.collect()
}

/// Waits until a push is quarantined for a reason; the number of its request.
#[track_caller]
fn until_quarantined(world: &World, pushed: &str, why: Quarantine) -> u64 {
    let pull = world.pull_of(&held(pushed));
    world.until_comment(pull, "`quarantined`");
    world.until_comment(pull, why.words().replace('`', "\\`").replace('_', "\\_").as_str());
    assert_eq!(world.conclusion(pull), "failure");
    let last = put_backs(world).into_iter().next_back().expect("an entry");
    assert_eq!((last.pushed.as_str(), last.quarantine()), (pushed, Some(why)));
    pull
}

/// The description of a pull request.
fn body(world: &World, pull: u64) -> String {
    world.repo.pull_json(pull)["body"].as_str().unwrap_or_default().to_owned()
}

/// The main branch, checked out by somebody.
fn checked_out(world: &World, who: &User) -> Tree {
    let tree = Tree::clone(world, who);
    tree.git(&["checkout", "--quiet", "main"]);
    tree
}
