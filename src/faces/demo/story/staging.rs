//! A staging change: one approval, merged.

use super::change::Change;
use crate::faces::demo::desk::Shown;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::values;
use crate::faces::demo::world::World;

const CHANGE: Change =
    Change { branch: "rita/staging-password", path: "secrets/staging/app.yaml", environment: "staging" };

/// Plays it.
pub(super) fn play(stage: &mut Stage, world: &mut World) -> Result<(), Stop> {
    stage.act(
        "Staging: one approval",
        "rita changes a secret the way she would change code: a branch, a commit, a push. She opens no pull request; a push that \
         touches a protected path becomes one.",
    );
    let address = world.address(&world.rita);
    world.rita.types(stage, &["git", "clone", "-q", &address], Shown::Nothing)?;
    world.rita.enter("app");
    let rita = &world.rita;
    rita.types(stage, &["git", "switch", "-qc", CHANGE.branch], Shown::Nothing)?;
    let set = ["countersign", "set", "-e", "staging", "db.password", "--stdin"];
    rita.feeds(stage, &set, ("new-password", values::STAGING_NEW))?;
    let pull = CHANGE.push(stage, world, "Rotate the staging password")?;
    Change::comment(stage, world, (pull, "its comment"), "**0 of 1 approval for `staging`**")?;
    Change::show_comment(stage, world, pull);
    world.approve(stage, "ann", pull)?;
    CHANGE.merged(stage, world, pull)
}
