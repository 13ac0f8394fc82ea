//! What is open as a person reads it: where each request stands, what is missing, who can supply it.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use countersign_core::decision::{GroupDecision, Verdict};
use countersign_core::domain::Timestamp;

use crate::engine::overview::{Open, Overview};
use crate::faces::cli::{output, sync};
use crate::faces::exit::{colour, printable};

/// All of it.
pub(super) fn overview(overview: &Overview, now: Timestamp) -> String {
    let mut text = heading(overview);
    if overview.open.is_empty() && overview.unread.is_empty() {
        text += "\nno change of what is protected is asked for\n";
    }
    for open in &overview.open {
        text += &request(open);
    }
    let (yellow, red) = (colour(AnsiColor::Yellow), colour(AnsiColor::Red));
    for unread in &overview.unread {
        let line = format!("#{}  cannot be judged now: {}", unread.number, unread.fault);
        let _ = writeln!(text, "\n{yellow}?{yellow:#} {}", printable(&line));
    }
    if !overview.debts.is_empty() {
        text += "\nowed\n";
    }
    for debt in &overview.debts {
        let late = debt.due < now;
        let (style, mark) = if late { (red, "✗") } else { (yellow, "·") };
        let until = if late { "was to be ratified until" } else { "to be ratified until" };
        let environments = debt.environments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let words = format!("#{} bypassed {environments} ({}): {until} {}", debt.pull, debt.decision.label(), debt.due);
        let _ = writeln!(text, "  {style}{mark}{style:#} {}", printable(&words));
    }
    if !overview.targets.is_empty() {
        let _ = write!(text, "\ntargets\n{}", sync::lines(&overview.targets));
    }
    text
}

fn heading(overview: &Overview) -> String {
    let bold = anstyle::Style::new().bold();
    let newest = overview.newest.map(|newest| newest.label()).unwrap_or_default();
    let entries = match overview.entries {
        1 => "1 entry".to_owned(),
        several => format!("{several} entries"),
    };
    let name = printable(&overview.repository.to_string());
    let mut text = format!("{bold}{name}{bold:#} · ledger {newest}, {entries}");
    match (overview.is_pinned, &overview.root) {
        (true, _) => text += ", trust pinned\n",
        (false, Some(root)) => {
            let cyan = colour(AnsiColor::Cyan);
            let _ = write!(
                text,
                ", trust not pinned\n{cyan}help{cyan:#}: if {root} is your root key, say so with `--trust`\n"
            );
        }
        (false, None) => text += ", trust not pinned\n",
    }
    text
}

fn request(open: &Open) -> String {
    let decision = &open.decision;
    let (style, mark) = match decision.verdict {
        Verdict::Satisfied | Verdict::Bypassed | Verdict::NotApplicable => (colour(AnsiColor::Green), "✔"),
        Verdict::Pending | Verdict::Unknown => (colour(AnsiColor::Yellow), "·"),
        Verdict::Rejected | Verdict::StaleBase | Verdict::Blocked | Verdict::Unreachable => {
            (colour(AnsiColor::Red), "✗")
        }
    };
    let paths = decision.scopes.iter().flat_map(|scope| &scope.paths).map(|path| path.path.to_string());
    let paths = paths.collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "\n{style}{mark}{style:#} #{}  {}: {}  {}\n",
        open.facts.change.number,
        decision.verdict.word(),
        printable(decision.reason.words()),
        printable(&paths)
    );
    for policy in decision.scopes.iter().flat_map(|scope| &scope.policies) {
        for group in &policy.groups {
            let _ = writeln!(text, "      {}", printable(&line(&policy.name, group)));
        }
    }
    for step in &decision.next {
        let _ = writeln!(text, "      next: {}", printable(step));
    }
    text
}

/// How a group stands: counted, missing, and who could.
fn line(policy: &str, group: &GroupDecision) -> String {
    let counted: Vec<&str> = group.counted.iter().map(|vote| vote.account.login.as_str()).collect();
    let by = if counted.is_empty() { String::new() } else { format!(" ({})", counted.join(", ")) };
    let mut line = format!("{policy}: {} of {}{by}", counted.len(), output::count(group.required, "approval"));
    if group.missing > 0 && !group.could.is_empty() {
        line += &format!(" · could be {}", group.could.join(", "));
    }
    line
}
