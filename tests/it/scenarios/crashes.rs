//! The server dies at every step of its work, one after another, is started again, and everything ends as if it had not.
//!
//! The steps are `countersign::engine::crash::Point`. A point that its story never passes fails the test. With
//! `COUNTERSIGN_TEST_CRASH_PASSINGS=<n>` each is also tried at its second to n-th passing, where there is one. With
//! `COUNTERSIGN_TEST_CRASH_ONLY=<text>` only points are tried whose name holds the text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use countersign::engine::crash::{Point, Stage};
use github_sim::Push;
use serde_json::json;

use crate::harness::{POLICY, Receiver, SECRET, Secrets, Tree, Vault, World, each_at_once};

const PRODUCTION: &str = "secrets/production/db.yaml";

/// Plays at a time.
const WIDTH: usize = 4;

/// A play that passes points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Story {
    /// A repository is taken in; a branch becomes a request, is pushed again, approved twice and merged.
    Plain,
    /// The same, where a rule lets nobody move the base but through the request.
    Protected,
    /// The same, and the ledger is deleted on the way.
    Tampered,
    /// The same, with a crash before the one that is tried: the merge was not recorded.
    Unrecorded,
    /// Somebody pushes straight to the base; it is put back, approved and merged.
    Direct,
    /// A request is approved and merged by hand before we hear of it.
    ByHand,
    /// Two requests change one file; the first is approved after the second was merged.
    Joined,
    /// A request is merged by a bypass, is overdue, and ratified in the end.
    Bypassed,
    /// The plain one, with a target that receives what was approved, and a command nobody can carry out.
    Delivered,
    /// The plain one, with a store that is given the values.
    Filled,
    /// The plain one, and a job that asks whether it may deploy.
    Gated,
}

fn story_of(point: Point) -> Story {
    if matches!(point, Point::SyncClaimed | Point::SyncFilled) {
        return Story::Filled;
    }
    match point.stage() {
        Stage::Intake
        | Stage::Turn
        | Stage::Adoption
        | Stage::Ledger
        | Stage::Request
        | Stage::Change
        | Stage::Page
        | Stage::Merge => Story::Plain,
        Stage::Endpoint => Story::Protected,
        Stage::Tampering => Story::Tampered,
        Stage::Heal => Story::Unrecorded,
        Stage::Joint => Story::Joined,
        Stage::PutBack => Story::Direct,
        Stage::Foreign => Story::ByHand,
        Stage::Debt => Story::Bypassed,
        Stage::Job => Story::Gated,
        Stage::Sync | Stage::Command | Stage::Letter => Story::Delivered,
    }
}

/// A play that is over.
struct Played {
    world: World,
    receiver: Option<Receiver>,
    vault: Option<Vault>,
}

/// The usual policy, with a receiver for production.
async fn with_receiver() -> (World, Receiver) {
    let hook = "syncs: [{name: hook, webhook: {url_from: HOOK_URL, secret_from: HOOK_SECRET}}]";
    let policy =
        POLICY.replacen("{paths: [secrets/production/]}", &format!("{{paths: [secrets/production/], {hook}}}"), 1);
    assert_ne!(policy, POLICY);
    let (world, receiver) = (World::without_server(&policy).await, Receiver::start().await);
    let granted = format!(
        "[repositories.\"acme/app\".secrets]\n\
         HOOK_URL = {{value = \"{}\", hosts = [\"127.0.0.1\"], allow_private = true}}\n\
         HOOK_SECRET = {{value = \"{SECRET}\", hosts = [\"127.0.0.1\"]}}\n",
        receiver.url
    );
    std::fs::write(world.path("countersign.toml"), granted).expect("written");
    (world, receiver)
}

