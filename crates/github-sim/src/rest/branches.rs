//! Branches and classic protection.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::error::{Outcome, Refusal};
use crate::git;

const CONTENTS: &[Need] = &[("contents", Level::Read)];
const ADMIN_READ: &[Need] = &[("administration", Level::Read)];
const ADMIN: &[Need] = &[("administration", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new(
        "repos/get-branch-protection",
        "GET",
        "/repos/{owner}/{repo}/branches/{branch...}/protection",
        ADMIN_READ,
        protection,
    )
    .role(Role::Admin),
    Op::new(
        "repos/update-branch-protection",
        "PUT",
        "/repos/{owner}/{repo}/branches/{branch...}/protection",
        ADMIN,
        protect,
    )
    .role(Role::Admin),
    Op::new(
        "repos/delete-branch-protection",
        "DELETE",
        "/repos/{owner}/{repo}/branches/{branch...}/protection",
        ADMIN,
        unprotect,
    )
    .role(Role::Admin),
    Op::new("repos/list-branches", "GET", "/repos/{owner}/{repo}/branches", CONTENTS, list),
    Op::new("repos/get-branch", "GET", "/repos/{owner}/{repo}/branches/{branch...}", CONTENTS, get),
    Op::new(
        "repos/list-branches-for-head-commit",
        "GET",
        "/repos/{owner}/{repo}/commits/{commit_sha}/branches-where-head",
        CONTENTS,
        at_head,
    ),
];

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let here = ctx.st.repo(ctx.repo)?;
    let opened = git::open(&here.dir)?;
    let only = ctx.asked("protected").and_then(|text| text.parse::<bool>().ok());
    let face = ctx.face();
    let items = git::refs(&opened, "refs/heads/")?
        .into_iter()
        .filter_map(|(name, tip)| {
            let name = name.strip_prefix("refs/heads/")?;
            Some(face.branch(ctx.repo, name, &tip.to_string(), false))
        })
        .filter(|branch| only.is_none_or(|only| branch["protected"] == json!(only)))
        .collect();
    ctx.page(items)
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let name = ctx.param("branch").to_owned();
    let tip = ctx.st.branch_tip(ctx.repo, &name)?.ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    Ok(Reply::ok(ctx.face().branch(ctx.repo, &name, &tip.to_string(), true)))
}

fn at_head(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    let sha = ctx.param("commit_sha").to_owned();
    let face = ctx.face();
    let items = git::refs(&opened, "refs/heads/")?
        .into_iter()
        .filter(|(_, tip)| tip.to_string() == sha)
        .filter_map(|(name, _)| {
            let name = name.strip_prefix("refs/heads/")?.to_owned();
            Some(face.branch(ctx.repo, &name, &sha, false))
        })
        .collect();
    ctx.page(items)
}

fn protection(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let branch = ctx.param("branch").to_owned();
    if ctx.st.branch_tip(ctx.repo, &branch)?.is_none() {
        return Err(Refusal::new(404, "Branch not found"));
    }
    let here = ctx.st.repo(ctx.repo)?;
    let put = here.protections.get(&branch).ok_or_else(|| Refusal::new(404, "Branch not protected"))?;
    let url = format!("{}/branches/{branch}/protection", ctx.face().repo_url(ctx.repo));
    Ok(Reply::ok(shown(&url, put)))
}

/// Protection as it is read: switches become objects with `enabled`.
fn shown(url: &str, put: &Value) -> Value {
    let switch = |key: &str| json!({"enabled": put[key] == json!(true)});
    let mut body = json!({
        "url": url,
        "enforce_admins": {
            "url": format!("{url}/enforce_admins"), "enabled": put["enforce_admins"] == json!(true),
        },
        "required_linear_history": switch("required_linear_history"),
        "allow_force_pushes": switch("allow_force_pushes"),
        "allow_deletions": switch("allow_deletions"),
        "block_creations": switch("block_creations"),
        "required_conversation_resolution": switch("required_conversation_resolution"),
        "lock_branch": switch("lock_branch"), "allow_fork_syncing": switch("allow_fork_syncing"),
        "required_signatures": {"url": format!("{url}/required_signatures"), "enabled": false},
    });
    let checks = &put["required_status_checks"];
    if checks.is_object() {
        let list = checks["checks"].as_array().cloned().unwrap_or_default();
        let contexts: Vec<Value> = match checks["contexts"].as_array() {
            Some(contexts) if !contexts.is_empty() => contexts.clone(),
            Some(_) | None => list.iter().map(|check| check["context"].clone()).collect(),
        };
        let list: Vec<Value> = list.iter().map(|c| json!({"context": c["context"], "app_id": c["app_id"]})).collect();
        body["required_status_checks"] = json!({
            "url": format!("{url}/required_status_checks"), "strict": checks["strict"] == json!(true),
            "contexts": contexts, "checks": list,
            "contexts_url": format!("{url}/required_status_checks/contexts"),
        });
    }
    let reviews = &put["required_pull_request_reviews"];
    if reviews.is_object() {
        let flag = |key: &str| reviews[key] == json!(true);
        body["required_pull_request_reviews"] = json!({
            "url": format!("{url}/required_pull_request_reviews"),
            "dismiss_stale_reviews": flag("dismiss_stale_reviews"),
            "require_code_owner_reviews": flag("require_code_owner_reviews"),
            "require_last_push_approval": flag("require_last_push_approval"),
            "required_approving_review_count":
                reviews["required_approving_review_count"].as_u64().unwrap_or(0),
        });
    }
    body
}

fn protect(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let branch = ctx.param("branch").to_owned();
    if ctx.st.branch_tip(ctx.repo, &branch)?.is_none() {
        return Err(Refusal::new(404, "Branch not found"));
    }
    let required = ["required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions"];
    for key in required {
        if ctx.body.get(key).is_none() {
            return Err(Refusal::missing(key));
        }
    }
    let put = ctx.body.clone();
    ctx.st.repo_mut(ctx.repo)?.protections.insert(branch, put);
    protection(ctx)
}

fn unprotect(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let branch = ctx.param("branch").to_owned();
    match ctx.st.repo_mut(ctx.repo)?.protections.remove(&branch) {
        Some(_) => Ok(Reply::empty()),
        None => Err(Refusal::new(404, "Branch not protected")),
    }
}
