//! The GitHub adapter against the stand-in: what it reads and writes is what GitHub knows, and nothing it sends is foreign to GitHub.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use countersign::adapters::github::{Credentials, GitHub, GitHubConfig};
use countersign::engine::ports::{Clock, Forge as _, ForgeErrorKind, Freshness, RepoRef};
use countersign_core::domain::{
    InstallationId, Login, Oid, Permission, PrNumber, RefName, RepoId, RepoName, TeamId, TeamSlug, Timestamp,
};
use countersign_core::effect::{COMMENT_MARKER, Check, CheckState, Effect, Receipt};
use countersign_core::facts::question::{ChangeRead, Moment};
use countersign_core::facts::{Answer, Question, VoteKind};
use github_sim::{
    App, AppConfig, Fault, Installation, Level, Membership, Push, Repo, Role, Sim, SimConfig, User, Verdict,
};
use jiff::SignedDuration;
use secrecy::SecretString;

#[path = "forge_github_sim/deliveries.rs"]
mod deliveries;

struct SimClock(Sim);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.now().as_second())
    }
}

struct World {
    sim: Sim,
    ann: User,
    bob: User,
    repo: Repo,
    app: App,
    installation: Installation,
    github: GitHub,
}

impl World {
    async fn new() -> Self {
        Self::at("").await
    }

    /// `base`: `/api/v3` for the addresses of an Enterprise Server.
    async fn at(base: &str) -> Self {
        let sim = Sim::start(SimConfig { long_tokens: true, ..SimConfig::default() }).await.unwrap();
        let (ann, bob) = (sim.user("ann"), sim.user("bob"));
        let acme = sim.org("acme");
        let repo = sim.repo("acme/app", "main").unwrap();
        repo.role(&ann, Some(Role::Admin)).role(&bob, Some(Role::Maintain));
        let security = acme.team("security");
        security.member(&bob, Membership::Active).member(&ann, Membership::Pending);
        repo.team_role(&security, Some(Role::Write));
        let permissions = [
            ("contents", Level::Write),
            ("pull_requests", Level::Write),
            ("checks", Level::Write),
            ("members", Level::Read),
            ("deployments", Level::Write),
            ("actions", Level::Write),
        ];
        let app = sim.app(AppConfig::new("countersign", &permissions, &["push"]));
        let installation = app.install(&acme, &[&repo]);
        repo.push(&ann, Push::to("main").file("secrets/a.yaml", "a: 1\n")).unwrap();
        // GitHub maps Bob's address in GraphQL; REST leaves it to us.
        let bob_mail = format!("{}+bob@users.noreply.github.com", bob.id);
        let message = format!("Change\n\nCo-authored-by: Bob <{bob_mail}>\nCo-authored-by: N <n@nowhere.invalid>");
        repo.push(&ann, Push::to("feature/x").from("main").file("secrets/a.yaml", "a: 2\n").message(&message)).unwrap();
        let config = GitHubConfig {
            api_url: format!("{}{base}", sim.url()),
            credentials: Credentials::App { id: app.id, private_key: SecretString::from(app.private_key_pem.clone()) },
        };
        let github = GitHub::new(&config, Arc::new(SimClock(sim.clone()))).unwrap();
        Self { sim, ann, bob, repo, app, installation, github }
    }

    fn repo_ref(&self) -> RepoRef {
        RepoRef {
            id: RepoId::new(self.repo.id),
            name: RepoName::parse("acme/app").unwrap(),
            installation: InstallationId::new(self.installation.id),
        }
    }

    fn pull(&self) -> PrNumber {
        PrNumber::new(self.repo.open_pull(&self.ann, "Change", "feature/x", "main").unwrap())
    }

    fn head(&self) -> Oid {
        Oid::parse(&self.repo.tip("feature/x").unwrap()).unwrap()
    }

    async fn ask(&self, question: Question) -> Result<Answer, ForgeErrorKind> {
        self.github.answer(&self.repo_ref(), &question, Freshness::Now).await.map_err(|error| error.kind)
    }

    async fn read(&self, change: PrNumber) -> ChangeRead {
        *self.ask(Question::Change(change)).await.unwrap().change().unwrap()
    }

    async fn apply(&self, effect: Effect) -> Result<Receipt, ForgeErrorKind> {
        self.github.apply(&self.repo_ref(), &effect).await.map_err(|error| error.kind)
    }

    fn calls(&self, operation: &str) -> usize {
        self.sim.journal().count(operation)
    }

    fn mints(&self) -> usize {
        self.calls("apps/create-installation-access-token")
    }

