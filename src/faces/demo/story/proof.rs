//! Somebody who only reads proves it: a fresh clone, one pinned fingerprint, no server asked.

use super::{Memory, production};
use crate::faces::demo::desk::Shown;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::world::World;

/// Plays it.
pub(super) fn play(stage: &mut Stage, world: &mut World, memory: &Memory) -> Result<(), Stop> {
    stage.act(
        "Proof from a plain clone",
        "**ivy** audits. She may only read, has no key that opens anything, and asks no countersign server: a clone and the fingerprint that \
         zoe gave her are enough.",
    );
    let address = world.address(&world.ivy);
    world.ivy.types(stage, &["git", "clone", "-q", &address], Shown::Nothing)?;
    world.ivy.enter("app");
    let ivy = &world.ivy;
    let since = std::time::Instant::now();
    let verify = ["countersign", "verify", "--trust", &memory.fingerprint];
    let said = ivy.types(stage, &verify, Shown::All)?.out;
    let said = anstream::adapter::strip_str(&said).to_string();
    for (environment, people) in [("staging", "approved by ann"), ("production", "approved by ann, bob, dee")] {
        let covered =
            |line: &str| line.contains(environment) && line.contains("covered by L-") && line.ends_with(people);
        if !said.lines().any(covered) {
            return Err(Stop::unmet(format!("{environment} is covered, {people}"), said));
        }
    }
    stage.holds("both environments are covered, and by whom is said", since);
    let ledger = ivy.types(stage, &["countersign", "ledger", "show"], Shown::All)?.out;
    stage.check(
        "every entry of the ledger is there: adoption, policy, pushes, votes, decisions, merges",
        complete(&ledger),
        || ledger.clone(),
    )?;
    production::show_decision(stage, world, (memory.production, &memory.fingerprint))
}

fn complete(ledger: &str) -> bool {
    ["adopted", "policy", "push", "vote", "decision", "merge"].iter().all(|kind| ledger.contains(kind))
}
