//! GitHub's own rules for the branches countersign answers for: watched, told when they get weaker, and named by `doctor`.

use github_sim::{Level, Mark};
use serde_json::{Value, json};

use crate::harness::{POLICY, World, at_once};

/// The rules a governed branch should have.
fn rules(app: u64) -> Value {
    json!([
        {"type": "pull_request", "parameters": {"required_approving_review_count": 0}},
        {"type": "required_status_checks", "parameters": {
            "strict_required_status_checks_policy": false,
            "required_status_checks": [{"context": "countersign", "integration_id": app}],
        }},
        {"type": "deletion"}, {"type": "non_fast_forward"},
    ])
}

fn ruleset(world: &World, branch: &str, rules: &Value) -> u64 {
    let body = json!({
        "name": format!("guard of {branch}"), "target": "branch", "enforcement": "active",
        "bypass_actors": [{"actor_id": world.app.id, "actor_type": "Integration", "bypass_mode": "always"}],
        "conditions": {"ref_name": {"include": [format!("refs/heads/{branch}")], "exclude": []}},
        "rules": rules,
    });
    world.repo.ruleset(body).expect("a ruleset")
}

/// Everything guarded as it should be; the number of the ruleset of `main`.
pub(super) fn guarded(world: &World) -> u64 {
    let closed = json!([{"type": "creation"}, {"type": "update"}, {"type": "deletion"}, {"type": "non_fast_forward"}]);
    ruleset(world, "countersign/**/*", &closed);
    ruleset(world, "main", &rules(world.app.id))
}

/// Waits until the rules were read since then.
#[track_caller]
pub(super) fn until_looked(world: &World, since: Mark) {
    let of_held = |world: &World| {
        let since = world.sim.since(since);
        let looks = since.entries().iter().filter(|entry| entry.operation.as_deref() == Some("repos/get-branch-rules"));
        looks.count() >= 3
    };
    world.until("the guard is looked at", of_held);
}

/// Tells the server that a ruleset was changed.
pub(super) fn tell(world: &World, action: &str) {
    let repository = world.api("/repos/acme/app");
    let body = json!({
        "action": action, "repository": repository, "installation": {"id": world.installation.id},
        "sender": repository["owner"], "repository_ruleset": {"id": 1, "name": "guard of main"},
    });
    world.app.deliver("repository_ruleset", body.to_string().as_bytes());
}

/// What is taken from the guard is told in the log and under the open request, and is no longer said once it is back.
async fn a_rule_that_is_taken_away_is_told_until_it_is_back() {
    let mut world = World::without_server(POLICY).await;
    let rule = guarded(&world);
    let begun = world.sim.mark();
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    until_looked(&world, begun);
    world.until_quiet();
    let pull = world.by_rita("rita/db", "production");
    world.until_comment(pull, "**0 of 2");
    world.until_quiet();
    assert!(!world.comment(pull).contains("guard"), "{}", world.comment(pull));

    world.repo.drop_ruleset(rule).expect("taken away");
    tell(&world, "deleted");
    world.until_comment(pull, "#### The guard of this repository is weaker than it was");
    let said = world.comment(pull);
    for code in ["push-open", "check-not-required", "force-push-open", "deletion-open"] {
        assert!(said.contains(&format!("`main` (`{code}`)")), "{code}: {said}");
    }
    world.until_quiet();
    assert!(world.log().contains("guard.weakened"));
    let told = world.log().matches("guard.weakened").count();
    tell(&world, "edited");
    world.until_quiet();
    assert_eq!(world.log().matches("guard.weakened").count(), told, "told once");

    ruleset(&world, "main", &rules(world.app.id));
    tell(&world, "created");
    world.until("it is no longer said", |world| !world.comment(pull).contains("guard"));
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}

/// No delivery tells it: the sweep finds it. A check that anybody may report is weaker than one that is ours.
async fn the_sweep_finds_what_no_delivery_told() {
    let mut world = World::without_server(POLICY).await;
    let rule = guarded(&world);
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "1s");
    let begun = world.sim.mark();
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    until_looked(&world, begun);
    let pull = world.by_rita("rita/db", "production");
    world.until_comment(pull, "**0 of 2");
    until_looked(&world, world.sim.mark());
    let mut unpinned = rules(world.app.id);
    unpinned[1]["parameters"]["required_status_checks"][0]["integration_id"] = json!(world.app.id + 1);
    ruleset(&world, "main", &unpinned);
    world.repo.drop_ruleset(rule).expect("taken away");
    world.until_comment(pull, "`main` (`check-not-pinned`)");
    assert!(world.comment(pull).contains("from App"), "{}", world.comment(pull));
    assert!(!world.comment(pull).contains("push-open"), "pushes still come by pull request");
    world.no_violations();
}

