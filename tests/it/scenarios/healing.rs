//! What is written down after a crash: a merge we made, wherever GitHub put it; never one that only looks like ours.

use countersign_core::ledger::{Entry, MergeMethod};
use github_sim::{Push, Verdict};
use serde_json::json;

use crate::harness::{PATIENCE, POLICY, Tree, World, at_once};

/// A world whose server has died at a point of a merge: the decision is in the ledger, and two have approved. The label of the
/// decision.
async fn died_at(point: &str, rules: bool) -> (World, u64, String) {
    let mut world = World::without_server(POLICY).await;
    if rules {
        let rules = json!([{"type": "pull_request", "parameters": {"required_approving_review_count": 0}}]);
        let ruleset = json!({
            "name": "main", "target": "branch", "enforcement": "active", "bypass_actors": [],
            "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}, "rules": rules,
        });
        world.repo.ruleset(ruleset).expect("a ruleset");
    }
    world.crash_at(&[point]);
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.approve(&world.bob, pull);
    let begun = std::time::Instant::now();
    while !world.first_is_dead() {
        assert!(begun.elapsed() < PATIENCE, "it never dies at {point}\n{}", world.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    world.kill();
    let ledger = world.ledger();
    let decided = ledger.entries().iter().rev().find(|entry| matches!(entry.entry, Entry::Decision(_))).unwrap();
    let label = decided.sequence.label();
    (world, pull, label)
}

async fn a_merge_somebody_forged_after_a_veto() {
    let (mut world, pull, decision) = died_at("merge-built", false).await;
    world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    // byte for byte what we would have merged, with our trailer, by somebody who may push
    let tree = Tree::clone(&world, &world.zoe);
    let message = format!("Merge pull request #{pull} from rita/db\n\nCountersign-Decision: {decision}");
    tree.git(&["merge", "--quiet", "--no-ff", "--message", &message, "origin/rita/db"]);
    tree.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    world.start();
    world.until("it is seen", |world| world.log().contains("was not put there by us"));
    world.until("it is put back", |world| world.main_has("production", 1));
    world.until_quiet();
    assert!(world.merges().is_empty(), "the ledger does not say that it was approved");
    world.no_violations();
}

async fn a_merge_github_made_on_another_tip() {
    let (mut world, pull, decision) = died_at("endpoint-due", true).await;
    // the base moves before GitHub gets to it
    world.repo.push(&world.rita, Push::to("docs").from("main").file("README.md", "# more\n")).unwrap();
    let docs = world.repo.open_pull(&world.rita, "More", "docs", "main").unwrap();
    world.repo.merge(&world.zoe, docs).unwrap();
    let head = world.repo.pull_json(pull)["head"]["sha"].clone();
    let message = format!("Countersign-Decision: {decision}");
    let token = world.installation.token().unwrap();
    let merged = world.put_with(
        &token,
        &format!("/repos/acme/app/pulls/{pull}/merge"),
        &json!({
            "sha": head, "commit_title": format!("Merge pull request #{pull}"), "commit_message": message,
        }),
    );
    assert_eq!(merged, 200);
    world.start();
    world.until_comment(pull, "**Merged for `production`**");
    world.until_quiet();
    let ledger = world.ledger();
    let methods: Vec<MergeMethod> = ledger
        .entries()
        .iter()
        .filter_map(|entry| if let Entry::Merge(merge) = &entry.entry { Some(merge.method) } else { None })
        .collect();
    assert_eq!(methods, [MergeMethod::Endpoint]);
    assert!(world.main_has("production", 2) && ledger.is_valid());
    world.no_violations();
}

#[test]
fn only_what_we_merged_ourselves_is_written_down_after_a_crash() {
    at_once(&[
        ("a merge somebody forged after a veto", || Box::pin(a_merge_somebody_forged_after_a_veto())),
        ("a merge GitHub made on another tip", || Box::pin(a_merge_github_made_on_another_tip())),
    ]);
}
