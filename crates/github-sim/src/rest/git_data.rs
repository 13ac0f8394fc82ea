//! Git data: references, commits, trees, blobs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use git2::{ObjectType, Oid, Repository};
use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::{Outcome, Refusal};
use crate::git::{self, Ident, ZERO};
use crate::state::landed::RefChange;

const READ: &[Need] = &[("contents", Level::Read)];
const WRITE: &[Need] = &[("contents", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("git/get-ref", "GET", "/repos/{owner}/{repo}/git/ref/{ref...}", READ, get_ref),
    Op::new("git/list-matching-refs", "GET", "/repos/{owner}/{repo}/git/matching-refs/{ref...}", READ, matching),
    Op::new("git/create-ref", "POST", "/repos/{owner}/{repo}/git/refs", WRITE, create_ref).role(Role::Write),
    Op::new("git/update-ref", "PATCH", "/repos/{owner}/{repo}/git/refs/{ref...}", WRITE, update_ref).role(Role::Write),
    Op::new("git/delete-ref", "DELETE", "/repos/{owner}/{repo}/git/refs/{ref...}", WRITE, delete_ref).role(Role::Write),
    Op::new("git/get-commit", "GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", READ, get_commit),
    Op::new("git/create-commit", "POST", "/repos/{owner}/{repo}/git/commits", WRITE, create_commit).role(Role::Write),
    Op::new("git/get-tree", "GET", "/repos/{owner}/{repo}/git/trees/{tree_sha...}", READ, get_tree),
    Op::new("git/create-tree", "POST", "/repos/{owner}/{repo}/git/trees", WRITE, create_tree).role(Role::Write),
    Op::new("git/get-blob", "GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", READ, get_blob),
    Op::new("git/create-blob", "POST", "/repos/{owner}/{repo}/git/blobs", WRITE, create_blob).role(Role::Write),
];

fn opened(ctx: &Ctx<'_>) -> Outcome<Repository> {
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    if opened.is_empty().unwrap_or(false) && git::refs(&opened, "refs/")?.is_empty() {
        return Err(Refusal::new(409, "Git Repository is empty."));
    }
    Ok(opened)
}

fn get_ref(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = opened(ctx)?;
    let name = format!("refs/{}", ctx.param("ref"));
    let tip = git::tip(&opened, &name).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(ctx.face().reference(ctx.repo, &name, tip)))
}

fn matching(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = opened(ctx)?;
    let prefix = format!("refs/{}", ctx.param("ref"));
    let face = ctx.face();
    let items: Vec<Value> =
        git::refs(&opened, &prefix)?.into_iter().map(|(name, tip)| face.reference(ctx.repo, &name, tip)).collect();
    Ok(Reply::ok(items.into()))
}

/// The commit of an id in the body.
fn commit_in(ctx: &Ctx<'_>, opened: &Repository, key: &str) -> Outcome<Oid> {
    let sha = ctx.need_text(key)?;
    git::oid(&sha)
        .filter(|id| opened.find_object(*id, None).is_ok())
        .ok_or_else(|| Refusal::new(422, "Object does not exist"))
}

