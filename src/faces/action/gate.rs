//! `gate`: one turn of the engine for the event that started the job. `sync`: the targets, now.
//!
//! Without a key, or where the ledger is kept by somebody else, it reads and says how things stand, and writes nothing.

use std::time::Duration;

use countersign_core::decision::{Decision, explain};
use countersign_core::delivery::FromRunner;
use countersign_core::domain::PrNumber;
use serde_json::Value;

use super::Outcome;
use super::admit::{Admitted, Origin, admit};
use super::files::Outputs;
use super::job::Job;
use crate::engine::by_hand::{ByHandError, Wanted};
use crate::engine::explain::ExplainError;
use crate::engine::once::{Done, Keeper, Standing, Started};
use crate::engine::ports::RepoRef;
use crate::engine::{Engine, TurnError};
use crate::faces::cli::{runtime, told_by_hand};
use crate::faces::config::{ByToken, Settings, Sources, read_text};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// How long targets are waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// One turn.
pub(super) fn run(job: &Job, outputs: &mut Outputs) -> Outcome {
    let config = settings(job)?;
    runtime()?.block_on(async {
        let engine = wire::engine_by_token(&config).await.map_err(|fault| Report::chain(Exit::FAILED, &fault))?;
        let (event, body) = (job.need("GITHUB_EVENT_NAME")?, job.payload()?);
        let payload: Value = serde_json::from_slice(&body)
            .map_err(|_| Report::new(Exit::FAILED, "the payload of the event is not JSON"))?;
        let repo = repository(job, &engine).await?;
        let writes = writes(job, &engine, &repo, outputs).await?;
        let done = match writes {
            Writes::Yes => {
                let run = job.run()?;
                let started = match event {
                    // they say that something happened elsewhere, not what
                    "schedule" | "workflow_run" => Started::Sweep,
                    name => Started::Event(FromRunner::new(name, &run, &body).map_err(Report::usage)?),
                };
                Some(engine.once(&repo, started).await.map_err(|fault| failed(&fault))?)
            }
            Writes::No(why) => {
                outputs.say(why);
                None
            }
        };
        if let Some(number) = pull_request(&payload) {
            outputs.set("pr-number", number);
            match engine.how_it_stands(&repo, number).await {
                Ok(Some(standing)) => tell(&standing, outputs)?,
                Ok(None) => {
                    outputs.say(&format!("Pull request {number} is closed, and no decision was made about it."))
                }
                Err(fault) => outputs.say(&unjudged(&fault)?),
            }
        }
        done.map_or(Ok(Exit::FINE), |done| carried_out(&done, outputs))
    })
}

/// Deliveries.
pub(super) fn sync(job: &Job, outputs: &mut Outputs) -> Outcome {
    let config = settings(job)?;
    runtime()?.block_on(async {
        let engine = wire::engine_by_token(&config).await.map_err(|fault| Report::chain(Exit::FAILED, &fault))?;
        let repo = repository(job, &engine).await?;
        if let Writes::No(why) = writes(job, &engine, &repo, outputs).await? {
            return Err(Report::new(Exit::REFUSED, format!("nothing is delivered: {why}")));
        }
        let wanted = Wanted { environment: job.get("ACTION_ENVIRONMENT"), target: None };
        let delivered = engine.sync_by_hand(&repo.name, wanted, PATIENCE, |_| {}).await;
        let delivered = delivered.map_err(|error| match error {
            ByHandError::NoTarget(fault) => Report::usage(fault),
            other @ (ByHandError::NotInstalled(_)
            | ByHandError::Unmanaged(_)
            | ByHandError::Closed(..)
            | ByHandError::Turn(_)) => Report::chain(Exit::FAILED, &other),
        })?;
        let (text, json, exit) = told_by_hand(&delivered);
        outputs.set("result", json);
        outputs.say(&format!("```text\n{}\n```", text.trim_end()));
        Ok(exit)
    })
}

/// The repository of the job, as GitHub names it now; that it is the same one is checked by its number.
pub(super) async fn repository(job: &Job, engine: &Engine) -> Result<RepoRef, Report> {
    let id = job.repository_id()?;
    let found = engine.only_repository().await.map_err(|fault| failed(&fault))?;
    found.filter(|repo| repo.id == id).ok_or_else(|| {
        Report::new(Exit::FAILED, "`GITHUB_REPOSITORY` is another repository than `GITHUB_REPOSITORY_ID` says")
    })
}

