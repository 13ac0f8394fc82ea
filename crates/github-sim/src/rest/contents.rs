//! Files by path.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use git2::{ObjectType, Oid};
use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role, Who};
use crate::error::{Outcome, Refusal};
use crate::git::{self, ZERO};
use crate::state::landed::RefChange;

const READ: &[Need] = &[("contents", Level::Read)];
const WRITE: &[Need] = &[("contents", Level::Write)];
/// Larger files are only served raw.
const LARGEST_INLINE: usize = 1024 * 1024;

pub(super) const OPS: &[Op] = &[
    Op::new("repos/get-content", "GET", "/repos/{owner}/{repo}/contents", READ, get),
    Op::new("repos/get-content", "GET", "/repos/{owner}/{repo}/contents/{path...}", READ, get),
    Op::new("repos/create-or-update-file-contents", "PUT", "/repos/{owner}/{repo}/contents/{path...}", WRITE, put)
        .role(Role::Write),
    Op::new("repos/delete-file", "DELETE", "/repos/{owner}/{repo}/contents/{path...}", WRITE, delete).role(Role::Write),
];

/// Whether the caller asked for bytes instead of JSON.
pub(super) fn wants_raw(ctx: &Ctx<'_>) -> bool {
    ctx.headers
        .get(http::header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("raw"))
}

/// Decodes base64 with line breaks in it.
pub(super) fn unwrapped(text: &str) -> Outcome<Vec<u8>> {
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).map_err(|_| Refusal::new(422, "content is not valid Base64"))
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let here = ctx.st.repo(ctx.repo)?;
    let opened = git::open(&here.dir)?;
    let asked = ctx.asked("ref").unwrap_or(&here.default_branch).to_owned();
    let at = git::commit_at(&opened, &asked)
        .ok_or_else(|| Refusal::new(404, format!("No commit found for the ref {asked}")))?;
    let path = ctx.param("path").trim_matches('/').to_owned();
    let (id, mode, kind) = git::entry_at(&opened, at, &path).ok_or_else(Refusal::not_found)?;
    if kind == ObjectType::Tree {
        let tree = opened.find_tree(id).map_err(git::broken)?;
        let items: Vec<Value> = tree
            .iter()
            .take(1000)
            .map(|entry| {
                let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                let full = if path.is_empty() { name } else { format!("{path}/{name}") };
                item(ctx, &opened, &asked, &full, entry.id(), entry.filemode())
            })
            .collect();
        return Ok(Reply::ok(items.into()));
    }
    let blob = opened.find_blob(id).map_err(|_| Refusal::not_found())?;
    if wants_raw(ctx) {
        return Ok(Reply::raw("application/vnd.github.raw; charset=utf-8", blob.content().to_vec()));
    }
    let mut body = item(ctx, &opened, &asked, &path, id, mode);
    if blob.size() > LARGEST_INLINE {
        body["encoding"] = "none".into();
        body["content"] = "".into();
    } else {
        body["encoding"] = "base64".into();
        body["content"] = wrapped(blob.content()).into();
    }
    Ok(Reply::ok(body))
}

/// Base64 in lines of sixty, as GitHub has it.
fn wrapped(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(60) {
        out.push_str(&String::from_utf8_lossy(chunk));
        out.push('\n');
    }
    out
}

fn item(ctx: &Ctx<'_>, opened: &git2::Repository, asked: &str, path: &str, id: Oid, mode: i32) -> Value {
    let face = ctx.face();
    let url = format!("{}/contents/{path}?ref={asked}", face.repo_url(ctx.repo));
    let page = face.repo_page(ctx.repo);
    let (kind, word) = match mode {
        0o040_000 => ("dir", "tree"),
        0o160_000 => ("submodule", "tree"),
        0o120_000 => ("symlink", "blob"),
        _ => ("file", "blob"),
    };
    let size = opened.find_blob(id).map_or(0, |blob| blob.size());
    let html = format!("{page}/{word}/{asked}/{path}");
    let object = format!("{}/git/{word}s/{id}", face.repo_url(ctx.repo));
    let raw = (word == "blob").then(|| format!("{page}/raw/{asked}/{path}"));
    let mut body = json!({
        "type": kind, "size": size, "name": path.rsplit('/').next(), "path": path,
        "sha": id.to_string(), "url": url, "git_url": object, "html_url": html,
        "download_url": raw, "_links": {"self": url, "git": object, "html": html},
    });
    if kind == "symlink" {
        let target = opened.find_blob(id).map(|blob| blob.content().to_vec());
        body["target"] = String::from_utf8_lossy(&target.unwrap_or_default()).into();
    }
    body
}

fn put(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let content = unwrapped(&ctx.need_text("content")?)?;
    write(ctx, Some(content))
}

fn delete(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    ctx.need_text("sha")?;
    write(ctx, None)
}

fn write(ctx: &mut Ctx<'_>, content: Option<Vec<u8>>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let message = ctx.need_text("message")?;
    let path = ctx.param("path").to_owned();
    check_workflows(ctx, &path)?;
    let here = ctx.st.repo(ctx.repo)?;
    let branch = ctx.text("branch")?.unwrap_or_else(|| here.default_branch.clone());
    let opened = git::open(&here.dir)?;
    let refname = format!("refs/heads/{branch}");
    let tip = git::tip(&opened, &refname);
    if tip.is_none() && !opened.is_empty().unwrap_or(false) {
        return Err(Refusal::new(404, format!("Branch {branch} not found")));
    }
    let now_there = tip.and_then(|tip| git::entry_at(&opened, tip, &path));
    match (now_there, ctx.text("sha")?) {
        (Some((id, ..)), Some(sha)) if id.to_string() == sha => {}
        (None, None) => {}
        (Some(_), None) => {
            return Err(Refusal::new(422, "Invalid request.\n\n\"sha\" wasn't supplied."));
        }
        (Some(_) | None, Some(sha)) => {
            return Err(Refusal::new(409, format!("{path} does not match {sha}")));
        }
    }
    let created = now_there.is_none();
    let deleted = content.is_none();
    let tree = git::edited_tree(&opened, tip, &[(path.clone(), content)])?;
    let author = ctx.st.ident_of(actor.account);
    let committer = git::web_flow(ctx.st.now());
    let parents: Vec<Oid> = tip.into_iter().collect();
    let commit = git::write_commit(&opened, &author, &committer, &message, tree, &parents)?;
    let change = RefChange {
        refname,
        before: tip.map_or_else(|| ZERO.to_owned(), |tip| tip.to_string()),
        after: commit.to_string(),
    };
    ctx.st.move_ref(ctx.repo, actor, change).map_err(|refusal| {
        // The contents API answers rule violations with 409.
        Refusal::new(409, refusal.message())
    })?;
    let file = git::entry_at(&opened, commit, &path)
        .filter(|_| !deleted)
        .map_or(Value::Null, |(id, mode, _)| item(ctx, &opened, &branch, &path, id, mode));
    let shown = ctx.face().git_commit(ctx.repo, &commit.to_string());
    let status = if created { 201 } else { 200 };
    Ok(Reply::new(status, json!({"content": file, "commit": shown})))
}

/// Workflow files need their own permission.
fn check_workflows(ctx: &Ctx<'_>, path: &str) -> Outcome<()> {
    let Who::Installation(access) = &ctx.who else {
        return Ok(());
    };
    if path.starts_with(".github/workflows/") && !access.permissions.contains_key("workflows") {
        return Err(Refusal::new(403, "Resource not accessible by integration"));
    }
    Ok(())
}
