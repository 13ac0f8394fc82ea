//! Quota, addresses, and accounts.

use serde_json::json;

use super::ctx::Ctx;
use super::op::{Auth, Op};
use super::reply::Reply;
use crate::access::Who;
use crate::error::{Outcome, Refusal};

pub(super) const OPS: &[Op] = &[
    Op::new("rate-limit/get", "GET", "/rate_limit", &[], rate_limit).auth(Auth::Open),
    Op::new("meta/get", "GET", "/meta", &[], meta).auth(Auth::Open),
    Op::new("users/get-authenticated", "GET", "/user", &[], me).auth(Auth::Person),
    Op::new("users/get-by-username", "GET", "/users/{username}", &[], user).auth(Auth::Open),
    Op::new("users/get-by-id", "GET", "/user/{account_id}", &[], user_by_id).auth(Auth::Open),
];

fn rate_limit(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let who = ctx.who.clone();
    let rate = crate::quota::rate(ctx.st, &who);
    let limit = ctx.st.rate_limit;
    let bucket = |limit: u64, used: u64| {
        json!({
            "limit": limit, "used": used, "remaining": limit.saturating_sub(used),
            "reset": rate.reset.as_second(),
        })
    };
    let core = bucket(limit, rate.used);
    let resources = json!({
        "core": core, "graphql": bucket(limit, 0), "search": bucket(30, 0),
        "integration_manifest": bucket(5000, 0),
    });
    Ok(Reply::ok(json!({"resources": resources, "rate": core})))
}

fn meta(_: &mut Ctx<'_>) -> Outcome<Reply> {
    Ok(Reply::ok(json!({
        "verifiable_password_authentication": false, "hooks": ["127.0.0.0/8", "::1/128"],
        "web": ["127.0.0.0/8"], "api": ["127.0.0.0/8"], "git": ["127.0.0.0/8"],
    })))
}

fn me(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    match ctx.who {
        Who::User(person) => Ok(Reply::ok(ctx.face().user_full(person))),
        Who::Nobody | Who::App(_) | Who::Installation(_) => Err(Refusal::not_found()),
    }
}

fn user(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.st.account_or_404(ctx.param("username"))?.id;
    Ok(Reply::ok(ctx.face().user_full(id)))
}

fn user_by_id(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.number("account_id")?;
    if !ctx.st.accounts.contains_key(&id) {
        return Err(Refusal::not_found());
    }
    Ok(Reply::ok(ctx.face().user_full(id)))
}
