//! Workflows: dispatch one, list its runs, look at one.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::{Outcome, Refusal};
use crate::git;

const READ: &[Need] = &[("actions", Level::Read)];
const WRITE: &[Need] = &[("actions", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new(
        "actions/create-workflow-dispatch",
        "POST",
        "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
        WRITE,
        dispatch,
    )
    .role(Role::Write),
    Op::new(
        "actions/list-workflow-runs",
        "GET",
        "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
        READ,
        list,
    ),
    Op::new("actions/get-workflow-run", "GET", "/repos/{owner}/{repo}/actions/runs/{run_id}", READ, get),
];

fn dispatch(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let (workflow, refname) = (ctx.param("workflow_id").to_owned(), ctx.need_text("ref")?);
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    let at =
        git::commit_at(&opened, &refname).ok_or_else(|| Refusal::new(422, format!("No ref found for: {refname}")))?;
    let path = format!(".github/workflows/{workflow}");
    let (blob, ..) = git::entry_at(&opened, at, &path).ok_or_else(Refusal::not_found)?;
    let text = opened.find_blob(blob).map_err(git::broken)?.content().to_vec();
    let text = String::from_utf8_lossy(&text).into_owned();
    if !text.contains("workflow_dispatch") {
        return Err(Refusal::new(422, "Workflow does not have 'workflow_dispatch' trigger"));
    }
    let inputs = ctx.body.get("inputs").cloned().unwrap_or_else(|| json!({}));
    let Some(given) = inputs.as_object().filter(|map| map.len() <= 25) else {
        return Err(Refusal::new(422, "Invalid request.\n\nNo more than 25 properties are allowed."));
    };
    let declared = |name: &str| text.lines().any(|line| line.trim_start().starts_with(&format!("{name}:")));
    let unexpected: Vec<&String> = given.keys().filter(|name| !declared(name)).collect();
    if !unexpected.is_empty() {
        return Err(Refusal::new(422, format!("Unexpected inputs provided: {unexpected:?}")));
    }
    let branch = refname.trim_start_matches("refs/heads/").to_owned();
    let id = ctx.st.start_workflow(ctx.repo, actor, (path, branch, at.to_string()), &inputs)?;
    if ctx.flag("return_run_details")?.unwrap_or(false) {
        let url = format!("{}/actions/runs/{id}", ctx.face().repo_url(ctx.repo));
        let page = format!("{}/actions/runs/{id}", ctx.face().repo_page(ctx.repo));
        let body: Value = json!({"workflow_run_id": id, "run_url": url, "html_url": page});
        return Ok(Reply::ok(body));
    }
    Ok(Reply::empty())
}

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let path = format!(".github/workflows/{}", ctx.param("workflow_id"));
    let is = |key: &str, value: &str| ctx.asked(key).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let face = ctx.face();
    let items = ctx
        .st
        .repo(ctx.repo)?
        .workflow_runs
        .values()
        .rev()
        .filter(|run| run.path == path && is("event", run.event) && is("branch", &run.branch))
        .filter(|run| is("actor", ctx.st.login(run.by.account)))
        .map(|run| face.workflow_run(ctx.repo, run.id))
        .collect();
    ctx.page_in("workflow_runs", items)
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.number("run_id")?;
    ctx.st.workflow_run(ctx.repo, id)?;
    Ok(Reply::ok(ctx.face().workflow_run(ctx.repo, id)))
}
