//! `sync` without `--plan`: has the targets delivered now, with the settings of the server, and says what became of each.

use std::time::Duration;

use countersign_core::domain::{RepoName, RunState};
use countersign_core::sync::{Step, Trouble};
use serde_json::{Value, json};

use super::{plan, text};
use crate::engine::by_hand::{ByHand, ByHandError, Wanted};
use crate::engine::keyplan::KeyPlan;
use crate::faces::cli::args::SyncArgs;
use crate::faces::cli::{Outcome, adopt, output, settings};
use crate::faces::config::ServeConfig;
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::{self, SyncFault};

/// How long the ends are waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// Delivers.
pub(super) fn run(args: &SyncArgs, json: bool) -> Outcome {
    if args.ledger.offline || !args.ledger.trust.is_empty() || args.ledger.ledger_ref.is_some() {
        return Err(Report::usage("`--offline`, `--trust` and `--ledger-ref` are for a plan")
            .help("add `--plan`, or leave them out: a delivery trusts what the settings of the server say"));
    }
    let name = repository(args)?;
    let config = ServeConfig::read(&settings::read(args.ledger.config.as_deref())?).map_err(Report::from)?;
    let wanted = Wanted { environment: args.environment.as_deref(), target: args.target.as_deref() };
    let told = |target: &ByHand| {
        if !json {
            output::tell(format!("{}: {}", target.planned.id, text::delivered(target)));
        }
    };
    let delivered = settings::runtime()?.block_on(wire::sync(config, &name, wanted, PATIENCE, told));
    let delivered = delivered.map_err(|error| match error {
        SyncFault::Sync(ByHandError::NoTarget(fault)) => Report::usage(fault),
        other @ (SyncFault::Setup(_) | SyncFault::Sync(_)) => Report::chain(Exit::FAILED, &other),
    })?;
    let (text, rows, exit) = told_by_hand(&delivered);
    if json {
        output::json(&rows)?;
    } else {
        output::say(&text)?;
    }
    Ok(exit)
}

/// What became of the targets: for people, for machines, and as an exit code.
pub(in crate::faces) fn told_by_hand(delivered: &[ByHand]) -> (String, Value, Exit) {
    let targets: Vec<Value> = delivered.iter().map(row).collect();
    (text::deliveries(delivered), json!({"version": 1, "targets": targets}), exit(delivered))
}

fn repository(args: &SyncArgs) -> Result<RepoName, Report> {
    adopt::repository(args.repo.as_deref())
}

/// The worst of all: failed, not proven, differs, still under way.
fn exit(delivered: &[ByHand]) -> Exit {
    let any = |fits: fn(&ByHand) -> bool| delivered.iter().any(fits);
    if any(|target| matches!(target.planned.step, Step::Dead(_)) || is_blocked(target)) {
        Exit::FAILED
    } else if any(|target| matches!(target.planned.step, Step::Withhold(_))) {
        Exit::UNVERIFIED
    } else if any(|target| matches!(target.planned.step, Step::Drifted(_))) {
        Exit::DRIFT
    } else if any(|target| !matches!(target.planned.step, Step::Rest)) {
        Exit::PENDING
    } else {
        Exit::FINE
    }
}

fn is_blocked(target: &ByHand) -> bool {
    target.run.as_ref().is_some_and(|run| run.state == RunState::Blocked)
}

/// What keeps a target from what it should have.
pub(super) fn trouble(target: &ByHand) -> Option<&Trouble> {
    let of_run = target.run.as_ref().filter(|run| run.state == RunState::Blocked || run.state == RunState::Queued);
    crate::engine::forecast::trouble(&target.planned.step).or_else(|| of_run?.trouble.as_ref())
}

fn row(target: &ByHand) -> Value {
    let mut row = plan::row(&target.planned, &KeyPlan::default());
    if let Some(run) = &target.run {
        row["state"] = json!(run.state.word());
    }
    if let Some(trouble) = trouble(target) {
        row["reason"] = json!({"code": trouble.code, "words": trouble.words, "help": trouble.help});
    }
    row
}
