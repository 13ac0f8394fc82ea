//! The server dies in the middle of a merge and is started again: one merge, one comment, one delivery.

use std::time::{Duration, Instant};

use github_sim::Fault;

use super::straight::Held;
use super::{delivered, straight};
use crate::faces::demo::desk::Shown;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::world::{LEDGER, World};

/// How slow GitHub takes a push meanwhile, so that there is a middle of a merge.
const SLOW: Duration = Duration::from_millis(400);

/// Plays it.
pub(super) fn play(stage: &mut Stage, world: &mut World, held: &Held) -> Result<(), Stop> {
    stage.act(
        "Killed in the middle of a merge",
        "The same people approve what rita pushed. This time GitHub is slow, and the server is killed between its decision and the end \
         of the merge.",
    );
    let pull = held.pull;
    for login in ["ann", "bob"] {
        world.approve(stage, login, pull)?;
    }
    super::change::Change::comment(stage, world, (pull, "countersign to count both"), "**2 of 3 approvals")?;
    world.sim.fault(Fault::operation("git/receive-pack").delay(SLOW).times(100));
    world.approve(stage, "dee", pull)?;
    let decided = stage.wait(
        "the decision",
        || world.repo.subject(LEDGER).filter(|subject| subject.contains(" decision: ")),
        |subject| format!("the ledger has the decision: `{subject}`"),
        || "no decision".to_owned(),
    )?;
    stage.does("zoe", "kills the server: `kill -9`, no warning");
    world.kill_server();
    let ledger = world.repo.subject(LEDGER).unwrap_or_default();
    stage
        .check("it died after the decision and before the merge was recorded", ledger == decided, || ledger.clone())?;
    world.sim.clear_faults();
    stage.typed("zoe", "countersign serve");
    let since = Instant::now();
    world.restart_server()?;
    stage.holds("the server runs again", since);
    stage.wait(
        "the merge",
        || Some(world.headline(pull)).filter(|_| world.is_merged(pull) && world.comment(pull).contains("**Merged")),
        |headline| headline.clone(),
        || world.comment(pull),
    )?;
    once(stage, world, held)
}

/// One merge, one comment, one delivery.
fn once(stage: &mut Stage, world: &World, held: &Held) -> Result<(), Stop> {
    let rita = &world.rita;
    rita.types(stage, &["git", "fetch", "-q"], Shown::Nothing)?;
    let blob = rita.quietly(stage, &["git", "rev-parse", &format!("origin/main:{}", straight::PATH)], b"")?;
    stage.equal("main holds byte for byte what rita had pushed, approved now", &held.blob, blob.trim())?;
    let merges = format!("--grep=^Merge pull request #{}\\b", held.pull);
    let merges = rita.types(stage, &["git", "log", "--oneline", &merges, "-E", "origin/main"], Shown::Lines(3))?;
    let subjects = rita.quietly(stage, &["git", "log", "--format=%s", &format!("origin/{LEDGER}")], b"")?;
    let mine = format!(" merge: #{} as ", held.pull);
    let recorded = subjects.lines().filter(|subject| subject.contains(&mine)).count();
    let merged = merges.out.lines().count();
    stage.check("one merge, recorded once", (merged, recorded) == (1, 1), || format!("{merged} merges\n{subjects}"))?;
    let ours = world.app.bot_login();
    let comments = world.repo.comments(held.pull).iter().filter(|(who, _)| *who == ours).count();
    stage.check("one comment", comments == 1, || format!("{comments} comments"))?;
    let tip = world.repo.tip("main").unwrap_or_default();
    delivered::branch(stage, world, &tip)?;
    let message = delivered::message(stage, world, 3)?;
    stage.check("the message names the new commit", delivered::told(&message, &tip), || message.to_string())
}
