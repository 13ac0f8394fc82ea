//! The pages of the set-up. They load nothing, run no script, may not be framed, and post to us and to GitHub alone.

use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::guard::PERMISSIONS;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use minijinja::{Environment, Value, context};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::Setup;
use super::wanted::Wanted;
use crate::faces::server::answer;
use crate::faces::wire::NewApp;

const STYLE: &str = include_str!("../../../../templates/setup.css");
const PAGE: &str = include_str!("../../../../templates/setup.html");

/// What to do when a link is spent.
pub(super) const ANOTHER_LINK: &str =
    "Start `countersign serve --setup` again: it prints another link, good once and for half an hour.";

/// Somebody who did not come by the link.
pub(super) fn stranger() -> Response {
    refused(StatusCode::FORBIDDEN, "This page opens by the link that the server printed.", ANOTHER_LINK)
}

/// Something that is not done, and the way out.
pub(super) fn refused(status: StatusCode, words: &str, help: &str) -> Response {
    let mut response = page(None, context! { step => "refused", words, help });
    *response.status_mut() = status;
    response
}

/// Where the fields are.
pub(super) fn first(setup: &Setup, wanted: &Wanted, fault: Option<&str>) -> Response {
    let optional: Vec<_> = PERMISSIONS
        .iter()
        .filter(|one| !one.always)
        .map(|one| (one.name, one.level, plain(one.what_for), wanted.also.contains(one.name)))
        .collect();
    let mut response = page(
        None,
        context! { step => "first", github => host_of(&setup.github), address => wanted.address.clone(),
        organization => wanted.organization.clone(), optional, fault },
    );
    if fault.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}

/// What GitHub will be asked for.
pub(super) fn second(setup: &Setup, wanted: &Wanted, manifest: &Json, state: &str) -> Response {
    let asked = manifest["default_permissions"].as_object();
    let permissions: Vec<_> = PERMISSIONS
        .iter()
        .filter(|one| asked.is_some_and(|asked| asked.get(one.name).is_some_and(|level| level == one.level)))
        .map(|one| (one.name, one.level, plain(one.what_for)))
        .collect();
    let text = |json: &Json| json.as_str().map(str::to_owned);
    let events: Vec<_> = manifest["default_events"].as_array().into_iter().flatten().filter_map(text).collect();
    page(
        Some(&setup.github),
        context! { step => "second", github => host_of(&setup.github), organization => wanted.organization.clone(),
        target => wanted.target(&setup.github, state), manifest => manifest.to_string(), permissions, events,
        hook => text(&manifest["hook_attributes"]["url"]), files => setup.files.shown(setup.signing.is_some()) },
    )
}

/// What was done, and what is next.
pub(super) fn last(setup: &Setup, app: &NewApp) -> Response {
    // an address to click on is GitHub's own or none
    let own = Url::parse(&app.page).ok().zip(Url::parse(&setup.github).ok());
    let install = own
        .filter(|(page, github)| page.origin() == github.origin())
        .map(|(page, _)| format!("{}/installations/new", page.as_str().trim_end_matches('/')));
    page(
        None,
        context! { step => "last", slug => app.slug.clone(), id => app.id, install,
        config => setup.files.config().display().to_string(),
        fingerprint => setup.signing.as_ref().map(|(_, fingerprint)| fingerprint.clone()),
        files => setup.files.shown(setup.signing.is_some()) },
    )
}

/// Without the marks that code has on a terminal.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

fn host_of(github: &str) -> String {
    Url::parse(github).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn page(posts_to: Option<&str>, values: Value) -> Response {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let github = posts_to.and_then(|address| Url::parse(address).ok()).map(|url| url.origin().ascii_serialization());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        github.unwrap_or_default()
    );
    let text = Environment::new().render_named_str(
        "setup.html",
        PAGE,
        context! { style => STYLE, version => env!("CARGO_PKG_VERSION"), ..values },
    );
    match text {
        Ok(text) => {
            let headers = [
                (CONTENT_SECURITY_POLICY, policy.trim_end()),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                // GitHub is told where a form comes from, never which page; and our own forms say so as well
                (REFERRER_POLICY, "strict-origin"),
                (CACHE_CONTROL, "no-store"),
            ];
            (headers, Html(text)).into_response()
        }
        Err(failure) => {
            tracing::error!(%failure, "the page cannot be rendered");
            answer::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error", "the log says more")
        }
    }
}
