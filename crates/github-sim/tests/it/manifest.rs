//! Registering an App from a manifest: the pages, the code, and what is refused.

use github_sim::{Sim, SimConfig, User};
use jiff::SignedDuration;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

struct Visit {
    sim: Sim,
    alice: User,
    client: reqwest::Client,
}

impl Visit {
    async fn new() -> Self {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let alice = sim.user("alice");
        sim.org("acme").member(&alice, true);
        sim.sign_in(&alice);
        let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).user_agent("browser").build();
        Self { sim, alice, client: client.unwrap() }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, String, String) {
        let body: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.client.post(format!("{}{path}", self.sim.url())).body(body.join("&"));
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        (answer.status().as_u16(), to, answer.text().await.unwrap())
    }

    /// Registers and gives the code.
    async fn registered(&self, name: &str) -> String {
        let manifest = manifest().to_string();
        let form = [("manifest", manifest.as_str()), ("state", "s 1"), ("name", name)];
        let (status, to, text) = self.post("/organizations/acme/settings/apps", &form).await;
        assert_eq!(status, 302, "{text}");
        let rest = to.strip_prefix("http://127.0.0.1:1/back?code=").unwrap();
        rest.strip_suffix("&state=s%201").unwrap().to_owned()
    }

    async fn convert(&self, code: &str) -> (u16, Value) {
        let request = self.client.post(format!("{}/app-manifests/{code}/conversions", self.sim.url()));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(dir) = std::env::var_os("GITHUB_SIM_DUMP") {
            self.sim.dump(std::path::Path::new(&dir)).unwrap();
        }
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn manifest() -> Value {
    json!({
        "name": "Gate <1>", "url": "https://gate.example", "redirect_url": "http://127.0.0.1:1/back",
        "hook_attributes": {"url": "https://gate.example/hook"}, "public": false,
        "default_permissions": {"contents": "write", "issues": "read"}, "default_events": ["push", "issue_comment"],
    })
}

#[tokio::test]
async fn a_person_clicks_and_the_code_gives_the_credentials_once() {
    let visit = Visit::new().await;
    let text = manifest().to_string();
    let (status, _, page) = visit.post("/organizations/acme/settings/apps/new?state=s", &[("manifest", &text)]).await;
    assert_eq!(status, 200);
    assert!(page.contains("Create GitHub App for acme") && page.contains("Gate &lt;1&gt;"), "{page}");
    let code = visit.registered("Gate").await;
    let (status, app) = visit.convert(&code).await;
    assert_eq!(status, 201, "{app}");
    assert_eq!((&app["slug"], &app["owner"]["login"]), (&"gate".into(), &"acme".into()));
    assert_eq!(app["permissions"], json!({"contents": "write", "issues": "read", "metadata": "read"}));
    let known = visit.sim.app_called("gate").unwrap();
    assert_eq!((app["id"].as_u64(), app["pem"].as_str()), (Some(known.id), Some(known.private_key_pem.as_str())));
    assert!(app["webhook_secret"].as_str().unwrap().len() >= 40);
    assert_eq!(visit.convert(&code).await.0, 404, "once");
    assert_eq!(visit.convert("nobody-gave-this").await.0, 404);
}

#[tokio::test]
async fn a_code_is_good_for_an_hour_and_a_name_for_one_app() {
    let visit = Visit::new().await;
    let (late, just) = (visit.registered("Late").await, visit.registered("Just").await);
    visit.sim.advance(SignedDuration::from_secs(3590));
    assert_eq!(visit.convert(&just).await.0, 201);
    visit.sim.advance(SignedDuration::from_secs(20));
    assert_eq!(visit.convert(&late).await.0, 404);
    let text = manifest().to_string();
    let (status, _, page) = visit.post("/settings/apps", &[("manifest", &text), ("name", "late")]).await;
    assert_eq!(status, 422);
    assert!(page.contains("already in use"), "{page}");
}

#[tokio::test]
async fn what_github_refuses_is_refused() {
    let visit = Visit::new().await;
    let wrong = [
        (json!({"default_events": ["push", "installation"]}), "Default events unsupported: installation"),
        (json!({"default_permissions": {"contents": "read"}}), "not supported by permissions: issue_comment"),
        (json!({"default_permissions": {"contents": "all", "issues": "read"}}), "not included in the list: contents"),
        (json!({"hook_attributes": {"url": "http://localhost:8080/x"}}), "reachable over the public Internet"),
        (json!({"hook_attributes": {}}), "Hook url cannot be blank"),
        (json!({"url": null}), "Url must be a valid URL"),
    ];
    for (change, words) in wrong {
        let mut manifest = manifest();
        for (key, value) in change.as_object().unwrap() {
            manifest[key] = value.clone();
        }
        let (status, _, page) = visit.post("/settings/apps/new", &[("manifest", &manifest.to_string())]).await;
        assert_eq!(status, 422, "{words}");
        assert!(page.contains(words), "{words}: {page}");
    }
    visit.sim.org("other").member(&visit.alice, false);
    let text = manifest().to_string();
    let form = [("manifest", text.as_str())];
    assert_eq!(visit.post("/organizations/other/settings/apps/new", &form).await.0, 404, "members own no Apps there");
    let nobody = Sim::start(SimConfig::default()).await.unwrap();
    let answer = visit.client.post(format!("{}/settings/apps/new", nobody.url())).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/login");
}