    /// Nothing GitHub does not have was asked, and nothing the stand-in lacks.
    fn check(&self) {
        assert_eq!(self.sim.violations(), []);
        assert_eq!(self.sim.gaps(), Vec::<String>::new());
    }
}

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn branch(name: &str) -> RefName {
    RefName::branch(name).unwrap()
}

fn team(name: &str) -> TeamSlug {
    TeamSlug::parse(name).unwrap()
}

fn open_change() -> Effect {
    let (head, base) = (branch("feature/x"), branch("main"));
    Effect::OpenChange { head, base, title: "secrets(production): 1 changed".to_owned(), body: "body".to_owned() }
}

fn check(state: CheckState) -> Check {
    Check { state, title: "title".to_owned(), summary: "summary".to_owned(), external_id: "sha256:00".to_owned() }
}

#[tokio::test]
async fn both_ways_of_reading_a_change_say_the_same() {
    let world = World::new().await;
    let change = world.pull();
    let n = change.get();
    world.repo.comment(&world.ann, n, &format!("not ours {COMMENT_MARKER}")).unwrap();
    let body = format!("ours {COMMENT_MARKER}");
    let written = world.apply(Effect::Comment { change, id: None, body }).await.unwrap();
    for number in 0..105 {
        let verdict = if number == 104 { Verdict::Approve } else { Verdict::Comment };
        world.repo.review_saying(&world.bob, n, verdict, None, "look").unwrap();
    }
    let veto = world.repo.review(&world.bob, n, Verdict::RequestChanges, None).unwrap();
    world.repo.dismiss(&world.ann, n, veto).unwrap();
    let users = vec![login("bob")];
    world.apply(Effect::RequestReviewers { change, users, teams: vec![team("acme/security")] }).await.unwrap();
    let mut graph = world.read(change).await;
    assert_eq!((world.calls("graphql/query"), world.calls("pulls/list-reviews")), (2, 0));
    world.sim.fault(Fault::graphql("pullRequest").fail(502));
    let mut rest = world.read(change).await;
    assert_eq!(world.calls("pulls/list-reviews"), 2);
    assert!(graph.read_at.is_some() && rest.read_at.is_some());
    (graph.read_at, rest.read_at) = (None, None);
    let Moment::Dismissed { said, by, .. } = &rest.moments[0].what else { panic!("a dismissal") };
    assert_eq!((*said, by.as_ref().map(|who| who.id.get())), (Some(VoteKind::Reject), Some(world.ann.id)));

    assert!(graph.reviews.iter().all(|review| review.may_push == Some(true)));
    graph.reviews.iter_mut().for_each(|review| review.may_push = None);
    assert_eq!(graph, rest);
    assert_eq!((&rest.requested_users, &rest.requested_teams), (&vec![login("bob")], &vec![team("acme/security")]));
    assert_eq!(rest.reviews.len(), 106);
    assert_eq!(rest.reviews[104].kind, Some(VoteKind::Approve));
    assert_eq!(rest.reviews[104].author.as_ref().unwrap().id.get(), world.bob.id);
    assert_eq!(Receipt::Comment(rest.our_comment.as_ref().unwrap().id), written);
    assert_eq!((&rest.head, &rest.head_ref), (&world.head(), &Some(branch("feature/x"))));
    assert_eq!(rest.commits.len(), 1);
    let people: Vec<_> = rest.commits[0].authors.iter().map(|(_, who)| who.as_ref().map(|who| who.id.get())).collect();
    assert_eq!(people, [Some(world.ann.id), Some(world.bob.id), None]);
    world.check();
}

#[tokio::test]
async fn every_effect_that_only_seemed_to_fail_happened_once() {
    let world = World::new().await;
    world.sim.fault(Fault::operation("pulls/create").fail_after(502));
    world.sim.fault(Fault::operation("issues/create-comment").fail_after(500));
    world.sim.fault(Fault::operation("checks/create").fail_after(504));
    let Receipt::Opened(change) = world.apply(open_change()).await.unwrap() else { panic!("a pull request") };
    assert_eq!(world.apply(open_change()).await, Ok(Receipt::Opened(change)));
    let comment = |id, text: &str| Effect::Comment { change, id, body: format!("{text}\n{COMMENT_MARKER}") };
    let Receipt::Comment(id) = world.apply(comment(None, "one")).await.unwrap() else { panic!("a comment") };
    assert_eq!(world.apply(comment(Some(id), "two")).await, Ok(Receipt::Comment(id)));
    let set = |id, state| Effect::SetCheck { head: world.head(), id, check: check(state) };
    let Receipt::Check(run) = world.apply(set(None, CheckState::ActionRequired)).await.unwrap() else {
        panic!("a check")
    };
    assert_eq!(world.apply(set(Some(run), CheckState::Success)).await, Ok(Receipt::Check(run)));
    let title = "other".to_owned();
    world.apply(Effect::DescribeChange { change, title, body: "text".to_owned() }).await.unwrap();

    let comments = world.repo.comments(change.get());
    assert_eq!(comments, [(world.app.bot_login(), format!("two\n{COMMENT_MARKER}"))]);
    let checks = world.repo.checks(world.head().as_str());
    assert_eq!(checks.len(), 1);
    assert_eq!((checks[0]["name"].as_str(), checks[0]["conclusion"].as_str()), (Some("countersign"), Some("success")));
    assert_eq!(world.repo.pull_json(change.get())["title"], "other");
    let found = world.ask(Question::OurCheck(world.head())).await.unwrap().check().unwrap().unwrap();
    assert_eq!((found.id, found.external_id.as_str()), (run, "sha256:00"));
    assert_eq!(world.mints(), 2);
    world.check();
}

