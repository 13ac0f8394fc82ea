//! A repository itself: settings, collaborators, activity.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Auth, Need, Op};
use super::reply::Reply;
use crate::access::{Level, Role};
use crate::clock::stamp;
use crate::error::{Outcome, Refusal};
use crate::state::repos::Activity;

const CONTENTS: &[Need] = &[("contents", Level::Read)];
const ADMIN: &[Need] = &[("administration", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("repos/get", "GET", "/repos/{owner}/{repo}", &[], get),
    Op::new("repos/list-collaborators", "GET", "/repos/{owner}/{repo}/collaborators", &[], people).role(Role::Write),
    Op::new("repos/check-collaborator", "GET", "/repos/{owner}/{repo}/collaborators/{username}", &[], is_collaborator)
        .role(Role::Write),
    Op::new(
        "repos/get-collaborator-permission-level",
        "GET",
        "/repos/{owner}/{repo}/collaborators/{username}/permission",
        &[],
        permission,
    ),
    Op::new("repos/remove-collaborator", "DELETE", "/repos/{owner}/{repo}/collaborators/{username}", ADMIN, remove)
        .role(Role::Admin),
    Op::new("repos/list-teams", "GET", "/repos/{owner}/{repo}/teams", &[], teams),
    Op::new("repos/list-activities", "GET", "/repos/{owner}/{repo}/activity", CONTENTS, activity),
    Op::new("repos/list-for-authenticated-user", "GET", "/user/repos", &[], own).auth(Auth::Person),
];

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    Ok(Reply::ok(ctx.face().repo_full(ctx.repo, &ctx.who)))
}

fn own(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let me = ctx.actor()?.account;
    let face = ctx.face();
    let all = ctx.st.repos.values().filter(|repo| ctx.st.role_of(repo, me).is_some());
    let items = all.map(|repo| face.repo_full(repo.id, &ctx.who)).collect();
    ctx.page(items)
}

fn roles(role: Option<Role>) -> Value {
    let at = |least: Role| role >= Some(least);
    json!({
        "pull": at(Role::Read), "triage": at(Role::Triage), "push": at(Role::Write),
        "maintain": at(Role::Maintain), "admin": at(Role::Admin),
    })
}

fn person(ctx: &Ctx<'_>, id: u64, role: Option<Role>) -> Value {
    let mut body = ctx.face().user(id);
    body["permissions"] = roles(role);
    body["role_name"] = role.map_or("none", Role::name).into();
    body
}

fn people(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let here = ctx.st.repo(ctx.repo)?;
    let least = ctx.asked("permission").and_then(Role::parse);
    let items = ctx
        .st
        .people_of(here)
        .into_iter()
        .filter(|(_, role)| least.is_none_or(|least| *role >= least))
        .map(|(id, role)| person(ctx, id, Some(role)))
        .collect();
    ctx.page(items)
}

fn is_collaborator(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.st.account_or_404(ctx.param("username"))?.id;
    let here = ctx.st.repo(ctx.repo)?;
    if ctx.st.people_of(here).contains_key(&id) {
        return Ok(Reply::empty());
    }
    Err(Refusal::not_found())
}

fn permission(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.st.account_or_404(ctx.param("username"))?.id;
    let role = ctx.st.role_of(ctx.st.repo(ctx.repo)?, id);
    Ok(Reply::ok(json!({
        "permission": role.map_or("none", Role::legacy), "user": person(ctx, id, role),
        "role_name": role.map_or("none", Role::name),
    })))
}

fn remove(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.st.account_or_404(ctx.param("username"))?.id;
    let actor = ctx.actor()?;
    ctx.st.set_role(ctx.repo, actor, id, None)?;
    Ok(Reply::empty())
}

fn teams(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let here = ctx.st.repo(ctx.repo)?;
    let face = ctx.face();
    let items = here
        .teams
        .iter()
        .map(|(team, role)| {
            let mut body = face.team(*team);
            body["permission"] = role.name().into();
            body["permissions"] = roles(Some(*role));
            body
        })
        .collect();
    ctx.page(items)
}

/// Newest first, paged by cursor.
fn activity(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let wanted = ctx
        .asked("ref")
        .map(|name| if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") });
    let kind = ctx.asked("activity_type").map(str::to_owned);
    let actor = ctx.asked("actor").and_then(|login| ctx.st.account_named(login)).map(|a| a.id);
    let after: Option<u64> = ctx.asked("after").and_then(|text| text.parse().ok());
    let (_, size) = ctx.window()?;
    let here = ctx.st.repo(ctx.repo)?;
    let mut found: Vec<&Activity> = here
        .activity
        .iter()
        .rev()
        .filter(|entry| wanted.as_ref().is_none_or(|name| *name == entry.refname))
        .filter(|entry| kind.as_ref().is_none_or(|kind| kind == entry.kind))
        .filter(|entry| actor.is_none_or(|actor| actor == entry.actor))
        .filter(|entry| after.is_none_or(|after| entry.id < after))
        .collect();
    let more = found.len() > size;
    found.truncate(size);
    let face = ctx.face();
    let items: Vec<Value> = found
        .iter()
        .map(|entry| {
            json!({
                "id": entry.id, "node_id": format!("PSH_{}", entry.id), "before": entry.before,
                "after": entry.after, "ref": entry.refname, "timestamp": stamp(entry.at),
                "activity_type": entry.kind, "actor": face.user(entry.actor),
            })
        })
        .collect();
    let reply = Reply::ok(items.into());
    match (more, found.last()) {
        (true, Some(last)) => {
            let (api, path) = (&ctx.api, &ctx.path);
            let mut kept = String::new();
            for (key, value) in ctx.query.iter().filter(|(key, _)| key != "after") {
                kept.push_str(&format!("{key}={}&", super::ctx::encode(value)));
            }
            let next = format!("<{api}{path}?{kept}after={}>; rel=\"next\"", last.id);
            Ok(reply.header("link", next))
        }
        (true | false, Some(_) | None) => Ok(reply),
    }
}
