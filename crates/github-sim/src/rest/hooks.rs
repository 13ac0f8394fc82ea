//! The App's webhook: its settings, its deliveries, another attempt.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Auth, Op};
use super::reply::Reply;
use crate::clock::stamp;
use crate::error::{Outcome, Refusal};
use crate::webhooks::{Delivery, Recipient};

pub(super) const OPS: &[Op] = &[
    Op::new("apps/get-webhook-config-for-app", "GET", "/app/hook/config", &[], config).auth(Auth::App),
    Op::new("apps/update-webhook-config-for-app", "PATCH", "/app/hook/config", &[], set_config).auth(Auth::App),
    Op::new("apps/list-webhook-deliveries", "GET", "/app/hook/deliveries", &[], list).auth(Auth::App),
    Op::new("apps/get-webhook-delivery", "GET", "/app/hook/deliveries/{delivery_id}", &[], detail).auth(Auth::App),
    Op::new("apps/redeliver-webhook-delivery", "POST", "/app/hook/deliveries/{delivery_id}/attempts", &[], redeliver)
        .auth(Auth::App),
];

fn config(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let app = ctx.app()?;
    let app = ctx.st.apps.get(&app).ok_or_else(Refusal::not_found)?;
    let mut body = json!({"content_type": "json", "insecure_ssl": "0"});
    if let Some(url) = &app.webhook_url {
        body["url"] = url.clone().into();
    }
    if app.webhook_secret.is_some() {
        body["secret"] = "********".into();
    }
    Ok(Reply::ok(body))
}

fn set_config(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (url, secret) = (ctx.text("url")?, ctx.text("secret")?);
    let id = ctx.app()?;
    let app = ctx.st.apps.get_mut(&id).ok_or_else(Refusal::not_found)?;
    if url.is_some() {
        app.webhook_url = url;
    }
    if secret.is_some() {
        app.webhook_secret = secret;
    }
    config(ctx)
}

fn item(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id, "guid": delivery.guid, "delivered_at": stamp(delivery.at),
        "redelivery": delivery.redelivery, "duration": delivery.seconds,
        "status": delivery.status, "status_code": delivery.status_code.unwrap_or(0),
        "event": delivery.event, "action": delivery.action,
        "installation_id": delivery.installation, "repository_id": delivery.repo,
        "throttled_at": null,
    })
}

fn failed(delivery: &Delivery) -> bool {
    !delivery.status_code.is_some_and(|code| (200..300).contains(&code))
}

/// Newest first; the cursor is the id of the last one of the page before.
fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let app = ctx.app()?;
    let (_, size) = ctx.window()?;
    let cursor: Option<u64> = ctx.asked("cursor").and_then(|text| text.parse().ok());
    let only = ctx.asked("status").map(str::to_owned);
    let mut found: Vec<&Delivery> = ctx
        .st
        .deliveries
        .log
        .values()
        .filter(|delivery| delivery.app == app && delivery.is_sent())
        .filter(|delivery| match only.as_deref() {
            Some("failure") => failed(delivery),
            Some("success") => !failed(delivery),
            Some(_) | None => true,
        })
        .filter(|delivery| cursor.is_none_or(|cursor| delivery.id < cursor))
        .collect();
    found.reverse();
    let more = found.len() > size;
    found.truncate(size);
    let last = found.last().map(|delivery| delivery.id);
    let reply = Reply::ok(found.iter().map(|delivery| item(delivery)).collect());
    let only = only.map(|only| format!("&status={only}")).unwrap_or_default();
    Ok(match (more, last) {
        (true, Some(last)) => {
            let api = &ctx.api;
            reply.header(
                "link",
                format!("<{api}/app/hook/deliveries?per_page={size}{only}&cursor={last}>; rel=\"next\""),
            )
        }
        (true | false, Some(_) | None) => reply,
    })
}

fn own(ctx: &Ctx<'_>) -> Outcome<Delivery> {
    let (app, id) = (ctx.app()?, ctx.number("delivery_id")?);
    ctx.st
        .deliveries
        .log
        .get(&id)
        .filter(|delivery| delivery.app == app && delivery.is_sent())
        .cloned()
        .ok_or_else(Refusal::not_found)
}

fn detail(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let delivery = own(ctx)?;
    let mut body = item(&delivery);
    let app = ctx.st.apps.get(&delivery.app);
    body["url"] = app.and_then(|app| app.webhook_url.clone()).into();
    let headers: serde_json::Map<String, Value> =
        delivery.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let payload: Value = serde_json::from_slice(&delivery.body).unwrap_or(Value::Null);
    body["request"] = json!({"headers": headers, "payload": payload});
    body["response"] = json!({"headers": delivery.answer_headers, "payload": delivery.answer});
    Ok(Reply::ok(body))
}

fn redeliver(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let old = own(ctx)?;
    let id = ctx.st.big_id();
    let now = ctx.st.now();
    let to = Recipient { app: old.app, installation: old.installation, repo: old.repo };
    let what = (old.event.as_str(), old.action.as_deref());
    let mut again = Delivery::new(id, to, what, old.body.clone(), now);
    again.guid = old.guid;
    again.redelivery = true;
    ctx.st.deliveries.add(again);
    Ok(Reply::new(202, json!({})))
}
