//! The GitHub Action: one command inside a job, with what the runner says in variables and files.
//!
//! The same engine as the server's, for one event; it decides nothing about a change. Secrets are masked before anything else is
//! printed, and whatever is printed cannot speak to the runner.

mod admit;
mod files;
mod gate;
mod job;
mod ordered;
mod runner;
mod values;
mod verbs;

use self::files::Outputs;
use self::job::Job;
use self::runner::Runner;
use super::exit::{Exit, Report};

/// What a command comes to.
type Outcome = Result<Exit, Report>;

/// Runs the command that the job's `ACTION_COMMAND` names. What goes wrong is told as the runner shows it.
#[must_use]
pub fn run() -> Exit {
    let job = Job::from_process();
    let mut runner = Runner::new();
    for secret in job.secrets() {
        runner.mask(secret);
    }
    let mut outputs = Outputs::new(&job);
    outputs.set("version", env!("CARGO_PKG_VERSION"));
    let outcome = command(&job, &mut runner, &mut outputs);
    let written = outputs.write();
    runner.resume();
    let outcome = outcome.and_then(|exit| written.map(|()| exit));
    match outcome {
        Ok(exit) => exit,
        Err(report) => {
            runner.error(&report.to_string());
            report.exit()
        }
    }
}

fn command(job: &Job, runner: &mut Runner, outputs: &mut Outputs) -> Outcome {
    match job.need("ACTION_COMMAND")? {
        "gate" => {
            runner.stop()?;
            gate::run(job, outputs)
        }
        "sync" => {
            runner.stop()?;
            if job.get("ACTION_ORDER").is_some() { ordered::run(job, outputs) } else { gate::sync(job, outputs) }
        }
        "check" => verbs::check(job, runner, outputs),
        "verify" => verbs::verify(job, runner, outputs),
        "run" => values::run(job, runner),
        "export" => values::export(job, runner),
        other => Err(Report::usage(format!("the action has no command `{other}`"))
            .help("write `command: gate`, `check`, `run`, `export`, `sync` or `verify`")),
    }
}
