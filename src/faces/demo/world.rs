//! The world of the play: GitHub's stand-in with its people, one repository, the server, and everybody's desk.

use std::path::{Path, PathBuf};

use github_sim::{App, AppConfig, Level, Membership, Org, Repo, Role, Sim, SimConfig, Team, User, Verdict};
use serde_json::{Value, json};
use sops_file::Identities;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::desk::{Desk, Machine};
use super::receiver::Receiver;
use super::server::{self, Server};
use super::stage::{Stage, Stop};

/// The branch the ledger is on.
pub(super) const LEDGER: &str = "countersign/ledger";

/// The branch a cluster follows.
pub(super) const TARGET: &str = "env/production";

/// Everybody and everything.
pub(super) struct World {
    /// The stand-in.
    pub(super) sim: Sim,
    /// `acme/app`.
    pub(super) repo: Repo,
    /// countersign as GitHub knows it.
    pub(super) app: App,
    /// The server; killed before the stand-in stops.
    pub(super) server: Option<Server>,
    /// What runs the app, and is told of new secrets.
    pub(super) receiver: Receiver,
    /// What the play runs on.
    pub(super) machine: Machine,
    /// Administers, and sets it up.
    pub(super) zoe: Desk,
    /// Asks for changes.
    pub(super) rita: Desk,
    /// Reads only: proves what was done.
    pub(super) ivy: Desk,
    /// Reads only, and forges.
    pub(super) mallory: Desk,
    /// The approvers: ann, bob and cy of acme/security, dee of acme/payments.
    pub(super) approvers: [User; 4],
    /// Public keys of those who can open the secrets: rita, and what runs the app.
    pub(super) recipients: Vec<String>,
    identities: Vec<Zeroizing<String>>,
    webhook_secret: Zeroizing<String>,
    receiver_secret: Zeroizing<String>,
}

impl World {
    /// Makes the world; the server is started by the play.
    ///
    /// # Errors
    /// [`Stop`] when this machine does not let it happen.
    pub(super) fn new(root: &Path, runtime: &Handle) -> Result<Self, Stop> {
        let machine = Machine::new(root)?;
        let sim = runtime
            .block_on(Sim::start(SimConfig::default()))
            .map_err(|error| Stop::machine("GitHub's stand-in does not start", error))?;
        let refused = |refusal| Stop::machine("the stand-in refuses", refusal);
        let names = ["zoe", "rita", "ivy", "mallory", "ann", "bob", "cy", "dee"];
        let [zoe, rita, ivy, mallory, ann, bob, cy, dee] = names.map(|name| sim.user(name));
        let acme = sim.org("acme");
        for user in [&zoe, &rita, &ivy, &mallory] {
            acme.member(user, user.login == "zoe");
        }
        let security = team(&acme, "security", &[&ann, &bob, &cy]);
        let payments = team(&acme, "payments", &[&dee]);
        let repo = sim.repo("acme/app", "main").map_err(refused)?;
        repo.role(&zoe, Some(Role::Admin)).role(&rita, Some(Role::Write));
        repo.role(&ivy, Some(Role::Read)).role(&mallory, Some(Role::Read));
        repo.team_role(&security, Some(Role::Write)).team_role(&payments, Some(Role::Write));
        let webhook_secret = random_hex()?;
        let shared = random_hex()?;
        let receiver_secret = Zeroizing::new(format!("whsec_{}", shared.as_str()));
        let receiver = Receiver::start(runtime, &receiver_secret)?;
        let app = sim.app(registration().webhook("http://127.0.0.1:9/", &webhook_secret));
        app.install(&acme, &[&repo]);
        let readers = [Identities::generate(), Identities::generate()];
        let identities: Vec<_> = readers.iter().map(Identities::expose).collect();
        let desk = |user: &User, key: Option<&Zeroizing<String>>| {
            Desk::new(&machine, user, &sim.url(), key.map(|key| key.as_str()))
        };
        Ok(Self {
            zoe: desk(&zoe, None)?,
            rita: desk(&rita, identities.first())?,
            ivy: desk(&ivy, None)?,
            mallory: desk(&mallory, identities.last())?,
            approvers: [ann, bob, cy, dee],
            recipients: readers.iter().flat_map(|one| one.recipients()).map(str::to_owned).collect(),
            server: None,
            receiver,
            receiver_secret,
            identities,
            webhook_secret,
            machine,
            repo,
            app,
            sim,
        })
    }

