//! The command line: reads arguments, runs one verb, prints what came of it.
//!
//! Each verb is a module with a `run`. Standard output holds what was asked for and nothing else; notes, prompts and reports go to
//! standard error. A secret is printed only by the verb that was asked for it.

mod adopt;
mod args;
mod check;
mod doctor;
mod explain;
mod init;
mod keygen;
mod ledger;
mod manual;
mod output;
mod policy;
mod private_file;
mod proposal;
mod propose;
mod revoke;
mod secrets;
mod serve;
mod settings;
mod staged;
mod status;
mod sync;
mod upkeep;
mod usage;
mod verify;

use std::process::ExitCode;

use clap::FromArgMatches as _;

use self::args::{Arguments, LedgerVerb, Verb};
pub(super) use self::settings::runtime;
pub(super) use self::sync::told_by_hand;
use super::exit::{Exit, Report};
use super::{action, demo};

/// What a verb comes to: its exit code, or a report.
type Outcome = Result<Exit, Report>;

/// Runs the program on the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let parsed = manual::command().try_get_matches_from(&words);
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => return usage::end(&error, &words).into(),
    };
    let json = arguments.wants_json();
    match run(arguments.verb, json) {
        Ok(exit) => exit.into(),
        Err(report) => {
            report.print(json);
            report.exit().into()
        }
    }
}

fn run(verb: Verb, json: bool) -> Outcome {
    match verb {
        Verb::Get(args) => secrets::get::run(args, json),
        Verb::List(args) => secrets::list::run(args, json),
        Verb::Set(args) => secrets::set::run(args, json),
        Verb::Unset(args) => secrets::unset::run(args, json),
        Verb::Edit(args) => secrets::edit::run(args, json),
        Verb::Diff(args) => secrets::diff::run(args, json),
        Verb::Merge(args) => secrets::merge::run(args, json),
        Verb::Run(args) => secrets::run::run(args),
        Verb::Export(args) => secrets::export::run(args),
        Verb::Encrypt(args) => secrets::encrypt::run(args, json),
        Verb::Decrypt(args) => secrets::decrypt::run(args, json),
        Verb::Rotate(args) => secrets::rotate::run(args, json),
        Verb::Updatekeys(args) => secrets::updatekeys::run(args, json),
        Verb::Recipients(args) => secrets::recipients::run(args, json),
        Verb::Promote(args) => secrets::promote::run(args, json),
        Verb::Rollback(args) => secrets::rollback::run(args, json),
        Verb::Propose(args) => propose::run(&args, json),
        Verb::Init(args) => init::run(&args, json),
        Verb::Check(args) if args.staged => staged::run(json),
        Verb::Check(args) => check::run(&args, json),
        Verb::Schema => check::schema(),
        Verb::Policy(verb) => policy::run(verb, json),
        Verb::Explain(args) => explain::run(&args, json),
        Verb::Status(args) => status::run(&args, json),
        Verb::Doctor(args) => doctor::run(&args, json),
        Verb::Verify(args) => verify::run(args, json),
        Verb::Ledger(LedgerVerb::Show(args)) => ledger::show(args, json),
        Verb::Ledger(LedgerVerb::Export(args)) => ledger::export(args),
        Verb::RevokeValue(args) => revoke::run(&args, json),
        Verb::Keygen(args) => keygen::run(&args, json),
        Verb::Adopt(args) => adopt::run(&args, json),
        Verb::Sync(args) => sync::run(&args, json),
        Verb::Serve(args) => serve::run(&args),
        Verb::Migrate(args) => upkeep::migrate(&args, json),
        Verb::Backup(args) => upkeep::backup(&args, json),
        Verb::Action => Ok(action::run()),
        Verb::Config(args) => settings::run(&args, json),
        Verb::Demo(args) => Ok(demo::run(demo::Options { keep_running: args.keep_running, no_color: args.no_color })),
        Verb::Completions { shell } => completions(shell),
        Verb::Man(args) => manual::run(&args, json),
    }
}

fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut manual::command(), "countersign", &mut script);
    output::raw(&script)
}
