//! Break-glass: a change is merged without its approvals, and they are given afterwards (`docs/bypass.md`).

mod refused;

use countersign_core::ledger::Entry;
use github_sim::Push;
use jiff::SignedDuration;

use super::commands::{answers, head, reactions, say, until_done, until_refused, until_told};
use crate::harness::{POLICY, Secrets, Tree, World, at_once};

const PRODUCTION: &str = "secrets/production/db.yaml";
const REASON: &str = "\"the database is down, the password leaked\"";

/// Production is soft: zoe, cy and rita may bypass, within the time it is ratified.
fn soft(more: &str) -> String {
    let rule = format!(
        "    required_approvals: 2\n    enforcement: soft\n    bypass: {{users: [zoe, cy, rita], {more}ratify_within: 8h}}\n"
    );
    POLICY.replacen("    required_approvals: 2\n", &rule, 1)
}

async fn world() -> World {
    World::with(&soft("")).await
}

/// A change by rita that waits for its approvals.
fn waiting(world: &World) -> u64 {
    let pull = world.by_rita("rita/db", "production");
    world.until_check(pull, "action_required");
    pull
}

fn bypass(world: &World, who: &github_sim::User, pull: u64) -> u64 {
    say(world, who, pull, &format!("/countersign bypass {} {REASON}", head(world, pull)))
}

/// The kinds of the ledger's entries that are about a bypass, in order.
fn told(world: &World) -> Vec<&'static str> {
    let ledger = world.ledger();
    let kinds = ledger.entries().iter().map(|entry| entry.entry.kind().as_str());
    kinds.filter(|kind| ["bypass", "ratification"].contains(kind)).collect()
}

fn labels(world: &World, pull: u64) -> Vec<String> {
    let labels = world.repo.pull_json(pull)["labels"].as_array().cloned().unwrap_or_default();
    labels.iter().filter_map(|label| label["name"].as_str().map(str::to_owned)).collect()
}