    /// Starts the server with a key for the ledger and points the App at it.
    ///
    /// # Errors
    /// [`Stop`] when it does not start.
    pub(super) fn start_server(&mut self, key: &str) -> Result<&Server, Stop> {
        let files = [
            ("app.pem", self.app.private_key_pem.as_str()),
            ("webhook-secret", &self.webhook_secret),
            ("ledger.pem", key),
            ("hook-secret", &self.receiver_secret),
            ("countersign.toml", &grants(&self.receiver.url())),
        ];
        let dir = server::folder(&self.machine, &files)?;
        self.run_server(dir)
    }

    /// Kills the server without warning, as a power cut would.
    pub(super) fn kill_server(&mut self) {
        if let Some(server) = &mut self.server {
            server.kill();
        }
    }

    /// Starts the server again, with what the dead one left on disk.
    ///
    /// # Errors
    /// [`Stop`] when it does not start.
    pub(super) fn restart_server(&mut self) -> Result<&Server, Stop> {
        let dir = self.server.take().map(|dead| dead.dir.clone());
        let dir = dir.ok_or_else(|| Stop::unmet("a server that ran before", "none"))?;
        self.run_server(dir)
    }

    fn run_server(&mut self, dir: PathBuf) -> Result<&Server, Stop> {
        let server = Server::start(&self.machine, &self.sim.url(), &self.app, dir)?;
        self.sim.set_webhook_url(&self.app, Some(&format!("{}/webhooks/github", server.public)));
        Ok(self.server.insert(server))
    }

    /// Settles at GitHub that nobody but the App moves the branches of targets.
    ///
    /// # Errors
    /// [`Stop`] when the stand-in refuses.
    pub(super) fn guard_targets(&self) -> Result<(), Stop> {
        let ruleset = json!({
            "name": "targets", "target": "branch", "enforcement": "active",
            "bypass_actors": [{"actor_id": self.app.id, "actor_type": "Integration", "bypass_mode": "always"}],
            "conditions": {"ref_name": {"include": ["refs/heads/env/**"], "exclude": []}},
            "rules": [{"type": "update"}],
        });
        let made = self.repo.ruleset(ruleset);
        made.map(drop).map_err(|refusal| Stop::machine("the stand-in refuses a ruleset", refusal))
    }

    /// Newest states of the deployments of a target, newest deployment first.
    pub(super) fn deployed(&self, target: &str) -> Vec<String> {
        let task = format!("countersign:{target}");
        let ours = self.repo.deployments().into_iter().rev().filter(|found| found["task"] == task);
        let newest = |found: Value| found["statuses"].as_array()?.last()?["state"].as_str().map(str::to_owned);
        ours.map(|found| newest(found).unwrap_or_default()).collect()
    }

    /// Address of the repository for git as a person, without a token.
    pub(super) fn address(&self, who: &Desk) -> String {
        self.repo.git_url().replacen("://", &format!("://{}@", who.name()), 1)
    }

    /// Everything that must never be seen: tokens, age identities, the secret of the webhook.
    pub(super) fn credentials(&self) -> Vec<(String, &str)> {
        let desks = [&self.zoe, &self.rita, &self.ivy, &self.mallory].map(|desk| &desk.user);
        let mut all: Vec<(String, &str)> = desks
            .into_iter()
            .chain(&self.approvers)
            .map(|user| (format!("token of {}", user.login), user.token.as_str()))
            .collect();
        all.extend(self.identities.iter().map(|key| ("age identity".to_owned(), key.trim())));
        all.push(("secret of the webhook".to_owned(), &self.webhook_secret));
        all.push(("secret of the receiver".to_owned(), &self.receiver_secret));
        all
    }

