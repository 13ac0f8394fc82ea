//! The whole circle: pushed past everybody, put back, reviewed by others, merged.

use github_sim::Push;

use super::{PRODUCTION, body, directly, held, put_backs, until_put_back};
use crate::harness::{Secrets, Tree, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_push_is_put_back_waits_for_review_and_is_merged_without_its_pusher() {
    let world = World::new().await;
    let pushed = directly(&world, &world.ann, "production", 2);
    let pull = until_put_back(&world, &pushed);
    assert!(world.main_has("production", 1), "main is as approved");
    let text = body(&world, pull);
    assert!(text.starts_with(&format!("@ann pushed `{}` to `main`", &pushed[..7])), "{text}");
    assert!(
        text.contains(PRODUCTION) && text.contains("The change is safe: it waits here, with ann as its requester"),
        "{text}"
    );
    assert!(
        text.contains("countersign delivered nothing") && text.contains("Needed now: two of acme/security, ann"),
        "{text}"
    );
    world.until_comment(pull, "**0 of 2 approvals for `production`**");
    let comment = world.comment(pull);
    assert!(comment.contains("`db.password`"), "the change itself is shown: {comment}");

    // the branch that was put back: on top of what was pushed, and nothing is lost
    let tree = Tree::clone(&world, &world.zoe);
    let restored = world.repo.tip("main").unwrap();
    assert_eq!(tree.git(&["rev-parse", "origin/main^"]).trim(), pushed);
    let message = tree.git(&["log", "-1", "--format=%B", "origin/main"]);
    assert!(message.contains(&format!("Countersign-Put-Back: {pushed}")), "{message}");
    let kept = tree.git(&["log", "-1", "--format=%an <%ae>%n%cn%n%B", &format!("origin/{}", held(&pushed))]);
    assert!(kept.starts_with(&format!("ann <{}>\ncountersign[bot]\n", world.ann.email)), "{kept}");
    assert!(kept.contains("Co-authored-by: ann <"), "{kept}");

    let entry = put_backs(&world).remove(0);
    assert_eq!((entry.pushed.as_str(), entry.restored.unwrap().as_str()), (pushed.as_str(), restored.as_str()));
    assert_eq!(entry.sender.answer().unwrap().login.as_str(), "ann");
    assert_eq!(entry.excluded.iter().map(|one| one.login.as_str()).collect::<Vec<_>>(), ["ann"]);

    // ann is an approver of production, and does not count here
    world.approve(&world.ann, pull);
    world.until_uncounted(pull, "ann", "requester");
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["bob"]);
    assert!(!world.merged(pull));
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    assert!(world.main_has("production", 2));
    world.end();
    let (_, commit) = world.merges().remove(0);
    assert_eq!(world.repo.tip("main").unwrap(), commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_made_the_push_is_a_contributor_of_its_request() {
    let world = World::new().await;
    let message = format!("Change\n\nCO-AUTHORED-BY: Cy <{}>\n", world.cy.email);
    let push = Push::to("main").file(PRODUCTION, Secrets::sealed("production", 2)).message(&message);
    let pushed = world.push(&world.rita, push.author("bob", &world.bob.email));
    let pull = until_put_back(&world, &pushed);
    for user in [&world.ann, &world.bob, &world.cy, &world.rita] {
        world.approve(user, pull);
    }
    world.until_counted(pull, "production", &["ann"]);
    world.until_uncounted(pull, "bob", "contributor");
    world.until_uncounted(pull, "cy", "contributor");
    world.until_uncounted(pull, "rita", "requester");
    world.until_quiet();
    assert!(!world.merged(pull) && world.main_has("production", 1));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_look_writes_nothing_and_other_changes_go_on() {
    let mut world = World::new().await;
    let open = world.by_rita("rita/staging", "staging");
    let pushed = directly(&world, &world.zoe, "production", 2);
    let pull = until_put_back(&world, &pushed);
    world.until_check(pull, "action_required");
    world.approve(&world.ann, open);
    world.until_merged(open);
    world.until_quiet();
    let (mark, ledger) = (world.sim.mark(), world.ledger_tip());
    world.kill();
    world.start();
    world.until("the repository is looked at", |world| world.sim.since(mark).git_calls() > 0);
    world.until_quiet();
    let writes: Vec<_> = world.sim.since(mark).entries().iter().filter(|entry| entry.write).cloned().collect();
    let writes: Vec<_> = writes.iter().filter(|entry| !entry.path.contains("access_tokens")).collect();
    assert!(writes.is_empty(), "{writes:#?}");
    assert_eq!(world.ledger_tip(), ledger);
    world.end();
}
