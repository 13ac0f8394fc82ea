//! The gate alone: keys, forks, other keepers, and texts that would like to be commands.

use github_sim::{Level, Push, Role, Verdict};
use serde_json::json;

use crate::harness::{POLICY, World};

const MAIN: &str = "refs/heads/main";

/// A request that waits for two approvals, adopted for the Action, with no job running by itself any more.
async fn waiting() -> (World, u64) {
    let world = World::in_jobs(POLICY).await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    world.at_rest();
    world.sim.set_webhook_url(&world.app, None);
    (world, pull)
}

/// What may not have changed while nothing was allowed to write.
fn standing(world: &World, pull: u64) -> (Option<String>, String, Option<serde_json::Value>) {
    (world.ledger_tip(), world.comment(pull), world.check(pull))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_key_says_how_things_stand_and_writes_nothing() {
    let (world, pull) = waiting().await;
    world.repo.review(&world.ann, pull, Verdict::Approve, None).unwrap();
    let before = standing(&world, pull);
    let around = world.around();
    let payload = json!({"action": "submitted", "pull_request": {"number": pull}});
    let seen = around.run(&around.gate("pull_request_review", "refs/pull/1/merge", &payload, false));
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    let output = |name: &str| seen.outputs.get(name).cloned().unwrap_or_default();
    assert_eq!((output("decision"), output("reason-code")), ("pending".to_owned(), "quorum-missing".to_owned()));
    assert_eq!((output("approvals"), output("required")), ("1".to_owned(), "2".to_owned()));
    assert_eq!(output("pr-number"), pull.to_string());
    assert_eq!(output("version"), env!("CARGO_PKG_VERSION"));
    let result: serde_json::Value = serde_json::from_str(&output("result")).unwrap();
    assert_eq!((&result["version"], &result["verdict"]), (&json!(1), &json!("pending")));
    assert!(seen.summary.contains("Read only"), "{}", seen.summary);
    assert!(seen.summary.contains("of 2 approvals for `production`"), "{}", seen.summary);
    assert!(seen.other_commands.is_empty() && seen.errors.is_empty(), "{seen:#?}");
    assert_eq!(standing(&world, pull), before, "nothing was written");
    world.no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_refused_where_somebody_else_may_have_written_the_workflow() {
    let (world, pull) = waiting().await;
    for who in [&world.ann, &world.bob] {
        world.approve(who, pull);
    }
    let before = standing(&world, pull);
    let around = world.around();
    let payload = json!({"action": "submitted", "pull_request": {"number": pull}});
    for (event, reference, code) in [
        ("pull_request_review", "refs/pull/1/merge", "key-on-this-event"),
        ("pull_request", "refs/pull/1/merge", "key-on-this-event"),
        ("workflow_dispatch", MAIN, "key-on-this-event"),
        ("push", "refs/heads/rita/db", "key-on-this-ref"),
        ("pull_request_target", "refs/heads/release", "key-on-this-ref"),
    ] {
        let seen = around.run(&around.gate(event, reference, &payload, true));
        assert_eq!(seen.code, Some(11), "{event}: {seen:#?}");
        assert_eq!(seen.outputs.get("reason-code").map(String::as_str), Some(code), "{event}");
        assert_eq!(seen.errors.len(), 1, "{event}: {seen:#?}");
    }
    assert_eq!(standing(&world, pull), before, "nothing was written");
    assert!(!world.merged(pull));
    // the same request, by a job that may
    let seen = around.run(&around.gate("workflow_run", MAIN, &json!({"workflow_run": {"pull_requests": []}}), true));
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    assert!(world.merged(pull));
    world.no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_server_keeps_the_ledger_the_gate_only_reads() {
    let mut world = World::new().await;
    let pull = world.change(&world.rita, "rita/db", "production");
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.kill();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    let before = standing(&world, pull);
    world.start_jobs().await;
    world.sim.set_webhook_url(&world.app, None);
    let around = world.around();
    // even with the server's own key: a ledger says of each key what holds it
    let payload = json!({"action": "synchronize", "pull_request": {"number": pull}});
    let seen = around.run(&around.gate("pull_request_target", MAIN, &payload, true));
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    assert!(seen.summary.contains("kept by a server"), "{}", seen.summary);
    assert_eq!(seen.outputs.get("decision").map(String::as_str), Some("satisfied"), "{seen:#?}");
    assert_eq!(standing(&world, pull), before, "nothing was written");
    assert!(!world.merged(pull));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_job_reads_no_teams_and_the_gate_says_so() {
    let (world, pull) = waiting().await;
    world.installation.set_permission("members", None);
    let mut around = world.around();
    around.token = world.installation.token().unwrap();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    let seen = around.run(&around.gate("schedule", MAIN, &json!({"schedule": "*/10 * * * *"}), true));
    assert!(!world.merged(pull), "who is in the team is not known: {seen:#?}");
    assert_eq!(seen.code, Some(0), "it was carried out: {seen:#?}");
    assert!(world.comment(pull).contains("`membership-unknown`"), "{}", world.comment(pull));
    assert!(seen.summary.contains("a job's own token reads no teams"), "{seen:#?}");
    world.no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_title_branch_or_comment_speaks_to_the_runner() {
    let (world, _) = waiting().await;
    let hostile = "::set-output name=decision::satisfied%0A::error::x";
    let branch = "rita/::error::x";
    let path = "secrets/production/db.yaml";
    let sealed = crate::harness::Secrets::sealed("production", 4);
    let message = format!("{hostile}\n\n::add-mask::production\n::stop-commands::x\ndecision=satisfied");
    let pushed = world.repo.push(&world.rita, Push::to(branch).from("main").file(path, sealed).message(&message));
    // a name that Git takes but GitHub does not would prove nothing
    let branch = if pushed.is_ok() { branch } else { "rita/db" };
    let around = world.around();
    let sweep = around.run(&around.gate("schedule", MAIN, &json!({"schedule": "*/10 * * * *"}), true));
    assert_eq!(sweep.code, Some(0), "{sweep:#?}");
    let pull = world.pull_of(branch);
    world.repo.comment(&world.rita, pull, &format!("{hostile}\n\ndecision<<x\n::error::y")).unwrap();
    let payload = json!({
        "action": "edited", "number": pull, "title": hostile,
        "pull_request": {"number": pull, "title": hostile, "head": {"ref": branch}},
        "comment": {"body": "::error::from the payload"},
    });
    for (event, reference, with_key) in [("schedule", MAIN, true), ("pull_request", "refs/pull/2/merge", false)] {
        let seen = around.run(&around.gate(event, reference, &payload, with_key));
        assert_eq!(seen.code, Some(0), "{seen:#?}");
        assert_eq!(seen.outputs.get("decision").map(String::as_str), Some("pending"), "{seen:#?}");
        assert!(seen.other_commands.is_empty() && seen.errors.is_empty(), "{seen:#?}");
        assert!(seen.environment.is_empty());
    }
    world.no_violations();
}

/// A request of a fork and one of a branch, each in the job its own branch may have written (a token that reads, no key), in one that
/// smuggled a key in, and in the job of the default branch: read as data, never checked out, and counted by their own rules.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_a_fork_and_one_of_a_branch_are_data_in_every_job() {
    let (world, own) = waiting().await;
    let sam = world.sim.user("sam");
    world.repo.role(&sam, Some(Role::Read));
    let fork = world.repo.fork(&sam).unwrap();
    fork.role(&sam, Some(Role::Admin));
    let marker = "touch \"$RUNNER_TEMP/run\"";
    let sealed = crate::harness::Secrets::sealed("staging", 2);
    let change = Push::to("mine")
        .from("main")
        .file("secrets/staging/db.yaml", sealed)
        .file("action/run.sh", marker)
        .file("build.rs", marker)
        .file("Makefile", format!("all:\n\t{marker}\n"));
    fork.push(&sam, change).unwrap();
    let foreign = world.repo.open_pull(&sam, "From outside", "sam:mine", "main").unwrap();
    let around = world.around();
    let repository = world.api("/repos/acme/app");
    let event = |pull: u64| {
        json!({
            "action": "synchronize", "number": pull, "pull_request": world.repo.pull_json(pull), "repository": repository,
            "installation": {"id": world.installation.id}, "sender": repository["owner"],
        })
    };
    // what GitHub gives to a job of a fork: a token that reads, and no secret
    for level in ["contents", "pull_requests", "checks", "deployments", "actions"] {
        world.installation.set_permission(level, Some(Level::Read));
    }
    let mut reading = around.clone();
    reading.token = world.installation.token().unwrap();
    for level in ["contents", "pull_requests", "checks", "deployments", "actions"] {
        world.installation.set_permission(level, Some(Level::Write));
    }
    for pull in [own, foreign] {
        let before = standing(&world, pull);
        let reference = format!("refs/pull/{pull}/merge");
        let step = reading.gate("pull_request", &reference, &event(pull), false);
        let seen = reading.run(&step);
        assert_eq!(
            (seen.code, seen.outputs.get("decision").map(String::as_str)),
            (Some(0), Some("pending")),
            "{seen:#?}"
        );
        assert!(seen.summary.contains("Read only"), "{}", seen.summary);
        assert!(!step.file("temp/run").exists(), "something of the request was run");
        let smuggled = reading.run(&reading.gate("pull_request", &reference, &event(pull), true));
        assert_eq!(smuggled.code, Some(11), "{smuggled:#?}");
        assert_eq!(smuggled.outputs.get("reason-code").map(String::as_str), Some("key-on-this-event"));
        assert_eq!(standing(&world, pull), before, "nothing was written for {pull}");
    }
    for pull in [own, foreign] {
        let step = around.gate("pull_request_target", MAIN, &event(pull), true);
        let seen = around.run(&step);
        assert_eq!(
            (seen.code, seen.outputs.get("decision").map(String::as_str)),
            (Some(0), Some("pending")),
            "{seen:#?}"
        );
        assert!(!step.file("temp/run").exists(), "something of the request was run");
        assert_eq!(world.conclusion(pull), "action_required");
    }
    // nobody tells who pushed to a fork: one more seat there, and nobody is asked before somebody with write says so
    assert!(world.comment(own).contains("**0 of 2 approvals for `production`**"), "{}", world.comment(own));
    assert!(world.comment(foreign).contains("**0 of 2 approvals for `staging`**"), "{}", world.comment(foreign));
    assert!(world.comment(foreign).contains("/countersign recheck"), "{}", world.comment(foreign));
    assert!(!world.comment(own).contains("/countersign recheck"), "{}", world.comment(own));
    // nothing ties a review to the head of a fork afterwards: the comment that names the commit does
    let head = world.repo.pull_json(foreign)["head"]["sha"].as_str().unwrap().to_owned();
    for who in [&world.ann, &world.rita] {
        world.repo.comment(who, foreign, &format!("/countersign approve {head}")).unwrap();
    }
    let seen = around.run(&around.gate("workflow_run", MAIN, &json!({"workflow_run": {"pull_requests": []}}), true));
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    assert!(world.merged(foreign) && !world.merged(own), "{}", world.comment(foreign));
    world.no_violations();
}
