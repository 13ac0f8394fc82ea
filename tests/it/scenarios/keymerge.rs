//! Several requests that change one file: the server merges them key by key with the identity of the environment.

use github_sim::Push;

use crate::harness::{Secrets, World, at_once};

const TEN: &str = "secrets/production/ten.yaml";

const CHANGE: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/], binding: change}
  staging: {paths: [secrets/staging/], binding: delta}
policies:
  - {name: production, environments: [production], approvers: {users: [ann]}}
  - {name: staging, environments: [staging], approvers: {users: [ann]}}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";

fn key(number: usize) -> String {
    format!("group{}.key{number}", number % 3)
}

/// A world whose server may open both environments, with a file of ten keys in each.
async fn world(with_identities: bool) -> World {
    let mut world = World::without_server(CHANGE).await;
    let plain: String = (0..3)
        .map(|group| {
            let keys = (0..10).filter(|number| number % 3 == group);
            let keys: String =
                keys.map(|number| format!("  # key {number}\n  key{number}: first-{number}\n")).collect();
            format!("group{group}:\n{keys}")
        })
        .collect();
    let push = Push::to("main").file(TEN, Secrets::of(&plain)).file("secrets/staging/ten.yaml", Secrets::of(&plain));
    world.push(&world.zoe, push);
    if with_identities {
        world.give_identities(&["production", "staging"]);
    }
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    world
}

/// A request of rita that sets some keys of a file as it stands on `main`.
fn request(world: &World, branch: &str, path: &str, values: &[(&str, &str)]) -> u64 {
    let text = world.on_main(path).expect("the file");
    let text = values.iter().fold(text, |text, (key, value)| Secrets::set_in(&text, key, value));
    world.change_of(branch, Push::to(branch).from("main").file(path, text))
}

fn head(world: &World, pull: u64) -> String {
    world.repo.pull_json(pull)["head"]["sha"].as_str().expect("a head").to_owned()
}

/// What the real `sops` prints of the file on `main`; what our own crate opens where it is not installed.
fn opened(world: &World) -> String {
    let text = world.on_main(TEN).expect("the file");
    let ours = Secrets::opened(&text);
    let path = world.path("opened.yaml");
    std::fs::write(&path, &text).expect("written");
    let run = std::process::Command::new("sops")
        .args(["decrypt", "--output-type", "yaml"])
        .arg(&path)
        .env("SOPS_AGE_KEY", Secrets::identity())
        .output();
    match run {
        Ok(output) => {
            assert!(output.status.success(), "sops: {}", String::from_utf8_lossy(&output.stderr));
            let theirs = String::from_utf8(output.stdout).expect("text");
            for number in 0..10 {
                let line =
                    |text: &str| text.lines().find(|line| line.contains(&format!("key{number}:"))).map(str::to_owned);
                assert_eq!(
                    line(&theirs).map(|line| line.trim().to_owned()),
                    line(&ours).map(|line| line.trim().to_owned())
                );
            }
        }
        Err(_) if std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").as_deref() != Ok("1") => {
            eprintln!("SKIPPED: `sops` is not on the PATH");
        }
        Err(fault) => panic!("sops: {fault}"),
    }
    ours
}

async fn ten_requests_on_ten_keys() {
    let world = world(true).await;
    let pulls: Vec<u64> = (0..10)
        .map(|number| request(&world, &format!("rita/{number}"), TEN, &[(&key(number), &format!("second-{number}"))]))
        .collect();
    // any order will do; this one is neither that of the keys nor that of the requests
    let order = [7, 2, 9, 0, 4, 8, 1, 5, 3, 6];
    for (done, number) in order.iter().enumerate().take(6) {
        world.approve(&world.ann, pulls[*number]);
        world.until_merged(pulls[*number]);
        let text = opened(&world);
        for other in 0..10 {
            let version = if order[..=done].contains(&other) { "second" } else { "first" };
            assert!(text.contains(&format!("key{other}: {version}-{other}\n")), "{other} after {done}: {text}");
        }
    }
    // the others all at once
    for number in &order[6..] {
        world.approve(&world.ann, pulls[*number]);
    }
    for number in &order[6..] {
        world.until_merged(pulls[*number]);
        opened(&world);
    }
    let text = opened(&world);
    for (number, pull) in pulls.iter().enumerate() {
        assert!(text.contains(&format!("# key {number}\n  key{number}: second-{number}\n")), "{text}");
        let reviews = world.api(&format!("/repos/acme/app/pulls/{pull}/reviews"));
        assert_eq!(reviews.as_array().map(Vec::len), Some(1), "nobody was asked again");
    }
    world.end();
}

