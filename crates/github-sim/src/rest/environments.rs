//! Secrets of environments.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::clock::stamp;
use crate::error::{Outcome, Refusal};
use crate::state::environments::{LARGEST, MOST, Secret};

const READ: &[Need] = &[("environments", Level::Read)];
const WRITE: &[Need] = &[("environments", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new(
        "actions/list-environment-secrets",
        "GET",
        "/repos/{owner}/{repo}/environments/{environment_name}/secrets",
        READ,
        list,
    )
    .role(Role::Write),
    Op::new(
        "actions/get-environment-public-key",
        "GET",
        "/repos/{owner}/{repo}/environments/{environment_name}/secrets/public-key",
        READ,
        key,
    ),
    Op::new(
        "actions/get-environment-secret",
        "GET",
        "/repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}",
        READ,
        get,
    )
    .role(Role::Write),
    Op::new(
        "actions/create-or-update-environment-secret",
        "PUT",
        "/repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}",
        WRITE,
        put,
    )
    .role(Role::Write),
    Op::new(
        "actions/delete-environment-secret",
        "DELETE",
        "/repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}",
        WRITE,
        delete,
    )
    .role(Role::Write),
];

fn shown(name: &str, secret: &Secret) -> Value {
    json!({"name": name, "created_at": stamp(secret.created_at), "updated_at": stamp(secret.updated_at)})
}

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let name = ctx.param("environment_name").to_owned();
    let found = ctx.st.environment(ctx.repo, &name)?;
    let items = found.secrets.iter().map(|(name, secret)| shown(name, secret)).collect();
    ctx.page_in("secrets", items)
}

fn key(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let name = ctx.param("environment_name").to_owned();
    let repo = ctx.repo;
    let found = ctx.st.environment(repo, &name)?;
    let shown = json!({"key_id": found.key_id(), "key": found.public_key(repo, &name)});
    if std::mem::take(&mut found.restless) {
        found.rotations += 1;
    }
    Ok(Reply::ok(shown))
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (name, secret) = names(ctx);
    let found = ctx.st.environment(ctx.repo, &name)?;
    let secret_found = found.secrets.get(&secret).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shown(&secret, secret_found)))
}

fn put(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (name, secret) = names(ctx);
    let (sealed, key_id) = (ctx.need_text("encrypted_value")?, ctx.need_text("key_id")?);
    let now = ctx.st.now();
    let found = ctx.st.environment(ctx.repo, &name)?;
    if key_id != found.key_id() {
        return Err(Refusal::new(422, "The key_id does not match the public key of the environment"));
    }
    fits(&secret)?;
    let value = found.unseal((ctx.repo, &name), &sealed)?;
    if value.len() > LARGEST {
        return Err(Refusal::new(422, "The secret value is too large"));
    }
    if let Some(known) = found.secrets.get_mut(&secret) {
        *known = Secret { value, created_at: known.created_at, updated_at: now };
        return Ok(Reply::empty());
    }
    if found.secrets.len() >= MOST {
        return Err(Refusal::new(422, "The environment has too many secrets"));
    }
    found.secrets.insert(secret, Secret { value, created_at: now, updated_at: now });
    Ok(Reply::created(json!({})))
}

fn delete(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (name, secret) = names(ctx);
    let found = ctx.st.environment(ctx.repo, &name)?;
    found.secrets.remove(&secret).ok_or_else(Refusal::not_found)?;
    Ok(Reply::empty())
}

/// Environment and secret of the path; secrets are kept in upper case.
fn names(ctx: &Ctx<'_>) -> (String, String) {
    (ctx.param("environment_name").to_owned(), ctx.param("secret_name").to_ascii_uppercase())
}

fn fits(name: &str) -> Outcome<()> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !plain || name.starts_with(|first: char| first.is_ascii_digit()) {
        let words = "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). \
                     Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).";
        return Err(Refusal::new(422, words));
    }
    if name.starts_with("GITHUB_") {
        return Err(Refusal::new(422, "Secret names must not start with GITHUB_."));
    }
    Ok(())
}
