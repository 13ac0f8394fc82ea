//! The set-up: an App is registered on GitHub from a page of ours, and the server goes on with what was written.

use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use http::header::{CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE};
use serde_json::Value;

use crate::harness::{Browser, POLICY, Post, World, signature};

/// A server that has no App yet.
struct Beginning {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where the page is; the token is in it.
    link: String,
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Every setting but those of the App and of the ledger's key.
fn without_an_app(world: &World, verb: &str) -> Command {
    let mut command = world.with_settings(verb);
    for name in ["APP_ID", "PRIVATE_KEY_FILE", "WEBHOOK_SECRET", "SIGNING_KEY_FILE"] {
        command.env_remove(format!("COUNTERSIGN_{name}"));
    }
    command
}

fn begin(world: &World) -> Beginning {
    let mut command = without_an_app(world, "serve");
    let log = std::fs::File::create(world.path("server.log")).expect("a log");
    command.args(["--setup", "--config", "made.toml"]).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().expect("the server starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = lines.next().and_then(Result::ok).unwrap_or_else(|| panic!("it ended:\n{}", world.log()));
    let link = line.strip_prefix("set up at ").unwrap_or_else(|| panic!("no link: {line}")).to_owned();
    Beginning { child, lines, link }
}

/// What was written, by the end of its name.
fn written(world: &World, name: &str) -> String {
    let path = world.path(name);
    let mode = std::fs::metadata(&path).unwrap_or_else(|fault| panic!("{name}: {fault}")).permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{name} is for its owner alone");
    std::fs::read_to_string(path).expect("text")
}

/// The whole way, as a person walks it: link, form, GitHub's page, back, files, a server that takes deliveries, and no gap.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_registers_the_app_in_a_browser_and_the_server_goes_on_with_it() {
    let Some(mut browser) = Browser::start() else { return };
    let world = World::without_server(POLICY).await;
    world.acme.member(&world.zoe, true);
    world.sim.sign_in(&world.zoe);
    let plain = world.sim.repo("acme/plain", "main").expect("a repository");
    let mut beginning = begin(&world);

    browser.open(&beginning.link);
    browser.until_heading("Register the GitHub App · 1 of 2");
    assert!(browser.value("location.search") == "", "the token is out of the address");
    browser.picture("setup-1");
    browser.fill("#address", "https://countersign.example.com");
    browser.fill("#organization", "acme corp");
    browser.leave_by("button");
    browser.until_heading("Register the GitHub App · 1 of 2");
    assert!(browser.text().contains("letters, digits and hyphens"), "{}", browser.text());
    browser.picture("setup-1-fault");
    browser.fill("#organization", "acme");
    browser.click("[name=also-deployments]");
    browser.leave_by("button");
    browser.until_heading("Register the GitHub App · 2 of 2");
    let text = browser.text();
    for words in
        ["contents: write", "deployments: write", "issue_comment", "https://countersign.example.com/webhooks/github"]
    {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    assert!(!text.contains("administration"), "asked for what nobody ticked:\n{text}");
    browser.picture("setup-2");
    browser.leave_by("button");
    browser.until_heading("Create GitHub App");
    browser.leave_by("button");
    browser.until_heading("The App is registered");
    browser.picture("setup-3");
    let last = browser.text();
    let install = browser.value("document.querySelector('a').href");
    assert_eq!(install, format!("{}/apps/countersign-acme/installations/new", world.sim.url()));

    let app = world.sim.app_called("countersign-acme").expect("GitHub has it");
    let (settings, key) = (written(&world, "made.toml"), written(&world, "made.private-key.pem"));
    let (secret, ledger) = (written(&world, "made.webhook-secret"), written(&world, "made.signing-key.pem"));
    assert!(settings.contains(&format!("app_id = {}\n", app.id)), "{settings}");
    assert_eq!(key, app.private_key_pem, "the key is the App's");
    for private in [key.lines().nth(1).unwrap(), secret.as_str(), ledger.lines().nth(1).unwrap()] {
        assert!(
            !private.is_empty() && !last.contains(private) && !settings.contains(private),
            "a page or setting holds it"
        );
        assert!(!world.log().contains(private), "the log holds it");
    }

    let mut line = || beginning.lines.next().and_then(Result::ok).unwrap_or_else(|| panic!("ended:\n{}", world.log()));
    let public = line().strip_prefix("listening on ").expect("where it listens").to_owned();
    let admin = line().strip_prefix("admin on ").expect("where its pages are").to_owned();
    assert!(beginning.link.starts_with(&format!("{admin}/setup?")), "the pages stay where they were");
    let ping = Post { signature: Some(signature(&secret, b"{}")), ..Post::signed("d-1", "ping", *b"{}") };
    assert_eq!(world.post_to(&public, ping).0, 202, "a delivery signed with what GitHub made is believed");
    assert_eq!(world.post_to(&public, Post::signed("d-2", "ping", *b"{}")).0, 401);
    browser.open(&format!("{admin}/setup/created?code=x&state=x"));
    world.until("the page is gone", |world| world.get(&format!("{admin}/setup")).0 == 404);

    // GitHub cannot reach the address of this story: what it would deliver stays with it
    world.sim.pause_deliveries();
    app.install(&world.acme, &[&plain]);
    let mut doctor = without_an_app(&world, "doctor");
    let output = doctor.args(["--config", "made.toml", "--json"]).output().expect("it runs");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert_eq!(output.status.code(), Some(0), "{found:#}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&found["mode"], &found["count"]["gaps"]), (&"server".into(), &0.into()), "{found:#}");
    world.no_violations();
}

struct Pages {
    client: reqwest::Client,
    base: String,
}

impl Pages {
    async fn get(&self, path: &str, cookie: Option<&str>) -> reqwest::Response {
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        request.send().await.expect("it answers")
    }

    async fn ask(&self, cookie: &str, origin: Option<&str>, body: &'static str) -> (u16, String) {
        let mut request = self.client.post(format!("{}/setup", self.base)).header("cookie", cookie).body(body);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = request.send().await.expect("it answers");
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }
}

/// Whoever is not the browser with the link gets nowhere; neither does an answer of GitHub's that nobody asked for.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_browser_with_the_link_registers_anything() {
    let world = World::without_server(POLICY).await;
    let beginning = begin(&world);
    let (base, token) = beginning.link.split_once("/setup?token=").expect("a link");
    assert_eq!(token.len(), 64, "256 bits");
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let pages = Pages { client, base: base.to_owned() };

    assert_eq!(pages.get("/setup", None).await.status(), 403);
    assert_eq!(pages.get(&format!("/setup?token={}", "0".repeat(64)), None).await.status(), 403);
    let named =
        pages.client.get(format!("{base}/setup?token={token}")).header("host", "setup.example.com").send().await;
    assert_eq!(named.unwrap().status(), 421, "a name that leads here is not ours; the link is still good");
    let opened = pages.get(&format!("/setup?token={token}"), None).await;
    assert_eq!((opened.status().as_u16(), opened.headers()[LOCATION].to_str().unwrap()), (303, "/setup"));
    let cookie = opened.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("; Path=/setup; HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(pages.get(&format!("/setup?token={token}"), None).await.status(), 403, "good once");
    assert_eq!(pages.get("/setup", Some("countersign-setup=guess")).await.status(), 403);

    let first = pages.get("/setup", Some(cookie)).await;
    let policy = first.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!first.text().await.unwrap().contains("<script"), "no page runs anything");

    let form = "address=https%3A%2F%2Fc.example.com&organization=acme";
    assert_eq!(pages.ask(cookie, None, form).await.0, 403, "a form that does not say where it comes from");
    assert_eq!(pages.ask(cookie, Some("https://evil.example"), form).await.0, 403);
    assert_eq!(pages.ask("countersign-setup=guess", Some(base), form).await.0, 403);
    for wrong in
        ["address=http%3A%2F%2Fc.example.com", "address=", "address=https%3A%2F%2Fc.example.com&organization=a%2Fb"]
    {
        assert_eq!(pages.ask(cookie, Some(base), wrong).await.0, 422, "{wrong}");
    }
    let (status, second) = pages.ask(cookie, Some(base), form).await;
    let second = second.replace("&#x2f;", "/");
    let state = second.split("settings/apps/new?state=").nth(1).and_then(|rest| rest.get(..64)).expect("a state");
    assert_eq!(status, 200, "{second}");
    assert!(second.contains("/organizations/acme/settings/apps/new?state="), "{second}");

    let back = |state: &str| format!("/setup/created?code=nobody-gave-this&state={state}");
    assert_eq!(pages.get(&back(state), None).await.status(), 403, "another browser");
    assert_eq!(pages.get(&back(&"0".repeat(64)), Some(cookie)).await.status(), 403, "not our question");
    let unknown = pages.get(&back(state), Some(cookie)).await;
    assert_eq!(unknown.status(), 502, "GitHub does not know the code");
    assert!(!world.log().contains(token) && !world.log().contains(state), "the log holds neither");
    assert!(!world.path("made.toml").exists(), "nothing was registered, so nothing is written");
    world.no_violations();
}

/// What is there stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_overwrites_nothing_and_begins_nothing_where_an_app_is_set() {
    let world = World::without_server(POLICY).await;
    let refused = |command: &mut Command| {
        let output = command.args(["--setup", "--config", "made.toml"]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{said}");
        said
    };
    let said = refused(&mut world.with_settings("serve"));
    assert!(said.contains("`COUNTERSIGN_APP_ID` is set"), "{said}");
    let mut misset = without_an_app(&world, "serve");
    let said = refused(misset.env("COUNTERSIGN_DATABASE_URL", "mysql:x"));
    assert!(said.contains("`database_url`"), "what does not hang on the App is said before GitHub is asked: {said}");
    for name in ["made.webhook-secret", "made.toml"] {
        std::fs::write(world.path(name), "mine").expect("written");
        let said = refused(&mut without_an_app(&world, "serve"));
        assert!(said.contains(name) && said.contains("overwritten"), "{said}");
        assert_eq!(std::fs::read_to_string(world.path(name)).expect("text"), "mine");
        std::fs::remove_file(world.path(name)).expect("gone");
    }
}
