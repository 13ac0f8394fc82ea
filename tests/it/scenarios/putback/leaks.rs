//! What is never copied to another branch: plain text, links, executable bits.

use github_sim::Push;

use super::{PRODUCTION, body, checked_out, held, put_backs, until_put_back};
use crate::harness::{Secrets, Tree, World, at_once};

const PLAIN: &str = "db:\n  password: hunter2-in-plain\n";

async fn plain_text_alone() {
    let world = World::new().await;
    let pushed = world.push(&world.rita, Push::to("main").file(PRODUCTION, PLAIN));
    let pull = until_put_back(&world, &pushed);
    assert!(world.main_has("production", 1));
    world.until_check(pull, "failure");
    world.until_comment(pull, "`plaintext`");
    let text = body(&world, pull);
    assert!(
        text.contains("not encrypted") && text.contains("known to everybody who can read this repository"),
        "{text}"
    );
    let tree = Tree::clone(&world, &world.zoe);
    let there = tree.git(&["show", &format!("origin/{}:{PRODUCTION}", held(&pushed))]);
    assert_eq!(there, Secrets::sealed("production", 1), "never copied");
    let said = format!("{}{}{:?}", body(&world, pull), world.comment(pull), world.check(pull));
    assert!(!said.contains("hunter2") && !world.log().contains("hunter2"));
    world.end();
}

async fn plain_text_beside_something_sealed() {
    let world = World::new().await;
    let push = Push::to("main")
        .file(PRODUCTION, Secrets::sealed("production", 2))
        .file("secrets/production/other.yaml", PLAIN);
    let pushed = world.push(&world.rita, push);
    let pull = until_put_back(&world, &pushed);
    world.until_check(pull, "action_required");
    assert!(body(&world, pull).contains("What is sealed of it waits here"));
    let tree = Tree::clone(&world, &world.zoe);
    let names = tree.git(&["ls-tree", "-r", "--name-only", &format!("origin/{}", held(&pushed))]);
    assert!(!names.contains("other.yaml"), "{names}");
    for user in [&world.ann, &world.bob] {
        world.approve(user, pull);
    }
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    assert_eq!(world.on_main("secrets/production/other.yaml"), None);
    world.end();
}

async fn a_link_and_an_executable() {
    let world = World::new().await;
    let tree = checked_out(&world, &world.rita);
    std::os::unix::fs::symlink("/etc/passwd", tree.path().join("secrets/production/link.yaml")).unwrap();
    tree.write(PRODUCTION, &Secrets::sealed("production", 2));
    tree.git(&["add", "--all"]);
    tree.git(&["update-index", "--chmod=+x", PRODUCTION]);
    tree.git(&["commit", "--quiet", "--message", "Change"]);
    tree.git(&["push", "--quiet", "origin", "main"]);
    let pushed = tree.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let pull = until_put_back(&world, &pushed);
    let text = body(&world, pull);
    assert!(text.contains("a link or submodule") && text.contains("the executable bit"), "{text}");
    let tree = Tree::clone(&world, &world.zoe);
    let listing = tree.git(&["ls-tree", "-r", &format!("origin/{}", held(&pushed)), "secrets"]);
    assert!(!listing.contains("120000") && !listing.contains("100755") && !listing.contains("link"), "{listing}");
    for user in [&world.ann, &world.bob] {
        world.approve(user, pull);
    }
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    assert_eq!(put_backs(&world)[0].left_out.len(), 2);
    world.end();
}

async fn a_bypass_where_nothing_is_soft() {
    let world = World::new().await;
    let push = Push::to("main").file(PRODUCTION, Secrets::sealed("production", 2));
    let pushed = world.push(&world.zoe, push.message("Now\n\nCountersign-Bypass: the database burns\n"));
    let pull = until_put_back(&world, &pushed);
    let text = body(&world, pull);
    assert!(text.contains("asks for a bypass by `Countersign-Bypass`"), "{text}");
    world.until_comment(pull, "`bypass-hard`");
    assert!(world.main_has("production", 1));
    world.end();
}

#[test]
fn what_may_not_be_copied_is_named_and_left_out() {
    at_once(&[
        ("plain text alone", || Box::pin(plain_text_alone())),
        ("plain text beside something sealed", || Box::pin(plain_text_beside_something_sealed())),
        ("a link and an executable", || Box::pin(a_link_and_an_executable())),
        ("a bypass where nothing is soft", || Box::pin(a_bypass_where_nothing_is_soft())),
    ]);
}
