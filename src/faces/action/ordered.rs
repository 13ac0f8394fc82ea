//! `sync` with an order: what a server has this job deliver.
//!
//! The identities and secrets of the step are the grant. They are used after the order was proven, and only in a job of the default
//! branch that a dispatch started: anybody with write starts such jobs, so the order alone says whether there is anything to do.

use std::collections::BTreeMap;

use countersign_core::domain::RefName;
use countersign_core::sync::JobEnd;
use secrecy::SecretString;
use serde_json::json;

use super::Outcome;
use super::admit::Origin;
use super::files::Outputs;
use super::gate::{failed, repository, settings};
use super::job::Job;
use crate::engine::ports::RepoRef;
use crate::engine::{Carried, CarryError, Engine};
use crate::faces::cli::runtime;
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Carries an order out.
pub(super) fn run(job: &Job, outputs: &mut Outputs) -> Outcome {
    let config = settings(job)?;
    runtime()?.block_on(async {
        let (address, token) = job.id_token()?;
        let desk = wire::desk(address.to_owned(), token).map_err(|fault| Report::chain(Exit::FAILED, &fault))?;
        let granted = granted(job);
        let step: wire::StepSecrets = Box::new(move |name| granted.get(name).cloned());
        let engine = wire::engine_for_order(&config, (step, job.cluster().clone())).await;
        let engine = engine.map_err(|fault| Report::chain(Exit::FAILED, &fault))?;
        let repo = repository(job, &engine).await?;
        admitted(job, &engine, &repo, outputs).await?;
        let carried = engine.deliver_by_order(&repo, job.order()?, desk.as_ref()).await.map_err(|fault| {
            outputs.set("reason-code", fault.code());
            outputs.say(&format!("Not delivered: {fault}"));
            let exit = match &fault {
                CarryError::Desk(_) | CarryError::Turn(_) => Exit::FAILED,
                CarryError::Order(_) | CarryError::NoTrust | CarryError::Unwanted(_) | CarryError::Withheld(..) => {
                    Exit::REFUSED
                }
            };
            Report::new(exit, fault.to_string())
        })?;
        told(&carried, outputs)
    })
}

/// Variables of the step that are secrets of targets, and where each may go.
fn granted(job: &Job) -> BTreeMap<String, SecretString> {
    job.grants().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// Whether this job may use what it has.
async fn admitted(job: &Job, engine: &Engine, repo: &RepoRef, outputs: &mut Outputs) -> Result<(), Report> {
    let default = engine.default_branch_of(repo).await.map_err(|fault| failed(&fault))?;
    let origin = Origin {
        event: job.need("GITHUB_EVENT_NAME")?,
        reference: job.get("GITHUB_REF").unwrap_or_default(),
        workflow: job.get("GITHUB_WORKFLOW_REF"),
    };
    if fits(origin, &default) {
        return Ok(());
    }
    outputs.set("reason-code", "order-on-this-event");
    let (event, reference, branch) = (origin.event, origin.reference, default.short());
    Err(Report::new(Exit::REFUSED, format!("an order was given to a job that `{event}` started on `{reference}`"))
        .help(format!(
            "start it by `workflow_dispatch` on `{branch}`, from a GitHub environment that only `{branch}` may use"
        )))
}

fn fits(origin: Origin<'_>, default: &RefName) -> bool {
    let branch = default.to_string();
    let of_default = |workflow: &str| workflow.rsplit_once('@').is_some_and(|(_, reference)| reference == branch);
    origin.event == "workflow_dispatch" && origin.reference == branch && origin.workflow.is_some_and(of_default)
}

fn told(carried: &Carried, outputs: &mut Outputs) -> Outcome {
    let Carried { id, generation, end } = carried;
    let generation = generation.label();
    match end {
        JobEnd::Converged => {
            outputs.set("result", json!({"target": id.to_string(), "generation": generation, "state": "converged"}));
            outputs.say(&format!("`{id}` has what {generation} approved."));
            Ok(Exit::FINE)
        }
        JobEnd::Failed { again, trouble } => {
            let code = &trouble.code;
            let result = json!({"target": id.to_string(), "generation": generation, "state": "failed", "code": code});
            outputs.set("result", result);
            outputs.set("reason-code", code);
            let then = if *again { "The server starts another job." } else { "The server waits for somebody." };
            outputs.say(&format!("`{id}` was not delivered: {}. {then}", trouble.words));
            Err(Report::new(Exit::FAILED, format!("`{id}` was not delivered: {}", trouble.words))
                .help(trouble.help.clone()))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_for_jobs_of_the_default_branch_that_a_dispatch_started() {
        let (main, file) = ("refs/heads/main", "acme/app/.github/workflows/countersign-sync.yml@");
        let fits = |event, reference, workflow: Option<&str>| {
            super::fits(Origin { event, reference, workflow }, &RefName::parse(main).unwrap())
        };
        let of = |reference: &str| format!("{file}{reference}");
        assert!(fits("workflow_dispatch", main, Some(&of(main))));
        assert!(!fits("push", main, Some(&of(main))));
        assert!(!fits("workflow_dispatch", "refs/heads/rita", Some(&of(main))));
        assert!(!fits("workflow_dispatch", main, Some(&of("refs/heads/rita"))));
        assert!(!fits("workflow_dispatch", main, None));
    }
}
