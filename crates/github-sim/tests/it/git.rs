//! Git over HTTP.

use github_sim::{Push, Role};
use serde_json::json;

use crate::world::{World, run_git};

/// A clone of acme/app as alice with one commit on `topic` that is not pushed.
async fn clone_with_commit(world: &World) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let url = world.repo.clone_url(&world.alice);
    let (ok, text) = run_git(dir.path(), &["clone", "-q", &url, "."]).await;
    assert!(ok, "{text}");
    run_git(dir.path(), &["checkout", "-q", "-b", "topic"]).await;
    std::fs::write(dir.path().join("a.txt"), "one\n").unwrap();
    run_git(dir.path(), &["add", "."]).await;
    let (ok, text) = run_git(dir.path(), &["commit", "-q", "-m", "One"]).await;
    assert!(ok, "{text}");
    dir
}

#[tokio::test]
async fn a_person_clones_and_pushes_and_the_push_is_told() {
    let world = World::new().await;
    let dir = clone_with_commit(&world).await;
    let (ok, text) = run_git(dir.path(), &["push", "-q", "origin", "topic"]).await;
    assert!(ok, "{text}");
    world.sim.settle().await;
    assert_eq!(world.events(), ["create", "push"]);
    let received = world.received.lock().unwrap();
    let push: serde_json::Value = serde_json::from_slice(&received[1].1).unwrap();
    assert_eq!(push["ref"], "refs/heads/topic");
    assert_eq!(push["before"], "0".repeat(40));
    assert_eq!(push["after"], world.repo.tip("topic").unwrap());
    assert_eq!(push["sender"]["login"], "alice");
    assert_eq!(push["commits"][0]["added"], json!(["a.txt"]));
    assert_eq!(push["created"], true);
}

#[tokio::test]
async fn a_push_moves_the_pull_request_and_its_reference() {
    let world = World::new().await;
    let dir = clone_with_commit(&world).await;
    run_git(dir.path(), &["push", "-q", "origin", "topic"]).await;
    let pull = world.repo.open_pull(&world.alice, "A file", "topic", "main").unwrap();
    world.sim.settle().await;
    world.received.lock().unwrap().clear();
    run_git(dir.path(), &["commit", "-q", "--allow-empty", "--amend", "-m", "Two"]).await;
    let (ok, _) = run_git(dir.path(), &["push", "-q", "origin", "topic"]).await;
    assert!(!ok, "not a fast forward");
    let (ok, text) = run_git(dir.path(), &["push", "-q", "-f", "origin", "topic"]).await;
    assert!(ok, "{text}");
    world.sim.settle().await;
    assert_eq!(world.events(), ["push", "pull_request.synchronize"]);
    let head = world.repo.tip("topic").unwrap();
    assert_eq!(world.repo.pull_json(pull)["head"]["sha"], head);
    let name = format!("refs/pull/{pull}/head");
    let (_, listed) = run_git(dir.path(), &["ls-remote", "origin", &name]).await;
    assert!(listed.starts_with(&head), "{listed}");
    let received = world.received.lock().unwrap();
    let push: serde_json::Value = serde_json::from_slice(&received[0].1).unwrap();
    assert_eq!(push["forced"], true);
}

#[tokio::test]
async fn deleting_a_branch_closes_its_pull_request_and_pushing_the_head_to_the_base_merges_it() {
    let world = World::new().await;
    let dir = clone_with_commit(&world).await;
    run_git(dir.path(), &["push", "-q", "origin", "topic", "topic:other"]).await;
    let first = world.repo.open_pull(&world.alice, "One", "topic", "main").unwrap();
    let second = world.repo.open_pull(&world.alice, "Two", "other", "main").unwrap();
    run_git(dir.path(), &["push", "-q", "origin", ":other"]).await;
    assert_eq!(world.repo.pull_json(second)["state"], "closed");
    assert_eq!(world.repo.pull_json(second)["merged"], false);
    let (ok, text) = run_git(dir.path(), &["push", "-q", "origin", "topic:main"]).await;
    assert!(ok, "{text}");
    let merged = world.repo.pull_json(first);
    assert_eq!(merged["merged"], true);
    assert_eq!(merged["merged_by"]["login"], "alice");
}

#[tokio::test]
async fn tokens_are_checked_and_roles_hold() {
    let world = World::new().await;
    let carol = world.sim.user("carol");
    let dir = tempfile::tempdir().unwrap();
    let anonymous = world.repo.git_url();
    let (ok, text) = run_git(dir.path(), &["ls-remote", &anonymous]).await;
    assert!(!ok, "a private repository needs a login: {text}");
    let url = world.repo.clone_url(&carol);
    let (ok, text) = run_git(dir.path(), &["ls-remote", &url]).await;
    assert!(!ok && text.contains("not found"), "{text}");
    world.repo.role(&carol, Some(Role::Read));
    let (ok, text) = run_git(dir.path(), &["clone", "-q", &url, "."]).await;
    assert!(ok, "{text}");
    let (ok, text) = run_git(dir.path(), &["push", "-q", "origin", "main:x"]).await;
    assert!(!ok && text.contains("403"), "{text}");
    let token = world.installation.token().unwrap();
    let url = anonymous.replace("http://", &format!("http://x-access-token:{token}@"));
    let (ok, text) = run_git(dir.path(), &["push", "-q", &url, "main:from-app"]).await;
    assert!(ok, "{text}");
    world.installation.set_permission("contents", Some(github_sim::Level::Read));
    let (ok, text) = run_git(dir.path(), &["push", "-q", &url, "main:again"]).await;
    assert!(!ok && text.contains("403"), "{text}");
}

