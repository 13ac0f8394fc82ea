//! Runs of a repository, and the jobs in them that wait for the rules of their environment.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Auth, Need, Op};
use super::reply::Reply;
use crate::access::Level;
use crate::error::{Outcome, Refusal};

const READ: &[Need] = &[("actions", Level::Read)];
const ANSWER: &[Need] = &[("deployments", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("actions/list-workflow-runs-for-repo", "GET", "/repos/{owner}/{repo}/actions/runs", READ, list),
    Op::new(
        "actions/get-pending-deployments-for-run",
        "GET",
        "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
        READ,
        pending,
    ),
    Op::new(
        "actions/review-custom-gates-for-run",
        "POST",
        "/repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule",
        ANSWER,
        answer,
    )
    .auth(Auth::Installation),
];

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let is = |key: &str, value: &str| ctx.asked(key).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let face = ctx.face();
    let runs = &ctx.st.repo(ctx.repo)?.workflow_runs;
    let items = runs
        .values()
        .rev()
        .filter(|run| is("event", run.event) && is("branch", &run.branch) && is("head_sha", &run.sha))
        .filter(|run| is("status", run.status()) || run.conclusion.as_deref().is_some_and(|end| is("status", end)))
        .filter(|run| is("actor", ctx.st.login(run.by.account)))
        .map(|run| face.workflow_run(ctx.repo, run.id))
        .collect();
    ctx.page_in("workflow_runs", items)
}

fn pending(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let run = ctx.st.workflow_run(ctx.repo, ctx.number("run_id")?)?;
    let (url, page) = (ctx.face().repo_url(ctx.repo), ctx.face().repo_page(ctx.repo));
    let mut shown: Vec<Value> = Vec::new();
    for waiting in &run.waiting {
        let name = &waiting.environment;
        let id = name.bytes().fold(1_000_u64, |id, byte| id * 7 % 1_000_003 + u64::from(byte));
        let environment = json!({
            "id": id, "node_id": format!("EN_{id}"), "name": name, "url": format!("{url}/environments/{name}"),
            "html_url": format!("{page}/deployments/activity_log?environments_filter={name}"),
        });
        let entry = json!({
            "environment": environment, "wait_timer": 0, "wait_timer_started_at": null,
            "current_user_can_approve": false, "reviewers": [],
        });
        if !shown.contains(&entry) {
            shown.push(entry);
        }
    }
    Ok(Reply::ok(shown.into()))
}

fn answer(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (run, app) = (ctx.number("run_id")?, ctx.installation()?.app);
    let environment = ctx.need_text("environment_name")?;
    let (state, comment) = (ctx.text("state")?, ctx.text("comment")?);
    match state.as_deref() {
        None | Some("approved" | "rejected") => {}
        Some(_) => return Err(Refusal::invalid().field("DeploymentProtectionRule", "state", "invalid")),
    }
    if state.is_none() && comment.is_none() {
        return Err(Refusal::invalid().field("DeploymentProtectionRule", "comment", "missing_field"));
    }
    ctx.st.answer_gate(ctx.repo, run, app, (&environment, state.as_deref(), comment.unwrap_or_default()))?;
    Ok(Reply::empty())
}
