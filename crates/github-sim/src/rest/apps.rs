//! Apps, installations, tokens.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Auth, Op};
use super::reply::Reply;
use crate::access::{Actor, Level};
use crate::clock::stamp;
use crate::error::{Outcome, Refusal};
use crate::render::people::permissions;

pub(super) const OPS: &[Op] = &[
    Op::new("apps/get-authenticated", "GET", "/app", &[], app).auth(Auth::App),
    Op::new("apps/create-from-manifest", "POST", "/app-manifests/{code}/conversions", &[], convert).auth(Auth::Open),
    Op::new("apps/list-installations", "GET", "/app/installations", &[], installations).auth(Auth::App),
    Op::new("apps/get-installation", "GET", "/app/installations/{installation_id}", &[], installation).auth(Auth::App),
    Op::new(
        "apps/create-installation-access-token",
        "POST",
        "/app/installations/{installation_id}/access_tokens",
        &[],
        mint,
    )
    .auth(Auth::App),
    Op::new("apps/suspend-installation", "PUT", "/app/installations/{installation_id}/suspended", &[], suspend)
        .auth(Auth::App),
    Op::new("apps/unsuspend-installation", "DELETE", "/app/installations/{installation_id}/suspended", &[], unsuspend)
        .auth(Auth::App),
    Op::new("apps/get-repo-installation", "GET", "/repos/{owner}/{repo}/installation", &[], of_repo).auth(Auth::App),
    Op::new("apps/get-org-installation", "GET", "/orgs/{org}/installation", &[], of_org).auth(Auth::App),
    Op::new("apps/get-by-slug", "GET", "/apps/{app_slug}", &[], by_slug).auth(Auth::Open),
    Op::new("apps/revoke-installation-access-token", "DELETE", "/installation/token", &[], revoke)
        .auth(Auth::Installation),
    Op::new("apps/list-repos-accessible-to-installation", "GET", "/installation/repositories", &[], repositories)
        .auth(Auth::Installation),
];

fn app(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    Ok(Reply::ok(ctx.face().app(ctx.app()?)))
}

/// The credentials of an App that was registered from a manifest: once, within an hour.
fn convert(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let code = ctx.param("code").to_owned();
    let found = ctx.st.fetch_registered(&code).ok_or_else(Refusal::not_found)?;
    let mut body = ctx.face().app(found.app);
    body["client_secret"] = found.client_secret.into();
    body["webhook_secret"] = found.webhook_secret.into();
    body["pem"] = found.pem.into();
    Ok(Reply::created(body))
}

fn by_slug(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let slug = ctx.param("app_slug");
    let app = ctx.st.apps.values().find(|app| app.slug == slug);
    let id = app.ok_or_else(Refusal::not_found)?.id;
    Ok(Reply::ok(ctx.face().app(id)))
}

fn installations(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let app = ctx.app()?;
    let ids = ctx.st.installations.values().filter(|found| found.app == app);
    let items = ids.map(|found| ctx.face().installation(found.id)).collect();
    ctx.page(items)
}

/// The installation of the route, if it is the caller's.
fn own(ctx: &Ctx<'_>) -> Outcome<u64> {
    let (app, id) = (ctx.app()?, ctx.number("installation_id")?);
    ctx.st.installations.get(&id).filter(|found| found.app == app).map(|found| found.id).ok_or_else(Refusal::not_found)
}

fn installation(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = own(ctx)?;
    Ok(Reply::ok(ctx.face().installation(id)))
}

fn of_repo(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let found = ctx.st.installation_for(ctx.app()?, ctx.repo);
    let id = found.ok_or_else(Refusal::not_found)?.id;
    Ok(Reply::ok(ctx.face().installation(id)))
}

fn of_org(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (app, org) = (ctx.app()?, ctx.st.account_or_404(ctx.param("org"))?.id);
    let found = ctx.st.installations.values().find(|found| found.app == app && found.account == org);
    let id = found.ok_or_else(Refusal::not_found)?.id;
    Ok(Reply::ok(ctx.face().installation(id)))
}

