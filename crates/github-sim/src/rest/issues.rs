//! Conversation on pull requests: comments, reactions, labels, timeline.

use serde_json::Value;

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role, Who};
use crate::error::{Outcome, Refusal};
use crate::render::REACTIONS;

const READ: &[Need] = &[("pull_requests", Level::Read), ("issues", Level::Read)];
const WRITE: &[Need] = &[("pull_requests", Level::Write), ("issues", Level::Write)];
const ISSUES: &[Need] = &[("issues", Level::Write), ("pull_requests", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("issues/list-comments", "GET", "/repos/{owner}/{repo}/issues/{issue_number}/comments", READ, list),
    Op::new("issues/create-comment", "POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", WRITE, create),
    Op::new("issues/get-comment", "GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", READ, get),
    Op::new("issues/update-comment", "PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", WRITE, update),
    Op::new("issues/delete-comment", "DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", WRITE, delete),
    Op::new(
        "reactions/create-for-issue-comment",
        "POST",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        ISSUES,
        react,
    ),
    Op::new(
        "reactions/list-for-issue-comment",
        "GET",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        READ,
        reactions,
    ),
    Op::new("issues/get", "GET", "/repos/{owner}/{repo}/issues/{issue_number}", READ, issue),
    Op::new(
        "issues/list-events-for-timeline",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/timeline",
        READ,
        timeline,
    ),
    Op::new("issues/list-labels-on-issue", "GET", "/repos/{owner}/{repo}/issues/{issue_number}/labels", READ, labels),
    Op::new("issues/add-labels", "POST", "/repos/{owner}/{repo}/issues/{issue_number}/labels", WRITE, add_labels)
        .role(Role::Triage),
    Op::new(
        "issues/remove-label",
        "DELETE",
        "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
        WRITE,
        remove_label,
    )
    .role(Role::Triage),
];

fn number(ctx: &Ctx<'_>) -> Outcome<u64> {
    let number = ctx.number("issue_number")?;
    ctx.st.pull(ctx.repo, number)?;
    Ok(number)
}

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = number(ctx)?;
    let since: Option<jiff::Timestamp> = ctx.asked("since").and_then(|text| text.parse().ok());
    let face = ctx.face();
    let items = ctx
        .st
        .repo(ctx.repo)?
        .comments
        .values()
        .filter(|comment| comment.number == number)
        .filter(|comment| since.is_none_or(|since| comment.updated_at >= since))
        .map(|comment| face.comment(ctx.repo, comment.id))
        .collect();
    ctx.page(items)
}

fn create(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, number(ctx)?);
    let body = ctx.need_text("body")?;
    let id = ctx.st.write_comment(ctx.repo, number, actor, &body)?;
    let shown = ctx.face().comment(ctx.repo, id);
    let url = shown["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::created(shown).header("location", url))
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.number("comment_id")?;
    ctx.st.comment(ctx.repo, id)?;
    Ok(Reply::ok(ctx.face().comment(ctx.repo, id)))
}

/// The author may change a comment, and whoever may push; an App only its own.
fn may_change(ctx: &Ctx<'_>, id: u64) -> Outcome<()> {
    let author = ctx.st.comment(ctx.repo, id)?.author.account;
    let actor = ctx.actor()?;
    let allowed = match &ctx.who {
        Who::User(person) => author == *person || ctx.st.is_writer(ctx.repo, *person),
        Who::Installation(_) => author == actor.account,
        Who::Nobody | Who::App(_) => false,
    };
    if allowed {
        return Ok(());
    }
    Err(Refusal::new(403, "Must have admin rights to Repository."))
}

fn update(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, id) = (ctx.actor()?, ctx.number("comment_id")?);
    may_change(ctx, id)?;
    let body = ctx.need_text("body")?;
    ctx.st.edit_comment(ctx.repo, id, actor, &body)?;
    Ok(Reply::ok(ctx.face().comment(ctx.repo, id)))
}

fn delete(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, id) = (ctx.actor()?, ctx.number("comment_id")?);
    may_change(ctx, id)?;
    ctx.st.delete_comment(ctx.repo, id, actor)?;
    Ok(Reply::empty())
}

fn react(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, id) = (ctx.actor()?, ctx.number("comment_id")?);
    let content = ctx.need_text("content")?;
    if !REACTIONS.contains(&content.as_str()) {
        return Err(Refusal::invalid().field("Reaction", "content", "invalid"));
    }
    let (reaction, new) = ctx.st.react(ctx.repo, id, actor, &content)?;
    let body = ctx.face().reaction(ctx.repo, id, reaction);
    Ok(Reply::new(if new { 201 } else { 200 }, body))
}

fn reactions(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.number("comment_id")?;
    let face = ctx.face();
    let all = ctx.st.comment(ctx.repo, id)?.reactions.iter();
    let items = all.map(|(found, ..)| face.reaction(ctx.repo, id, *found)).collect();
    ctx.page(items)
}

fn issue(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = number(ctx)?;
    Ok(Reply::ok(ctx.face().issue_of_pull(ctx.repo, number)))
}

fn timeline(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = number(ctx)?;
    let items = ctx.face().timeline(ctx.repo, number);
    ctx.page(items)
}

fn shown_labels(ctx: &Ctx<'_>, number: u64) -> Outcome<Vec<Value>> {
    let face = ctx.face();
    let pull = ctx.st.pull(ctx.repo, number)?;
    Ok(pull.labels.iter().map(|name| face.label(ctx.repo, name)).collect())
}

fn labels(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = number(ctx)?;
    let items = shown_labels(ctx, number)?;
    ctx.page(items)
}

fn add_labels(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, number(ctx)?);
    let list = ctx.body.get("labels").unwrap_or(&ctx.body).clone();
    let names: Option<Vec<String>> = list.as_array().map(|list| {
        let name = |item: &Value| item.as_str().or_else(|| item["name"].as_str()).map(str::to_owned);
        list.iter().filter_map(name).collect()
    });
    for name in names.ok_or_else(|| Refusal::missing("labels"))? {
        ctx.st.set_label(ctx.repo, number, actor, &name, true)?;
    }
    Ok(Reply::ok(Value::from(shown_labels(ctx, number)?)))
}

fn remove_label(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, number(ctx)?);
    let name = ctx.param("name").to_owned();
    if !ctx.st.pull(ctx.repo, number)?.labels.contains(&name) {
        return Err(Refusal::new(404, "Label does not exist"));
    }
    ctx.st.set_label(ctx.repo, number, actor, &name, false)?;
    Ok(Reply::ok(Value::from(shown_labels(ctx, number)?)))
}
