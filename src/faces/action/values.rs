//! `run` and `export`: values of an environment for a command of the job, or for its later steps. Masked before anything else happens.
//!
//! No value is ever printed by us or set as an output.

use serde_json::Value;
use zeroize::Zeroizing;

use super::Outcome;
use super::files::append;
use super::job::{Job, ended};
use super::runner::Runner;
use super::verbs::{not_started, ourselves, output};
use crate::faces::exit::{Exit, Report};

/// Runs a command with the values in its environment.
pub(super) fn run(job: &Job, runner: &mut Runner) -> Outcome {
    let words = job.arguments();
    if words.is_empty() {
        return Err(Report::usage("there is no command").help("write it in `args`, one word a line"));
    }
    mask_values(job, runner)?;
    runner.stop()?;
    let mut command = ourselves()?;
    command.arg("run").args(environment(job)?).arg("--").args(words);
    for (name, _) in std::env::vars_os() {
        // inputs of this step are no business of its command
        if name.to_str().is_some_and(|name| name.starts_with("ACTION_")) {
            command.env_remove(name);
        }
    }
    Ok(ended(command.status().map_err(|error| not_started(&error))?))
}

/// Gives the values to the later steps, through the file that `GITHUB_ENV` names, or writes them to a file.
pub(super) fn export(job: &Job, runner: &mut Runner) -> Outcome {
    let (format, more) = (job.get("ACTION_FORMAT").unwrap_or("github-env"), job.arguments());
    let to_file = more.iter().any(|word| word == "-o" || word.starts_with("--output"));
    if format != "github-env" && !to_file {
        return Err(Report::usage(format!("`{format}` has no place to go: a job's log is no place for values"))
            .help("name a file in `args`: `--output=FILE`, or leave `format` out"));
    }
    mask_values(job, runner)?;
    runner.stop()?;
    let mut command = ourselves()?;
    command.arg("export").args(environment(job)?).arg(format!("--format={format}")).args(more);
    let exported = output(command)?;
    let lines = Zeroizing::new(exported.stdout);
    if exported.status.success() && !to_file {
        append(job.need("GITHUB_ENV")?.as_ref(), &lines)?;
    }
    Ok(ended(exported.status))
}

fn environment(job: &Job) -> Result<Vec<String>, Report> {
    let named = job.environment();
    if named.is_empty() {
        return Err(Report::usage("no environment is named").help("write `environment: production`"));
    }
    Ok(named)
}

/// Masks every value of the environment.
fn mask_values(job: &Job, runner: &mut Runner) -> Result<(), Report> {
    let mut command = ourselves()?;
    command.arg("export").args(environment(job)?).arg("--format=json");
    // what it says of itself may quote the names of files; it is shown once commands are stopped
    let opened = command.stderr(std::process::Stdio::piped()).output().map_err(|error| not_started(&error))?;
    let text = Zeroizing::new(opened.stdout);
    if !opened.status.success() {
        runner.stop()?;
        let said = String::from_utf8_lossy(&opened.stderr).trim().trim_start_matches("error: ").to_owned();
        return Err(Report::new(ended(opened.status), said));
    }
    let values: Value = serde_json::from_slice(&text)
        .map_err(|_| Report::new(Exit::FAILED, "the values cannot be read back to mask them"))?;
    each_scalar(&values, &mut |value| runner.mask(value));
    Ok(())
}

fn each_scalar(value: &Value, mask: &mut impl FnMut(&str)) {
    match value {
        Value::Null => {}
        Value::String(text) => mask(text),
        Value::Bool(_) | Value::Number(_) => mask(&value.to_string()),
        Value::Array(items) => items.iter().for_each(|item| each_scalar(item, mask)),
        Value::Object(fields) => fields.values().for_each(|field| each_scalar(field, mask)),
    }
}
