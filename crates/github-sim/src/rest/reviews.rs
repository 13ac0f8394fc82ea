//! Reviews and requests for them.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::{Outcome, Refusal};
use crate::state::reviews::{NewReview, ReviewState, Verdict};

const READ: &[Need] = &[("pull_requests", Level::Read)];
const WRITE: &[Need] = &[("pull_requests", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("pulls/list-reviews", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", READ, list),
    Op::new("pulls/create-review", "POST", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", WRITE, create),
    Op::new("pulls/get-review", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", READ, get),
    Op::new("pulls/update-review", "PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", WRITE, edit),
    Op::new(
        "pulls/submit-review",
        "POST",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events",
        WRITE,
        submit,
    ),
    Op::new(
        "pulls/dismiss-review",
        "PUT",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals",
        WRITE,
        dismiss,
    )
    .role(Role::Write),
    Op::new(
        "pulls/list-requested-reviewers",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        READ,
        requested,
    ),
    Op::new(
        "pulls/request-reviewers",
        "POST",
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        WRITE,
        request,
    )
    .role(Role::Write),
    Op::new(
        "pulls/remove-requested-reviewers",
        "DELETE",
        "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
        WRITE,
        withdraw,
    )
    .role(Role::Write),
];

fn verdict(text: &str) -> Outcome<Verdict> {
    match text {
        "APPROVE" => Ok(Verdict::Approve),
        "REQUEST_CHANGES" => Ok(Verdict::RequestChanges),
        "COMMENT" => Ok(Verdict::Comment),
        _ => Err(Refusal::invalid().field("PullRequestReview", "event", "invalid")),
    }
}

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = ctx.number("pull_number")?;
    let pull = ctx.st.pull(ctx.repo, number)?;
    let me = ctx.actor().ok().map(|actor| actor.account);
    let face = ctx.face();
    let items = pull
        .reviews
        .iter()
        .filter(|review| review.state != ReviewState::Pending || Some(review.author.account) == me)
        .map(|review| face.review_of(ctx.repo, number, review))
        .collect();
    ctx.page(items)
}

fn create(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, ctx.number("pull_number")?);
    let new = NewReview {
        verdict: ctx.text("event")?.as_deref().map(verdict).transpose()?,
        body: ctx.text("body")?.unwrap_or_default(),
        commit: ctx.text("commit_id")?,
    };
    let id = ctx.st.submit_review(ctx.repo, number, actor, new)?;
    Ok(Reply::ok(ctx.face().review(ctx.repo, number, id)))
}

fn place(ctx: &Ctx<'_>) -> Outcome<(u64, u64)> {
    let (number, review) = (ctx.number("pull_number")?, ctx.number("review_id")?);
    ctx.st.review(ctx.repo, number, review)?;
    Ok((number, review))
}

fn show(ctx: &Ctx<'_>, number: u64, review: u64) -> Outcome<Reply> {
    Ok(Reply::ok(ctx.face().review(ctx.repo, number, review)))
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (number, review) = place(ctx)?;
    show(ctx, number, review)
}

fn edit(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (number, review) = place(ctx)?;
    let (actor, body) = (ctx.actor()?, ctx.need_text("body")?);
    ctx.st.edit_review(ctx.repo, number, review, actor, body)?;
    show(ctx, number, review)
}

fn submit(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (number, review) = place(ctx)?;
    let (actor, verdict) = (ctx.actor()?, verdict(&ctx.need_text("event")?)?);
    ctx.st.submit_pending(ctx.repo, number, review, actor, verdict)?;
    show(ctx, number, review)
}

fn dismiss(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (number, review) = place(ctx)?;
    let actor = ctx.actor()?;
    ctx.need_text("message")?;
    ctx.st.dismiss_review(ctx.repo, number, review, actor)?;
    show(ctx, number, review)
}

fn requested(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let pull = ctx.st.pull(ctx.repo, ctx.number("pull_number")?)?;
    let face = ctx.face();
    let users: Vec<Value> = pull.requested_people.iter().map(|id| face.user(*id)).collect();
    let teams: Vec<Value> = pull.requested_teams.iter().map(|id| face.team(*id)).collect();
    Ok(Reply::ok(json!({"users": users, "teams": teams})))
}

fn request(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, ctx.number("pull_number")?);
    let (people, teams) = (ctx.texts("reviewers")?, ctx.texts("team_reviewers")?);
    ctx.st.request_reviews(ctx.repo, number, actor, &people, &teams)?;
    Ok(Reply::created(ctx.face().pull_simple(ctx.repo, number)))
}

fn withdraw(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, ctx.number("pull_number")?);
    if ctx.body["reviewers"].is_null() {
        return Err(Refusal::missing("reviewers"));
    }
    let (people, teams) = (ctx.texts("reviewers")?, ctx.texts("team_reviewers")?);
    ctx.st.withdraw_requests(ctx.repo, number, actor, &people, &teams)?;
    Ok(Reply::ok(ctx.face().pull_simple(ctx.repo, number)))
}
