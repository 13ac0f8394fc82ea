//! Workflows that would hand secrets to whoever proposes a change, or to whoever reads the log.
//!
//! A short list of things that are wrong wherever they stand; no general linter of workflows. Reads text only, runs nothing, and
//! never repeats what a script holds.

mod read;
mod script;
#[cfg(test)]
mod tests;

use crate::policy::{Code, Diagnostic, Place, Severity};

use self::read::{Job, Step, Workflow};

/// Events after which code of a pull request runs, with whatever the job is given.
const OPEN: [&str; 2] = ["pull_request", "pull_request_review"];
/// Events that run with the repository's own secrets although somebody else caused them.
const TRUSTED: [&str; 3] = ["pull_request_target", "issue_comment", "workflow_run"];
/// How a step names what a pull request proposes.
const HEADS: [&str; 5] =
    ["github.event.pull_request.head", "github.head_ref", "refs/pull/", "merge_commit_sha", "workflow_run.head_"];

/// Looks through one workflow. Findings are in the order of the file.
#[must_use]
pub fn lint(text: &str) -> Vec<Diagnostic> {
    let Some(workflow) = read::workflow(text) else {
        let message = "the workflow cannot be read, and was not looked at";
        return vec![
            Diagnostic::new(Severity::Note, Code::WorkflowUnreadable, message).help("`actionlint` names the place"),
        ];
    };
    let mut found: Vec<Diagnostic> = workflow.jobs.iter().flat_map(|job| of_job(&workflow, job, text)).collect();
    found.sort_by_key(|finding| (finding.place, finding.code));
    found.dedup();
    found
}

fn of_job(workflow: &Workflow, job: &Job, text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let on =
        |events: &[&'static str]| events.iter().copied().find(|event| workflow.events.iter().any(|on| on == event));
    for step in &job.steps {
        if let Some((event, place)) = on(&OPEN).zip(step.key) {
            found.push(
                Diagnostic::new(Severity::Error, Code::KeyOnOpenEvent, format!("a key is handed to a job on `{event}`"))
                    .at(place)
                    .help(
                        "keys belong into jobs on the default branch (`pull_request_target`, `workflow_run`, `schedule`), in an environment restricted to it",
                    ),
            );
        }
        let foreign = step.checks_out(&HEADS).filter(|_| job.holds_secrets());
        if let Some((event, place)) = on(&TRUSTED).zip(foreign) {
            let message = format!("a job with secrets checks out what a pull request proposes, on `{event}`");
            found.push(
                Diagnostic::new(Severity::Error, Code::HeadWithKeys, message)
                    .at(place)
                    .help("check out the base, or do this in a job without secrets"),
            );
        }
        if job.holds_secrets() && step.is_traced() {
            found.push(traced(step.place));
        }
        found.extend(step.run.iter().flat_map(|run| script::lint(run, job, text)));
        found.extend(artifact(job, step));
    }
    found
}

fn traced(place: Place) -> Diagnostic {
    Diagnostic::new(Severity::Warning, Code::Traced, "commands are printed beside secrets")
        .at(place)
        .help("leave `-x` out: what commands are called with stands in the log")
}

/// A file that a step of the job opened, and this one uploads.
fn artifact(job: &Job, step: &Step) -> Option<Diagnostic> {
    let (paths, place) = step.uploads()?;
    let opened = job.steps.iter().filter_map(|step| step.run.as_ref()).flat_map(|run| script::opened(&run.text));
    let mut opened = opened.map(|file| clean(&file));
    let file = opened.find(|file| paths.iter().any(|path| covers(&clean(path), file)))?;
    let message = format!("`{file}` is opened in this job and uploaded here");
    Some(
        Diagnostic::new(Severity::Error, Code::PlainArtifact, message)
            .at(place)
            .help("upload the sealed file, or give the value to the command that needs it with `countersign run`"),
    )
}

fn clean(path: &str) -> String {
    path.trim_matches(['"', '\'']).trim_start_matches("./").trim_end_matches('/').to_owned()
}

fn covers(path: &str, file: &str) -> bool {
    let below = path.trim_end_matches("**").trim_end_matches('*').trim_end_matches('/');
    matches!(path, "" | "." | "*" | "**") || path == file || file.starts_with(&format!("{below}/"))
}