#[tokio::test]
async fn people_who_cannot_be_asked_are_skipped() {
    let world = World::new().await;
    let change = world.pull();
    let users = vec![login("ann"), login("bob")]; // ann is the author
    world.apply(Effect::RequestReviewers { change, users, teams: vec![team("acme/security")] }).await.unwrap();
    let read = world.read(change).await;
    assert_eq!((read.requested_users, read.requested_teams), (vec![login("bob")], vec![team("acme/security")]));
    world.check();
}

#[tokio::test]
async fn people_and_teams_are_what_github_says() {
    let world = World::new().await;
    let member = |name: &str| Question::Membership { team: team("acme/security"), user: login(name) };
    assert_eq!(world.ask(member("bob")).await, Ok(Answer::Membership(true)));
    assert_eq!(world.ask(member("ann")).await, Ok(Answer::Membership(false)));
    world.sim.user("eve");
    assert_eq!(world.ask(member("eve")).await, Ok(Answer::Membership(false)));
    let nowhere = Question::Membership { team: team("acme/none"), user: login("bob") };
    assert_eq!(world.ask(nowhere).await, Err(ForgeErrorKind::NotFound));
    assert_eq!(world.ask(Question::Permission(login("bob"))).await, Ok(Answer::Permission(Permission::Maintain)));
    assert_eq!(world.ask(Question::Permission(login("nobody"))).await, Ok(Answer::Permission(Permission::None)));
    let members = world.ask(Question::TeamMembers(team("acme/security"))).await.unwrap().members().unwrap();
    assert_eq!(members.iter().map(|one| one.id.get()).collect::<Vec<_>>(), [world.bob.id]);
    assert_eq!(world.ask(Question::Team(team("acme/none"))).await, Ok(Answer::Team(None)));
    let id = world.ask(Question::Team(team("acme/security"))).await.unwrap().team().unwrap().unwrap();
    let called = |team| Question::TeamName { known: self::team("acme/former"), team };
    assert_eq!(world.ask(called(id)).await, Ok(Answer::TeamName(Some(team("acme/security")))));
    assert_eq!(world.ask(called(TeamId::new(999_999))).await, Ok(Answer::TeamName(None)));
    assert_eq!(world.ask(Question::User(login("nobody"))).await, Ok(Answer::User(None)));
    let moves = world.ask(Question::Movements(branch("feature/x"))).await.unwrap().movements().unwrap();
    assert_eq!((&moves[0].after, moves[0].actor.as_ref().unwrap().id.get()), (&world.head(), world.ann.id));
    assert_eq!(world.mints(), 1);
    world.check();
}