fn verified(world: &World) -> String {
    let tree = Tree::clone(world, &world.zoe);
    let mut command = world.with_settings("verify");
    let output = command.current_dir(tree.path()).output().expect("countersign runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn the_whole_circle() {
    let world = world().await;
    let pull = waiting(&world);
    let comment = bypass(&world, &world.zoe, pull);
    world.until_merged(pull);
    until_done(&world, pull, comment);
    world.until_comment(pull, "bypassed by zoe, to be ratified until ");
    world.until_check(pull, "neutral");
    world.until("it bears a label", |world| labels(world, pull) == ["countersign: bypassed"]);
    assert!(world.main_has("production", 2));
    assert_eq!(told(&world), ["bypass"]);
    let text = world.comment(pull);
    assert!(text.contains("> **zoe**: the database is down, the password leaked"), "{text}");
    assert!(text.contains("/countersign ratify"), "{text}");
    let said = verified(&world);
    assert!(said.contains("bypassed by zoe in #1") && said.contains(", unratified, due "), "{said}");

    // whoever asked for the change, or bypassed it, ratifies nothing
    let own = say(&world, &world.rita, pull, "/countersign ratify");
    until_refused(&world, pull, own, &["`requester`"]);
    let bypasser = say(&world, &world.zoe, pull, "/countersign ratify");
    until_refused(&world, pull, bypasser, &["`bypasser`", "another approver ratifies it"]);
    let ann = say(&world, &world.ann, pull, "/countersign ratify");
    until_done(&world, pull, ann);
    world.until_comment(pull, "| ann | 1 · could be bob, cy |");
    assert_eq!(told(&world), ["bypass"]);
    world.approve(&world.bob, pull);
    world.until_comment(pull, "bypassed by zoe, ratified by ann, bob in `L-");
    world.until_quiet();
    assert_eq!(told(&world), ["bypass", "ratification"]);
    let late = say(&world, &world.cy, pull, "/countersign ratify");
    until_refused(&world, pull, late, &["this is ratified already"]);
    let said = verified(&world);
    assert!(said.contains("bypassed by zoe in #1") && said.contains(", ratified by ann, bob"), "{said}");
    assert!(world.ledger().rechecked(countersign_core::ledger::rerun).is_valid());
    world.end();
}

async fn nobody_ratifies_in_time() {
    let mut world = World::with(&soft("").replace("8h", "5m")).await;
    let pull = waiting(&world);
    bypass(&world, &world.zoe, pull);
    world.until_merged(pull);
    world.until_comment(pull, "bypassed by zoe, to be ratified until ");
    let push = Push::to("rita/next").from("main").file(PRODUCTION, Secrets::sealed("production", 3));
    let next = world.change_of("rita/next", push);
    world.until_check(next, "action_required");
    world.until_quiet();
    // nothing is delivered meanwhile: the sweep of the start finds it
    world.kill();
    world.sim.advance(SignedDuration::from_secs(301));
    world.start();
    world.until_comment(pull, "**not ratified by ");
    world.until_check(pull, "action_required");
    let called = |world: &World| {
        let said = world.repo.comments(pull).into_iter().map(|(_, body)| body);
        said.filter(|body| body.contains("<!-- countersign:overdue ")).collect::<Vec<_>>()
    };
    world.until("those who must are called", |world| called(world).len() == 1);
    let call = called(&world).remove(0);
    assert!(call.contains("@ann") && call.contains("@bob") && !call.contains("@zoe"), "{call}");
    assert!(call.contains("nobody can bypass anything in `production`"), "{call}");

    let refused = bypass(&world, &world.cy, next);
    until_refused(&world, next, refused, &["`bypass-debt`", "#1"]);
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_comment(pull, "ratified by ann, bob");
    world.until_check(pull, "neutral");
    bypass(&world, &world.cy, next);
    world.until_merged(next);
    world.until_quiet();
    assert_eq!(told(&world), ["bypass", "ratification", "bypass"]);
    assert_eq!(called(&world).len(), 1, "once");
    world.end();
}

async fn a_veto_is_lifted_and_must_be_taken_back_to_ratify() {
    let world = world().await;
    let pull = waiting(&world);
    let veto = say(&world, &world.bob, pull, "/countersign reject");
    until_done(&world, pull, veto);
    world.until_check(pull, "failure");
    bypass(&world, &world.zoe, pull);
    world.until_merged(pull);
    world.until_comment(pull, "to be ratified until ");
    world.approve(&world.ann, pull);
    world.approve(&world.cy, pull);
    world.until_quiet();
    assert_eq!(told(&world), ["bypass"], "a veto stands");
    world.approve(&world.bob, pull);
    world.until_comment(pull, "ratified by ");
    assert_eq!(told(&world), ["bypass", "ratification"]);
    world.end();
}

async fn it_takes_two_where_the_policy_says_so() {
    let world = World::with(&soft("second_person: true, ")).await;
    let pull = waiting(&world);
    let first = bypass(&world, &world.zoe, pull);
    let told_first = until_told(&world, pull, first);
    assert!(told_first.contains("`bypass-second-person`"), "{told_first}");
    assert!(!world.merged(pull));
    bypass(&world, &world.cy, pull);
    world.until_merged(pull);
    world.until_comment(pull, "bypassed by ");
    let Some(entry) = world.ledger().entries().iter().find_map(|entry| {
        let Entry::Bypass(bypass) = &entry.entry else { return None };
        Some(bypass.clone())
    }) else {
        panic!("no entry")
    };
    let mut by: Vec<_> = entry.bypass.by.iter().map(|word| word.login.to_string()).collect();
    by.sort();
    assert_eq!(by, ["cy", "zoe"]);
    world.end();
}

async fn a_direct_push_asks_by_its_trailer() {
    let world = World::with(&soft("own_change: true, ")).await;
    let push = Push::to("main").file(PRODUCTION, Secrets::sealed("production", 2));
    world.push(&world.zoe, push.message("Now\n\nCountersign-Bypass: the database burns, all of it\n"));
    world.until("it is held", |world| world.repo.pull_json(1).is_object());
    world.until_merged(1);
    world.until_comment(1, "bypassed by zoe, to be ratified until ");
    assert!(world.main_has("production", 2));
    let text = world.comment(1);
    assert!(text.contains("the database burns, all of it"), "{text}");
    world.approve(&world.ann, 1);
    world.approve(&world.bob, 1);
    world.until_comment(1, "ratified by ann, bob");
    assert_eq!(told(&world), ["bypass", "ratification"]);
    world.end();
}

#[test]
fn what_is_bypassed_is_owed() {
    at_once(&[
        ("the whole circle", || Box::pin(the_whole_circle())),
        ("nobody ratifies in time", || Box::pin(nobody_ratifies_in_time())),
        ("a veto is lifted and must be taken back to ratify", || {
            Box::pin(a_veto_is_lifted_and_must_be_taken_back_to_ratify())
        }),
        ("it takes two where the policy says so", || Box::pin(it_takes_two_where_the_policy_says_so())),
        ("a direct push asks by its trailer", || Box::pin(a_direct_push_asks_by_its_trailer())),
    ]);
}
