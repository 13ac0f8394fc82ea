//! `check` and `verify`: the same verbs as on the command line, their findings where the runner shows them.

use std::process::{Command, Output, Stdio};

use super::Outcome;
use super::files::Outputs;
use super::job::{Job, ended};
use super::runner::Runner;
use crate::faces::exit::{Exit, Report};

/// Faults of the policy and of sealed files in the checkout; where nothing else is asked for, as annotations of the run.
pub(super) fn check(job: &Job, runner: &mut Runner, outputs: &mut Outputs) -> Outcome {
    let format = job.get("ACTION_FORMAT").unwrap_or("github");
    if format == "github" {
        // these are commands for the runner; the verb escapes what it quotes
        let status = verb("check", &["--format".to_owned(), format.to_owned()], job)?.status();
        return Ok(ended(status.map_err(|error| not_started(&error))?));
    }
    runner.stop()?;
    let found = output(verb("check", &["--format".to_owned(), format.to_owned()], job)?)?;
    if format != "sarif" {
        print(&found.stdout);
        return Ok(ended(found.status));
    }
    if !found.stdout.trim_ascii_start().starts_with(b"{") {
        return Ok(ended(found.status));
    }
    let path = job.temporary("countersign.sarif")?;
    std::fs::write(&path, &found.stdout).map_err(|error| Report::failed("the SARIF file cannot be written", &error))?;
    outputs.set("sarif-file", path.display());
    Ok(ended(found.status))
}

/// Whether what is checked out was approved.
pub(super) fn verify(job: &Job, runner: &mut Runner, outputs: &mut Outputs) -> Outcome {
    runner.stop()?;
    let told = output(verb("verify", &job.environment(), job)?)?;
    print(&told.stdout);
    let mut json = job.environment();
    // read a moment ago: not fetched again
    json.extend(["--offline".to_owned(), "--json".to_owned()]);
    let proof = output(verb("verify", &json, job)?)?;
    outputs.set("result", String::from_utf8_lossy(&proof.stdout).trim());
    outputs.set("decision", if told.status.success() { "verified" } else { "not-verified" });
    outputs.say(&format!("```text\n{}\n```", String::from_utf8_lossy(&told.stdout).trim_end().replace("```", "'''")));
    Ok(ended(told.status))
}

/// A verb of this program, with the further arguments of the step.
pub(super) fn verb(name: &str, arguments: &[String], job: &Job) -> Result<Command, Report> {
    let mut command = ourselves()?;
    command.arg(name).args(arguments).args(job.arguments());
    Ok(command)
}

/// This program, once more.
pub(super) fn ourselves() -> Result<Command, Report> {
    let program = std::env::current_exe().map_err(|error| not_started(&error))?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    Ok(command)
}

/// Runs it; what it says of itself goes where ours goes.
pub(super) fn output(mut command: Command) -> Result<Output, Report> {
    command.stderr(Stdio::inherit()).output().map_err(|error| not_started(&error))
}

pub(super) fn not_started(error: &std::io::Error) -> Report {
    Report::new(Exit::FAILED, format!("the program cannot be started again: {error}"))
}

fn print(bytes: &[u8]) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _closed = out.write_all(bytes).and_then(|()| out.flush());
}
