//! How exactly what was approved gets onto a branch that rules protect, that moves, or that conflicts.

use github_sim::{Fault, Push, Repo};
use serde_json::{Value, json};

use crate::harness::{Secrets, Tree, World, at_once};

const STAGING: &str = "secrets/staging/db.yaml";

fn ruleset(rules: Value, bypass: Value) -> Value {
    json!({
        "name": "main", "target": "branch", "enforcement": "active", "bypass_actors": bypass,
        "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}, "rules": rules,
    })
}

fn protect(repo: &Repo, rules: Value, bypass: Value) {
    repo.ruleset(ruleset(rules, bypass)).expect("a ruleset");
}

/// The commit on the tip of `main`: header and message.
fn tip_of_main(world: &World) -> String {
    let tree = Tree::clone(world, &world.zoe);
    tree.git(&["cat-file", "-p", "origin/main"])
}

async fn the_app_alone_may_move_main() {
    let world = World::new().await;
    let bypass = json!([{"actor_id": world.app.id, "actor_type": "Integration", "bypass_mode": "always"}]);
    protect(&world.repo, json!([{"type": "update"}, {"type": "deletion"}, {"type": "non_fast_forward"}]), bypass);
    assert!(world.repo.push(&world.zoe, Push::to("main").file("README.md", "no")).is_err());
    let before = world.repo.tip("main").unwrap();
    let pull = world.by_rita("rita/db", "production");
    let head = world.repo.pull_json(pull)["head"]["sha"].as_str().unwrap().to_owned();
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `production`**");

    let commit = tip_of_main(&world);
    let parents: Vec<&str> = commit.lines().filter_map(|line| line.strip_prefix("parent ")).collect();
    assert_eq!(parents, [before.as_str(), head.as_str()], "{commit}");
    let bot = format!("countersign[bot] <{}+countersign[bot]@users.noreply.github.com>", world.app.bot);
    for role in ["author", "committer"] {
        assert!(commit.lines().any(|line| line.starts_with(&format!("{role} {bot}"))), "{role}: {commit}");
    }
    assert!(commit.contains("Merge pull request #1 from rita/db"), "{commit}");
    let trailers: Vec<&str> = commit.lines().rev().take_while(|line| !line.is_empty()).collect();
    let (decision, _) = world.merges()[0];
    for trailer in [
        "Approved-by: ann".to_owned(),
        "Approved-by: bob".to_owned(),
        format!("Countersign-Decision: {}", decision.label()),
    ] {
        assert!(trailers.contains(&trailer.as_str()), "{trailer}: {commit}");
    }
    let tree = Tree::clone(&world, &world.zoe);
    assert_eq!(tree.git(&["diff", "--name-only", &before, "origin/main"]).trim(), "secrets/production/db.yaml");
    world.end();
}

async fn changes_must_come_through_a_pull_request() {
    let world = World::new().await;
    protect(
        &world.repo,
        json!([{"type": "pull_request", "parameters": {
            "required_approving_review_count": 0, "dismiss_stale_reviews_on_push": false, "require_code_owner_review": false,
            "require_last_push_approval": false, "required_review_thread_resolution": false,
        }}]),
        json!([]),
    );
    let pull = world.by_rita("rita/db", "staging");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.until_comment(pull, "**Merged for `staging`**");
    assert!(world.main_has("staging", 2));
    let commit = tip_of_main(&world);
    let (decision, _) = world.merges()[0];
    assert!(commit.contains(&format!("Countersign-Decision: {}", decision.label())), "{commit}");
    assert!(commit.contains("Approved-by: ann"), "{commit}");
    world.end();
}

async fn our_check_is_required_and_pinned_to_us() {
    let world = World::new().await;
    let check = json!({"context": "countersign", "integration_id": world.app.id});
    let required = json!({"required_status_checks": [check], "strict_required_status_checks_policy": false});
    protect(&world.repo, json!([{"type": "required_status_checks", "parameters": required}]), json!([]));
    let pull = world.by_rita("rita/db", "staging");
    world.until_check(pull, "action_required");
    assert!(world.repo.merge(&world.zoe, pull).is_err(), "nobody merges while the check is not green");
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    assert!(world.main_has("staging", 2));
    world.end();
}