fn create_ref(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let opened = opened(ctx)?;
    let name = ctx.need_text("ref")?;
    let sha = commit_in(ctx, &opened, "sha")?;
    if !name.starts_with("refs/") || name.matches('/').count() < 2 || name.starts_with("refs/pull/") {
        return Err(Refusal::new(422, "Reference name is not valid"));
    }
    if !git2::Reference::is_valid_name(&name) {
        return Err(Refusal::new(422, "Reference name is not valid"));
    }
    if git::tip(&opened, &name).is_some() {
        return Err(Refusal::new(422, "Reference already exists"));
    }
    let change = RefChange { refname: name.clone(), before: ZERO.to_owned(), after: sha.to_string() };
    ctx.st.move_ref(ctx.repo, actor, change)?;
    let body = ctx.face().reference(ctx.repo, &name, sha);
    let url = body["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::created(body).header("location", url))
}

fn update_ref(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let opened = opened(ctx)?;
    let name = format!("refs/{}", ctx.param("ref"));
    let sha = commit_in(ctx, &opened, "sha")?;
    let before = git::tip(&opened, &name).ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    let force = ctx.flag("force")?.unwrap_or(false);
    if !force && !git::is_ancestor(&opened, before, sha) {
        return Err(Refusal::new(422, "Update is not a fast forward"));
    }
    let change = RefChange { refname: name.clone(), before: before.to_string(), after: sha.to_string() };
    ctx.st.move_ref(ctx.repo, actor, change)?;
    Ok(Reply::ok(ctx.face().reference(ctx.repo, &name, sha)))
}

fn delete_ref(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let opened = opened(ctx)?;
    let name = format!("refs/{}", ctx.param("ref"));
    let before = git::tip(&opened, &name).ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    let change = RefChange { refname: name, before: before.to_string(), after: ZERO.to_owned() };
    ctx.st.move_ref(ctx.repo, actor, change)?;
    Ok(Reply::empty())
}

fn get_commit(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let body = ctx.face().git_commit(ctx.repo, ctx.param("commit_sha"));
    if body.is_null() {
        return Err(Refusal::not_found());
    }
    Ok(Reply::ok(body))
}

/// An author or committer of the body, or the caller.
fn ident(ctx: &Ctx<'_>, key: &str, default: &Ident) -> Outcome<Ident> {
    let Value::Object(given) = &ctx.body[key] else {
        return Ok(default.clone());
    };
    let text = |name: &str| {
        let value = given.get(name).and_then(Value::as_str).map(str::to_owned);
        value.ok_or_else(|| Refusal::missing(name))
    };
    let at = match given.get("date").and_then(Value::as_str) {
        Some(date) => date.parse().map_err(|_| Refusal::wrong_type("date", "a timestamp"))?,
        None => default.at,
    };
    Ok(Ident { name: text("name")?, email: text("email")?, at })
}

fn create_commit(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let opened = opened(ctx)?;
    let message = ctx.need_text("message")?;
    let tree = ctx.need_text("tree")?;
    let tree = git::oid(&tree)
        .filter(|id| opened.find_tree(*id).is_ok())
        .ok_or_else(|| Refusal::new(422, "Tree SHA does not exist"))?;
    let mut parents = Vec::new();
    for sha in ctx.texts("parents")? {
        let id = git::oid(&sha).filter(|id| opened.find_commit(*id).is_ok());
        parents.push(id.ok_or_else(|| Refusal::new(422, "Parent SHA does not exist or is not a commit object"))?);
    }
    let own = ctx.st.ident_of(actor.account);
    let author = ident(ctx, "author", &own)?;
    let committer = ident(ctx, "committer", &author)?;
    let sha = git::write_commit(&opened, &author, &committer, &message, tree, &parents)?;
    Ok(Reply::created(ctx.face().git_commit(ctx.repo, &sha.to_string())))
}

fn tree_of(opened: &Repository, name: &str) -> Option<Oid> {
    if let Some(id) = git::oid(name)
        && opened.find_tree(id).is_ok()
    {
        return Some(id);
    }
    let commit = git::commit_at(opened, name)?;
    opened.find_commit(commit).ok().map(|commit| commit.tree_id())
}

fn get_tree(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = opened(ctx)?;
    let id = tree_of(&opened, ctx.param("tree_sha")).ok_or_else(Refusal::not_found)?;
    let recursive = ctx.asked("recursive").is_some();
    let url = ctx.face().repo_url(ctx.repo);
    let mut items = Vec::new();
    list_tree(&opened, &url, id, "", recursive, &mut items)?;
    Ok(Reply::ok(json!({
        "sha": id.to_string(), "url": format!("{url}/git/trees/{id}"), "tree": items,
        "truncated": false,
    })))
}

fn list_tree(
    opened: &Repository,
    url: &str,
    id: Oid,
    prefix: &str,
    recursive: bool,
    items: &mut Vec<Value>,
) -> Outcome<()> {
    let tree = opened.find_tree(id).map_err(git::broken)?;
    for entry in &tree {
        let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
        let kind = entry.kind().unwrap_or(ObjectType::Commit);
        let mut body = json!({
            "path": path, "mode": format!("{:06o}", entry.filemode()), "type": kind.str(),
            "sha": entry.id().to_string(), "url": format!("{url}/git/{kind}s/{}", entry.id()),
        });
        if kind == ObjectType::Blob {
            body["size"] = opened.find_blob(entry.id()).map_or(0, |blob| blob.size()).into();
        }
        items.push(body);
        if recursive && kind == ObjectType::Tree {
            list_tree(opened, url, entry.id(), &format!("{path}/"), true, items)?;
        }
    }
    Ok(())
}

fn create_tree(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = opened(ctx)?;
    let base = match ctx.text("base_tree")? {
        Some(name) => {
            Some(tree_of(&opened, &name).ok_or_else(|| Refusal::new(422, "base_tree is not a valid tree oid"))?)
        }
        None => None,
    };
    let base = match base {
        Some(id) => opened.find_tree(id),
        None => opened.treebuilder(None).and_then(|builder| builder.write()).and_then(|id| opened.find_tree(id)),
    }
    .map_err(git::broken)?;
    let entries = ctx.body["tree"].as_array().ok_or_else(|| Refusal::missing("tree"))?;
    let mut update = git2::build::TreeUpdateBuilder::new();
    for entry in entries {
        let path = entry["path"].as_str().ok_or_else(|| Refusal::missing("path"))?;
        if entry.get("sha").is_some_and(Value::is_null) {
            update.remove(path);
            continue;
        }
        let mode = match entry["mode"].as_str() {
            Some("100644") => git2::FileMode::Blob,
            Some("100755") => git2::FileMode::BlobExecutable,
            Some("040000") => git2::FileMode::Tree,
            Some("120000") => git2::FileMode::Link,
            Some("160000") => git2::FileMode::Commit,
            Some(_) | None => {
                return Err(Refusal::new(422, "tree.mode is not a valid file mode"));
            }
        };
        let id = match (entry["sha"].as_str().and_then(git::oid), entry["content"].as_str()) {
            (Some(id), _) => id,
            (None, Some(content)) => opened.blob(content.as_bytes()).map_err(git::broken)?,
            (None, None) => return Err(Refusal::new(422, "tree.sha is not a valid object")),
        };
        update.upsert(path, id, mode);
    }
    let id = update
        .create_updated(&opened, &base)
        .map_err(|error| Refusal::new(422, format!("tree is not valid: {}", error.message())))?;
    let url = ctx.face().repo_url(ctx.repo);
    let mut items = Vec::new();
    list_tree(&opened, &url, id, "", false, &mut items)?;
    Ok(Reply::created(json!({
        "sha": id.to_string(), "url": format!("{url}/git/trees/{id}"), "tree": items,
        "truncated": false,
    })))
}

fn get_blob(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = opened(ctx)?;
    let id = git::oid(ctx.param("file_sha")).ok_or_else(Refusal::not_found)?;
    let blob = opened.find_blob(id).map_err(|_| Refusal::not_found())?;
    if super::contents::wants_raw(ctx) {
        return Ok(Reply::raw("application/vnd.github.raw", blob.content().to_vec()));
    }
    let url = ctx.face().repo_url(ctx.repo);
    Ok(Reply::ok(json!({
        "sha": id.to_string(), "node_id": format!("B_{}_{id}", ctx.repo), "size": blob.size(),
        "url": format!("{url}/git/blobs/{id}"), "content": STANDARD.encode(blob.content()),
        "encoding": "base64",
    })))
}

fn create_blob(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = opened(ctx)?;
    let content = ctx.need_text("content")?;
    let bytes = match ctx.text("encoding")?.as_deref() {
        None | Some("utf-8") => content.into_bytes(),
        Some("base64") => super::contents::unwrapped(&content)?,
        Some(_) => return Err(Refusal::invalid().field("Blob", "encoding", "invalid")),
    };
    let id = opened.blob(&bytes).map_err(git::broken)?;
    let url = ctx.face().repo_url(ctx.repo);
    Ok(Reply::created(json!({
        "sha": id.to_string(), "url": format!("{url}/git/blobs/{id}"),
    })))
}
