//! `sync`: what would be delivered (`--plan`, from a clone), or a delivery by hand with the settings of the server.
//!
//! The plan sends nothing. Nothing is planned or delivered that the ledger does not prove.

mod by_hand;
mod plan;
mod text;

use countersign_core::domain::RepoName;
use countersign_core::sync::Planned;
use serde_json::Value;

pub(in crate::faces) use self::by_hand::told_by_hand;

use super::args::SyncArgs;
use super::ledger::fetch::origin_address;
use super::{Outcome, adopt};
use crate::engine::keyplan::KeyPlan;
use crate::faces::exit::Report;

/// Plans, or delivers.
pub(super) fn run(args: &SyncArgs, json: bool) -> Outcome {
    if args.plan { plan::run(args, json) } else { by_hand::run(args, json) }
}

/// The next step of each target, as a person reads it. Keys are not looked into.
pub(super) fn lines(planned: &[Planned]) -> String {
    let without_keys: Vec<_> = planned.iter().map(|planned| (planned.clone(), KeyPlan::default())).collect();
    text::plan(&without_keys, None)
}

/// The same for a machine.
pub(super) fn rows(planned: &[Planned]) -> Vec<Value> {
    planned.iter().map(|planned| plan::row(planned, &KeyPlan::default())).collect()
}

/// Refuses a plan for another repository than the one this clone comes from.
fn same_repository(args: &SyncArgs) -> Result<(), Report> {
    let Some(name) = &args.repo else { return Ok(()) };
    let asked = RepoName::parse(name).map_err(Report::usage)?;
    let here = origin_address().and_then(|address| adopt::of_address(&address));
    match here {
        Some(here) if !here.to_string().eq_ignore_ascii_case(&asked.to_string()) => {
            Err(Report::usage(format!("this clone comes from {here}, not from {asked}"))
                .help("a plan is made from a clone of the repository: run it there"))
        }
        Some(_) | None => Ok(()),
    }
}
