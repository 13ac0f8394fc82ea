//! Git over HTTP: real bare repositories behind `git http-backend`, with GitHub's tokens and rules.
//!
//! Never decides a rule itself: `state::rules` does, before the pack arrives for everything that needs
//! no objects, and in a hook for the rest.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::access::{Actor, Level, Role, Who};
use crate::auth;
use crate::dress::{cut, plain};
use crate::faults::{self, Plan};
use crate::journal::Entry;
use crate::pkt;
use crate::push_rules::judge;
use crate::sim::{Inner, Sim};
use crate::state::State;
use crate::state::landed::RefChange;

/// Splits `/{owner}/{repo}.git/…` into the repository and the rest; None for other addresses.
pub(crate) fn split(path: &str) -> Option<((&str, &str), &str)> {
    let (owner, rest) = path.strip_prefix('/')?.split_once('/')?;
    let (repo, rest) = rest.split_once('/')?;
    let service = ["info/refs", "git-upload-pack", "git-receive-pack"].contains(&rest);
    if let Some(repo) = repo.strip_suffix(".git") {
        return Some(((owner, repo), rest));
    }
    service.then_some(((owner, repo), rest))
}

/// Who may do what on which repository.
struct Pass {
    dir_name: String,
    root: PathBuf,
    repo: u64,
    actor: Option<Actor>,
    who: Who,
}

/// Serves one git request.
pub(crate) async fn serve(inner: Arc<Inner>, name: (&str, &str), call: Cgi<'_>, body: Bytes) -> Response {
    let Cgi { method, rest, query, headers } = call;
    let writing = rest == "git-receive-pack" || query.contains("service=git-receive-pack");
    let operation = match rest {
        "git-receive-pack" => "git/receive-pack",
        "git-upload-pack" => "git/upload-pack",
        _ => "git/info-refs",
    };
    let path = format!("/{}/{}.git/{rest}", name.0, name.1);
    let wanted = faults::Request { operation: Some(operation), method, path: &path, document: None };
    let plan = inner.lock().faults.plan(&wanted);
    plan.lag().await;
    let pass = admit(&inner.lock(), name, rest, query, headers, writing);
    let who = pass.as_ref().map_or(Who::Nobody, |pass| pass.who.clone());
    let sent = body.len();
    let mut response = match (&plan.before, pass) {
        (Some(canned), _) => canned.response(),
        (None, Err(response)) => *response,
        (None, Ok(pass)) if rest == "git-receive-pack" => receive(&inner, &pass, &call, body).await,
        (None, Ok(pass)) => run(&pass, &call, body, None).await,
    };
    if let Some(canned) = &plan.after {
        response = canned.response();
    }
    plan.put_headers(&mut response);
    if plan.cut {
        response = cut(response);
    }
    interrupted(&inner, &plan).await;
    let mut st = inner.lock();
    let at = st.now();
    st.journal.add(Entry {
        seq: 0,
        at,
        method: method.to_owned(),
        path,
        query: query.to_owned(),
        operation: Some(operation.to_owned()),
        status: response.status().as_u16(),
        actor: who.kind(),
        installation: who.installation(),
        write: rest == "git-receive-pack",
        request_bytes: sent,
        response_bytes: 0,
        faulted: plan.is_a_lie(),
        request_body: Value::Null,
        response_body: Value::Null,
    });
    response
}

async fn interrupted(inner: &Arc<Inner>, plan: &Plan) {
    for interruption in plan.interrupt.clone() {
        let sim = Sim::borrowed(inner);
        let done = tokio::task::spawn_blocking(move || interruption(&sim)).await;
        if let Err(error) = done {
            tracing::error!(%error, "an interruption failed");
        }
    }
}

/// Checks the token and finds the repository.
fn admit(
    st: &State,
    name: (&str, &str),
    rest: &str,
    query: &str,
    headers: &HeaderMap,
    writing: bool,
) -> Result<Pass, Box<Response>> {
    let who = auth::identify(st, headers).map_err(|_| login_wanted("Invalid username or token."))?;
    let Some(repo) = st.repo_named(name.0, name.1) else {
        if let Some(found) = st.repo_formerly(name.0, name.1) {
            let place = format!("{}/{}.git/{rest}?{query}", st.base, st.full_name(found));
            let mut response = plain(301, "");
            if let Ok(place) = place.parse() {
                response.headers_mut().insert(http::header::LOCATION, place);
            }
            return Err(Box::new(response));
        }
        return Err(match who {
            Who::Nobody => login_wanted("Repository not found."),
            Who::App(_) | Who::Installation(_) | Who::User(_) => Box::new(plain(404, "Repository not found.")),
        });
    };
    let may = |role: Role, level: Level| match &who {
        Who::Nobody => role == Role::Read && !repo.private,
        Who::App(_) => false,
        Who::User(person) => st.role_of(repo, *person) >= Some(role),
        Who::Installation(access) => {
            access.repos.contains(&repo.id) && access.permissions.get("contents") >= Some(&level)
        }
    };
    if !may(Role::Read, Level::Read) {
        return Err(match who {
            Who::Nobody => login_wanted("Repository not found."),
            Who::App(_) | Who::Installation(_) | Who::User(_) => Box::new(plain(404, "Repository not found.")),
        });
    }
    let actor = match &who {
        Who::Nobody | Who::App(_) => None,
        Who::User(person) => Some(Actor::person(*person)),
        Who::Installation(access) => Some(Actor { account: access.bot, app: Some(access.app) }),
    };
    if writing && !may(Role::Write, Level::Write) {
        let Some(actor) = actor else {
            return Err(login_wanted("Authentication required."));
        };
        let (repo, login) = (st.full_name(repo), st.login(actor.account));
        let text = format!("Permission to {repo}.git denied to {login}.");
        return Err(Box::new(plain(403, &text)));
    }
    Ok(Pass { dir_name: format!("{}.git", repo.id), root: st.root.clone(), repo: repo.id, actor, who })
}