fn mint(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = own(ctx)?;
    let held = ctx.st.installations.get(&id).ok_or_else(Refusal::not_found)?.permissions.clone();
    let wanted = match &ctx.body["permissions"] {
        Value::Object(map) => narrowed(map, &held)?,
        Value::Null => held,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Refusal::wrong_type("permissions", "an object"));
        }
    };
    let repos = chosen_repos(ctx, id)?;
    let long = match ctx.headers.get("x-github-token-format").and_then(|v| v.to_str().ok()) {
        Some("long") => true,
        Some("short") => false,
        Some(_) | None => ctx.st.long_tokens,
    };
    let (token, expires_at) = ctx.st.mint(id, repos.clone(), wanted.clone(), long)?;
    let mut body = json!({
        "token": token, "expires_at": stamp(expires_at), "permissions": permissions(&wanted),
        "repository_selection": if repos.is_some() { "selected" } else { selection(ctx, id) },
    });
    if let Some(repos) = repos {
        let face = ctx.face();
        let who = crate::access::Who::Nobody;
        body["repositories"] = repos.iter().map(|r| face.repo_full(*r, &who)).collect();
    }
    Ok(Reply::created(body))
}

fn selection(ctx: &Ctx<'_>, id: u64) -> &'static str {
    match ctx.st.installations.get(&id) {
        Some(found) if found.repos.is_none() => "all",
        Some(_) | None => "selected",
    }
}

fn narrowed(
    wanted: &serde_json::Map<String, Value>,
    held: &BTreeMap<String, Level>,
) -> Outcome<BTreeMap<String, Level>> {
    let mut out = BTreeMap::new();
    for (name, level) in wanted {
        let level = level.as_str().and_then(Level::parse);
        match (level, held.get(name)) {
            (Some(level), Some(most)) if level <= *most => {
                out.insert(name.clone(), level);
            }
            (Some(_), Some(_) | None) | (None, Some(_) | None) => {
                return Err(Refusal::new(422, "The permissions requested are not granted to this installation."));
            }
        }
    }
    if !out.contains_key("metadata") && held.contains_key("metadata") {
        out.insert("metadata".to_owned(), Level::Read);
    }
    Ok(out)
}

fn chosen_repos(ctx: &Ctx<'_>, installation: u64) -> Outcome<Option<BTreeSet<u64>>> {
    let names = ctx.texts("repositories")?;
    let ids = ctx.body["repository_ids"].as_array();
    if ctx.body["repositories"].is_null() && ids.is_none() {
        return Ok(None);
    }
    let reach = ctx.st.repos_of_installation(installation);
    let none = || {
        Refusal::new(
            422,
            "There is at least one repository that does not exist or is not accessible to the \
             parent installation.",
        )
    };
    let mut chosen = BTreeSet::new();
    for name in names {
        let repo =
            reach.iter().filter_map(|id| ctx.st.repos.get(id)).find(|repo| repo.name.eq_ignore_ascii_case(&name));
        chosen.insert(repo.ok_or_else(none)?.id);
    }
    for id in ids.into_iter().flatten() {
        let id = id.as_u64().filter(|id| reach.contains(id));
        chosen.insert(id.ok_or_else(none)?);
    }
    Ok(Some(chosen))
}

fn set_suspended(ctx: &mut Ctx<'_>, on: bool) -> Outcome<Reply> {
    let id = own(ctx)?;
    let now = ctx.st.now();
    let app = ctx.app()?;
    if let Some(found) = ctx.st.installations.get_mut(&id) {
        found.suspended_at = on.then_some(now);
    }
    let owner = ctx.st.apps.get(&app).map_or(0, |app| app.owner);
    let action = if on { "suspend" } else { "unsuspend" };
    let more = json!({"repositories": []});
    ctx.st.emit_installation(id, "installation", action, Actor::person(owner), more);
    Ok(Reply::empty())
}

fn suspend(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    set_suspended(ctx, true)
}

fn unsuspend(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    set_suspended(ctx, false)
}

fn revoke(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let token = ctx.installation()?.token.clone();
    ctx.st.tokens.remove(&token);
    Ok(Reply::empty())
}

fn repositories(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let repos = ctx.installation()?.repos.clone();
    let face = ctx.face();
    let items = repos.iter().map(|id| face.repo_full(*id, &ctx.who)).collect();
    let mut reply = ctx.page_in("repositories", items)?;
    reply.body["repository_selection"] = "selected".into();
    Ok(reply)
}
