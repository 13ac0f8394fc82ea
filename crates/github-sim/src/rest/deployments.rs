//! Deployments, their statuses, and repository events.

use serde_json::json;

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::{Outcome, Refusal};
use crate::git;
use crate::state::checks::Standing;
use crate::state::deployments::{Deployment, DeploymentStatus};

const READ: &[Need] = &[("deployments", Level::Read)];
const WRITE: &[Need] = &[("deployments", Level::Write)];
const CONTENTS: &[Need] = &[("contents", Level::Write)];
const STATES: [&str; 7] = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

pub(super) const OPS: &[Op] = &[
    Op::new("repos/list-deployments", "GET", "/repos/{owner}/{repo}/deployments", READ, list),
    Op::new("repos/create-deployment", "POST", "/repos/{owner}/{repo}/deployments", WRITE, create).role(Role::Write),
    Op::new("repos/get-deployment", "GET", "/repos/{owner}/{repo}/deployments/{deployment_id}", READ, get),
    Op::new(
        "repos/list-deployment-statuses",
        "GET",
        "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        READ,
        statuses,
    ),
    Op::new(
        "repos/create-deployment-status",
        "POST",
        "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        WRITE,
        report,
    )
    .role(Role::Write),
    Op::new(
        "repos/get-deployment-status",
        "GET",
        "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}",
        READ,
        status,
    ),
    Op::new("repos/create-dispatch-event", "POST", "/repos/{owner}/{repo}/dispatches", CONTENTS, dispatch)
        .role(Role::Write),
];

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let is = |key: &str, value: &str| ctx.asked(key).is_none_or(|wanted| wanted == value);
    let face = ctx.face();
    let all = ctx.st.repo(ctx.repo)?.deployments.values();
    let items = all
        .rev()
        .filter(|found| is("sha", &found.sha) && is("ref", &found.refname))
        .filter(|found| is("task", &found.task) && is("environment", &found.environment))
        .map(|found| face.deployment(ctx.repo, found.id))
        .collect();
    ctx.page(items)
}

fn create(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let refname = ctx.need_text("ref")?;
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    let sha =
        git::commit_at(&opened, &refname).ok_or_else(|| Refusal::new(422, format!("No ref found for: {refname}")))?;
    if ctx.flag("auto_merge")?.unwrap_or(true)
        && let Some(reply) = auto_merge(ctx, &opened, &refname, sha)?
    {
        return Ok(reply);
    }
    check_contexts(ctx, &sha.to_string())?;
    let environment = ctx.text("environment")?.unwrap_or_else(|| "production".to_owned());
    let now = ctx.st.now();
    let id = ctx.st.big_id();
    let payload = ctx.body.get("payload").cloned().unwrap_or_else(|| json!({}));
    let deployment = Deployment {
        id,
        sha: sha.to_string(),
        refname,
        task: ctx.text("task")?.unwrap_or_else(|| "deploy".to_owned()),
        payload,
        production: ctx.flag("production_environment")?.unwrap_or(environment == "production"),
        environment,
        description: ctx.text("description")?,
        transient: ctx.flag("transient_environment")?.unwrap_or(false),
        by: actor,
        created_at: now,
        updated_at: now,
        statuses: Vec::new(),
    };
    ctx.st.put_deployment(ctx.repo, deployment)?;
    Ok(Reply::created(ctx.face().deployment(ctx.repo, id)))
}

/// GitHub's trap: unless told not to, it merges the default branch into the ref and deploys nothing.
fn auto_merge(ctx: &mut Ctx<'_>, opened: &git2::Repository, refname: &str, sha: git2::Oid) -> Outcome<Option<Reply>> {
    let actor = ctx.actor()?;
    let default = ctx.st.repo(ctx.repo)?.default_branch.clone();
    let is_branch = git::tip(opened, &format!("refs/heads/{refname}")).is_some();
    let Some(tip) = ctx.st.branch_tip(ctx.repo, &default)? else {
        return Ok(None);
    };
    if !is_branch || refname == default || git::is_ancestor(opened, tip, sha) {
        return Ok(None);
    }
    let merged = ctx.st.merge_branch(ctx.repo, actor, refname, &default, None);
    if merged.is_err() {
        return Err(Refusal::new(409, format!("Conflict merging {default} into {refname}.")));
    }
    Ok(Some(Reply::new(202, json!({"message": format!("Auto-merged {default} into {refname} on deployment.")}))))
}

