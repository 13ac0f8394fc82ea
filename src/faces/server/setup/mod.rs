//! The set-up: an App is registered from a page of ours, and the server has its settings. Runs alone, before the server does.
//!
//! `/setup` is opened by a link that works once; then a cookie opens it. The person says where the server can be reached, sees what
//! GitHub will be asked for, and posts it there; GitHub sends the browser back with a code, and the code is exchanged for the App's
//! credentials, which go into files that nobody else reads. No page holds one, no log line does.

mod files;
mod guard;
mod pages;
mod wanted;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{RawForm, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::files::{Files, FilesFault};
pub use self::guard::Link;
use self::guard::{Session, field, is_from};
use self::wanted::Wanted;
use super::answer;
use crate::faces::wire::AppRegistry;

/// What the set-up works with.
pub struct Setup {
    /// GitHub for people, such as `https://github.com`.
    pub github: String,
    /// Settings that have to stand in the file beside the App's: name and value.
    pub settings: Vec<(&'static str, String)>,
    /// A signing key that was made because there was none, and its fingerprint.
    pub signing: Option<(SecretString, String)>,
    /// Where everything is put.
    pub files: Files,
    /// GitHub for the credentials.
    pub registry: AppRegistry,
}

struct Desk {
    setup: Setup,
    link: Mutex<Link>,
    /// One browser, and what it asked for last.
    session: Mutex<Option<Session>>,
    /// Held while credentials are fetched: they are given out once.
    fetching: tokio::sync::Mutex<()>,
    done: CancellationToken,
}

/// The pages; `done` is cancelled when the files are written.
pub(super) fn router(setup: Setup, link: Link, done: CancellationToken) -> Router {
    let desk = Desk {
        setup,
        link: Mutex::new(link),
        session: Mutex::default(),
        fetching: tokio::sync::Mutex::default(),
        done,
    };
    Router::new()
        .route("/setup", get(begin).post(ask))
        .route("/setup/created", get(created))
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::other_method)
        .layer(middleware::from_fn(guard::local_names_only))
        .layer(CatchPanicLayer::custom(answer::panicked))
        .with_state(Arc::new(desk))
}

impl Desk {
    /// Whether the request comes from the browser that opened the link.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_ref().is_some_and(|session| session.is(headers))
    }

    /// Takes the link, once.
    fn open(&self, token: &str) -> Option<String> {
        let taken = self.link.lock().unwrap_or_else(PoisonError::into_inner).take(token, Instant::now());
        let session = taken.then(Session::begin).flatten()?;
        let cookie = session.cookie();
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        Some(cookie)
    }

    /// A new state for what is asked of GitHub; an older one is worth nothing from now on.
    fn new_state(&self) -> Option<String> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.new_state()
    }

    fn expects(&self, state: &str) -> bool {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_ref().is_some_and(|session| session.expects(state))
    }
}

/// The first page; with a token, the way to it.
async fn begin(State(desk): State<Arc<Desk>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    if let Some(token) = field(query.as_deref().unwrap_or_default(), "token") {
        return match desk.open(&token) {
            // the token leaves the address before anything is shown
            Some(cookie) => {
                (StatusCode::SEE_OTHER, [(LOCATION, "/setup".to_owned()), (SET_COOKIE, cookie)]).into_response()
            }
            None => pages::refused(
                StatusCode::FORBIDDEN,
                "This link was used already, is too old, or is not ours.",
                pages::ANOTHER_LINK,
            ),
        };
    }
    if !desk.knows(&headers) {
        return pages::stranger();
    }
    pages::first(&desk.setup, &Wanted::default(), None)
}

/// What GitHub will be asked for, to be looked at and sent.
async fn ask(State(desk): State<Arc<Desk>>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    if !desk.knows(&headers) {
        return pages::stranger();
    }
    let Some(host) = guard::host(&headers).filter(|host| is_from(&headers, host)) else {
        return pages::refused(
            StatusCode::FORBIDDEN,
            "This was sent from another page.",
            "Open this page by itself, and fill it in there.",
        );
    };
    let wanted = Wanted::of(&String::from_utf8_lossy(&form));
    let manifest = match wanted.manifest(&host) {
        Ok(manifest) => manifest,
        Err(fault) => return pages::first(&desk.setup, &wanted, Some(&fault)),
    };
    match desk.new_state() {
        Some(state) => pages::second(&desk.setup, &wanted, &manifest, &state),
        None => pages::refused(StatusCode::INTERNAL_SERVER_ERROR, "The system gave no random bytes.", "Try again."),
    }
}

/// Back from GitHub with a code.
async fn created(State(desk): State<Arc<Desk>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    if !desk.knows(&headers) {
        return pages::stranger();
    }
    let again = "Go back to /setup and begin again. If GitHub lists an App by then, delete it there first.";
    if !desk.expects(&field(&query, "state").unwrap_or_default()) {
        return pages::refused(StatusCode::FORBIDDEN, "This answer belongs to no question of ours.", again);
    }
    let code = field(&query, "code").unwrap_or_default();
    let _alone = desk.fetching.lock().await;
    if desk.done.is_cancelled() {
        return pages::refused(StatusCode::CONFLICT, "The App was registered already.", "The server runs with it now.");
    }
    let app = match desk.setup.registry.fetch(&code).await {
        Ok(app) => app,
        Err(fault) => {
            tracing::warn!(%fault, "GitHub did not give the credentials of the new App");
            let words = format!("GitHub did not give the credentials of the new App: {}.", fault.message);
            return pages::refused(StatusCode::BAD_GATEWAY, &words, again);
        }
    };
    let signing = desk.setup.signing.as_ref().map(|(key, _)| key);
    if let Err(fault) = desk.setup.files.write(&app, signing, &desk.setup.settings) {
        tracing::error!(%fault, app = app.id, "the settings of the new App cannot be written");
        let words = format!("App {} is registered, and its settings could not be written: {fault}.", app.id);
        let help = "GitHub gives the key once: delete the App on GitHub, put right what is wrong, and begin again.";
        return pages::refused(StatusCode::INTERNAL_SERVER_ERROR, &words, help);
    }
    tracing::info!(app = app.id, slug = app.slug, "the App is registered, its settings are written");
    desk.done.cancel();
    pages::last(&desk.setup, &app)
}
