//! From a routed request to its answer: credential, visibility, permission, body, operation.

use http::HeaderMap;
use serde_json::Value;

use super::ctx::Ctx;
use super::op::{Auth, Op, Params};
use super::reply::Reply;
use crate::access::{Role, Who};
use crate::error::{Outcome, Refusal};
use crate::journal::ViolationKind;
use crate::state::State;

/// A request that was routed.
pub(crate) struct Routed<'a> {
    pub(crate) op: &'static Op,
    pub(crate) params: Params,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) api: String,
    pub(crate) html: String,
}

/// Carries out an operation for somebody.
pub(crate) fn carry_out(st: &mut State, who: Who, routed: Routed<'_>) -> Outcome<Reply> {
    let op = routed.op;
    check_kind(st, &who, op)?;
    let body = parse_body(op, routed.body)?;
    let mut ctx = Ctx {
        st,
        who,
        repo: 0,
        params: routed.params,
        query: routed.query,
        body,
        headers: routed.headers,
        api: routed.api,
        html: routed.html,
        path: routed.path,
    };
    if op.path.starts_with("/repos/{owner}/{repo}") {
        enter(&mut ctx, op)?;
    } else if op.auth == Auth::Token {
        check_needs(&ctx, op)?;
    }
    (op.run)(&mut ctx)
}

fn check_kind(st: &mut State, who: &Who, op: &Op) -> Outcome<()> {
    let fault = match (op.auth, who) {
        (Auth::Open, _)
        | (Auth::App, Who::App(_))
        | (Auth::Installation, Who::Installation(_))
        | (Auth::Person, Who::User(_))
        | (Auth::Token, Who::Installation(_) | Who::User(_) | Who::Nobody) => return Ok(()),
        (Auth::App, Who::Nobody | Who::Installation(_) | Who::User(_)) => {
            Refusal::new(401, "A JSON web token could not be decoded")
        }
        (Auth::Installation, Who::Nobody | Who::App(_) | Who::User(_)) => {
            Refusal::new(403, "You must authenticate with an installation access token in order to do this.")
        }
        (Auth::Person, Who::Installation(_)) => Refusal::new(403, "Resource not accessible by integration"),
        (Auth::Person, Who::Nobody) => Refusal::new(401, "Requires authentication"),
        (Auth::Person | Auth::Token, Who::App(_)) => Refusal::new(401, "Bad credentials"),
    };
    let text = format!("{} called with a credential of kind {}", op.id, who.kind());
    st.journal.blame(ViolationKind::Caller, text);
    Err(fault)
}

fn parse_body(op: &Op, bytes: &[u8]) -> Outcome<Value> {
    if bytes.is_empty() || !op.writes() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let body: Value = serde_json::from_slice(bytes).map_err(|_| Refusal::new(400, "Problems parsing JSON"))?;
    // Labels may be a bare list.
    if body.is_object() || body.is_array() {
        return Ok(body);
    }
    Err(Refusal::new(400, "Body should be a JSON object"))
}

/// Finds the repository of the route and checks that the caller may.
fn enter(ctx: &mut Ctx<'_>, op: &Op) -> Outcome<()> {
    let (owner, name) = (ctx.param("owner").to_owned(), ctx.param("repo").to_owned());
    let Some(found) = ctx.st.repo_named(&owner, &name) else {
        return Err(gone_or_moved(ctx, &owner, &name));
    };
    let (id, private, archived) = (found.id, found.private, found.archived);
    let seen = match &ctx.who {
        Who::App(_) => true,
        Who::Nobody => !private,
        Who::Installation(access) => !private || access.repos.contains(&id),
        Who::User(person) => ctx.st.role_of(found, *person).is_some(),
    };
    if !seen {
        return Err(Refusal::not_found());
    }
    ctx.repo = id;
    match &ctx.who {
        Who::Nobody if op.writes() => return Err(Refusal::new(401, "Requires authentication")),
        Who::Installation(access) if !access.repos.contains(&id) && !op.needs.is_empty() => {
            if op.writes() {
                return Err(Refusal::new(403, "Resource not accessible by integration"));
            }
        }
        Who::Installation(_) => check_needs(ctx, op)?,
        Who::User(person) => {
            let role = ctx.st.role_of(ctx.st.repo(id)?, *person);
            if role < Some(op.role) {
                return Err(lacking(op.role));
            }
        }
        Who::Nobody | Who::App(_) => {}
    }
    if archived && op.writes() {
        return Err(Refusal::new(403, "Repository was archived so is read-only."));
    }
    if let Some(rest) = ctx.path.strip_prefix("/repos/") {
        let rest: Vec<&str> = rest.splitn(3, '/').collect();
        let tail = rest.get(2).map(|t| format!("/{t}")).unwrap_or_default();
        ctx.path = format!("/repositories/{id}{tail}");
    }
    Ok(())
}

fn gone_or_moved(ctx: &Ctx<'_>, owner: &str, name: &str) -> Refusal {
    let Some(found) = ctx.st.repo_formerly(owner, name) else {
        return Refusal::not_found();
    };
    let seen = match &ctx.who {
        Who::App(_) => true,
        Who::Nobody => !found.private,
        Who::Installation(access) => access.repos.contains(&found.id),
        Who::User(person) => ctx.st.role_of(found, *person).is_some(),
    };
    if !seen {
        return Refusal::not_found();
    }
    let rest: Vec<&str> = ctx.path.splitn(5, '/').collect();
    let tail = rest.get(4).map(|t| format!("/{t}")).unwrap_or_default();
    Refusal::moved(format!("{}/repositories/{}{tail}", ctx.api, found.id))
}

fn lacking(role: Role) -> Refusal {
    match role {
        Role::Admin => Refusal::new(403, "Must have admin rights to Repository."),
        Role::Read | Role::Triage | Role::Write | Role::Maintain => {
            Refusal::new(403, "Must have push access to repository")
        }
    }
}

fn check_needs(ctx: &Ctx<'_>, op: &Op) -> Outcome<()> {
    let Who::Installation(access) = &ctx.who else {
        return Ok(());
    };
    let met = op.needs.is_empty()
        || op.needs.iter().any(|(name, level)| access.permissions.get(*name).is_some_and(|held| held >= level));
    if met {
        return Ok(());
    }
    Err(Refusal::new(403, "Resource not accessible by integration"))
}
