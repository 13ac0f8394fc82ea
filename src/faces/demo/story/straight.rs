//! Somebody pushes a new password straight to main: main is as approved again, and the push is a change request.

use crate::faces::demo::desk::Shown;
use crate::faces::demo::markdown;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::values;
use crate::faces::demo::world::{TARGET, World};

pub(super) const PATH: &str = "secrets/production/payments.yaml";

/// A push that was put back.
pub(super) struct Held {
    /// What was pushed of the document, by its name in Git.
    pub(super) blob: String,
    /// The change request it became.
    pub(super) pull: u64,
}

/// Plays it.
pub(super) fn play(stage: &mut Stage, world: &World) -> Result<Held, Stop> {
    stage.act(
        "A push straight to main",
        "It is late, and rita pushes a new production password to main itself, with a line for the README. No rule of GitHub stops her \
         here. countersign does not lose her work, and does not let it stand.",
    );
    let (approved, taken) = (world.repo.file("main", PATH), world.receiver.taken().len());
    let rita = &world.rita;
    rita.types(stage, &["git", "switch", "-q", "main"], Shown::Nothing)?;
    rita.types(stage, &["git", "pull", "-q"], Shown::Nothing)?;
    let set = ["countersign", "set", "-e", "production", "db.password", "--stdin"];
    rita.feeds(stage, &set, ("late-password", values::PRODUCTION_LATE))?;
    rita.write("README.md", "# app\n\nWhere the payments are made.\n")?;
    rita.types(stage, &["git", "commit", "-qam", "New password, and what this is"], Shown::Nothing)?;
    rita.types(stage, &["git", "push", "origin", "main"], Shown::Moves)?;
    let pushed = rita.quietly(stage, &["git", "rev-parse", "HEAD"], b"")?;
    let blob = rita.quietly(stage, &["git", "rev-parse", &format!("HEAD:{PATH}")], b"")?;
    let held = format!("countersign/held/{}", pushed.trim());
    let pull = stage.wait(
        "the push to be put back",
        || world.pull_of(&held).filter(|_| world.repo.tip("main").is_some_and(|tip| tip != pushed.trim())),
        |pull| format!("main was put back, and the push is pull request {pull}, from `countersign/held/…`"),
        || "main as it was pushed".to_owned(),
    )?;
    let text = world.repo.pull_json(pull)["body"].as_str().unwrap_or_default().to_owned();
    stage.page(&format!("pull request {pull}"), &markdown::render(&text, stage.inner()));
    stage.gap();
    stage.check("main holds the approved password again", world.repo.file("main", PATH) == approved, || {
        "another document".to_owned()
    })?;
    let readme = world.repo.file("main", "README.md").unwrap_or_default();
    stage.check(
        "her line in the README stayed: it is not protected",
        readme.ends_with(b"payments are made.\n"),
        || String::from_utf8_lossy(&readme).into_owned(),
    )?;
    let delivered = || (world.repo.file(TARGET, PATH) != approved, world.receiver.taken().len() - taken);
    stage.check("her password was not delivered", delivered() == (false, 0), || format!("{:?}", delivered()))?;
    Ok(Held { blob: blob.trim().to_owned(), pull })
}