enum Writes {
    Yes,
    No(&'static str),
}

/// Whether the turn may write: a key, where it may be used, and a ledger that is ours.
async fn writes(job: &Job, engine: &Engine, repo: &RepoRef, outputs: &mut Outputs) -> Result<Writes, Report> {
    let default = engine.default_branch_of(repo).await.map_err(|fault| failed(&fault))?;
    let origin = Origin {
        event: job.need("GITHUB_EVENT_NAME")?,
        reference: job.get("GITHUB_REF").unwrap_or_default(),
        workflow: job.get("GITHUB_WORKFLOW_REF"),
    };
    let admitted = admit(job.has_signing_key(), origin, &default).map_err(|refused| {
        outputs.set("reason-code", refused.code());
        outputs.say(&format!("Refused: {refused}"));
        Report::chain(Exit::REFUSED, &refused)
    })?;
    if admitted == Admitted::ReadOnly {
        return Ok(Writes::No("Read only: this job holds no signing key. Nothing was written or merged."));
    }
    Ok(match engine.keeper(repo).await.map_err(|fault| failed(&fault))? {
        Keeper::Ours | Keeper::Nobody => Writes::Yes,
        Keeper::Others => {
            outputs.set("reason-code", "kept-by-a-server");
            Writes::No(
                "Read only: the ledger of this repository is kept by a server, or by another key than this job's. Nothing was written or merged.",
            )
        }
    })
}

pub(super) fn settings(job: &Job) -> Result<ByToken, Report> {
    let sources = Sources::from_process(std::collections::BTreeMap::new(), None).map_err(Report::from)?;
    let settings = Settings::resolve(&sources, &read_text).map_err(Report::from)?;
    let data = job.temporary("countersign-data")?;
    ByToken::read(&settings, job.token()?, job.repository()?, data).map_err(Report::from)
}

pub(super) fn failed(fault: &TurnError) -> Report {
    Report::chain(Exit::FAILED, fault)
}

/// Why nothing can be said of a change: not being governed is no failure of the run.
fn unjudged(fault: &ExplainError) -> Result<String, Report> {
    match fault {
        ExplainError::Unmanaged(_) | ExplainError::NotGoverned(_) | ExplainError::Closed { .. } => {
            Ok(fault.to_string())
        }
        ExplainError::NotInstalled(_) | ExplainError::Nobody(_) | ExplainError::Turn(_) => {
            Err(Report::chain(Exit::FAILED, fault))
        }
    }
}

/// The pull request an event is about, if it is about one.
fn pull_request(payload: &Value) -> Option<PrNumber> {
    let of_comment = payload.get("issue").filter(|issue| issue.get("pull_request").is_some());
    let of_run = payload.pointer("/workflow_run/pull_requests").and_then(Value::as_array);
    let of_run = of_run.filter(|list| list.len() == 1).and_then(|list| list.first());
    let number = payload.get("pull_request").or(of_comment).or(of_run)?.get("number")?.as_u64()?;
    Some(PrNumber::new(number))
}

fn tell(standing: &Standing, outputs: &mut Outputs) -> Result<(), Report> {
    let Standing { facts, decision, comment } = standing;
    let (filled, required) = seats(decision);
    outputs.set("decision", decision.verdict.word());
    outputs.set("reason-code", decision.reason.code());
    outputs.set("approvals", filled);
    outputs.set("required", required);
    let result = serde_json::to_string(&explain(decision, facts));
    outputs.set("result", result.map_err(|error| Report::failed("the decision cannot be written down", &error))?);
    outputs.say(comment.as_deref().unwrap_or(decision.reason.words()));
    Ok(())
}

/// Seats that are filled, and all there are, of everything that decides.
fn seats(decision: &Decision) -> (usize, usize) {
    let policies = decision.scopes.iter().flat_map(|scope| &scope.policies);
    let mut seats = (0, 0);
    for group in policies.flat_map(|policy| &policy.groups) {
        seats.0 += group.required.saturating_sub(group.missing);
        seats.1 += group.required;
    }
    seats
}

fn carried_out(done: &Done, outputs: &mut Outputs) -> Outcome {
    if !done.unsure.is_empty() {
        outputs.say(&format!(
            "Not decided, because GitHub did not say everything: {}. If teams are in the policy: a job's own token reads no teams. \
             Name users there, or hand the action a token of an App with `members: read`.",
            done.unsure.join(", ")
        ));
    }
    if done.failed.is_empty() {
        return Ok(Exit::FINE);
    }
    let mut text = String::from("What could not be done; the next run tries again:\n");
    for (subject, why) in &done.failed {
        text += &format!("- {subject}: {}{}\n", why.replace('\n', " · "), hint(why));
    }
    outputs.say(&text);
    Err(Report::new(Exit::FAILED, text.trim_end().to_owned()))
}

/// What a job's own token is often refused, and the way out.
fn hint(why: &str) -> &'static str {
    if why.contains("not permitted to create or approve pull requests") {
        " (allow it: settings of the repository, Actions, General, \"Allow GitHub Actions to create and approve pull requests\")"
    } else if why.contains("Resource not accessible by integration") {
        " (the job's `permissions:` lack something; `docs/action.md` lists them by command)"
    } else {
        ""
    }
}
