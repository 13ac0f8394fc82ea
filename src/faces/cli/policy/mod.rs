//! `policy diff` and `policy test`: what a change of the policy comes to, and whether a policy does what its authors mean.

mod diff;
mod test;

use countersign_core::policy::{self, Diagnostic, Policy};

use super::args::PolicyVerb;
use super::{Outcome, check};
use crate::faces::exit::{Exit, Report};

/// Runs one of the two.
pub(super) fn run(verb: PolicyVerb, json: bool) -> Outcome {
    match verb {
        PolicyVerb::Diff(args) => diff::run(&args, json),
        PolicyVerb::Test(args) => test::run(&args, json),
    }
}

/// Reads a policy text that must be whole.
fn parsed(name: &str, text: &str) -> Result<Policy, Report> {
    policy::parse(text).map_err(|faults| broken(name, &faults, text, "`countersign check` names them all"))
}

/// What to say of a file with faults: the first, and how many there are.
fn broken(name: &str, faults: &[Diagnostic], text: &str, help: &str) -> Report {
    let first = faults.first().map_or_else(String::new, |fault| fault.render(name, text));
    let more = if faults.len() > 1 { format!(" ({} faults in all)", faults.len()) } else { String::new() };
    Report::new(Exit::FINDINGS, format!("`{name}` cannot be used{more}:\n{}", first.trim_end())).help(help)
}

use check::shown;