fn login_wanted(text: &str) -> Box<Response> {
    let mut response = plain(401, text);
    response
        .headers_mut()
        .insert(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Basic realm=\"GitHub\""));
    Box::new(response)
}

/// One request, without its body.
#[derive(Clone, Copy)]
pub(crate) struct Cgi<'a> {
    pub(crate) method: &'a str,
    /// Path below the repository.
    pub(crate) rest: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// A push: judge, receive, tell.
async fn receive(inner: &Arc<Inner>, pass: &Pass, call: &Cgi<'_>, body: Bytes) -> Response {
    if call.headers.contains_key(http::header::CONTENT_ENCODING) {
        return plain(415, "a push with a content encoding is not understood here");
    }
    let Some(actor) = pass.actor else {
        return *login_wanted("Authentication required.");
    };
    let commands = pkt::commands(&body);
    let scratch = match tempfile::Builder::new().prefix("push-").tempdir_in(&pass.root) {
        Ok(scratch) => scratch,
        Err(error) => return plain(500, &format!("no room for a push: {error}")),
    };
    let judged = judge(&inner.lock(), pass.repo, actor, &commands);
    let written = judged
        .map_err(|refusal| refusal.to_string())
        .and_then(|judged| judged.write(scratch.path()).map_err(|error| error.to_string()));
    if let Err(error) = written {
        return plain(500, &error);
    }
    let response = run(pass, call, body, Some(scratch.path())).await;
    let accepted = std::fs::read_to_string(scratch.path().join("accepted")).unwrap_or_default();
    let changes: Vec<RefChange> = accepted.lines().filter_map(pkt::change).collect();
    let told = {
        let inner = inner.clone();
        let repo = pass.repo;
        tokio::task::spawn_blocking(move || inner.lock().landed(repo, actor, &changes)).await
    };
    match told {
        Ok(Ok(())) => response,
        Ok(Err(refusal)) => plain(500, &refusal.to_string()),
        Err(error) => plain(500, &error.to_string()),
    }
}

/// Runs `git http-backend` for one request.
async fn run(pass: &Pass, call: &Cgi<'_>, body: Bytes, push: Option<&Path>) -> Response {
    let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &pass.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", &pass.root)
        .env("PATH_INFO", format!("/{}/{}", pass.dir_name, call.rest))
        .env("REQUEST_METHOD", call.method)
        .env("QUERY_STRING", call.query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for stray in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(stray);
    }
    if let Some(actor) = pass.actor {
        command.env("REMOTE_USER", actor.account.to_string());
    }
    if !header("content-encoding").is_empty() {
        command.env("HTTP_CONTENT_ENCODING", header("content-encoding"));
    }
    if let Some(push) = push {
        command.env("SIM_PUSH", push);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return plain(500, &format!("git did not start: {error}")),
    };
    let input = child.stdin.take();
    let feed = async move {
        if let Some(mut input) = input {
            // The program may stop reading early; its answer says why.
            let _ = input.write_all(&body).await;
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    match output {
        Ok(output) => answer(&output.stdout, push.is_some()),
        Err(error) => plain(500, &format!("git failed: {error}")),
    }
}

/// Turns a CGI answer into an HTTP one.
fn answer(output: &[u8], push: bool) -> Response {
    let Some(end) = output.windows(4).position(|four| four == b"\r\n\r\n") else {
        return plain(500, "git http-backend gave no answer");
    };
    let head = String::from_utf8_lossy(&output[..end]);
    let body = &output[end + 4..];
    let mut builder = Response::builder().status(200);
    for line in head.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse::<u16>().ok());
            builder = builder.status(code.unwrap_or(500));
        } else {
            builder = builder.header(name, value);
        }
    }
    let body = if push { pkt::in_githubs_words(body) } else { body.to_vec() };
    builder.body(Body::from(body)).unwrap_or_else(|_| plain(500, "git http-backend gave a broken answer"))
}
