//! What administrators do over REST: roles, teams, settings of a repository.

use serde_json::json;

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Actor, Level, Role, Who};
use crate::error::{Outcome, Refusal};
use crate::state::accounts::Membership;

const ADMIN: &[Need] = &[("administration", Level::Write)];
const MEMBERS: &[Need] = &[("members", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("repos/update", "PATCH", "/repos/{owner}/{repo}", ADMIN, update).role(Role::Admin),
    Op::new("repos/add-collaborator", "PUT", "/repos/{owner}/{repo}/collaborators/{username}", ADMIN, collaborator)
        .role(Role::Admin),
    Op::new(
        "teams/add-or-update-membership-for-user-in-org",
        "PUT",
        "/orgs/{org}/teams/{team_slug}/memberships/{username}",
        MEMBERS,
        join,
    ),
    Op::new(
        "teams/remove-membership-for-user-in-org",
        "DELETE",
        "/orgs/{org}/teams/{team_slug}/memberships/{username}",
        MEMBERS,
        leave,
    ),
    Op::new(
        "teams/add-or-update-repo-permissions-in-org",
        "PUT",
        "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}",
        MEMBERS,
        team_role,
    ),
];

fn update(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    if let Some(name) = ctx.text("name")? {
        ctx.st.rename_repo(ctx.repo, actor, &name)?;
    }
    let (private, archived) = (ctx.flag("private")?, ctx.flag("archived")?);
    let default = ctx.text("default_branch")?;
    if let Some(branch) = &default
        && ctx.st.branch_tip(ctx.repo, branch)?.is_none()
    {
        return Err(Refusal::invalid().field("Repository", "default_branch", "invalid"));
    }
    let here = ctx.st.repo_mut(ctx.repo)?;
    here.private = private.unwrap_or(here.private);
    here.archived = archived.unwrap_or(here.archived);
    if let Some(branch) = default {
        here.default_branch = branch;
    }
    Ok(Reply::ok(ctx.face().repo_full(ctx.repo, &ctx.who)))
}

/// GitHub invites strangers; here whoever is named has the role at once.
fn collaborator(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let person = ctx.st.account_or_404(ctx.param("username"))?.id;
    let actor = ctx.actor()?;
    let wanted = ctx.text("permission")?.unwrap_or_else(|| "push".to_owned());
    let role = Role::parse(&wanted).ok_or_else(|| Refusal::invalid().field("Repository", "permission", "invalid"))?;
    ctx.st.set_role(ctx.repo, actor, person, Some(role))?;
    Ok(Reply::empty())
}

/// The team, if the caller may administer it: an owner of the organisation, a maintainer of the team, or
/// an App with the permission.
fn own_team(ctx: &Ctx<'_>) -> Outcome<(u64, u64)> {
    let team = ctx.st.team_named(ctx.param("org"), ctx.param("team_slug"))?;
    let (id, org) = (team.id, team.org);
    let allowed = match &ctx.who {
        Who::Installation(access) => {
            ctx.st.installations.get(&access.installation).is_some_and(|found| found.account == org)
        }
        Who::User(person) => {
            ctx.st.members.get(&(org, *person)) == Some(&true)
                || ctx.st.membership(id, *person).is_some_and(|(_, lead)| lead)
        }
        Who::Nobody | Who::App(_) => false,
    };
    if allowed { Ok((org, id)) } else { Err(Refusal::new(403, "You must be an organization owner.")) }
}

fn join(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (org, team) = own_team(ctx)?;
    let person = ctx.st.account_or_404(ctx.param("username"))?.id;
    let lead = ctx.text("role")?.as_deref() == Some("maintainer");
    // Only a member of the organisation joins at once; others are invited first.
    let state = if ctx.st.members.contains_key(&(org, person)) { Membership::Active } else { Membership::Pending };
    let actor = ctx.actor()?;
    ctx.st.set_membership(team, person, Some((state, lead)), actor);
    let api = &ctx.api;
    Ok(Reply::ok(json!({
        "url": format!("{api}/organizations/{org}/team/{team}/memberships/{}", ctx.st.login(person)),
        "role": if lead { "maintainer" } else { "member" }, "state": state.name(),
    })))
}

fn leave(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (_, team) = own_team(ctx)?;
    let person = ctx.st.account_or_404(ctx.param("username"))?.id;
    let actor: Actor = ctx.actor()?;
    ctx.st.set_membership(team, person, None, actor);
    Ok(Reply::empty())
}

fn team_role(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (_, team) = own_team(ctx)?;
    let found = ctx.st.repo_named(ctx.param("owner"), ctx.param("repo"));
    let repo = found.ok_or_else(Refusal::not_found)?.id;
    let wanted = ctx.text("permission")?.unwrap_or_else(|| "push".to_owned());
    let role = Role::parse(&wanted).ok_or_else(|| Refusal::invalid().field("Team", "permission", "invalid"))?;
    ctx.st.repo_mut(repo)?.teams.insert(team, role);
    Ok(Reply::empty())
}
