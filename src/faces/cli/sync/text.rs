//! The plan as a person reads it: one line per target and key, `+` new, `~` newer, `=` there, `!` differs, `✗` withheld.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use countersign_core::domain::RunState;
use countersign_core::ledger::Ledger;
use countersign_core::sync::{Approved, KeyStep, Planned, Step};

use super::by_hand;
use crate::engine::by_hand::ByHand;
use crate::engine::forecast;
use crate::engine::keyplan::KeyPlan;
use crate::faces::cli::output;
use crate::faces::exit::{colour, printable};

/// Why nothing here is proven, and the next action.
pub(super) struct Doubt {
    why: String,
    help: String,
}

/// The first reason not to rely on the ledger.
pub(super) fn doubt(ledger: &Ledger) -> Option<Doubt> {
    let doubt = |why: &str, help: &str| Some(Doubt { why: why.to_owned(), help: help.to_owned() });
    if ledger.entries().is_empty() {
        doubt(
            "there is no ledger that says what was approved",
            "look for its branch at origin; `--ledger-ref` names another one",
        )
    } else if !ledger.is_valid() {
        doubt("the ledger is not valid", "`countersign verify` names what is wrong")
    } else if forecast::in_force(ledger).is_none() {
        doubt(
            "no policy that this version can read is in force",
            "update countersign, or have the policy approved first",
        )
    } else if !ledger.is_pinned() {
        let root = ledger.state().root().map(|root| root.to_string()).unwrap_or_default();
        let help = format!("compare it with what `keygen` printed, then: countersign sync --plan --trust {root}");
        doubt(
            &format!(
                "trust is not pinned: the root key of the ledger is {root}, and nobody said that it is the right one"
            ),
            &help,
        )
    } else {
        None
    }
}

/// The whole plan.
pub(super) fn plan(every: &[(Planned, KeyPlan)], doubt: Option<&Doubt>) -> String {
    let (red, cyan) = (colour(AnsiColor::Red), colour(AnsiColor::Cyan));
    let bold = anstyle::Style::new().bold();
    let width = |of: fn(&Planned) -> usize| every.iter().map(|(planned, _)| of(planned)).max().unwrap_or(0);
    let names = width(|planned| planned.id.target.as_str().len());
    let kinds = width(|planned| planned.kind.as_str().len());
    let mut text = String::new();
    let mut last = None;
    for (planned, keys) in every {
        let environment = planned.id.environment.as_str();
        if last.replace(environment) != Some(environment) {
            let _ = writeln!(text, "{bold}{environment}{bold:#}");
        }
        let (name, kind) = (output::pad(planned.id.target.as_str(), names), output::pad(planned.kind.as_str(), kinds));
        let (style, mark) = mark(&planned.step);
        let _ = writeln!(text, "  {style}{mark}{style:#} {name}  {kind}  {}", printable(&words(planned)));
        if let Some(trouble) = forecast::trouble(&planned.step) {
            let _ = writeln!(text, "      {cyan}help{cyan:#}: {}", printable(&trouble.help));
        }
        text += &key_lines(keys);
    }
    if every.is_empty() && doubt.is_none() {
        text += "nothing is delivered anywhere: the policy in force has no `syncs`\n";
    }
    if let Some(Doubt { why, help }) = doubt {
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{red}✗ not verified{red:#}: {why}\n{cyan}help{cyan:#}: {help}");
    }
    text
}

/// One line per key: `+` new, `~` another value, `-` taken away, `=` as it is, `✗` in the way.
fn key_lines(keys: &KeyPlan) -> String {
    let mut text = String::new();
    for (key, step) in &keys.steps {
        let (style, mark) = match step {
            KeyStep::Add => (colour(AnsiColor::Green), '+'),
            KeyStep::Change => (colour(AnsiColor::Yellow), '~'),
            KeyStep::Remove => (colour(AnsiColor::Red), '-'),
            KeyStep::Keep | KeyStep::Leave | KeyStep::Foreign => (anstyle::Style::new(), '='),
        };
        let _ = writeln!(text, "      {style}{mark}{style:#} {}", printable(key));
    }
    let red = colour(AnsiColor::Red);
    for (key, why) in &keys.refused {
        let _ = writeln!(text, "      {red}✗{red:#} {}  {}: {}", printable(key), why.code(), why.words());
    }
    text
}

fn mark(step: &Step) -> (anstyle::Style, char) {
    let (red, yellow, green) = (colour(AnsiColor::Red), colour(AnsiColor::Yellow), colour(AnsiColor::Green));
    match step {
        Step::Deliver { supersedes: None, .. } => (green, '+'),
        Step::Deliver { supersedes: Some(_), .. } => (green, '~'),
        Step::Rest | Step::Record => (anstyle::Style::new(), '='),
        Step::Wait(_) | Step::At(_) | Step::Look => (yellow, '·'),
        Step::Drifted(_) => (yellow, '!'),
        Step::Withhold(_) | Step::Dead(_) => (red, '✗'),
    }
}

/// The word for a machine.
pub(super) fn word(step: &Step) -> &'static str {
    match step {
        Step::Deliver { .. } => "deliver",
        Step::Rest | Step::Record => "rest",
        Step::Wait(_) => "wait",
        Step::At(_) | Step::Look => "under-way",
        Step::Drifted(_) => "drifted",
        Step::Withhold(_) => "withhold",
        Step::Dead(_) => "failed",
    }
}

