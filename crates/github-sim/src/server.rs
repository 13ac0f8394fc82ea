//! The front: one listener for REST, GraphQL, git and the few pages; faults, quota, conditional answers, journal.
//!
//! Never knows what an operation does.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::access::Who;
use crate::auth;
use crate::dress::{cut, dress, plain};
use crate::error::{Outcome, Refusal};
use crate::faults::{self, Canned, Plan};
use crate::journal::{Entry, ViolationKind};
use crate::quota::over_quota;
use crate::rest::{self, op::Op, reply::Reply};
use crate::sim::{Inner, Sim};
use crate::state::State;

/// Bodies are read up to this size.
const LARGEST_BODY: usize = 256 * 1024 * 1024;

/// The whole application.
pub(crate) fn app(inner: Arc<Inner>) -> Router {
    Router::new().fallback(front).with_state(inner)
}

/// A request as the faces see it.
pub(crate) struct Call {
    pub(crate) method: String,
    /// Without query and prefix.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) api: String,
    pub(crate) html: String,
    pub(crate) graphql: bool,
}

async fn front(Shared(inner): Shared<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, LARGEST_BODY).await {
        Ok(body) => body,
        Err(_) => return plain(413, "request entity too large"),
    };
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let method = parts.method.as_str().to_owned();
    if let Some((repo, rest)) = crate::git_http::split(&path) {
        let call = crate::git_http::Cgi { method: &method, rest, query: &query, headers: &parts.headers };
        return crate::git_http::serve(inner, repo, call, body).await;
    }
    if let Some(found) = crate::oidc::serve(&inner.lock(), (&method, &path), &query, &parts.headers) {
        return found;
    }
    if let Some(page) = crate::web::page(&mut inner.lock(), &method, &path, &query, &body) {
        return page;
    }
    let host = parts
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .map_or_else(|| inner.lock().base.clone(), |host| format!("http://{host}"));
    let (prefix, path) = match path.strip_prefix("/api/v3") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => ("/api/v3", rest.to_owned()),
        Some(_) | None => ("", path),
    };
    let graphql = path == "/graphql" && prefix.is_empty() || path == "/api/graphql";
    let call = Call {
        method,
        path: spelled_out(&inner, path),
        query,
        headers: parts.headers,
        body,
        api: format!("{host}{prefix}"),
        html: host,
        graphql,
    };
    handle(inner, call).await
}

/// `/repositories/{id}/…`, as paging links have it, becomes `/repos/{owner}/{repo}/…`.
fn spelled_out(inner: &Inner, path: String) -> String {
    let Some(rest) = path.strip_prefix("/repositories/") else {
        return path;
    };
    let (id, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let st = inner.lock();
    let name = id.parse().ok().and_then(|id: u64| st.repos.get(&id)).map(|repo| st.full_name(repo));
    match name {
        Some(name) if tail.is_empty() => format!("/repos/{name}"),
        Some(name) => format!("/repos/{name}/{tail}"),
        None => path,
    }
}

async fn handle(inner: Arc<Inner>, call: Call) -> Response {
    let route = if call.graphql { None } else { rest::route(&call.method, &call.path) };
    let document = if call.graphql { String::from_utf8_lossy(&call.body).into_owned() } else { String::new() };
    let operation = if call.graphql {
        Some(crate::graphql::operation_of(&call.body))
    } else {
        route.as_ref().map(|(op, _)| op.id.to_owned())
    };
    let plan = inner.lock().faults.plan(&faults::Request {
        operation: operation.as_deref(),
        method: &call.method,
        path: &call.path,
        document: call.graphql.then_some(document.as_str()),
    });
    plan.lag().await;
    let work = move || finish(&inner, &call, route, operation, &plan);
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "an operation of the stand-in failed");
            plain(500, "the stand-in failed; see its log")
        }
    }
}

