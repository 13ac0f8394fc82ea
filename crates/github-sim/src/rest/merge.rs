//! Merging: a pull request, or one branch into another.

use serde_json::json;

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::{Outcome, Refusal};
use crate::state::merge::{MergeWish, Method};

const READ: &[Need] = &[("pull_requests", Level::Read)];
const CONTENTS: &[Need] = &[("contents", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("pulls/check-if-merged", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", READ, is_merged),
    Op::new("pulls/merge", "PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", CONTENTS, merge).role(Role::Write),
    Op::new("repos/merge", "POST", "/repos/{owner}/{repo}/merges", CONTENTS, merge_branch).role(Role::Write),
];

/// Reads `merge` (the default), `squash` or `rebase`.
pub(crate) fn method(text: Option<&str>) -> Outcome<Method> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("merge") => Ok(Method::Merge),
        Some("squash") => Ok(Method::Squash),
        Some("rebase") => Ok(Method::Rebase),
        Some(_) => Err(Refusal::invalid().field("PullRequest", "merge_method", "invalid")),
    }
}

fn is_merged(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let pull = ctx.st.pull(ctx.repo, ctx.number("pull_number")?)?;
    if pull.merged.is_some() {
        return Ok(Reply::empty());
    }
    Err(Refusal::not_found())
}

fn merge(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, ctx.number("pull_number")?);
    let wish = MergeWish {
        method: method(ctx.text("merge_method")?.as_deref())?,
        expected_head: ctx.text("sha")?,
        title: ctx.text("commit_title")?,
        message: ctx.text("commit_message")?,
    };
    if wish.expected_head.as_ref().is_some_and(|sha| sha.len() != 40) {
        return Err(Refusal::invalid().field("PullRequest", "sha", "invalid"));
    }
    let sha = ctx.st.merge_pull(ctx.repo, number, actor, &wish)?;
    Ok(Reply::ok(json!({
        "sha": sha, "merged": true, "message": "Pull Request successfully merged",
    })))
}

fn merge_branch(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let (base, head) = (ctx.need_text("base")?, ctx.need_text("head")?);
    let message = ctx.text("commit_message")?;
    match ctx.st.merge_branch(ctx.repo, actor, &base, &head, message)? {
        Some(sha) => Ok(Reply::created(ctx.face().commit_full(ctx.repo, &sha))),
        None => Ok(Reply::empty()),
    }
}
