//! Organisations, teams and who belongs to them.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Level, Who};
use crate::error::{Outcome, Refusal};
use crate::state::accounts::Membership;

const MEMBERS: &[Need] = &[("members", Level::Read)];

pub(super) const OPS: &[Op] = &[
    Op::new("teams/list", "GET", "/orgs/{org}/teams", MEMBERS, teams),
    Op::new("teams/get-by-name", "GET", "/orgs/{org}/teams/{team_slug}", MEMBERS, team),
    Op::new("teams/list-members-in-org", "GET", "/orgs/{org}/teams/{team_slug}/members", MEMBERS, members),
    Op::new(
        "teams/get-membership-for-user-in-org",
        "GET",
        "/orgs/{org}/teams/{team_slug}/memberships/{username}",
        MEMBERS,
        membership,
    ),
    Op::new("orgs/list-members", "GET", "/orgs/{org}/members", MEMBERS, org_members),
    Op::new("orgs/check-membership-for-user", "GET", "/orgs/{org}/members/{username}", MEMBERS, is_member),
    Op::new("orgs/get-membership-for-user", "GET", "/orgs/{org}/memberships/{username}", MEMBERS, org_membership),
];

/// The organisation, if the caller sees its members: an App installed there, or a member.
fn seen_org(ctx: &Ctx<'_>) -> Outcome<u64> {
    let org = ctx.st.account_or_404(ctx.param("org"))?.id;
    let seen = match &ctx.who {
        Who::Installation(access) => {
            ctx.st.installations.get(&access.installation).is_some_and(|found| found.account == org)
        }
        Who::User(person) => ctx.st.members.contains_key(&(org, *person)),
        Who::Nobody | Who::App(_) => false,
    };
    if seen { Ok(org) } else { Err(Refusal::not_found()) }
}

fn seen_team(ctx: &Ctx<'_>) -> Outcome<u64> {
    seen_org(ctx)?;
    Ok(ctx.st.team_named(ctx.param("org"), ctx.param("team_slug"))?.id)
}

fn teams(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let org = seen_org(ctx)?;
    let face = ctx.face();
    let all = ctx.st.teams.values().filter(|team| team.org == org);
    let items = all.map(|team| face.team(team.id)).collect();
    ctx.page(items)
}

fn team(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = seen_team(ctx)?;
    Ok(Reply::ok(ctx.face().team_full(id)))
}

fn members(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let team = seen_team(ctx)?;
    let role = ctx.asked("role").unwrap_or("all");
    let face = ctx.face();
    let items = ctx
        .st
        .active_members(team)
        .into_iter()
        .filter(|person| {
            let lead = ctx.st.membership(team, *person).is_some_and(|(_, lead)| lead);
            match role {
                "member" => !lead,
                "maintainer" => lead,
                _ => true,
            }
        })
        .map(|person| face.user(person))
        .collect();
    ctx.page(items)
}

fn membership(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let team = seen_team(ctx)?;
    let person = ctx.st.account_or_404(ctx.param("username"))?;
    let (id, login) = (person.id, person.login.clone());
    let (state, lead) = ctx.st.membership(team, id).ok_or_else(Refusal::not_found)?;
    let org = ctx.st.teams.get(&team).map_or(0, |team| team.org);
    let api = &ctx.api;
    Ok(Reply::ok(json!({
        "url": format!("{api}/organizations/{org}/team/{team}/memberships/{login}"),
        "role": if lead { "maintainer" } else { "member" }, "state": state.name(),
    })))
}

fn org_members(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let org = seen_org(ctx)?;
    let role = ctx.asked("role").unwrap_or("all");
    let face = ctx.face();
    let items: Vec<Value> = ctx
        .st
        .members
        .iter()
        .filter(|((found, _), _)| *found == org)
        .filter(|(_, owner)| match role {
            "admin" => **owner,
            "member" => !**owner,
            _ => true,
        })
        .map(|((_, person), _)| face.user(*person))
        .collect();
    ctx.page(items)
}

fn is_member(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let org = seen_org(ctx)?;
    let person = ctx.st.account_or_404(ctx.param("username"))?.id;
    if ctx.st.members.contains_key(&(org, person)) {
        return Ok(Reply::empty());
    }
    Err(Refusal::new(404, "User does not exist or is not a member of the organization"))
}

fn org_membership(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let org = seen_org(ctx)?;
    let person = ctx.st.account_or_404(ctx.param("username"))?.id;
    let owner = *ctx.st.members.get(&(org, person)).ok_or_else(Refusal::not_found)?;
    let face = ctx.face();
    let login = ctx.st.login(org);
    let api = &ctx.api;
    Ok(Reply::ok(json!({
        "url": format!("{api}/orgs/{login}/memberships/{}", ctx.st.login(person)),
        "state": Membership::Active.name(), "role": if owner { "admin" } else { "member" },
        "organization_url": format!("{api}/orgs/{login}"),
        "organization": face.organization(org), "user": face.user(person),
    })))
}
