//! Tokens of jobs (OpenID Connect), as a GitHub Enterprise Server gives them: the issuer is `<server>/_services/token`.
//!
//! A job asks at the address its runner names, with the secret its runner gives it, for one audience. The claims are those of its run.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::cast::Repo;
use crate::dress::plain;
use crate::rest::ctx::parse_query;
use crate::state::State;

const ROOT: &str = "/_services/token";
const KEY_ID: &str = "github-sim-actions";
/// How long a token is good for, in seconds.
const LASTS: i64 = 300;

fn key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).expect("a 2048 bit RSA key can be made"))
}

/// What the runner gives a job of a run: where to ask, and with which secret.
fn request_of(base: &str, repo: u64, run: u64) -> (String, String) {
    (format!("{base}{ROOT}/jobs/{repo}/{run}/idtoken?api-version=2.0"), format!("runtime-{repo}-{run}"))
}

impl Repo {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` of a job of a run with `id-token: write`.
    #[must_use]
    pub fn id_token_request(&self, run: u64) -> (String, String) {
        request_of(&self.sim.inner.lock().base, self.id, run)
    }
}

/// An answer, if the address is one of these.
pub(crate) fn serve(st: &State, (method, path): (&str, &str), query: &str, headers: &HeaderMap) -> Option<Response> {
    let rest = path.strip_prefix(ROOT)?;
    if method != "GET" {
        return Some(plain(405, ""));
    }
    if rest == "/.well-known/jwks" {
        return Some(answer(&keys()));
    }
    let mut parts = rest.strip_prefix("/jobs/")?.split('/');
    let (repo, run) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let secret = format!("Bearer {}", request_of("", repo, run).1);
    if headers.get(AUTHORIZATION).is_none_or(|given| given.as_bytes() != secret.as_bytes()) {
        return Some(plain(401, ""));
    }
    let asked = parse_query(query);
    let audience = asked.iter().find(|(name, _)| name == "audience").map(|(_, value)| value.clone());
    let Some(claims) = claims(st, (repo, run), audience) else { return Some(plain(404, "")) };
    Some(answer(&json!({ "value": signed(&claims) })))
}

fn answer(body: &Value) -> Response {
    let mut response = plain(200, &body.to_string());
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

fn claims(st: &State, (repo, id): (u64, u64), audience: Option<String>) -> Option<Value> {
    let run = st.workflow_run(repo, id).ok()?;
    // a job that has ended asks for nothing
    if run.conclusion.is_some() {
        return None;
    }
    let here = st.repos.get(&repo)?;
    let (name, reference) = (st.full_name(here), format!("refs/heads/{}", run.branch));
    let workflow = format!("{name}/{}@{reference}", run.path);
    let now = st.now().as_second();
    let owner = name.split('/').next().unwrap_or_default();
    Some(json!({
        "jti": uuid::Uuid::new_v4().to_string(), "sub": format!("repo:{name}:ref:{reference}"),
        "aud": audience.unwrap_or_else(|| format!("{}/{owner}", st.base)), "iss": format!("{}{ROOT}", st.base),
        "ref": reference, "sha": run.sha, "ref_type": "branch", "repository": name, "repository_id": repo.to_string(),
        "repository_owner": owner, "run_id": id.to_string(), "run_number": run.number.to_string(), "run_attempt": "1",
        "actor": st.login(run.by.account), "actor_id": run.by.account.to_string(), "workflow": run.path,
        "workflow_ref": workflow, "workflow_sha": run.sha, "job_workflow_ref": workflow, "job_workflow_sha": run.sha,
        "event_name": run.event, "runner_environment": "github-hosted", "head_ref": "", "base_ref": "",
        "nbf": now - 300, "exp": now + LASTS, "iat": now,
    }))
}

fn signed(claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": KEY_ID});
    let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let mut signature = vec![0; key().public_modulus_len()];
    let drawn = key().sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
    drawn.expect("an RSA key signs");
    format!("{text}.{}", BASE64.encode(signature))
}

/// The public half: a PKCS#1 key of 2048 bits always has its modulus at byte 9 and its exponent at the end.
fn keys() -> Value {
    let der = key().public_key().as_ref();
    assert_eq!((der.len(), &der[..9]), (270, &[0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00][..]));
    let (n, e) = (BASE64.encode(&der[9..265]), BASE64.encode(&der[267..]));
    json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": n, "e": e}]})
}