async fn nobody_may_move_main() {
    let world = World::new().await;
    let rule = world.repo.ruleset(ruleset(json!([{"type": "update"}]), json!([]))).unwrap();
    let pull = world.by_rita("rita/db", "staging");
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**Approved for `staging`** · not merged yet: ");
    world.until_comment(pull, "Cannot update this protected ref");
    assert_eq!(world.conclusion(pull), "success", "the change itself is in order");
    world.until_quiet();
    assert!(!world.merged(pull) && world.main_has("staging", 1));
    // the rule goes; the next look at the pull request merges
    world.repo.role(&world.zoe, Some(github_sim::Role::Admin));
    world.delete(&world.zoe, &format!("/repos/{}/rulesets/{rule}", world.repo.full_name()));
    world.repo.comment(&world.rita, pull, "now?").unwrap();
    world.until_merged(pull);
    world.end();
}

#[test]
fn rules_of_the_repository_are_kept_by_moving_the_branch_or_merging_or_saying_why_not() {
    at_once(&[
        ("the App alone may move main", || Box::pin(the_app_alone_may_move_main())),
        ("changes must come through a pull request", || Box::pin(changes_must_come_through_a_pull_request())),
        ("our check is required", || Box::pin(our_check_is_required_and_pinned_to_us())),
        ("nobody may move main", || Box::pin(nobody_may_move_main())),
    ]);
}

/// Moves something just after the decision: the green check is the last thing written before the merge, and the next in a quiet world.
fn after_the_decision(world: &World, what: impl Fn(&Bystander) + Send + Sync + 'static) {
    let bystander = Bystander { repo: world.repo.clone(), zoe: world.zoe.clone(), rita: world.rita.clone() };
    world.sim.fault(Fault::operation("checks/update").then(move |_| what(&bystander)));
}

/// What is needed of a world in the middle of a request.
struct Bystander {
    repo: Repo,
    zoe: github_sim::User,
    rita: github_sim::User,
}

async fn the_base_moves_elsewhere() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_quiet();
    after_the_decision(&world, |people| {
        people.repo.push(&people.zoe, Push::to("main").file("README.md", "# moved\n")).expect("pushed");
    });
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    assert!(world.main_has("staging", 2));
    assert_eq!(world.on_main("README.md").as_deref(), Some("# moved\n"));
    world.end();
}

async fn the_base_moves_in_the_same_file() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_quiet();
    let pushed = std::sync::Arc::new(std::sync::Mutex::new(None));
    let told = pushed.clone();
    after_the_decision(&world, move |people| {
        let push = Push::to("main").file(STAGING, Secrets::sealed("staging", 7));
        *told.lock().expect("no panic") = Some(people.repo.push(&people.zoe, push).expect("pushed"));
    });
    world.approve(&world.ann, pull);
    // what zoe pushed is put back, and what ann approved is merged onto what is approved
    world.until_merged(pull);
    let held = world.pull_of(&format!("countersign/held/{}", pushed.lock().unwrap().clone().unwrap()));
    world.until_comment(held, "`stale-base`");
    assert!(world.main_has("staging", 2));
    world.end();
}

async fn the_head_moves() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_quiet();
    after_the_decision(&world, |people| {
        people
            .repo
            .push(&people.rita, Push::to("rita/db").file(STAGING, Secrets::sealed("staging", 8)))
            .expect("pushed");
    });
    world.approve(&world.ann, pull);
    world.until_uncounted(pull, "ann", "stale-approval");
    world.until_quiet();
    assert!(!world.merged(pull) && world.main_has("staging", 1));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    assert!(world.main_has("staging", 8));
    world.end();
}

async fn other_files_conflict() {
    let world = World::new().await;
    let push =
        Push::to("rita/db").from("main").file(STAGING, Secrets::sealed("staging", 2)).file("README.md", "# rita's\n");
    let pull = world.change_of("rita/db", push);
    world.push(&world.zoe, Push::to("main").file("README.md", "# zoe's\n"));
    world.approve(&world.ann, pull);
    world.until_comment(pull, "**Approved for `staging`** · not merged yet: files outside the protected ones conflict with the base: README.md");
    world.until_quiet();
    assert!(!world.merged(pull) && world.main_has("staging", 1));
    // the base takes rita's side
    world.push(&world.zoe, Push::to("main").file("README.md", "# rita's\n"));
    world.until_merged(pull);
    assert!(world.main_has("staging", 2));
    world.end();
}

#[test]
fn what_moves_between_decision_and_merge_is_decided_again() {
    at_once(&[
        ("the base moves elsewhere", || Box::pin(the_base_moves_elsewhere())),
        ("the base moves in the same file", || Box::pin(the_base_moves_in_the_same_file())),
        ("the head moves", || Box::pin(the_head_moves())),
        ("other files conflict", || Box::pin(other_files_conflict())),
    ]);
}