/// Plays a story with a server that crashes at these points, one per start.
async fn play(story: Story, crashes: &[String]) -> Played {
    let mut vault = None;
    let (mut world, receiver) = match story {
        Story::Delivered => {
            let (world, receiver) = with_receiver().await;
            (world, Some(receiver))
        }
        Story::Filled => {
            let store = Vault::start().await;
            let target = format!("{{paths: [secrets/production/], syncs: [{}]}}", store.target(""));
            let world = World::without_server(&POLICY.replacen("{paths: [secrets/production/]}", &target, 1)).await;
            store.grant(&world, true);
            vault = Some(store);
            (world, None)
        }
        Story::Joined => {
            let policy = POLICY.replacen("[secrets/production/]", "[secrets/production/], binding: change", 1);
            let world = World::without_server(&policy).await;
            world.give_identities(&["production"]);
            (world, None)
        }
        Story::Bypassed => {
            let soft =
                "    required_approvals: 2\n    enforcement: soft\n    bypass: {users: [zoe], ratify_within: 5m}\n";
            let mut world = World::without_server(&POLICY.replacen("    required_approvals: 2\n", soft, 1)).await;
            // that it is overdue is found by the sweep
            world.set("COUNTERSIGN_RECONCILE_INTERVAL", "15s");
            (world, None)
        }
        Story::Plain
        | Story::Protected
        | Story::Tampered
        | Story::Unrecorded
        | Story::Direct
        | Story::ByHand
        | Story::Gated => (World::without_server(POLICY).await, None),
    };
    world.crash_at(crashes);
    if story == Story::Protected {
        let rules = json!([{"type": "pull_request", "parameters": {"required_approving_review_count": 0}}]);
        let ruleset = json!({
            "name": "main", "target": "branch", "enforcement": "active", "bypass_actors": [],
            "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}, "rules": rules,
        });
        world.repo.ruleset(ruleset).expect("a ruleset");
    }
    world.start();
    world.until_revived("the repository is adopted", |world| world.ledger_tip().is_some());
    world.until_quiet_again();
    match story {
        Story::Plain
        | Story::Protected
        | Story::Tampered
        | Story::Unrecorded
        | Story::Delivered
        | Story::Filled
        | Story::Gated => ask(&mut world, story),
        Story::Direct => {
            let push = Push::to("main").file(PRODUCTION, Secrets::sealed("production", 2));
            world.push(&world.zoe, push);
            world.until_revived("it is held", |world| world.comment(1).contains("for `production`"));
        }
        Story::Bypassed => break_the_glass(&mut world),
        Story::Joined => join(&mut world),
        Story::ByHand => {
            world
                .push(&world.rita, Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 2)));
            world.until_revived("a pull request", |world| world.comment(1).contains("for `production`"));
        }
    }
    world.until_quiet_again();
    if story == Story::ByHand {
        world.sim.pause_deliveries();
        world.approve(&world.ann, 1);
        world.approve(&world.bob, 1);
        world.repo.merge(&world.zoe, 1).expect("merged");
        world.sim.resume_deliveries();
    } else {
        for user in [world.ann.clone(), world.bob.clone()] {
            world.until_quiet_again();
            world.approve(&user, 1);
        }
    }
    world.until_revived("it is merged", |world| world.merged(1));
    world.until_revived("it says so", |world| world.comment(1).contains("**Merged for `production`"));
    world.until_quiet_again();
    if story == Story::Bypassed {
        world.until_revived("it is ratified", |world| world.comment(1).contains("ratified by ann, bob"));
        world.until_quiet_again();
    }
    if story == Story::Gated {
        world.repo.gate("production", &world.app);
        let run = world.repo.start_job(&world.rita, ("deploy.yml", "main", "push"), "production").expect("a job");
        world.until_revived("the job is answered", |world| !world.repo.gate_answers(run).is_empty());
        world.until_quiet_again();
    }
    if let Some(receiver) = &receiver {
        world.until_revived("the merge is delivered", |_| ids(receiver).len() == 2);
        world.until_quiet_again();
        let comment = world.repo.comment(&world.zoe, 1, "/countersign sync nowhere").expect("a comment");
        world.until_revived("it is refused", |world| world.repo.reactions(comment).len() == 2);
        world.until_quiet_again();
    }
    if let Some(vault) = &vault {
        let new = |_: &World| vault.value("db.password").is_some_and(|text| text.ends_with("-2"));
        world.until_revived("the value is there", new);
        world.until_quiet_again();
        assert_eq!((vault.written(), vault.faults()), (2, Vec::new()), "each value is written once");
    }
    Played { world, receiver, vault }
}

/// The messages a receiver was sent: one that comes again has the same id.
fn ids(receiver: &Receiver) -> BTreeSet<String> {
    receiver.arrived().into_iter().map(|arrived| arrived.id).collect()
}

