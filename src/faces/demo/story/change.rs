//! What every change has in common: rita works on a branch, pushes it, and it becomes a pull request; merged, it is exactly that.

use std::time::Instant;

use crate::faces::demo::desk::Shown;
use crate::faces::demo::markdown;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::world::World;

/// A change on its way.
pub(super) struct Change {
    pub(super) branch: &'static str,
    pub(super) path: &'static str,
    pub(super) environment: &'static str,
}

impl Change {
    /// Commits and pushes what rita did, waits for the pull request and its first comment.
    pub(super) fn push(&self, stage: &mut Stage, world: &World, message: &str) -> Result<u64, Stop> {
        let rita = &world.rita;
        rita.types(stage, &["countersign", "diff", "-e", self.environment], Shown::All)?;
        rita.types(stage, &["git", "commit", "-qam", message], Shown::Nothing)?;
        rita.types(stage, &["git", "push", "origin", self.branch], Shown::Moves)?;
        let bot = world.app.bot_login();
        let pull = stage.wait(
            "a pull request",
            || world.pull_of(self.branch),
            |pull| format!("{bot} opened pull request {pull} for it"),
            || "no pull request".to_owned(),
        )?;
        Ok(pull)
    }

    /// Waits until the comment holds a text; its headline is noted.
    pub(super) fn comment(stage: &mut Stage, world: &World, (pull, what): (u64, &str), text: &str) -> Result<(), Stop> {
        stage.wait(
            what,
            || Some(world.headline(pull)).filter(|_| world.comment(pull).contains(text)),
            |headline| headline.clone(),
            || format!("the comment, which should say {text}:\n{}", world.comment(pull)),
        )?;
        Ok(())
    }

    /// Shows the comment as it stands.
    pub(super) fn show_comment(stage: &mut Stage, world: &World, pull: u64) {
        let lines = markdown::render(&world.comment(pull), stage.inner());
        stage.page(&format!("comment on pull request {pull}"), &lines);
        stage.gap();
    }

    /// Waits for the merge, then looks with git whether main is what was approved and nothing else changed.
    pub(super) fn merged(&self, stage: &mut Stage, world: &World, pull: u64) -> Result<(), Stop> {
        let before = world.repo.tip("main").unwrap_or_default();
        stage.wait(
            "the merge",
            || Some(world.headline(pull)).filter(|_| world.is_merged(pull) && world.comment(pull).contains("**Merged")),
            |headline| headline.clone(),
            || world.comment(pull),
        )?;
        stage.equal("the check `countersign` is green", "success", &world.check(pull))?;
        let rita = &world.rita;
        let since = Instant::now();
        rita.types(stage, &["git", "fetch", "-q"], Shown::Nothing)?;
        let approved =
            rita.types(stage, &["git", "rev-parse", &format!("{}:{}", self.branch, self.path)], Shown::Lines(1))?;
        let merged =
            rita.types(stage, &["git", "rev-parse", &format!("origin/main:{}", self.path)], Shown::Lines(1))?;
        if approved.out != merged.out {
            return Err(Stop::unmet(format!("main holds {}", approved.out.trim()), merged.out));
        }
        let first = before.get(..7).unwrap_or(&before).to_owned();
        let range = format!("{first}..origin/main");
        let changed = rita.types(stage, &["git", "diff", "--name-only", &range], Shown::Lines(5))?;
        if changed.out.trim() != self.path {
            return Err(Stop::unmet(format!("only {} changed on main", self.path), changed.out));
        }
        stage.holds("main holds byte for byte what was approved, and nothing else changed", since);
        Ok(())
    }
}
