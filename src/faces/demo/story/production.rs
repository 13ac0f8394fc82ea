//! A production change: its pusher approves and is not counted; two of security and one of payments do it.

use super::change::Change;
use crate::faces::demo::desk::Shown;
use crate::faces::demo::record::Record;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::world::{LEDGER, World};
use crate::faces::demo::{tree, values};

const CHANGE: Change =
    Change { branch: "rita/payments", path: "secrets/production/payments.yaml", environment: "production" };

/// Plays it; the number of the pull request.
pub(super) fn play(stage: &mut Stage, world: &mut World) -> Result<u64, Stop> {
    stage.act(
        "Production: nobody alone",
        "Two of acme/security and one of acme/payments, says the policy. rita changes a key, adds one and removes one.",
    );
    let rita = &world.rita;
    rita.types(stage, &["git", "switch", "-qc", CHANGE.branch, "origin/main"], Shown::Nothing)?;
    let set = |key: &'static str| ["countersign", "set", "-e", "production", key, "--stdin"];
    rita.feeds(stage, &set("db.password"), ("new-password", values::PRODUCTION_NEW))?;
    rita.feeds(stage, &set("db.replica_url"), ("replica-url", values::REPLICA))?;
    rita.types(stage, &["countersign", "unset", "-e", "production", "legacy.token"], Shown::All)?;
    let pull = CHANGE.push(stage, world, "Rotate the payments password, name the replica")?;
    Change::comment(stage, world, (pull, "its comment"), "**0 of 3 approvals for `production`**")?;
    stage.gap();

    world.approve(stage, "rita", pull)?;
    stage.wait(
        "countersign to see it",
        || world.comment(pull).contains("`requester`").then(|| world.headline(pull)),
        |_| "her own approval is seen and not counted: `requester`, she asked for this change".to_owned(),
        || world.comment(pull),
    )?;
    stage.check("still 0 of 3", world.comment(pull).contains("**0 of 3 approvals"), || world.headline(pull))?;
    world.approve(stage, "ann", pull)?;
    Change::comment(stage, world, (pull, "countersign to count ann"), "**1 of 3 approvals")?;
    Change::show_comment(stage, world, pull);
    world.approve(stage, "bob", pull)?;
    Change::comment(stage, world, (pull, "countersign to count bob"), "**2 of 3 approvals")?;
    stage.check("not merged: two of security do not stand in for payments", !world.is_merged(pull), || {
        "merged".to_owned()
    })?;
    world.approve(stage, "dee", pull)?;
    CHANGE.merged(stage, world, pull)?;
    trailers(stage, world)?;
    Ok(pull)
}

/// Who approved stands in the merge commit, and the value is the one that was set.
fn trailers(stage: &mut Stage, world: &World) -> Result<(), Stop> {
    let rita = &world.rita;
    let message = rita.types(stage, &["git", "log", "-1", "--format=%B", "origin/main"], Shown::Lines(12))?.out;
    for name in ["ann", "bob", "dee"] {
        let line = format!("Approved-by: {name}");
        if !message.lines().any(|found| found == line) {
            return Err(Stop::unmet(format!("the merge commit says `{line}`"), message));
        }
    }
    let since = std::time::Instant::now();
    let sealed = format!("origin/main:{}", CHANGE.path);
    let sealed = rita.quietly(stage, &["git", "show", &sealed], b"")?;
    let opened = ["countersign", "decrypt", "--input-type", "yaml", "--extract", "db.password", "-"];
    let value = rita.quietly(stage, &opened, sealed.as_bytes())?;
    if value.trim_end() != values::PRODUCTION_NEW {
        return Err(Stop::unmet("what is merged opens to the password rita set", "another value (not shown)"));
    }
    stage.holds("what is merged opens to the password rita set (not shown here)", since);
    Ok(())
}

/// The decision about the change, made again from the ledger of a clone.
pub(super) fn show_decision(stage: &mut Stage, world: &World, (pull, trust): (u64, &str)) -> Result<(), Stop> {
    let since = std::time::Instant::now();
    let record = Record::read(&world.ivy.path("."), &format!("refs/remotes/origin/{LEDGER}"), trust)?;
    let (sequence, decision, facts) = record.decision(pull)?;
    let counted = decision.scopes.iter().flat_map(|scope| &scope.policies).flat_map(|policy| &policy.groups);
    let mut names: Vec<String> =
        counted.flat_map(|group| &group.counted).map(|vote| vote.account.login.to_string()).collect();
    names.sort();
    let lines: Vec<_> = tree::lines(&decision, &facts).into_iter().map(|line| line.cut(stage.inner())).collect();
    stage.page(&format!("decision {}, made again from what the ledger recorded", sequence.label()), &lines);
    stage.gap();
    if names != ["ann", "bob", "dee"] {
        return Err(Stop::unmet("the decision rests on ann, bob and dee", names.join(", ")));
    }
    stage.holds("the same facts and the same policy give the same decision", since);
    Ok(())
}