#[tokio::test]
async fn an_unchanged_answer_costs_nothing_the_second_time() {
    let world = World::new().await;
    let ask = || world.ask(Question::Membership { team: team("acme/security"), user: login("bob") });
    assert_eq!(ask().await, ask().await);
    let journal = world.sim.journal();
    let statuses: Vec<_> =
        journal.entries().iter().filter(|e| e.path.contains("/memberships/")).map(|e| e.status).collect();
    assert_eq!(statuses, [200, 304]);
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_and_a_suspended_installation_is_left_alone() {
    let world = World::new().await;
    world.ask(Question::Repository).await.unwrap();
    world.sim.advance(SignedDuration::from_mins(70));
    world.ask(Question::Repository).await.unwrap();
    assert_eq!(world.mints(), 2);
    world.installation.suspend(true);
    world.sim.advance(SignedDuration::from_mins(70));
    for _ in 0..3 {
        assert_eq!(world.ask(Question::Repository).await, Err(ForgeErrorKind::Credentials));
    }
    assert_eq!(world.mints(), 3);
    world.installation.suspend(false);
    world.sim.advance(SignedDuration::from_secs(61));
    world.ask(Question::Repository).await.unwrap();
}

#[tokio::test]
async fn a_permission_the_app_lacks_is_named() {
    let world = World::new().await;
    world.installation.set_permission("checks", None);
    let effect = Effect::SetCheck { head: world.head(), id: None, check: check(CheckState::Success) };
    let error = world.github.apply(&world.repo_ref(), &effect).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Forbidden);
    assert!(error.message.contains("checks=write"), "{error}");
    world.pull();
    assert_eq!(world.ask(Question::OpenChanges).await.unwrap().changes().unwrap().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out() {
    let world = World::new().await;
    world.ask(Question::Repository).await.unwrap();
    world.sim.fault(Fault::operation("repos/get").rate_limited(90));
    let now = SimClock(world.sim.clone()).now();
    let Err(ForgeErrorKind::Wait(until)) = world.ask(Question::Repository).await else { panic!("a limit") };
    assert!((88..=92).contains(&until.since(now).seconds()), "{until} {now}");
    let before = world.sim.journal().rest_calls();
    assert_eq!(world.ask(Question::OpenChanges).await, Err(ForgeErrorKind::Wait(until)));
    assert_eq!(world.sim.journal().rest_calls(), before);
    world.sim.advance(SignedDuration::from_secs(93));
    world.ask(Question::Repository).await.unwrap();
}

#[tokio::test]
async fn a_renamed_repository_is_still_the_same_one() {
    let world = World::new().await;
    let change = world.pull();
    world.repo.rename(&world.ann, "renamed").unwrap();
    let read = world.ask(Question::Repository).await.unwrap().repository().unwrap();
    assert_eq!((read.id.get(), read.name.to_string()), (world.repo.id, "acme/renamed".to_owned()));
    assert_eq!(world.read(change).await.number, change);
    let of_branch = Question::ChangesOfBranch { head: branch("feature/x"), base: branch("main") };
    assert_eq!(world.ask(of_branch).await.unwrap().changes().unwrap()[0].number, change);
    assert_eq!(world.ask(Question::Permission(login("bob"))).await, Ok(Answer::Permission(Permission::Maintain)));
    let other = World::new().await;
    let change = other.pull();
    other.repo.rename(&other.ann, "renamed").unwrap();
    let body = format!("hello {COMMENT_MARKER}");
    other.apply(Effect::Comment { change, id: None, body }).await.unwrap();
    assert_eq!(other.repo.comments(change.get()).len(), 1);
    world.check();
    other.check();
}

#[tokio::test]
async fn an_enterprise_server_is_reached_at_its_own_addresses() {
    let world = World::at("/api/v3").await;
    let change = world.pull();
    assert_eq!(world.read(change).await.number, change);
    assert_eq!((world.calls("graphql/query"), world.calls("pulls/get")), (1, 0));
    world.sim.fault(Fault::graphql("pullRequest").fail(502));
    for _ in 0..101 {
        world.repo.review_saying(&world.bob, change.get(), Verdict::Comment, None, "look").unwrap();
    }
    assert_eq!(world.read(change).await.reviews.len(), 101);
    world.check();
}

#[tokio::test]
async fn the_app_knows_itself_and_where_it_is_installed() {
    let world = World::new().await;
    let me = world.github.ourselves().await.unwrap();
    assert_eq!((me.login.as_str(), me.is_person()), (world.app.bot_login().as_str(), false));
    assert_eq!(world.github.repositories().await.unwrap(), [world.repo_ref()]);
    assert_eq!(world.mints(), 1);
    world.installation.suspend(true);
    assert_eq!(world.github.repositories().await.unwrap(), []);
    world.check();
}

#[tokio::test]
async fn a_delivery_nobody_received_is_found_and_brought_again() {
    let world = World::new().await;
    world.sim.set_webhook_url(&world.app, Some("http://127.0.0.1:9/nobody"));
    world.repo.push(&world.ann, Push::to("feature/y").from("main").file("b", "b\n")).unwrap();
    world.sim.settle().await;
    let since = Timestamp::from_seconds(world.sim.now().as_second() - 600);
    let failed = world.github.failed_deliveries(since).await.unwrap();
    let newest = &failed[0];
    world.github.redeliver(newest).await.unwrap();
    world.sim.settle().await;
    let again = world.github.failed_deliveries(since).await.unwrap();
    assert_eq!((again.len(), &again[0].delivery), (failed.len(), &newest.delivery));
    assert!(again[0].attempt != newest.attempt);
    world.check();
}
