//! The stand-in with its people, one repository, and the server that is tested: started, killed and started again as a process.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use github_sim::{
    App, AppConfig, Installation, Level, Membership, Org, Push, Repo, Role, Sim, SimConfig, Team, User, Verdict,
};
use serde_json::Value;
use tempfile::TempDir;

use super::jobs::Jobs;
use super::store::Store;

/// Two environments, two kinds of approvers.
pub(crate) const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - name: production
    environments: [production]
    approvers: {users: [ann], teams: [acme/security]}
    required_approvals: 2
  - name: staging
    environments: [staging]
    approvers: {users: [ann, rita]}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";

pub(crate) const WEBHOOK_SECRET: &str = "a-webhook-secret-nobody-guesses";

/// How long something is waited for: on a busy machine a turn takes seconds, a lease that runs out a minute, and what failed is tried
/// again after up to two. Whoever waits in vain waits as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Everything a scenario needs.
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) acme: Org,
    pub(crate) security: Team,
    pub(crate) repo: Repo,
    pub(crate) app: App,
    pub(crate) installation: Installation,
    /// Pushes.
    pub(crate) rita: User,
    /// Named by the policy.
    pub(crate) ann: User,
    /// In the security team.
    pub(crate) bob: User,
    /// In the security team.
    pub(crate) cy: User,
    /// Admin of the policy.
    pub(crate) zoe: User,
    pub(super) server: Option<Server>,
    pub(super) dir: TempDir,
    pub(super) settings: Vec<(String, String)>,
    pub(crate) store: Store,
    /// Where the next starts of the server are to crash (`COUNTERSIGN_CRASH_AT`), in order.
    pub(super) crashes: VecDeque<String>,
    pub(super) deaths: usize,
    /// A second server on the same database.
    pub(super) replica: Option<Server>,
    /// The jobs that stand in for a server.
    pub(super) jobs: Option<Jobs>,
}

pub(super) struct Server {
    pub(super) child: Child,
    pub(super) public: String,
    pub(super) admin: String,
}

