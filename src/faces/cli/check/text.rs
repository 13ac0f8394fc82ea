//! Findings and the strictness of a policy as a person reads them.

use anstyle::AnsiColor;
use countersign_core::policy::{Policy, PolicyRule, Severity};
use serde_json::json;

use super::finding::{Count, Finding};
use super::history::Looked;
use crate::engine::lint::Integrity;
use crate::faces::cli::output;
use crate::faces::exit::{colour, printable};

/// How many approvals a change of the rules needs, and of whom.
pub(super) fn control(policy: &Policy) -> String {
    let admins = policy.admins();
    let approvals = output::count(usize::from(admins.effective_required), "approval");
    let named = admins.group.approvers;
    let who = named.teams.iter().map(ToString::to_string).chain(named.users.iter().map(ToString::to_string));
    let who = printable(&who.collect::<Vec<_>>().join(", "));
    let mut text = format!("  control changes need {approvals} of {who}\n");
    for rule in policy.policies() {
        let spare = match spare(rule) {
            Some(0) => "nobody may be away".to_owned(),
            Some(1) => "1 person may be away".to_owned(),
            Some(spare) => format!("{spare} people may be away"),
            None => "teams are not counted here".to_owned(),
        };
        let approvals = output::count(usize::from(rule.required()), "approval");
        text += &format!("  policy {}: {approvals}; {spare}\n", printable(rule.name()));
    }
    text
}

/// How many people of the scarcest group may be away while it can still be filled; `None` where a team is named.
fn spare(rule: &PolicyRule) -> Option<usize> {
    let groups = rule.groups().iter();
    let spares: Option<Vec<usize>> = groups
        .map(|group| {
            let teams = group.approvers.teams.is_empty();
            teams.then(|| group.approvers.users.len().saturating_sub(usize::from(group.required)))
        })
        .collect();
    spares?.into_iter().min()
}

/// The same for a machine.
pub(super) fn strictness(policy: &Policy) -> serde_json::Value {
    let rows = policy
        .policies()
        .iter()
        .map(|rule| json!({"policy": rule.name(), "required": rule.required(), "spare": spare(rule)}));
    json!({"control": policy.admins().effective_required, "policies": rows.collect::<Vec<_>>()})
}

/// What is known of integrity codes; nothing where every one was verified.
pub(super) fn integrity(seen: Integrity) -> String {
    match seen.unverified {
        0 => String::new(),
        unverified => format!(
            "  integrity of {} not verified: no identity for it is at hand\n",
            output::count(unverified, "document")
        ),
    }
}

/// What was looked at in the history, and what came of it.
pub(super) fn history(looked: &Looked, count: Count) -> String {
    let (red, green) = (colour(AnsiColor::Red), colour(AnsiColor::Green));
    let commits = usize::try_from(looked.commits).unwrap_or(usize::MAX);
    let size =
        format!("{} in {}", output::count(looked.versions, "protected version"), output::count(commits, "commit"));
    let mut text = match count.errors {
        0 => format!("{green}✔{green:#} history: {size}, all sealed\n"),
        errors => format!("{red}✗{red:#} history: {errors} of {size} stood in the clear\n"),
    };
    if looked.too_large > 0 {
        text += &format!("  {} larger than 4 MiB: not looked into\n", output::count(looked.too_large, "version"));
    }
    if looked.shallow {
        text += "  this clone is shallow: what lies deeper was not looked at (`git fetch --unshallow`)\n";
    }
    text
}

/// The line that sums up.
pub(super) fn verdict(name: &str, policy: Option<&Policy>, count: Count) -> String {
    let name = printable(name);
    let found = match (count.errors, count.warnings) {
        (0, 0) => None,
        (0, warnings) => Some(output::count(warnings, "warning")),
        (errors, 0) => Some(output::count(errors, "error")),
        (errors, warnings) => {
            Some(format!("{}, {}", output::count(errors, "error"), output::count(warnings, "warning")))
        }
    };
    match (found, policy) {
        (Some(found), _) => {
            let red = colour(AnsiColor::Red);
            format!("{red}✗{red:#} {name}: {found}\n")
        }
        (None, policy) => {
            let green = colour(AnsiColor::Green);
            let size = policy.map(size).unwrap_or_default();
            format!("{green}✔{green:#} {name}: {size}, nothing wrong\n")
        }
    }
}

fn size(policy: &Policy) -> String {
    let (environments, policies) = (policy.environments().len(), policy.policies().len());
    format!("{}, {}", output::count(environments, "environment"), output::count(policies, "policy"))
}

/// The finding as the compiler-like text, with colour on the words a reader looks for.
pub(super) fn coloured(finding: &Finding) -> String {
    let word = match finding.diagnostic.severity {
        Severity::Error => colour(AnsiColor::Red),
        Severity::Warning => colour(AnsiColor::Yellow),
        Severity::Note => colour(AnsiColor::Blue),
    };
    let (cyan, blue) = (colour(AnsiColor::Cyan), colour(AnsiColor::Blue));
    let mut text = String::new();
    for (number, line) in finding.diagnostic.render(&printable(&finding.file), &finding.source).lines().enumerate() {
        let styled = match line.split_once(": ") {
            Some((head, rest)) if number == 0 => format!("{word}{head}{word:#}: {rest}"),
            Some((head @ ("help" | "note"), rest)) => format!("{cyan}{head}{cyan:#}: {rest}"),
            Some(_) | None => match line.split_once(['┌', '│']) {
                Some((gutter, rest)) => {
                    let bar = if line.starts_with(&format!("{gutter}┌")) { '┌' } else { '│' };
                    format!("{blue}{gutter}{bar}{blue:#}{rest}")
                }
                None => line.to_owned(),
            },
        };
        text += &styled;
        text.push('\n');
        // about a file as a whole: which one
        if number == 0 && finding.diagnostic.place.is_none() {
            text += &format!("{blue} ┌{blue:#} {}\n", printable(&finding.file));
        }
    }
    text.push('\n');
    text
}
