//! Paths that move, vanish, or are no ordinary files; and changes of thousands of files.

use std::os::unix::fs::symlink;

use github_sim::Push;

use super::PRODUCTION;
use crate::harness::{Secrets, Tree, World};

#[tokio::test(flavor = "multi_thread")]
async fn r4_taking_a_file_away_needs_those_who_guard_the_place_it_leaves() {
    let world = World::new().await;
    let sealed = Secrets::sealed("production", 1);
    let moved = Push::to("moved").from("main").delete(PRODUCTION).file("docs/db.yaml", &sealed);
    let moved = world.change_of("moved", moved);
    world.until_comment(moved, "**0 of 2 approvals for `production`**");
    let deleted = world.change_of("deleted", Push::to("deleted").from("main").delete(PRODUCTION));
    world.until_comment(deleted, "**0 of 2 approvals for `production`**");
    world.approve(&world.rita, moved);
    world.approve(&world.ann, moved);
    world.until_counted(moved, "production", &["ann"]);
    assert!(!world.merged(moved));
    world.approve(&world.bob, moved);
    world.until_merged(moved);
    assert_eq!(world.on_main(PRODUCTION), None);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_what_is_no_file_or_has_a_dangerous_name_is_refused_wherever_it_hides() {
    let world = World::new().await;
    let tree = Tree::clone(&world, &world.rita);
    let refused = |branch: &str, code: &str| {
        tree.push(branch);
        let pull = world.pull_of(branch);
        world.until_check(pull, "failure");
        world.until_comment(pull, &format!("`{code}`"));
        tree.git(&["reset", "--quiet", "--hard", "origin/main"]);
    };
    // the directory itself becomes a link
    std::fs::remove_dir_all(tree.path().join("secrets/production")).unwrap();
    symlink("staging", tree.path().join("secrets/production")).unwrap();
    refused("directory", "not-a-file");
    let head = tree.git(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{},secrets/production/vendored", head.trim());
    tree.git(&["update-index", "--add", "--cacheinfo", &entry]);
    tree.git(&["commit", "--quiet", "--message", "Vendored"]);
    tree.git(&["push", "--quiet", "origin", "HEAD:refs/heads/module"]);
    let module = world.pull_of("module");
    world.until_comment(module, "`not-a-file`");
    world.until_check(module, "failure");
    tree.git(&["reset", "--quiet", "--hard", "origin/main"]);
    for (number, name) in
        ["two\nlines.yaml", "a\"quote\t.yaml", "cafe\u{301}.yaml", "dot.yaml."].into_iter().enumerate()
    {
        tree.write(&format!("secrets/production/{name}"), &Secrets::sealed("production", 1));
        refused(&format!("name-{number}"), "bad-path");
    }
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_of_three_thousand_files_the_last_one_is_seen() {
    let world = World::new().await;
    let mut push =
        Push::to("many").from("main").file("zz/last.md", "x").file(PRODUCTION, Secrets::sealed("production", 2));
    for number in 0..3_001 {
        push = push.file(&format!("aa/{number:04}.md"), "x");
    }
    let pull = world.change_of("many", push);
    world.until_comment(pull, "**0 of 2 approvals for `production`**");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    assert!(!world.merged(pull));
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    world.end();
}
