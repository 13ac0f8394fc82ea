//! A merge reaches every target: once, signed, in order, and people see it.

use github_sim::Push;

use super::{HOOK, guard, merged, policy, receipts, states, until_state, world};
use crate::harness::{Receiver, Secrets, World, at_once};

/// Adoption delivers what was taken in, a merge what it brought: one deployment and one message each, the branch moved.
async fn a_merge_is_delivered_once_to_each_target() {
    let branch = "{name: branch, branch: {ref: env/production}}";
    let (world, receiver) = world(&[branch, HOOK]).await;
    guard(&world, "env/*");
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    let pull = merged(&world, 2);
    world.until("the merge is delivered", |_| receiver.arrived().len() == 2);
    let tip = world.repo.tip("main").unwrap();
    world.until("the branch is moved", |world| world.repo.tip("env/production").as_ref() == Some(&tip));
    until_state(&world, "hook", "success");
    until_state(&world, "branch", "success");
    world.until_quiet();

    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 2, "{arrived:#?}");
    assert!(arrived.iter().all(|one| one.signed), "{arrived:#?}");
    assert!(arrived[0].generation() < arrived[1].generation());
    let (decision, commit) = world.merges()[0].clone();
    let body = &arrived[1].body;
    assert_eq!((body["type"].as_str(), body["commit"].as_str()), (Some("sync.requested"), Some(commit.as_str())));
    assert_eq!((body["repository"].as_str(), body["environment"].as_str()), (Some("acme/app"), Some("production")));
    assert_eq!(body["decision"], decision.label());
    assert_eq!(states(&world, "hook"), ["success", "inactive"]);
    let newest = world.repo.deployments().pop().unwrap();
    let statuses = newest["statuses"].as_array().unwrap();
    assert!(statuses[0]["log_url"].as_str().unwrap().ends_with(&format!("/pull/{pull}")), "{statuses:#?}");

    world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    world.until_comment(pull, "| `production/branch` | delivered |");
    let receipts = receipts(&world);
    let told = receipts.iter().filter(|line| line.starts_with("production/hook accepted: ")).count();
    assert_eq!(told, 2, "{receipts:#?}");
    assert!(
        !receipts.iter().any(|line| line.contains("drifted")),
        "what we moved ourselves is no drift: {receipts:#?}"
    );
    let (_, metrics) = world.get(&format!("{}/metrics", world.admin()));
    for line in [
        "countersign_syncs_total{target=\"production/hook\",result=\"accepted\"} 2",
        "countersign_drift{target=\"production/branch\"} 0",
        "countersign_merges_total{environment=\"production\",verdict=\"satisfied\"} 1",
        "countersign_changes_open{environment=\"production\"} 0",
        "countersign_sweep_lag_seconds ",
        "countersign_approval_wait_seconds_count 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(metrics.contains("countersign_sync_last_success_timestamp_seconds{target=\"production/hook\"} "));
    world.end();
}

/// Two merges close together: whatever arrives, nothing old comes after something new.
async fn two_merges_in_a_row_never_deliver_the_old_one_over_the_new_one() {
    let (world, receiver) = world(&[HOOK]).await;
    let path = |name: &str| format!("secrets/production/{name}.yaml");
    let push = |branch: &str| Push::to(branch).from("main").file(&path(branch), Secrets::sealed("production", 2));
    let pulls = ["one", "two", "three"].map(|branch| world.change_of(branch, push(branch)));
    for pull in pulls {
        world.approve(&world.ann, pull);
    }
    for pull in pulls {
        world.until_merged(pull);
    }
    let newest = world.repo.tip("main").unwrap();
    world.until("the newest is delivered", |_| {
        receiver.arrived().last().is_some_and(|one| one.body["commit"] == newest.as_str())
    });
    world.until_quiet();
    let generations: Vec<u64> = receiver.arrived().iter().map(|one| one.generation()).collect();
    assert!(generations.windows(2).all(|pair| pair[0] < pair[1]), "{generations:?}");
    world.end();
}