type Route = Option<(&'static Op, rest::op::Params)>;

fn finish(inner: &Arc<Inner>, call: &Call, route: Route, operation: Option<String>, plan: &Plan) -> Response {
    let op = route.as_ref().map(|(op, _)| *op);
    let mut st = inner.lock();
    let who = auth::identify(&st, &call.headers);
    let seen = who.clone().unwrap_or(Who::Nobody);
    let mut reply = match &plan.before {
        Some(canned) => canned_reply(&st, canned),
        None => match who.and_then(|who| answer(&mut st, who, call, route)) {
            Ok(reply) => reply,
            Err(refusal) => refused(&refusal, call),
        },
    };
    if let Some(canned) = &plan.after {
        reply = canned_reply(&st, canned);
    }
    for alteration in &plan.alter {
        alteration(&mut reply.body);
    }
    drop(st);
    for interruption in &plan.interrupt {
        interruption(&Sim::borrowed(inner));
    }
    let mut st = inner.lock();
    let faulted = plan.is_a_lie();
    let (mut response, bytes) = dress(&mut st, &seen, call, op, &reply);
    plan.put_headers(&mut response);
    if plan.cut {
        response = cut(response);
    }
    let write = match (op, &operation) {
        (Some(op), _) => op.writes(),
        (None, Some(name)) => name != "graphql/query",
        (None, None) => call.method != "GET",
    };
    let at = st.now();
    st.journal.add(Entry {
        seq: 0,
        at,
        method: call.method.clone(),
        path: call.path.clone(),
        query: call.query.clone(),
        operation,
        status: response.status().as_u16(),
        actor: seen.kind(),
        installation: seen.installation(),
        write,
        request_bytes: call.body.len(),
        response_bytes: bytes,
        faulted,
        request_body: serde_json::from_slice(&call.body).unwrap_or(Value::Null),
        response_body: reply.body,
    });
    response
}

fn answer(st: &mut State, who: Who, call: &Call, route: Route) -> Outcome<Reply> {
    if call.headers.get(http::header::USER_AGENT).is_none() {
        let text = "a request without User-Agent".to_owned();
        st.journal.blame(ViolationKind::Caller, text);
        return Err(Refusal::new(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a \
             User-Agent header",
        ));
    }
    if let Some(version) = call.headers.get("x-github-api-version")
        && !["2022-11-28", "2026-03-10"].contains(&version.to_str().unwrap_or_default())
    {
        return Err(Refusal::new(400, "API version is not supported"));
    }
    if let Some(reply) = over_quota(st, &who, call)? {
        return Ok(reply);
    }
    if call.graphql {
        return crate::graphql::serve(st, &who, call);
    }
    let Some((op, params)) = route else {
        return Err(unrouted(st, call));
    };
    rest::carry_out(
        st,
        who,
        rest::Routed {
            op,
            params,
            path: call.path.clone(),
            query: rest::ctx::parse_query(&call.query),
            headers: &call.headers,
            body: &call.body,
            api: call.api.clone(),
            html: call.html.clone(),
        },
    )
}

fn unrouted(st: &mut State, call: &Call) -> Refusal {
    let what = format!("{} {}", call.method, call.path);
    match rest::known::operation(&call.method, &call.path) {
        Some(id) => {
            let text = format!("stand-in incomplete: {id} ({what})");
            st.journal.blame(ViolationKind::Incomplete, text.clone());
            Refusal::new(501, text)
        }
        None => {
            st.journal.blame(ViolationKind::Caller, format!("no such operation: {what}"));
            Refusal::not_found()
        }
    }
}

fn canned_reply(st: &State, canned: &Canned) -> Reply {
    let mut reply = Reply::new(canned.status, canned.body.clone());
    if let (true, Some(page)) = (canned.html, canned.body.as_str()) {
        let page = page.as_bytes().to_vec();
        reply = Reply { status: canned.status, ..Reply::raw("text/html; charset=utf-8", page) };
    }
    for (name, value) in &canned.headers {
        if name == "x-ratelimit-reset-in" {
            let wait: i64 = value.parse().unwrap_or(60);
            let at = st.now().as_second() + wait;
            reply = reply.header("x-ratelimit-reset", at.to_string());
        } else {
            reply = reply.header(name, value.clone());
        }
    }
    reply
}

fn refused(refusal: &Refusal, call: &Call) -> Reply {
    let mut reply = Reply::new(refusal.status(), refusal.body());
    if let Some(location) = refusal.location() {
        if call.method != "GET" {
            reply.status = 307;
        }
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        reply = reply.header("location", format!("{location}{query}"));
    }
    reply
}
