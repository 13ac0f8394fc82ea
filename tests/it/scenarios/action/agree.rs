//! Every play here is played twice, with the server and with jobs in its place: the same must come of it.

use std::collections::BTreeMap;

use github_sim::{Push, Verdict};

use crate::harness::{POLICY, Secrets, World, a_second_later, at_once};

/// What people see in the end.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// By pull request: merged or open, check, comment, who was asked.
    pulls: BTreeMap<u64, (bool, String, String, Vec<String>)>,
    /// Replies to commands.
    replies: Vec<String>,
    /// Files of the default branch that are governed.
    files: BTreeMap<String, Option<String>>,
}

impl Seen {
    fn of(world: &World, pulls: &[u64]) -> Self {
        let pull = |number: &u64| {
            let pull = world.repo.pull_json(*number);
            let asked = |list: &str, name: &str| {
                let list = pull[list].as_array().cloned().unwrap_or_default();
                list.iter().map(|one| one[name].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
            };
            let mut all = [asked("requested_reviewers", "login"), asked("requested_teams", "slug")].concat();
            all.sort();
            (*number, (world.merged(*number), world.conclusion(*number), steady(&world.comment(*number)), all))
        };
        let paths = [".countersign/policy.yaml", "secrets/production/db.yaml", "secrets/production/new.yaml"];
        let file = |path: &str| {
            let bytes = world.repo.file("main", path);
            (path.to_owned(), bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        let replies = pulls.iter().flat_map(|number| world.repo.comments(*number));
        let mut replies: Vec<String> = replies
            .map(|(_, body)| body)
            .filter(|body| body.contains("countersign:reply"))
            .map(|b| steady(&b))
            .collect();
        replies.sort();
        Self { pulls: pulls.iter().map(pull).collect(), replies, files: paths.into_iter().map(file).collect() }
    }
}

/// The same text without what differs from world to world: commits, entries of the ledger, numbers of comments, times.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut word = String::new();
    let end = |word: &mut String, steady: &mut String| {
        let hex =
            word.len() >= 7 && word.chars().all(|c| c.is_ascii_hexdigit()) && word.chars().any(|c| c.is_ascii_digit());
        let entry = word.strip_prefix("L-").is_some_and(|number| number.parse::<u64>().is_ok());
        let number = word.len() >= 5 && word.chars().all(|c| c.is_ascii_digit());
        steady.push_str(if hex || entry || number { "…" } else { word });
        word.clear();
    };
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
        } else {
            end(&mut word, &mut steady);
            steady.push(c);
        }
    }
    end(&mut word, &mut steady);
    // which port the stand-in has
    steady.split("127.0.0.1:").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
}

/// Plays with both and compares.
async fn both(play: impl AsyncFn(&World) -> Vec<u64>) {
    let server = World::new().await;
    let pulls = play(&server).await;
    server.at_rest();
    let of_the_server = Seen::of(&server, &pulls);
    let jobs = World::in_jobs(POLICY).await;
    let pulls = play(&jobs).await;
    jobs.at_rest();
    assert_eq!(Seen::of(&jobs, &pulls), of_the_server, "jobs:\n{}", jobs.log());
    server.no_violations();
    jobs.no_violations();
}

/// A request of Rita's, seen by whoever works here.
fn opened(world: &World) -> u64 {
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    world.at_rest();
    pull
}

async fn approved_and_merged(world: &World) -> Vec<u64> {
    let pull = opened(world);
    world.approve(&world.rita, pull);
    world.approve(&world.ann, pull);
    world.at_rest();
    assert!(!world.merged(pull), "the requester's does not count");
    world.approve(&world.bob, pull);
    world.until("it is merged", |world| world.merged(pull));
    vec![pull]
}

async fn rejected(world: &World) -> Vec<u64> {
    let pull = opened(world);
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    vec![pull]
}

async fn stale(world: &World) -> Vec<u64> {
    let pull = opened(world);
    world.approve(&world.ann, pull);
    world.at_rest();
    world.push(&world.rita, Push::to("rita/db").file("secrets/production/db.yaml", Secrets::sealed("production", 3)));
    world.until_comment(pull, "`stale-approval`");
    vec![pull]
}

async fn the_policy_itself(world: &World) -> Vec<u64> {
    let looser = POLICY.replace("required_approvals: 2\n  - name: staging", "required_approvals: 1\n  - name: staging");
    assert_ne!(looser, POLICY);
    world.push(&world.rita, Push::to("looser").from("main").file(".countersign/policy.yaml", &looser));
    let pull = world.pull_of("looser");
    world.until_check(pull, "action_required");
    world.approve(&world.zoe, pull);
    world.at_rest();
    world.approve(&world.ann, pull);
    world.until("it is merged", |world| world.merged(pull));
    world.at_rest();
    // and from now on one is enough
    let next = opened(world);
    a_second_later();
    world.approve(&world.ann, next);
    world.until("it is merged", |world| world.merged(next));
    vec![pull, next]
}

async fn not_sealed(world: &World) -> Vec<u64> {
    let plain = "db:\n  password: plain-canary-55\n";
    world.push(&world.rita, Push::to("plain").from("main").file("secrets/production/new.yaml", plain));
    let pull = world.pull_of("plain");
    world.until_comment(pull, "`plaintext`");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.at_rest();
    assert!(!world.merged(pull));
    vec![pull]
}

async fn said_in_comments(world: &World) -> Vec<u64> {
    let pull = opened(world);
    let head = world.repo.pull_json(pull)["head"]["sha"].as_str().unwrap().to_owned();
    world.repo.comment(&world.rita, pull, "/countersign approve 0000000").unwrap();
    world.at_rest();
    world.repo.comment(&world.ann, pull, &format!("/countersign approve {head}")).unwrap();
    world.until_comment(pull, "**1 of 2");
    world.repo.comment(&world.rita, pull, "/countersign explain").unwrap();
    world.at_rest();
    world.repo.comment(&world.bob, pull, &format!("/countersign approve {head}")).unwrap();
    world.until("it is merged", |world| world.merged(pull));
    vec![pull]
}

#[test]
fn the_same_comes_of_votes_with_a_server_and_with_jobs() {
    at_once(&[
        ("approved and merged", || Box::pin(both(approved_and_merged))),
        ("rejected", || Box::pin(both(rejected))),
        ("stale", || Box::pin(both(stale))),
    ]);
}

#[test]
fn the_same_comes_of_changes_and_words_with_a_server_and_with_jobs() {
    at_once(&[
        ("the policy itself", || Box::pin(both(the_policy_itself))),
        ("not sealed", || Box::pin(both(not_sealed))),
        ("said in comments", || Box::pin(both(said_in_comments))),
    ]);
}
