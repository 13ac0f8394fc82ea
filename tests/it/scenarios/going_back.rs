//! Old values: brought back by a pull request, and revoked so that they never come back.

use countersign_core::ledger::{Entry, SigningKey};
use github_sim::{Push, Role};

use crate::harness::{Said, Secrets, Tree, World, at_once, by_hand as run};

const FILE: &str = "secrets/production/db.yaml";

const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - {name: all, environments: \"*\", approvers: {users: [ann]}}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";

fn trust(world: &World) -> String {
    let pem = std::fs::read_to_string(world.path("signing.pem")).expect("a key");
    SigningKey::from_pem(&pem).expect("a key").fingerprint().to_string()
}

/// A world in which the second version of a password was approved; the entries of that and of a change of staging.
async fn changed() -> (World, String, String) {
    let world = World::with(POLICY).await;
    let mut entries = Vec::new();
    for environment in ["production", "staging"] {
        let pull = world.change(&world.rita, &format!("rita/{environment}"), environment);
        world.approve(&world.ann, pull);
        world.until_merged(pull);
        world.until("the merge is recorded", |world| {
            let ledger = world.ledger();
            let merge = ledger.entries().iter().find_map(|entry| {
                let Entry::Merge(merge) = &entry.entry else { return None };
                (merge.pull.get() == pull).then(|| entry.sequence.label())
            });
            entries.extend(merge.clone());
            merge.is_some()
        });
    }
    world.until_quiet();
    let staging = entries.pop().expect("an entry");
    let production = entries.pop().expect("an entry");
    (world, production, staging)
}

async fn a_rollback_is_asked_for() {
    let (world, merged, staging) = changed().await;
    let (tree, pin) = (Tree::clone(&world, &world.rita), trust(&world));
    let token = world.rita.token.as_str();
    let back = |to: &str, more: &[&str]| {
        let arguments = [&["--json", "rollback", "-e", "production", "--to", to], more].concat();
        run(&world, &tree, Some(token), &arguments)
    };
    // nothing of this is a place to go back to
    back("L-999", &["--trust", &pin]).ends(2, "is not in the ledger");
    back("L-2", &["--trust", &pin]).ends(2, "merged nothing");
    back(&staging, &["--trust", &pin]).ends(2, "changed nothing in `production`");
    back("L-1", &[]).ends(14, "--trust");
    let stranger = SigningKey::from_randomness(&[5; 32]).fingerprint().to_string();
    back("L-1", &["--trust", &stranger]).ends(14, "not valid");
    back(&merged, &["--trust", &pin]).ends(200, "every value is what it was");
    // who may not ask, or has nobody to ask
    run(&world, &tree, None, &["rollback", "-e", "production", "--to", "L-1", "--trust", &pin]).ends(2, "GH_TOKEN");
    run(&world, &tree, Some("ghp_nobody"), &["rollback", "-e", "production", "--to", "L-1"])
        .ends(1, "refuses the token");
    world.repo.role(&world.cy, Some(Role::Read));
    let reader = world.sim.user("reader");
    world.repo.role(&reader, Some(Role::Read));
    run(&world, &tree, Some(&reader.token), &["rollback", "-e", "production", "--to", "L-1"]).ends(11, "may not push");
    back("L-1", &["--trust", &pin, "--branch", "countersign/x"]).ends(2, "server's own");
    back("L-1", &["--trust", &pin, "--base", "nowhere"]).ends(2, "has no branch `nowhere`");
    back("L-1", &["--trust", &pin, "--remote", "nowhere"]).ends(2, "no remote `nowhere`");
    // a tree in any state, on no branch
    tree.git(&["checkout", "--quiet", "--detach", "HEAD"]);
    tree.write(FILE, "half: done\n");
    tree.write("notes.txt", "mine\n");
    let before = (tree.git(&["status", "--porcelain"]), tree.git(&["rev-parse", "HEAD"]), tree.git(&["branch"]));
    let said = back("L-1", &["--trust", &pin]).ends(0, "pull_request");
    let asked = said.json()["pull_request"].clone();
    assert_eq!(before, (tree.git(&["status", "--porcelain"]), tree.git(&["rev-parse", "HEAD"]), tree.git(&["branch"])));
    let number = asked["number"].as_u64().expect("a number");
    assert_eq!(asked["branch"], "rollback/production-L-1");
    let pull = world.repo.pull_json(number);
    assert_eq!(
        (pull["title"].as_str(), pull["user"]["login"].as_str()),
        (Some("Roll production back to L-1"), Some("rita"))
    );
    assert!(pull["body"].as_str().is_some_and(|body| body.contains(FILE)), "{}", pull["body"]);
    // the same again is not asked for twice
    back("L-1", &["--trust", &pin]).ends(11, &format!("pull request #{number} asks for it"));
    back("L-1", &["--trust", &pin, "--branch", "rita/staging"]).ends(11, "there already, with other content");
    world.until_check(number, "action_required");
    world.approve(&world.ann, number);
    world.until_merged(number);
    let text = world.on_main(FILE).expect("the file");
    assert!(Secrets::opened(&text).contains("-1\n") && text != Secrets::sealed("production", 1), "sealed anew");
    world.end();
}

async fn a_promotion_is_asked_for_with_the_token_alone() {
    let (world, _, _) = changed().await;
    let tree = Tree::clone(&world, &world.rita);
    let token = world.rita.token.as_str();
    // git of this clone knows no password
    tree.git(&["remote", "set-url", "origin", &format!("{}/acme/app.git", world.sim.url())]);
    let promote = |more: &[&str]| {
        let arguments = [&["promote", "--offline", "--from", "staging", "--to", "production", "host"], more].concat();
        run(&world, &tree, Some(token), &arguments)
    };
    promote(&[]).ends(0, "pull request #");
    let number = world.pull_of("promote/staging-to-production");
    let pull = world.repo.pull_json(number);
    assert_eq!(pull["title"], "Promote 1 key from staging to production");
    assert_eq!(tree.git(&["status", "--porcelain"]), "");
    // a fork of one's own is not the protected repository
    let fork = world.repo.fork(&world.rita).expect("forked");
    tree.git(&["remote", "add", "fork", &fork.clone_url(&world.rita)]);
    tree.git(&["remote", "rename", "origin", "upstream"]);
    tree.git(&["remote", "rename", "fork", "origin"]);
    promote(&["--branch", "again"]).ends(2, "is a fork");
    tree.git(&["remote", "remove", "origin"]);
    promote(&["--remote", "upstream", "--branch", "again"]).ends(0, "pull request #");
    world.end();
}

async fn a_revoked_value_never_comes_back() {
    let (world, _, _) = changed().await;
    let (tree, pin) = (Tree::clone(&world, &world.rita), trust(&world));
    let token = world.rita.token.as_str();
    let adopted = world.ledger().entries().iter().find_map(|entry| {
        let Entry::Adopted(adopted) = &entry.entry else { return None };
        Some(adopted.commit.to_string())
    });
    let adopted = adopted.expect("an adoption");
    let revoke = |arguments: &[&str]| -> Said {
        let run =
            world.with_settings("revoke-value").args(["--repo", "acme/app", "--at", &adopted]).args(arguments).output();
        run.expect("it runs").into()
    };
    revoke(&[FILE, "db.nothing"]).ends(1, "has no sealed value `db.nothing`");
    revoke(&["README.md", "db.password"]).ends(1, "is no sealed document");
    let length = world.ledger().entries().len();
    let said = revoke(&[FILE, "db.password"]).ends(0, "db.password of secrets/production/db.yaml");
    assert!(!said.err.contains("still stands"), "it was replaced before: {}", said.err);
    revoke(&[FILE, "db.password"]).ends(0, "as before");
    let ledger = world.ledger();
    assert!(ledger.is_valid() && ledger.entries().len() == length + 1, "written once");
    assert!(matches!(&ledger.entries()[length].entry, Entry::Revocation(entry) if entry.key == "db.password"));
    // not by the command line
    run(&world, &tree, Some(token), &["rollback", "-e", "production", "--to", "L-1", "--trust", &pin])
        .ends(11, "`db.password` of secrets/production/db.yaml");
    run(&world, &tree, None, &["ledger", "show", "--trust", &pin]).ends(0, "revocation");
    run(&world, &tree, None, &["verify", "--trust", &pin]).ends(0, "verified");
    // and not by hand
    let old = Push::to("rita/old").from("main").file(FILE, Secrets::sealed("production", 1));
    let pull = world.change_of("rita/old", old);
    world.approve(&world.ann, pull);
    world.until_comment(pull, "revoked-value");
    world.until_check(pull, "failure");
    assert!(!world.merged(pull));
    // the values beside it may come and go
    let text = world.on_main(FILE).expect("the file");
    let other = world.change_of(
        "rita/new",
        Push::to("rita/new").from("main").file(FILE, Secrets::changed(&text, "db.password", "third")),
    );
    world.approve(&world.ann, other);
    world.until_merged(other);
    // one that stands is revoked with a warning
    let now = world.repo.tip("main").expect("a tip");
    let run = world.with_settings("revoke-value").args(["--repo", "acme/app", "--at", &now, FILE, "db"]).output();
    let said = Said::from(run.expect("it runs")).ends(0, "still stands");
    assert_eq!(said.out.lines().count(), 2, "each value below the key: {}", said.out);
    world.end();
}

#[test]
fn old_values_come_back_by_a_pull_request_unless_they_were_revoked() {
    at_once(&[
        ("a rollback", || Box::pin(a_rollback_is_asked_for())),
        ("a promotion", || Box::pin(a_promotion_is_asked_for_with_the_token_alone())),
        ("a revoked value", || Box::pin(a_revoked_value_never_comes_back())),
    ]);
}
