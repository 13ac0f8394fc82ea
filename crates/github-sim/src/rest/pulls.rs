//! Pull requests: list, open, read, change, files, commits.

use serde_json::Value;

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::Level;
use crate::error::{Outcome, Refusal};
use crate::state::pulls::{NewPull, Pull, PullEdit};

const READ: &[Need] = &[("pull_requests", Level::Read)];
const WRITE: &[Need] = &[("pull_requests", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("pulls/list", "GET", "/repos/{owner}/{repo}/pulls", READ, list),
    Op::new("pulls/create", "POST", "/repos/{owner}/{repo}/pulls", WRITE, create),
    Op::new("pulls/get", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}", READ, get),
    Op::new("pulls/update", "PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}", WRITE, update),
    Op::new("pulls/list-files", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", READ, files),
    Op::new("pulls/list-commits", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", READ, commits),
];

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let state = ctx.asked("state").unwrap_or("open").to_owned();
    let head = ctx.asked("head").map(str::to_owned);
    let base = ctx.asked("base").map(str::to_owned);
    let newest_first = match (ctx.asked("direction"), ctx.asked("sort")) {
        (Some(direction), _) => direction != "asc",
        (None, None | Some("created")) => true,
        (None, Some(_)) => false,
    };
    let by_update = ctx.asked("sort") == Some("updated");
    let here = ctx.st.repo(ctx.repo)?;
    let fits = |pull: &&Pull| {
        let open = match state.as_str() {
            "open" => pull.open,
            "closed" => !pull.open,
            _ => true,
        };
        let from = head.as_ref().is_none_or(|head| match head.split_once(':') {
            Some((owner, branch)) => {
                let at = ctx.st.repos.get(&pull.head_repo).map_or(0, |repo| repo.owner);
                branch == pull.head_ref && ctx.st.login(at).eq_ignore_ascii_case(owner)
            }
            // GitHub ignores a head without an owner.
            None => true,
        });
        open && from && base.as_ref().is_none_or(|base| *base == pull.base_ref)
    };
    let mut found: Vec<&Pull> = here.pulls.values().filter(fits).collect();
    if by_update {
        found.sort_by_key(|pull| (pull.updated_at, pull.number));
    }
    if newest_first {
        found.reverse();
    }
    let face = ctx.face();
    let items = found.iter().map(|pull| face.pull_simple(ctx.repo, pull.number)).collect();
    ctx.page(items)
}

fn create(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let missing = |field: &str| Refusal::invalid().field("PullRequest", field, "missing_field");
    let new = NewPull {
        title: ctx.text("title")?.ok_or_else(|| missing("title"))?,
        body: ctx.text("body")?,
        head: ctx.need_text("head")?,
        base: ctx.need_text("base")?,
        draft: ctx.flag("draft")?.unwrap_or(false),
    };
    let number = ctx.st.open_pull(ctx.repo, actor, new)?;
    let body = ctx.face().pull_full(ctx.repo, number);
    let url = body["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::created(body).header("location", url))
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = ctx.number("pull_number")?;
    ctx.st.pull(ctx.repo, number)?;
    ctx.st.test_merge(ctx.repo, number)?;
    let body = ctx.face().pull_full(ctx.repo, number);
    ctx.st.polled(ctx.repo, number);
    Ok(Reply::ok(body))
}

fn update(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, number) = (ctx.actor()?, ctx.number("pull_number")?);
    let open = match ctx.text("state")?.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(Refusal::invalid().field("PullRequest", "state", "invalid")),
    };
    let edit = PullEdit { title: ctx.text("title")?, body: ctx.text("body")?, base: ctx.text("base")?, open };
    ctx.st.edit_pull(ctx.repo, number, actor, edit)?;
    Ok(Reply::ok(ctx.face().pull_full(ctx.repo, number)))
}

fn files(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = ctx.number("pull_number")?;
    let pull = ctx.st.pull(ctx.repo, number)?;
    let face = ctx.face();
    let (_, files) = face.pull_range(ctx.repo, pull);
    let most = ctx.st.caps.pull_files;
    let items: Vec<Value> = files.iter().take(most).map(|file| face.file(ctx.repo, &pull.head_sha, file)).collect();
    ctx.page(items)
}

fn commits(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let number = ctx.number("pull_number")?;
    let pull = ctx.st.pull(ctx.repo, number)?;
    let face = ctx.face();
    let (commits, _) = face.pull_range(ctx.repo, pull);
    let most = ctx.st.caps.pull_commits;
    let items: Vec<Value> = commits.iter().take(most).map(|id| face.commit(ctx.repo, &id.to_string())).collect();
    ctx.page(items)
}
