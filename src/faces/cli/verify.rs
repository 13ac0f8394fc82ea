//! `verify`: whether what stands at a commit is what was approved, environment by environment, from a plain clone.
//!
//! Ends with 0 only when every environment is covered by a valid ledger whose root key the reader pinned; else with 14.

use anstyle::AnsiColor;
use countersign_core::domain::{Environment, Oid};
use countersign_core::ledger::{Coverage, Covered, KeyClass, Ledger, VerifyReport};

use super::args::VerifyArgs;
use super::ledger::{problems, reading};
use super::{Outcome, output};
use crate::engine::proof;
use crate::faces::exit::{Exit, Report, colour, printable};

/// Paths named before the rest is counted.
const PATHS: usize = 5;

/// Verifies a commit.
pub(super) fn run(args: VerifyArgs, json: bool) -> Outcome {
    let reading = reading::Reading::of(&args.ledger)?;
    let commit = reading::commit(&reading.repo, &args.commit)?;
    let entries = reading.repo.entries(&commit).map_err(reading::unreadable)?;
    let every = proof::environments(&reading.ledger, &entries);
    let chosen = choose(every, args.environment.as_deref())?;
    let report = VerifyReport::new(commit.clone(), &reading.ledger, chosen.clone());
    let verified = report.is_verified() && !chosen.is_empty();
    if json {
        output::json(&report)?;
    } else {
        let text = Text { ledger: &reading.ledger, commit: &commit, environments: &chosen };
        output::say(&text.all(verified, &report))?;
    }
    Ok(if verified { Exit::FINE } else { Exit::UNVERIFIED })
}

type Coverages = Vec<(Environment, Coverage)>;

fn choose(every: Coverages, name: Option<&str>) -> Result<Coverages, Report> {
    let Some(name) = name else { return Ok(every) };
    if every.is_empty() || every.iter().any(|(environment, _)| environment.as_str() == name) {
        return Ok(every.into_iter().filter(|(environment, _)| environment.as_str() == name).collect());
    }
    let names: Vec<_> = every.iter().map(|(environment, _)| format!("`{environment}`")).collect();
    Err(Report::usage(format!("the policy in force has no environment `{name}`"))
        .help(format!("it has {}", names.join(", "))))
}

/// What a person reads.
struct Text<'a> {
    ledger: &'a Ledger,
    commit: &'a Oid,
    environments: &'a Coverages,
}

impl Text<'_> {
    fn all(&self, verified: bool, report: &VerifyReport) -> String {
        let mut text = self.heading();
        let width = self.environments.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or(0);
        for (name, coverage) in self.environments {
            text += &environment(&output::pad(name.as_str(), width), coverage);
        }
        for reported in report.environments() {
            for bypass in &reported.bypasses {
                text += &format!("\n{}: {}\n", reported.name, printable(&bypass.words()));
            }
        }
        if let Some(pushed) = report.direct_push() {
            text += &format!("\n{}: {}\n", pushed.entry, printable(&pushed.summary));
        }
        let problems = problems(self.ledger);
        if !problems.is_empty() {
            text += &format!("\n{problems}");
        }
        text + "\n" + &self.verdict(verified, report)
    }

    fn heading(&self) -> String {
        let bold = anstyle::Style::new().bold();
        let entries = output::count(self.ledger.entries().len(), "entry");
        let root = self.ledger.state().root().map(|root| format!(" · root key {root}")).unwrap_or_default();
        format!("{bold}commit {}{bold:#} · ledger of {entries}{root}\n\n", self.commit.short())
    }

    fn verdict(&self, verified: bool, report: &VerifyReport) -> String {
        let (red, green, cyan) = (colour(AnsiColor::Red), colour(AnsiColor::Green), colour(AnsiColor::Cyan));
        if verified {
            let newest = self.environments.iter().filter_map(|(_, coverage)| coverage.covered()).all(|it| it.current);
            let since = if newest { "" } else { "; something newer has been approved since" };
            let commit = self.commit.short();
            return format!("{green}✔ verified{green:#}: what stands at {commit} is what was approved{since}\n");
        }
        let (why, help) = self.doubt(report);
        let help = help.map(|help| format!("{cyan}help{cyan:#}: {help}\n")).unwrap_or_default();
        format!("{red}✗ not verified{red:#}: {why}\n{help}")
    }

    /// The first reason not to rely on it, and the next action.
    fn doubt(&self, report: &VerifyReport) -> (String, Option<String>) {
        if self.ledger.entries().is_empty() {
            let why = "there is no ledger that says what was approved";
            return (why.into(), Some("look for its branch at origin; `--ledger-ref` names another one".into()));
        }
        if !self.ledger.is_valid() {
            return ("the ledger is not valid".into(), None);
        }
        if self.environments.is_empty() {
            let why = "no policy that this version can read is in force";
            return (why.into(), Some("update countersign, or have the policy approved first".into()));
        }
        if !report.is_covered() {
            let why = "something here was not approved";
            return (why.into(), Some("deploy an approved commit; `countersign ledger show` lists them".into()));
        }
        let root = self.ledger.state().root().map(|root| root.to_string()).unwrap_or_default();
        let why = "trust is not pinned: everything holds if the root key above is the right one, and nobody said so";
        let help = format!("compare it with what `keygen` printed, then: countersign verify --trust {root}");
        (why.into(), Some(help))
    }
}

fn environment(name: &str, coverage: &Coverage) -> String {
    let (red, green) = (colour(AnsiColor::Red), colour(AnsiColor::Green));
    let bad = |why: &str| format!("{red}✗{red:#} {name}  {why}\n");
    match coverage {
        Coverage::Covered(covered) => format!("{green}✔{green:#} {name}  {}\n", proof_of(covered)),
        Coverage::NotAdopted => bad("the ledger never vouched for its branch"),
        Coverage::InvalidLedger => bad("unknown: the ledger is not valid"),
        Coverage::Uncovered { differs } => {
            let mut text = bad(&match differs.len() {
                0 => "not covered".to_owned(),
                1 => "not approved: 1 path differs from what is approved".to_owned(),
                several => format!("not approved: {several} paths differ from what is approved"),
            });
            for path in differs.iter().take(PATHS) {
                text += &format!("    {}\n", printable(&path.to_string()));
            }
            if let Some(more) = differs.len().checked_sub(PATHS).filter(|more| *more > 0) {
                text += &format!("    and {more} more\n");
            }
            text
        }
    }
}

fn proof_of(covered: &Covered) -> String {
    let mut names: Vec<_> = covered.approved_by.iter().map(|approval| approval.login.to_string()).collect();
    names.sort();
    names.dedup();
    let by = match (names.is_empty(), covered.bypassed) {
        (true, None) => "as adopted".to_owned(),
        (true, Some(_)) => "bypassed".to_owned(),
        (false, None) => format!("approved by {}", names.join(", ")),
        (false, Some(_)) => format!("bypassed, approved by {} as far as it was", names.join(", ")),
    };
    let class = match covered.class {
        Some(KeyClass::Action) => ", signed by a workflow",
        Some(KeyClass::Server) | None => "",
    };
    let age = if covered.current { "" } else { " · an older state, approved then" };
    format!("covered by {}{class} · {by}{age}", covered.entry.label())
}