    /// An approver by login.
    fn approver(&self, login: &str) -> Result<&User, Stop> {
        let known = self.approvers.iter().chain([&self.rita.user]).find(|user| user.login == login);
        known.ok_or_else(|| Stop::unmet(format!("somebody called {login}"), "nobody"))
    }

    /// Presses "Approve" as a person.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when GitHub refuses.
    pub(super) fn approve(&self, stage: &mut Stage, login: &str, pull: u64) -> Result<(), Stop> {
        stage.does(login, &format!("reviews pull request {pull} on GitHub: Approve"));
        let user = self.approver(login)?;
        let review = self.repo.review(user, pull, Verdict::Approve, None);
        review.map(drop).map_err(|refusal| Stop::unmet(format!("{login} may review"), refusal.to_string()))
    }

    /// The open pull request of a branch.
    pub(super) fn pull_of(&self, branch: &str) -> Option<u64> {
        (1..10).find(|number| {
            let pull = self.repo.pull_json(*number);
            pull["head"]["ref"] == branch && pull["state"] == "open"
        })
    }

    /// The sticky comment; empty before there is one.
    pub(super) fn comment(&self, pull: u64) -> String {
        let ours = self.app.bot_login();
        self.repo.comments(pull).into_iter().find(|(who, _)| *who == ours).map(|(_, body)| body).unwrap_or_default()
    }

    /// The first line of the sticky comment that people read.
    pub(super) fn headline(&self, pull: u64) -> String {
        let comment = self.comment(pull);
        let line = comment.lines().find(|line| !line.trim().is_empty() && !line.starts_with("<!--"));
        line.unwrap_or("no comment yet").to_owned()
    }

    /// Conclusion of the check on the head of a pull request, or how far it is.
    pub(super) fn check(&self, pull: u64) -> String {
        let pull = self.repo.pull_json(pull);
        let checks = self.repo.checks(pull["head"]["sha"].as_str().unwrap_or_default());
        let ours = checks.into_iter().find(|check| check["name"] == "countersign").unwrap_or(Value::Null);
        ours["conclusion"].as_str().or(ours["status"].as_str()).unwrap_or("no check yet").to_owned()
    }

    /// Whether a pull request is merged.
    pub(super) fn is_merged(&self, pull: u64) -> bool {
        self.repo.pull_json(pull)["merged"] == true
    }
}

fn team(acme: &Org, name: &str, people: &[&User]) -> Team {
    let team = acme.team(name);
    for user in people {
        team.member(user, Membership::Active);
    }
    team
}

/// What the one who runs the server grants to the repository: where to deliver, and with which secret.
fn grants(url: &str) -> String {
    format!(
        "[repositories.\"acme/app\".secrets]\nAPP_URL = {{value = \"{url}\", hosts = [\"127.0.0.1\"], allow_private = true}}\n\
         APP_SECRET = {{file = \"hook-secret\", hosts = [\"127.0.0.1\"]}}\n"
    )
}

/// The App as the README has it registered.
fn registration() -> AppConfig {
    let permissions = [
        ("metadata", Level::Read),
        ("contents", Level::Write),
        ("deployments", Level::Write),
        ("pull_requests", Level::Write),
        ("checks", Level::Write),
        ("issues", Level::Read),
        ("members", Level::Read),
    ];
    let events = [
        "push",
        "pull_request",
        "pull_request_review",
        "check_run",
        "repository",
        "member",
        "membership",
        "team",
        "team_add",
        "organization",
    ];
    AppConfig::new("countersign", &permissions, &events)
}

fn random_hex() -> Result<Zeroizing<String>, Stop> {
    let mut bytes = Zeroizing::new([0; 24]);
    getrandom::fill(bytes.as_mut()).map_err(|error| Stop::machine("the system gave no random bytes", error))?;
    Ok(Zeroizing::new(hex::encode(*bytes)))
}
