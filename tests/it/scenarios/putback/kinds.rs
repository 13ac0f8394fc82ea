//! Every way to push: several commits, a merge commit, a rewritten history, files of every kind together, a removal, control files.

use github_sim::Push;

use super::{PRODUCTION, STAGING, checked_out, held, put_backs, until_put_back};
use crate::harness::{Secrets, Tree, World, at_once};

/// What the ledger calls approved stands on `main`, and nothing else that is protected.
#[track_caller]
fn as_adopted(world: &World) {
    world.until("main is as approved", |world| world.main_has("production", 1) && world.main_has("staging", 1));
    let tree = Tree::clone(world, &world.zoe);
    let names = tree.git(&["ls-tree", "-r", "--name-only", "origin/main"]);
    assert!(!names.contains("link") && !names.contains("secrets/production/other"), "{names}");
}

async fn a_merge_commit() {
    let world = World::new().await;
    let tree = checked_out(&world, &world.rita);
    tree.git(&["checkout", "--quiet", "-b", "side"]);
    tree.write(PRODUCTION, &Secrets::sealed("production", 2));
    tree.git(&[
        "commit",
        "--quiet",
        "--all",
        "--message",
        &format!("Side\n\nCo-authored-by: Bob <{}>", world.bob.email),
    ]);
    tree.git(&["checkout", "--quiet", "main"]);
    tree.write("README.md", "# moved\n");
    tree.git(&["commit", "--quiet", "--all", "--message", "Main"]);
    tree.git(&["merge", "--quiet", "--no-ff", "--message", "Merge", "side"]);
    tree.git(&["push", "--quiet", "origin", "main"]);
    let pushed = tree.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let pull = until_put_back(&world, &pushed);
    as_adopted(&world);
    assert_eq!(world.on_main("README.md").as_deref(), Some("# moved\n"), "ordinary files stay");
    // bob wrote in it, through the second parent
    for user in [&world.bob, &world.ann] {
        world.approve(user, pull);
    }
    world.until_uncounted(pull, "bob", "contributor");
    world.until_counted(pull, "production", &["ann"]);
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    world.end();
}

async fn a_rewritten_history() {
    let world = World::new().await;
    let approved = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, approved);
    world.until_merged(approved);
    world.until_quiet();
    // somebody throws the merge away and pushes something of their own
    let tree = checked_out(&world, &world.zoe);
    tree.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    tree.write(PRODUCTION, &Secrets::sealed("production", 5));
    tree.git(&["commit", "--quiet", "--all", "--message", "Mine"]);
    tree.git(&["push", "--quiet", "--force", "origin", "main"]);
    let pushed = tree.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let pull = until_put_back(&world, &pushed);
    world.until("main is as approved", |world| world.main_has("production", 1) && world.main_has("staging", 2));
    let text = super::body(&world, pull);
    assert!(text.contains(PRODUCTION) && text.contains(STAGING), "the lost merge is part of it: {text}");
    world.end();
}

async fn an_older_state() {
    let world = World::new().await;
    let before = world.repo.tip("main").unwrap();
    let approved = world.by_rita("rita/staging", "staging");
    world.approve(&world.ann, approved);
    world.until_merged(approved);
    world.until_quiet();
    world.repo.move_branch(&world.zoe, "main", &before).unwrap();
    until_put_back(&world, &before);
    world.until("the merge is back", |world| world.main_has("staging", 2));
    world.end();
}

async fn files_of_every_kind() {
    let world = World::new().await;
    let push = Push::to("main")
        .file(PRODUCTION, Secrets::sealed("production", 2))
        .file(STAGING, Secrets::sealed("staging", 2))
        .file("src/main.rs", "fn main() {}\n")
        .file("README.md", "# changed\n");
    let pushed = world.push(&world.rita, push);
    until_put_back(&world, &pushed);
    as_adopted(&world);
    assert_eq!(world.on_main("src/main.rs").as_deref(), Some("fn main() {}\n"));
    assert_eq!(world.on_main("README.md").as_deref(), Some("# changed\n"));
    let tree = Tree::clone(&world, &world.zoe);
    let changed = tree.git(&["diff", "--name-only", "origin/main", &format!("origin/{}", held(&pushed))]);
    assert_eq!(changed, format!("{PRODUCTION}\n{STAGING}\n"), "only what needs review is in the request");
    world.end();
}

async fn a_removal() {
    let world = World::new().await;
    let pushed = world.push(&world.rita, Push::to("main").delete(PRODUCTION));
    let pull = until_put_back(&world, &pushed);
    as_adopted(&world);
    for user in [&world.ann, &world.bob] {
        world.approve(user, pull);
    }
    world.until_merged(pull);
    assert_eq!(world.on_main(PRODUCTION), None, "approved, it is gone");
    world.end();
}

async fn the_rules_themselves() {
    let world = World::new().await;
    let policy = crate::harness::POLICY.replace("required_approvals: 2", "required_approvals: 1");
    let pushed = world.push(&world.rita, Push::to("main").file(".countersign/policy.yaml", &policy));
    let pull = until_put_back(&world, &pushed);
    let standing = world.on_main(".countersign/policy.yaml");
    assert_eq!(standing.as_deref(), Some(crate::harness::POLICY), "a pushed policy never judges its own push");
    world.until_comment(pull, "**0 of 2 approvals for `control`**");
    for user in [&world.ann, &world.zoe] {
        world.approve(user, pull);
    }
    world.until_merged(pull);
    assert_eq!(world.on_main(".countersign/policy.yaml").as_deref(), Some(policy.as_str()));
    world.end();
}

async fn a_file_where_the_secrets_are() {
    let world = World::new().await;
    let tree = checked_out(&world, &world.rita);
    tree.git(&["rm", "--quiet", "-r", "secrets"]);
    tree.write("secrets", "nothing here\n");
    tree.push("main");
    as_adopted(&world);
    let pushed = tree.git(&["rev-parse", "HEAD"]).trim().to_owned();
    until_put_back(&world, &pushed);
    assert_eq!(put_backs(&world).len(), 1);
    world.end();
}

#[test]
fn however_it_was_pushed_main_is_as_approved_and_ordinary_files_stay() {
    at_once(&[
        ("a merge commit", || Box::pin(a_merge_commit())),
        ("a rewritten history", || Box::pin(a_rewritten_history())),
        ("an older state", || Box::pin(an_older_state())),
        ("files of every kind", || Box::pin(files_of_every_kind())),
        ("a removal", || Box::pin(a_removal())),
        ("the rules themselves", || Box::pin(the_rules_themselves())),
        ("a file where the secrets are", || Box::pin(a_file_where_the_secrets_are())),
    ]);
}