/// A request is merged by a bypass, and nobody ratifies it in time.
fn break_the_glass(world: &mut World) {
    world.push(&world.rita, Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 2)));
    world.until_revived("a pull request", |world| world.comment(1).contains("for `production`"));
    world.until_quiet_again();
    let head = world.repo.pull_json(1)["head"]["sha"].as_str().expect("a head").to_owned();
    let words = format!("/countersign bypass {head} \"the database is down, all of it\"");
    world.repo.comment(&world.zoe, 1, &words).expect("a comment");
    world.until_revived("it is merged", |world| world.comment(1).contains("bypassed by zoe, to be ratified until"));
    world.until_quiet_again();
    world.sim.advance(jiff::SignedDuration::from_secs(301));
    world.repo.comment(&world.rita, 1, "/countersign ratify").expect("a comment");
    world.until_revived("it is overdue", |world| world.comment(1).contains("not ratified by"));
    world.until_revived("those who must are called", |world| {
        world.repo.comments(1).iter().any(|(_, body)| body.contains("countersign:overdue"))
    });
}

/// Two requests on one file; the second is merged.
fn join(world: &mut World) {
    let other = Secrets::set_in(&Secrets::sealed("production", 1), "db.user", "other");
    for (number, branch, text) in [(1, "rita/db", Secrets::sealed("production", 2)), (2, "rita/user", other)] {
        world.push(&world.rita, Push::to(branch).from("main").file(PRODUCTION, text));
        world.until_revived("a pull request", |world| world.comment(number).contains("for `production`"));
        world.until_quiet_again();
    }
    let before = world.repo.pull_json(1)["head"]["sha"].clone();
    for user in [world.ann.clone(), world.bob.clone()] {
        world.until_quiet_again();
        world.approve(&user, 2);
    }
    world.until_revived("the second is merged", |world| world.merged(2));
    world.until_revived("the first has the base", |world| world.repo.pull_json(1)["head"]["sha"] != before);
}

/// A branch becomes a request and is pushed once more.
fn ask(world: &mut World, story: Story) {
    let first = Push::to("rita/db").from("main").file(PRODUCTION, Secrets::sealed("production", 2));
    world.push(&world.rita, first);
    world.until_revived("a pull request", |world| world.comment(1).contains("for `production`"));
    world.until_quiet_again();
    let second = Push::to("rita/db").file("secrets/staging/db.yaml", Secrets::sealed("staging", 2));
    world.push(&world.rita, second);
    world.until_revived("it is looked at again", |world| world.comment(1).contains("for `staging`"));
    world.until_quiet_again();
    if story == Story::Tampered {
        let tip = world.ledger_tip();
        world.repo.delete_branch(&world.zoe, "countersign/ledger").expect("deleted");
        world.until_revived("the ledger is back", |world| world.ledger_tip() == tip);
    }
}

/// Everything people and auditors could look at in the end, without what differs from play to play.
fn end_of(played: &Played) -> BTreeMap<String, String> {
    let Played { world, receiver, vault } = played;
    let tree = Tree::clone(world, &world.zoe);
    let pull = world.repo.pull_json(1);
    let check = world.check(1).unwrap_or_default();
    let ledger = tree.git(&["log", "--format=%s", "origin/countersign/ledger"]);
    let mut entries: Vec<String> =
        ledger.lines().map(|line| same(line.split_once(": ").map_or(line, |cut| cut.1))).collect();
    entries.sort();
    let files = tree.git(&["ls-tree", "-r", "origin/main"]);
    // the policy of a play with a store names its port
    let differs = |line: &str| line.ends_with(PRODUCTION) || (vault.is_some() && line.ends_with("policy.yaml"));
    let files: Vec<&str> = files.lines().filter(|line| !differs(line)).collect();
    let files = files.join("\n");
    // commits of one second stand in no order
    let log = tree.git(&["log", "-z", "--format=%an %s%n%b", "origin/main"]);
    let mut commits: Vec<String> = log.split('\0').map(same).collect();
    commits.sort();
    let commits = commits.join("\n");
    let shown = [
        ("files on main", files),
        // what is sealed again has another text each time
        ("values on main", world.on_main(PRODUCTION).map(|text| Secrets::opened(&text)).unwrap_or_default()),
        ("commits on main", commits),
        ("title", same(&pull["title"].to_string())),
        ("description", same(&pull["body"].to_string())),
        ("reviewers", format!("{} {}", pull["requested_reviewers"], pull["requested_teams"])),
        ("comment", same(&world.comment(1))),
        (
            "check",
            same(&format!("{} {} {}", check["conclusion"], check["output"]["title"], check["output"]["summary"])),
        ),
        ("ledger", entries.join("\n")),
        ("deliveries", receiver.as_ref().map_or(0, |receiver| ids(receiver).len()).to_string()),
        ("values at the target", vault.as_ref().map(|vault| vault.data().to_string()).unwrap_or_default()),
        ("answers to jobs", answers(world)),
        ("deployments", world.repo.deployments().len().to_string()),
        (
            "everything we said",
            world.repo.comments(1).iter().map(|(who, body)| format!("{who}: {}\n", same(body))).collect(),
        ),
        ("requests", (1..9).filter(|number| world.repo.pull_json(*number).is_object()).count().to_string()),
    ];
    shown.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

/// What jobs were told.
fn answers(world: &World) -> String {
    let runs = world.repo.workflow_runs();
    let told = runs.iter().flat_map(|run| world.repo.gate_answers(run["id"].as_u64().unwrap_or_default()));
    told.map(|(at, state, comment)| format!("{at} {state:?} {}\n", same(&comment))).collect()
}

/// A text without ids of commits, numbers of entries and times.
fn same(text: &str) -> String {
    let word = |word: &str| {
        let hex = word.len() >= 7 && word.chars().all(|c| c.is_ascii_hexdigit());
        let number = word.chars().any(|c| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || c == 'L');
        if hex || number { "#".to_owned() } else { word.to_owned() }
    };
    let mut out = String::new();
    let mut current = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            current.push(c);
        } else {
            out += &word(&std::mem::take(&mut current));
            out.push(c);
        }
    }
    out + &word(&current)
}