async fn the_second_on_one_key_is_named() {
    let world = world(true).await;
    let first = request(&world, "rita/first", TEN, &[("group0.key0", "mine"), ("group1.key1", "free")]);
    let second = request(&world, "rita/second", TEN, &[("group0.key0", "yours"), ("group2.key2", "kept")]);
    let before = head(&world, second);
    world.approve(&world.ann, first);
    world.until_merged(first);
    world.approve(&world.ann, second);
    world.until_comment(second, "`stale-base`");
    world.until_comment(second, "group0.key0 was changed on both sides");
    world.until_quiet();
    assert!(!world.merged(second));
    assert_eq!(head(&world, second), before, "its branch is left as it is");
    assert_eq!(world.conclusion(second), "failure");
    let text = opened(&world);
    assert!(text.contains("key0: mine") && text.contains("key1: free") && text.contains("key2: first-2"), "{text}");
    world.end();
}

async fn without_an_identity_keys_are_named() {
    let world = world(false).await;
    let first = request(&world, "rita/first", TEN, &[("group0.key0", "mine")]);
    let second = request(&world, "rita/second", TEN, &[("group1.key1", "other")]);
    let third = request(&world, "rita/third", TEN, &[("group0.key0", "yours")]);
    let before = head(&world, second);
    world.approve(&world.ann, first);
    world.until_merged(first);
    world.until_comment(second, "the base changed group0.key0; the server has no identity to merge both sides with");
    world.until_comment(third, "both sides changed group0.key0");
    assert_eq!(head(&world, second), before);
    world.end();
}

async fn the_only_repository_is_served_by_the_variables_of_sops() {
    let mut world = world(false).await;
    world.kill();
    world.set("SOPS_AGE_KEY", &Secrets::identity());
    world.start();
    let first = request(&world, "rita/first", TEN, &[("group0.key0", "mine")]);
    let second = request(&world, "rita/second", TEN, &[("group1.key1", "other")]);
    for pull in [first, second] {
        world.approve(&world.ann, pull);
    }
    for pull in [first, second] {
        world.until_merged(pull);
    }
    let text = opened(&world);
    assert!(text.contains("key0: mine") && text.contains("key1: other"), "{text}");
    world.end();
}

async fn under_delta_votes_are_asked_again() {
    let world = world(true).await;
    let path = "secrets/staging/ten.yaml";
    let first = request(&world, "rita/first", path, &[("group0.key0", "mine")]);
    let second = request(&world, "rita/second", path, &[("group1.key1", "other")]);
    let before = head(&world, second);
    world.approve(&world.ann, first);
    world.until_merged(first);
    world.until("the base was merged into the second", |world| head(world, second) != before);
    world.until_check(second, "action_required");
    let parents = world.api(&format!("/repos/acme/app/commits/{}", head(&world, second)))["parents"].clone();
    assert_eq!(parents[0]["sha"], before.as_str());
    assert_eq!(parents[1]["sha"].as_str(), world.repo.tip("main").as_deref());
    world.approve(&world.ann, second);
    world.until_merged(second);
    world.end();
}

async fn a_reader_added_here_and_a_value_changed_there() {
    let world = world(true).await;
    let text = world.on_main(TEN).expect("the file");
    let wider = Secrets::with_another_reader(&text);
    let added = world.change_of("rita/reader", Push::to("rita/reader").from("main").file(TEN, wider));
    let before = head(&world, added);
    let changed = request(&world, "rita/value", TEN, &[("group0.key0", "mine")]);
    world.approve(&world.ann, changed);
    world.until_merged(changed);
    world.until_comment(added, "the recipients were changed");
    world.until_quiet();
    assert_eq!(head(&world, added), before);
    assert!(!world.merged(added));
    world.end();
}

#[test]
fn requests_on_different_keys_of_one_file_merge_and_those_on_one_key_are_named() {
    at_once(&[
        ("ten requests on ten keys", || Box::pin(ten_requests_on_ten_keys())),
        ("the second on one key is named", || Box::pin(the_second_on_one_key_is_named())),
        ("without an identity", || Box::pin(without_an_identity_keys_are_named())),
        ("the variables of sops", || Box::pin(the_only_repository_is_served_by_the_variables_of_sops())),
        ("under delta", || Box::pin(under_delta_votes_are_asked_again())),
        ("a reader added here, a value changed there", || Box::pin(a_reader_added_here_and_a_value_changed_there())),
    ]);
}
