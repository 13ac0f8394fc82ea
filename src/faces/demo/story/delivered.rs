//! What was approved reaches the targets of the environment: a signed message to what runs the app, and a branch for a cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::text::{Line, PLAIN};
use crate::faces::demo::world::{TARGET, World};

/// Plays it.
pub(super) fn play(stage: &mut Stage, world: &World) -> Result<(), Stop> {
    stage.act(
        "Delivered: what was approved, once",
        "The policy names two targets for production: a branch that a cluster follows, and the app, told by a signed message. Each is \
         served only after the ledger was verified.",
    );
    let merged = world.repo.tip("main").unwrap_or_default();
    branch(stage, world, &merged)?;
    let message = message(stage, world, 2)?;
    let text = serde_json::to_string_pretty(&message).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(|line| Line::of(PLAIN, line).cut(stage.inner())).collect();
    stage.page("what the app was told", &lines);
    stage.gap();
    stage.check(
        "it names the merged commit and the entry of the ledger that covers it, and no value",
        told(&message, &merged),
        || text.clone(),
    )?;
    for target in ["cluster", "app"] {
        let what = format!("GitHub's deployment for `{target}`");
        stage.wait(
            &what,
            || world.deployed(target).first().filter(|state| *state == "success").cloned(),
            |state| format!("{what}: `{state}`"),
            || format!("{:?}", world.deployed(target)),
        )?;
    }
    Ok(())
}

/// Waits until the branch of the cluster is where main is.
pub(super) fn branch(stage: &mut Stage, world: &World, merged: &str) -> Result<(), Stop> {
    stage.wait(
        &format!("the branch `{TARGET}`"),
        || world.repo.tip(TARGET).filter(|tip| tip == merged),
        |_| format!("`{TARGET}` stands where main stands; only countersign may move it"),
        || format!("{TARGET} at {:?}, main at {merged}", world.repo.tip(TARGET)),
    )?;
    Ok(())
}

/// Waits for so many messages; the newest.
pub(super) fn message(stage: &mut Stage, world: &World, number: usize) -> Result<Value, Stop> {
    let receiver = &world.receiver;
    let state = || {
        format!("{} messages, {} repeated, {} refused", receiver.taken().len(), receiver.repeated(), receiver.refused())
    };
    let messages = stage.wait(
        "a signed message",
        || Some(receiver.taken()).filter(|messages| messages.len() >= number),
        |_| "the app got a message with the right signature".to_owned(),
        state,
    )?;
    let generations: BTreeSet<_> = messages.iter().map(|message| message["generation"].to_string()).collect();
    let once = messages.len() == number && generations.len() == number && receiver.repeated() + receiver.refused() == 0;
    stage.check("one message for one generation, none twice, none without a signature", once, state)?;
    Ok(messages.last().cloned().unwrap_or_default())
}

/// Whether a message says what it should of a commit.
pub(super) fn told(message: &Value, merged: &str) -> bool {
    message["commit"] == merged
        && message["environment"] == "production"
        && message["repository"] == "acme/app"
        && message["decision"].as_str().is_some_and(|decision| decision.starts_with("L-"))
}