/// How a story ends when nothing crashes.
async fn undisturbed(story: Story) -> BTreeMap<String, String> {
    static ENDS: Mutex<BTreeMap<Story, BTreeMap<String, String>>> = Mutex::new(BTreeMap::new());
    let known = ENDS.lock().expect("a map").get(&story).cloned();
    if let Some(known) = known {
        return known;
    }
    let played = play(story, &[]).await;
    played.world.end();
    let end = end_of(&played);
    ENDS.lock().expect("a map").insert(story, end.clone());
    end
}

async fn crash_at(point: Point, nth: u32) {
    let story = story_of(point);
    let expected = undisturbed(story).await;
    let before = (story == Story::Unrecorded).then(|| Point::MergeMoved.name().to_owned());
    let crashes: Vec<String> = before.into_iter().chain([format!("{point}:{nth}")]).collect();
    let played = play(story, &crashes).await;
    let world = &played.world;
    let told = world.deaths() == crashes.len();
    assert!(told || nth > 1, "{story:?} never passes `{point}`: {}\n{}", point.meaning(), world.log());
    world.end();
    let end = end_of(&played);
    let sent = played.receiver.as_ref().map_or(0, |receiver| receiver.arrived().len() - ids(receiver).len());
    let may_repeat = matches!(point, Point::SyncSent | Point::LetterSent);
    assert!(sent <= usize::from(may_repeat), "sent twice after a crash at `{point}`");
    for (name, text) in &expected {
        assert_eq!(&end[name], text, "{name} after a crash at `{point}:{nth}`: {}", point.meaning());
    }
    let votes = |end: &BTreeMap<String, String>| end["ledger"].matches("vote").count();
    let merges = if story == Story::Joined { 2 } else { 1 };
    assert_eq!((world.merges().len(), votes(&end)), (merges, votes(&expected)), "{point}");
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

fn passings() -> u32 {
    static PASSINGS: OnceLock<u32> = OnceLock::new();
    *PASSINGS.get_or_init(|| {
        let named = std::env::var("COUNTERSIGN_TEST_CRASH_PASSINGS").ok();
        named.map_or(1, |text| text.parse().expect("a number"))
    })
}

#[test]
fn whatever_step_the_server_dies_at_everything_ends_the_same() {
    let begun = Instant::now();
    let only = std::env::var("COUNTERSIGN_TEST_CRASH_ONLY").unwrap_or_default();
    // around a letter the end differs by design, at most once: `telling::mails` kills there and says what arrived
    let whole = || Point::ALL.iter().filter(|point| point.stage() != Stage::Letter);
    let points = || whole().filter(|point| point.name().contains(&only));
    let tried: Vec<(Point, u32)> = (1..=passings()).flat_map(|nth| points().map(move |point| (*point, nth))).collect();
    let failed = each_at_once(&tried, WIDTH, async |(point, nth)| crash_at(point, nth).await);
    println!("{} crashes at {} points in {} s", tried.len(), Point::ALL.len(), begun.elapsed().as_secs());
    assert!(failed.is_empty(), "{} of {} plays ended differently: {failed:?}", failed.len(), tried.len());
}
