//! How often GitHub is asked and told, for one change of one file with two approvals.

use std::collections::BTreeMap;
use std::time::Duration;

use github_sim::{Excerpt, Mark};

use crate::harness::{POLICY, Post, World};

/// Calls of the App since a mark, by operation; minting a token is the App's own affair and counted all the same.
fn calls(world: &World, mark: Mark) -> (Excerpt, BTreeMap<String, usize>) {
    let since = world.sim.since(mark);
    let mut by_operation = BTreeMap::new();
    for entry in since.entries().iter().filter(|entry| entry.actor == "app" || entry.actor == "installation") {
        *by_operation.entry(entry.operation.clone().unwrap_or_default()).or_default() += 1;
    }
    (since, by_operation)
}

fn show(phase: &str, excerpt: &Excerpt, by_operation: &BTreeMap<String, usize>) {
    let (rest, graphql, git) = (excerpt.rest_calls(), excerpt.graphql_calls(), excerpt.git_calls());
    println!("{phase}: {rest} REST, {graphql} GraphQL, {git} git, {} writes", excerpt.writes());
    for (operation, count) in by_operation {
        println!("    {count:>3} {operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_with_two_approvals_costs_few_calls() {
    let mut world = World::without_server(POLICY).await;
    // what belongs together arrives within this time on a slow machine, too
    world.set("COUNTERSIGN_QUIET", "3s");
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    world.until_quiet();
    let begin = world.sim.mark();
    let pull = world.by_rita("rita/db", "production");
    world.until_comment(pull, "**0 of 2");
    world.until_quiet();
    let (opening, by_operation) = calls(&world, begin);
    show("opening", &opening, &by_operation);

    let mark = world.sim.mark();
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    let (vote, by_operation) = calls(&world, mark);
    show("vote", &vote, &by_operation);

    let mark = world.sim.mark();
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");
    world.until_quiet();
    let (merge, by_operation) = calls(&world, mark);
    show("merge", &merge, &by_operation);
    let (whole, by_operation) = calls(&world, begin);
    show("life cycle", &whole, &by_operation);

    let sent = world.sim.deliveries();
    let mark = world.sim.mark();
    for delivery in &sent {
        world.post(Post::signed(&delivery.guid, &delivery.event, delivery.body.clone()));
    }
    std::thread::sleep(Duration::from_secs(2)); // idle: that nothing happens takes time to see
    let (idle, by_operation) = calls(&world, mark);
    show("every delivery again, and idle", &idle, &by_operation);

    assert!(vote.rest_calls() + vote.graphql_calls() <= 4, "a vote");
    assert!(merge.rest_calls() + merge.graphql_calls() <= 14, "a merge");
    assert!(whole.rest_calls() <= 25, "the life cycle");
    assert_eq!(idle.entries().len(), 0, "a duplicate delivery, and idle");
    world.end();
}
