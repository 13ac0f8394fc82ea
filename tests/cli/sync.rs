//! `sync --plan` on plain clones: what would be delivered, what is withheld, and how it ends.

use crate::verify::{Adopted, adopted_with};

const POLICY: &str = "\
version: 1
environments:
  production:
    paths: [secrets/production/]
    syncs:
      - {name: branch, branch: {ref: env/production}}
      - {name: hook, webhook: {url_from: HOOK_URL, secret_from: HOOK_SECRET}, after: [branch]}
  staging:
    paths: [secrets/staging/]
    syncs:
      - {name: flow, dispatch: {workflow: deploy.yml}}
policies:
  - {name: all, environments: \"*\", approvers: {users: [ann, bob, cy]}}
admins: {approvers: {users: [ann, bob, cy]}}
";

fn world() -> Adopted {
    adopted_with(POLICY)
}

#[test]
fn a_plan_says_per_target_what_would_be_delivered() {
    let world = world();
    let pin = world.fingerprint();
    let short = &world.commit[..7];
    let text = world.bench.run(&["sync", "--plan", "--trust", &pin]).fine();
    assert_eq!(
        text,
        format!(
            "production\n\
             \x20 + branch  branch    L-1 at {short}  would be delivered\n\
             \x20 · hook    webhook   L-1 at {short}  waits for `branch`\n\
             staging\n\
             \x20 + flow    dispatch  L-1 at {short}  would be delivered\n"
        )
    );
    let json = world.bench.run(&["sync", "--plan", "--json", "--trust", &pin, "-e", "staging"]).json();
    assert_eq!((json["version"].as_i64(), json["targets"].as_array().map(Vec::len)), (Some(1), Some(1)));
    let flow = &json["targets"][0];
    assert_eq!(
        (flow["name"].as_str(), flow["kind"].as_str(), flow["step"].as_str()),
        (Some("flow"), Some("dispatch"), Some("deliver"))
    );
    assert_eq!((flow["generation"].as_i64(), flow["decision"].as_str()), (Some(1), Some("L-1")));
    assert_eq!(flow["commit"], world.commit.as_str());
    assert!(flow["changes"].is_array() && flow["refused"].is_array() && flow["reason"].is_null(), "{flow}");
    let one = world.bench.run(&["sync", "--plan", "--trust", &pin, "--target", "hook"]).fine();
    assert_eq!(one.lines().count(), 2, "{one}");
}

#[test]
fn what_is_not_approved_is_withheld() {
    let mut world = world();
    let pin = world.fingerprint();
    world.at_origin(|world| {
        world.bench.write("secrets/production/a.yaml", "a: 2\n");
        world.bench.git(&["commit", "-qam", "pushed past everybody"]);
    });
    let ran = world.bench.run(&["sync", "--plan", "--trust", &pin]);
    assert_eq!(ran.code, 14, "{}{}", ran.out, ran.err);
    for words in [
        "✗ branch  branch    withheld: uncovered: the tip of the branch is not what was approved: `secrets/production/a.yaml` differs",
        "✗ hook    webhook   withheld: uncovered",
        "+ flow    dispatch  L-1 at ",
        "help: see which paths differ with `countersign verify`",
    ] {
        assert!(ran.out.contains(words), "{words}\n{}", ran.out);
    }
    let json = world.bench.run(&["sync", "--plan", "--json", "--trust", &pin, "-e", "production"]).json();
    assert_eq!((json["targets"][0]["step"].as_str(), json["targets"][0]["commit"].as_str()), (Some("withhold"), None));
    assert_eq!(json["targets"][0]["reason"]["code"], "uncovered");
    // offline it judges by what was fetched last
    let offline = world.bench.run(&["sync", "--plan", "--offline", "--trust", &pin]);
    assert_eq!(offline.code, 14, "{}", offline.out);
}

#[test]
fn without_a_pin_nothing_is_proven() {
    let world = world();
    let ran = world.bench.run(&["sync", "--plan"]);
    assert_eq!(ran.code, 14, "{}", ran.err);
    assert!(ran.out.contains("✗ not verified: trust is not pinned"), "{}", ran.out);
    assert!(ran.out.contains(&format!("countersign sync --plan --trust {}", world.fingerprint())), "{}", ran.out);
    let json = world.bench.run(&["sync", "--plan", "--json"]).json();
    assert_eq!(json["verified"], false);
}

#[test]
fn a_policy_without_targets_delivers_nowhere() {
    let world = crate::verify::adopted();
    let text = world.bench.run(&["sync", "--plan", "--trust", &world.fingerprint()]).fine();
    assert_eq!(text, "nothing is delivered anywhere: the policy in force has no `syncs`\n");
}

#[test]
fn wrong_questions_are_refused() {
    let world = world();
    let pin = world.fingerprint();
    let told = world.bench.run(&["sync", "--plan", "--trust", &pin, "--target", "hok"]).ends(2);
    assert!(told.contains("has no target `hok`") && told.contains("`production/hook`"), "{told}");
    let told = world.bench.run(&["sync", "--plan", "--trust", &pin, "-e", "prod"]).ends(2);
    assert!(told.contains("has no target in the environment `prod`"), "{told}");
    world.bench.git(&["remote", "set-url", "origin", "https://github.example/acme/app.git"]);
    let told = world.bench.run(&["sync", "--plan", "--repo", "acme/web"]).ends(2);
    assert!(told.contains("this clone comes from acme/app, not from acme/web"), "{told}");
}