/// Generation and commit.
fn what(planned: &Planned) -> String {
    let approved = planned.approved.as_ref();
    let what = approved.map(|Approved { generation, commit }| format!("{} at {}", generation.label(), commit.short()));
    what.unwrap_or_else(|| "nothing".to_owned())
}

fn words(planned: &Planned) -> String {
    let what = what(planned);
    match &planned.step {
        Step::Deliver { supersedes: None, .. } => format!("{what}  would be delivered"),
        Step::Deliver { supersedes: Some(older), .. } => format!("{what}  would take the place of {}", older.label()),
        Step::Rest | Step::Record => format!("{what}  is there"),
        Step::Wait(first) => format!("{what}  waits for `{first}`"),
        Step::At(due) => format!("{what}  is tried again at {due}"),
        Step::Look => format!("{what}  was taken, and is looked at"),
        Step::Drifted(trouble) => format!("{what}  differs: {}: {}", trouble.code, trouble.words),
        Step::Dead(trouble) => format!("{what}  failed: {}: {}", trouble.code, trouble.words),
        Step::Withhold(trouble) => format!("withheld: {}: {}", trouble.code, trouble.words),
    }
}

/// What became of a delivery, in words.
pub(super) fn delivered(target: &ByHand) -> String {
    let run = target.run.as_ref();
    match (&target.planned.step, run.map(|run| run.state)) {
        (Step::Rest, Some(RunState::Accepted)) => format!("{}  accepted, not looked at", what(&target.planned)),
        (Step::Deliver { .. }, Some(RunState::Blocked)) => match by_hand::trouble(target) {
            Some(trouble) => format!("{}  blocked: {}: {}", what(&target.planned), trouble.code, trouble.words),
            None => format!("{}  blocked", what(&target.planned)),
        },
        (Step::At(_), Some(RunState::Queued)) => match by_hand::trouble(target) {
            Some(trouble) => format!("{}: {}: {}", words(&target.planned), trouble.code, trouble.words),
            None => words(&target.planned),
        },
        (
            Step::Rest
            | Step::Deliver { .. }
            | Step::At(_)
            | Step::Wait(_)
            | Step::Look
            | Step::Record
            | Step::Drifted(_)
            | Step::Dead(_)
            | Step::Withhold(_),
            _,
        ) => words(&target.planned),
    }
}

/// What became of each, one line per target.
pub(super) fn deliveries(targets: &[ByHand]) -> String {
    let cyan = colour(AnsiColor::Cyan);
    let width = targets.iter().map(|target| target.planned.id.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for target in targets {
        let blocked = target.run.as_ref().is_some_and(|run| run.state == RunState::Blocked);
        let (style, mark) = if blocked { (colour(AnsiColor::Red), '✗') } else { done(&target.planned.step) };
        let name = output::pad(&target.planned.id.to_string(), width);
        let _ = writeln!(text, "{style}{mark}{style:#} {name}  {}", printable(&delivered(target)));
        if let Some(trouble) = by_hand::trouble(target) {
            let _ = writeln!(text, "    {cyan}help{cyan:#}: {}", printable(&trouble.help));
        }
    }
    if targets.is_empty() {
        text += "nothing is delivered anywhere: the policy in force has no `syncs`\n";
    }
    text
}

fn done(step: &Step) -> (anstyle::Style, char) {
    match step {
        Step::Rest => (colour(AnsiColor::Green), '✔'),
        Step::Deliver { .. }
        | Step::At(_)
        | Step::Wait(_)
        | Step::Look
        | Step::Record
        | Step::Drifted(_)
        | Step::Dead(_)
        | Step::Withhold(_) => mark(step),
    }
}
