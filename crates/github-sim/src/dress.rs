//! From an answer to the bytes and headers GitHub sends: tags, quota, permissions.
//!
//! Never changes what an answer says.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::access::Who;
use crate::quota::{counted_in, rate_of};
use crate::rest::op::Op;
use crate::rest::reply::Reply;
use crate::server::Call;
use crate::state::State;

/// Adds the headers every answer has and turns it into bytes.
pub(crate) fn dress(
    st: &mut State,
    who: &Who,
    call: &Call,
    op: Option<&'static Op>,
    reply: &Reply,
) -> (Response, usize) {
    let (media, bytes) = match &reply.raw {
        Some((media, bytes)) => (media.clone(), bytes.clone()),
        None if reply.body.is_null() => (String::new(), Vec::new()),
        None => ("application/json; charset=utf-8".to_owned(), reply.body.to_string().into_bytes()),
    };
    let mut status = reply.status;
    let mut body = bytes;
    let mut builder = Response::builder();
    if status == 200 && call.method == "GET" && !call.graphql {
        let tag = tag(&call.headers, &body);
        let known = call
            .headers
            .get(http::header::IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|tags| tags.split(',').any(|t| t.trim() == tag));
        if known {
            status = 304;
            body.clear();
        }
        builder = builder.header("etag", tag).header("cache-control", "private, max-age=60, s-maxage=60");
    }
    let limit = st.rate_limit;
    let mut rate = rate_of(st, counted_in(who, call));
    if status != 304 && call.path != "/rate_limit" && rate.used < limit {
        rate.used += 1;
        st.rates.insert(counted_in(who, call), rate);
    }
    builder = builder
        .status(status)
        .header("server", "github.com")
        .header("date", st.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .header("x-github-request-id", uuid::Uuid::new_v4().simple().to_string())
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-ratelimit-limit", limit.to_string())
        .header("x-ratelimit-used", rate.used.to_string())
        .header("x-ratelimit-resource", if call.graphql { "graphql" } else { "core" });
    let set = |name: &str| reply.headers.iter().any(|(key, _)| key == name);
    if !set("x-ratelimit-remaining") {
        let left = limit.saturating_sub(rate.used);
        builder = builder.header("x-ratelimit-remaining", left.to_string());
    }
    if !set("x-ratelimit-reset") {
        builder = builder.header("x-ratelimit-reset", rate.reset.as_second().to_string());
    }
    if !media.is_empty() && status != 304 {
        builder = builder.header("content-type", media);
    }
    if let (Some(op), Who::Installation(_)) = (op, who)
        && !op.needs.is_empty()
    {
        builder = builder.header("x-accepted-github-permissions", accepted(op));
    }
    for (name, value) in &reply.headers {
        builder = builder.header(name.as_str(), value.as_str());
    }
    let size = body.len();
    let response =
        builder.body(Body::from(body)).unwrap_or_else(|_| plain(500, "an answer with a header that cannot be sent"));
    (response, size)
}

/// The tag of a body for one credential.
fn tag(headers: &HeaderMap, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    let credential = headers.get(http::header::AUTHORIZATION);
    digest.update(credential.map_or(&b""[..], |value| value.as_bytes()));
    digest.update(body);
    format!("W/\"{}\"", hex::encode(digest.finalize()))
}

fn accepted(op: &Op) -> String {
    let needs: Vec<String> = op.needs.iter().map(|(name, level)| format!("{name}={}", level.name())).collect();
    needs.join("; ")
}

/// The same answer, but the connection breaks before its body is there.
pub(crate) fn cut(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "a dial broke the connection");
    let pieces = [Ok(Bytes::from_static(b"{")), Err(broken)];
    Response::from_parts(parts, Body::from_stream(futures::stream::iter(pieces)))
}

/// An answer that is only a text.
pub(crate) fn plain(status: u16, text: &str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response
}
