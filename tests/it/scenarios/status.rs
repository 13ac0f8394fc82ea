//! `status`: what is open, who is waited for, and what is owed; once, and again and again.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{POLICY, Tree, World, at_once, by_hand, command_by_hand};

fn status(world: &World, tree: &Tree, more: &[&str]) -> crate::harness::Said {
    by_hand(world, tree, Some(&world.ann.token), &[&["status"], more].concat())
}

async fn a_request_waits_and_is_merged() {
    let world = World::with(POLICY).await;
    let tree = Tree::clone(&world, &world.ann);
    status(&world, &tree, &[]).ends(0, "no change of what is protected is asked for");
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.until_quiet();
    let said = status(&world, &tree, &["--json"]).ends(10, "changes").json();
    let change = &said["changes"][0];
    assert_eq!((&change["pr"], &change["verdict"]), (&json!(pull), &json!("pending")));
    let group = &change["environments"][0]["policies"][0]["groups"][0];
    assert_eq!((&group["missing"], &group["could"]), (&json!(1), &json!(["bob", "cy"])), "{said:#}");
    assert_eq!((&said["ledger"]["trust"], &said["debts"]), (&json!("unpinned"), &json!([])));
    let entries = world.ledger().entries().len();
    assert_eq!(said["ledger"]["entries"], json!(entries), "{said:#}");
    let text = status(&world, &tree, &[]).ends(10, "1 of 2 approvals (ann) · could be bob, cy");
    assert!(text.out.contains("if sha256:") && text.out.contains("--trust"), "{}", text.out);
    // nothing of it was written anywhere
    assert_eq!(world.ledger().entries().len(), entries);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_quiet();
    status(&world, &tree, &[]).ends(0, "no change of what is protected is asked for");
    by_hand(&world, &tree, None, &["status"]).ends(2, "GH_TOKEN");
    world.end();
}

async fn it_looks_again_until_it_is_interrupted() {
    let world = World::with(POLICY).await;
    let tree = Tree::clone(&world, &world.ann);
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let arguments = ["--json", "status", "--watch", "--interval", "1s"];
    let mut command = command_by_hand(&world, &tree, Some(&world.ann.token), &arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut look = || -> Value { serde_json::from_str(&lines.next().expect("a look").expect("text")).expect("JSON") };
    assert_eq!(look()["changes"][0]["verdict"], "pending");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    while look()["changes"] != json!([]) {}
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "as the last look was");
    world.end();
}

/// What nobody approved in time is owed, and a target that could not be brought there is named.
async fn a_bypass_is_owed_and_a_target_lacks_it() {
    let syncs = "production: {paths: [secrets/production/], syncs: [{name: branch, branch: {ref: env/production}}]}";
    let policy = POLICY.replace("production: {paths: [secrets/production/]}", syncs).replacen(
        "    required_approvals: 2\n",
        "    required_approvals: 2\n    enforcement: soft\n    bypass: {users: [zoe], ratify_within: 8h}\n",
        1,
    );
    let world = World::with(&policy).await;
    let tree = Tree::clone(&world, &world.ann);
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    let head = world.repo.pull_json(pull)["head"]["sha"].as_str().expect("a head").to_owned();
    let words = format!("/countersign bypass {head} \"the database is down, the password leaked\"");
    world.repo.comment(&world.zoe, pull, &words).expect("said");
    world.until_merged(pull);
    world.until_comment(pull, "to be ratified until ");
    world.until_comment(pull, "`target-unprotected`");
    world.until_quiet();
    let text = status(&world, &tree, &[]).ends(10, &format!("#{pull} bypassed production (L-"));
    for words in ["\nowed\n", "to be ratified until", "\ntargets\nproduction\n", "would be delivered"] {
        assert!(text.out.contains(words), "{words} is missing:\n{}", text.out);
    }
    let said = status(&world, &tree, &["--json"]).ends(10, "debts").json();
    let (debt, target) = (&said["debts"][0], &said["targets"][0]);
    assert_eq!(
        (&debt["pr"], &debt["environments"], &debt["overdue"]),
        (&json!(pull), &json!(["production"]), &json!(false))
    );
    assert_eq!((&target["name"], &target["step"]), (&json!("branch"), &json!("deliver")), "{said:#}");
    for who in [&world.ann, &world.bob] {
        world.approve(who, pull);
    }
    world.until_comment(pull, "ratified by ann, bob");
    world.until_quiet();
    let said = status(&world, &tree, &["--json"]);
    assert_eq!(said.json()["debts"], json!([]));
    world.end();
}

#[test]
fn what_is_open_is_said_once_and_again() {
    at_once(&[
        ("a request", || Box::pin(a_request_waits_and_is_merged())),
        ("owed", || Box::pin(a_bypass_is_owed_and_a_target_lacks_it())),
        ("watched", || Box::pin(it_looks_again_until_it_is_interrupted())),
    ]);
}