/// A repository that was never guarded alarms nobody: `doctor` says what is missing.
async fn doctor_names_every_gap_and_the_command_that_closes_it() {
    let world = World::new().await;
    world.until_quiet();
    assert!(!world.log().contains("guard.weakened"), "nothing became weaker");
    let (code, found) = doctor(&world, &["--json"]);
    assert_eq!((code, found["mode"].as_str()), (12, Some("server")), "{found:#}");
    let gaps = codes(&found, "gap");
    for gap in
        ["main push-open", "main check-not-required", "countersign/ledger push-open", "countersign/held/* push-open"]
    {
        assert!(gaps.contains(&gap.to_owned()), "{gap}: {gaps:?}");
    }
    assert!(
        codes(&found, "unknown").contains(&"main classic-unknown".to_owned()),
        "what is hidden is never fine: {found:#}"
    );
    assert!(codes(&found, "hint").iter().any(|line| line.contains("permission-optional")), "{found:#}");
    let run = found["findings"].as_array().unwrap().iter().find_map(|line| line["run"].as_str()).expect("a command");
    assert!(run.starts_with("gh api -X POST repos/acme/app/rulesets"), "{run}");

    // what the commands would do, done
    guarded(&world);
    let (code, found) = doctor(&world, &["--json", "--repo", "acme/app"]);
    let left: Vec<String> = codes(&found, "gap").into_iter().filter(|gap| !gap.contains("webhook")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(
        codes(&found, "unknown").contains(&"main bypass-unknown".to_owned()),
        "who may bypass is hidden: {found:#}"
    );
    assert_eq!(code == 12, !codes(&found, "gap").is_empty());

    world.installation.set_permission("checks", None);
    let (code, found) = doctor(&world, &[]);
    let text = found.as_str().unwrap();
    assert_eq!(code, 12, "{text}");
    assert!(text.contains("permission-missing") && text.contains("`checks: write`"), "{text}");
    world.no_violations();
}

/// Classic protection is shown to an App with `administration: read`, and counts then.
async fn classic_protection_counts_where_the_app_may_see_it() {
    let world = World::new().await;
    let body = json!({
        "required_status_checks": {"strict": false, "checks": [{"context": "countersign", "app_id": world.app.id}]},
        "enforce_admins": true, "required_pull_request_reviews": {"required_approving_review_count": 0},
        "restrictions": null,
    });
    world.repo.protect("main", body).expect("protected");
    let open = |found: &Value| codes(found, "gap").iter().any(|line| line.starts_with("main "));
    assert!(open(&doctor(&world, &["--json"]).1), "not shown, so not believed");
    world.installation.set_permission("administration", Some(Level::Read));
    let (_, found) = doctor(&world, &["--json"]);
    assert!(!open(&found), "{found:#}");
    world.no_violations();
}

/// Without the settings of the server, and without a ledger: said, and nothing asked of anybody.
async fn doctor_in_a_clone_says_what_it_did_not_see() {
    let world = World::without_server(POLICY).await;
    let mut command = world.with_settings("doctor");
    command.env_clear().arg("--json").arg("--offline");
    let output = command.output().expect("it runs");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), found["mode"].as_str()), (Some(12), Some("clone")), "{found:#}");
    assert!(codes(&found, "unknown").iter().any(|line| line.contains("not-looked-at")), "{found:#}");
    assert!(codes(&found, "gap").iter().any(|line| line.contains("policy-missing")), "{found:#}");
}

fn doctor(world: &World, arguments: &[&str]) -> (i32, Value) {
    let output = world.with_settings("doctor").args(arguments).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let found = if arguments.contains(&"--json") {
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}{complaint}"))
    } else {
        Value::String(text)
    };
    (output.status.code().unwrap_or(-1), found)
}

/// `branch code` of every finding of a weight.
fn codes(found: &Value, weight: &str) -> Vec<String> {
    let lines = found["findings"].as_array().expect("findings");
    let of_weight = lines.iter().filter(|line| line["weight"] == weight);
    of_weight
        .map(|line| {
            let about = line["branch"].as_str().or(line["about"].as_str()).unwrap_or_default();
            format!("{about} {}", line["code"].as_str().unwrap_or_default())
        })
        .collect()
}

#[test]
fn the_guard_is_watched() {
    at_once(&[
        ("told", || Box::pin(a_rule_that_is_taken_away_is_told_until_it_is_back())),
        ("sweep", || Box::pin(the_sweep_finds_what_no_delivery_told())),
    ]);
}

#[test]
fn doctor_says_what_is_missing() {
    at_once(&[
        ("gaps", || Box::pin(doctor_names_every_gap_and_the_command_that_closes_it())),
        ("classic", || Box::pin(classic_protection_counts_where_the_app_may_see_it())),
        ("clone", || Box::pin(doctor_in_a_clone_says_what_it_did_not_see())),
    ]);
}