fn check_contexts(ctx: &Ctx<'_>, sha: &str) -> Outcome<()> {
    let wanted: Vec<String> = if ctx.body["required_contexts"].is_null() {
        let statuses = ctx.st.latest_statuses(ctx.repo, sha).into_iter().map(|s| s.context.clone());
        let runs = ctx.st.latest_runs(ctx.repo, sha).into_iter().map(|run| run.name.clone());
        statuses.chain(runs).collect()
    } else {
        ctx.texts("required_contexts")?
    };
    let unmet = wanted.iter().any(|name| ctx.st.required_check(ctx.repo, sha, name, None) != Standing::Met);
    if unmet {
        let refname = ctx.body["ref"].as_str().unwrap_or_default();
        return Err(Refusal::new(409, format!("Conflict: Commit status checks failed for {refname}.")));
    }
    Ok(())
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.number("deployment_id")?;
    ctx.st.deployment(ctx.repo, id)?;
    Ok(Reply::ok(ctx.face().deployment(ctx.repo, id)))
}

fn statuses(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.number("deployment_id")?;
    let face = ctx.face();
    let all = ctx.st.deployment(ctx.repo, id)?.statuses.iter().rev();
    let items = all.map(|s| face.deployment_status(ctx.repo, id, s.id)).collect();
    ctx.page(items)
}

fn status(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (id, status) = (ctx.number("deployment_id")?, ctx.number("status_id")?);
    let body = ctx.face().deployment_status(ctx.repo, id, status);
    if body.is_null() {
        return Err(Refusal::not_found());
    }
    Ok(Reply::ok(body))
}

fn report(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, id) = (ctx.actor()?, ctx.number("deployment_id")?);
    let state = ctx.need_text("state")?;
    if !STATES.contains(&state.as_str()) {
        return Err(Refusal::invalid().field("DeploymentStatus", "state", "invalid"));
    }
    let description = ctx.text("description")?.unwrap_or_default();
    if description.chars().count() > 140 {
        return Err(Refusal::invalid().field("DeploymentStatus", "description", "invalid"));
    }
    let log_url = match ctx.text("log_url")? {
        Some(url) => url,
        None => ctx.text("target_url")?.unwrap_or_default(),
    };
    let status = DeploymentStatus {
        id: ctx.st.big_id(),
        state,
        description,
        log_url,
        environment_url: ctx.text("environment_url")?.unwrap_or_default(),
        by: actor,
        at: ctx.st.now(),
    };
    let new = status.id;
    let retire = ctx.flag("auto_inactive")?.unwrap_or(true);
    ctx.st.put_deployment_status(ctx.repo, id, status, retire)?;
    Ok(Reply::created(ctx.face().deployment_status(ctx.repo, id, new)))
}

fn dispatch(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let kind = ctx.need_text("event_type")?;
    let payload = ctx.body.get("client_payload").cloned().unwrap_or_else(|| json!({}));
    let keys = payload.as_object().map(serde_json::Map::len);
    if kind.chars().count() > 100 || keys.is_none_or(|keys| keys > 10) {
        return Err(Refusal::new(422, "Invalid request.\n\nNo more than 10 properties are allowed."));
    }
    if payload.to_string().len() > 65_535 {
        return Err(Refusal::new(422, "client_payload is too large."));
    }
    let entry = json!({"event_type": kind, "client_payload": payload});
    ctx.st.repo_mut(ctx.repo)?.dispatches.push(entry);
    let branch = ctx.st.repo(ctx.repo)?.default_branch.clone();
    let more = json!({"branch": branch, "client_payload": payload});
    ctx.st.emit(ctx.repo, "repository_dispatch", Some(&kind), actor, more);
    Ok(Reply::empty())
}
