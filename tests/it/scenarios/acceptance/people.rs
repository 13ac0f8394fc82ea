//! Who made a change: hidden behind other names, other parents, other hands.

use github_sim::{Push, User};

use super::{PRODUCTION, STAGING};
use crate::harness::{POLICY, Secrets, Tree, World, a_second_later};

/// Commits what was written, under other names than those of the clone.
fn commit_as(tree: &Tree, (author, committer): (&str, &str), message: &str) {
    tree.git(&["add", "--all"]);
    let alias = format!(
        "alias.as=!GIT_AUTHOR_EMAIL={author} GIT_COMMITTER_EMAIL={committer} git commit --quiet --message '{message}'"
    );
    tree.git(&["-c", &alias, "as"]);
}

fn push_to(tree: &Tree, branch: &str) {
    tree.git(&["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r31_whoever_pushed_the_request_into_being_stays_its_requester_whatever_the_branch_becomes() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_check(pull, "action_required");
    assert_ne!(world.repo.pull_json(pull)["user"]["login"], "rita", "we opened it, so GitHub lets rita approve");
    world.approve(&world.rita, pull);
    world.until_uncounted(pull, "rita", "requester");
    // somebody replaces everything: nothing of rita's is left in it
    a_second_later();
    let all = Push::to("rita/db").from("main").file(STAGING, Secrets::sealed("staging", 3)).force();
    world.push(&world.zoe, all);
    world.until_quiet();
    world.approve(&world.rita, pull);
    world.until_quiet();
    world.until_uncounted(pull, "rita", "requester");
    assert!(!world.merged(pull) && world.main_has("staging", 1));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r32_somebody_whose_commit_is_no_longer_in_the_change_may_approve_it() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    let first = world.repo.tip("rita/db").unwrap();
    world.until_check(pull, "action_required");
    a_second_later();
    world.push(&world.bob, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "bob", "pusher");
    world.repo.move_branch(&world.rita, "rita/db", &first).unwrap();
    world.until_quiet();
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    world.end();
}

/// Four lines of work in one merge; ann and bob each wrote one, one of them was taken back again.
fn octopus(world: &World, who: &User) -> Tree {
    let tree = Tree::clone(world, who);
    let line = |name: &str, author: &str, path: &str| {
        tree.git(&["checkout", "--quiet", "-b", name, "origin/main"]);
        tree.write(path, name);
        commit_as(&tree, (author, &who.email), "Work");
    };
    line("one", &who.email, "one.md");
    line("two", &world.ann.email, "two.md");
    tree.git(&["rm", "--quiet", "two.md"]);
    commit_as(&tree, (&who.email, &who.email), "Taken back");
    line("three", &who.email, "three.md");
    line("four", &world.bob.email, "four.md");
    tree.git(&["checkout", "--quiet", "-b", "all", "origin/main"]);
    tree.git(&["merge", "--quiet", "--no-ff", "--message", "All", "one", "two", "three", "four"]);
    tree.write(PRODUCTION, &Secrets::sealed("production", 2));
    commit_as(&tree, (&who.email, &who.email), "Rotate");
    tree
}

#[tokio::test(flavor = "multi_thread")]
async fn r33_whoever_wrote_any_commit_is_excluded_through_whichever_parent_it_came() {
    let world = World::new().await;
    let tree = octopus(&world, &world.rita);
    push_to(&tree, "rita/all");
    let pull = world.pull_of("rita/all");
    for user in [&world.ann, &world.bob, &world.cy] {
        world.approve(user, pull);
    }
    world.until_uncounted(pull, "ann", "contributor");
    world.until_uncounted(pull, "bob", "contributor");
    world.until_counted(pull, "production", &["cy"]);
    world.until_quiet();
    assert!(!world.merged(pull));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r33_r34_no_way_to_write_a_name_hides_its_owner_and_an_address_of_nobody_costs_a_seat() {
    let world = World::new().await;
    let tree = Tree::clone(&world, &world.rita);
    let anew = |path: &str, version| {
        tree.git(&["checkout", "--quiet", "--detach", "origin/main"]);
        let environment = if path == PRODUCTION { "production" } else { "staging" };
        tree.write(path, &Secrets::sealed(environment, version));
    };
    let folded = format!("Rotate\n\nCO-AUTHORED-BY : Ann\n <{}+ANN@users.noreply.GITHUB.com>", world.ann.id);
    anew(STAGING, 2);
    commit_as(&tree, (&world.rita.email, &world.rita.email), &folded);
    push_to(&tree, "folded");
    let folded = world.pull_of("folded");
    world.approve(&world.ann, folded);
    world.until_uncounted(folded, "ann", "contributor");
    assert!(!world.merged(folded));

    // GitHub's own address is no author: who wrote it is not known
    anew(PRODUCTION, 2);
    commit_as(&tree, ("noreply@github.com", "noreply@github.com"), "Rotate");
    push_to(&tree, "web");
    let web = world.pull_of("web");
    world.until_comment(web, "**0 of 3 approvals for `production`**");
    // as committer it names nobody and hides nobody: this is what its editor writes
    anew("secrets/staging/other.yaml", 3);
    commit_as(&tree, (&world.rita.email, "noreply@github.com"), "Rotate");
    push_to(&tree, "editor");
    let editor = world.pull_of("editor");
    world.until_comment(editor, "**0 of 1 approval for `staging`**");
    // under ann's name: it takes ann out and does not let rita in
    anew("secrets/staging/third.yaml", 4);
    commit_as(&tree, (&world.ann.email, &world.ann.email), "Rotate");
    push_to(&tree, "borrowed");
    let borrowed = world.pull_of("borrowed");
    world.approve(&world.rita, borrowed);
    world.approve(&world.ann, borrowed);
    world.until_uncounted(borrowed, "ann", "contributor");
    world.until_uncounted(borrowed, "rita", "requester");
    world.until_quiet();
    for pull in [folded, web, editor, borrowed] {
        assert!(!world.merged(pull), "#{pull}");
    }
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r35_bringing_the_base_in_costs_nobody_their_vote_and_an_edit_on_the_way_does() {
    let policy = POLICY.replace("{paths: [secrets/staging/]}", "{paths: [secrets/staging/], binding: commit}");
    let world = World::with(&policy).await;
    let kept = world.by_rita("rita/production", "production");
    let void = world.by_rita("rita/staging", "staging");
    world.approve(&world.bob, kept);
    world.until_counted(kept, "production", &["bob"]);
    world.push(&world.zoe, Push::to("main").file("README.md", "# app, moved on\n"));
    let tree = Tree::clone(&world, &world.ann);
    for branch in ["rita/production", "rita/staging"] {
        tree.git(&["checkout", "--quiet", "-b", branch, &format!("origin/{branch}")]);
        tree.git(&["merge", "--quiet", "--no-ff", "--message", "Update", "origin/main"]);
        push_to(&tree, branch);
    }
    world.until_quiet();
    world.until_counted(kept, "production", &["bob"]);
    world.approve(&world.ann, kept);
    world.until_merged(kept);
    world.approve(&world.ann, void);
    world.until_merged(void);

    // the same merge with something else in it
    let evil = world.change_of(
        "rita/evil",
        Push::to("rita/evil").from("main").file("secrets/production/more.yaml", Secrets::sealed("production", 2)),
    );
    world.approve(&world.bob, evil);
    world.until_counted(evil, "production", &["bob"]);
    world.push(&world.zoe, Push::to("main").file("README.md", "# app, and on\n"));
    tree.git(&["fetch", "--quiet", "origin"]);
    tree.git(&["checkout", "--quiet", "-b", "evil", "origin/rita/evil"]);
    tree.git(&["merge", "--quiet", "--no-ff", "--no-commit", "origin/main"]);
    tree.write("secrets/production/more.yaml", &Secrets::sealed("production", 4));
    tree.git(&["commit", "--quiet", "--all", "--message", "Update"]);
    push_to(&tree, "rita/evil");
    world.until_uncounted(evil, "bob", "stale-approval");
    world.approve(&world.ann, evil);
    world.approve(&world.bob, evil);
    world.until_uncounted(evil, "ann", "pusher");
    world.until_counted(evil, "production", &["bob"]);
    world.until_quiet();
    assert!(!world.merged(evil));
    world.end();
}