impl Drop for World {
    /// With `GITHUB_SIM_DUMP` set, leaves what was asked of GitHub for the conformance check.
    fn drop(&mut self) {
        if let Some(dir) = std::env::var_os("GITHUB_SIM_DUMP") {
            self.sim.dump(std::path::Path::new(&dir)).expect("the dump is written");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl World {
    /// A repository with the usual policy and one sealed file per environment, adopted by a running server.
    pub(crate) async fn new() -> Self {
        Self::with(POLICY).await
    }

    /// The same with another policy.
    pub(crate) async fn with(policy: &str) -> Self {
        let mut world = Self::without_server(policy).await;
        world.start();
        world.until("the repository is adopted", |world| world.ledger_tip().is_some());
        world
    }

    /// The repository alone; nothing runs yet.
    pub(crate) async fn without_server(policy: &str) -> Self {
        let world = Self::bare().await;
        let first = Push::to("main")
            .file("README.md", "# app\n")
            .file(".countersign/policy.yaml", policy)
            .file("secrets/production/db.yaml", super::Secrets::sealed("production", 1))
            .file("secrets/staging/db.yaml", super::Secrets::sealed("staging", 1));
        world.push(&world.zoe, first);
        world
    }

    /// People, an App, and a repository without a commit.
    pub(crate) async fn bare() -> Self {
        let sim = Sim::start(SimConfig::default()).await.expect("the stand-in starts");
        let [rita, ann, bob, cy, zoe] = ["rita", "ann", "bob", "cy", "zoe"].map(|name| sim.user(name));
        let acme = sim.org("acme");
        for user in [&rita, &ann, &bob, &cy, &zoe] {
            acme.member(user, false);
        }
        let security = acme.team("security");
        security.member(&bob, Membership::Active).member(&cy, Membership::Active);
        let repo = sim.repo("acme/app", "main").expect("a repository");
        for user in [&rita, &ann, &zoe] {
            repo.role(user, Some(Role::Write));
        }
        repo.team_role(&security, Some(Role::Write));
        let app = sim.app(
            AppConfig::new(
                "countersign",
                &[
                    ("metadata", Level::Read),
                    ("contents", Level::Write),
                    ("pull_requests", Level::Write),
                    ("checks", Level::Write),
                    ("deployments", Level::Write),
                    ("actions", Level::Write),
                    ("statuses", Level::Read),
                    ("issues", Level::Read),
                    ("members", Level::Read),
                    ("merge_queues", Level::Read),
                ],
                &[
                    "push",
                    "pull_request",
                    "pull_request_review",
                    "issue_comment",
                    "check_run",
                    "installation",
                    "membership",
                    "team",
                    "member",
                    "organization",
                    "repository",
                    "merge_group",
                    "deployment_protection_rule",
                ],
            )
            .webhook("http://127.0.0.1:9/", WEBHOOK_SECRET),
        );
        let installation = app.install(&acme, &[&repo]);
        let dir = TempDir::new().expect("a folder");
        let world = Self {
            sim,
            acme,
            security,
            repo,
            app,
            installation,
            rita,
            ann,
            bob,
            cy,
            zoe,
            server: None,
            dir,
            settings: Vec::new(),
            store: Store::chosen().await,
            crashes: VecDeque::new(),
            deaths: 0,
            replica: None,
            jobs: None,
        };
        world.keys();
        world
    }

    fn keys(&self) {
        std::fs::write(self.path("app.pem"), &self.app.private_key_pem).expect("written");
        let made = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("keygen")
            .arg("-o")
            .arg(self.path("signing.pem"))
            .output();
        let made = made.expect("countersign runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// A setting of the server, as an environment variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a setting back.
    pub(crate) fn unset(&mut self, name: &str) {
        self.settings.retain(|(known, _)| known != name);
    }

    /// A path in the world's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the built server and points the App at it.
    pub(crate) fn start(&mut self) {
        let mut command = self.with_settings("serve");
        if let Some(point) = self.crashes.pop_front() {
            command.env("COUNTERSIGN_CRASH_AT", point);
        }
        self.server = Some(self.spawn(command, "server.log"));
        self.deliver_to_the_first();
    }

    pub(super) fn spawn(&self, mut command: Command, log: &str) -> Server {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(self.path(log)).expect("a log");
        command.stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut address = |what: &str| {
            let line = lines.next().and_then(Result::ok).unwrap_or_else(|| panic!("the server ended:\n{}", self.log()));
            line.strip_prefix(what).map(str::to_owned).unwrap_or_else(|| panic!("not `{what}…`: {line}"))
        };
        let (public, admin) = (address("listening on "), address("admin on "));
        Server { child, public, admin }
    }

    /// The program with the settings of this world's server.
    pub(crate) fn with_settings(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .arg(verb)
            .args(self.path("countersign.toml").exists().then_some("--config=countersign.toml"))
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN_ADMIN_LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN_GITHUB_API_URL", self.sim.url())
            .env("COUNTERSIGN_GITHUB_URL", self.sim.url())
            .env("COUNTERSIGN_APP_ID", self.app.id.to_string())
            .env("COUNTERSIGN_PRIVATE_KEY_FILE", self.path("app.pem"))
            .env("COUNTERSIGN_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("COUNTERSIGN_SIGNING_KEY_FILE", self.path("signing.pem"))
            .env("COUNTERSIGN_ADOPT", "first-seen")
            .env("COUNTERSIGN_DATABASE_URL", self.store.url())
            .env("COUNTERSIGN_QUIET", "0s")
            // no sweep comes in between because a machine is slow: plays of the sweep say how often it comes
            .env("COUNTERSIGN_RECONCILE_INTERVAL", "1h")
            .env("COUNTERSIGN_LOG", "countersign=debug,info")
            .envs(self.settings.iter().cloned());
        command
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.server = None;
    }

    /// Everything the server, or the jobs in its place, have logged.
    pub(crate) fn log(&self) -> String {
        if let Some(jobs) = &self.jobs {
            return jobs.log();
        }
        std::fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }

    /// Where the admin pages are.
    pub(crate) fn admin(&self) -> &str {
        self.server.as_ref().map_or("", |server| server.admin.as_str())
    }

    /// Pushes, or the test fails.
    #[track_caller]
    pub(crate) fn push(&self, who: &User, push: Push) -> String {
        self.repo.push(who, push).unwrap_or_else(|refusal| panic!("the push is refused: {refusal:?}"))
    }

    /// Pushes a sealed change of an environment to a branch and waits for its pull request.
    #[track_caller]
    pub(crate) fn change(&self, who: &User, branch: &str, environment: &str) -> u64 {
        let path = format!("secrets/{environment}/db.yaml");
        self.push(who, Push::to(branch).from("main").file(&path, super::Secrets::sealed(environment, 2)));
        self.pull_of(branch)
    }

    /// The pull request of a branch, once it is there; it may be merged by the time it is found.
    #[track_caller]
    pub(crate) fn pull_of(&self, branch: &str) -> u64 {
        let mut found = None;
        self.until(&format!("a pull request for {branch}"), |world| {
            found = (1..20).find(|number| {
                let pull = world.repo.pull_json(*number);
                pull["head"]["ref"] == branch && (pull["state"] == "open" || pull["merged"] == true)
            });
            found.is_some()
        });
        found.expect("found")
    }

    /// Approves the present head.
    #[track_caller]
    pub(crate) fn approve(&self, who: &User, pull: u64) {
        self.repo.review(who, pull, Verdict::Approve, None).unwrap_or_else(|refusal| panic!("refused: {refusal:?}"));
    }

    /// Tip of the ledger.
    pub(crate) fn ledger_tip(&self) -> Option<String> {
        self.repo.tip("countersign/ledger")
    }

    /// The check on the head of a pull request.
    pub(crate) fn check(&self, pull: u64) -> Option<Value> {
        let head = self.repo.pull_json(pull)["head"]["sha"].as_str()?.to_owned();
        let checks = self.repo.checks(&head);
        assert!(checks.iter().filter(|check| check["name"] == "countersign").count() <= 1, "one check: {checks:#?}");
        checks.into_iter().find(|check| check["name"] == "countersign")
    }

    /// Conclusion of the check, or its status while it has none.
    pub(crate) fn conclusion(&self, pull: u64) -> String {
        let Some(check) = self.check(pull) else { return "none".to_owned() };
        check["conclusion"].as_str().or(check["status"].as_str()).unwrap_or_default().to_owned()
    }

    /// The sticky comment: exactly one once there is one.
    #[track_caller]
    pub(crate) fn comment(&self, pull: u64) -> String {
        let ours = self.repo.comments(pull).into_iter().filter(|(who, _)| *who == self.app.bot_login());
        let beside = ["<!-- countersign:reply ", "<!-- countersign:closed ", "<!-- countersign:overdue "];
        let comments: Vec<_> = ours.filter(|(_, body)| !beside.iter().any(|marker| body.contains(marker))).collect();
        assert!(comments.len() <= 1, "one comment is edited in place: {comments:#?}");
        comments.into_iter().next().map(|(_, body)| body).unwrap_or_default()
    }

    /// Whether a pull request is merged.
    pub(crate) fn merged(&self, pull: u64) -> bool {
        self.repo.pull_json(pull)["merged"] == true
    }

    /// Waits until something holds; fails with the server's log.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if holds(self) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!(
            "waited in vain: {what}\n--- comments {:#?}\n--- log\n{}\n--- violations {:#?}",
            (1..7).map(|pull| self.repo.comments(pull)).collect::<Vec<_>>(),
            tail(&self.log(), 12_000),
            self.sim.violations()
        );
    }

    /// Waits until the pull request's check concludes so.
    #[track_caller]
    pub(crate) fn until_check(&self, pull: u64, conclusion: &str) {
        self.until(&format!("check {conclusion}; it is {}", self.conclusion(pull)), |world| {
            world.conclusion(pull) == conclusion
        });
    }

    /// Waits until the sticky comment holds a text.
    #[track_caller]
    pub(crate) fn until_comment(&self, pull: u64, text: &str) {
        let shown = || self.comment(pull);
        self.until(&format!("a comment with {text}"), |_| shown().contains(text));
    }

    /// Nothing the stand-in complained about.
    #[track_caller]
    pub(crate) fn no_violations(&self) {
        assert!(self.sim.violations().is_empty(), "{:#?}", self.sim.violations());
    }
}

fn tail(text: &str, bytes: usize) -> &str {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}