#[tokio::test]
async fn an_update_rule_refuses_everybody_but_the_bypassing_app() {
    let world = World::new().await;
    let rule = json!({
        "name": "only the gate", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [{"type": "update"}, {"type": "non_fast_forward"}],
        "bypass_actors": [
            {"actor_id": world.app.id, "actor_type": "Integration", "bypass_mode": "always"},
        ],
    });
    world.repo.ruleset(rule).unwrap();
    let before = world.repo.tip("main").unwrap();
    let dir = clone_with_commit(&world).await;
    let (ok, text) = run_git(dir.path(), &["push", "origin", "topic:main"]).await;
    assert!(!ok);
    assert!(text.contains("GH013: Repository rule violations found for refs/heads/main"), "{text}");
    assert!(text.contains("Cannot update this protected ref."), "{text}");
    assert!(text.contains("push declined due to repository rule violations"), "{text}");
    assert_eq!(world.repo.tip("main").unwrap(), before);
    let token = world.installation.token().unwrap();
    let url = world.repo.git_url().replace("http://", &format!("http://x-access-token:{token}@"));
    let (ok, text) = run_git(dir.path(), &["push", &url, "topic:main"]).await;
    assert!(ok, "{text}");
    let refused = world.repo.push(&world.alice, Push::to("main").file("b", "b")).unwrap_err();
    assert_eq!(refused.status(), 422);
}

#[tokio::test]
async fn a_forced_push_is_refused_where_only_fast_forwards_may_land() {
    let world = World::new().await;
    let rule = json!({
        "name": "history stays", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["refs/heads/top*"], "exclude": []}},
        "rules": [{"type": "non_fast_forward"}, {"type": "deletion"}],
    });
    world.repo.ruleset(rule).unwrap();
    let dir = clone_with_commit(&world).await;
    let (ok, text) = run_git(dir.path(), &["push", "-q", "origin", "topic"]).await;
    assert!(ok, "{text}");
    run_git(dir.path(), &["commit", "-q", "--amend", "-m", "Two"]).await;
    let (ok, text) = run_git(dir.path(), &["push", "-f", "origin", "topic"]).await;
    assert!(!ok && text.contains("Cannot force-push to this branch"), "{text}");
    let (ok, text) = run_git(dir.path(), &["push", "origin", ":topic"]).await;
    assert!(!ok && text.contains("Cannot delete this protected ref"), "{text}");
}

#[tokio::test]
async fn a_renamed_repository_is_found_under_its_old_name() {
    let world = World::new().await;
    let old = world.repo.clone_url(&world.alice);
    let boss = world.sim.user("boss");
    world.acme.member(&boss, true);
    world.repo.rename(&boss, "product").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (ok, text) = run_git(dir.path(), &["ls-remote", &old]).await;
    assert!(ok && text.contains("refs/heads/main"), "{text}");
    let client = world.as_user(&world.alice);
    let answer = client.get("/repos/acme/app/pulls?state=all").await;
    assert_eq!(answer.status, 301);
    let place = answer.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(client.get(&place).await.status, 200);
}

#[tokio::test]
async fn pushes_at_the_same_time_are_all_told_and_only_one_wins_a_branch() {
    let world = World::new().await;
    let mut clones = Vec::new();
    for n in 0..4 {
        let dir = clone_with_commit(&world).await;
        std::fs::write(dir.path().join("n.txt"), format!("{n}\n")).unwrap();
        run_git(dir.path(), &["add", "."]).await;
        run_git(dir.path(), &["commit", "-q", "-m", "Mine"]).await;
        clones.push(dir);
    }
    let mut pushes = Vec::new();
    for (n, dir) in clones.iter().enumerate() {
        let path = dir.path().to_owned();
        pushes.push(tokio::spawn(async move {
            let own = run_git(&path, &["push", "-q", "origin", &format!("topic:own-{n}")]).await;
            (own, run_git(&path, &["push", "-q", "origin", "topic:shared"]).await)
        }));
    }
    let mut won = 0;
    for push in pushes {
        let ((own, text), (shared, _)) = push.await.unwrap();
        assert!(own, "{text}");
        won += usize::from(shared);
    }
    assert_eq!(won, 1);
    world.sim.settle().await;
    let pushes = world.events().iter().filter(|event| *event == "push").count();
    assert_eq!(pushes, 5);
}

#[tokio::test]
async fn old_and_new_protocols_fetch_a_commit_by_its_id() {
    let world = World::new().await;
    let old = world.repo.tip("main").unwrap();
    world.repo.push(&world.alice, Push::to("main").file("b", "b")).unwrap();
    world.repo.move_branch(&world.alice, "kept", "main").unwrap();
    let url = world.repo.clone_url(&world.alice);
    for version in ["0", "1", "2"] {
        let dir = tempfile::tempdir().unwrap();
        run_git(dir.path(), &["init", "-q", "--bare"]).await;
        let protocol = format!("protocol.version={version}");
        let (ok, text) = run_git(dir.path(), &["-c", &protocol, "fetch", "-q", "--depth=1", &url, &old]).await;
        assert!(ok, "version {version}: {text}");
    }
}
