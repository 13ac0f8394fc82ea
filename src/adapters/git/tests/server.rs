//! `git http-backend` over HTTP with a password, a log of requests, and faults to order.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;

/// What a request may be answered with instead of Git's answer.
#[derive(Debug, Clone, Default)]
pub(super) enum Fault {
    #[default]
    None,
    /// Nothing, ever.
    Hang,
    /// One byte now and then.
    Drip,
    /// Status, and a body.
    Status(u16, String),
    /// A redirect.
    Redirect(String),
    /// Git's answer, cut in half.
    Truncate,
    /// Git's answer under a wrong header.
    Header(&'static str, &'static str),
    /// Git does it, the connection breaks before the answer.
    DoneButLost,
    /// A command run in the project's directory just before Git.
    Before(Vec<String>),
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

#[derive(Default)]
struct Inner {
    fault: (String, Fault),
    old_protocol: bool,
    seen: Vec<Seen>,
}

/// A running server; ends with the runtime of its test.
#[derive(Clone)]
pub(super) struct Server {
    root: PathBuf,
    pub(super) url: String,
    inner: Arc<Mutex<Inner>>,
}

pub(super) const TOKEN: &str = "ghs_aTokenNobodyMaySee";

impl Server {
    pub(super) async fn start(root: &Path) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { root: root.to_owned(), url, inner: Arc::default() };
        let app = Router::new().fallback(answer).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        this
    }

    /// Requests whose line contains `at` get `fault` from now on.
    pub(super) fn fail(&self, at: &str, fault: Fault) {
        self.inner.lock().unwrap().fault = (at.to_owned(), fault);
    }

    pub(super) fn speak_old_protocol(&self) {
        self.inner.lock().unwrap().old_protocol = true;
    }

    /// Requests since the last look.
    pub(super) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.inner.lock().unwrap().seen)
    }
}

async fn answer(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let line = format!("{method} {uri}");
    let (fault, old_protocol) = {
        let mut inner = server.inner.lock().unwrap();
        inner.seen.push(Seen { line: line.clone(), headers: headers.clone(), body: body.to_vec() });
        let fault = if line.contains(&inner.fault.0) { inner.fault.1.clone() } else { Fault::None };
        (fault, inner.old_protocol)
    };
    let good = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{TOKEN}")));
    if headers.get("authorization").is_none_or(|given| given != good.as_str()) {
        return plain(401, "Bad credentials");
    }
    match &fault {
        Fault::Hang => tokio::time::sleep(Duration::from_secs(600)).await,
        Fault::Status(status, text) => return plain(*status, text),
        Fault::Redirect(to) => {
            return Response::builder().status(301).header("location", to).body(Body::empty()).unwrap();
        }
        Fault::Before(command) => {
            let done = std::process::Command::new(&command[0]).args(&command[1..]).current_dir(&server.root).status();
            assert!(done.unwrap().success());
        }
        Fault::None | Fault::Drip | Fault::Truncate | Fault::Header(..) | Fault::DoneButLost => {}
    }
    let (status, answer_headers, bytes) = backend(&server.root, &method, &uri, &headers, &body, old_protocol).await;
    let mut response = Response::builder().status(status);
    for (name, value) in &answer_headers {
        response = response.header(name, value);
    }
    let bytes = match fault {
        Fault::DoneButLost => return lost(response),
        Fault::Truncate => bytes[..bytes.len() / 2].to_vec(),
        Fault::Header(name, value) => {
            response.headers_mut().unwrap().insert(name, value.parse().unwrap());
            bytes
        }
        Fault::Drip => return response.body(Body::from_stream(drip(bytes))).unwrap(),
        Fault::None | Fault::Hang | Fault::Status(..) | Fault::Redirect(_) | Fault::Before(_) => bytes,
    };
    // In pieces, so that answers are chunked and frames cut anywhere.
    let pieces: Vec<_> = bytes.chunks(777).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    response.body(Body::from_stream(futures::stream::iter(pieces))).unwrap()
}

fn lost(response: axum::http::response::Builder) -> Response<Body> {
    let broken = std::io::Error::other("the connection breaks");
    response.body(Body::from_stream(futures::stream::iter([Err::<Vec<u8>, _>(broken)]))).unwrap()
}

fn drip(bytes: Vec<u8>) -> impl futures::Stream<Item = Result<Vec<u8>, std::io::Error>> {
    futures::stream::unfold(bytes.into_iter(), |mut rest| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        rest.next().map(|byte| (Ok(vec![byte]), rest))
    })
}

fn plain(status: u16, text: &str) -> Response<Body> {
    let kind = "text/plain";
    Response::builder().status(status).header("content-type", kind).body(Body::from(text.to_owned())).unwrap()
}

async fn backend(
    root: &Path,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    old_protocol: bool,
) -> (StatusCode, Vec<(String, String)>, Vec<u8>) {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let mut command = tokio::process::Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REMOTE_USER", "tester")
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if !old_protocol {
        command.env("GIT_PROTOCOL", header("git-protocol"));
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = body.to_vec();
    tokio::spawn(async move {
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(output[..end].to_vec()).unwrap();
    let mut headers: Vec<(String, String)> =
        head.lines().map(|line| line.split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect();
    let status = headers.iter().find(|(name, _)| name == "Status").map_or(200, |(_, text)| text[..3].parse().unwrap());
    headers.retain(|(name, _)| name != "Status");
    (StatusCode::from_u16(status).unwrap(), headers, output[end + 4..].to_vec())
}
