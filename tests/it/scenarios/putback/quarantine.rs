//! What is left where it is: rules forbid moving it, the policy says so, nobody was there, workflow files.

use countersign_core::facts::Quarantine;
use github_sim::Push;
use jiff::SignedDuration;
use serde_json::json;

use super::{PRODUCTION, STAGING, body, directly, put_backs, until_quarantined};
use crate::harness::{POLICY, Secrets, World, at_once};

async fn a_rule_refuses_our_move() {
    let world = World::new().await;
    let bypass = json!([{"actor_id": world.zoe.id, "actor_type": "User", "bypass_mode": "always"}]);
    let rule = json!({
        "name": "main", "target": "branch", "enforcement": "active", "bypass_actors": bypass,
        "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}, "rules": [{"type": "update"}],
    });
    world.repo.ruleset(rule).unwrap();
    let open = world.by_rita("rita/staging", "staging");
    let pushed = directly(&world, &world.zoe, "production", 2);
    let pull = until_quarantined(&world, &pushed, Quarantine::Rules);
    assert!(world.main_has("production", 2), "it could not be moved");
    assert_eq!(put_backs(&world).len(), 2, "what was wanted, and what came of it");
    world.until_comment(open, "`base-uncovered`");
    world.approve(&world.ann, open);
    world.until_quiet();
    assert!(!world.merged(open), "nothing is merged on top of it");
    // zoe, who may, brings it back
    let restored = put_backs(&world)[1].restored.as_ref().unwrap().to_string();
    assert!(body(&world, pull).contains(&restored));
    world.repo.move_branch(&world.zoe, "main", &restored).unwrap();
    world.until_check(pull, "action_required");
    world.until_quiet();
    world.no_violations();
}

async fn the_policy_says_so() {
    let policy = POLICY.replace("{paths: [secrets/staging/]}", "{paths: [secrets/staging/], direct_push: quarantine}");
    let world = World::with(&policy).await;
    let push = Push::to("main")
        .file(STAGING, Secrets::sealed("staging", 2))
        .file(PRODUCTION, Secrets::sealed("production", 2));
    let pushed = world.push(&world.rita, push);
    let pull = until_quarantined(&world, &pushed, Quarantine::Policy);
    assert!(world.main_has("staging", 2) && world.main_has("production", 2));
    world.until_quiet();
    // a push on top of it stays there as well
    let more = directly(&world, &world.rita, "production", 3);
    until_quarantined(&world, &more, Quarantine::Policy);
    world.until_quiet();
    // by hand, everything is as approved again: both requests are done with
    let back = Push::to("main")
        .file(STAGING, Secrets::sealed("staging", 1))
        .file(PRODUCTION, Secrets::sealed("production", 1));
    world.push(&world.zoe, back);
    // what was pushed waits, on top of what is approved now
    world.until_check(pull, "action_required");
    world.until_comment(pull, "**0 of");
    assert!(body(&world, pull).contains("`main` is back to what was approved"));
    world.until_quiet();
    assert!(world.main_has("staging", 1) && world.main_has("production", 1));
    world.end();
}

async fn on_top_of_a_quarantined_push() {
    let policy = POLICY.replace("{paths: [secrets/staging/]}", "{paths: [secrets/staging/], direct_push: quarantine}");
    let world = World::with(&policy).await;
    let first = directly(&world, &world.rita, "staging", 2);
    until_quarantined(&world, &first, Quarantine::Policy);
    world.until_quiet();
    // staging is as approved again, production is not: it stands on what is quarantined
    let push = Push::to("main")
        .file(STAGING, Secrets::sealed("staging", 1))
        .file(PRODUCTION, Secrets::sealed("production", 2));
    let second = world.push(&world.rita, push);
    until_quarantined(&world, &second, Quarantine::OnTop);
    assert!(world.main_has("production", 2));
    world.end();
}

async fn nobody_was_there() {
    let mut world = World::new().await;
    world.until_quiet();
    world.kill();
    world.sim.advance(SignedDuration::from_mins(-30));
    let pushed = directly(&world, &world.rita, "production", 2);
    world.sim.advance(SignedDuration::from_mins(30));
    world.start();
    let pull = until_quarantined(&world, &pushed, Quarantine::WhileDown);
    assert!(world.main_has("production", 2));
    assert!(body(&world, pull).starts_with("@rita pushed"), "{}", body(&world, pull));
    // another start changes nothing
    world.until_quiet();
    let (mark, ledger) = (world.sim.mark(), world.ledger_tip());
    world.kill();
    world.start();
    world.until("the repository is looked at", |world| world.sim.since(mark).git_calls() > 0);
    world.until_quiet();
    assert_eq!(world.ledger_tip(), ledger);
    let writes = world.sim.since(mark);
    let writes: Vec<_> =
        writes.entries().iter().filter(|entry| entry.write && !entry.path.contains("access_tokens")).collect();
    assert!(writes.is_empty(), "{writes:#?}");
    world.end();
}

async fn a_short_absence_is_no_absence() {
    let mut world = World::new().await;
    world.until_quiet();
    world.kill();
    let pushed = directly(&world, &world.rita, "production", 2);
    world.start();
    super::until_put_back(&world, &pushed);
    assert!(world.main_has("production", 1));
    world.end();
}

async fn workflow_files() {
    let policy = format!("{POLICY}control: [.github/workflows/]\n");
    let world = World::with(&policy).await;
    let pushed = world.push(&world.zoe, Push::to("main").file(".github/workflows/ci.yml", "on: push\n"));
    let pull = until_quarantined(&world, &pushed, Quarantine::Workflows);
    assert_eq!(world.on_main(".github/workflows/ci.yml").as_deref(), Some("on: push\n"), "never put back");
    world.push(&world.zoe, Push::to("main").delete(".github/workflows/ci.yml"));
    world.until("it is over", |world| world.conclusion(pull) != "failure");
    world.end();
}

#[test]
fn what_is_not_put_back_is_quarantined_with_its_reason_until_it_is_as_approved() {
    at_once(&[
        ("a rule refuses our move", || Box::pin(a_rule_refuses_our_move())),
        ("the policy says so", || Box::pin(the_policy_says_so())),
        ("on top of a quarantined push", || Box::pin(on_top_of_a_quarantined_push())),
        ("nobody was there", || Box::pin(nobody_was_there())),
        ("a short absence", || Box::pin(a_short_absence_is_no_absence())),
        ("workflow files", || Box::pin(workflow_files())),
    ]);
}
