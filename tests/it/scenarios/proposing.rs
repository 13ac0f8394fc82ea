//! `propose`: what changed in a working tree is asked for, and nothing else leaves it.

use github_sim::Push;

use crate::harness::{Secrets, Tree, World, at_once, by_hand};

const FILE: &str = "secrets/production/db.yaml";

const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - {name: all, environments: \"*\", approvers: {users: [ann]}}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";

fn propose(world: &World, tree: &Tree, more: &[&str]) -> crate::harness::Said {
    by_hand(world, tree, Some(&world.rita.token), &[&["propose", "--json"], more].concat())
}

fn state(tree: &Tree) -> (String, String, String) {
    (tree.git(&["status", "--porcelain"]), tree.git(&["rev-parse", "HEAD"]), tree.git(&["branch"]))
}

async fn a_change_is_asked_for_and_the_tree_stays_as_it_is() {
    let world = World::with(POLICY).await;
    let tree = Tree::clone(&world, &world.rita);
    propose(&world, &tree, &[]).ends(200, "nothing protected differs from `main`");
    tree.write(FILE, &Secrets::sealed("production", 2));
    tree.write("notes.txt", "mine\n");
    let before = state(&tree);
    let said = propose(&world, &tree, &[]).ends(0, "pull_request").json();
    assert_eq!(state(&tree), before);
    assert_eq!(said["files"], serde_json::json!([{"path": FILE, "change": "changed"}]));
    assert_eq!(said["pull_request"]["branch"], "propose/production");
    let number = said["pull_request"]["number"].as_u64().expect("a number");
    let pull = world.repo.pull_json(number);
    assert_eq!((&pull["title"], &pull["draft"]), (&format!("Change {FILE}").into(), &false.into()));
    assert_eq!(pull["user"]["login"], "rita");
    assert!(pull["body"].as_str().is_some_and(|body| body.contains(FILE) && !body.contains("notes")), "{pull:#}");
    world.until_check(number, "action_required");
    world.approve(&world.ann, number);
    world.until_merged(number);
    assert!(world.main_has("production", 2));
    // what came back in the meantime is nothing new
    propose(&world, &tree, &[]).ends(200, "`main` holds all of it already");
    world.end();
}

async fn words_of_ones_own_and_a_draft() {
    let world = World::with(POLICY).await;
    let tree = Tree::clone(&world, &world.rita);
    tree.write(FILE, &Secrets::sealed("production", 2));
    tree.write("secrets/staging/db.yaml", &Secrets::sealed("staging", 2));
    tree.write("README.md", "# app, anew\n");
    let words =
        ["--draft", "-t", "Rotate", "-d", "It leaked.", "--branch", "rita/rotate", "secrets/staging", "README.md"];
    let said = propose(&world, &tree, &words).ends(0, "pull_request").json();
    assert_eq!(said["files"].as_array().map(Vec::len), Some(2), "{said:#}");
    let pull = world.repo.pull_json(said["pull_request"]["number"].as_u64().expect("a number"));
    assert_eq!((&pull["title"], &pull["draft"]), (&"Rotate".into(), &true.into()));
    assert!(pull["body"].as_str().is_some_and(|body| body.starts_with("It leaked.\n")), "{pull:#}");
    assert_eq!(world.repo.subject("rita/rotate").as_deref(), Some("Rotate"));
    propose(&world, &tree, &["secrets/nothing.yaml"]).ends(200, "`secrets/nothing.yaml` is unchanged");
    propose(&world, &tree, &["/etc/hosts"]).ends(2, "outside of this work tree");
    world.end();
}

async fn what_must_not_leave_does_not() {
    let world = World::with(POLICY).await;
    let tree = Tree::clone(&world, &world.rita);
    let tips = |world: &World| -> Vec<String> {
        let listed = Tree::clone(world, &world.zoe).git(&["ls-remote", "origin", "refs/heads/*"]);
        listed.lines().filter(|line| !line.ends_with("countersign/ledger")).map(str::to_owned).collect()
    };
    let before = tips(&world);
    // in the clear, whatever governs it and however it is named
    tree.write("secrets/production/new.yaml", "password: hunter2\n");
    let said = propose(&world, &tree, &[]).ends(12, "is not proposed");
    assert!(!said.err.contains("hunter2"), "{}", said.err);
    propose(&world, &tree, &["secrets/production/new.yaml"]).ends(12, "is not proposed");
    // also when the policy here looks away
    let blind = POLICY.replace("secrets/production/", "secrets/elsewhere/");
    tree.write(".countersign/policy.yaml", &blind);
    propose(&world, &tree, &["secrets/production/new.yaml"]).ends(12, "is not proposed");
    tree.git(&["checkout", "--quiet", ".countersign"]);
    std::fs::remove_file(tree.path().join("secrets/production/new.yaml")).expect("removed");
    // an identity, in any file
    tree.write("notes.txt", &format!("{}\n", Secrets::identity()));
    propose(&world, &tree, &["notes.txt"]).ends(12, "is not proposed");
    // who decides and what is decided about, together
    tree.write(FILE, &Secrets::sealed("production", 2));
    tree.write(".sops.yaml", "creation_rules: []\n");
    propose(&world, &tree, &[]).ends(11, "both at once are refused");
    std::fs::remove_file(tree.path().join(".sops.yaml")).expect("removed");
    // what somebody else changed meanwhile would be undone
    let first = world.change(&world.zoe, "zoe/first", "production");
    world.approve(&world.ann, first);
    world.until_merged(first);
    world.until_quiet();
    tree.write(FILE, &Secrets::sealed("production", 3));
    propose(&world, &tree, &[]).ends(11, "was changed on `main` since you began");
    let after: Vec<String> = tips(&world).into_iter().filter(|tip| tip.contains("propose/")).collect();
    assert!(after.is_empty() && !before.is_empty(), "{after:?}");
    world.end();
}

async fn without_asking_anybody_a_branch_is_made_here() {
    let world = World::without_server(POLICY).await;
    let tree = Tree::clone(&world, &world.rita);
    std::fs::remove_file(tree.path().join(FILE)).expect("removed");
    let before = tree.git(&["status", "--porcelain"]);
    // no token is needed
    let said = by_hand(&world, &tree, None, &["--json", "propose", "--local"]).ends(0, "propose/production").json();
    assert_eq!(said["files"], serde_json::json!([{"path": FILE, "change": "removed"}]));
    assert_eq!(tree.git(&["status", "--porcelain"]), before);
    assert_eq!(tree.git(&["diff", "--name-status", "main", "propose/production"]), format!("D\t{FILE}\n"));
    by_hand(&world, &tree, None, &["propose", "--local"]).ends(0, "propose/production-2");
    assert!(world.repo.tip("propose/production").is_none());
    by_hand(&world, &tree, None, &["propose"]).ends(2, "GH_TOKEN");
    let nothing = Push::to("main").from("main").file("other.txt", "x\n");
    world.push(&world.zoe, nothing);
    world.no_violations();
}

#[test]
fn what_changed_here_is_asked_for_and_nothing_else_leaves() {
    at_once(&[
        ("a change", || Box::pin(a_change_is_asked_for_and_the_tree_stays_as_it_is())),
        ("words", || Box::pin(words_of_ones_own_and_a_draft())),
        ("refused", || Box::pin(what_must_not_leave_does_not())),
        ("local", || Box::pin(without_asking_anybody_a_branch_is_made_here())),
    ]);
}
