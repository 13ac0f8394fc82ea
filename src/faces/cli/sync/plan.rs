//! `sync --plan`: per target what would be delivered, after the ledger was verified.
//!
//! Ends with 14 when something is not proven, else with 13 when a target differs from what it was given, else with 0.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Oid, RefName};
use countersign_core::policy::{Policy, Target};
use countersign_core::sync::{KeyStep, Planned, Step};
use serde_json::{Value, json};

use super::text;
use crate::engine::forecast::{self, Tip};
use crate::engine::keyplan::{self, Content, KeyPlan};
use crate::faces::cli::args::SyncArgs;
use crate::faces::cli::ledger::reading::{self, Reading};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Prints the plan.
pub(super) fn run(args: &SyncArgs, json: bool) -> Outcome {
    super::same_repository(args)?;
    let reading = Reading::of(&args.ledger)?;
    let planned = match forecast::in_force(&reading.ledger) {
        Some((policy, default_branch)) => {
            let (environment, target) = (args.environment.as_deref(), args.target.as_deref());
            if let Some(fault) = forecast::missing(&policy, environment, target) {
                return Err(Report::usage(fault));
            }
            let (tips, held) = branches(&reading, args, &policy, &default_branch)?;
            let place = (&policy, &default_branch);
            let every = forecast::targets(&reading.ledger, place, &tips, &held, wire::now());
            let chosen = |planned: &Planned| {
                environment.is_none_or(|name| planned.id.environment.as_str() == name)
                    && target.is_none_or(|name| planned.id.target.as_str() == name)
            };
            let chosen = every.into_iter().filter(chosen);
            chosen.map(|planned| with_keys(&reading, place, planned)).collect::<Result<Vec<_>, Report>>()?
        }
        None => Vec::new(),
    };
    let doubt = text::doubt(&reading.ledger);
    if json {
        let targets: Vec<Value> = planned.iter().map(|(planned, keys)| row(planned, keys)).collect();
        let verified = doubt.is_none();
        output::json(&json!({"version": 1, "verified": verified, "targets": targets}))?;
    } else {
        output::say(&text::plan(&planned, doubt.as_ref()))?;
    }
    Ok(exit(&planned, doubt.is_some()))
}

/// What a delivery would do to each key, where it is one of values.
fn with_keys(reading: &Reading, place: (&Policy, &RefName), planned: Planned) -> Result<(Planned, KeyPlan), Report> {
    let rule = place.0.sync(&planned.id).filter(|rule| rule.target().holds_values());
    let (Some(rule), Some(approved)) = (rule, &planned.approved) else { return Ok((planned, KeyPlan::default())) };
    let blob = |oid: &Oid, limit: usize| reading.repo.blob(oid, limit).map_err(reading::unreadable);
    let entries = |commit: &Oid| reading.repo.entries(commit).map_err(reading::unreadable);
    let now = entries(&approved.commit)?;
    // a commit that was delivered may have been rewritten away since: then every key is shown as new
    let known = reading.ledger.state().deliveries().get(&planned.id).map(|receipt| receipt.commit.clone());
    let last = known.and_then(|commit| reading.repo.entries(&commit).ok());
    let last = last.as_ref().map(|entries| Content { entries, blob: &blob });
    let keys =
        keyplan::keys(place, (&planned.id.environment, rule), &Content { entries: &now, blob: &blob }, last.as_ref())?;
    Ok((planned, keys))
}

fn exit(planned: &[(Planned, KeyPlan)], doubtful: bool) -> Exit {
    let any = |fits: fn(&Step) -> bool| planned.iter().any(|(planned, _)| fits(&planned.step));
    if doubtful || any(|step| matches!(step, Step::Withhold(_))) {
        Exit::UNVERIFIED
    } else if any(|step| matches!(step, Step::Drifted(_))) {
        Exit::DRIFT
    } else {
        Exit::FINE
    }
}

/// Governed branches with their content, and where branch targets are: as `origin` has them now, or as they are here.
type Branches = (BTreeMap<RefName, Tip>, BTreeMap<RefName, Oid>);

fn branches(reading: &Reading, args: &SyncArgs, policy: &Policy, default_branch: &RefName) -> Result<Branches, Report> {
    let with_targets = policy.environments().iter().filter(|rule| !rule.syncs().is_empty());
    // a branch target needs every environment of its source
    let sources: BTreeSet<&RefName> = with_targets.map(|rule| rule.branch_or(default_branch)).collect();
    let mut tips = BTreeMap::new();
    for branch in sources {
        if let Some(commit) = reading::branch(&reading.repo, branch, args.ledger.offline)? {
            let entries = reading.repo.entries(&commit).map_err(reading::unreadable)?;
            tips.insert(branch.clone(), Tip { commit, entries });
        }
    }
    let mut held = BTreeMap::new();
    for (_, sync) in policy.syncs() {
        match sync.target() {
            Target::Branch { reference } => {
                if let Some(commit) = reading::branch(&reading.repo, reference, args.ledger.offline)? {
                    held.insert(reference.clone(), commit);
                }
            }
            Target::Workflow { .. }
            | Target::Event { .. }
            | Target::Webhook { .. }
            | Target::Flux { .. }
            | Target::ArgoCd { .. }
            | Target::GithubEnvironment { .. }
            | Target::Vault { .. }
            | Target::Kubernetes { .. }
            | Target::ExternalSecrets { .. } => {}
        }
    }
    Ok((tips, held))
}

/// One target for a machine. `changes` and `refused` are for targets that get values.
pub(super) fn row(planned: &Planned, keys: &KeyPlan) -> Value {
    let approved = planned.approved.as_ref();
    let supersedes = match &planned.step {
        Step::Deliver { supersedes, .. } => *supersedes,
        Step::Rest
        | Step::Withhold(_)
        | Step::Wait(_)
        | Step::At(_)
        | Step::Dead(_)
        | Step::Drifted(_)
        | Step::Look
        | Step::Record => None,
    };
    let reason = forecast::trouble(&planned.step);
    json!({
        "name": planned.id.target,
        "environment": planned.id.environment,
        "kind": planned.kind.as_str(),
        "commit": approved.map(|approved| &approved.commit),
        "generation": approved.map(|approved| approved.generation),
        "decision": approved.map(|approved| approved.generation.label()),
        "step": text::word(&planned.step),
        "supersedes": supersedes,
        "reason": reason.map(|trouble| json!({"code": trouble.code, "words": trouble.words, "help": trouble.help})),
        "changes": keys.steps.iter().map(|(key, step)| json!({"key": key, "action": action(*step)})).collect::<Vec<_>>(),
        "refused": keys.refused.iter().map(|(key, why)| json!({"key": key, "reason": why.code()})).collect::<Vec<_>>(),
    })
}

/// What happens to a key, for a machine.
fn action(step: KeyStep) -> &'static str {
    match step {
        KeyStep::Add => "add",
        KeyStep::Change => "change",
        KeyStep::Remove => "remove",
        KeyStep::Keep | KeyStep::Leave | KeyStep::Foreign => "same",
    }
}
