//! The pages an App is registered on from a manifest, as a browser meets them: the form a manifest is posted to, the person's click,
//! the way back with a code.
//!
//! Never decides what a manifest may ask for; that is in `state`.

use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};

use crate::dress::plain;
use crate::rest::ctx::parse_query;
use crate::state::State;
use crate::state::manifests::Manifest;

/// A page, if the address is one of a page.
pub(crate) fn page(st: &mut State, method: &str, path: &str, query: &str, body: &[u8]) -> Option<Response> {
    match (method, path) {
        ("GET", "/login") => {
            return Some(html(StatusCode::OK, "Sign in to GitHub", "<p>Nobody is signed in here.</p>"));
        }
        // browsers ask unasked
        ("GET", "/favicon.ico") => return Some(plain(404, "")),
        _ => {}
    }
    let (org, rest) = match path.strip_prefix("/organizations/").and_then(|rest| rest.split_once('/')) {
        Some((org, rest)) => (Some(org), rest),
        None => (None, path.strip_prefix('/')?),
    };
    if method != "POST" || !matches!(rest, "settings/apps/new" | "settings/apps") {
        return None;
    }
    let Some(person) = st.signed_in else { return Some(redirect("/login")) };
    let owner = match org {
        None => Some(person),
        Some(org) => {
            let org = st.account_named(org).map(|org| org.id);
            org.filter(|org| st.members.get(&(*org, person)) == Some(&true))
        }
    };
    let Some(owner) = owner else { return Some(html(StatusCode::NOT_FOUND, "Page not found", "")) };
    let (asked, form) = (parse_query(query), parse_query(&String::from_utf8_lossy(body)));
    let field = |fields: &[(String, String)], name: &str| {
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let text = field(&form, "manifest");
    let manifest = match Manifest::read(&text) {
        Ok(manifest) => manifest,
        Err(faults) => return Some(invalid(&faults)),
    };
    if rest == "settings/apps/new" {
        return Some(confirm(st.login(owner), org, &manifest, &text, &field(&asked, "state")));
    }
    let back = manifest.redirect_url.clone();
    Some(match st.register(manifest, &field(&form, "name"), owner) {
        Ok(code) => {
            let joint = if back.contains('?') { '&' } else { '?' };
            let state = field(&form, "state");
            let state = if state.is_empty() { state } else { format!("&state={}", encoded(&state)) };
            redirect(&format!("{back}{joint}code={code}{state}"))
        }
        Err(fault) => invalid(&[fault]),
    })
}

/// Where the person may change the name, and clicks.
fn confirm(owner: &str, org: Option<&str>, manifest: &Manifest, text: &str, state: &str) -> Response {
    let action = org.map_or_else(|| "/settings/apps".to_owned(), |org| format!("/organizations/{org}/settings/apps"));
    let body = format!(
        "<form action=\"{}\" method=\"post\"><input type=\"hidden\" name=\"manifest\" value=\"{}\">\
         <input type=\"hidden\" name=\"state\" value=\"{}\"><label>GitHub App name \
         <input name=\"name\" value=\"{}\"></label> <button>Create GitHub App for {}</button></form>",
        escaped(&action),
        escaped(text),
        escaped(state),
        escaped(&manifest.name),
        escaped(owner)
    );
    html(StatusCode::OK, "Create GitHub App", &body)
}

fn invalid(faults: &[String]) -> Response {
    let list: String = faults.iter().map(|fault| format!("<li>{}</li>", escaped(fault))).collect();
    html(StatusCode::UNPROCESSABLE_ENTITY, "Invalid GitHub App configuration", &format!("<ul>{list}</ul>"))
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!("<!doctype html><title>{title}</title><h1>{title}</h1>{body}");
    let mut response = plain(status.as_u16(), &page);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn redirect(to: &str) -> Response {
    let mut response = plain(302, "");
    match http::HeaderValue::try_from(to) {
        Ok(to) => {
            response.headers_mut().insert(LOCATION, to);
            response
        }
        Err(_) => invalid(&["Redirect url must be a valid URL".to_owned()]),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
