//! Commits: list, read, compare, and the pull requests they came with.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::Level;
use crate::error::{Outcome, Refusal};
use crate::git;

const READ: &[Need] = &[("contents", Level::Read)];
const PULLS: &[Need] = &[("pull_requests", Level::Read), ("contents", Level::Read)];

pub(super) const OPS: &[Op] = &[
    Op::new("repos/compare-commits", "GET", "/repos/{owner}/{repo}/compare/{basehead...}", READ, compare),
    Op::new(
        "repos/list-pull-requests-associated-with-commit",
        "GET",
        "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
        PULLS,
        pulls,
    ),
    Op::new("repos/list-commits", "GET", "/repos/{owner}/{repo}/commits", READ, list),
    Op::new("repos/get-commit", "GET", "/repos/{owner}/{repo}/commits/{ref...}", READ, get),
];

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let here = ctx.st.repo(ctx.repo)?;
    let opened = git::open(&here.dir)?;
    let name = ctx.asked("sha").unwrap_or(&here.default_branch);
    let at = git::commit_at(&opened, name).ok_or_else(|| {
        if opened.is_empty().unwrap_or(false) {
            Refusal::new(409, "Git Repository is empty.")
        } else {
            Refusal::not_found()
        }
    })?;
    let path = ctx.asked("path").map(str::to_owned);
    let mut found = git::between(&opened, None, at, 10_000)?;
    if let Some(path) = path {
        found.retain(|id| touches(&opened, *id, &path));
    }
    let (page, size) = ctx.window()?;
    let last = found.len().div_ceil(size).max(1);
    let face = ctx.face();
    let items: Vec<Value> =
        found.iter().skip((page - 1) * size).take(size).map(|id| face.commit(ctx.repo, &id.to_string())).collect();
    let reply = Reply::ok(items.into());
    Ok(match ctx.links(page, size, last) {
        Some(links) => reply.header("link", links),
        None => reply,
    })
}

fn touches(opened: &git2::Repository, id: git2::Oid, path: &str) -> bool {
    let entry = |id: git2::Oid| git::entry_at(opened, id, path).map(|(id, mode, _)| (id, mode));
    let parents: Vec<git2::Oid> =
        opened.find_commit(id).map(|commit| commit.parent_ids().collect()).unwrap_or_default();
    if parents.is_empty() {
        return entry(id).is_some();
    }
    parents.iter().all(|parent| entry(*parent) != entry(id))
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let sha = super::checks::commit_of(ctx)?;
    let accept = ctx.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("sha")) {
        return Ok(Reply::raw("application/vnd.github.sha; charset=utf-8", sha.into_bytes()));
    }
    Ok(Reply::ok(ctx.face().commit_full(ctx.repo, &sha)))
}

fn pulls(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let sha = ctx.param("commit_sha").to_owned();
    let here = ctx.st.repo(ctx.repo)?;
    let opened = git::open(&here.dir)?;
    let id = git::oid(&sha)
        .filter(|id| opened.find_commit(*id).is_ok())
        .ok_or_else(|| Refusal::new(422, format!("No commit found for SHA: {sha}")))?;
    let face = ctx.face();
    let items = here
        .pulls
        .values()
        .filter(|pull| {
            let merge = pull.merged.as_ref().is_some_and(|merged| merged.commit == sha);
            merge || face.pull_range(ctx.repo, pull).0.contains(&id)
        })
        .map(|pull| face.pull_simple(ctx.repo, pull.number))
        .collect();
    ctx.page(items)
}

fn compare(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    let span = ctx.param("basehead").to_owned();
    let (base_name, head_name) = span.split_once("...").ok_or_else(Refusal::not_found)?;
    let resolve = |name: &str| {
        let name = name.split_once(':').map_or(name, |(_, branch)| branch);
        git::commit_at(&opened, name).ok_or_else(Refusal::not_found)
    };
    let (base, head) = (resolve(base_name)?, resolve(head_name)?);
    let fork = opened
        .merge_base(base, head)
        .map_err(|_| Refusal::new(404, format!("No common ancestor between {base_name} and {head_name}.")))?;
    let (ahead, behind) = opened.graph_ahead_behind(head, base).map_err(git::broken)?;
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        (_, _) => "diverged",
    };
    let mut commits = git::between(&opened, Some(base), head, 10_000)?;
    commits.reverse();
    let total = commits.len();
    let paged = ctx.asked("page").is_some() || ctx.asked("per_page").is_some();
    let (page, size) = if paged { ctx.window()? } else { (1, 250) };
    let face = ctx.face();
    let items: Vec<Value> =
        commits.iter().skip((page - 1) * size).take(size).map(|id| face.commit(ctx.repo, &id.to_string())).collect();
    let most = ctx.st.caps.compare_files;
    let files: Vec<Value> = if page == 1 {
        git::changes(&opened, Some(fork), head, true)?
            .iter()
            .take(most)
            .map(|file| face.file(ctx.repo, &head.to_string(), file))
            .collect()
    } else {
        Vec::new()
    };
    let url = format!("{}/compare/{span}", face.repo_url(ctx.repo));
    let page_url = format!("{}/compare/{span}", face.repo_page(ctx.repo));
    let reply = Reply::ok(json!({
        "url": url, "html_url": page_url, "permalink_url": page_url,
        "diff_url": format!("{page_url}.diff"), "patch_url": format!("{page_url}.patch"),
        "base_commit": face.commit(ctx.repo, &base.to_string()),
        "merge_base_commit": face.commit(ctx.repo, &fork.to_string()),
        "status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": total,
        "commits": items, "files": files,
    }));
    let links = ctx.links(page, size, total.div_ceil(size).max(1));
    Ok(match links {
        Some(links) if paged => reply.header("link", links),
        Some(_) | None => reply,
    })
}