/// A workflow starts only after the branch holds the content, and its end is the end of the delivery.
async fn a_workflow_comes_after_the_branch_and_is_looked_at_until_it_ends() {
    let targets = [
        "{name: workflow, dispatch: {workflow: deploy.yml}, after: [branch]}",
        "{name: branch, branch: {ref: env/production}}",
        "{name: event, dispatch: {event: secrets-approved}}",
    ];
    let world = World::without_server(&policy(&targets)).await;
    let workflow = "on:\n  workflow_dispatch:\n    inputs:\n      countersign:\n        type: string\n";
    world.push(&world.zoe, Push::to("main").file(".github/workflows/deploy.yml", workflow));
    let mut world = world;
    world.start();
    world.until("the branch is blocked", |world| states(world, "branch") == ["error"]);
    until_state(&world, "event", "success");
    assert_eq!(world.repo.workflow_runs().len(), 0, "the branch comes first");
    guard(&world, "env/production");
    world.repo.comment(&world.zoe, super_pull(&world), "/countersign sync branch").expect("a comment");
    world.until("the workflow is started", |world| world.repo.workflow_runs().len() == 1);
    until_state(&world, "workflow", "in_progress");
    let run = world.repo.workflow_runs()[0].clone();
    let told = world.repo.dispatches().into_iter().find(|one| one["workflow"].is_string()).unwrap();
    let order: serde_json::Value = serde_json::from_str(told["inputs"]["countersign"].as_str().unwrap()).unwrap();
    assert_eq!((order["environment"].as_str(), order["target"].as_str()), (Some("production"), Some("workflow")));
    let event = world.repo.dispatches().into_iter().find(|one| one["event_type"] == "secrets-approved").unwrap();
    assert_eq!(event["client_payload"]["countersign"]["target"], "event");
    world.repo.end_workflow(run["id"].as_u64().unwrap(), "success").unwrap();
    until_state(&world, "workflow", "success");
    world.end();
}

/// Any pull request will do to write a command under.
fn super_pull(world: &World) -> u64 {
    let push = Push::to("words").from("main").file("README.md", "words\n");
    world.push(&world.zoe, push);
    world.repo.open_pull(&world.zoe, "words", "words", "main").expect("a pull request")
}

/// A push past everybody: nothing leaves while it stands there, and what was approved is not sent again once it is gone.
async fn what_is_not_covered_never_leaves() {
    let (world, receiver) = world(&[HOOK]).await;
    world.until("the adoption is delivered", |_| receiver.arrived().len() == 1);
    world.repo.push(&world.zoe, Push::to("main").file(super::PATH, Secrets::sealed("production", 7))).unwrap();
    world.until_quiet();
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 1, "{arrived:#?}");
    // nor by a command
    let pull = super_pull(&world);
    let comment = world.repo.comment(&world.zoe, pull, "/countersign sync").unwrap();
    world.until("it is acknowledged", |world| world.repo.reactions(comment).len() == 2);
    world.until_quiet();
    assert_eq!(receiver.arrived().len(), 1);
    world.no_violations();
}

/// Without a server that grants it, an alias is only a name.
async fn an_alias_nobody_granted_blocks_and_says_so() {
    let receiver = Receiver::start().await;
    let mut world = World::without_server(&policy(&[HOOK])).await;
    world.start();
    until_state(&world, "hook", "error");
    let pull = merged(&world, 2);
    world.until_comment(pull, "| `production/hook` | **blocked** · `secret-not-granted`");
    assert!(receiver.arrived().is_empty());
    world.kill();
    super::grant(&world, &receiver.url, true);
    world.start();
    world.until("it is delivered once it is granted", |_| receiver.arrived().len() == 1);
    world.until_comment(pull, "| `production/hook` | accepted, not verified |");
    world.end();
}

#[test]
fn deliveries() {
    at_once(&[
        ("once", || Box::pin(a_merge_is_delivered_once_to_each_target())),
        ("in order", || Box::pin(two_merges_in_a_row_never_deliver_the_old_one_over_the_new_one())),
        ("workflow", || Box::pin(a_workflow_comes_after_the_branch_and_is_looked_at_until_it_ends())),
        ("uncovered", || Box::pin(what_is_not_covered_never_leaves())),
        ("not granted", || Box::pin(an_alias_nobody_granted_blocks_and_says_so())),
    ]);
}
