//! Commit statuses.

use serde_json::{Value, json};

use super::checks::commit_of;
use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::{Outcome, Refusal};
use crate::git;
use crate::state::checks::Status;

const READ: &[Need] = &[("statuses", Level::Read)];
const WRITE: &[Need] = &[("statuses", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("repos/create-commit-status", "POST", "/repos/{owner}/{repo}/statuses/{sha}", WRITE, create)
        .role(Role::Write),
    Op::new(
        "repos/get-combined-status-for-ref",
        "GET",
        "/repos/{owner}/{repo}/commits/{ref...}/status",
        READ,
        combined,
    ),
    Op::new("repos/list-commit-statuses-for-ref", "GET", "/repos/{owner}/{repo}/commits/{ref...}/statuses", READ, list),
];

fn create(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let sha = ctx.param("sha").to_owned();
    let state = ctx.need_text("state")?;
    if !["error", "failure", "pending", "success"].contains(&state.as_str()) {
        return Err(Refusal::invalid().field("Status", "state", "invalid"));
    }
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    if git::oid(&sha).is_none_or(|id| opened.find_commit(id).is_err()) {
        return Err(Refusal::new(422, format!("No commit found for SHA: {sha}")));
    }
    let description = ctx.text("description")?;
    if description.as_ref().is_some_and(|text| text.chars().count() > 140) {
        return Err(Refusal::invalid().custom("Status", "description is too long (maximum is 140 characters)"));
    }
    let status = Status {
        id: ctx.st.big_id(),
        sha,
        context: ctx.text("context")?.unwrap_or_else(|| "default".to_owned()),
        state,
        description,
        target_url: ctx.text("target_url")?,
        by: actor,
        at: ctx.st.now(),
    };
    let body = ctx.face().status(ctx.repo, &status);
    ctx.st.report_status(ctx.repo, status)?;
    Ok(Reply::created(body))
}

fn combined(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let sha = commit_of(ctx)?;
    let found = ctx.st.latest_statuses(ctx.repo, &sha);
    let any = |word: &str| found.iter().any(|status| status.state == word);
    let state = if any("failure") || any("error") {
        "failure"
    } else if found.is_empty() || any("pending") {
        "pending"
    } else {
        "success"
    };
    let face = ctx.face();
    let url = face.repo_url(ctx.repo);
    let items: Vec<Value> = found.iter().map(|status| face.status_simple(ctx.repo, status)).collect();
    let repository = Value::Object(face.repo_simple(ctx.repo));
    let mut reply = ctx.page_in("statuses", items)?;
    let more = json!({
        "state": state, "sha": sha, "repository": repository,
        "commit_url": format!("{url}/commits/{sha}"),
        "url": format!("{url}/commits/{sha}/status"),
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut reply.body, more) {
        body.extend(more);
    }
    Ok(reply)
}

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let sha = commit_of(ctx)?;
    let face = ctx.face();
    let all = ctx.st.repo(ctx.repo)?.statuses.iter();
    let items = all.rev().filter(|status| status.sha == sha).map(|status| face.status(ctx.repo, status)).collect();
    ctx.page(items)
}
